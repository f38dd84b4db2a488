// oxlint-disable no-control-regex
// The built command with rubrics. No codex is needed for that.
import * as Rubric from "@effect-codex/policy/Rubric"
import { beforeAll, describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { type Options, runFile } from "../../../scripts/run-command.ts"
import { inWords } from "../src/internal/policy/words.ts"
import { build, mainOf } from "./built.ts"

const main = mainOf("policy")
const files = mkdtempSync(path.join(tmpdir(), "effect-codex-policy-"))
const file = (name: string, content: string) => {
  mkdirSync(path.dirname(path.join(files, name)), { recursive: true })
  writeFileSync(path.join(files, name), content)
  return path.join(files, name)
}

beforeAll(() => {
  const remove = build("policy")
  return () => {
    remove()
    rmSync(files, { recursive: true })
  }
})

const rubric = file(
  "rubric.yaml",
  `
mode: strict
commandRules:
  - name: tests
    when: { program: npm, args: [test], cwdWithin: /srv/app }
    decision: accept
  - name: echo
    when: { program: echo, anywhere: true }
    decision: accept
  - name: no push
    priority: 1
    when: { program: git, argsPrefix: [push] }
    decision: decline
    reason: people push
`
)

const policy = (args: ReadonlyArray<string>, options?: Options) => runFile(main, ["policy", ...args], options)

const check = (...args: ReadonlyArray<string>) => policy(["check", "--policy", rubric, "-C", "/srv/app", ...args])

const Verdict = Schema.fromJsonString(
  Schema.Struct({
    command: Schema.String,
    cwd: Schema.String,
    verdict: Schema.String,
    by: Schema.String,
    reason: Schema.optionalKey(Schema.String),
    parts: Schema.Array(Schema.Struct({ source: Schema.String, by: Schema.String })),
    parsed: Schema.Struct({ _tag: Schema.String })
  })
)
const readVerdict = Schema.decodeEffect(Verdict)

describe("effect-codex policy check of files and tools", () => {
  const others = file(
    "others.yaml",
    `mode: strict
fileChangeRules:
  - { name: no key, when: { pathsWithin: /srv/app/src/keys }, decision: decline }
  - { name: sources, when: { pathsWithin: /srv/app/src, changes: [add, update] }, decision: accept }
  - { name: moves, when: { pathsWithin: /srv/app/src, changes: [move] }, decision: accept }
  - { name: no deletion, when: { changes: [delete] }, decision: decline, reason: people delete }
toolCallRules:
  - { name: weather, when: { tool: weather }, decision: accept }
  - { name: shop, when: { tool: buy, namespace: shop }, decision: accept }
mcpToolRules:
  - { name: docs, when: { server: docs }, decision: accept }
`
  )
  const on = (...args: ReadonlyArray<string>) => policy(["check", "--policy", others, "-C", "/srv/app", ...args])

  it.live.each([
    ["a file within the folder", ["--file", "src/a.ts"], 0, "accept, by sources\n"],
    ["files, of which one is elsewhere", ["--file", "src/a.ts", "--file", "b.ts"], 5, "decline, by mode strict\n"],
    ["a file by a way out", ["--file", "src/../../x"], 5, "decline, by mode strict\n"],
    ["a new file", ["--file", "/srv/app/src/new.ts", "--change", "add"], 0, "accept, by sources\n"],
    ["a deletion", ["--file", "src/a.ts", "--change", "delete"], 5, "decline, by no deletion\n  people delete\n"],
    ["a move", ["--file", "src/a.ts", "--move-to", "src/b.ts"], 0, "accept, by moves\n"],
    [
      "a move by its name",
      ["--file", "src/a.ts", "--move-to", "src/b.ts", "--change", "move"],
      0,
      "accept, by moves\n"
    ],
    ["a move to elsewhere", ["--file", "src/a.ts", "--move-to", "b.ts"], 5, "decline, by mode strict\n"],
    ["a move from elsewhere", ["--file", "b.ts", "--move-to", "src/b.ts"], 5, "decline, by mode strict\n"],
    ["a move to a declined path", ["--file", "src/a", "--move-to", "src/keys/a"], 5, "decline, by no key\n"],
    ["a move from a declined path", ["--file", "src/keys/a", "--move-to", "src/a"], 5, "decline, by no key\n"],
    ["a tool", ["--tool", "weather", "--arguments", '{"city":"Rome"}'], 0, "accept, by weather\n"],
    ["a tool without a rule", ["--tool", "buy"], 5, "decline"],
    ["a tool of a namespace", ["--tool", "buy", "--namespace", "shop"], 0, "accept, by shop\n"],
    ["a tool of an MCP server", ["--tool", "search", "--server", "docs"], 0, "accept, by docs\n"],
    ["a tool of another server", ["--tool", "search", "--server", "web"], 5, "decline"]
  ] as const)("decides on %s", ([, args, code, shown]) =>
    Effect.gen(function* () {
      const result = yield* on(...args)
      expect(result.stdout.startsWith(shown), result.stdout + result.stderr).toBe(true)
      expect(result.code).toBe(code)
    })
  )

  it.live("prints one JSON document", () =>
    Effect.gen(function* () {
      const { stdout } = yield* on("--json", "--file", "src/a.ts")
      expect(JSON.parse(stdout)).toEqual({
        kind: "fileChange",
        change: "update",
        files: ["/srv/app/src/a.ts"],
        verdict: "accept",
        decision: "accept",
        by: "sources"
      })
      const moved = yield* on("--json", "--file", "src/a.ts", "--move-to", "src/b.ts")
      expect(JSON.parse(moved.stdout)).toEqual({
        kind: "fileChange",
        change: "move",
        files: ["/srv/app/src/a.ts"],
        moveTo: "/srv/app/src/b.ts",
        verdict: "accept",
        decision: "accept",
        by: "moves"
      })
    })
  )

  it.live.each([
    [["--file", "a", "--tool", "b"], "Give one of"],
    [["--file", "a", "--", "ls"], "Give one of"],
    [["--change", "add", "--", "ls"], "--change needs --file."],
    [["--move-to", "a"], "--move-to needs one --file."],
    [["--file", "a", "--file", "b", "--move-to", "c"], "--move-to needs one --file."],
    [["--file", "a", "--move-to", "b", "--change", "add"], "--move-to is a move"],
    [["--file", "a", "--change", "move"], "--change move needs --move-to."],
    [["--namespace", "a", "--", "ls"], "--namespace needs --tool."],
    [["--arguments", "{}"], "--arguments needs --tool."],
    [["--tool", "a", "--arguments", "{"], "--arguments is not JSON."],
    [["--tool", "a", "--namespace", "b", "--server", "c"], "Use --namespace or --server"]
  ] as const)("takes one request, and says what is wrong: %s", ([args, said]) =>
    Effect.gen(function* () {
      const { code, stderr } = yield* on(...args)
      expect(stderr).toContain(said)
      expect(code).toBe(2)
    })
  )
})

describe("effect-codex policy check", () => {
  it.live("says yes, by which rule and for which parts, and exits with 0", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* check("--", "npm", "test")
      expect(stdout).toMatch(/^accept, by tests\nPART +DECISION +BY +WHY NOT\nnpm test +accept +tests\n$/)
      expect(stderr).toBe("")
      expect(code).toBe(0)
    })
  )

  it.live("says why each part is not accepted, whatever the reason", () =>
    Effect.gen(function* () {
      const expected: ReadonlyArray<readonly [command: string, whyNot: string | undefined]> = [
        ["echo -n hi", 'echo: the option "-n" is not in allowedFlags'],
        ["npm test --watch", 'tests: the arguments are not exactly ["test"]'],
        ["echo hi > out", "echo: output is redirected to a file, and the rule has no redirectsWithin"],
        ["X=1 echo hi", 'echo: the variable "X" is not in assigns'],
        ["git push", "people push"],
        ["make", "no rule matches"],
        ["npm test", undefined]
      ]
      const stdin = expected.map(([command]) => JSON.stringify(command)).join("\n")
      const { stdout } = yield* policy(["check", "--policy", rubric, "-C", "/srv/app", "--stdin-json"], { stdin })
      const found = stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line))
      expect(found.map(({ command, parts }) => [command, parts[0].whyNot])).toEqual(expected)
      const elsewhere = yield* policy(["check", "--policy", rubric, "-C", "/tmp", "--", "npm test"])
      expect(elsewhere.stdout).toContain('tests: not certainly within "/srv/app" (cwdWithin or allowedRoots)')
    })
  )

  it.live("says no, and why, and exits with 5", () =>
    Effect.gen(function* () {
      const { code, stdout } = yield* check("--", "npm test && git push")
      expect(stdout).toMatch(/^decline, by no push\n {2}people push\n/)
      expect(code).toBe(5)
    })
  )

  it.live("gives programs the verdict, the rule and the command as it was understood", () =>
    Effect.gen(function* () {
      const { code, stdout } = yield* check("--json", "--", "echo one; git push")
      const verdict = yield* readVerdict(stdout)
      expect(verdict).toMatchObject({ cwd: "/srv/app", verdict: "decline", by: "no push", parsed: { _tag: "Parsed" } })
      expect(verdict.parts).toEqual([
        { source: "echo one", by: "echo" },
        { source: "git push", by: "no push" }
      ])
      expect(code).toBe(5)
    })
  )

  it.live("takes several words for a program and its arguments, and not for a script", () =>
    Effect.gen(function* () {
      const { code, stdout } = yield* check("--json", "--", "echo", "a b; git push", "it's", "$HOME")
      const verdict = yield* readVerdict(stdout)
      expect(verdict.command).toBe(String.raw`echo 'a b; git push' 'it'\''s' '$HOME'`)
      expect(verdict.parts).toHaveLength(1)
      expect(verdict.verdict).toBe("accept")
      expect(code).toBe(0)
    })
  )

  it.live("declines what it can't read", () =>
    Effect.gen(function* () {
      const { code, stdout } = yield* check("--", "echo 'open")
      expect(stdout).toMatch(/^decline/)
      expect(stdout).toContain("it cannot be parsed: ")
      expect(code).toBe(5)
    })
  )

  it.live("leaves to the judge of a rubric what no rule matches", () =>
    Effect.gen(function* () {
      const judged = file("judged.json", JSON.stringify({ mode: "permissive", useLlmJudge: true }))
      const { code, stdout } = yield* policy(["check", "--policy", judged, "--", "ls"])
      expect(stdout).toContain("abstain")
      expect(stdout).toContain("the judge of the rubric would be asked")
      expect(code).toBe(5)
    })
  )

  it.live("answers a verdict a line, in order, for command lines from standard input", () =>
    Effect.gen(function* () {
      const commands = ["npm test", "git push", "echo 'two\nlines'", "测试", ""]
      const stdin = commands.map((command) => `${JSON.stringify(command)}\n`).join("\n")
      const { code, stdout } = yield* policy(["check", "--policy", rubric, "-C", "/srv/app", "--stdin-json"], { stdin })
      const verdicts = yield* Effect.forEach(stdout.trimEnd().split("\n"), (line) => readVerdict(line))
      expect(verdicts.map(({ command }) => command)).toEqual(commands)
      expect(verdicts.map(({ verdict }) => verdict)).toEqual(["accept", "decline", "accept", "decline", "decline"])
      expect(code).toBe(0)
    })
  )

  it.live("ends at a line that is no JSON string, after the verdicts of those before it", () =>
    Effect.gen(function* () {
      for (const bad of ["git push", "42", '{"command":"ls"}']) {
        const { code, stderr, stdout } = yield* policy(["check", "--policy", rubric, "--stdin-json"], {
          stdin: `"ls"\n${bad}\n"ls"\n`
        })
        expect(stdout.trimEnd().split("\n")).toHaveLength(1)
        expect(stderr).toBe("effect-codex: Line 2 is not a JSON string.\n")
        expect(code).toBe(2)
      }
    })
  )

  it.live("judges no command that is not UTF-8", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* policy(["check", "--policy", rubric, "--stdin-json"], {
        stdin: Buffer.from([0x22, 0x65, 0x63, 0x68, 0x6f, 0x20, 0xff, 0x22, 0x0a])
      })
      expect(stdout).toBe("")
      expect(stderr).toBe("effect-codex: Line 1 is not UTF-8.\n")
      expect(code).toBe(2)
    })
  )

  it.live("ends quietly when its verdicts are not read any more", () =>
    Effect.gen(function* () {
      const { code, stderr } = yield* policy(["check", "--policy", rubric, "--stdin-json"], {
        stdin: '"git push"\n'.repeat(20_000),
        onStdout: (_piece, _pid, close) => close()
      })
      expect(stderr).toBe("")
      expect(code).toBe(141)
    })
  )

  it.live("lets nothing of a command reach the terminal that it would obey", () =>
    Effect.gen(function* () {
      for (const flags of [[], ["--json"]]) {
        const { stdout } = yield* check(...flags, "--", "echo '\u001b[2J\u009b31m\u202e'")
        expect(stdout).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/)
        // It is all there, by its number.
        expect(stdout).toContain("[2J")
        expect(stdout).toMatch(/202e/)
      }
    })
  )

  it.live("says in one line what is wrong with a rubric, and exits with 2", () =>
    Effect.gen(function* () {
      const mistakes: ReadonlyArray<readonly [name: string, says: RegExp]> = [
        ["/nowhere.yaml", /cannot be read: it does not exist/],
        [file("typo.yaml", "mode: strict\ncommandRule: []\n"), /typo\.yaml:2: commandRule/],
        [file("broken.json", "{"), /broken\.json/],
        [file("rubric.txt", ""), /must end in/]
      ]
      for (const [name, says] of mistakes) {
        const { code, stderr, stdout } = yield* policy(["check", "--policy", name, "--", "ls"])
        expect(stdout).toBe("")
        expect(stderr).toMatch(says)
        expect(stderr.trimEnd().split("\n")).toHaveLength(1)
        expect(code).toBe(2)
      }
    })
  )

  it.live("wants a command, or standard input, and not both", () =>
    Effect.gen(function* () {
      expect((yield* check()).code).toBe(2)
      expect((yield* check("--stdin-json", "--", "ls")).code).toBe(2)
    })
  )
})

