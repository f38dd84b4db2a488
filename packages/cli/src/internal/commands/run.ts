/**
 * `effect-codex run`: one turn of an agent, with its flags.
 */
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as Human from "@effect-codex/policy/Human"
import * as LlmJudgePolicy from "@effect-codex/policy/LlmJudgePolicy"
import * as Policy from "@effect-codex/policy/Policy"
import * as RuleBasedPolicy from "@effect-codex/policy/RuleBasedPolicy"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Semaphore from "effect/Semaphore"
import * as Stdio from "effect/Stdio"
import * as Terminal from "effect/Terminal"
import * as Connection from "../../Connection.ts"
import { InvalidUsage } from "../../InvalidUsage.ts"
import * as Run from "../../Run.ts"
import * as StatusLine from "../../StatusLine.ts"
import * as Tone from "../../Tone.ts"
import * as Connect from "../connect.ts"
import { optional, text, toggle } from "../flags.ts"
import { load } from "../policy/verdict.ts"
import { parseTime, readOutputSchema, readPrompt } from "../runInput.ts"

const flags = {
  prompt: Argument.String("PROMPT").pipe(
    Argument.withDescription("The task; `-`, or none with a pipe: read from standard input"),
    Argument.optional,
    Argument.map(Option.getOrUndefined)
  ),
  promptFile: text("prompt-file", "FILE", "Read the prompt from a file"),
  images: Flag.String("image").pipe(
    Flag.withAlias("i"),
    Flag.withMetavar("FILE"),
    Flag.withDescription("An image to look at: a file, or its URL; may be given again"),
    Flag.atLeast(0)
  ),
  thread: text("thread", "ID", "Resume this thread").pipe(Flag.withAlias("session")),
  last: toggle("last", "Resume the thread of this folder that was used last"),
  outputSchema: text("output-schema", "FILE", "A file with the JSON Schema of the answer"),
  json: toggle("json", "Print one JSON object with the answer and what it took"),
  jsonl: toggle("jsonl", "Print one line of JSON for each event, and that object at the end"),
  policy: text("policy", "FILE", "A file with the rules that decide what the agent may do"),
  root: text("root", "DIR", "With --policy: what its relative folders are below. Default: the folder of the file"),
  ask: toggle("ask", "Ask you, at this terminal; with --policy, what its rules leave open"),
  acceptAll: toggle("accept-all", "Accept whatever the agent asks for, outside of the sandbox too"),
  failOnDecline: toggle("fail-on-decline", "Exit with 5 if anything was declined"),
  approvalPolicy: optional(
    Flag.Literals("approval-policy", ["untrusted", "on-request", "never"]).pipe(
      Flag.withDescription("When the agent has to ask. Default: what codex is configured for")
    )
  ),
  model: text("model", "NAME", "The model").pipe(Flag.withAlias("m")),
  effort: optional(
    Flag.Literals("effort", ["none", "minimal", "low", "medium", "high", "xhigh", "max", "ultra"]).pipe(
      Flag.withDescription("Reasoning effort, as far as the model offers it")
    )
  ),
  sandbox: optional(
    Flag.Literals("sandbox", ["read-only", "workspace-write", "danger-full-access"]).pipe(
      Flag.withAlias("s"),
      Flag.withDescription("What commands may do without being asked about")
    )
  ),
  ...Connection.flags,
  budgetTokens: optional(
    Flag.Int("budget-tokens").pipe(Flag.withDescription("Stop the turn when it has used so many tokens"))
  ),
  record: text("record", "FILE", "Record everything that passes, without what looks like a secret"),
  timeout: text("timeout", "TIME", "Stop the turn after this time: 90s, 5m, 1h"),
  quiet: toggle("quiet", "Show nothing but the answer").pipe(Flag.withAlias("q")),
  full: toggle("full", "Show long output of tools whole"),
  verbose: toggle("verbose", "Show everything, and all of the output of tools"),
  color: Flag.Literals("color", Tone.colorNames).pipe(
    Flag.withDescription("auto, off, soft or vivid"),
    Flag.withDefault("auto")
  )
}

type Flags = Command.Command.Config.Infer<typeof flags>

