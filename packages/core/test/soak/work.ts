/**
 * What a soak does over and over: every way to use a turn, and every way to open and close a connection.
 */
import * as Codex from "@effect-codex/core/Codex"
import type { ExperimentalApi } from "@effect-codex/core/ExperimentalApi"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import { CodexHome, CodexTest } from "@effect-codex/core/testing"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as ChildProcess from "effect/process/ChildProcess"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as path from "node:path"
import { transports } from "../transports.ts"

const Add = Tool.make("add", {
  parameters: Schema.Struct({ a: Schema.Finite, b: Schema.Finite }),
  success: Schema.Finite
})
const toolkit = Toolkit.make(Add)
const Answer = Schema.Struct({ answer: Schema.Int })

let asked = 0
// Accepts every other command.
const engine = PolicyEngine.make({
  command: () => Effect.sync(() => ({ decision: asked++ % 2 === 0 ? "accept" : "decline", by: "soak" })),
  toolCall: () => Effect.succeed({ decision: "accept", by: "soak" })
})

/** The policy of all turns, and the handlers of the tool. */
export const layerHandlers = Layer.merge(
  Layer.succeed(PolicyEngine.PolicyEngine)(engine),
  toolkit.toLayer({ add: ({ a, b }) => Effect.succeed(a + b) })
)

type Handlers = Layer.Success<typeof layerHandlers>

/** The home of the codex under test, whose model is a process of its own. */
export const layerHome = Layer.effect(CodexTest.Home)(
  Effect.gen(function* () {
    const model = yield* ChildProcess.make(
      process.execPath,
      [path.join(import.meta.dirname, "..", "fixtures", "soak-model.ts")],
      {
        stderr: "inherit",
        forceKillAfter: "1 second"
      }
    )
    const url = yield* model.stdout.pipe(Stream.decodeText(), Stream.splitLines, Stream.take(1), Stream.mkString)
    // Threads that nobody uses are unloaded at once, or the server would grow for a minute.
    return yield* CodexHome.make({ url, config: "thread_unload_delay_secs = 0" })
  })
).pipe(Layer.provide(NodeServices.layer))

export interface Work<R> {
  /** How much it counts, in turns or connections. */
  readonly weight: number
  /** Why it went wrong, or undefined. */
  readonly run: Effect.Effect<string | undefined, never, R>
}

const work = <A, E, R>(weight: number, effect: Effect.Effect<A, E, R>): Work<R> => ({
  weight,
  run: Effect.map(Effect.exit(effect), (exit) => (Exit.isSuccess(exit) ? undefined : String(exit.cause).split("\n")[0]))
})

const expectText = (text: string, expected: string) =>
  text.trimEnd().endsWith(expected) ? Effect.void : Effect.die(`expected ${expected}, got ${text}`)
const expectTag = (expected: string) => (error: { readonly _tag: string; readonly message: string }) =>
  error._tag === expected ? Effect.void : Effect.die(`expected ${expected}, got ${error._tag}: ${error.message}`)

const codex = Codex.Codex
const oneShot = (prompt: string) => Effect.flatMap(codex, (codex) => codex.responses.create({ prompt }))

/** The kinds of turns, one after the other. */
export const kinds: Readonly<Record<string, Work<Codex.Codex | ExperimentalApi | Handlers>>> = {
  "one-shot": work(
    1,
    Effect.flatMap(oneShot("talk"), ({ text }) => expectText(text, "word 19"))
  ),
  streamed: work(
    1,
    Effect.gen(function* () {
      const text = yield* Stream.mkString((yield* codex).responses.streamText({ prompt: "talk" }))
      yield* expectText(text, "word 19")
    })
  ),
  "left stream": work(
    1,
    Effect.gen(function* () {
      yield* (yield* codex).responses.streamText({ prompt: "linger" }).pipe(Stream.take(2), Stream.runDrain)
    })
  ),
  "two turns of a thread": work(
    2,
    Effect.gen(function* () {
      const thread = yield* (yield* codex).thread.start()
      yield* thread.run("talk")
      yield* expectText((yield* thread.run("talk again")).text, "word 19")
      yield* (yield* codex).thread.unsubscribe(thread.id)
    })
  ),
  "ephemeral thread": work(
    1,
    Effect.flatMap(codex, ({ responses }) => responses.create({ prompt: "talk", thread: { ephemeral: true } }))
  ),
  command: work(
    1,
    Effect.flatMap(oneShot("command"), ({ text }) => expectText(text, "word 2"))
  ),
  "structured output": work(
    1,
    Effect.gen(function* () {
      const { value } = yield* (yield* codex).responses.create({ prompt: "value", output: Answer })
      yield* expectText(String(value.answer), "42")
    })
  ),
  "failed turn": work(1, Effect.flatMap(Effect.flip(oneShot("fail")), expectTag("TurnFailed"))),
  "tool call": work(
    1,
    Effect.gen(function* () {
      const thread = yield* (yield* codex).thread.start({ tools: toolkit })
      yield* expectText((yield* thread.run("tool")).text, "word 2")
      yield* (yield* codex).thread.unsubscribe(thread.id)
    })
  ),
  "interrupted fiber": work(
    1,
    Effect.gen(function* () {
      const thread = yield* (yield* codex).thread.start()
      yield* Effect.scoped(
        Effect.gen(function* () {
          const turn = yield* thread.turn("linger")
          const reader = yield* Effect.forkChild(Stream.runDrain(turn.text))
          yield* turn.text.pipe(Stream.take(1), Stream.runDrain)
          yield* Fiber.interrupt(reader)
        })
      )
      yield* (yield* codex).thread.delete(thread.id)
    })
  ),
  "resumed and forked": work(
    3,
    Effect.gen(function* () {
      const { thread, responses } = yield* codex
      const { threadId } = yield* responses.create({ prompt: "talk" })
      yield* responses.create({ prompt: "talk again", threadId })
      const fork = yield* thread.fork(threadId)
      yield* fork.run("talk")
      yield* thread.unsubscribe(fork.id)
    })
  ),
  "stopped by its budget": work(
    1,
    Effect.flatMap(codex, ({ responses }) =>
      Effect.flatMap(
        Effect.flip(responses.create({ prompt: "linger", budget: { duration: "150 millis" } })),
        expectTag("BudgetExceeded")
      )
    )
  )
}

const request = Effect.flatMap(codex, (codex) => codex.request("account/read", {}))

// Begins a turn, waits for its first words, and leaves the connection without a word.
const inTurn = Effect.gen(function* () {
  const thread = yield* (yield* codex).thread.start()
  const turn = yield* thread.turn("linger")
  yield* turn.text.pipe(Stream.take(1), Stream.runDrain)
}).pipe(Effect.scoped)

const overStdio = Effect.provide(Layer.fresh(transports["standard input and output"]))
const overUnix = Effect.provide(Layer.fresh(transports["a Unix socket"]))

/** The ways to open a connection and to close it, one after the other. */
export const cycles: Readonly<Record<string, Work<CodexTest.Home | Handlers>>> = {
  "a request": work(1, overStdio(request)),
  nothing: work(1, overStdio(codex)),
  "a turn": work(1, overStdio(oneShot("talk"))),
  "a turn that goes on": work(1, overStdio(inTurn)),
  "a handshake that is interrupted": work(
    1,
    Effect.gen(function* () {
      const opening = yield* Effect.forkChild(overStdio(codex), { startImmediately: true })
      yield* Effect.sleep(10)
      yield* Fiber.interrupt(opening)
    })
  ),
  "a request over a Unix socket": work(1, overUnix(request))
}