describe("effect-codex policy test", () => {
  const cases = `
cases:
  - { command: npm test, expect: accept, by: tests }
  - { command: npm test, cwd: /tmp, expect: decline }
  - { command: git push -f, expect: decline, by: no push }
`

  it.live("passes where the rules say what is expected", () =>
    Effect.gen(function* () {
      const table = file("good.yaml", `rubric: rubric.yaml\ncwd: /srv/app\n${cases}`)
      const { code, stdout } = yield* policy(["test", table])
      expect(stdout).toBe(
        "[PASS] npm test: accept\n[PASS] npm test: decline\n[PASS] git push -f: decline\ncases=3 passed=3 failed=0\n"
      )
      expect(code).toBe(0)
    })
  )

  it.live("tells what is otherwise, another rule too, and exits with 1", () =>
    Effect.gen(function* () {
      const table = file(
        "bad.toml",
        `cwd = "/srv/app"
rubric = "rubric.yaml"
[[cases]]
command = "git push"
expect = "accept"
[[cases]]
command = "npm test"
expect = "accept"
by = "mode strict"
`
      )
      const { code, stdout } = yield* policy(["test", table])
      expect(stdout).toBe(
        "[FAIL] git push: expected accept, got decline by no push (people push)\n" +
          "[FAIL] npm test: expected accept by mode strict, got accept by tests\n" +
          "cases=2 passed=0 failed=2\n"
      )
      expect(code).toBe(1)
    })
  )

  it.live("takes a rubric that stands in the table, and answers in JSON", () =>
    Effect.gen(function* () {
      const table = file(
        "inline.json",
        JSON.stringify({
          rubric: { mode: "permissive" },
          cases: [{ command: "ls", expect: "accept", by: "mode permissive" }]
        })
      )
      const { code, stdout } = yield* policy(["test", "--json", table])
      expect(JSON.parse(stdout)).toMatchObject({ ok: true, cases: [{ command: "ls", ok: true }] })
      expect(code).toBe(0)
    })
  )

  it.live("says in one line what is wrong with a table, and exits with 2", () =>
    Effect.gen(function* () {
      const mistakes: ReadonlyArray<readonly [name: string, says: RegExp]> = [
        ["/nowhere.yaml", /cannot be read/],
        [file("none.yaml", "rubric: rubric.yaml\ncases: []\n"), /none\.yaml is not a table of expectations/],
        [file("word.yaml", "rubric: rubric.yaml\ncases: [{ command: ls, expect: maybe }]\n"), /"accept"/],
        [file("field.yaml", "rubric: rubric.yaml\ncases: [{ command: ls, expects: accept }]\n"), /expect/],
        [file("cut.json", '{"rubric":'), /cannot be read/],
        [file("no-rubric.yaml", "rubric: missing.yaml\ncases: [{ command: ls, expect: accept }]\n"), /missing\.yaml/]
      ]
      for (const [name, says] of mistakes) {
        const { code, stderr, stdout } = yield* policy(["test", name])
        expect(stdout).toBe("")
        expect(stderr).toMatch(says)
        expect(stderr.trimEnd().split("\n"), stderr).toHaveLength(1)
        expect(code).toBe(2)
      }
    })
  )
})

