/**
 * Shows: a turn's events as they come, text and commands apart, and a policy that decides on the commands.
 *
 * Run it with your own codex and account:   npm run example -- streaming
 * Run it without either:                    npm run example -- streaming --offline
 */
import * as Codex from "@effect-codex/core/Codex"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"

const program = Effect.gen(function* () {
  const codex = yield* Codex.Codex
  const events = codex.responses.events({ prompt: "Which files are here? Use: ls" })
  yield* Stream.runForEach(events, (event) => Console.log(event.phase.padEnd(10), event.type, event.textDelta ?? ""))
})

// Accepts one command, exactly as codex wraps it, and abstains on everything else, which is then declined.
const policy = Layer.succeed(PolicyEngine.PolicyEngine)(
  PolicyEngine.make({
    command: ({ params }) =>
      Effect.succeed(
        params.kind === "command" && params.command === "/bin/bash -lc ls"
          ? { decision: "accept", by: "ls only" }
          : undefined
      )
  })
)

const Main = Layer.merge(Codex.layer({ thread: { approvalPolicy: "untrusted" } }), policy).pipe(
  Layer.provide(NodeServices.layer)
)

program.pipe(Effect.provide(Main), NodeRuntime.runMain)
