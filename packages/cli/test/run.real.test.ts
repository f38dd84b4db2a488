// oxlint-disable no-control-regex
// The built command, against the real binary with a stand-in for the model's API.
import * as RunOutput from "@effect-codex/cli/RunOutput"
import { CodexTest, MockModel } from "@effect-codex/core/testing"
import { beforeAll, describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { execFileSync } from "node:child_process"
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { type Options, runFile } from "../../../scripts/run-command.ts"
import * as Terminal from "../../../scripts/terminal.ts"

const cli = path.dirname(import.meta.dirname)
// Where the package's own would be, so that it finds the same things, and apart from it, as others may be building that.
const bin = path.join(cli, "bin-run-test")
const main = path.join(bin, "effect-codex.js")
const files = mkdtempSync(path.join(tmpdir(), "effect-codex-run-"))
const file = (name: string, content: string | Uint8Array) => {
  writeFileSync(path.join(files, name), content)
  return path.join(files, name)
}

beforeAll(() => {
  execFileSync(process.execPath, [path.join(cli, "scripts", "bundle.ts"), bin])
  return () => {
    rmSync(bin, { recursive: true })
    rmSync(files, { recursive: true })
  }
})

const run = (args: ReadonlyArray<string>, options?: Options) => runFile(main, ["run", ...args], options)

/** Runs the command on a home of its own, whose model answers as the script says. */
const runWith = (script: MockModel.Script, args: ReadonlyArray<string>, options?: Options) =>
  Effect.gen(function* () {
    const { cwd, env } = yield* CodexTest.Home
    return yield* run(args, { cwd, env, ...options })
  }).pipe(Effect.provide(CodexTest.layerHome(script, { verifyOnClose: false })))

const startWith = (args: ReadonlyArray<string>, options?: Terminal.Options) =>
  Effect.gen(function* () {
    const { cwd, env } = yield* CodexTest.Home
    return yield* Terminal.start(main, ["run", ...args], { cwd, env, ...options })
  })

// The processes that were started for a home, which they have in their environment.
const processesWith = (home: string): ReadonlyArray<string> =>
  readdirSync("/proc").filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, "utf8").includes(`CODEX_HOME=${home}`)
    } catch {
      return false
    }
  })

const ids = /[0-9a-f]{8}-[0-9a-f-]{27}/g
const seconds = /elapsed=\d+\.\ds/g
const folders = /^Folder: .*$/gm
const normal = (text: string) =>
  text.replaceAll(ids, "ID").replaceAll(seconds, "elapsed=T").replaceAll(folders, "Folder: DIR")

const greeting = [
  "Hello! You said: hi",
  "",
  "I am a stand-in for the model: this ran on the real codex binary, without an account and without a network. Leave out --offline, and a model answers."
].join("\n")

const transcript = `Session: ID
Model: gpt-5.5
Sandbox: read-only
Approvals: on-request, declined
Folder: DIR

== Turn Started ==
[thinking] **Greeting** the user.
Assistant: ${greeting}

[summary] status=completed, tools=0, errors=0, elapsed=T, tokens=110
== Turn Completed ==
`

