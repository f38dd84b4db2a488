/**
 * An in-memory app-server process: it reads bytes, writes bytes and exits.
 *
 * `Transport.stdio` starts it like the real process, so that simulations also run the production code between bytes and
 * messages. Output waits here until the simulation delivers it, in pieces of any length. This module does not interpret the
 * bytes.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as PlatformError from "effect/PlatformError"
import type * as Pull from "effect/Pull"
import * as ChildProcessSpawner from "effect/process/ChildProcessSpawner"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import * as Platform from "../internal/platform.ts"

/**
 * The simulation's control of the process.
 *
 * @category models
 * @since 0.1.0
 */
export interface SimulatedProcess {
  readonly spawner: ChildProcessSpawner.ChildProcessSpawner["Service"]
  /** Writes this text to standard output, in one piece. */
  readonly say: (text: string) => void
  /** The number of bytes that were written but not delivered yet. */
  readonly unread: () => number
  /** Delivers this many bytes, in one chunk. */
  readonly handOver: (bytes: number) => void
  /** Sets whether the process reads its input. Unread input waits. */
  readonly setReading: (isReading: boolean) => void
  /** Ends the process. Its output is still delivered, unless `loses` is true. */
  readonly exit: (how: { readonly code?: number; readonly signal?: string }, loses?: boolean) => void
  readonly isRunning: () => boolean
}

const interrupted = (signal: string) =>
  PlatformError.systemError({
    _tag: "Unknown",
    module: "ChildProcess",
    method: "exitCode",
    cause: new Error(`Process interrupted due to receipt of signal: '${signal}'`)
  })

const broken = PlatformError.systemError({
  _tag: "BadResource",
  module: "ChildProcess",
  method: "stdin",
  description: "write EPIPE"
})

/**
 * Makes a process that has not been started yet.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: {
  /** Called with each line that is written to the process. */
  readonly onLine: (line: string) => void
  /** Called when the standard input has ended. */
  readonly onInputEnd: () => void
  /** Called when the process receives a signal to terminate. */
  readonly onSignal: (signal: string) => void
}): SimulatedProcess => {
  const encoder = new TextEncoder()
  const exitCode = Deferred.makeUnsafe<ChildProcessSpawner.ExitCode, PlatformError.PlatformError>()
  const decoder = new TextDecoder()
  let said: Array<Uint8Array> = []
  let unread = 0
  let chunks: Array<Uint8Array> = []
  let isRunning = true
  let isReading = true
  let wakeReader: (() => void) | undefined
  let wakeWriter: (() => void) | undefined
  let input = ""

  const notifyReader = () => {
    const wake = wakeReader
    wakeReader = undefined
    wake?.()
  }

  const pull: Pull.Pull<Arr.NonEmptyReadonlyArray<Uint8Array>> = Effect.suspend(() => {
    if (Arr.isArrayNonEmpty(chunks)) {
      const taken = chunks
      chunks = []
      return Effect.succeed(taken)
    }
    if (!isRunning && unread === 0) return Cause.done()
    return Effect.andThen(
      Effect.callback<void>((resume) => {
        wakeReader = () => resume(Effect.void)
        return Effect.sync(() => {
          wakeReader = undefined
        })
      }),
      pull
    )
  })

  const whenReading: Effect.Effect<void, PlatformError.PlatformError> = Effect.suspend(() => {
    if (!isRunning) return Effect.fail(broken)
    if (isReading) return Effect.void
    return Effect.andThen(
      Effect.callback<void>((resume) => {
        wakeWriter = () => resume(Effect.void)
        return Effect.sync(() => {
          wakeWriter = undefined
        })
      }),
      whenReading
    )
  })

  const takeInput = (bytes: Uint8Array) => {
    input += decoder.decode(bytes, { stream: true })
    const lines = input.split("\n")
    input = lines.pop() ?? ""
    for (const line of lines) if (isRunning) options.onLine(line)
  }

  const stdin = Sink.forEach((bytes: Uint8Array) => Effect.map(whenReading, () => takeInput(bytes))).pipe(
    Sink.mapEffect(() => Effect.sync(() => options.onInputEnd()))
  )

  const exit: SimulatedProcess["exit"] = ({ code, signal }, loses = false) => {
    if (!isRunning) return
    isRunning = false
    if (loses) {
      said = []
      unread = 0
    }
    Deferred.doneUnsafe(
      exitCode,
      signal === undefined ? Effect.succeed(ChildProcessSpawner.ExitCode(code ?? 0)) : Effect.fail(interrupted(signal))
    )
    notifyReader()
    wakeWriter?.()
  }

  const handle = ChildProcessSpawner.makeHandle({
    pid: ChildProcessSpawner.ProcessId(2 ** 30),
    exitCode: Deferred.await(exitCode),
    isRunning: Effect.sync(() => isRunning),
    kill: (killOptions) => Effect.sync(() => options.onSignal(killOptions?.killSignal ?? "SIGTERM")),
    stdin,
    stdout: Stream.fromPull(Effect.succeed(pull)),
    stderr: Stream.empty,
    all: Stream.empty,
    getInputFd: () => Sink.drain,
    getOutputFd: () => Stream.empty,
    unref: Effect.succeed(Effect.void)
  })
  // The search for leftover processes finds none.
  const shell = ChildProcessSpawner.makeHandle({
    ...handle,
    exitCode: Effect.succeed(ChildProcessSpawner.ExitCode(0)),
    isRunning: Effect.succeed(false),
    stdin: Sink.drain,
    stdout: Stream.empty
  })

  // Kills like the platform: a signal, a grace period, then a signal that cannot be ignored.
  const end = (grace: Duration.Duration) =>
    Effect.suspend(() => {
      if (!isRunning) return Effect.void
      options.onSignal("SIGTERM")
      return Deferred.await(exitCode).pipe(
        Effect.ignore,
        Effect.timeoutOption(grace),
        Effect.andThen(Effect.sync(() => exit({ signal: "SIGKILL" }, true)))
      )
    })

  return {
    spawner: ChildProcessSpawner.make((command) =>
      command._tag === "StandardCommand" && command.command === Platform.shell
        ? Effect.succeed(shell)
        : Effect.acquireRelease(Effect.succeed(handle), () =>
            end(
              Duration.fromInputUnsafe(
                (command._tag === "StandardCommand" ? command.options.forceKillAfter : undefined) ?? Duration.seconds(2)
              )
            )
          )
    ),
    say: (text) => {
      if (!isRunning || text === "") return
      const bytes = encoder.encode(text)
      said.push(bytes)
      unread += bytes.length
    },
    unread: () => unread,
    handOver: (bytes) => {
      let left = Math.min(bytes, unread)
      if (left <= 0) return
      const chunk = new Uint8Array(left)
      let offset = 0
      while (left > 0) {
        const first = said[0]
        if (first === undefined) break
        const taken = first.subarray(0, left)
        chunk.set(taken, offset)
        offset += taken.length
        left -= taken.length
        if (taken.length === first.length) said.shift()
        else said[0] = first.subarray(taken.length)
      }
      unread -= offset
      chunks.push(chunk)
      notifyReader()
    },
    setReading: (reading) => {
      isReading = reading
      if (reading) wakeWriter?.()
    },
    exit,
    isRunning: () => isRunning
  }
}
