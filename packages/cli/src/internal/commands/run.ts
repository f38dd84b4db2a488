/**
 * `effect-codex run`: one turn of an agent, with its flags.
 */
import * as Codex from "@effect-codex/core/Codex"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import type { ReviewTarget } from "@effect-codex/core/protocol/generated/Stable"
import * as Human from "@effect-codex/policy/Human"
import type { Answer, Question } from "@effect-codex/policy/HumanQuestion"
import * as LlmJudgePolicy from "@effect-codex/policy/LlmJudgePolicy"
import type { InvalidRubric } from "@effect-codex/policy/Rubric"
import * as Policy from "@effect-codex/policy/Policy"
import * as NodeTerminal from "@effect/platform-node/NodeTerminal"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import type { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import * as Semaphore from "effect/Semaphore"
import * as Stdio from "effect/Stdio"
import * as Terminal from "effect/Terminal"
import * as Connection from "../../Connection.ts"
import { InvalidUsage } from "../../InvalidUsage.ts"
import * as Run from "../../Run.ts"
import type { RunResult } from "../../RunOutput.ts"
import * as StatusLine from "../../StatusLine.ts"
import * as Tone from "../../Tone.ts"
import * as Connect from "../connect.ts"
import { fileProblem } from "../fileProblem.ts"
import { optional, text, toggle, wholeNumber } from "../flags.ts"
import { markPrinted } from "../report.ts"
import { presetNames, presets } from "../preset.ts"
import { scenarioNames } from "../scenarioNames.ts"
import * as Always from "../policy/always.ts"
import { load } from "../policy/verdict.ts"
import { parseTime, readOutputSchema, readPrompt } from "../runInput.ts"
import { notice } from "../notice.ts"

/** The flags. */
export const flags = {
  prompt: Argument.String("PROMPT").pipe(
    Argument.withDescription("The task; `-`, or none with a pipe: read from standard input"),
    Argument.optional,
    Argument.map(Option.getOrUndefined)
  ),
  promptFile: text("prompt-file", "FILE", "Read the prompt from a file"),
  images: Flag.String("image").pipe(
    Flag.withAlias("i"),
    Flag.withMetavar("FILE"),
    Flag.withDescription("An image for the prompt: a file or a URL; repeatable"),
    Flag.atLeast(0)
  ),
  thread: text("thread", "ID", "Resume this thread; the beginning of its id is enough").pipe(Flag.withAlias("session")),
  last: toggle("last", "Resume the thread of this folder that was used last"),
  ephemeral: toggle("ephemeral", "Do not keep the thread on disk"),
  output: text("output", "FILE", "Also write the answer to this file").pipe(Flag.withAlias("o")),
  outputSchema: text("output-schema", "FILE", "A file with the JSON Schema of the answer"),
  json: toggle("json", "Print one JSON object with the answer, or with the error"),
  jsonl: toggle("jsonl", "Print one line of JSON for each event, and that object at the end"),
  // Both are read before the flags are: see `profile.ts`.
  configFile: text(
    "config-file",
    "FILE",
    "A file with defaults for these flags. Default: effect-codex/config.yaml in XDG_CONFIG_HOME or ~/.config"
  ),
  profile: text("profile", "NAME", "Use the defaults of this profile of the configuration file"),
  preset: optional(
    Flag.Literals("preset", presetNames).pipe(
      Flag.withDescription(
        "safe: read-only, asks before every command. edit: may change the working folder. yolo: no limits, throwaway machines only. Other flags override it"
      )
    )
  ),
  policy: text("policy", "FILE", "Decide on approval requests by the rules in this file"),
  root: text(
    "root",
    "DIR",
    "With --policy: the folder that its relative folders start from. Default: that of the file"
  ),
  ask: toggle("ask", "Ask you at this terminal; with --policy, only about requests that its rules leave open"),
  acceptAll: toggle("accept-all", "Accept every request of the agent, also to run outside the sandbox"),
  failOnDecline: toggle("fail-on-decline", "Exit with 5 if anything was declined"),
  approvalPolicy: optional(
    Flag.Literals("approval-policy", ["untrusted", "on-request", "never"]).pipe(
      Flag.withDescription("When the agent has to ask for approval. Default: the configuration of codex")
    )
  ),
  model: text("model", "NAME", "The model").pipe(Flag.withAlias("m")),
  effort: optional(
    Flag.Literals("effort", ["none", "minimal", "low", "medium", "high", "xhigh", "max", "ultra"]).pipe(
      Flag.withDescription("Reasoning effort, if the model supports it")
    )
  ),
  sandbox: optional(
    Flag.Literals("sandbox", ["read-only", "workspace-write", "danger-full-access"]).pipe(
      Flag.withAlias("s"),
      Flag.withDescription("The access of commands that need no approval")
    )
  ),
  addDir: Flag.String("add-dir").pipe(
    Flag.withMetavar("DIR"),
    Flag.withDescription("With --sandbox workspace-write: another folder that commands may write to; repeatable"),
    Flag.atLeast(0)
  ),
  ...Connection.flags,
  scenario: optional(
    Flag.Literals("scenario", scenarioNames).pipe(
      Flag.withDescription("With --offline: the script of the stand-in for the model. Default: it greets you")
    )
  ),
  budgetTokens: optional(
    wholeNumber("budget-tokens", "Stop the turn after this many tokens; exits with 7", { least: 1 })
  ),
  record: text("record", "FILE", "Record all messages, with secrets redacted"),
  timeout: text("timeout", "TIME", "Stop the turn after this time, such as 90s, 5m or 1h; exits with 6"),
  quiet: toggle("quiet", "Show only the answer").pipe(Flag.withAlias("q")),
  full: toggle("full", "Show long tool output whole"),
  raw: toggle("raw", "On a terminal: print messages as they are written, without laying out Markdown"),
  verbose: toggle("verbose", "Also show events of the server, and long tool output whole"),
  color: Flag.Literals("color", Tone.colorNames).pipe(
    Flag.withDescription("Colours; on and true are soft, none and false are off"),
    Flag.withDefault("auto")
  )
}

type Flags = Command.Command.Config.Infer<typeof flags>

const exclusive = (flags: Readonly<Record<string, boolean>>): Effect.Effect<void, InvalidUsage> => {
  const given = Object.keys(flags).filter((name) => flags[name])
  if (given.length < 2) return Effect.void
  return Effect.fail(new InvalidUsage({ description: `Use only one of ${given.join(", ")}.` }))
}

const rulesOf = Effect.fnUntraced(function* (policy: string, root: string | undefined) {
  const { baseDirectory, rubric } = yield* load(policy, root)
  return Policy.layerFromRubric(rubric, LlmJudgePolicy.layer, { baseDirectory })
})

// Ctrl-C at a question stops the run, as it does anywhere else; Ctrl-D and Esc decline the request. The terminal is in raw mode
// then, so that the system sends no signal.
let isInterrupting = false
const interruptOnce = () => {
  // Each reader of the keys reports the same one.
  if (isInterrupting) return
  isInterrupting = true
  setImmediate(() => {
    isInterrupting = false
    process.emit("SIGINT")
  })
}

const terminal = Layer.effect(Terminal.Terminal)(
  NodeTerminal.make(({ key }) => {
    if (key.ctrl && key.name === "c") interruptOnce()
    return key.name === "escape" || (key.ctrl && (key.name === "c" || key.name === "d"))
  })
)

// A question starts on a line of its own, and nothing else is written while it is open.
const personAt = <E, R>(
  screen: Semaphore.Semaphore,
  cwd: string | undefined,
  ask: (question: Question) => Effect.Effect<Answer | undefined, E, R>
) =>
  Human.layerCallback(
    (question) =>
      Terminal.Terminal.pipe(
        Effect.flatMap((terminal) => terminal.display(StatusLine.erase)),
        Effect.andThen(ask(question)),
        screen.withPermits(1)
      ),
    { cwd }
  ).pipe(Layer.provide(terminal))

const policyOf = Effect.fnUntraced(function* (
  flags: Flags,
  acceptAll: boolean,
  screen: Semaphore.Semaphore
): Effect.fn.Return<
  Layer.Layer<
    PolicyEngine.PolicyEngine,
    Connect.ConnectError | InvalidRubric,
    ChildProcessSpawner | Codex.Codex | FileSystem.FileSystem | Path.Path | Stdio.Stdio
  >,
  InvalidUsage | InvalidRubric,
  FileSystem.FileSystem | Path.Path | Stdio.Stdio
> {
  const { ask, policy, root } = flags
  if (root !== undefined && policy === undefined) {
    return yield* new InvalidUsage({
      description: "--root needs --policy: it is where folders of the rules start from."
    })
  }
  if (acceptAll) return PolicyEngine.layerAcceptAll
  if (!ask) return policy === undefined ? PolicyEngine.layerDeclineAll : yield* rulesOf(policy, root)
  const stdio = yield* Stdio.Stdio
  if (!(yield* stdio.stdinIsTerminal) || !(yield* stdio.stdoutIsTerminal)) {
    return yield* new InvalidUsage({
      description: "--ask needs a terminal: standard input and output must not be redirected."
    })
  }
  const rules = policy === undefined ? undefined : yield* Always.make(policy, yield* load(policy, root))
  return Layer.effect(PolicyEngine.PolicyEngine)(
    Effect.map(Human.engine, (person) => (rules === undefined ? person : Policy.firstOf(rules.engine, person)))
  ).pipe(
    // With --offline the agent works in a throwaway folder.
    Layer.provide(
      Layer.unwrap(
        Effect.map(Codex.Codex, ({ serverInfo }) =>
          personAt(screen, flags.cwd ?? serverInfo.cwd, rules === undefined ? Human.askAtTerminal : rules.ask)
        )
      )
    )
  )
})

const prepare = Effect.fnUntraced(function* (flags: Flags, review: ReviewTarget | undefined) {
  yield* exclusive({ "--json": flags.json, "--jsonl": flags.jsonl })
  yield* exclusive({ "--quiet": flags.quiet, "--verbose": flags.verbose })
  yield* exclusive({ "--thread": flags.thread !== undefined, "--last": flags.last })
  yield* exclusive({ "--policy": flags.policy !== undefined, "--accept-all": flags.acceptAll })
  yield* exclusive({ "--ask": flags.ask, "--accept-all": flags.acceptAll })
  const resumes = flags.thread !== undefined || flags.last
  yield* exclusive({ "--ephemeral": flags.ephemeral, "--thread or --last": resumes })
  if (flags.scenario !== undefined && !flags.offline) {
    return yield* new InvalidUsage({
      description: "--scenario needs --offline: it is played by the stand-in for the model."
    })
  }
  const timeout = flags.timeout === undefined ? undefined : parseTime(flags.timeout)
  if (flags.timeout !== undefined && timeout === undefined) {
    return yield* new InvalidUsage({ description: `Invalid duration --timeout ${flags.timeout}. Use 90s, 5m or 1h.` })
  }
  const path = yield* Path.Path
  const cwd = flags.cwd === undefined ? undefined : path.resolve(flags.cwd)
  const preset = flags.preset === undefined ? undefined : presets[flags.preset]
  const decides = flags.policy !== undefined || flags.ask
  const acceptAll = flags.acceptAll || (preset?.acceptAll === true && !decides)
  const sandbox = flags.sandbox ?? preset?.sandbox
  const approvalPolicy =
    flags.approvalPolicy ?? preset?.approvalPolicy ?? (flags.scenario === "approval" ? "untrusted" : undefined)
  if (flags.addDir.length > 0 && sandbox !== "workspace-write") {
    return yield* new InvalidUsage({ description: "--add-dir needs --sandbox workspace-write, or --preset edit." })
  }
  const writableRoots = yield* Effect.forEach(flags.addDir, (directory) => Connect.folder("--add-dir", directory))
  const prompt =
    review === undefined
      ? yield* readPrompt({
          ...flags,
          prompt: flags.prompt ?? (flags.scenario === undefined ? undefined : `Play the scenario ${flags.scenario}.`)
        })
      : ""
  const outputSchema = flags.outputSchema === undefined ? undefined : yield* readOutputSchema(flags.outputSchema)
  const onResult = flags.output === undefined ? undefined : yield* answerWriter(flags.output)
  const screen = yield* Semaphore.make(1)
  const policy = yield* policyOf(flags, acceptAll, screen)

  if (acceptAll && !flags.quiet) {
    yield* notice(
      "[warning] Every request of the agent is accepted, also to run outside the sandbox, with your rights."
    )
  }
  const { effort, model } = flags
  const options: Run.Options = {
    prompt,
    review,
    thread: flags.last ? "last" : flags.thread === undefined ? undefined : { id: flags.thread },
    threadOptions: { model, sandbox, approvalPolicy, cwd, ...(flags.ephemeral ? { ephemeral: true } : {}) },
    turnOptions: { effort, outputSchema },
    budget: { tokens: flags.budgetTokens ?? preset?.budgetTokens, duration: timeout ?? preset?.duration },
    output: flags.json ? "json" : flags.jsonl ? "jsonl" : "text",
    show: flags.quiet ? "quiet" : flags.verbose ? "verbose" : "normal",
    raw: flags.raw,
    full: flags.full || flags.verbose,
    color: Tone.fromName(flags.color),
    failOnDecline: flags.failOnDecline,
    hasNoPolicy: !decides && !acceptAll,
    decidedBy: deciderOf(flags, acceptAll),
    canResume: !flags.offline && !flags.ephemeral,
    onResult,
    screen,
    columns: Effect.sync(() => process.stdout.columns ?? process.stderr.columns ?? 80),
    env: process.env,
    secondInterrupt
  }
  const script =
    flags.scenario === undefined
      ? undefined
      : yield* Effect.map(
          Effect.promise(() => import("../scenarios.ts")),
          ({ scenarios }) => scenarios[flags.scenario ?? "command"]
        )
  const config =
    writableRoots.length === 0
      ? flags.config
      : { ...flags.config, "sandbox_workspace_write.writable_roots": JSON.stringify(writableRoots) }
  const codex = Connect.layer(
    { ...flags, config },
    { record: flags.record, ...(script === undefined ? {} : { script }) }
  )
  return { options, layer: Layer.provideMerge(policy, codex) }
})

const deciderOf = ({ ask, policy }: Flags, acceptAll: boolean): string => {
  if (acceptAll) return "accepted without asking"
  if (policy === undefined) return ask ? "decided by you" : "declined"
  return ask ? `decided by ${policy}, then by you` : `decided by ${policy}`
}

// A mistake in the name of the file is found before the agent works.
const answerWriter = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const absolute = path.resolve(file)
  yield* Connect.folder("--output", path.dirname(absolute))
  const found = yield* Effect.option(fs.stat(absolute))
  if (Option.isSome(found) && found.value.type === "Directory") {
    return yield* new InvalidUsage({ description: `--output: ${file} is a folder.` })
  }
  const target = Option.isSome(found) ? absolute : path.dirname(absolute)
  yield* Effect.mapError(
    fs.access(target, { writable: true }),
    () => new InvalidUsage({ description: `--output: ${file} cannot be written.` })
  )
  return ({ status, text }: RunResult) =>
    status === "completed"
      ? Effect.mapError(
          fs.writeFileString(absolute, `${text}\n`),
          (error) => new Run.AnswerNotWritten({ file, description: fileProblem(error) })
        )
      : Effect.void
})