describe("effect-codex run", () => {
  it.live("gives a pipe the answer, and shows the rest on standard error", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* run(["--offline", "hi"])
      expect(stdout).toBe(`${greeting}\n`)
      expect(normal(stderr)).toBe(transcript)
      expect(code).toBe(0)
    })
  )

  it.live("in colour where it is asked for, and without where nobody asks", () =>
    Effect.gen(function* () {
      const forced = yield* run(["--offline", "hi"], { env: { CLICOLOR_FORCE: "1" } })
      expect(forced.stderr).toContain("\u001b[32mAssistant:\u001b[0m Hello!")
      expect(forced.stdout).toBe(`${greeting}\n`)
      const refused = yield* run(["--offline", "hi"], { env: { CLICOLOR_FORCE: "1", NO_COLOR: "" } })
      expect(normal(refused.stderr)).toBe(transcript)
    })
  )

  it.live("takes the prompt from standard input, or from a file", () =>
    Effect.gen(function* () {
      const piped = yield* run(["--offline", "--quiet", "-"], { stdin: "hi\n" })
      expect(piped).toMatchObject({ code: 0, stdout: `${greeting}\n`, stderr: "" })
      const unnamed = yield* run(["--offline", "--quiet"], { stdin: "hi" })
      expect(unnamed.stdout).toBe(`${greeting}\n`)
      const fromFile = yield* run(["--offline", "--quiet", "--prompt-file", file("prompt.txt", "hi\n")])
      expect(fromFile.stdout).toBe(`${greeting}\n`)
    })
  )

  it.live("prints one JSON object, or a line an event, that its own schemas read", () =>
    Effect.gen(function* () {
      const json = yield* run(["--offline", "--json", "hi"])
      const result = yield* Schema.decodeEffect(Schema.fromJsonString(RunOutput.RunResult))(json.stdout)
      expect(result).toMatchObject({ status: "completed", exitCode: 0, text: greeting, declined: 0 })
      expect(result.usage?.totalTokens).toBe(110)
      expect(json.stderr).toBe("")

      const jsonl = yield* run(["--offline", "--jsonl", "hi"])
      const lines = yield* Effect.forEach(jsonl.stdout.trimEnd().split("\n"), (line) =>
        Schema.decodeEffect(RunOutput.RunLine)(line)
      )
      expect(lines[0]?.type).toBe("thread/ready")
      expect(lines.at(-2)?.type).toBe("turn/completed")
      expect(lines.at(-1)).toMatchObject({ type: "result", text: greeting })
      const deltas = lines.map((line) => ("textDelta" in line && line.phase === "assistant" ? line.textDelta : ""))
      expect(deltas.join("")).toBe(greeting)
    })
  )

  it.live("records what passes where it is asked for", () =>
    Effect.gen(function* () {
      const recording = path.join(files, "recorded.jsonl")
      const secret = `ghp_${"aB3dE5".repeat(6)}`
      const { code } = yield* runWith(
        [MockModel.reply(MockModel.text(`It is ${secret}`))],
        ["--record", recording, `Use ${secret}`]
      )
      expect(code).toBe(0)
      expect(statSync(recording).mode & 0o777).toBe(0o600)
      expect(readFileSync(recording, "utf8")).not.toContain(secret)
      const { stdout } = yield* runFile(main, ["transcript", "show", recording])
      expect(stdout).toContain("Assistant: It is [redacted]")
    })
  )

  it.live("asks for an answer in the form of a schema, and refuses one that is no JSON", () =>
    Effect.gen(function* () {
      const schema = file(
        "schema.json",
        '{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"],"additionalProperties":false}'
      )
      const args = ["--json", "--output-schema", schema, "count"]
      const script = [MockModel.reply(MockModel.text('{"n":3}'))]
      const good = yield* runWith(script, args)
      expect(JSON.parse(good.stdout)).toMatchObject({ status: "completed", value: { n: 3 } })
      const bad = yield* runWith([MockModel.reply(MockModel.text("three"))], args)
      expect(JSON.parse(bad.stdout)).toMatchObject({ status: "failed", exitCode: 1, error: { tag: "OutputInvalid" } })
      expect(bad.code).toBe(1)
    })
  )

  it.live("goes on with a thread by its id, or with the last one of the folder", () =>
    Effect.gen(function* () {
      const script = ["one", "two", "three"].map((text) => MockModel.reply(MockModel.text(text)))
      yield* Effect.gen(function* () {
        const { cwd, env } = yield* CodexTest.Home
        const begun = JSON.parse((yield* run(["--json", "begin"], { cwd, env })).stdout)
        const last = JSON.parse((yield* run(["--json", "--last", "go on"], { cwd, env })).stdout)
        const named = JSON.parse((yield* run(["--json", "--session", begun.threadId, "go on"], { cwd, env })).stdout)
        expect([begun.text, last.text, named.text]).toEqual(["one", "two", "three"])
        expect([last.threadId, named.threadId]).toEqual([begun.threadId, begun.threadId])
      }).pipe(Effect.provide(CodexTest.layerHome(script)))
    })
  )
})

describe("what an agent asks for", () => {
  const command = MockModel.execCommand({ cmd: "touch made.txt", escalate: "May I?" })
  const script = [MockModel.reply(command), MockModel.reply(MockModel.text("Tried."))]
  const approvalPolicy = ["--approval-policy", "untrusted"]

  it.live("is declined when nobody decides, which is said, and is a failure where that is asked for", () =>
    Effect.gen(function* () {
      const quiet = yield* runWith(script, [...approvalPolicy, "try"])
      expect(quiet.code).toBe(0)
      expect(quiet.stdout).toBe("Tried.\n")
      expect(quiet.stderr).toContain("[approval] command: decline (declineAll)")
      expect(quiet.stderr).toContain(
        "1 request of the agent was declined. Allow more with --ask, --policy or --accept-all."
      )
      const strict = yield* runWith(script, [...approvalPolicy, "--fail-on-decline", "--quiet", "try"])
      expect(strict).toMatchObject({ code: 5, stdout: "Tried.\n" })
    })
  )

  it.live("is decided by the rules of a file", () =>
    Effect.gen(function* () {
      const rubric = JSON.stringify({
        commandRules: [{ name: "touch", when: { program: "touch", anywhere: true }, decision: "accept" }]
      })
      const { code, stderr } = yield* runWith(script, [
        ...approvalPolicy,
        "--policy",
        file("rubric.json", rubric),
        "try"
      ])
      expect(code).toBe(0)
      expect(stderr).toContain("[approval] command: accept (touch)")
      expect(stderr).toContain("[warning] The rubric's allowedRoots: without allowedRoots")
      expect(stderr).toContain("[tool.exec.done] completed, exit=0")
    })
  )

  it.live("is all accepted with --accept-all, which is said loudly", () =>
    Effect.gen(function* () {
      const { stderr } = yield* runWith(script, [...approvalPolicy, "--accept-all", "try"])
      expect(stderr).toMatch(/^\[warning\] Every request of the agent is accepted/)
      expect(stderr).toContain("[tool.exec.done] completed, exit=0")
    })
  )
})

