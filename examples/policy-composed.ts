/**
 * Shows: rules first and a judge for the rest, a veto over both, a dry run of a stricter policy, and answers to the
 * agent's questions, all as one engine.
 *
 * Run it with your own codex and account:   npm run example -- policy-composed
 * Run it without either:                    npm run example -- policy-composed --offline
 */
import * as Codex from "@effect-codex/core/Codex"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as LlmJudgePolicy from "@effect-codex/policy/LlmJudgePolicy"
import * as Policy from "@effect-codex/policy/Policy"
import * as RuleBasedPolicy from "@effect-codex/policy/RuleBasedPolicy"
import * as UserInput from "@effect-codex/policy/UserInput"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { pipe } from "effect/Function"
import * as Layer from "effect/Layer"

const program = Effect.gen(function* () {
  const codex = yield* Codex.Codex
  yield* codex.responses.create({ prompt: "Say hello with echo, push with git, print the date, and remove notes.txt." })
})

// The judge decides on requests that no rule matches.
const rubric = Policy.layerFromRubric(
  {
    systemRubric: "Accept what is harmless.",
    useLlmJudge: true,
    commandRules: [
      { name: "echo", when: { program: "echo", anywhere: true }, decision: "accept" },
      { name: "no push", when: { program: "git", argsPrefix: ["push"] }, decision: "decline" }
    ]
  },
  LlmJudgePolicy.layer
)

// Agrees to everything but `rm`.
const noRemoval = PolicyEngine.make({
  command: ({ params }) =>
    Effect.succeed(
      /\brm\b/.test(params.command ?? "rm")
        ? { decision: "decline", by: "noRemoval" }
        : { decision: "accept", by: "noRemoval" }
    )
})

const policy = Layer.effect(PolicyEngine.PolicyEngine)(
  Effect.gen(function* () {
    const decides = yield* Policy.fromLayer(rubric)
    const stricter = yield* RuleBasedPolicy.make({ mode: "strict" })
    return pipe(
      Policy.firstOf(
        Policy.dryRun(stricter),
        Policy.byKind({
          command: Policy.vetoed(decides, noRemoval),
          fileChange: decides,
          userInput: UserInput.make(UserInput.byId({ environment: "staging" }), UserInput.firstOption)
        })
      ),
      Policy.withTimeout("10 seconds"),
      Policy.tap(({ params }, verdict) =>
        Console.log(verdict?.decision, "by", verdict?.by, "command" in params ? params.command : "")
      )
    )
  })
)

const Main = Layer.merge(Codex.layer({ thread: { approvalPolicy: "untrusted", sandbox: "read-only" } }), policy).pipe(
  Layer.provide(NodeServices.layer)
)

program.pipe(Effect.provide(Main), NodeRuntime.runMain)
