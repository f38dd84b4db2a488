/**
 * The contents of the site: the documents, the examples and the public modules, each read from its place in the repository.
 */
import { globSync, readFileSync } from "node:fs"
import * as path from "node:path"

/** The folder of the repository. */
export const root = path.dirname(import.meta.dirname)

/** The folder that pages are written into. */
export const pages = path.join(import.meta.dirname, "pages")

/** The text of a file of the repository. */
export const read = (file: string): string => readFileSync(path.join(root, file), "utf8")

/** An entry of the site's navigation. */
export interface Entry {
  readonly text: string
  readonly link: string
}

/** The page of each document: from a path in the repository to a path on the site. */
export const pageOfDocument: ReadonlyMap<string, string> = new Map([
  ["README.md", "index.md"],
  ["README.zh-CN.md", "zh/index.md"],
  ["CONTRIBUTING.md", "contributing.md"],
  ...globSync("docs/{,zh/}*.md", { cwd: root }).map((file): [string, string] => [
    file,
    file.replace(/^docs\//, "").replace(/README\.md$/, "documentation.md")
  ])
])

/** Entries under a heading. */
export interface Group {
  readonly text: string
  readonly items: ReadonlyArray<Entry>
}

/** The indexes of the documents. */
export const indexes = { english: "docs/README.md", chinese: "docs/zh/README.md" } as const

/** The documents that an index lists: the link at the beginning of each list item, grouped by heading. */
export const groupsOf = (index: string): ReadonlyArray<Group> =>
  read(index)
    .split(/^## /m)
    .slice(1)
    .map((section) => {
      const [text = "", ...lines] = section.split("\n")
      const items = lines.flatMap((line) => {
        const [, text = "", link = ""] = /^- \[([^\]]+)\]\(([^)#]+)\)/.exec(line) ?? []
        const page = pageOfDocument.get(path.join(path.dirname(index), link))
        return page === undefined ? [] : [{ text, link: `/${page.replace(/\.md$/, "")}` }]
      })
      return { text, items }
    })

/** The documents that no index lists. */
export const unlisted = (): ReadonlyArray<string> => {
  const listed = new Set(
    Object.values(indexes).flatMap((index) => groupsOf(index).flatMap(({ items }) => items.map(({ link }) => link)))
  )
  return Array.from(pageOfDocument)
    .filter(
      ([, page]) =>
        !["index.md", "documentation.md"].includes(path.basename(page)) && !listed.has(`/${page.replace(/\.md$/, "")}`)
    )
    .map(([document]) => document)
}

/** The examples that are a file each. */
export const examples: ReadonlyArray<Entry & { readonly file: string }> = globSync("examples/*.ts", { cwd: root })
  .filter((file) => !/(?:run|\.test)\.ts$/.test(file))
  .toSorted()
  .map((file) => ({ file, text: path.basename(file, ".ts"), link: `/source/${file.replaceAll(".", "-")}` }))

/** A public module: `file` from the folder of the repository, `name` as in `core/testing/MockModel`. */
export interface Module {
  readonly file: string
  readonly name: string
}

// The packages in the order that a reader meets them, with the folders of their public modules.
const folders = { core: ["", "testing/", "protocol/"], policy: [""], ai: [""], durable: [""], cli: [""] }

export const packageNames: ReadonlyArray<string> = Object.keys(folders)

/** Every public module, by package. */
export const modules: ReadonlyArray<Module> = Object.entries(folders).flatMap(([name, folders]) =>
  folders.flatMap((folder) =>
    globSync(`packages/${name}/src/${folder}*.ts`, { cwd: root })
      .filter((file) => !/\/(?:index|main)\.ts$/.test(file))
      .toSorted()
      .map((file) => ({
        file,
        name: file
          .replace(/^packages\//, "")
          .replace("/src/", "/")
          .replace(/\.ts$/, "")
      }))
  )
)
