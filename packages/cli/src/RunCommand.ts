/**
 * `effect-codex run`: its flags, and what they become.
 *
 * @since 0.1.0
 */
import * as Codex from "@effect-codex/core/Codex"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as LlmJudgePolicy from "@effect-codex/policy/LlmJudgePolicy"
import * as Policy from "@effect-codex/policy/Policy"
import * as Rubric from "@effect-codex/policy/Rubric"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import { InvalidUsage, parseTime, readOutputSchema, readPrompt } from "./internal/runInput.ts"
import * as Run from "./Run.ts"
import * as Tone from "./Tone.ts"

const optional = <A>(flag: Flag.Flag<A>): Flag.Flag<A | undefined> =>
  Flag.map(Flag.optional(flag), Option.getOrUndefined)

const text = (name: string, description: string): Flag.Flag<string | undefined> =>
  optional(Flag.String(name).pipe(Flag.withDescription(description)))

const toggle = (name: string, description: string): Flag.Flag<boolean> =>
  Flag.Boolean(name).pipe(Flag.withDescription(description), Flag.withDefault(false))

const flags = {
  prompt: Argument.String("PROMPT").pipe(
    Argument.withDescription("What the agent shall do; `-`, or nothing with a pipe: read from standard input"),
    Argument.optional,
    Argument.map(Option.getOrUndefined)
  ),
  promptFile: text("prompt-file", "Read the prompt from a file").pipe(Flag.withMetavar("FILE")),
  images: Flag.String("image").pipe(
    Flag.withAlias("i"),
    Flag.withMetavar("FILE"),
    Flag.withDescription("An image to look at: a file, or its URL; may be given again"),
    Flag.atLeast(0)
  ),
  thread: text("thread", "Go on with this thread").pipe(Flag.withAlias("session"), Flag.withMetavar("ID")),
  last: toggle("last", "Go on with the thread of this folder that was used last"),
  outputSchema: text("output-schema", "A file with the JSON Schema of the answer").pipe(Flag.withMetavar("FILE")),
  json: toggle("json", "Print one JSON object with the answer and what it took"),
  jsonl: toggle("jsonl", "Print one line of JSON for each event, and that object at the end"),
  policy: text("policy", "A file with the rules that decide what the agent may do").pipe(Flag.withMetavar("FILE")),
  acceptAll: toggle("accept-all", "Accept whatever the agent asks for, outside of the sandbox too"),
  failOnDecline: toggle("fail-on-decline", "Exit with 5 if anything was declined"),
  approvalPolicy: optional(
    Flag.Literals("approval-policy", ["untrusted", "on-request", "never"]).pipe(
      Flag.withDescription("When the agent has to ask. Default: what codex is configured for")
    )
  ),
  model: text("model", "The model").pipe(Flag.withAlias("m")),
  effort: text("effort", "How much it shall think, such as low, medium, high"),
  sandbox: optional(
    Flag.Literals("sandbox", ["read-only", "workspace-write", "danger-full-access"]).pipe(
      Flag.withAlias("s"),
      Flag.withDescription("What commands may do without being asked about")
    )
  ),
  cwd: text("cwd", "The folder to work in. Default: this one").pipe(Flag.withAlias("C"), Flag.withMetavar("DIR")),
  config: Flag.KeyValuePair("config").pipe(
    Flag.withAlias("c"),
    Flag.withDescription("A setting of codex for this run, as key=value; may be given again"),
    Flag.withDefault({})
  ),
  budgetTokens: optional(
    Flag.Int("budget-tokens").pipe(Flag.withDescription("Stop the turn when it has used so many tokens"))
  ),
  timeout: text("timeout", "Stop the turn after this time: 90s, 5m, 1h").pipe(Flag.withMetavar("TIME")),
  quiet: toggle("quiet", "Show nothing but the answer").pipe(Flag.withAlias("q")),
  verbose: toggle("verbose", "Show everything, and all of the output of tools").pipe(Flag.withAlias("v")),
  color: Flag.Literals("color", Tone.colorNames).pipe(
    Flag.withDescription("auto, off, soft or vivid"),
    Flag.withDefault("auto")
  ),
  offline: toggle("offline", "Let a stand-in answer for the model: needs neither an account nor a network")
}

type Flags = Command.Command.Config.Infer<typeof flags>

