/**
 * Shows: one prompt, its answer, and two errors handled.
 *
 * Run it with your own codex and account:   npm run example -- quickstart
 * Run it without either:                    npm run example -- quickstart --offline
 */
import * as Codex from "@effect-codex/core/Codex"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

const program = Effect.gen(function* () {
  const codex = yield* Codex.Codex
  const response = yield* codex.responses.create({ prompt: "Reply with exactly: READY" })
  yield* Console.log(response.threadId)
  yield* Console.log(response.text)
}).pipe(
  Effect.catchTags({
    NotAuthenticated: (error) => Console.error(error.message),
    SessionNotFound: (error) => Console.error(error.message)
  })
)

// A turn requires a PolicyEngine: without the second layer, this file does not compile.
const Main = Layer.merge(Codex.layer({ thread: { sandbox: "read-only" } }), PolicyEngine.layerDeclineAll).pipe(
  Layer.provide(NodeServices.layer)
)

program.pipe(Effect.provide(Main), NodeRuntime.runMain)
