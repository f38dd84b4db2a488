/**
 * One turn from the command line: its transcript, its result, and its interruption.
 *
 * Standard output is for the answer. On a terminal, the transcript goes there too; otherwise it goes to standard error, so that a
 * file or a pipe gets only the answer. This module reads no flags and starts no codex.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Codex from "@effect-codex/core/Codex"
import {
  OutputInvalid,
  type ThreadStartError,
  type SlowConsumer,
  type TurnError,
  type TurnStreamError
} from "@effect-codex/core/CodexError"
import type { Input } from "@effect-codex/core/Input"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import type { ReviewTarget } from "@effect-codex/core/protocol/generated/Stable"
import type { ResponseEvent } from "@effect-codex/core/ResponseEvent"
import type { Thread, ThreadOptions, TurnHandle, TurnOptions } from "@effect-codex/core/Thread"
import type { Budget } from "@effect-codex/core/Turn"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Formatter from "effect/Formatter"
import { identity } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Sink from "effect/Sink"
import type * as Semaphore from "effect/Semaphore"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import { codes, exitCodeOf } from "./ExitCode.ts"
import type { InvalidUsage } from "./InvalidUsage.ts"
import { watch } from "./internal/approvals.ts"
import { messageOf } from "./internal/cliMessage.ts"
import { sanitizeForTerminal } from "./internal/sanitizeForTerminal.ts"
import * as Markdown from "./internal/markdown.ts"
import { settings, stopping, warning } from "./internal/ourEvents.ts"
import * as ThreadId from "./internal/threadId.ts"
import { wrap } from "./internal/wrap.ts"
import * as Renderer from "./Renderer.ts"
import * as RunOutput from "./RunOutput.ts"
import * as Tone from "./Tone.ts"

/**
 * One turn, and how it is shown.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  readonly prompt: Input
  /** A review instead of the prompt. The server takes no `turnOptions` for it. */
  readonly review?: ReviewTarget | undefined
  /** The thread to resume, by its id or a unique beginning of it, or `last` for the one used last. Default: a new one. */
  readonly thread?: { readonly id: string } | "last" | undefined
  readonly threadOptions?: ThreadOptions | undefined
  readonly turnOptions?: TurnOptions | undefined
  readonly budget?: Budget | undefined
  /**
   * The output on standard output: the answer, one JSON object, or one line of JSON per event with the object at the
   * end.
   */
  readonly output: "text" | "json" | "jsonl"
  /** How much of the turn is shown. `quiet`: nothing. `verbose`: also events of the server. */
  readonly show: "quiet" | "normal" | "verbose"
  /** Whether long output of tools is shown whole. */
  readonly full: boolean
  /** Whether a terminal gets messages as they are written, without Markdown layout. */
  readonly raw: boolean
  readonly color: Tone.Color
  /** Whether a declined request makes the run fail. */
  readonly failOnDecline: boolean
  /** Whether every request is declined because no policy was given; the run then ends with a hint. */
  readonly hasNoPolicy: boolean
  /** The engine that decides on approval requests, in a few words for the transcript. */
  readonly decidedBy: string
  /** Whether the thread can be resumed later; the run then ends with the command that does so. */
  readonly canResume: boolean
  /** Gets the result before it is printed, for instance to write the answer to a file. */
  readonly onResult?: ((result: RunOutput.RunResult) => Effect.Effect<void, AnswerNotWritten>) | undefined
  /** Held during each write to the terminal, so that a question to the user is not overwritten. */
  readonly screen: Semaphore.Semaphore
  /** The width of the terminal. */
  readonly columns: Effect.Effect<number>
  readonly env: { readonly [name: string]: string | undefined }
  /** Ends when the user interrupts the run a second time, which stops it at once. */
  readonly secondInterrupt: Effect.Effect<void>
}

/**
 * The reader of the output is gone, as with `head`. The turn is stopped, and nothing more is printed.
 *
 * @category errors
 * @since 0.1.0
 */
export class OutputClosed extends Schema.TaggedError<OutputClosed>()("OutputClosed", {}) {
  override readonly [Runtime.errorExitCode] = codes.readerGone
  override readonly [Runtime.errorReported] = false
  override get message(): string {
    return "The reader of the output is gone."
  }
}

/**
 * The turn completed, but a request was declined and `failOnDecline` is set.
 *
 * @category errors
 * @since 0.1.0
 */
