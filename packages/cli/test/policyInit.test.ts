// oxlint-disable no-control-regex
// The built `policy init` in real folders and at a real terminal. No codex is needed for that.
import * as Rubric from "@effect-codex/policy/Rubric"
import { review } from "@effect-codex/policy/RubricWarning"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { beforeAll, describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { execFileSync } from "node:child_process"
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { runFile } from "../../../scripts/run-command.ts"
import * as Terminal from "../../../scripts/terminal.ts"
import { build, mainOf } from "./built.ts"

const main = mainOf("policyInit")
const files = mkdtempSync(path.join(tmpdir(), "effect-codex-init-"))

beforeAll(() => {
  const remove = build("policyInit")
  return () => {
    remove()
    rmSync(files, { recursive: true })
  }
})

let count = 0
/** A project with these files; one that ends in a slash is a folder. */
const project = (content: Readonly<Record<string, string>>): string => {
  const dir = path.join(files, `project-${++count}`)
  mkdirSync(dir)
  for (const [name, text] of Object.entries(content)) {
    if (name.endsWith("/")) mkdirSync(path.join(dir, name))
    else writeFileSync(path.join(dir, name), text)
  }
  return dir
}

const policy = (...args: ReadonlyArray<string>) => runFile(main, ["policy", ...args])
const init = (...args: ReadonlyArray<string>) => policy("init", ...args)
const read = (dir: string, name = "rubric.yaml") => readFileSync(path.join(dir, name), "utf8")

/** The pair as it was written: without mistakes, and passing its own test, all of it. */
const verify = Effect.fnUntraced(function* (dir: string) {
  // As `policy lint` does.
  const rubric = yield* Rubric.load(path.join(dir, "rubric.yaml")).pipe(Effect.provide(NodeServices.layer))
  const test = yield* policy("test", path.join(dir, "rubric.test.yaml"), "--json")
  expect(JSON.parse(test.stdout)).toMatchObject({ ok: true })
  expect(test.code).toBe(0)
  expect(read(dir, "rubric.test.yaml")).not.toContain("Left out")
  return { rubric, warnings: review(rubric) }
})

describe("effect-codex policy init --yes", () => {
  const kinds: ReadonlyArray<readonly [what: string, content: Record<string, string>, packs: ReadonlyArray<string>]> = [
    ["node", { "package.json": `\ufeff{"scripts": {"test": "vitest", "lint": "oxlint"}}` }, ["node"]],
    ["pnpm", { "package.json": `{"scripts": {"test": "vitest"}}`, "pnpm-lock.yaml": "" }, ["node"]],
    ["rust", { "Cargo.toml": "[package]" }, ["rust"]],
    ["python", { "pyproject.toml": "[project]" }, ["python"]],
    ["go", { "go.mod": "module x" }, ["go"]],
    ["make", { Makefile: "test:\n\ttrue\n" }, ["make"]],
    ["Maven", { "pom.xml": "<project/>" }, ["java"]],
    ["Gradle", { "build.gradle.kts": "" }, ["java"]],
    [
      "mixed",
      { "package.json": "{}", Makefile: "", "Cargo.toml": "", "go.mod": "", "setup.py": "" },
      ["node", "rust", "python", "go", "make"]
    ],
    ["empty", {}, []]
  ]
  for (const [what, content, packs] of kinds) {
    it.effect(`writes a rubric and its test for a project: ${what}`, () =>
      Effect.gen(function* () {
        const dir = project(content)
        const isMixed = what === "mixed"
        if (isMixed) execFileSync("git", ["init", "--quiet", dir])
        const { code, stderr, stdout } = yield* init("--yes", dir)
        expect([code, stderr]).toEqual([0, ""])
        expect(stdout).toContain(read(dir).trimEnd())
        expect(stdout).toContain(read(dir, "rubric.test.yaml").trimEnd())
        const { rubric, warnings } = yield* verify(dir)
        expect(rubric).toEqual({
          mode: "balanced",
          allowedRoots: ["."],
          ...(packs.length === 0 ? {} : { extends: packs })
        })
        expect(warnings).toEqual([])
        if (isMixed)
          expect((yield* policy("lint", path.join(dir, "rubric.yaml"))).stdout).toBe("mistakes=0 warnings=0\n")
        if (what === "pnpm") expect(read(dir, "rubric.test.yaml")).toContain('command: "pnpm run test", expect: accept')
        expect(read(dir)).toMatch(/^# The approval rules of this project/)
      })
    )
  }

  it.effect("declines files with secrets that are there, and not their examples", () =>
    Effect.gen(function* () {
      const dir = project({
        ".env": "A=b",
        ".env.local": "",
        ".env.example": "",
        "secrets/": "",
        "server.key": "",
        "key.ts": ""
      })
      yield* init("--yes", dir)
      const { rubric } = yield* verify(dir)
      expect(rubric.commandRules?.[0]).toMatchObject({
        when: { pathsWithin: [".env", ".env.local", "secrets", "server.key"] },
        decision: "decline"
      })
    })
  )

  it.effect("is not misled by names in package.json", () =>
    Effect.gen(function* () {
      const names = [
        "test",
        "test:x\nmode: permissive",
        "lint\u001b[2J\u001b]0;x\u0007",
        "a: b # c",
        "- x",
        "--evil",
        "build && curl x | sh",
        "$(id)",
        "\u202etset",
        "__proto__",
        "{ x: y }",
        "'\"",
        "test\u2028commandRules: []"
      ]
      const scripts = names.map((name) => `${JSON.stringify(name)}: "x"`).join(", ")
      const dir = project({ "package.json": `{"scripts": {${scripts}, "n": 1}, "packageManager": "sh@1; rm"}` })
      const { code, stdout } = yield* init("--yes", dir)
      expect(code).toBe(0)
      expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u202a-\u202e]/)
      const { rubric } = yield* verify(dir)
      expect(rubric).toEqual({ mode: "balanced", allowedRoots: ["."], extends: ["node"] })
      expect(read(dir)).toContain("# Scripts with unusual names are left out: ")
      const cases = read(dir, "rubric.test.yaml")
        .split("\n")
        .filter((line) => line.includes("expect: accept"))
      expect(cases).toEqual(["  - { command: ls, expect: accept }", '  - { command: "npm run test", expect: accept }'])
    })
  )

  it.effect("says what it could not read, and goes on without it", () =>
    Effect.gen(function* () {
      const broken: ReadonlyArray<readonly [Record<string, string>, string]> = [
        [{ "package.json": "{ broken" }, "it is not JSON"],
        [{ "package.json": "[]" }, ""],
        [{ "package.json": `{"scripts": [1]}` }, ""],
        [{ "package.json/": "" }, "it is not a file"],
        [{ "package.json": `"${"x".repeat(1024 * 1024)}"` }, "it is longer than 1 MiB"]
      ]
      for (const [content, note] of broken) {
        const dir = project(content)
        expect((yield* init("--yes", dir)).code).toBe(0)
        expect((yield* verify(dir)).rubric.extends).toEqual(["node"])
        if (note === "") expect(read(dir)).not.toContain("can't be read")
        else expect(read(dir)).toContain(`# package.json can't be read: ${note}. Its scripts are not known.\n`)
      }
      const pipe = project({})
      execFileSync("mkfifo", [path.join(pipe, "package.json")])
      expect((yield* init("--yes", pipe)).stdout).toContain("package.json can't be read: it is not a file")
      const dangling = project({})
      symlinkSync("nowhere", path.join(dangling, "package.json"))
      expect((yield* init("--yes", dangling)).stdout).toContain("package.json can't be read: it does not exist")
      // Root reads everything.
      if (process.getuid?.() !== 0) {
        const locked = project({ "package.json": "{}" })
        chmodSync(path.join(locked, "package.json"), 0)
        expect((yield* init("--yes", locked)).stdout).toContain("package.json can't be read: permission denied")
      }
    })
  )

  it.effect("replaces nothing that is there, not by a link either, without --force", () =>
    Effect.gen(function* () {
      for (const name of ["rubric.yaml", "rubric.test.yaml"]) {
        const dir = project({ [name]: "mine" })
        const { code, stderr } = yield* init("--yes", dir)
        expect([code, stderr]).toEqual([2, expect.stringContaining(`${name} is there already. --force replaces it.`)])
        expect(readdirSync(dir)).toEqual([name])
        expect(read(dir, name)).toBe("mine")
        expect((yield* init("--yes", dir, "--force")).code).toBe(0)
        yield* verify(dir)
      }
      const dir = project({})
      symlinkSync(path.join(dir, "target"), path.join(dir, "rubric.test.yaml"))
      expect((yield* init("--yes", dir)).code).toBe(2)
      expect(readdirSync(dir)).toEqual(["rubric.test.yaml"])
    })
  )

  it.effect("says what is wrong with the command line", () =>
    Effect.gen(function* () {
      const dir = project({})
      expect(yield* init(dir)).toMatchObject({
        code: 2,
        stderr: expect.stringContaining("Take the defaults with --yes.")
      })
      expect(yield* init("--yes", path.join(dir, "no"))).toMatchObject({
        code: 2,
        stderr: expect.stringContaining("cannot be read")
      })
      expect(yield* init("--yes", dir, "-o", path.join(dir, "rubric.json"))).toMatchObject({ code: 2 })
      expect(yield* init("--yes", dir, "-o", path.join(dir, ".yaml"))).toMatchObject({ code: 2 })
      expect(yield* init("--yes", dir, "-o", path.join(files, "other.yaml"))).toMatchObject({ code: 2 })
      expect(readdirSync(dir)).toEqual([])
      expect((yield* init("--yes", dir, "-o", path.join(dir, "rules.yml"))).code).toBe(0)
      expect(readdirSync(dir).toSorted()).toEqual(["rules.test.yml", "rules.yml"])
      expect((yield* policy("test", path.join(dir, "rules.test.yml"))).code).toBe(0)
    })
  )
})

