/**
 * Bytes in, lines out: the two ends of one connection to an app-server, whatever carries it.
 *
 * A transport knows when and why its peer is gone, and nothing about what the lines mean. Reading never waits for the
 * receiver of the lines, because a reader that waits can't deliver the reply that its receiver is waiting for.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as PlatformError from "effect/PlatformError"
import * as ChildProcess from "effect/process/ChildProcess"
import { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { ConnectionFailed, type ConnectionFailedReason } from "./CodexError.ts"
import { makeLineSplitter } from "./internal/lines.ts"
import { makeOutbox } from "./internal/outbox.ts"

/**
 * One connection's two directions.
 *
 * @category services
 * @since 0.1.0
 */
export class Transport extends Context.Service<
  Transport,
  {
    /**
     * Starts to read, in fibers that the transport owns. To be called once.
     *
     * `onLines` gets the complete lines of one chunk, at least one. `onEnd` is called when the peer is gone, after
     * everything that it had written was handed over. Neither may block.
     */
    readonly listen: (receiver: {
      readonly onLines: (lines: Arr.NonEmptyReadonlyArray<string>) => void
      readonly onEnd: (error: ConnectionFailed) => void
    }) => Effect.Effect<void>
    /** Waits while more than `writeBufferLength` is unwritten. Fails once the connection takes no more. */
    readonly room: Effect.Effect<void, ConnectionFailed>
    /**
     * Queues one line, given without its line break; the lines of one moment leave in one write. Lines for a connection
     * that takes no more are dropped: who needs to know asks `room` before, or waits for the reply.
     */
    readonly write: (line: string) => void
  }
>()("@effect-codex/core/Transport") {}

/**
 * @category models
 * @since 0.1.0
 */
export interface StdioOptions {
  /** The executable, as an absolute path or a name on the `PATH`. */
  readonly command: string
  readonly args: ReadonlyArray<string>
  /** Working directory of the process. Default: ours. */
  readonly cwd?: string | undefined
  /** The whole environment of the process, or with `extendEnv` what is added to ours. Default: ours. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
  /** Whether `env` is added to our environment instead of replacing it. Default: false. */
  readonly extendEnv?: boolean | undefined
  /**
   * How long each step of the shutdown waits for the process to go: its standard input is closed, then it gets SIGTERM,
   * then SIGKILL, each sent to its whole process group. Default: 2 seconds.
   */
  readonly shutdownGrace?: Duration.Input | undefined
  /** The longest line that is accepted, in UTF-16 code units. Default: 67,108,864 (64 Mi). */
  readonly maxLineLength?: number | undefined
  /** How much may wait to be written before `room` waits, in UTF-16 code units. Default: 1,048,576. */
  readonly writeBufferLength?: number | undefined
}

const stderrLines = 500
const stderrLineLength = 4096

/** Output that a grandchild holds open after the exit is waited for this long and no longer. */
const drainGrace = Duration.seconds(1)

// The platform reports a signal in the text of the error only.
const signalOf = (error: PlatformError.PlatformError): { readonly signal?: string } => {
  const signal = /signal: '(SIG\w+)'/.exec(String(error.cause))?.[1]
  return signal === undefined ? {} : { signal }
}

/**
 * Starts a process and talks to it over its standard input and output.
 *
 * **Details**
 *
 * The process lives in a process group of its own, so a Ctrl-C in the terminal reaches us alone and the scope decides how
 * it ends. Closing the scope closes its standard input, waits, and then escalates to SIGTERM and SIGKILL; members of its
 * group that outlive it are ended too. Fails with `Spawn` if it can't be started.
 *
 * @category constructors
 * @since 0.1.0
 */
