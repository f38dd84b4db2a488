/**
 * Commands that this program has the server run, in the server's sandbox and on the server's machine. No agent and no policy
 * is asked.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Base64 from "effect/encoding/Base64"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import { connection } from "../internal/connection/serve.ts"
import type { AppServer } from "../AppServer.ts"
import { type CallError, ProtocolViolation, type SlowConsumer } from "../CodexError.ts"
import { makeCalls } from "../internal/api/calls.ts"
import { makeOwnedFeed, nextId } from "../internal/api/feeds.ts"
import type * as Schemas from "../protocol/generated/Stable.ts"

/**
 * A command whose output is waited for.
 *
 * **Details**
 *
 * Without a `timeoutMs` the server ends a command after its own time, 10 seconds in 0.169.0, and keeps 1 MiB of each output:
 * what comes after that is cut off without a mark, unless `outputBytesCap` or `disableOutputCap` says otherwise. A command
 * that ran out of time has the exit code 124.
 *
 * @category models
 * @since 0.1.0
 */
export interface ExecParams extends Omit<
  Schemas.CommandExecParams,
  "processId" | "size" | "streamStdin" | "streamStdoutStderr" | "tty"
> {}

/**
 * A command that is held on to. Without a `timeoutMs` it has no time limit, and without an `outputBytesCap` none of its output
 * is cut off.
 *
 * @category models
 * @since 0.1.0
 */
export interface StartParams extends Omit<
  Schemas.CommandExecParams,
  "disableOutputCap" | "disableTimeout" | "processId" | "streamStdin" | "streamStdoutStderr"
> {}

/**
 * A command that runs, or has run. Each output is for one consumer, who gets it from its beginning; it ends with the command,
 * and fails as `exitCode` does.
 *
 * @category models
 * @since 0.1.0
 */
export interface Execution {
  /** What the command writes; with `tty` all of its output. */
  readonly stdout: Stream.Stream<Uint8Array, CallError | SlowConsumer>
  readonly stderr: Stream.Stream<Uint8Array, CallError | SlowConsumer>
  /** Writes to the command's input; a string as UTF-8. Calls `command/exec/write`. */
  readonly write: (data: Uint8Array | string) => Effect.Effect<void, CallError>
  /** Ends the command's input, for which programs such as `cat` wait. */
  readonly closeStdin: Effect.Effect<void, CallError>
  /** Changes the size of the terminal, in characters. Only with `tty`. Calls `command/exec/resize`. */
  readonly resize: (size: Schemas.CommandExecTerminalSize) => Effect.Effect<void, CallError>
  /** Kills the command. Fails if it has ended. Calls `command/exec/terminate`. */
  readonly terminate: Effect.Effect<void, CallError>
  /** Waits for the end: 124 if it ran out of time, 128 and the signal's number if it was killed. */
  readonly exitCode: Effect.Effect<number, CallError>
}

/**
 * What `codex.command` can do.
 *
 * @category models
 * @since 0.1.0
 */
export interface Command {
  /**
   * Runs a command and waits for its output. The request has half a minute more than the command's `timeoutMs`, and no
   * deadline without one. Leaving early kills the command. Calls `command/exec`.
   *
   * **Example** (Asking git)
   *
   * ```ts
   * import * as Codex from "@effect-codex/core/Codex"
   * import * as Effect from "effect/Effect"
   *
   * export const branch = Effect.gen(function* () {
   *   const codex = yield* Codex.Codex
   *   const { exitCode, stdout } = yield* codex.command.exec({ command: ["git", "branch", "--show-current"] })
   *   return exitCode === 0 ? stdout.trim() : undefined
   * })
   * ```
   */
  readonly exec: (params: ExecParams) => Effect.Effect<Schemas.CommandExecResponse, CallError>
  /**
   * Starts a command that the scope owns: closing it kills the command. Its input stays open until `closeStdin`. Calls
   * `command/exec`.
   *
   * **Gotchas**
   *
   * Outside of the sandbox (`sandboxPolicy: { type: "dangerFullAccess" }`) killing ends the command itself; processes that it
   * has left in the background go on.
   */
  readonly start: (params: StartParams) => Effect.Effect<Execution, never, Scope.Scope>
}

/** How long killing a command may hold up the end of its scope. */
const terminateTimeout = Duration.seconds(5)

/**
 * `codex.command` over a connection.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (server: AppServer["Service"], options: { readonly bufferBytes: number }): Command => {
  const { plain } = makeCalls(server)

  const terminate = (processId: string) =>
    Effect.asVoid(plain("command/exec/terminate", { processId }, { timeout: terminateTimeout }))

  const exec: Command["exec"] = (params) =>
    Effect.suspend(() => {
      const processId = nextId()
      const kill = Effect.ignore(terminate(processId))
      return plain("command/exec", { ...params, processId }).pipe(
        Effect.onInterrupt(() => kill),
        Effect.tapErrorTag("RequestTimedOut", () => kill)
      )
    })

  const start: Command["start"] = Effect.fn("Codex.command.start")(function* (params) {
    const processId = nextId()
    const output = { maxBytes: options.bufferBytes, bytes: ({ length }: Uint8Array) => length }
    const stdout = makeOwnedFeed<Uint8Array, CallError>(output)
    const stderr = makeOwnedFeed<Uint8Array, CallError>(output)
    yield* server[connection].on("command/exec/outputDelta", ({ params: { deltaBase64, processId: of, stream } }) => {
      if (of !== processId) return
      const to = stream === "stderr" ? stderr : stdout
      Result.match(Base64.decode(deltaBase64), {
        onFailure: ({ message }) =>
          to.fail(new ProtocolViolation({ method: "command/exec/outputDelta", description: message })),
        onSuccess: to.offer
      })
    })

    const run = plain("command/exec", {
      ...params,
      processId,
      streamStdin: true,
      streamStdoutStderr: true,
      ...(params.timeoutMs == null ? { disableTimeout: true } : {}),
      ...(params.outputBytesCap == null ? { disableOutputCap: true } : {})
    }).pipe(
      Effect.map(({ exitCode }) => exitCode),
      Effect.onExit((exit) =>
        Effect.sync(() => {
          const error = Exit.findErrorOption(exit)
          for (const output of [stdout, stderr]) {
            if (Option.isSome(error)) output.fail(error.value)
            else output.end()
          }
        })
      )
    )
    // Its end is waited for, so that nothing of it is left when the scope is.
    const kill = Effect.fnUntraced(function* (running: Fiber.Fiber<number, CallError>) {
      if (running.pollUnsafe() !== undefined) return
      yield* Effect.ignore(terminate(processId))
      yield* Effect.timeoutOption(Fiber.await(running), terminateTimeout)
      yield* Fiber.interrupt(running)
    })
    const running = yield* Effect.acquireRelease(Effect.forkDetach(run, { startImmediately: true }), kill)

    return {
      stdout: stdout.stream,
      stderr: stderr.stream,
      write: (data) => Effect.asVoid(plain("command/exec/write", { processId, deltaBase64: Base64.encode(data) })),
      closeStdin: Effect.asVoid(plain("command/exec/write", { processId, closeStdin: true })),
      resize: (size) => Effect.asVoid(plain("command/exec/resize", { processId, size })),
      terminate: terminate(processId),
      exitCode: Fiber.join(running)
    }
  })

  return { exec, start }
}
