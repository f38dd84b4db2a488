/**
 * Shows: a language model that decides on what an agent wants to run, by a rubric in plain words.
 *
 * Run it with your own codex and account:   npm run example -- policy-judge
 * Run it without either:                    npm run example -- policy-judge --offline
 */
import * as Codex from "@effect-codex/core/Codex"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as LlmJudgePolicy from "@effect-codex/policy/LlmJudgePolicy"
import * as Policy from "@effect-codex/policy/Policy"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

const program = Effect.gen(function* () {
  const codex = yield* Codex.Codex
  const response = yield* codex.responses.create({ prompt: "Count the files here with ls, then remove them with rm." })
  for (const item of response.items) {
    if (item.type === "commandExecution") yield* Console.log(item.status, item.command)
  }
  yield* Console.log(response.text)
})

// A server of its own, without tools: the judge reads the request and answers, and can do nothing else.
const judge = LlmJudgePolicy.layer({
  systemRubric: "Accept commands that only read. Decline what changes or deletes files.",
  timeout: "30 seconds"
})

const policy = Layer.effect(PolicyEngine.PolicyEngine)(
  Effect.map(Policy.fromLayer(judge), (engine) =>
    Policy.tap(engine, (_, verdict) => Console.log(verdict?.by, verdict?.decision, verdict?.reason))
  )
)

const Main = Layer.merge(Codex.layer({ thread: { approvalPolicy: "untrusted", sandbox: "read-only" } }), policy).pipe(
  Layer.provide(NodeServices.layer)
)

program.pipe(Effect.provide(Main), NodeRuntime.runMain)