describe("effect-codex policy lint", () => {
  it.live("lists every mistake with its line, and the field that was probably meant", () =>
    Effect.gen(function* () {
      const wrong = file(
        "wrong.yaml",
        "mode: strikt\ncommandRules:\n  - when: { programm: npm }\n    decision: accept\n"
      )
      const { code, stdout } = yield* policy(["lint", wrong])
      expect(stdout).toContain(`${wrong}:1: mistake: mode: `)
      expect(stdout).toContain(
        `${wrong}:3: mistake: commandRules[0].when.programm: there is no such field here. Did you mean program?`
      )
      expect(stdout).toMatch(/^mistakes=\d+ warnings=0$/m)
      expect(code).toBe(1)
      const json = yield* policy(["lint", wrong, "--json"])
      expect(JSON.parse(json.stdout).mistakes).toContainEqual(
        expect.objectContaining({ line: 3, didYouMean: "program" })
      )
    })
  )

  it.live("finds nothing in a rubric without mistakes, but warns", () =>
    Effect.gen(function* () {
      const { code, stdout } = yield* policy(["lint", rubric])
      expect(stdout).toMatch(/^mistakes=0 warnings=\d+$/m)
      expect(code).toBe(0)
    })
  )
})

describe("effect-codex policy explain and schema", () => {
  it.live("says a rubric in words, the rules in the order in which they are tried", () =>
    Effect.gen(function* () {
      const { code, stdout } = yield* policy(["explain", "--policy", rubric])
      expect(stdout).toMatch(/^Mode strict\. Requests that no rule matches are declined\.\n/)
      expect(stdout).toContain(
        "Commands\n" +
          "  1. no push: decline, if the program is git; its first arguments are push (people push)\n" +
          "  2. tests: accept, if it runs in /srv/app; the program is npm; its arguments are test; with no options\n" +
          "  3. echo: accept, if the program is echo; it runs in any folder; with no options\n"
      )
      expect(code).toBe(0)
    })
  )

  it("has words for every kind of rule, and for what is decided without one", () => {
    const words = inWords({
      mode: "balanced",
      allowedRoots: ["/srv/app", "/tmp"],
      defaults: { toolInput: "decline" },
      fileChangeRules: [{ when: { pathsWithin: ["/srv/app"], changes: ["add", "update"] }, decision: "accept" }],
      toolInputRules: [{ name: "id", when: { questionIdRegex: "a.*" }, decision: "auto_empty" }],
      toolCallRules: [{ when: { tool: "search" }, decision: "accept" }],
      mcpToolRules: [{ when: { server: "docs" } }],
      permissionsRules: [{ when: { network: true }, decision: "grant" }]
    })
    expect(words[0]).toBe(
      "Mode balanced. Requests that no rule matches are declined, except commands that provably only read in /srv/app or /tmp. Other defaults are toolInput: decline."
    )
    expect(words.filter((line) => line.startsWith("  "))).toEqual([
      "  1. fileChangeRules[0]: accept, if the paths lie in /srv/app; the kind of change is add or update",
      "  1. id: auto_empty, if the id of a question matches a.*",
      "  1. toolCallRules[0]: accept, if the tool is search",
      "  1. mcpToolRules[0]: as without rules, if the MCP server is docs",
      "  1. permissionsRules[0]: grant, if the network is asked for: yes"
    ])
    expect(
      inWords({
        allowedRoots: [".", ".."],
        commandRules: [{ name: "a", when: { cwdWithin: "." }, decision: "accept" }]
      })
    ).toEqual(
      expect.arrayContaining([
        `Mode balanced. Requests that no rule matches are declined, except commands that provably only read in "." or "..".`,
        `  1. a: accept, if it runs in "."`
      ])
    )
    expect(inWords({ useLlmJudge: true })[0]).toContain("A judge decides")
  })

  it.live("prints the JSON Schema of rubrics", () =>
    Effect.gen(function* () {
      const { code, stdout } = yield* policy(["schema"])
      expect(JSON.parse(stdout)).toEqual(JSON.parse(JSON.stringify(Rubric.jsonSchema())))
      expect(code).toBe(0)
    })
  )
})

