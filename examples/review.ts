/**
 * Shows: a review of what is not committed yet, by the reviewer that codex brings, as a turn like any other.
 *
 * Run it with your own codex and account:   npm run example -- review
 * Run it without either:                    npm run example -- review --offline
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
  const thread = yield* codex.thread.start()
  const review = yield* thread.review({ type: "custom", instructions: "Look for mistakes in the arithmetic." })
  yield* review.events.pipe(Stream.runForEach(({ phase, type }) => Console.log(phase.padEnd(10), type)))
  yield* Console.log((yield* review.result).text)
}).pipe(Effect.scoped)

const Main = Layer.merge(Codex.layer({ thread: { sandbox: "read-only" } }), PolicyEngine.layerDeclineAll).pipe(
  Layer.provide(NodeServices.layer)
)

program.pipe(Effect.provide(Main), NodeRuntime.runMain)