describe("what goes wrong is told in one line, with an exit code of its own:", () => {
  const nowhere = { CODEX_BINARY: "/nowhere" }
  const cases: ReadonlyArray<
    readonly [what: string, code: number, args: () => ReadonlyArray<string>, options?: Options]
  > = [
    ["an empty prompt", 2, () => [" "]],
    ["a prompt that is not UTF-8", 2, () => ["-"], { stdin: new Uint8Array([0xff, 0xfe]) }],
    ["a prompt file that is not there", 2, () => ["--prompt-file", "/nowhere/prompt.txt"]],
    ["two prompts", 2, () => ["--prompt-file", "/nowhere/prompt.txt", "hi"]],
    ["a schema that is none", 2, () => ["--output-schema", file("bad-schema.json", "[1]"), "hi"]],
    ["a policy that is not there", 2, () => ["--policy", "/nowhere/policy.json", "hi"]],
    ["a policy that is none", 2, () => ["--policy", file("bad-policy.json", '{"modus":"strict"}'), "hi"]],
    ["a time that is none", 2, () => ["--timeout", "soon", "hi"]],
    ["a flag that is not there", 2, () => ["--ofline", "hi"]],
    ["flags that exclude each other", 2, () => ["--quiet", "--verbose", "hi"]],
    ["an image that is not there", 2, () => ["--offline", "--image", "/nowhere/image.png", "hi"]],
    ["an image that is a text", 2, () => ["--offline", "--image", file("text.png", "no picture"), "hi"]],
    ["an image that is a folder", 2, () => ["--offline", "--image", path.dirname(file("x.txt", "")), "hi"]],
    ["a question without a terminal", 2, () => ["--ask", "hi"]],
    ["no last thread", 2, () => ["--offline", "--last", "hi"]],
    ["no codex", 4, () => ["hi"], { env: nowhere }],
    [
      "a codex that dies",
      4,
      () => ["hi"],
      { env: { CODEX_BINARY: path.join(import.meta.dirname, "fixtures", "dies-after-handshake.mjs") } }
    ]
  ]
  for (const [what, code, args, options] of cases) {
    it.live(what, () =>
      Effect.gen(function* () {
        const result = yield* run(args(), options)
        expect(result.code).toBe(code)
        expect(result.stdout).toBe("")
        expect(result.stderr).toMatch(/^effect-codex: \S.*\n$/)
      })
    )
  }

  it.live("no account", () =>
    Effect.gen(function* () {
      const { code, stderr } = yield* run(["hi"], { env: { CODEX_HOME: files } })
      expect(code).toBe(3)
      expect(stderr).toMatch(/^effect-codex: Not authenticated: .*codex login.*\n$/)
    })
  )

  it.live("a turn that fails", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* runWith([MockModel.error(400, "no such thing")], ["hi"])
      expect(code).toBe(1)
      expect(stdout).toBe("")
      expect(stderr).toContain("[summary] status=failed")
      expect(stderr.trimEnd().split("\n").at(-1)).toMatch(/^effect-codex: The turn failed \(/)
    })
  )

  it.live("a budget that is spent", () =>
    Effect.gen(function* () {
      const script = [
        MockModel.reply(MockModel.execCommand({ cmd: "true" })),
        MockModel.reply(MockModel.text("Late.", MockModel.delay("1 minute")))
      ]
      const { code, stderr } = yield* runWith(script, ["--quiet", "--budget-tokens", "50", "hi"])
      expect(code).toBe(7)
      expect(stderr).toMatch(
        /^effect-codex: The turn used 110 tokens, but only 50 are allowed\..*--budget-tokens\. \(.*\)\n$/
      )
    })
  )

  it.live("a turn that takes too long", () =>
    Effect.gen(function* () {
      const { code, stderr } = yield* run(["--offline", "--scenario", "slow", "--quiet", "--timeout", "300ms"])
      expect(code).toBe(6)
      expect(stderr).toMatch(/^effect-codex: The turn took longer than 0\.3 s\..*--timeout\. \(.*\)\n$/)
    })
  )

  it.live("and with --json as an object on standard output, whatever failed", () =>
    Effect.gen(function* () {
      const failures: ReadonlyArray<readonly [args: ReadonlyArray<string>, code: number, tag: string, env?: object]> = [
        [["--ofline", "hi"], 2, "InvalidUsage"],
        [["--timeout", "soon", "hi"], 2, "InvalidUsage"],
        [["--policy", "/nowhere/policy.json", "hi"], 2, "InvalidUsage"],
        [["--offline", "--last", "hi"], 2, "NoLastThread"],
        [["--offline", "--scenario", "failure"], 1, "TurnFailed"],
        [["--offline", "--scenario", "slow", "--timeout", "300ms"], 6, "BudgetExceeded"],
        [["hi"], 4, "CodexNotFound", nowhere]
      ]
      for (const [args, code, tag, env] of failures) {
        const result = yield* run(["--json", ...args], { env: { ...env } })
        const printed = yield* Schema.decodeEffect(Schema.fromJsonString(RunOutput.RunResult))(result.stdout)
        expect(printed, args.join(" ")).toMatchObject({ status: "failed", exitCode: code, error: { tag } })
        expect(result.code).toBe(code)
      }
    })
  )

  it.live("and with --debug, where in the program", () =>
    Effect.gen(function* () {
      const { stderr } = yield* run(["--debug", "hi"], { env: nowhere })
      expect(stderr).toMatch(/^effect-codex: CodexNotFound: .*\n +at /)
    })
  )
})

