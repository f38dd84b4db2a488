// oxlint-disable no-control-regex
// The built command, against the real binary with a stand-in for the model's API.
import * as Stable from "@effect-codex/core/protocol/generated/Stable"
import { CodexTest, MockModel } from "@effect-codex/core/testing"
import { beforeAll, describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { existsSync, readFileSync } from "node:fs"
import * as path from "node:path"
import stringWidth from "string-width"
import { type Options, runFile } from "../../../scripts/run-command.ts"
import * as Terminal from "../../../scripts/terminal.ts"
import { version } from "../src/Version.ts"
import { build, mainOf } from "./built.ts"
import { lacks } from "../../core/test/server.ts"

const main = mainOf("commands")
beforeAll(() => build("commands"))

const manifest = JSON.parse(readFileSync(path.join(import.meta.dirname, "..", "package.json"), "utf8"))

const atHome = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  script: MockModel.Script = () => MockModel.reply(MockModel.text("Done."))
) => Effect.provide(effect, CodexTest.layerHome(script, { model: "gpt-5.5", verifyOnClose: false }))

/** Runs the command at the home that is there. */
const command = (args: ReadonlyArray<string>, options?: Options) =>
  Effect.flatMap(CodexTest.Home, ({ cwd, env }) =>
    runFile(main, args, { cwd, ...options, env: { ...env, ...options?.env } })
  )

const inTerminal = (args: ReadonlyArray<string>, options?: Terminal.Options) =>
  Effect.flatMap(CodexTest.Home, ({ cwd, env }) =>
    Terminal.start(main, args, { cwd, ...options, env: { ...env, ...options?.env } })
  )

const json = <A>(schema: Schema.Codec<A, unknown>) => Schema.decodeUnknownEffect(Schema.fromJsonString(schema))

const readThread = json(Stable.Thread())
const readList = json(Schema.Struct({ data: Schema.Array(Stable.Thread()), nextCursor: Schema.NullOr(Schema.String) }))
const readModels = json(Schema.Struct({ data: Schema.Array(Stable.Model()) }))

const begin = (prompt: string) =>
  Effect.gen(function* () {
    const { code, stdout } = yield* command(["run", "--json", prompt])
    expect(code).toBe(0)
    const { threadId } = yield* json(Schema.Struct({ threadId: Schema.String }))(stdout)
    return threadId
  })

const listed = (...flags: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const { code, stdout } = yield* command(["threads", "list", "--json", ...flags])
    expect(code).toBe(0)
    return yield* readList(stdout)
  })

const idsOf = (list: { readonly data: ReadonlyArray<{ readonly id: string }> }) => list.data.map(({ id }) => id)

