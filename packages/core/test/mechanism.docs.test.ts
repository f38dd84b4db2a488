import { existsSync, globSync, readdirSync, readFileSync } from "node:fs"
import * as path from "node:path"
import { describe, expect, it } from "@effect/vitest"

const root = path.join(import.meta.dirname, "..", "..", "..")
const read = (file: string) => readFileSync(path.join(root, file), "utf8")

/** The code of a file without its comments. */
const codeOf = (file: string) => read(file).replace(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm, "")

/** A function, by its module and name. */
interface Place {
  readonly file: string
  readonly name: string
}

const isDefined = ({ file, name }: Place): boolean =>
  new RegExp(`\\b(?:const|let|function|class|interface) ${name}\\b|^\\s*(?:readonly )?${name}(?:: |\\()`, "m").test(
    codeOf(file)
  )

const mentions = (file: string, name: string): number =>
  Array.from(codeOf(file).matchAll(new RegExp(`(?<![\\w$])${name}(?![\\w$])`, "g"))).length

/** Whether one of two functions is named where the other one is, besides its definition. */
const areConnected = (a: Place, b: Place): boolean =>
  a.file === b.file
    ? mentions(a.file, b.name) > 1 || mentions(a.file, a.name) > 1
    : mentions(a.file, b.name) > 0 || mentions(b.file, a.name) > 0

// A module is named below `packages`; one of the core below its `src`.
const fileOf = (name: string) =>
  name.startsWith("policy/") ? name.replace("policy/", "packages/policy/src/") : `packages/core/src/${name}`

const dataOf = (document: string) => {
  const ways = read(document)
    .split(/^## /m)
    .flatMap((section) => {
      const steps = Array.from(section.matchAll(/^\d+\. `([\w/.]+\.ts)` `(\w+)`/gm), ([, file = "", name = ""]) => ({
        file: fileOf(file),
        name
      }))
      return steps.length === 0 ? [] : [steps]
    })
  const rowsOf = (pattern: RegExp) => Array.from(read(document).matchAll(pattern), (match) => match.slice(1))
  return {
    ways,
    questions: rowsOf(/^\| [^|]+[?？] \| `([\w/.]+\.ts)` \| `(\w+)` \|$/gm).map(([file = "", name = ""]) => ({
      file: fileOf(file),
      name
    })),
    rooms: rowsOf(/^\| `((?:policy\/)?internal\/\w+)` \| `(\w+\.ts)` \|[^|]+\|[^|]+\|([^|]+)\|$/gm).map(
      ([room = "", main = "", imports = ""]) => ({
        room,
        main: fileOf(`${room}/${main}`),
        imports: Array.from(imports.matchAll(/`(\w+)`/g), ([, name = ""]) => name)
      })
    ),
    laws: Array.from(read(document).matchAll(/^(\d+)\. \*\*.*\n((?: {4}.*\n)*)/gm), ([, law, tests = ""]) => ({
      law: Number(law),
      tests: Array.from(tests.matchAll(/^ {4}- `([^`]+)`: `(law \d+: .+)`$/gm), ([, file = "", title = ""]) => ({
        file: `packages/${file}`,
        title
      }))
    }))
  }
}

const data = dataOf("docs/mechanism.md")

const foldersOf = (pkg: string) =>
  readdirSync(path.join(root, "packages", pkg, "src", "internal"), { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? [entry.name] : []
  )

it("docs/zh/mechanism.md names the same modules, functions and tests as docs/mechanism.md", () => {
  expect(dataOf("docs/zh/mechanism.md")).toEqual(data)
})

describe("the rooms in docs/mechanism.md", () => {
  it("are all folders of internal", () => {
    const folders = [
      ...foldersOf("core").map((name) => `internal/${name}`),
      ...foldersOf("policy").map((name) => `policy/internal/${name}`)
    ]
    expect(data.rooms.map(({ room }) => room).toSorted()).toEqual(folders.toSorted())
  })

  it.each(data.rooms)("$room has a main module, whose header says what it knows and must not know", ({ main }) => {
    const header = /^\/\*\*[\s\S]*?\*\//.exec(read(main))?.[0].replace(/\s+\*\s+/g, " ") ?? ""
    expect(header).toMatch(/ The room knows [^.]+\. It must not (know|decide)/)
  })

  it.each(data.rooms)("$room imports the rooms that the table says", ({ imports, room }) => {
    const folder = fileOf(room)
    const found = new Set<string>()
    for (const file of globSync("**/*.ts", { cwd: path.join(root, folder) })) {
      const from = path.posix.join(folder, path.posix.dirname(file.replaceAll("\\", "/")))
      for (const [, specifier = ""] of read(path.join(folder, file)).matchAll(/ from "(\.[^"]+)"/g)) {
        const to = /^packages\/\w+\/src\/internal\/(\w+)\//.exec(path.posix.join(from, specifier))?.[1]
        if (to !== undefined && to !== path.basename(room)) found.add(to)
      }
    }
    expect(imports.toSorted()).toEqual([...found].toSorted())
  })
})

describe("the ways in docs/mechanism.md", () => {
  it("are two, of a delta and of an approval", () => {
    expect(data.ways.map(({ length }) => length >= 10)).toEqual([true, true])
  })

  it.each(data.ways.flat())("$file has $name", (place) => {
    expect(existsSync(path.join(root, place.file))).toBe(true)
    expect(isDefined(place)).toBe(true)
  })

  it.each(data.ways.flatMap((steps) => steps.slice(1).map((to, index) => ({ from: steps[index] ?? to, to }))))(
    "$from.name of $from.file leads to $to.name of $to.file",
    ({ from, to }) => {
      expect(areConnected(from, to)).toBe(true)
    }
  )
})

describe("the questions in docs/mechanism.md", () => {
  it("are ten or more", () => {
    expect(data.questions.length).toBeGreaterThanOrEqual(10)
  })

  it.each(data.questions)("the answer $name is in $file", (place) => {
    expect(existsSync(path.join(root, place.file))).toBe(true)
    expect(isDefined(place)).toBe(true)
  })
})

describe("the laws in docs/mechanism.md", () => {
  it("are 1 to 16", () => {
    expect(data.laws.map(({ law }) => law)).toEqual(Array.from({ length: 16 }, (_, index) => index + 1))
  })

  it.each(data.laws)("law $law has tests that carry its number", ({ law, tests }) => {
    expect(tests.length).toBeGreaterThan(0)
    for (const { title } of tests) expect(title).toMatch(new RegExp(`^law ${law}: `))
  })

  it("name every test that carries the number of a law", () => {
    const inTests = globSync("packages/*/test/**/*.test.ts", { cwd: root }).flatMap((file) =>
      Array.from(read(file).matchAll(/^[^\n/]*(["`])(law \d+: .+?)\1,?/gm), ([, , title = ""]) => ({
        file: file.replaceAll("\\", "/"),
        title
      }))
    )
    const key = ({ file, title }: { readonly file: string; readonly title: string }) => `${file}: ${title}`
    expect(data.laws.flatMap(({ tests }) => tests.map(key)).toSorted()).toEqual(inTests.map(key).toSorted())
  })
})
