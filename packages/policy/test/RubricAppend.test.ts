// Rules that are written into the file of a rubric: what else is in it stays, whatever happens meanwhile.
import * as Rubric from "@effect-codex/policy/Rubric"
import type { CommandRule } from "@effect-codex/policy/Rule"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { afterAll, describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import * as TestClock from "effect/testing/TestClock"

const folder = fs.mkdtempSync(path.join(tmpdir(), "effect-codex-append-"))
afterAll(() => fs.rmSync(folder, { recursive: true }))

const rule: CommandRule = {
  name: 'always npm test "#1"',
  when: { program: "npm", args: ["test", "a: b", "# c"], cwdWithin: "." },
  decision: "accept"
}

let count = 0
const fileWith = (text: string, format = "yaml") => {
  const file = path.join(folder, `${count++}.${format}`)
  fs.writeFileSync(file, text)
  return file
}

const append = (file: string, added = rule) =>
  Rubric.appendCommandRule(file, added).pipe(Effect.provide(NodeServices.layer))

const read = (file: string) => fs.readFileSync(file, "utf8")

const entry = (indent: string) =>
  [
    `- name: always npm test "#1"`,
    "  when:",
    "    program: npm",
    "    args:",
    "      - test",
    `      - "a: b"`,
    `      - "# c"`,
    "    cwdWithin: .",
    "  decision: accept",
    ""
  ]
    .map((line) => (line === "" ? line : `${indent}${line}`))
    .join("\n")

describe("a rule that is added to a rubric in YAML", () => {
  const beginning = "# Ours.\nmode: strict   # careful\n"
  const list = "commandRules: # in order\n"
  const first = (indent: string) =>
    `${indent}# The tests.\n${indent}- { name: tests, when: { program: make, anywhere: true }, decision: decline } # no\n`
  it.effect.each([
    ["becomes a list where there is none", beginning, `${beginning}commandRules:\n${entry("  ")}`],
    ["ends a line that has no end", "mode: strict", `mode: strict\ncommandRules:\n${entry("  ")}`],
    ["follows the last rule", `${beginning}${list}${first("  ")}`, `${beginning}${list}${first("  ")}${entry("  ")}`],
    ["stands as far in as the others", `${list}${first("")}`, `${list}${first("")}${entry("")}`],
    [
      "stands before what follows the rules",
      `${list}${first("    ")}\n# The rest.\nallowedRoots: [src] # all\n`,
      `${list}${first("    ")}${entry("    ")}\n# The rest.\nallowedRoots: [src] # all\n`
    ],
    [
      "has the line ends of the file",
      `${list}${first("  ")}`.replaceAll("\n", "\r\n"),
      `${list}${first("  ")}${entry("  ")}`.replaceAll("\n", "\r\n")
    ]
  ])("%s", ([, before, after]) =>
    Effect.gen(function* () {
      const file = fileWith(before)
      const rubric = yield* append(file)
      expect(read(file)).toBe(after)
      expect(yield* Rubric.parse(after, "yaml")).toEqual(rubric)
      expect(rubric.commandRules?.at(-1)).toEqual(rule)
    })
  )

  it.effect("is laid out anew in brackets, with the comments", () =>
    Effect.gen(function* () {
      const file = fileWith("# Ours.\ncommandRules: [{ name: a, decision: decline }] # all\nmode: strict # careful\n")
      yield* append(file)
      const text = read(file)
      expect(text).toMatch(/^# Ours\./)
      expect(text).toContain("# all")
      expect(text).toContain("mode: strict # careful")
      expect((yield* Rubric.parse(text, "yaml")).commandRules).toHaveLength(2)
    })
  )
})

describe("a rule that is added to a rubric", () => {
  it.effect("keeps the order and the indentation of JSON", () =>
    Effect.gen(function* () {
      const file = fileWith(
        '{\n    "mode": "strict",\n    "commandRules": [],\n    "allowedRoots": ["src"]\n}\n',
        "json"
      )
      yield* append(file)
      expect(read(file)).toMatch(
        /^\{\n {4}"mode": "strict",\n {4}"commandRules": \[\n {8}\{\n[^]*\n {4}"allowedRoots"[^]*\}\n$/
      )
      expect((yield* Rubric.load(file).pipe(Effect.provide(NodeServices.layer))).commandRules).toEqual([rule])
    })
  )

  it.effect("stands at the end of TOML", () =>
    Effect.gen(function* () {
      const before = '# Ours.\nmode = "strict" # careful\n\n[[commandRules]]\nname = "a"\ndecision = "decline"\n'
      const file = fileWith(before, "toml")
      yield* append(file)
      expect(read(file).startsWith(before)).toBe(true)
      expect((yield* Rubric.parse(read(file), "toml")).commandRules?.at(-1)).toEqual(rule)
    })
  )

  it.effect.each([
    ["TOML with its rules in brackets", 'commandRules = [{ name = "a", decision = "decline" }]\n', "toml"],
    ["YAML that ends with a mark", "mode: strict\n...\n", "yaml"]
  ])("is refused or right, and never half: %s", ([, text, format]) =>
    Effect.gen(function* () {
      const file = fileWith(text, format)
      const outcome = yield* Effect.result(append(file))
      if (outcome._tag === "Failure") expect(read(file)).toBe(text)
      else
        expect((yield* Rubric.load(file).pipe(Effect.provide(NodeServices.layer))).commandRules?.at(-1)).toEqual(rule)
      expect(fs.existsSync(`${file}.lock`)).toBe(false)
    })
  )

  it.effect("is not written into a file that is read-only, is no rubric any more, or is gone", () =>
    Effect.gen(function* () {
      const readOnly = fileWith("mode: strict\n")
      fs.chmodSync(readOnly, 0o444)
      expect((yield* Effect.flip(append(readOnly))).message).toBe(
        `The rule was not written into ${readOnly}: it is read-only.`
      )
      const broken = fileWith("mod: strict\n")
      expect((yield* Effect.flip(append(broken)))._tag).toBe("InvalidRubric")
      expect(read(broken)).toBe("mod: strict\n")
      const gone = path.join(folder, "gone.yaml")
      expect((yield* Effect.flip(append(gone))).message).toBe(`The rule was not written into ${gone}: NotFound.`)
      expect(fs.readdirSync(folder).filter((name) => name.endsWith(".lock"))).toEqual([])
    })
  )

  it.effect("keeps the mode of the file and follows links to it", () =>
    Effect.gen(function* () {
      const file = fileWith("mode: strict\n")
      fs.chmodSync(file, 0o640)
      const link = path.join(folder, "link.yaml")
      fs.symlinkSync(file, link)
      yield* append(link)
      expect(fs.lstatSync(link).isSymbolicLink()).toBe(true)
      expect(fs.statSync(file).mode & 0o777).toBe(0o640)
      expect(read(file)).toContain("npm test")
    })
  )

  it.live("is not lost when others are written at the same time", () =>
    Effect.gen(function* () {
      const file = fileWith("mode: strict # kept\n")
      const names = Array.from({ length: 4 }, (_, index) => `rule ${index}`)
      yield* Effect.forEach(names, (name) => append(file, { ...rule, name }), { concurrency: "unbounded" })
      const { commandRules = [] } = yield* Rubric.parse(read(file), "yaml")
      expect(commandRules.map(({ name }) => name).toSorted()).toEqual(names.toSorted())
      expect(read(file)).toContain("# kept")
      expect(fs.existsSync(`${file}.lock`)).toBe(false)
    })
  )

  it.effect("waits for another writer, says which lock it was, and leaves that alone", () =>
    Effect.gen(function* () {
      const file = fileWith("mode: strict\n")
      fs.writeFileSync(`${file}.lock`, "")
      const fiber = yield* Effect.forkChild(Effect.flip(append(file)))
      while (fiber.pollUnsafe() === undefined) {
        yield* TestClock.adjust("50 millis")
        yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
      }
      const { message } = yield* Fiber.join(fiber)
      expect(message).toBe(
        `The rule was not written into ${file}: another program is writing it; if none is, remove ${fs.realpathSync(file)}.lock.`
      )
      expect(fs.existsSync(`${file}.lock`)).toBe(true)
      fs.rmSync(`${file}.lock`)
    })
  )
})