export class Declined extends Schema.TaggedError<Declined>()("Declined", { count: Schema.Int }) {
  override get message(): string {
    const requests = this.count === 1 ? "1 request of the agent was" : `${this.count} requests of the agent were`
    return `${requests} declined. Allow more with --ask, --policy or --accept-all.`
  }
}

/**
 * There is no thread to resume.
 *
 * @category errors
 * @since 0.1.0
 */
export class NoLastThread extends Schema.TaggedError<NoLastThread>()("NoLastThread", { cwd: Schema.String }) {
  override get message(): string {
    return `No thread was started in ${this.cwd}. Omit --last to start one, or name one with --thread.`
  }
}

/**
 * The answer could not be written to the file of `--output`.
 *
 * @category errors
 * @since 0.1.0
 */
export class AnswerNotWritten extends Schema.TaggedError<AnswerNotWritten>()("AnswerNotWritten", {
  file: Schema.String,
  description: Schema.String
}) {
  override get message(): string {
    return `The answer could not be written to ${this.file}: ${this.description}. Choose another file with --output.`
  }
}

/**
 * The errors of a run, in addition to those of building its codex and its policy.
 *
 * @category errors
 * @since 0.1.0
 */
export type RunError =
  | TurnError
  | SlowConsumer
  | OutputInvalid
  | OutputClosed
  | Declined
  | NoLastThread
  | AnswerNotWritten
  | InvalidUsage

/**
 * Runs a turn and prints the requested output, even if the turn fails. An interruption stops the turn and waits until it has
 * stopped, unless the user interrupts a second time.
 *
 * @category running
 * @since 0.1.0
 */
export const run = Effect.fn("Run.run")(function* <E extends Error & { readonly _tag: string }, R>(
  options: Options,
  layer: Layer.Layer<Codex.Codex | PolicyEngine.PolicyEngine, E, R>
): Effect.fn.Return<void, E | RunError, R | Scope.Scope | Stdio.Stdio> {
  const output = yield* outputOf(options)
  let ended = false
  // Exactly one result is printed, for every outcome.
  const end = (result: RunOutput.RunResult) =>
    Effect.suspend(() => {
      if (ended) return Effect.void
      ended = true
      return output.end(result)
    })
  // Events of the run that the server does not send.
  const runEvents = yield* Queue.unbounded<ResponseEvent>()
  let running: TurnHandle | undefined
  const onTurn = (turn: TurnHandle) => {
    running = turn
  }
  // A scope separate from that of the turn, so that the connection can be closed without waiting for the turn.
  const connection = yield* Effect.acquireRelease(Scope.make(), Scope.close)
  const whole = Layer.buildWithScope(layer, connection).pipe(
    Effect.flatMap((context) =>
      Effect.provideContext(Effect.scoped(runTurn(options, output, runEvents, onTurn)), context)
    ),
    Effect.catch((error: E | RunError): Effect.Effect<Settled<E | RunError>, OutputClosed> =>
      error instanceof OutputClosed ? Effect.fail(error) : Effect.succeed(settled({ text: "", declined: 0 }, error))
    ),
    // With a transcript, log lines become part of it: written separately, they would end up in the middle of its lines.
    output.transcript ? Effect.provideService(Logger.CurrentLoggers, new Set([warnings(runEvents)])) : identity,
    Effect.flatMap(({ error, result }) =>
      Effect.andThen(end(result), error === undefined ? Effect.void : Effect.fail(error))
    )
  )
  // Not a child: it has to keep running while an interruption of this fiber waits for the turn to stop.
  const fiber = yield* Effect.forkScoped(whole)
  yield* Fiber.join(fiber).pipe(
    Effect.onInterrupt(() => {
      const interrupted = Effect.ignore(Effect.suspend(() => end(interruptedResult(running))))
      if (running === undefined) return Effect.andThen(Fiber.interrupt(fiber), interrupted)
      const stopped = Queue.offer(runEvents, stopping(running.threadId)).pipe(
        Effect.andThen(Effect.ignore(running.interrupt)),
        Effect.andThen(Fiber.await(fiber))
      )
      const forced = Effect.andThen(options.secondInterrupt, Scope.close(connection, Exit.void))
      return Effect.andThen(Effect.raceFirst(Effect.timeoutOption(stopped, patience), forced), interrupted)
    })
  )
})

// How long an interrupted turn may take to stop. After that, its connection is closed.
const patience = "10 seconds"