describe("the folders of a rubric", () => {
  const sample = `
mode: balanced
allowedRoots: ["."]
commandRules:
  - name: tests
    when: { program: npm, args: [test], cwdWithin: "." }
    decision: accept
`
  const folder = file("project/src/a.ts", "")
  const project = path.dirname(path.dirname(folder))
  const inProject = file("project/rubric.yaml", sample)

  it.live("are below that of its file, whatever folder the command line is in", () =>
    Effect.gen(function* () {
      const on = (...args: ReadonlyArray<string>) => policy(["check", "--policy", inProject, ...args])
      expect((yield* on("-C", project, "--", "cat src/a.ts")).code).toBe(0)
      expect((yield* on("-C", project, "--", "npm test")).code).toBe(0)
      expect((yield* on("-C", path.dirname(project), "--", "npm test")).code).toBe(5)
      expect((yield* on("-C", project, "--", "cat ../x")).code).toBe(5)
    })
  )

  it.live("are below --root, if that is given", () =>
    Effect.gen(function* () {
      const elsewhere = file("rubrics/rubric.yaml", sample)
      const on = (...args: ReadonlyArray<string>) => policy(["check", "--policy", elsewhere, "-C", project, ...args])
      expect((yield* on("--", "npm test")).code).toBe(5)
      expect((yield* on("--root", project, "--", "npm test")).code).toBe(0)
      const table = file(
        "rubrics/table.yaml",
        `rubric: rubric.yaml\ncwd: ${project}\ncases: [{ command: npm test, expect: accept }]`
      )
      expect((yield* policy(["test", table])).code).toBe(1)
      expect((yield* policy(["test", table, "--root", project])).code).toBe(0)
    })
  )
})
