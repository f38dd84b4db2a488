import * as Rubric from "@effect-codex/policy/Rubric"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import { readFileSync } from "node:fs"
import * as path from "node:path"

const refusal = (text: string, format: Rubric.Format) =>
  Effect.map(Effect.flip(Rubric.parse(text, format, { file: `rubric.${format}` })), ({ message }) => message)

describe("a rubric", () => {
  const rubric: Rubric.PolicyRubric = {
    systemRubric: "Be careful.",
    mode: "strict",
    allowedRoots: ["/repo"],
    commandRules: [
      {
        name: "tests",
        priority: 10,
        when: { program: ["npm", "pnpm"], args: ["test"], cwdWithin: "/repo" },
        decision: "accept"
      }
    ],
    defaults: { toolInput: { answers: { color: { answers: ["Red"] } } } },
    audit: { includeParams: false }
  }

  it.effect("reads the same from JSON, YAML and TOML", () =>
    Effect.gen(function* () {
      const yaml = `
systemRubric: Be careful.
mode: strict # no rule, no command
allowedRoots: [/repo]
commandRules:
  - name: tests
    priority: 10
    when: { program: [npm, pnpm], args: [test], cwdWithin: /repo }
    decision: accept
defaults: { toolInput: { answers: { color: { answers: [Red] } } } }
audit: { includeParams: false }
`
      const toml = `
systemRubric = "Be careful."
mode = "strict"
allowedRoots = ["/repo"]
[[commandRules]]
name = "tests"
priority = 10
when = { program = ["npm", "pnpm"], args = ["test"], cwdWithin = "/repo" }
decision = "accept"
[defaults.toolInput.answers.color]
answers = ["Red"]
[audit]
includeParams = false
`
      expect(yield* Rubric.decode(rubric)).toEqual(rubric)
      expect(yield* Rubric.parse(JSON.stringify(rubric, null, "\t"), "json")).toEqual(rubric)
      expect(yield* Rubric.parse(`\uFEFF${yaml}`, "yaml")).toEqual(rubric)
      expect(yield* Rubric.parse(toml, "toml")).toEqual(rubric)
    })
  )

  it.effect("is read from a file by its ending", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const directory = yield* fs.makeTempDirectoryScoped()
      const write = (name: string, text: string) => {
        const file = path.join(directory, name)
        return Effect.as(fs.writeFileString(file, text), file)
      }
      expect(yield* Rubric.load(yield* write("a.json", '{ "mode": "strict" }'))).toEqual({ mode: "strict" })
      expect(yield* Rubric.load(yield* write("a.YML", "mode: strict"))).toEqual({ mode: "strict" })
      expect(yield* Rubric.load(yield* write("a.toml", 'mode = "strict"'))).toEqual({ mode: "strict" })

      const mistaken = yield* write("b.yaml", "mode: strict\ncommandrules: []")
      expect((yield* Effect.flip(Rubric.load(mistaken))).message).toBe(
        `${mistaken}:2: commandrules: there is no such field here`
      )
      const strange = yield* write("b.txt", "mode: strict")
      expect((yield* Effect.flip(Rubric.load(strange))).message).toContain("must end in .json, .yaml, .yml or .toml")
      const long = yield* write("c.yaml", `mode: strict ${"#".repeat(1024 * 1024)}`)
      expect((yield* Effect.flip(Rubric.load(long))).message).toContain("longer than 1 MiB")
      expect((yield* Effect.flip(Rubric.load(path.join(directory, "none.yaml"))))._tag).toBe("PlatformError")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )
})

describe("the JSON Schema for editors", () => {
  const file = path.join(import.meta.dirname, "..", "rubric.schema.json")

  it("is the one that the package has", () => {
    // To write it anew: node packages/policy/scripts/rubric-schema.ts
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual(JSON.parse(JSON.stringify(Rubric.jsonSchema())))
  })

  it.effect("may be named in a rubric", () =>
    Effect.gen(function* () {
      const text = '{ "$schema": "./rubric.schema.json", "mode": "strict" }'
      expect((yield* Rubric.parse(text, "json")).mode).toBe("strict")
    })
  )
})

