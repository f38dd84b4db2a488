/**
 * The search of the site, and the questions that it has to answer: asked of the built index, as the browser does.
 */
import { globSync } from "node:fs"
import * as path from "node:path"
import { pathToFileURL } from "node:url"
import MiniSearch from "minisearch"

/** How pages are indexed and found. The functions run in the browser too, by their text: they can use nothing outside of them. */
export const miniSearch = {
  // The guides come before the pages about the project and its parts; the reference, the sources and the index of the
  // documents come last.
  searchOptions: {
    boostDocument: (id: string) => {
      if (/\/(?:reference|source)\/|\/documentation\./.test(id)) return 0.3
      const others =
        "mechanism|protocol|connection|cli|configuration|api|limits|faq|reliability|benchmarks|compatibility|migration|decisions|contributing"
      return new RegExp(`/(?:${others})\\.`).test(id) ? 0.5 : 1
    }
  },
  options: {
    // Chinese has no spaces, so it is looked for by pairs of characters; a name such as `LlmJudgePolicy` is found by each of
    // its words.
    tokenize: (text: string) =>
      text.split(/[\s\p{P}\p{S}]+/u).flatMap((word) =>
        (word.match(/\p{Script=Han}+|[^\p{Script=Han}]+/gu) ?? []).flatMap((run) => {
          if (!/\p{Script=Han}/u.test(run)) {
            const words = run.split(/(?<=[\p{Ll}\d])(?=\p{Lu})/u)
            return words.length === 1 ? words : [run, ...words]
          }
          return run.length < 3 ? [run] : Array.from({ length: run.length - 1 }, (_, at) => run.slice(at, at + 2))
        })
      )
  }
}

/** The page that has to be found first, by language and question. */
const expected: ReadonlyArray<readonly [language: "root" | "zh", question: string, page: string]> = [
  ["root", "interrupt a turn", "/turns"],
  ["root", "approve command", "/policy"],
  ["root", "cost", "/guards"],
  ["zh", "中断 turn", "/zh/turns"],
  ["zh", "批准命令", "/zh/policy"],
  ["zh", "费用", "/zh/guards"]
]

/** The index of a language, as the search box of VitePress loads it: with its weights, and the options of the site. */
const loadIndex = async (site: string, language: string): Promise<MiniSearch> => {
  const [file] = globSync(`assets/chunks/@localSearchIndex${language}.*.js`, { cwd: site })
  if (file === undefined) throw new Error(`no index for ${language} in ${site}`)
  const { default: json } = (await import(pathToFileURL(path.join(site, file)).href)) as { readonly default: string }
  return MiniSearch.loadJSON(json, {
    fields: ["title", "titles", "text"],
    storeFields: ["title", "titles"],
    searchOptions: { fuzzy: 0.2, prefix: true, boost: { title: 4, text: 2, titles: 1 }, ...miniSearch.searchOptions },
    ...miniSearch.options
  })
}

/** The sections that are found first, best first. `base` is the path that the site is under. */
export const search = async (site: string, base: string, language: "root" | "zh", question: string) => {
  const index = await loadIndex(site, language)
  return index.search(question).map(({ id }) => `/${String(id).slice(base.length)}`)
}

/** Questions whose first answer is on another page than it should be, a line each. */
export const wrongAnswers = async (site: string, base: string): Promise<ReadonlyArray<string>> => {
  const wrong: Array<string> = []
  for (const [language, question, page] of expected) {
    const found = await search(site, base, language, question)
    if (found[0]?.replace(/(?:\.html)?(?:#.*)?$/, "") !== page) {
      wrong.push(
        `searching for "${question}" finds ${found.slice(0, 5).join(", ") || "nothing"}, and not ${page} first`
      )
    }
  }
  return wrong
}
