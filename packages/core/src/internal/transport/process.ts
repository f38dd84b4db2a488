/**
 * Starts a process in its own group, keeps its newest diagnostics, and reports how it ended.
 *
 * The room knows bytes, lines, a process and its end. It must not know JSON: receivers read the lines.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as PlatformError from "effect/PlatformError"
import * as ChildProcess from "effect/process/ChildProcess"
import { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import * as Stream from "effect/Stream"
import { ConnectionFailed, type ConnectionFailedReason } from "../../CodexError.ts"
import { makeDiagnostics } from "./diagnostics.ts"
import { makeLineSplitter } from "./lines.ts"
import { withPipesReleased } from "./outputPipes.ts"
import { endStragglers, makeMark, markName } from "./stragglers.ts"
import { describeSystemError } from "./systemError.ts"

export interface SpawnOptions {
  /** The executable, as an absolute path or a name on the `PATH`. */
  readonly command: string
  readonly args: ReadonlyArray<string>
  /** Working directory of the process. Default: that of this process. */
  readonly cwd?: string | undefined
  /** The environment of the process, or, with `extendEnv`, variables to add to the default. Default: that of this process. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
  /** Whether `env` extends the environment of this process instead of replacing it. Default: false. */
  readonly extendEnv?: boolean | undefined
  /**
   * How long each step of the shutdown waits for the process to exit: first its standard input is closed, then it gets SIGTERM,
   * then SIGKILL, each sent to its whole process group. Default: 2 seconds.
   */
  readonly shutdownGrace?: Duration.Input | undefined
}

/** How long to wait for output that a grandchild keeps open after the exit. */
export const drainGrace = Duration.seconds(1)

export const spawn = Effect.fnUntraced(function* (
  options: SpawnOptions & {
    readonly grace: Duration.Duration
    /** The mark of its processes. Default: a unique value. */
    readonly mark?: string
  }
) {
  const diagnostics = makeDiagnostics()
  const failure = (reason: ConnectionFailedReason) => new ConnectionFailed({ reason, stderr: diagnostics.read() })

  const spawner = yield* ChildProcessSpawner
  const mark = options.mark ?? (yield* makeMark)
  // Runs after the process and its group are gone.
  yield* Effect.addFinalizer(() => Effect.provideService(endStragglers(mark), ChildProcessSpawner, spawner))
  const command = ChildProcess.make(options.command, options.args, {
    cwd: options.cwd,
    env: { ...options.env, [markName]: mark },
    extendEnv: options.env === undefined || options.extendEnv === true,
    forceKillAfter: options.grace
  })
  const handle = yield* withPipesReleased(spawner.spawn(command)).pipe(
    // Node throws some errors, such as that for arguments that are too long.
    Effect.catchDefect(Effect.fail),
    Effect.mapError((cause) => failure({ _tag: "Spawn", ...describeSystemError(cause) }))
  )

  // If it were not drained, a full pipe would block the process. An endless line is dropped in pieces.
  const splitter = makeLineSplitter(1_048_576, diagnostics.add)
  const stderrDrained = yield* handle.stderr.pipe(
    Stream.runForEachArray((chunks) => Effect.sync(() => chunks.forEach(splitter.push))),
    Effect.ignore,
    Effect.andThen(Effect.sync(splitter.end)),
    Effect.forkScoped
  )

  const exited = yield* handle.exitCode.pipe(
    Effect.match({
      onSuccess: (code): ConnectionFailedReason => ({ _tag: "Exited", code }),
      onFailure: (error): ConnectionFailedReason => ({ _tag: "Exited", ...signalOf(error) })
    }),
    Effect.forkScoped
  )

  return { handle, diagnostics, stderrDrained, exited, failure }
})

// The platform reports a signal only in the text of the error.
const signalOf = (error: PlatformError.PlatformError): { readonly signal?: string } => {
  const signal = /signal: '(SIG\w+)'/.exec(String(error.cause))?.[1]
  return signal === undefined ? {} : { signal }
}