describe("a mistake in a rubric", () => {
  it.effect("is told with file, line and path, and how many more there are", () =>
    Effect.gen(function* () {
      const text = `{
  "mode": "strict",
  "commandRules": [
    {
      "when": { "programm": "git" },
      "decision": "acept"
    }
  ]
}`
      expect(yield* refusal(text, "json")).toBe(
        "rubric.json:5: commandRules[0].when.programm: there is no such field here (and 1 more)"
      )
      const { problems } = yield* Effect.flip(Rubric.parse(text, "json"))
      expect(problems.map(({ line, path }) => [path, line])).toEqual([
        ["commandRules[0].when.programm", 5],
        ["commandRules[0].decision", 6]
      ])
    })
  )

  const refused: ReadonlyArray<readonly [what: string, format: Rubric.Format, text: string, message: string]> = [
    ["a field in the Python SDK's spelling", "yaml", "command_rules: []", "command_rules: there is no such field"],
    [
      "a field in a rule that belongs to another kind",
      "json",
      '{"fileChangeRules":[{"when":{"program":"x"}}]}',
      "program"
    ],
    ["a decision of another kind", "json", '{"fileChangeRules":[{"decision":"grant"}]}', "fileChangeRules[0].decision"],
    [
      "a pattern that the engine cannot compile",
      "yaml",
      "commandRules: [{when: {commandRegex: '(?=a)'}}]",
      "RE2 syntax"
    ],
    [
      "a pattern that repeats too much",
      "yaml",
      "commandRules: [{when: {commandRegex: '(a{50}b{50}){19}'}}]",
      "repeats too much"
    ],
    [
      "a pattern that is too long",
      "json",
      `{"commandRules":[{"when":{"commandRegex":"${"a".repeat(4001)}"}}]}`,
      "longer"
    ],
    ["a priority that is not a number", "yaml", "commandRules: [{priority: .nan}]", "commandRules[0].priority"],
    ["an empty list of programs", "yaml", "commandRules: [{when: {program: []}}]", "commandRules[0].when.program"],
    ["an empty amendment", "json", '{"defaults":{"command":{"acceptWithExecpolicyAmendment":[]}}}', "defaults.command"],
    ["a list instead of a rubric", "json", "[]", "rubric.json:1"],
    ["nothing", "yaml", "", "rubric.yaml"],
    ["a prototype", "json", '{"__proto__":{"mode":"permissive"}}', "__proto__: there is no such field"],
    ["a prototype in YAML", "yaml", "__proto__: {mode: permissive}", "__proto__: there is no such field"],
    ["a prototype in TOML", "toml", '[__proto__]\nmode = "permissive"', "__proto__: there is no such field"],
    [
      "a key that stands twice in JSON",
      "json",
      '{"mode":"strict",\n"mode":"permissive"}',
      "rubric.json:2: this key is a duplicate"
    ],
    [
      "a key that stands twice in two spellings",
      "json",
      '{"mode":"strict",\n"\\u006dode":"permissive"}',
      "rubric.json:2: this key is a duplicate"
    ],
    [
      "a key that stands twice in YAML",
      "yaml",
      "mode: strict\nmode: permissive",
      "rubric.yaml:2: this key is a duplicate"
    ],
    [
      "a key that stands twice in TOML",
      "toml",
      'mode = "strict"\nmode = "permissive"',
      "rubric.toml:2: Cannot redefine"
    ],
    ["an anchor", "yaml", "mode: &m strict", "rubric.yaml:1: YAML anchors"],
    ["an alias", "yaml", "commandRules: &a []\nfileChangeRules: *a", "rubric.yaml:1: YAML anchors"],
    ["a merge key", "yaml", "mode: strict\n<<: { mode: permissive }", "rubric.yaml:2: YAML merge keys"],
    ["a tag", "yaml", "mode: !!str strict", "rubric.yaml:1: YAML tags"],
    ["a second document", "yaml", "mode: strict\n---\nmode: permissive", "rubric.yaml:2: this is a second document"],
    ["YAML in a JSON file", "json", "mode: strict", "this is not JSON"],
    ["a comment in a JSON file", "json", '{"mode":"strict"} // no', "this is not JSON"],
    ["an empty JSON file", "json", "\n", "rubric.json: this is empty: write {} for a rubric without rules"],
    ["JSON that is null", "json", "null", "this is empty: write {} for a rubric without rules"],
    ["an empty YAML file", "yaml", "", "rubric.yaml: this is empty: write {} for a rubric without rules"],
    ["YAML that is only a comment", "yaml", "# later\n", "this is empty: write {} for a rubric without rules"],
    ["a list", "yaml", "- mode: strict", "rubric.yaml:1: this is a list, but a rubric has fields such as mode"],
    ["a text", "json", '"strict"', "rubric.json:1: this is a string, but a rubric has fields such as mode"],
    ["a number", "yaml", "7", "rubric.yaml:1: this is a number, but a rubric has fields such as mode"],
    ["half a JSON file", "json", '{"mode":', "rubric.json:1"],
    ["text that nests too deep", "json", "[".repeat(100_000) + "]".repeat(100_000), "rubric.json"],
    ["YAML that nests too deep", "yaml", `mode: ${"[".repeat(100_000)}`, "rubric.yaml"],
    ["TOML that nests too deep", "toml", `mode = ${"[".repeat(100_000)}`, "rubric.toml"],
    ["text that is too long", "json", `{${" ".repeat(1024 * 1024)}}`, "this is longer than 1 MiB"]
  ]
  for (const [what, format, text, message] of refused) {
    it.effect(`refuses ${what}`, () =>
      Effect.gen(function* () {
        expect(yield* refusal(text, format)).toContain(message)
      })
    )
  }
})