/** Runs a prompt, or a review of what is named. */
export const runWith = Effect.fnUntraced(function* (flags: Flags, review?: ReviewTarget) {
  const { layer, options } = yield* prepare(flags, review)
  // From here on the run itself prints the object of `--json`, also that of a failure.
  yield* Effect.scoped(Run.run(options, layer)).pipe(Effect.tapError((error) => Effect.sync(() => markPrinted(error))))
})

const run = Effect.fn("run")((flags: Flags) => runWith(flags))

const secondInterrupt = Effect.callback<void>((resume) => {
  const again = () => resume(Effect.void)
  process.once("SIGINT", again)
  return Effect.sync(() => process.off("SIGINT", again))
})

/** The command. */
export const command = Command.make("run", flags, run).pipe(
  Command.withDescription("Run one turn of an agent and print its answer"),
  Command.withExamples([
    { command: 'effect-codex run "What does this project do?"', description: "Watch an agent work" },
    { command: 'effect-codex run "Write release notes" > notes.md', description: "Keep the answer" },
    { command: "git diff | effect-codex run --quiet -", description: "Take the prompt from a pipe" },
    { command: 'effect-codex run --last "Now the tests"', description: "Resume the last thread" },
    {
      command: 'effect-codex run --preset edit --ask "Fix the typos"',
      description: "Change files, and ask for the rest"
    },
    { command: 'effect-codex run --offline "hi"', description: "Try it without an account" },
    { command: "effect-codex run --offline --scenario approval --ask", description: "Try an approval" }
  ])
)
