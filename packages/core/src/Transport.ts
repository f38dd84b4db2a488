/**
 * Bytes in, lines out: both directions of a connection to an app-server, independent of the medium.
 *
 * A transport knows when and why its peer is gone, but nothing about the meaning of the lines. Reading never waits for the
 * receiver of the lines, because a waiting reader cannot deliver the reply that its receiver is waiting for.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { ConnectionFailed, type ConnectionFailedReason, type InvalidConfig } from "./CodexError.ts"
import { makeLineSplitter } from "./internal/transport/lines.ts"
import { defaultWriteBufferLength, makeOutbox } from "./internal/transport/outbox.ts"
import * as Options from "./internal/options.ts"
import { describeSystemError } from "./internal/transport/systemError.ts"
import { drainGrace, spawn, type SpawnOptions } from "./internal/transport/process.ts"

/**
 * Both directions of a connection.
 *
 * @category services
 * @since 0.1.0
 */
export class Transport extends Context.Service<
  Transport,
  {
    /**
     * Starts to read, in fibers that the transport owns. Call it once only.
     *
     * `onLines` gets the complete lines of one chunk, at least one. `onEnd` is called when the peer is gone, after everything
     * that it had written was delivered. Neither may block.
     */
    readonly listen: (receiver: {
      readonly onLines: (lines: Arr.NonEmptyReadonlyArray<string>) => void
      readonly onEnd: (error: ConnectionFailed) => void
    }) => Effect.Effect<void>
    /** Waits while more than `writeBufferLength` is unwritten. Fails once the connection accepts no more lines. */
    readonly room: Effect.Effect<void, ConnectionFailed>
    /** Whether `room` would succeed at once. */
    readonly hasRoom: () => boolean
    /**
     * Queues one line, given without its line break. Lines that are queued together leave in one write. A connection that
     * accepts no more lines drops them: callers that need to know check `room` first, or wait for the reply.
     */
    readonly write: (line: string) => void
    /**
     * The newest lines of the peer's diagnostics (its standard error, if it has one), oldest first. Secrets are redacted, and
     * terminal control sequences removed.
     */
    readonly diagnostics: Effect.Effect<ReadonlyArray<string>>
  }
>()("@effect-codex/core/Transport") {}

/**
 * The process to start, and the limits of its buffers.
 *
 * @category models
 * @since 0.1.0
 */
export interface StdioOptions extends SpawnOptions {
  /** The maximum length of a line, in UTF-16 code units. Default: 67,108,864 (64 Mi). */
  readonly maxLineLength?: number | undefined
  /** How much may be queued for writing before `room` waits, in UTF-16 code units. Default: 1,048,576. */
  readonly writeBufferLength?: number | undefined
}

/**
 * Starts a process and communicates with it over its standard input and output.
 *
 * **Details**
 *
 * The process runs in its own process group, so Ctrl-C in the terminal only reaches this program, and the scope decides how
 * the process ends. Closing the scope closes its standard input, waits, and then escalates to SIGTERM and SIGKILL; members of
 * its group that outlive it are ended too. Fails with `Spawn` if the process cannot be started.
 *
 * @category constructors
 * @since 0.1.0
 */
export const stdio: (
  options: StdioOptions
) => Effect.Effect<Transport["Service"], ConnectionFailed | InvalidConfig, ChildProcessSpawner | Scope.Scope> =
  Effect.fnUntraced(function* (options: StdioOptions) {
    const grace = yield* Options.duration("shutdownGrace", options.shutdownGrace ?? Duration.seconds(2))
    const maxLineLength = yield* Options.count("maxLineLength", options.maxLineLength ?? 67_108_864, 1)
    const writeBufferLength = yield* Options.count(
      "writeBufferLength",
      options.writeBufferLength ?? defaultWriteBufferLength,
      1
    )

    const { diagnostics, exited, failure, handle, stderrDrained } = yield* spawn({ ...options, grace })

    const outbox = makeOutbox(writeBufferLength)
    const unwritable = Deferred.makeUnsafe<ConnectionFailedReason>()
    const encoder = new TextEncoder()
    const chunks = Effect.map(outbox.pull, (lines) => Arr.of(encoder.encode(`${lines.join("\n")}\n`)))
    yield* Stream.fromPull(Effect.succeed(chunks)).pipe(
      Stream.run(handle.stdin),
      Effect.catchDefect(Effect.fail),
      Effect.catch((cause) =>
        Deferred.succeed(unwritable, { _tag: "Write", description: describeSystemError(cause).description })
      ),
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
      const splitter = makeLineSplitter(maxLineLength, (line) => lines.push(line))
      const handOver = () => {
        if (!Arr.isArrayNonEmpty(lines)) return
        onLines(lines)
        lines = []
      }
      const reading = yield* handle.stdout.pipe(
        Stream.runForEachArray((chunks) => {
          for (const chunk of chunks) {
            const excess = splitter.push(chunk)
            handOver()
            if (excess !== undefined) {
              const description = `the app-server sent a line of more than ${excess.limit} characters`
              return Effect.andThen(Deferred.succeed(tooLong, { _tag: "Closed", description }), Effect.never)
            }
          }
          return Effect.void
        }),
        Effect.ignore,
        Effect.andThen(
          Effect.sync(() => {
            splitter.end()
            handOver()
          })
        ),
        Effect.forkChild
      )
      const ended = Effect.gen(function* () {
        // After the first of exit and end of output, wait a moment for the other.
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
      // If the pipe broke because the process exited, report the exit instead.
      const broken = Effect.flatMap(Deferred.await(unwritable), (reason) =>
        Effect.flatMap(Effect.sleep(drainGrace), () =>
          exited.pollUnsafe() === undefined ? Effect.succeed(reason) : Effect.never
        )
      )
      return failure(yield* Effect.raceAllFirst([ended, Deferred.await(tooLong), broken]))
    })

    const listen: Transport["Service"]["listen"] = ({ onEnd, onLines }) =>
      read(onLines).pipe(
        // A defect while reading must end the connection: otherwise it would stay open without ever delivering a line.
        Effect.catchDefect((defect) =>
          Effect.succeed(failure({ _tag: "Closed", description: `reading broke: ${String(defect)}` }))
        ),
        Effect.map((error) => {
          outbox.fail(error)
          onEnd(error)
        }),
        Effect.forkIn(readers),
        Effect.asVoid
      )

    return {
      listen,
      room: outbox.room,
      hasRoom: outbox.hasRoom,
      write: outbox.write,
      diagnostics: Effect.sync(diagnostics.read)
    }
  })
