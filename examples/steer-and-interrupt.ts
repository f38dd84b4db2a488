/**
 * Shows: a running turn watched from two places, given another message, and stopped.
 *
 * Run it with your own codex and account:   npm run example -- steer-and-interrupt
 * Run it without either:                    npm run example -- steer-and-interrupt --offline
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

  // The scope owns the turn; a view may come late, and may leave, and begins at the beginning in any case.
  const turn = yield* thread.turn("Write a long story.")
  yield* turn.text.pipe(Stream.take(1), Stream.runForEach(Console.log))
  yield* turn.events.pipe(
    Stream.filter(({ type }) => type === "item/started"),
    Stream.runForEach(({ phase }) => Console.log("began:", phase)),
    Effect.ignore,
    Effect.forkScoped
  )

  yield* turn.steer("Make it a sad one.")
  yield* turn.interrupt
  // The error carries the partial response.
  yield* turn.result.pipe(
    Effect.catchTag("TurnInterrupted", ({ response }) => Console.log(`${response.status}: ${response.text}`))
  )

  // The next turn on the thread knows of all that.
  yield* Console.log((yield* thread.run("Never mind.")).text)
}).pipe(Effect.scoped)

const Main = Layer.merge(Codex.layer({ thread: { sandbox: "read-only" } }), PolicyEngine.layerDeclineAll).pipe(
  Layer.provide(NodeServices.layer)
)

program.pipe(Effect.provide(Main), NodeRuntime.runMain)
