/**
 * Turns as a transcript for people: the events of a turn in, text for a terminal, a pipe or a file out.
 *
 * Every line begins with a label (`[tool.exec]`, `Assistant:`), so a transcript can be read and searched. Text of models and
 * tools is sanitized first: none of its escape sequences reaches the terminal, even if it comes in two pieces. The renderer
 * writes nowhere itself; it produces streams of text for any sink.
 *
 * @stability stable
 * @since 0.1.0
 */
import type { ResponseEvent } from "@effect-codex/core/ResponseEvent"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import { type Activity, makeTranscript } from "./internal/transcript.ts"
import * as StatusLine from "./StatusLine.ts"
import * as Tone from "./Tone.ts"

/**
 * The content and the look of a transcript.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** Whether the agent's reasoning is shown. Default: true. */
  readonly showReasoning?: boolean | undefined
  /** Whether the output of commands and the changes of files are shown. Default: true. */
  readonly showToolOutput?: boolean | undefined
  /** Whether plans, usage, the thread's own events and everything else that the server says are shown. Default: false. */
  readonly showSystem?: boolean | undefined
  /** Whether a turn ends with its status, tools, errors, time and tokens. Default: true. */
  readonly showTurnSummary?: boolean | undefined
  /** Whether long tool output is shown whole. Default: false, which shortens it in the middle and shows the number of omitted lines. */
  readonly full?: boolean | undefined
  /**
   * The colours. Default: `off`, because a stream does not know where it is written; `Tone.resolve` decides on `auto`.
   */
  readonly color?: Exclude<Tone.Color, "auto"> | undefined
}

/**
 * A renderer of the events of one thread, turn after turn.
 *
 * @category models
 * @since 0.1.0
 */
export interface ExecRenderer {
  /** The text that the event adds to the transcript; often nothing, or a piece of a line. */
  readonly render: (event: ResponseEvent) => string
  /** Ends an unfinished line, after the last event. */
  readonly close: () => string
  /** Whether the text so far ends with a complete line. */
  readonly atLineStart: () => boolean
  /** The activity of the agent after the events so far. */
  readonly activity: () => Activity
}

/**
 * Makes a renderer at the beginning of a transcript.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): ExecRenderer => makeWith(options)

const makeWith = (options: Options, live?: { readonly columns: () => number; readonly raw: boolean }): ExecRenderer =>
  makeTranscript({
    isLive: live !== undefined,
    columns: live?.columns,
    layout:
      live === undefined || live.raw
        ? undefined
        : () => ({ columns: live.columns(), hasColor: (options.color ?? "off") !== "off" }),
    paint: Tone.painter(options.color ?? "off"),
    showReasoning: options.showReasoning ?? true,
    showSystem: options.showSystem ?? false,
    showToolOutput: options.showToolOutput ?? true,
    showTurnSummary: options.showTurnSummary ?? true,
    limits: options.full === true ? whole : folded
  })

const folded = { first: 16, last: 8, width: 2000 }
const whole = { first: Infinity, last: 0, width: Infinity }

/**
 * The transcript of a stream of events. It ends, or fails, as the events do; a line that is begun is ended first.
 *
 * **Example** (A turn on standard output)
 *
 * ```ts
 * import * as Renderer from "@effect-codex/cli/Renderer"
 * import * as Codex from "@effect-codex/core/Codex"
 * import * as Effect from "effect/Effect"
 * import * as Stdio from "effect/Stdio"
 * import * as Stream from "effect/Stream"
 *
 * export const program = Effect.gen(function* () {
 *   const codex = yield* Codex.Codex
 *   const stdio = yield* Stdio.Stdio
 *   yield* codex.responses
 *     .events({ prompt: "List three files" })
 *     .pipe(Renderer.render({ color: "soft" }), Stream.run(stdio.stdout()))
 * })
 * ```
 *
 * @category rendering
 * @since 0.1.0
 */
export const render =
  (options?: Options) =>
  <E, R>(events: Stream.Stream<ResponseEvent, E, R>): Stream.Stream<string, E, R> =>
    Stream.suspend(() => {
      const renderer = make(options)
      return endWith(Stream.map(events, renderer.render), Effect.sync(renderer.close))
    }).pipe(Stream.filter((text) => text !== ""))

/**
 * Runs a stream of events into a sink as their transcript.
 *
 * @category rendering
 * @since 0.1.0
 */
export const renderTo =
  <A, L, E2, R2>(sink: Sink.Sink<A, string, L, E2, R2>, options?: Options) =>
  <E, R>(events: Stream.Stream<ResponseEvent, E, R>): Effect.Effect<A, E | E2, R | R2> =>
    Stream.run(render(options)(events), sink)

/**
 * How a transcript is shown on a terminal.
 *
 * @category options
 * @since 0.1.0
 */
export interface LiveOptions extends Options {
  /** The width of the terminal, read again for each redraw. */
  readonly columns: Effect.Effect<number>
  /**
   * Whether messages are printed as they are written. Default: false, which lays them out as Markdown, wrapped at the width of
   * the terminal; each paragraph, item of a list, table or block of code appears when it is complete.
   */
  readonly raw?: boolean | undefined
}

/**
 * The transcript for a terminal. A status line at the bottom shows the activity of the agent until the end.
 *
 * **Gotchas**
 *
 * A consumer that is interrupted leaves the status line on the screen: write `StatusLine.erase` then.
 *
 * @category rendering
 * @since 0.1.0
 */
export const renderLive =
  (options: LiveOptions) =>
  <E, R>(events: Stream.Stream<ResponseEvent, E, R>): Stream.Stream<string, E, R> =>
    Stream.unwrap(
      Effect.gen(function* () {
        const clock = yield* Clock.Clock
        const begin = clock.currentTimeMillisUnsafe()
        let width = yield* options.columns
        const renderer = makeWith(options, { columns: () => width, raw: options.raw === true })
        const paint = Tone.painter(options.color ?? "off")
        let shown = ""
        // Erases the status line, writes the new text, and draws the line again.
        const draw = (text: string, columns: number): string => {
          const erase = shown === "" ? "" : StatusLine.erase
          const millis = clock.currentTimeMillisUnsafe() - begin
          const next = renderer.atLineStart() ? StatusLine.text({ activity: renderer.activity(), millis, columns }) : ""
          if (text === "" && next === shown) return ""
          shown = next
          return `${erase}${text}${paint("system", next)}`
        }
        const close = Effect.sync(() => {
          const erase = shown === "" ? "" : StatusLine.erase
          shown = ""
          return erase + renderer.close()
        })
        const texts = Stream.mapArrayEffect(events, (events) =>
          Effect.map(options.columns, (columns): readonly [string] => {
            width = columns
            return [events.map(renderer.render).join("")]
          })
        )
        const ticks = Stream.map(Stream.tick("100 millis"), () => "")
        return endWith(
          Stream.merge(texts, ticks, { haltStrategy: "left" }).pipe(
            Stream.mapEffect((text) => Effect.map(options.columns, (columns) => draw(text, columns)))
          ),
          close
        )
      })
    ).pipe(Stream.filter((text) => text !== ""))

const endWith = <E, R>(texts: Stream.Stream<string, E, R>, last: Effect.Effect<string>): Stream.Stream<string, E, R> =>
  texts.pipe(
    Stream.catchCause((cause) => Stream.concat(Stream.fromEffect(last), Stream.failCause(cause))),
    Stream.concat(Stream.fromEffect(last))
  )
