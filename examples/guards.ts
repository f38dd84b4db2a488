/**
 * Shows: a turn that may use only so much, and one that is given up when nothing comes any more.
 *
 * Run it with your own codex and account:   npm run example -- guards
 * Run it without either:                    npm run example -- guards --offline
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

  // Counted after each request to the model. The turn is interrupted, and what it has used is in the error.
  yield* codex.responses.create({ prompt: "Read every file.", budget: { tokens: 1_000, duration: "10 minutes" } }).pipe(
    Effect.catchTag("BudgetExceeded", (error) => Console.log(error.message)),
    Effect.asVoid
  )

  // Time in which an approval, a tool or a command is under way is not silence.
  yield* codex.responses
    .create({ prompt: "Think for ever.", watchdog: { silenceWarning: "off", stallTimeout: "1 second" } })
    .pipe(
      Effect.catchTag("TurnStalled", (error) => Console.log(error.message)),
      Effect.asVoid
    )
})

// The common budget of all turns of the program.
const Main = Layer.merge(
  Codex.layer({ budget: { tokens: 1_000_000, turns: 100 }, thread: { sandbox: "read-only" } }),
  PolicyEngine.layerDeclineAll
).pipe(Layer.provide(NodeServices.layer))

program.pipe(Effect.provide(Main), NodeRuntime.runMain)