describe("effect-codex review", () => {
  const review = (...args: ReadonlyArray<string>) => runFile(main, ["review", "--offline", "--quiet", ...args])

  it.live.each([
    ["what is not committed by default", [], "Review the current code changes (staged, unstaged, and untracked files)"],
    ["what is not committed by name", ["--uncommitted"], "Review the current code changes"],
    ["a commit", ["--commit", "abc1234"], "introduced by commit abc1234"],
    ["what is described", ["Look for races."], "You said: Look for races."]
  ] as const)("reviews %s", ([, args, asked]) =>
    Effect.gen(function* () {
      const { code, stdout } = yield* review(...args)
      expect(code).toBe(0)
      expect(stdout).toContain(asked)
    })
  )

  it.live("reviews the changes since a branch, and fails where there is none", () =>
    Effect.gen(function* () {
      const repository = mkdtempSync(path.join(files, "repository-"))
      const git = (...args: ReadonlyArray<string>) =>
        execFileSync("git", ["-c", "user.name=a", "-c", "user.email=a@example.org", ...args], { cwd: repository })
      git("init", "-q", "-b", "main")
      git("commit", "-q", "--allow-empty", "-m", "First")
      const found = yield* review("--base", "main", "--cwd", repository)
      expect(found.stdout).toContain("against the base branch 'main'")
      const none = yield* review("--base", "main", "--json")
      expect(none.stderr).toMatch(/^effect-codex: .*not a git repository/)
      expect(none.code).toBe(1)
      expect(JSON.parse(none.stdout)).toMatchObject({ status: "failed", error: { tag: "TurnFailed" } })
    })
  )

  it.live("takes one task, and says so otherwise, with an object for --json", () =>
    Effect.gen(function* () {
      const two = yield* review("--base", "main", "--commit", "abc1234", "--json")
      expect(two.code).toBe(2)
      expect(two.stderr).toBe("effect-codex: Use only one of --base, --commit.\n")
      expect(JSON.parse(two.stdout)).toMatchObject({ type: "result", status: "failed", exitCode: 2 })
      const none = yield* review("--base", " ")
      expect(none.stderr).toBe("effect-codex: --base is empty.\n")
      expect((yield* review("--image", "x.png")).code).toBe(2)
    })
  )

  it.live("prints an object, stops at its limits, and has what the agent asks for declined", () =>
    Effect.gen(function* () {
      const { stdout } = yield* runFile(main, ["review", "--offline", "--json"])
      const printed = yield* Schema.decodeEffect(Schema.fromJsonString(RunOutput.RunResult))(stdout)
      expect(printed).toMatchObject({ status: "completed", exitCode: 0 })
      expect((yield* review("--scenario", "slow", "--timeout", "300ms")).code).toBe(6)
    })
  )
})

