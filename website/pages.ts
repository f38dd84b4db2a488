/**
 * The documents as pages of the site.
 *
 * The documents lie where a reader of the repository looks for them, and their links are those of the repository. A page
 * gets the text as it is, and the same links as links of the site: to a page where there is one, else to a page with the
 * file that the document speaks of.
 */
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import { examples, type Module, pageOfDocument, pages, read, root } from "./contents.ts"
import { writeReference } from "./reference.ts"

const write = (page: string, text: string) => {
  const file = path.join(pages, page)
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(file, text)
}

// A file that is no document, as a page of its own. Returns the page.
const showFile = (file: string): string => {
  const page = `source/${file}.md`
  if (existsSync(path.join(pages, page))) return page
  const language = { ".ts": "ts", ".json": "json", ".yaml": "yaml", ".toml": "toml" }[path.extname(file)] ?? "text"
  write(page, `# ${path.basename(file)}\n\n\`\`\`\`${language}\n${read(file).trimEnd()}\n\`\`\`\`\n`)
  return page
}

const copyImage = (file: string): string => {
  const copy = path.join(pages, "images", path.basename(file))
  mkdirSync(path.dirname(copy), { recursive: true })
  copyFileSync(path.join(root, file), copy)
  return path.relative(pages, copy)
}

// `npm run docs:check` has found that each relative link leads to something.
const targetOf = (file: string, image: boolean): string =>
  pageOfDocument.get(file) ?? (image ? copyImage(file) : showFile(file))

const withLinksOfTheSite = (text: string, document: string, page: string): string =>
  text.replace(/(!?)(\[[^\]]*\]\()([^)\s#]+)/g, (whole: string, bang: string, before: string, link: string) => {
    if (/^\w+:/.test(link)) return whole
    const target = targetOf(path.join(path.dirname(document), link), bang !== "")
    const relative = path.relative(path.dirname(page), target)
    return `${bang}${before}${relative.startsWith(".") ? relative : `./${relative}`}`
  })

// Code is no place for links: what looks like one there is left alone.
const outsideOfCode = (text: string, change: (text: string) => string): string =>
  text
    .split(/(^(?:```+)[\s\S]*?^```+$|`[^`\n]+`)/m)
    .map((piece, index) => (index % 2 === 1 ? piece : change(piece)))
    .join("")

const writeDocuments = () => {
  for (const [document, page] of pageOfDocument) {
    write(
      page,
      outsideOfCode(read(document), (text) => withLinksOfTheSite(text, document, page))
    )
  }
}

// What the first comment of a module says, and whence it is imported.
const describe = ({ file, name }: Module): string => {
  const comment = /^\/\*\*\n([\s\S]*?) \*\//.exec(read(file))?.[1] ?? ""
  const text = comment
    .replace(/^ \* ?/gm, "")
    .replace(/^@.*\n?/gm, "")
    .replace(/\{@link (\w+)(?:\.\w+)?\}/g, "`$1`")
    .trim()
  const as = path.basename(name)
  return name.startsWith("cli/") ? text : `${text}\n\n\`\`\`ts\nimport * as ${as} from "@effect-codex/${name}"\n\`\`\``
}

/** Writes every page of the site. Takes some seconds: the reference needs the types of everything. */
export const writePages = async (): Promise<void> => {
  writeDocuments()
  for (const { file } of examples) showFile(file)
  await writeReference(path.join(pages, "reference"), describe)
}
