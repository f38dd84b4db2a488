/**
 * Shows: a rubric decides: commands that only read may run, two kinds of commands may do more, and the rest is declined with a reason.
 *
 * Run it with your own codex and account:   npm run example -- policy-rules
 * Run it without either:                    npm run example -- policy-rules --offline
 */
import * as Codex from "@effect-codex/core/Codex"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as Policy from "@effect-codex/policy/Policy"
import type * as Rubric from "@effect-codex/policy/Rubric"
import * as RuleBasedPolicy from "@effect-codex/policy/RuleBasedPolicy"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

// The same could stand in a file: `Rubric.load("rubric.yaml")`.
const rubric: Rubric.PolicyRubric = {
  mode: "balanced",
  allowedRoots: ["."],
  commandRules: [
    {
      name: "build folder",
      when: { program: ["mkdir", "touch"], allowedFlags: ["-p"], pathsWithin: "build" },
      decision: "accept"
    },
    {
      name: "no network",
      when: { program: ["curl", "wget"] },
      decision: "decline",
      reason: "nothing leaves this machine"
    }
  ],
  fileChangeRules: [{ name: "notes", when: { pathsWithin: ".", pathRegex: ".*\\.md" }, decision: "accept" }]
}

const program = Effect.gen(function* () {
  const codex = yield* Codex.Codex
  const { text } = yield* codex.responses.create({ prompt: "Look around, prepare a build, and tell the world." })
  yield* Console.log(text)
})

const policy = Layer.effect(PolicyEngine.PolicyEngine)(
  Effect.gen(function* () {
    const engine = yield* RuleBasedPolicy.make(rubric, { baseDirectory: process.cwd() })
    return Policy.tap(engine, ({ params }, verdict) =>
      Console.log(
        verdict?.decision,
        "by",
        verdict?.by,
        "command" in params ? params.command : "",
        verdict?.reason ?? ""
      )
    )
  })
)

const Main = Layer.merge(Codex.layer({ thread: { approvalPolicy: "untrusted", sandbox: "read-only" } }), policy).pipe(
  Layer.provide(NodeServices.layer)
)

program.pipe(Effect.provide(Main), NodeRuntime.runMain)