describe("flags that belong together", () => {
  const settingsOf = (stderr: string) => stderr.match(/^(?:Sandbox|Approvals): .*$/gm)

  it.live("a preset is what it says, and other flags override it", () =>
    Effect.gen(function* () {
      const safe = yield* run(["--offline", "--preset", "safe", "hi"])
      expect(settingsOf(safe.stderr)).toEqual(["Sandbox: read-only", "Approvals: untrusted, declined"])
      const yolo = yield* run(["--offline", "--preset", "yolo", "hi"])
      expect(settingsOf(yolo.stderr)).toEqual([
        "Sandbox: danger-full-access",
        "Approvals: never, accepted without asking"
      ])
      const edit = yield* run(["--offline", "--preset", "edit", "-s", "read-only", "hi"])
      expect(settingsOf(edit.stderr)).toEqual(["Sandbox: read-only", "Approvals: on-request, declined"])
    })
  )

  it.live("--add-dir lets commands write to another folder", () =>
    Effect.gen(function* () {
      const added = yield* run(["--offline", "--preset", "edit", "--add-dir", files, "hi"])
      expect(settingsOf(added.stderr)?.[0]).toBe(`Sandbox: workspace-write and ${files}`)
      const refused = yield* run(["--offline", "--preset", "safe", "--add-dir", files, "hi"])
      expect(refused.code).toBe(2)
    })
  )

  it.live("--output writes the answer to a file too", () =>
    Effect.gen(function* () {
      const answer = path.join(files, "answer.md")
      expect((yield* run(["--offline", "--quiet", "-o", answer, "hi"])).stdout).toBe(`${greeting}\n`)
      expect(readFileSync(answer, "utf8")).toBe(`${greeting}\n`)
      // Before the agent works.
      const refused = yield* run(["--offline", "-o", "/nowhere/answer.md", "hi"])
      expect(refused).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining("is not a folder") })
      const folder = yield* run(["--offline", "-o", files, "hi"])
      expect(folder).toMatchObject({ code: 2, stdout: "", stderr: `effect-codex: --output: ${files} is a folder.\n` })
      // Root writes everything.
      if (process.getuid?.() !== 0) {
        chmodSync(answer, 0o400)
        const kept = yield* run(["--offline", "-o", answer, "hi"])
        expect(kept).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining("cannot be written") })
      }
    })
  )

  it.live("--ephemeral leaves no thread to resume, and another run says how to", () =>
    Effect.gen(function* () {
      const script = () => MockModel.reply(MockModel.text("Done."))
      yield* Effect.gen(function* () {
        const { cwd, env } = yield* CodexTest.Home
        const kept = yield* run(["--ephemeral", "hi"], { cwd, env })
        expect(kept.stderr).not.toContain("Continue:")
        expect((yield* run(["--last", "hi"], { cwd, env })).code).toBe(2)
        const { stderr } = yield* run(["hi"], { cwd, env })
        const [, id = ""] = /^Continue: effect-codex run --thread (\S+) "…"$/m.exec(stderr) ?? []
        const resumed = yield* run(["--json", "--thread", id.slice(0, 13), "go on"], { cwd, env })
        expect(JSON.parse(resumed.stdout)).toMatchObject({ threadId: id, text: "Done." })
      }).pipe(Effect.provide(CodexTest.layerHome(script)))
    })
  )

  it.live("each scenario of --offline plays without an account", () =>
    Effect.gen(function* () {
      const approval = yield* run(["--offline", "--scenario", "approval", "--accept-all"])
      expect(approval.stderr).toContain("[approval] command: accept (acceptAll)")
      expect(approval.stderr).toContain("[tool.exec.done] completed, exit=0")
      const patch = yield* run(["--offline", "--scenario", "patch", "--preset", "edit"])
      expect(patch.stderr).toContain("[tool.patch] ")
      const command = yield* run([
        "--offline",
        "--scenario",
        "command",
        "-s",
        "danger-full-access",
        "--approval-policy",
        "never"
      ])
      expect(command.stderr).toMatch(/… \d+ more lines/)
      const question = yield* run(["--offline", "--scenario", "question"])
      expect(question.stderr).toContain("[approval] userInput: decline (declineAll)")
      expect((yield* run(["--scenario", "approval"])).code).toBe(2)
    })
  )
})

describe("the scenario of a question", () => {
  it.live("shows the question before it asks whether to answer, and gives the agent the answer", () =>
    Effect.gen(function* () {
      const program = yield* Terminal.start(main, ["run", "--offline", "--scenario", "question", "--ask"], { rows: 60 })
      yield* program.waitFor(/Which color do you like\?[^]*y +Answer[^]*›/)
      yield* program.type("y\r")
      yield* program.waitFor(/2\) Blue[^]*›/)
      yield* program.type("2\r")
      expect(yield* program.code).toBe(0)
      expect((yield* program.screen).join("\n")).toContain('{"answers":{"color":{"answers":["Blue"]}}}')
    })
  )
})

describe("a reader that goes away", () => {
  it.live("stops the run, and nothing is said", () =>
    Effect.gen(function* () {
      const script = [MockModel.reply(MockModel.text("One\n", MockModel.delay("1 minute")))]
      const { code, stderr } = yield* runWith(script, ["--jsonl", "hi"], {
        onStdout: (_piece, _pid, close) => close()
      })
      expect(code).toBe(141)
      expect(stderr).toBe("")
    })
  )
})

