/**
 * Shows: a chat in the terminal. Ctrl-C stops the answer that is being written; at the prompt it ends the chat.
 *
 * Run it with your own codex and account:   npm run example -- chat
 * Run it without either:                    npm run example -- chat --offline
 */
import * as Codex from "@effect-codex/core/Codex"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Terminal from "effect/Terminal"

const ctrlC = Effect.callback<void>((resume) => {
  const listener = () => resume(Effect.void)
  process.once("SIGINT", listener)
  return Effect.sync(() => process.off("SIGINT", listener))
})

const chat = Effect.gen(function* () {
  const codex = yield* Codex.Codex
  const terminal = yield* Terminal.Terminal
  const thread = yield* codex.thread.start({ sandbox: "read-only" })

  const answer = (prompt: string) =>
    Effect.gen(function* () {
      const turn = yield* thread.turn(prompt)
      const print = Stream.runForEach(turn.text, (text) => terminal.display(text))
      yield* Effect.raceFirst(print, Effect.andThen(ctrlC, turn.interrupt))
      yield* terminal.display("\n")
    }).pipe(
      Effect.scoped,
      Effect.catchTag("TurnInterrupted", () => terminal.display(" (stopped)\n"))
    )

  const next = Effect.gen(function* () {
    yield* terminal.display("> ")
    const prompt = (yield* terminal.readLine).trim()
    if (prompt !== "") yield* answer(prompt)
  })
  // The end of the input ends the chat.
  yield* Effect.forever(next).pipe(Effect.catchTag("QuitError", () => terminal.display("\n")))
})

const Main = Layer.merge(Codex.layer(), PolicyEngine.layerDeclineAll).pipe(Layer.provideMerge(NodeServices.layer))

// Not `NodeRuntime.runMain`, which would end the program at the first Ctrl-C.
await chat.pipe(Effect.provide(Main), Effect.runPromise)