export const stdio: (
  options: StdioOptions
) => Effect.Effect<Transport["Service"], ConnectionFailed, ChildProcessSpawner | Scope.Scope> = Effect.fnUntraced(
  function* (options: StdioOptions) {
    const grace = Duration.fromInputUnsafe(options.shutdownGrace ?? Duration.seconds(2))
    const maxLineLength = options.maxLineLength ?? 67_108_864
    const writeBufferLength = options.writeBufferLength ?? 1_048_576

    const stderr: Array<string> = []
    const failure = (reason: ConnectionFailedReason) => new ConnectionFailed({ reason, stderr: stderr.slice() })

    const spawner = yield* ChildProcessSpawner
    const handle = yield* spawner
      .spawn(
        ChildProcess.make(options.command, options.args, {
          cwd: options.cwd,
          ...(options.env === undefined ? {} : { env: { ...options.env }, extendEnv: options.extendEnv === true }),
          forceKillAfter: grace
        })
      )
      .pipe(Effect.mapError((cause) => failure({ _tag: "Spawn", description: cause.message })))

    // Undrained, a full pipe would block the process.
    const splitStderr = makeLineSplitter(maxLineLength, (line) => {
      stderr.push(line.slice(0, stderrLineLength))
      if (stderr.length > stderrLines) stderr.shift()
    })
    const stderrDrained = yield* handle.stderr.pipe(
      Stream.runForEachArray((chunks) => Effect.sync(() => chunks.forEach(splitStderr))),
      Effect.ignore,
      Effect.forkScoped
    )

    const outbox = makeOutbox(writeBufferLength)
    const unwritable = Deferred.makeUnsafe<ConnectionFailedReason>()
    yield* Stream.fromPull(Effect.succeed(outbox.pull)).pipe(
      Stream.run(handle.stdin),
      Effect.catch((cause) => Deferred.succeed(unwritable, { _tag: "Write", description: cause.message })),
      Effect.forkScoped
    )

    const exited = yield* handle.exitCode.pipe(
      Effect.match({
        onSuccess: (code): ConnectionFailedReason => ({ _tag: "Exited", code }),
        onFailure: (error): ConnectionFailedReason => ({ _tag: "Exited", ...signalOf(error) })
      }),
      Effect.forkScoped
    )

    const readers = yield* Scope.fork(yield* Effect.scope)

    // Runs before the fibers above and those of the reader end, so that the process is still read while it shuts down.
    yield* Effect.addFinalizer(() => {
      outbox.end(failure({ _tag: "Closed", description: "the connection was closed" }))
      return Fiber.join(exited).pipe(Effect.timeoutOption(grace), Effect.asVoid)
    })

    const read = Effect.fnUntraced(function* (onLines: (lines: Arr.NonEmptyReadonlyArray<string>) => void) {
      const tooLong = Deferred.makeUnsafe<ConnectionFailedReason>()
      let lines: Array<string> = []
      const split = makeLineSplitter(maxLineLength, (line) => lines.push(line))
      const reading = yield* handle.stdout.pipe(
        Stream.runForEachArray((chunks) => {
          for (const chunk of chunks) {
            const excess = split(chunk)
            if (Arr.isArrayNonEmpty(lines)) {
              onLines(lines)
              lines = []
            }
            if (excess !== undefined) {
              const description = `the app-server sent a line of more than ${excess.limit} characters`
              return Effect.andThen(Deferred.succeed(tooLong, { _tag: "Closed", description }), Effect.never)
            }
          }
          return Effect.void
        }),
        Effect.ignore,
        Effect.forkChild
      )
      const ended = Effect.gen(function* () {
        // Whichever of exit and end of output comes first, the other is given a moment.
        yield* Effect.raceFirst(Fiber.join(exited), Fiber.join(reading))
        yield* Effect.all([Fiber.join(reading), Fiber.join(stderrDrained)], { concurrency: "unbounded" }).pipe(
          Effect.timeoutOption(drainGrace)
        )
        const exit = yield* Fiber.join(exited).pipe(Effect.timeoutOption(drainGrace))
        return Option.getOrElse(exit, (): ConnectionFailedReason => ({
          _tag: "Closed",
          description: "the app-server closed its output"
        }))
      })
      // A pipe that broke because the process died is told as the death it is.
      const broken = Deferred.await(unwritable).pipe(Effect.delay(drainGrace))
      return failure(yield* Effect.raceAllFirst([ended, Deferred.await(tooLong), broken]))
    })

    const listen: Transport["Service"]["listen"] = ({ onEnd, onLines }) =>
      read(onLines).pipe(
        Effect.map((error) => {
          outbox.fail(error)
          onEnd(error)
        }),
        Effect.forkIn(readers),
        Effect.asVoid
      )

    return { listen, room: outbox.room, write: outbox.write }
  }
)
