/**
 * Commands that this program runs through the server, in the server's sandbox and on the server's machine. They involve no
 * agent and go through no policy.
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
 * A command to run to its end.
 *
 * **Details**
 *
 * Without a `timeoutMs` the server kills a command after its default timeout, 10 seconds in 0.169.0. It keeps 1 MiB of each
 * output and cuts off the rest without a mark, unless `outputBytesCap` or `disableOutputCap` is set. A command that timed out
 * has the exit code 124.
 *
 * @category models
 * @since 0.1.0
 */
export interface ExecParams extends Omit<
  Schemas.CommandExecParams,
  "processId" | "size" | "streamStdin" | "streamStdoutStderr" | "tty"
> {}

/**
 * A command to start and control while it runs. Without a `timeoutMs` it has no timeout, and without an `outputBytesCap` its
 * output is never cut off.
 *
 * @category models
 * @since 0.1.0
 */
export interface StartParams extends Omit<
  Schemas.CommandExecParams,
  "disableOutputCap" | "disableTimeout" | "processId" | "streamStdin" | "streamStdoutStderr"
> {}

/**
 * A started command. Each output is for a single consumer, which gets it from the start. An output ends when the command does,
 * and fails with the same error as `exitCode`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Execution {
  /** The command's standard output; with `tty`, all of its output. */
  readonly stdout: Stream.Stream<Uint8Array, CallError | SlowConsumer>
  readonly stderr: Stream.Stream<Uint8Array, CallError | SlowConsumer>
  /** Writes to the command's standard input; a string as UTF-8. Calls `command/exec/write`. */
  readonly write: (data: Uint8Array | string) => Effect.Effect<void, CallError>
  /** Closes the command's standard input, which programs such as `cat` wait for. */
  readonly closeStdin: Effect.Effect<void, CallError>
  /** Changes the size of the terminal, in characters. Only with `tty`. Calls `command/exec/resize`. */
  readonly resize: (size: Schemas.CommandExecTerminalSize) => Effect.Effect<void, CallError>
  /** Kills the command. Fails if it has ended. Calls `command/exec/terminate`. */
  readonly terminate: Effect.Effect<void, CallError>
  /** Waits for the exit code: 124 if the command timed out, 128 plus the signal number if it was killed. */
  readonly exitCode: Effect.Effect<number, CallError>
}

/**
 * The functions of `codex.command`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Command {
  /**
   * Runs a command and waits for its output. The request times out 30 seconds after the command's `timeoutMs`, and never
   * without one. Interrupting the effect kills the command. Calls `command/exec`.
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
   * Outside of the sandbox (`sandboxPolicy: { type: "dangerFullAccess" }`) killing ends only the command itself; its background
   * processes keep running.
   */
  readonly start: (params: StartParams) => Effect.Effect<Execution, never, Scope.Scope>
}

/** How long closing the scope waits for its command to be killed. */
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
    // Waits for the end of the command, so that it never outlives the scope.
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
