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

const folderOf = (folder: string): string => {
  mkdirSync(path.join(pages, folder), { recursive: true })
  return path.join(pages, folder)
}

const write = (page: string, text: string) =>
  writeFileSync(path.join(folderOf(path.dirname(page)), path.basename(page)), text)

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

interface Action {
  readonly text: string
  readonly link: string
}

// The README is the front page. Its title, its first paragraph, the commands to install and the picture are at the head; the
// items of its list are cards.
const frontPage = (
  text: string,
  { more, places, start }: { readonly start: Action; readonly more: Action; readonly places: readonly [string, string] }
): string => {
  const [, title = ""] = /^# (.*)$/m.exec(text) ?? []
  const picture = /^!\[([^\]]*)\]\([^)]*run\.svg\)\n+/m
  const [, alt = ""] = picture.exec(text) ?? []
  copyFileSync(path.join(root, "docs", "run.svg"), path.join(folderOf("public"), "run.svg"))
  const [, build, install] = /`(npm run tarballs)`[^]*?`(npm install [^`]+)`/.exec(text) ?? []
  if (build === undefined || install === undefined) throw new Error("The README does not say how to install")
  const body = text.replace(/^# .*\n+\[English\].*\n+/, "").replace(picture, "")
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
    features: cards,
    install: [`# ${places[0]}`, build, `# ${places[1]}`, install].join("\n"),
    picture: { src: "/run.svg", alt }
  }
  // JSON is YAML too.
  return `---\n${JSON.stringify(head, null, 2)}\n---\n\n${body.slice(body.indexOf("\n\n")).replace(/^- \*\*[\s\S]*?(?=\n\n)/m, "")}`
}

const frontPages: { readonly [document: string]: (text: string) => string } = {
  "README.md": (text) =>
    frontPage(text, {
      start: { text: "Quickstart", link: "/quickstart" },
      more: { text: "Documentation", link: "/documentation" },
      places: ["in a clone", "in your project"]
    }),
  "README.zh-CN.md": (text) =>
    frontPage(text, {
      start: { text: "快速开始", link: "/zh/quickstart" },
      more: { text: "文档", link: "/zh/documentation" },
      places: ["在克隆的仓库里", "在你的项目里"]
    })
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
