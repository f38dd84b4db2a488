/**
 * The documents as pages of the site.
 *
 * The documents stay where a reader of the repository looks for them, and their links are relative to the repository. A page
 * gets the text unchanged, except for its links: they lead to the page of the document or, for other files, to a page that shows
 * the file.
 */
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import { examples, type Module, modules, packageNames, pageOfDocument, pages, read, root } from "./contents.ts"
import { writeReference } from "./reference.ts"

const write = (page: string, text: string) => {
  const file = path.join(pages, page)
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(file, text)
}

// Writes a page that shows a file which is not a document. Returns the page.
const showFile = (file: string): string => {
  // A dot would be taken for a file extension.
  const page = `source/${file.replaceAll(".", "-")}.md`
  if (existsSync(path.join(pages, page))) return page
  const language = { ".ts": "ts", ".json": "json", ".yaml": "yaml", ".toml": "toml" }[path.extname(file)] ?? "text"
  write(page, `# ${path.basename(file)}\n\n\`\`\`\`${language}\n${read(file).trimEnd()}\n\`\`\`\`\n`)
  return page
}

const copyImage = (file: string): string => {
  const copy = path.join(pages, "images", file)
  mkdirSync(path.dirname(copy), { recursive: true })
  copyFileSync(path.join(root, file), copy)
  return path.relative(pages, copy)
}

// `npm run docs:check` ensures that every relative link has a target.
const targetOf = (file: string, image: boolean): string =>
  pageOfDocument.get(file) ?? (image ? copyImage(file) : showFile(file))

// Copies complete HTML pages next to the pages of the site. The link bypasses the site's router.
const withLinksToFiles = (text: string, document: string): string =>
  text.replace(/(\[[^\]]*\]\()([^)\s#:]+\.html)\)/g, (_, before: string, link: string) => {
    const file = path.join(path.dirname(document), link)
    const copy = path.join(pages, "public", path.basename(file))
    mkdirSync(path.dirname(copy), { recursive: true })
    copyFileSync(path.join(root, file), copy)
    return `${before}/${path.basename(file)}){target="_self"}`
  })

const withLinksOfTheSite = (given: string, document: string, page: string): string =>
  withLinksToFiles(given, document).replace(
    /(!?)(\[[^\]]*\]\()([^)\s#]+)/g,
    (whole: string, bang: string, before: string, link: string) => {
      if (/^(?:\w+:|\/)/.test(link)) return whole
      const target = targetOf(path.join(path.dirname(document), link), bang !== "")
      const relative = path.relative(path.dirname(page), target)
      return `${bang}${before}${relative.startsWith(".") ? relative : `./${relative}`}`
    }
  )

// A block of code is no place for links: what looks like one there is left alone.
const outsideOfCode = (text: string, change: (text: string) => string): string =>
  text
    .split(/(^```[\s\S]*?^```$)/m)
    .map((piece, index) => (index % 2 === 1 ? piece : change(piece)))
    .join("")

// The README is the front page: its title and first paragraph are at the head, the items of its list are cards.
const frontPage = (
  text: string,
  start: { readonly text: string; readonly link: string },
  more: typeof start
): string => {
  const [, title = ""] = /^# (.*)$/m.exec(text) ?? []
  const body = text.replace(/^# .*\n+\[English\].*\n+/, "")
  const tagline = body.slice(0, body.indexOf("\n\n")).replaceAll(/\s+/g, " ").replaceAll("`", "")
  const cards = Array.from(
    body.matchAll(/^- \*\*(.+?)[.。]\*\* ([\s\S]*?)(?=\n- |\n\n)/gm),
    ([, title = "", details = ""]) => ({
      title,
      // Links have no place in a card.
      details: details
        .replaceAll(/\s+/g, " ")
        .replaceAll(/\[([^\]]+)\]\([^)]*\)/g, "$1")
        .replaceAll("`", "")
    })
  )
  const head = {
    layout: "home",
    hero: {
      name: title,
      tagline,
      actions: [
        { theme: "brand", ...start },
        { theme: "alt", ...more }
      ]
    },
    features: cards
  }
  // JSON is YAML too.
  return `---\n${JSON.stringify(head, null, 2)}\n---\n\n${body.slice(body.indexOf("\n\n")).replace(/^- \*\*[\s\S]*?(?=\n\n)/m, "")}`
}

const frontPages: { readonly [document: string]: (text: string) => string } = {
  "README.md": (text) =>
    frontPage(text, { text: "Quickstart", link: "/quickstart" }, { text: "Documentation", link: "/documentation" }),
  "README.zh-CN.md": (text) =>
    frontPage(text, { text: "快速开始", link: "/zh/quickstart" }, { text: "文档", link: "/zh/documentation" })
}

const writeDocuments = () => {
  for (const [document, page] of pageOfDocument) {
    const text = outsideOfCode(read(document), (text) => withLinksOfTheSite(text, document, page))
    write(page, frontPages[document]?.(text) ?? text)
  }
}

// What the first comment of a module says.
const purposeOf = ({ file }: Module): string =>
  (/^\/\*\*\n([\s\S]*?) \*\//.exec(read(file))?.[1] ?? "")
    .replace(/^ \* ?/gm, "")
    .replace(/^@.*\n?/gm, "")
    .replace(/\{@link ([\w.]+)\}/g, "`$1`")
    .trim()

// The text at the head of a module's page. What the command consists of is not for importing.
const describe = (module: Module): string => {
  const { name } = module
  if (name.startsWith("cli/")) return purposeOf(module)
  return `${purposeOf(module)}\n\n\`\`\`ts\nimport * as ${path.basename(name)} from "@effect-codex/${name}"\n\`\`\``
}

const writeModules = () => {
  const sections = packageNames.map((name) => {
    const rows = modules
      .filter((module) => module.name.startsWith(`${name}/`))
      .map((module) => {
        const [sentence = ""] = purposeOf(module)
          .replace(/\s+/g, " ")
          .split(/(?<=[.:]) (?=[A-Z*])/)
        return `| [${module.name.slice(name.length + 1)}](./${module.name}.md) | ${sentence.replaceAll("|", "\\|")} |`
      })
    return `## @effect-codex/${name}\n\n| module | |\n|---|---|\n${rows.join("\n")}\n`
  })
  const about =
    "Every public module, out of its docstrings. The types of the protocol are not listed: they are generated from the " +
    "binary, and [API](../api.md) has its methods."
  write("reference/index.md", `---\npageClass: reference\n---\n\n# API reference\n\n${about}\n\n${sections.join("\n")}`)
}

/** Writes every page of the site. Takes some seconds: the reference needs the types of everything. */
export const writePages = async (): Promise<void> => {
  writeDocuments()
  for (const { file } of examples) showFile(file)
  await writeReference(path.join(pages, "reference"), describe)
  writeModules()
}