describe("in a terminal", () => {
  it.live("shows the transcript with a line at the bottom that goes away", () =>
    Effect.gen(function* () {
      const program = yield* Terminal.start(main, ["run", "--offline", "hi"], { columns: 100 })
      expect(yield* program.code).toBe(0)
      expect(program.written()).toMatch(/⠋ Thinking · 0s · Ctrl-C stops/)
      expect(program.written()).toContain("\u001b[32mAssistant:\u001b[0m Hello!")
      const screen = yield* program.screen
      expect(screen.at(-2)).toMatch(/^\[summary\] status=completed, tools=0, errors=0, elapsed=\d/)
      expect(screen.at(-1)).toBe("== Turn Completed ==")
      expect(screen.join("\n")).not.toContain("Ctrl-C")
    })
  )

  it.live("cuts the line at the bottom to the width, also where letters are wide", () =>
    Effect.gen(function* () {
      const script = [
        MockModel.reply(MockModel.execCommand({ cmd: "sleep 0.5; echo 宽字符宽字符宽字符宽字符宽字符" })),
        MockModel.reply(MockModel.text("Done."))
      ]
      yield* Effect.gen(function* () {
        const program = yield* startWith(["-s", "danger-full-access", "--approval-policy", "never", "try"], {
          columns: 40
        })
        expect(yield* program.code).toBe(0)
        expect(program.written()).toMatch(/Running \/bin\/[^\r]*… · \ds/)
        // A line that the terminal had broken would leave its first part behind.
        const screen = yield* program.screen
        expect(screen.join("\n")).not.toContain("Running")
      }).pipe(Effect.provide(CodexTest.layerHome(script)))
    })
  )

  it.live("is given nothing that it would obey, whatever the model and the tools write", () =>
    Effect.gen(function* () {
      const attack = "\u001b]0;owned\u0007\u001b[2J\u001b]52;c;ZXZpbA==\u0007"
      const script = [
        MockModel.reply(
          MockModel.reasoning("Hm ", attack),
          MockModel.execCommand({ cmd: String.raw`printf 'shown \033]0;owned\007\033[2J\033[31mred\033[0m\n'` })
        ),
        MockModel.reply(MockModel.text("be", attack.slice(0, 5), attack.slice(5), "fore"))
      ]
      yield* Effect.gen(function* () {
        const program = yield* startWith(["-s", "danger-full-access", "--approval-policy", "never", "try"], {
          rows: 40
        })
        expect(yield* program.code).toBe(0)
        const ours = /\u001b\[(?:[0-9;]*m|K)/g
        expect(program.written().replaceAll(ours, "")).not.toMatch(
          /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/
        )
        const screen = (yield* program.screen).join("\n")
        expect(screen).toContain("shown red")
        expect(screen).toContain("Assistant: before")
      }).pipe(Effect.provide(CodexTest.layerHome(script)))
    })
  )

  it.live("asks the user with --ask, while nothing else is written", () =>
    Effect.gen(function* () {
      const script = [
        MockModel.reply(MockModel.execCommand({ cmd: "echo made", escalate: "May I?" })),
        MockModel.reply(MockModel.text("Done."))
      ]
      yield* Effect.gen(function* () {
        const program = yield* startWith(["--ask", "--approval-policy", "untrusted", "try"], { rows: 60 })
        yield* program.waitFor(/May I[^]*›/)
        const before = program.written().length
        yield* Effect.sleep("300 millis")
        expect(program.written().slice(before)).not.toContain("⠋")
        yield* program.type("y\r")
        expect(yield* program.code).toBe(0)
        const screen = (yield* program.screen).join("\n")
        expect(screen).toContain("[approval] command: accept (human)")
        expect(screen).toContain("Assistant: Done.")
      }).pipe(Effect.provide(CodexTest.layerHome(script)))
    })
  )

  it.live("asks with --offline about the throwaway folder that the agent works in", () =>
    Effect.gen(function* () {
      const program = yield* Terminal.start(main, ["run", "--offline", "--scenario", "approval", "--ask"], { rows: 60 })
      yield* program.waitFor(/May I[^]*›/)
      yield* program.type("y\r")
      expect(yield* program.code).toBe(0)
      const screen = (yield* program.screen).join("\n")
      expect(screen).toContain("│ in the working folder")
    }).pipe(Effect.scoped)
  )

  describe("writes a rule into the rubric", () => {
    const rubricText = "# Ours.\nmode: strict # careful\n"
    const twice = [
      MockModel.reply(MockModel.execCommand({ cmd: "touch made.txt", escalate: "May I?" })),
      MockModel.reply(MockModel.execCommand({ cmd: "touch made.txt", escalate: "May I again?" })),
      MockModel.reply(MockModel.text("Done."))
    ]
    const asking = <A, E, R>(
      script: MockModel.Script | ReadonlyArray<MockModel.Reply>,
      test: (program: Terminal.Program, rubric: string) => Effect.Effect<A, E, R>
    ) =>
      Effect.gen(function* () {
        const { cwd } = yield* CodexTest.Home
        const rubric = path.join(cwd, "rubric.yaml")
        writeFileSync(rubric, rubricText)
        const args = ["--ask", "--policy", rubric, "--approval-policy", "untrusted", "try"]
        const program = yield* startWith(args, { rows: 60, columns: 110 })
        yield* program.waitFor(/always {2}[^]*›/)
        return yield* test(program, rubric)
      }).pipe(Effect.provide(CodexTest.layerHome(script, { verifyOnClose: false })))

    it.live("that it has shown, on the second answer, and does not ask again", () =>
      asking(twice, (program, rubric) =>
        Effect.gen(function* () {
          yield* program.type("always\r")
          yield* program.waitFor(/Write this rule[^]*"touch"[^]*once[^]*›/)
          expect(readFileSync(rubric, "utf8")).toBe(rubricText)
          yield* program.type("y\r")
          expect(yield* program.code).toBe(0)
          const text = readFileSync(rubric, "utf8")
          expect(text.startsWith(rubricText)).toBe(true)
          expect(text).toContain("program: touch")
          expect(text).toContain("cwdWithin: .\n")
          const screen = (yield* program.screen).join("\n")
          expect(screen).toContain("[approval] command: accept (human)")
          expect(screen).toContain("[approval] command: accept (always touch made.txt)")
        })
      )
    )

    it.live.each([
      ["once", "once\r", 0, "command: accept (human)"],
      ["n", "n\r", 0, "command: decline (human)"],
      ["Ctrl-D", "\u0004", 0, "command: decline (human"],
      ["Ctrl-C", Terminal.ctrlC, 130, "status=interrupted"]
    ] as const)("and nothing on %s at the second question", ([, keys, code, shown]) =>
      asking(
        [twice[0], twice[2]].flatMap((reply) => (reply === undefined ? [] : [reply])),
        (program, rubric) =>
          Effect.gen(function* () {
            yield* program.type("always\r")
            yield* program.waitFor(/Write this rule[^]*once[^]*›/)
            yield* program.type(keys)
            expect(yield* program.code).toBe(code)
            expect((yield* program.screen).join("\n")).toContain(shown)
            expect(readFileSync(rubric, "utf8")).toBe(rubricText)
            expect(readdirSync(path.dirname(rubric))).not.toContain("rubric.yaml.lock")
          })
      )
    )

    it.live.each([
      [
        "declines by now",
        "mode: strict\ncommandRules: [{ when: { program: touch }, decision: decline }]\n",
        "has changed"
      ],
      ["is broken by now", "mod: strict\n", "no such field"]
    ] as const)("and nothing if the file %s, which is said, and asks once more", ([, changed, said]) =>
      asking(
        [twice[0], twice[2]].flatMap((reply) => (reply === undefined ? [] : [reply])),
        (program, rubric) =>
          Effect.gen(function* () {
            yield* program.type("always\r")
            yield* program.waitFor(/Write this rule[^]*once[^]*›/)
            writeFileSync(rubric, changed)
            const before = program.written().length
            yield* program.type("y\r")
            yield* program.waitFor(new RegExp(`${said}[^]*May I\\?[^]*›`))
            const again = program.written().slice(before)
            expect(again).not.toContain("always  ")
            yield* program.type("n\r")
            expect(yield* program.code).toBe(0)
            expect(readFileSync(rubric, "utf8")).toBe(changed)
          })
      )
    )
  })

  it.live("stops the turn on Ctrl-C at a question, as anywhere else", () =>
    Effect.gen(function* () {
      const script = [
        MockModel.reply(MockModel.execCommand({ cmd: "echo made", escalate: "May I?" })),
        MockModel.reply(MockModel.text("Done.", MockModel.delay("1 minute")))
      ]
      yield* Effect.gen(function* () {
        const program = yield* startWith(["--ask", "--approval-policy", "untrusted", "try"], { rows: 60 })
        yield* program.waitFor(/May I[^]*›/)
        yield* program.type(Terminal.ctrlC)
        expect(yield* program.code).toBe(130)
        expect((yield* program.screen).join("\n")).toContain("status=interrupted")
      }).pipe(Effect.provide(CodexTest.layerHome(script, { verifyOnClose: false })))
    })
  )

  describe("a question", () => {
    const asking = <A, E, R>(
      cmd: string,
      test: (program: Terminal.Program, made: () => boolean) => Effect.Effect<A, E, R>,
      options?: Terminal.Options
    ) =>
      Effect.gen(function* () {
        const { cwd } = yield* CodexTest.Home
        const program = yield* startWith(["--ask", "--approval-policy", "untrusted", "try"], { rows: 40, ...options })
        yield* program.waitFor(/May I[^]*›/)
        return yield* test(program, () => readdirSync(cwd).includes("made.txt"))
      }).pipe(
        Effect.provide(
          CodexTest.layerHome(
            [
              MockModel.reply(MockModel.execCommand({ cmd, escalate: "May I?" })),
              MockModel.reply(MockModel.text("Done."))
            ],
            { verifyOnClose: false }
          )
        )
      )

    it.live("about a command of 30 KB shows all of it on demand, and takes an answer then", () => {
      const middle = "rm -rf the-middle"
      const cmd = `touch made.txt; : ${"a ".repeat(7_500)}; ${middle}; : ${"b ".repeat(7_500)}`
      return asking(cmd, (program, made) =>
        Effect.gen(function* () {
          expect(program.written()).toMatch(/\d+ lines are not shown here/)
          const before = program.written().length
          yield* program.type("more\r")
          yield* program.waitFor(/May I[^]*›[^]*the-middle[^]*May I[^]*›/)
          const whole = program.written().slice(before)
          expect(whole.replaceAll(/\r?\n {2}[│┊] /g, "")).toContain(middle)
          expect(whole).not.toContain("are not shown here")
          yield* program.type("n\r")
          expect(yield* program.code).toBe(0)
          expect(made()).toBe(false)
        })
      )
    })

    it.live("shows letters from right to left by their numbers, in the order in which a shell reads them", () =>
      asking("touch made.txt; echo \u05d0\u05d1 \u202e\u0661 -rf", (program, made) =>
        Effect.gen(function* () {
          expect(program.written()).not.toMatch(/[\u202a-\u202e\u2066-\u2069]/)
          const question = program.written().slice(program.written().indexOf("Run a command?"))
          expect(question).not.toMatch(/[\u0590-\u08ff]/)
          const screen = (yield* program.screen).join("\n").replaceAll(/\n {2}┊ /g, "")
          expect(screen).toContain("echo \\u{5d0}\\u{5d1} \\u{202e}\\u{661} -rf")
          expect(screen).toContain("Careful: ")
          yield* program.type("y\r")
          expect(yield* program.code).toBe(0)
          expect(made()).toBe(true)
        })
      )
    )

    it.live("stays while the window is pulled at, and takes what is typed then", () =>
      asking("touch made.txt", (program, made) =>
        Effect.gen(function* () {
          for (const [columns, rows] of [
            [20, 5],
            [200, 60],
            [1, 1],
            [80, 24]
          ] as const) {
            yield* program.resize(columns, rows)
            yield* program.type("x\u007f")
          }
          expect(made()).toBe(false)
          yield* program.type("y\r")
          expect(yield* program.code).toBe(0)
          expect(made()).toBe(true)
        })
      )
    )

    it.live.each([
      ["its terminal is closed", (program: Terminal.Program) => program.hangUp],
      [
        "its terminal is closed behind half a yes",
        (program: Terminal.Program) => Effect.andThen(program.type("y"), program.hangUp)
      ],
      ["its input ends behind half a yes", (program: Terminal.Program) => program.type("y\u0004")]
    ] as const)("is no yes when %s", ([, end]) =>
      asking("touch made.txt", (program, made) =>
        Effect.gen(function* () {
          yield* end(program)
          yield* program.code
          expect(made()).toBe(false)
        })
      )
    )
  })

  it.live("stops the turn on Ctrl-C, and waits for that", () =>
    Effect.gen(function* () {
      const script = [MockModel.reply(MockModel.text("Thinking aloud\n", MockModel.delay("1 minute"), "never said"))]
      yield* Effect.gen(function* () {
        const program = yield* startWith(["hang"])
        yield* program.waitFor(/Thinking aloud/)
        yield* program.type(Terminal.ctrlC)
        expect(yield* program.code).toBe(130)
        const screen = (yield* program.screen).join("\n")
        expect(screen).toContain("[summary] status=interrupted")
        const model = yield* MockModel.MockModel
        expect(yield* model.ended(0)).toBe("left")
        const { home } = yield* CodexTest.Home
        expect(processesWith(home)).toEqual([])
      }).pipe(Effect.provide(CodexTest.layerHome(script)))
    })
  )

  it.live("ends at once on a second Ctrl-C, whatever codex does", () =>
    Effect.gen(function* () {
      const env = { CODEX_BINARY: path.join(import.meta.dirname, "fixtures", "deaf.mjs") }
      const program = yield* Terminal.start(main, ["run", "hi"], { env })
      yield* program.waitFor(/Turn Started/)
      yield* program.type(Terminal.ctrlC)
      // The codex of this test says nothing when it is asked to stop, so there is nothing to wait for but this.
      yield* program.waitFor(/Stopping/)
      yield* program.type(Terminal.ctrlC)
      expect(yield* program.code).toBe(130)
    })
  )

  it.live("ends with the terminal that it runs in", () =>
    Effect.gen(function* () {
      const script = [MockModel.reply(MockModel.text("Thinking aloud\n", MockModel.delay("1 minute")))]
      yield* Effect.gen(function* () {
        const program = yield* startWith(["hang"])
        yield* program.waitFor(/Thinking aloud/)
        yield* program.hangUp
        yield* program.code
        const model = yield* MockModel.MockModel
        expect(yield* model.ended(0)).toBe("left")
      }).pipe(Effect.provide(CodexTest.layerHome(script)))
    })
  )
})
