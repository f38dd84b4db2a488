/**
 * Shows: errors as values: tried again, recovered from by its tag or its reason, and a connection built anew.
 *
 * Run it with your own codex and account:   npm run example -- errors
 * Run it without either:                    npm run example -- errors --offline
 */
import * as Codex from "@effect-codex/core/Codex"
import * as CodexError from "@effect-codex/core/CodexError"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

const ask = Effect.fnUntraced(function* (prompt: string) {
  const codex = yield* Codex.Codex
  const { text } = yield* codex.responses.create({ prompt })
  return text
})

const answers = Effect.gen(function* () {
  // Tries again what may pass: an overloaded model, a rate limit. Errors that are not transient fail at once.
  yield* Console.log(yield* Effect.retry(ask("Are you there?"), CodexError.retrySchedule))

  // A turn fails with one error that has many reasons.
  yield* Console.log(
    yield* ask("Read all of it.").pipe(
      Effect.catchReason("TurnFailed", "ContextWindowExceeded", () => Effect.succeed("that is too much to read"))
    )
  )
})

const Main = Layer.merge(Codex.layer({ thread: { sandbox: "read-only" } }), PolicyEngine.layerDeclineAll).pipe(
  Layer.provide(NodeServices.layer)
)

answers.pipe(
  // The layer is inside of what is retried: another try gets a new app-server when the old one is gone.
  Effect.provide(Main),
  Effect.retry({ times: 3, while: (error) => error._tag === "ConnectionFailed" }),
  Effect.catchTags({
    CodexNotFound: (error) => Console.error(error.message),
    NotAuthenticated: (error) => Console.error(error.message)
  }),
  NodeRuntime.runMain
)