// The result of a run that was interrupted before it had one.
const interruptedResult = (turn: TurnHandle | undefined): RunOutput.RunResult => ({
  type: "result",
  status: "interrupted",
  exitCode: codes.interrupted,
  ...(turn === undefined ? {} : { threadId: turn.threadId, turnId: turn.id }),
  text: "",
  declined: 0,
  error: { tag: "Interrupted", message: "The run was interrupted." }
})

const warnings = (runEvents: Queue.Queue<ResponseEvent>) =>
  Logger.make<unknown, void>(({ logLevel, message }) => {
    if (LogLevel.isLessThan(logLevel, "Warn")) return
    const parts = Array.isArray(message) ? message : [message]
    Queue.offerUnsafe(
      runEvents,
      warning(parts.map((part) => (typeof part === "string" ? part : Formatter.format(part))).join(" "))
    )
  })

const runTurn = Effect.fnUntraced(function* (
  options: Options,
  output: Output,
  runEvents: Queue.Queue<ResponseEvent>,
  onTurn: (turn: TurnHandle) => void
): Effect.fn.Return<Settled<RunError>, RunError, Codex.Codex | PolicyEngine.PolicyEngine | Scope.Scope> {
  const watched = watch(yield* PolicyEngine.PolicyEngine, (event) => Effect.asVoid(Queue.offer(runEvents, event)))
  const thread = yield* threadOf(options)
  const started =
    options.review === undefined
      ? thread.turn({ prompt: options.prompt, turn: options.turnOptions, budget: options.budget })
      : thread.review(options.review, { budget: options.budget })
  const turn = yield* started.pipe(Effect.provideService(PolicyEngine.PolicyEngine, watched.engine))
  onTurn(turn)
  const events = Stream.mapArray(turn.events, (events) => {
    const [first, ...others] = events
    return first.type === "thread/ready" ? [first, settings(thread, options.decidedBy), ...others] : events
  })
  yield* output.print(Stream.merge(events, Stream.fromQueue(runEvents), { haltStrategy: "left" })).pipe(
    // The result reports how the turn failed.
    Effect.catchIf(
      (error) => error._tag !== "OutputClosed" && error._tag !== "SlowConsumer",
      () => Effect.void
    )
  )
  const outcome = yield* settle(turn, options, watched.declined())
  if (options.onResult !== undefined) yield* options.onResult(outcome.result)
  return outcome
})

const threadOf = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<Thread, ThreadStartError | NoLastThread | InvalidUsage, Codex.Codex> {
  const codex = yield* Codex.Codex
  if (options.thread === undefined) return yield* codex.thread.start(options.threadOptions)
  if (options.thread !== "last") {
    return yield* codex.thread.resume(yield* ThreadId.resolve(codex, options.thread.id), options.threadOptions)
  }
  const cwd = options.threadOptions?.cwd ?? codex.serverInfo.cwd
  const { data } = yield* codex.thread.listPage({ limit: 1, ...(cwd === undefined ? {} : { cwd }) })
  const [last] = data
  if (last === undefined) return yield* new NoLastThread({ cwd: cwd ?? "this folder" })
  return yield* codex.thread.resume(last.id, options.threadOptions)
})

/** The result of a turn. */
interface Settled<E> {
  readonly result: RunOutput.RunResult
  readonly error: E | undefined
}

const settle = Effect.fnUntraced(function* (
  turn: TurnHandle,
  options: Options,
  declined: number
): Effect.fn.Return<Settled<RunError>> {
  const outcome = yield* Effect.result(turn.result)
  if (Result.isFailure(outcome)) {
    const error = outcome.failure
    const response =
      "response" in error && error.response !== undefined ? RunOutput.ofResponse(error.response) : undefined
    return settled({ threadId: turn.threadId, turnId: turn.id, text: "", ...response, declined }, error)
  }
  const response = outcome.success
  const end = { ...RunOutput.ofResponse(response), declined }
  const refused = options.failOnDecline && declined > 0 ? new Declined({ count: declined }) : undefined
  if (options.turnOptions?.outputSchema == null) return settled(end, refused)
  const value = parseJson(response.text)
  if (Result.isSuccess(value)) return settled({ ...end, value: value.success }, refused)
  return settled(end, new OutputInvalid({ description: "it is not JSON", answer: response.text, response }))
})