describe("effect-codex", () => {
  it.live("knows its version from its package, also when it is built", () =>
    Effect.gen(function* () {
      const { code, stdout } = yield* runFile(main, ["--version"])
      expect(stdout.trim()).toBe(`effect-codex v${manifest.version}`)
      expect(code).toBe(0)
    })
  )

  it.live("shows help with examples for every command", () =>
    Effect.gen(function* () {
      const root = yield* runFile(main, ["--help"])
      const names = Array.from(
        root.stdout.split("SUBCOMMANDS")[1]?.matchAll(/^ {2}([a-z]+)/gm) ?? [],
        ([, name]) => name ?? ""
      )
      expect(names).toContain("threads")
      for (const name of names) {
        const { code, stderr, stdout } = yield* runFile(main, [name, "--help"])
        expect(code, name).toBe(0)
        expect(stderr, name).toBe("")
        expect(stdout, name).toMatch(/EXAMPLES|SUBCOMMANDS/)
      }
    })
  )

  it.live("writes completions for the shells", () =>
    Effect.gen(function* () {
      for (const shell of ["bash", "zsh", "fish"]) {
        const { code, stdout } = yield* runFile(main, ["--completions", shell])
        expect(code).toBe(0)
        expect(stdout).toContain("unarchive")
      }
    })
  )

  const mistakes: ReadonlyArray<readonly [args: ReadonlyArray<string>, code: number, says: RegExp]> = [
    [["doctr"], 2, /Did you mean doctor\?/],
    [["threads", "lst"], 2, /Did you mean list or ls\?/],
    [["models", "--jsn"], 2, /Did you mean --json\?/],
    [["threads", "show"], 2, /by its ID, or use --last/],
    [["threads", "show", "nope"], 2, /No thread has an id that begins with "nope"/],
    [["threads", "show", "0199b6f2"], 2, /No thread has an id that begins with "0199b6f2"/],
    [["help", "doctr"], 2, /Did you mean doctor\?/],
    [["threads", "list", "--limit", "0"], 2, /--limit: "0"\. Expected: a whole number from 1 to 1000\./],
    [["threads", "list", "--limit", "all"], 2, /--limit: "all"\. Expected: a whole number from 1 to 1000\./],
    [["run", "--budget-tokens", "0", "hi"], 2, /--budget-tokens: "0"\. Expected: a whole number of at least 1\./],
    [["run", "--budget-tokens", "1e3", "hi"], 2, /--budget-tokens: "1e3"\. Expected: a whole number of at least 1\./],
    [["run", "--budget-tokens=-1", "hi"], 2, /--budget-tokens: "-1"\. Expected: a whole number of at least 1\./],
    [["audit", "show", "x", "--last", "1.5"], 2, /--last: "1\.5"\. Expected: a whole number of at least 0\./],
    [["policy", "check", "--policy", "rubric.yaml"], 2, /Give one of these: a command after --/],
    [["threads", "delete", "x"], 2, /Confirm with --yes/],
    [["login", "--method", "api-key"], 2, /--api-key-stdin/],
    [["models", "--cwd", "/nowhere"], 2, /--cwd: \/nowhere is not a folder/],
    [["models", "--offline", "--codex-home", "/"], 2, /not both/],
    [["models", "-c", "model"], 2, /key=value/],
    [["models", "--codex", "/nowhere"], 4, /npm install @openai\/codex/],
    [["models", "--codex", "/bin/false"], 4, /exited with code 1/]
  ]
  for (const [args, expected, says] of mistakes) {
    it.live(`says in one line what is wrong with: ${args.join(" ")}`, () =>
      Effect.gen(function* () {
        const { code, stderr, stdout } = yield* runFile(main, args)
        expect(stdout).toBe("")
        expect(stderr).toMatch(says)
        expect(stderr.trimEnd().split("\n")).toHaveLength(1)
        expect(code).toBe(expected)
      })
    )
  }

  it.live("says in one line which Node it needs, on one that is too old to run it", () =>
    Effect.gen(function* () {
      // What an older Node says of itself; the rest of the entry is read by it as it is.
      const old = 'Object.defineProperty(process,"versions",{value:{...process.versions,node:"20.11.0"}})'
      const { code, stderr, stdout } = yield* runFile("--import", [`data:text/javascript,${old}`, main, "--version"])
      expect(stdout).toBe("")
      expect(stderr).toMatch(/^effect-codex: Node 22\.19 or newer is required, but this is 20\.11\.0\. .*\n$/)
      expect(code).toBe(1)
      expect(readFileSync(main, "utf8")).not.toMatch(/^import \{/m)
    })
  )

  for (const columns of [60, 80, 200]) {
    it.live(`wraps help at ${columns} columns, and lists global flags once`, () =>
      Effect.gen(function* () {
        for (const args of [["--help"], ["run", "--help"], ["help", "policy", "check"]]) {
          const program = yield* Terminal.start(main, args, { columns, rows: 200 })
          expect(yield* program.code).toBe(0)
          const lines = program
            .written()
            .replaceAll(/\u001b\[[0-9;]*m/g, "")
            .split(/\r?\n/)
          const wide = lines.filter((line) => !/^ {2}\S/.test(line) && stringWidth(line) > Math.min(columns, 120))
          expect(wide).toEqual([])
          expect(lines.includes("GLOBAL FLAGS")).toBe(args[0] === "--help")
        }
      }).pipe(Effect.scoped)
    )
  }

  it.live("has --version and version", () =>
    Effect.gen(function* () {
      expect((yield* runFile(main, ["version"])).stdout).toBe((yield* runFile(main, ["--version"])).stdout)
    })
  )

  it.live("shows where something went wrong with --debug, and only then", () =>
    Effect.gen(function* () {
      const plain = yield* runFile(main, ["models", "--codex", "/nowhere"])
      expect(plain.stderr).not.toMatch(/^ +at /m)
      const debug = yield* runFile(main, ["models", "--codex", "/nowhere", "--debug"])
      expect(debug.stderr).toMatch(/^ +at /m)
      expect(debug.code).toBe(4)
    })
  )
})

describe("effect-codex threads", () => {
  it.live("lists page by page, and all at once", () =>
    atHome(
      Effect.gen(function* () {
        const first = yield* begin("first")
        const second = yield* begin("second")
        const all = yield* listed("--all", "--limit", "1")
        expect(new Set(idsOf(all))).toEqual(new Set([first, second]))
        expect(all.nextCursor).toBeNull()

        const page = yield* listed("--limit", "1")
        expect(page.data).toHaveLength(1)
        const rest = yield* listed("--limit", "1", "--cursor", page.nextCursor ?? "")
        expect(new Set([...idsOf(page), ...idsOf(rest)])).toEqual(new Set([first, second]))

        const told = yield* command(["threads", "list", "--limit", "1"])
        expect(told.stderr).toMatch(/^There are more: --all, or --cursor \S+\n$/)
      })
    )
  )

  it.live.skipIf(lacks("forksListed"))("shows what was said, names, forks, puts away, takes back and deletes", () =>
    atHome(
      Effect.gen(function* () {
        const id = yield* begin("Say it.")
        const shown = yield* command(["threads", "show", id])
        expect(shown.stdout).toContain(`Thread   ${id}\n`)
        expect((yield* command(["threads", "show", "--last"])).stdout).toBe(shown.stdout)
        expect((yield* command(["threads", "show", id.slice(0, 12)])).stdout).toBe(shown.stdout)
        expect(shown.stdout).toMatch(/^User: Say it\.\nAssistant: Done\.$/m)

        expect((yield* command(["threads", "rename", id, "A title"])).stdout).toBe(`${id} is called A title.\n`)
        const thread = yield* Effect.flatMap(command(["threads", "show", id, "--json"]), ({ stdout }) =>
          readThread(stdout)
        )
        expect(thread.name).toBe("A title")
        expect(thread.turns).toHaveLength(1)

        const fork = (yield* command(["threads", "fork", id])).stdout.trim()
        expect(new Set(idsOf(yield* listed()))).toEqual(new Set([id, fork]))

        expect((yield* command(["threads", "archive", fork])).code).toBe(0)
        expect(idsOf(yield* listed())).toEqual([id])
        expect(idsOf(yield* listed("--archived"))).toEqual([fork])
        expect((yield* command(["threads", "unarchive", fork, "--json"])).stdout).toContain(`"${fork}"`)
        expect(idsOf(yield* listed())).toContain(fork)

        expect((yield* command(["threads", "delete", "--yes", fork])).stdout).toBe(`${fork} is deleted.\n`)
        expect(idsOf(yield* listed())).toEqual([id])
        const gone = yield* command(["threads", "show", fork])
        expect(gone.code).toBe(2)
        expect(gone.stderr).toBe(
          `effect-codex: No thread "${fork}" exists. Check the id, or leave it out to start a new thread. (docs/errors.md#sessionnotfound, version ${version})\n`
        )
      })
    )
  )

  it.live("asks before it deletes, and deletes nothing unless that is wanted", () =>
    atHome(
      Effect.gen(function* () {
        const id = yield* begin("Keep me.")
        const refused = yield* inTerminal(["threads", "delete", id.slice(0, 13)])
        yield* refused.waitFor(new RegExp(`Delete thread ${id} for good\\?`))
        yield* refused.type("n")
        expect(yield* refused.code).toBe(5)
        expect(refused.written()).toContain("Nothing was deleted.")

        const left = yield* inTerminal(["threads", "delete", id])
        yield* left.waitFor(/for good\?/)
        yield* left.type(Terminal.ctrlC)
        expect(yield* left.code).toBe(130)
        expect(idsOf(yield* listed())).toEqual([id])

        const wanted = yield* inTerminal(["threads", "delete", id])
        yield* wanted.waitFor(/for good\?/)
        yield* wanted.type("y")
        expect(yield* wanted.code).toBe(0)
        expect(idsOf(yield* listed())).toEqual([])
      }).pipe(Effect.scoped)
    )
  )

  it.live("fits a narrow terminal, and a pipe gets everything", () =>
    atHome(
      Effect.gen(function* () {
        const id = yield* begin("把所有的测试都写得更好一些，然后把发布说明也写完，谢谢")
        const narrow = yield* inTerminal(["threads", "list"], { columns: 72, env: { NO_COLOR: "1" } })
        expect(yield* narrow.code).toBe(0)
        const lines = narrow
          .written()
          .split(/\r?\n/)
          .filter((line) => line !== "")
        expect(lines).toHaveLength(2)
        expect(lines[1]).toMatch(new RegExp(`^${id.slice(0, 8)} .*把.*…$`))
        expect(Math.max(...lines.map((line) => stringWidth(line)))).toBeLessThanOrEqual(72)

        const piped = yield* command(["threads", "list"])
        expect(piped.stdout).toContain("谢谢")
        expect(piped.stdout).not.toMatch(/\x1b/)
      }).pipe(Effect.scoped)
    )
  )

  it.live("lets nothing of a title or a prompt reach the terminal that it would obey", () =>
    atHome(
      Effect.gen(function* () {
        const id = yield* begin("x")
        yield* command(["threads", "rename", id, "\u001b]0;owned\u0007\u009b31mred\u202e"])
        for (const args of [["list"], ["list", "--json"], ["show", id], ["show", id, "--json"]]) {
          const { stdout } = yield* command(["threads", ...args])
          expect(stdout, args.join(" ")).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/)
          expect(stdout, args.join(" ")).toContain("red")
        }
      })
    )
  )
})

describe("effect-codex login, logout, account and models", () => {
  it.live("takes a key from standard input, says it nowhere, and forgets it", () =>
    atHome(
      Effect.gen(function* () {
        const { home } = yield* CodexTest.Home
        const key = "sk-test-0123456789"
        const login = yield* command(["login", "--api-key-stdin"], { stdin: `${key}\n` })
        expect(login.code).toBe(0)
        expect(login.stdout).toMatch(/^Logged in\./)
        expect(login.stdout + login.stderr).not.toContain(key)
        expect(readFileSync(path.join(home, "auth.json"), "utf8")).toContain(key)

        expect((yield* command(["logout"])).code).toBe(0)
        expect(existsSync(path.join(home, "auth.json"))).toBe(false)
      })
    )
  )

  it.live("takes nothing for a key that is none", () =>
    Effect.gen(function* () {
      for (const stdin of ["", "  \n", "two words\n"]) {
        const { code, stderr } = yield* runFile(main, ["login", "--api-key-stdin", "--offline"], { stdin })
        expect(code).toBe(2)
        expect(stderr).toContain("no API key")
      }
    })
  )

  it.live("asks for a key without showing it", () =>
    atHome(
      Effect.gen(function* () {
        const program = yield* inTerminal(["login", "--method", "api-key"])
        yield* program.waitFor(/API key/)
        yield* program.type("sk-typed-42\r")
        expect(yield* program.code).toBe(0)
        expect(program.written()).not.toContain("sk-typed-42")
        const { home } = yield* CodexTest.Home
        expect(readFileSync(path.join(home, "auth.json"), "utf8")).toContain("sk-typed-42")
      }).pipe(Effect.scoped)
    )
  )

  it.live("gives a login in a browser up at Ctrl-C", () =>
    atHome(
      Effect.gen(function* () {
        const program = yield* inTerminal(["login"])
        yield* program.waitFor(/Ctrl-C cancels/)
        expect(program.written()).toMatch(/https:\/\/auth\.openai\.com\//)
        yield* program.type(Terminal.ctrlC)
        expect(yield* program.code).toBe(130)
      }).pipe(Effect.scoped)
    )
  )

  it.live("says who is logged in, and exits with 3 if somebody has to be and nobody is", () =>
    atHome(
      Effect.gen(function* () {
        expect((yield* command(["account"])).stdout).toBe("The model provider requires no account.\n")
        const { cwd, env } = yield* CodexTest.Home
        const openai = ["-c", "model_provider=openai"]
        const nobody = yield* runFile(main, ["account", ...openai], { cwd, env })
        expect(nobody.code).toBe(3)
        expect(nobody.stdout).toBe("")
        yield* command(["login", "--api-key-stdin"], { stdin: "sk-test-1" })
        const somebody = yield* runFile(main, ["account", "--json", ...openai], { cwd, env })
        expect(somebody.code).toBe(0)
        expect(yield* json(Stable.GetAccountResponse())(somebody.stdout)).toMatchObject({ account: { type: "apiKey" } })
      })
    )
  )

  it.live("lists the models, as a table and for programs", () =>
    Effect.gen(function* () {
      const { data } = yield* Effect.flatMap(runFile(main, ["models", "--offline", "--json"]), ({ stdout }) =>
        readModels(stdout)
      )
      const chosen = data.find(({ isDefault }) => isDefault)
      const { code, stdout } = yield* runFile(main, ["models", "--offline"])
      expect(code).toBe(0)
      expect(stdout).toContain(`${chosen?.model} (default)`)
      expect(stdout.trimEnd().split("\n")).toHaveLength(data.length + 1)
    })
  )
})