const exclusive = (flags: Readonly<Record<string, boolean>>): Effect.Effect<void, InvalidUsage> => {
  const given = Object.keys(flags).filter((name) => flags[name])
  if (given.length < 2) return Effect.void
  return Effect.fail(new InvalidUsage({ description: `Give one of ${given.join(", ")}, not more.` }))
}

const policyOf = Effect.fnUntraced(function* ({ acceptAll, policy }: Flags) {
  if (policy !== undefined) {
    const rubric = yield* Effect.catchTag(Rubric.load(policy), "PlatformError", ({ reason }) =>
      Effect.fail(new InvalidUsage({ description: `The policy ${policy} can't be read: ${reason._tag}.` }))
    )
    return Policy.layerFromRubric(rubric, LlmJudgePolicy.layer)
  }
  return acceptAll ? PolicyEngine.layerAcceptAll : PolicyEngine.layerDeclineAll
})

// What codex takes for TOML is JSON too, as far as one writes it on a command line; everything else is text.
const toValue = (text: string): unknown =>
  Option.getOrElse(Option.liftThrowable((): unknown => JSON.parse(text))(), () => text)

const run = Effect.fn("RunCommand.run")(function* (flags: Flags) {
  yield* exclusive({ "--json": flags.json, "--jsonl": flags.jsonl })
  yield* exclusive({ "--quiet": flags.quiet, "--verbose": flags.verbose })
  yield* exclusive({ "--thread": flags.thread !== undefined, "--last": flags.last })
  yield* exclusive({ "--policy": flags.policy !== undefined, "--accept-all": flags.acceptAll })
  const duration = flags.timeout === undefined ? undefined : parseTime(flags.timeout)
  if (flags.timeout !== undefined && duration === undefined) {
    return yield* new InvalidUsage({ description: `--timeout ${flags.timeout} is no time. Try 90s, 5m or 1h.` })
  }
  const prompt = yield* readPrompt(flags)
  const outputSchema = flags.outputSchema === undefined ? undefined : yield* readOutputSchema(flags.outputSchema)
  const policy = yield* policyOf(flags)
  const path = yield* Path.Path
  const cwd = flags.cwd === undefined ? undefined : path.resolve(flags.cwd)

  if (flags.acceptAll && !flags.quiet) {
    yield* Console.error("[warning] --accept-all: whatever the agent asks for is done with your rights, unseen.")
  }
  const { approvalPolicy, effort, model, sandbox } = flags
  const options: Run.Options = {
    prompt,
    thread: flags.last ? "last" : flags.thread === undefined ? undefined : { id: flags.thread },
    threadOptions: { model, sandbox, approvalPolicy, cwd },
    turnOptions: { effort, outputSchema },
    budget: { tokens: flags.budgetTokens, duration },
    output: flags.json ? "json" : flags.jsonl ? "jsonl" : "text",
    show: flags.quiet ? "quiet" : flags.verbose ? "verbose" : "normal",
    color: Tone.fromName(flags.color),
    failOnDecline: flags.failOnDecline,
    nobodyDecides: flags.policy === undefined && !flags.acceptAll,
    env: process.env,
    insists
  }
  const config = Object.fromEntries(Object.entries(flags.config).map(([key, value]) => [key, toValue(value)]))
  const codex = flags.offline
    ? Layer.unwrap(
        Effect.map(
          Effect.promise(() => import("./internal/offline.ts")),
          ({ layer }) => layer({ config })
        )
      )
    : Codex.layer({ config, cwd })
  yield* Effect.scoped(Run.run(options)).pipe(Effect.provide(Layer.merge(codex, policy)))
})

const insists = Effect.callback<void>((resume) => {
  const again = () => resume(Effect.void)
  process.once("SIGINT", again)
  return Effect.sync(() => process.off("SIGINT", again))
})

/**
 * The command.
 *
 * @category commands
 * @since 0.1.0
 */
export const command = Command.make("run", flags, run).pipe(
  Command.withDescription("Run one turn of an agent and print its answer"),
  Command.withExamples([
    { command: 'effect-codex run "What does this project do?"', description: "Watch an agent work" },
    { command: 'effect-codex run "Write release notes" > notes.md', description: "Keep the answer" },
    { command: "git diff | effect-codex run --quiet -", description: "Take the prompt from a pipe" },
    { command: 'effect-codex run --last "Now the tests"', description: "Go on with the last thread" },
    { command: 'effect-codex run --offline "hi"', description: "Try it without an account" }
  ])
)