const settled = <E extends Error & { readonly _tag: string }>(
  end: Omit<RunOutput.RunResult, "type" | "status" | "exitCode" | "error">,
  error: E | undefined
): Settled<E> => ({
  error,
  result: {
    type: "result",
    status: statusOf(error),
    exitCode: error === undefined ? 0 : exitCodeOf(error),
    ...end,
    ...(error === undefined ? {} : { error: { tag: error._tag, message: messageOf(error) } })
  }
})

const statusOf = (error: { readonly _tag: string } | undefined): RunOutput.RunResult["status"] => {
  if (error === undefined || error._tag === "Declined") return "completed"
  return error._tag === "TurnInterrupted" ? "interrupted" : "failed"
}

const parseJson = Schema.decodeResult(Schema.fromJsonString(Schema.Unknown))

type Events = Stream.Stream<ResponseEvent, TurnStreamError>

interface Output {
  /** Whether the events are shown to people. */
  readonly transcript: boolean
  /** Prints while the turn runs. */
  readonly print: (events: Events) => Effect.Effect<void, TurnStreamError | OutputClosed>
  /** Prints the result. */
  readonly end: (result: RunOutput.RunResult) => Effect.Effect<void, OutputClosed>
}

const toJson = (value: RunOutput.RunResult | ResponseEvent): string => `${JSON.stringify(value)}\n`

const outputOf = Effect.fnUntraced(function* (options: Options): Effect.fn.Return<Output, never, Stdio.Stdio> {
  const stdio = yield* Stdio.Stdio
  const stdout = Sink.mapError(stdio.stdout(), () => new OutputClosed())
  const print = (text: string) => Stream.run(Stream.make(text), stdout)

  if (options.output === "jsonl") {
    return {
      transcript: false,
      print: (events) => Stream.run(Stream.map(events, toJson), stdout),
      end: (result) => print(toJson(result))
    }
  }
  if (options.output === "json") {
    return { transcript: false, print: Stream.runDrain, end: (result) => print(toJson(result)) }
  }

  const watched = yield* stdio.stdoutIsTerminal
  const forTerminal = (text: string, columns: number): string => {
    const harmless = sanitizeForTerminal(text)
    if (options.raw || options.env["TERM"] === "dumb") return harmless
    const color = Tone.resolve(options.color, { env: options.env, isTerminal: true })
    return Markdown.render(harmless, { columns, hasColor: color !== "off" })
  }
  const printAnswer = ({ status, text }: RunOutput.RunResult) =>
    // A terminal gets sanitized text; a file gets the text as the agent wrote it.
    status === "completed" && text !== ""
      ? Effect.flatMap(
          watched ? Effect.map(options.columns, (columns) => forTerminal(text, columns)) : Effect.succeed(text),
          (text) => print(`${text}\n`)
        )
      : Effect.void
  if (options.show === "quiet") return { transcript: false, print: Stream.runDrain, end: printAnswer }

  const isTerminal = watched || (yield* stdio.stderrIsTerminal)
  const rendering = {
    showSystem: options.show === "verbose",
    full: options.full,
    color: Tone.resolve(options.color, { env: options.env, isTerminal })
  }
  const transcript = watched ? stdout : Sink.mapError(stdio.stderr(), () => new OutputClosed())
  const hint = Effect.fnUntraced(function* ({ declined, threadId }: RunOutput.RunResult) {
    const columns = isTerminal ? yield* options.columns : Infinity
    const lines = [
      ...(options.hasNoPolicy && !options.failOnDecline && declined > 0
        ? wrap(new Declined({ count: declined }).message, columns)
        : []),
      // A command to copy is not wrapped.
      ...(options.canResume && threadId !== undefined ? [`Continue: effect-codex run --thread ${threadId} "…"`] : [])
    ]
    if (lines.length > 0) yield* Stream.run(Stream.make(`${lines.join("\n")}\n`), transcript)
  })
  const render =
    isTerminal && options.env["TERM"] !== "dumb"
      ? Renderer.renderLive({ ...rendering, columns: options.columns, raw: options.raw })
      : Renderer.render(rendering)
  return {
    transcript: true,
    print: (events) =>
      Stream.runForEach(render(events), (text) =>
        options.screen.withPermits(1)(Stream.run(Stream.make(text), transcript))
      ),
    end: (result) => Effect.andThen(hint(result), watched ? Effect.void : printAnswer(result))
  }
})
