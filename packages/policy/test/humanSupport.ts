import * as Human from "@effect-codex/policy/Human"
import * as HumanQuestion from "@effect-codex/policy/HumanQuestion"
import type * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Queue from "effect/Queue"
import * as Stdio from "effect/Stdio"
import * as Terminal from "effect/Terminal"
import * as TestClock from "effect/testing/TestClock"
import { until } from "../../core/test/waiting.ts"
import { layerBelow, makeTree } from "./tree.ts"

/** A terminal on which the test types, and whose screen it sees. */
export class TestTerminal extends Context.Service<
  TestTerminal,
  {
    /** Each text as it was displayed. */
    readonly displayed: ReadonlyArray<string>
    /** Keys for whoever reads at this moment: `\r` is Enter, `\b` takes one back. */
    readonly type: (text: string) => Effect.Effect<void>
    /** Ends the input: Ctrl-D, Ctrl-C, Esc, or nobody there any more. */
    readonly end: Effect.Effect<void>
    readonly readers: () => number
  }
>()("TestTerminal") {}

/** Waits until the screen shows this, as often as it says. The time passes that a question takes to be shown. */
export const screen = Effect.fnUntraced(function* (text: string, times = 1) {
  const { displayed } = yield* TestTerminal
  yield* until(`the screen shows ${text}`, () =>
    displayed.join("").split(text).length > times ? true : Effect.as(TestClock.adjust("10 millis"), false)
  )
})

/** Types a line once the screen shows this, and a prompt reads beside the question that it belongs to. */
export const reply = Effect.fnUntraced(function* (at: string, line: string, times = 1) {
  yield* screen(at, times)
  const { readers, type } = yield* TestTerminal
  yield* until("a prompt reads", () => readers() === 2)
  yield* type(`${line}\r`)
})

export const layerTerminalOf = (columns: number, rows: number) =>
  Layer.effectContext(
    Effect.sync(() => {
      const displayed: Array<string> = []
      const readers = new Set<Queue.Queue<Terminal.UserInput, Cause.Done>>()
      let ended = false
      const terminal = Terminal.make({
        columns: Effect.succeed(columns),
        rows: Effect.succeed(rows),
        size: Effect.die("not used"),
        readLine: Effect.die("not used"),
        readInput: Effect.acquireRelease(
          Effect.tap(Queue.make<Terminal.UserInput, Cause.Done>(), (queue) =>
            Effect.sync(() => (ended ? Queue.endUnsafe(queue) : readers.add(queue)))
          ),
          (queue) => Effect.sync(() => readers.delete(queue))
        ),
        display: (text) => Effect.sync(() => displayed.push(text))
      })
      const test = TestTerminal.of({
        displayed,
        type: (text) =>
          Effect.sync(() => {
            for (const character of text) {
              const name = character === "\r" ? "return" : character === "\b" ? "backspace" : character
              const key = { name, ctrl: false, meta: false, shift: false }
              for (const reader of readers) Queue.offerUnsafe(reader, { input: Option.some(character), key })
            }
          }),
        end: Effect.sync(() => {
          ended = true
          for (const reader of readers) Queue.endUnsafe(reader)
        }),
        readers: () => readers.size
      })
      return Context.make(Terminal.Terminal, terminal).pipe(Context.add(TestTerminal, test))
    })
  )

export const layerTestTerminal = layerTerminalOf(80, 24)

const layerFiles = Layer.merge(Path.layer, layerBelow(makeTree(["/repo/", "/etc/passwd"], { "/repo/link": "/etc" })))

/** A person at a test's terminal. Its input and its output are one unless they are said not to be. */
export const layerAtTerminal = (
  options?: Human.Options,
  [stdin, stdout]: readonly [stdin: boolean, stdout: boolean] = [true, true],
  layer = layerTestTerminal
) =>
  Human.layerTerminal({ cwd: "/repo", ...options }).pipe(
    Layer.provideMerge(layer),
    Layer.provideMerge(
      Stdio.layerTest({ stdinIsTerminal: Effect.succeed(stdin), stdoutIsTerminal: Effect.succeed(stdout) })
    ),
    Layer.provideMerge(layerFiles)
  )

/** A person behind a function. */
export const layerPerson = (
  ask: (question: HumanQuestion.Question) => Effect.Effect<HumanQuestion.Answer | undefined, unknown>,
  options?: Parameters<typeof Human.layerCallback>[1]
) => Human.layerCallback(ask, { cwd: "/repo", ...options }).pipe(Layer.provide(layerFiles))

/** A person at the end of a queue. */
export const layerQueue = (options?: Human.Options) =>
  Human.layerQueue({ cwd: "/repo", ...options }).pipe(Layer.provide(layerFiles))
