/**
 * What `effect-codex run` does with its flags.
 */
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as Human from "@effect-codex/policy/Human"
import * as LlmJudgePolicy from "@effect-codex/policy/LlmJudgePolicy"
import * as Policy from "@effect-codex/policy/Policy"
import * as RuleBasedPolicy from "@effect-codex/policy/RuleBasedPolicy"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"
import * as Semaphore from "effect/Semaphore"
import * as Stdio from "effect/Stdio"
import * as Terminal from "effect/Terminal"
import { InvalidUsage } from "../InvalidUsage.ts"
import * as Run from "../Run.ts"
import type { Flags } from "../RunCommand.ts"
import * as StatusLine from "../StatusLine.ts"
import * as Tone from "../Tone.ts"
import * as Connect from "./connect.ts"
import { load } from "./policy/verdict.ts"
import { parseTime, readOutputSchema, readPrompt } from "./runInput.ts"

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

/** Runs the turn that the flags describe. */
export const run = Effect.fn("RunCommand.run")(function* (flags: Flags) {
  yield* exclusive({ "--json": flags.json, "--jsonl": flags.jsonl })
  yield* exclusive({ "--quiet": flags.quiet, "--verbose": flags.verbose })
  yield* exclusive({ "--thread": flags.thread !== undefined, "--last": flags.last })
  yield* exclusive({ "--policy": flags.policy !== undefined, "--accept-all": flags.acceptAll })
  yield* exclusive({ "--ask": flags.ask, "--accept-all": flags.acceptAll })
  const duration = flags.timeout === undefined ? undefined : parseTime(flags.timeout)
  if (flags.timeout !== undefined && duration === undefined) {
    return yield* new InvalidUsage({ description: `--timeout ${flags.timeout} is no time. Try 90s, 5m or 1h.` })
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
    nobodyDecides: flags.policy === undefined && !flags.ask && !flags.acceptAll,
    screen,
    columns: Effect.sync(() => process.stdout.columns ?? process.stderr.columns ?? 80),
    env: process.env,
    insists
  }
  const codex = Connect.layer(flags)
  yield* Effect.scoped(Run.run(options, Layer.merge(codex, policy)))
})

const insists = Effect.callback<void>((resume) => {
  const again = () => resume(Effect.void)
  process.once("SIGINT", again)
  return Effect.sync(() => process.off("SIGINT", again))
})