const exclusive = (flags: Readonly<Record<string, boolean>>): Effect.Effect<void, InvalidUsage> => {
  const given = Object.keys(flags).filter((name) => flags[name])
  if (given.length < 2) return Effect.void
  return Effect.fail(new InvalidUsage({ description: `Give one of ${given.join(", ")}, not more.` }))
}

const rulesOf = Effect.fnUntraced(function* (
  policy: string,
  root: string | undefined,
  unmatched: "abstain" | undefined
) {
  const { baseDirectory, rubric } = yield* load(policy, root)
  return unmatched === undefined
    ? Policy.layerFromRubric(rubric, LlmJudgePolicy.layer, { baseDirectory })
    : Layer.effect(PolicyEngine.PolicyEngine)(RuleBasedPolicy.make(rubric, { baseDirectory, unmatched }))
})

// A question is asked when nothing else is written, on a line of its own.
const personAt = (screen: Semaphore.Semaphore, cwd: string | undefined) =>
  Human.layerCallback(
    (question) =>
      Terminal.Terminal.pipe(
        Effect.flatMap((terminal) => terminal.display(StatusLine.erase)),
        Effect.andThen(Human.askAtTerminal(question)),
        screen.withPermits(1)
      ),
    { cwd }
  )

const policyOf = Effect.fnUntraced(function* (flags: Flags, screen: Semaphore.Semaphore) {
  const { acceptAll, ask, policy, root } = flags
  if (root !== undefined && policy === undefined) {
    return yield* new InvalidUsage({ description: "--root is about the folders of a rubric: give --policy too." })
  }
  if (acceptAll) return PolicyEngine.layerAcceptAll
  if (!ask) return policy === undefined ? PolicyEngine.layerDeclineAll : yield* rulesOf(policy, root, undefined)
  const stdio = yield* Stdio.Stdio
  if (!(yield* stdio.stdinIsTerminal) || !(yield* stdio.stdoutIsTerminal)) {
    return yield* new InvalidUsage({
      description: "--ask needs a terminal to ask at: standard input and output are to be one."
    })
  }
  const rules = policy === undefined ? undefined : yield* rulesOf(policy, root, "abstain")
  return Layer.effect(PolicyEngine.PolicyEngine)(
    Effect.gen(function* () {
      const person = yield* Human.engine
      return rules === undefined ? person : Policy.firstOf(yield* Policy.fromLayer(rules), person)
    })
  ).pipe(Layer.provide(personAt(screen, flags.cwd)))
})

const run = Effect.fn("run")(function* (flags: Flags) {
  yield* exclusive({ "--json": flags.json, "--jsonl": flags.jsonl })
  yield* exclusive({ "--quiet": flags.quiet, "--verbose": flags.verbose })
  yield* exclusive({ "--thread": flags.thread !== undefined, "--last": flags.last })
  yield* exclusive({ "--policy": flags.policy !== undefined, "--accept-all": flags.acceptAll })
  yield* exclusive({ "--ask": flags.ask, "--accept-all": flags.acceptAll })
  const duration = flags.timeout === undefined ? undefined : parseTime(flags.timeout)
  if (flags.timeout !== undefined && duration === undefined) {
    return yield* new InvalidUsage({ description: `Invalid duration --timeout ${flags.timeout}. Use 90s, 5m or 1h.` })
  }
  const prompt = yield* readPrompt(flags)
  const outputSchema = flags.outputSchema === undefined ? undefined : yield* readOutputSchema(flags.outputSchema)
  const screen = yield* Semaphore.make(1)
  const policy = yield* policyOf(flags, screen)
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
    full: flags.full || flags.verbose,
    color: Tone.fromName(flags.color),
    failOnDecline: flags.failOnDecline,
    hasNoPolicy: flags.policy === undefined && !flags.ask && !flags.acceptAll,
    screen,
    columns: Effect.sync(() => process.stdout.columns ?? process.stderr.columns ?? 80),
    env: process.env,
    secondInterrupt
  }
  const codex = Connect.layer(flags, { record: flags.record })
  yield* Effect.scoped(Run.run(options, Layer.merge(codex, policy)))
})

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
    { command: 'effect-codex run --offline "hi"', description: "Try it without an account" }
  ])
)