describe("effect-codex policy init at a terminal", () => {
  const content = { "package.json": `{"scripts": {"test": "x", "dev": "y", "e2e": "z"}}`, ".env": "" }
  const start = (dir: string) => Terminal.start(main, ["policy", "init"], { cwd: dir, columns: 160, rows: 100 })

  it.live("asks, shows what it would write, and writes it", () =>
    Effect.gen(function* () {
      const dir = project(content)
      mkdirSync(path.join(dir, ".git"))
      const program = yield* start(dir)
      yield* program.waitFor(/only read in this folder/)
      yield* program.type("n")
      yield* program.waitFor(/pack node/)
      yield* program.type("y")
      yield* program.waitFor(/Other scripts/)
      // Past the choices of all and none: the first script, with the space bar.
      yield* program.type("j")
      yield* program.type("j")
      yield* program.type(" ")
      yield* program.type("\r")
      yield* program.waitFor(/git-commit/)
      yield* program.type("y")
      yield* program.waitFor(/changes of files/)
      yield* program.type("y")
      yield* program.waitFor(/may read \.env/)
      yield* program.type("n")
      yield* program.waitFor(/Write these two files/)
      expect(existsSync(path.join(dir, "rubric.yaml"))).toBe(false)
      expect(program.written()).toContain("git-commit")
      yield* program.type("y")
      expect(yield* program.code).toBe(0)
      const { rubric } = yield* verify(dir)
      expect(rubric).toEqual({
        mode: "strict",
        allowedRoots: ["."],
        extends: ["node", "git-commit"],
        commandRules: [{ name: "script dev", when: { program: "npm", args: ["run", "dev"] }, decision: "accept" }],
        fileChangeRules: [{ name: "files", when: { pathsWithin: ["."] }, decision: "accept" }]
      })
    }).pipe(Effect.scoped)
  )

  it.live("writes nothing after a no, or a Ctrl-C at any question", () =>
    Effect.gen(function* () {
      const questions = [
        /only read/,
        /pack node/,
        /Other scripts/,
        /changes of files/,
        /may read/,
        /Write these two files/
      ]
      for (const [at, last] of questions.entries()) {
        const dir = project(content)
        const program = yield* start(dir)
        for (const question of questions.slice(0, at)) {
          yield* program.waitFor(question)
          yield* program.type(question.source === "Other scripts" ? "\r" : "y")
        }
        yield* program.waitFor(last)
        yield* program.type(Terminal.ctrlC)
        expect(yield* program.code).toBe(130)
        expect(readdirSync(dir).toSorted()).toEqual([".env", "package.json"])
      }
      const dir = project({})
      const program = yield* start(dir)
      for (const [question, answer] of [
        [/only read/, "y"],
        [/changes of files/, "y"],
        [/Write these two files/, "n"]
      ] as const) {
        yield* program.waitFor(question)
        yield* program.type(answer)
      }
      expect(yield* program.code).toBe(1)
      expect(readdirSync(dir)).toEqual([])
    }).pipe(Effect.scoped)
  )
})
