/**
 * The app-server over a WebSocket, on TCP or on a Unix socket: one that is already running, or one that this module starts and
 * that other clients can join.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import * as Stream from "effect/Stream"
import { ConnectionFailed, type ConnectionFailedReason, InvalidConfig } from "./CodexError.ts"
import { defaultWriteBufferLength, makeOutbox } from "./internal/transport/outbox.ts"
import * as Options from "./internal/options.ts"
import { maxSocketPath, shell } from "./internal/platform.ts"
import { drainGrace, spawn, type SpawnOptions } from "./internal/transport/process.ts"
import { describeSystemError } from "./internal/transport/systemError.ts"
import { endMarked, makeMark, markName } from "./internal/transport/stragglers.ts"
import * as Redaction from "./Redaction.ts"
import type { Transport } from "./Transport.ts"

/**
 * The app-server to connect to.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConnectOptions {
  /**
   * The address of the app-server: `ws://` or `wss://` and an address, or `ws+unix://PATH:/` for a Unix socket at an absolute
   * path of at most 107 bytes (103 on macOS).
   */
  readonly url: string
  /** Sent as `Authorization: Bearer …`. */
  readonly token?: Redacted.Redacted<string> | undefined
  /** How long opening the connection may take. Default: 10 seconds. */
  readonly openTimeout?: Duration.Input | undefined
  /** How much may be queued for writing before `room` waits, in UTF-16 code units. Default: 1,048,576. */
  readonly writeBufferLength?: number | undefined
}

/**
 * Connects to an app-server that listens on a WebSocket. Each message is a line.
 *
 * **Details**
 *
 * The connection is open when this returns. Fails with `Connect` if it cannot be opened, and with `InvalidConfig` if the URL
 * cannot be that of an app-server. Closing the scope closes the connection and leaves the server running. A token and Unix
 * sockets need a WebSocket constructor that supports headers and Unix sockets: in Node
 * `@effect/platform-node/NodeWS.layerWebSocketConstructor`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const connect: (
  options: ConnectOptions
) => Effect.Effect<Transport["Service"], ConnectionFailed | InvalidConfig, Socket.WebSocketConstructor | Scope.Scope> =
  Effect.fnUntraced(function* (options: ConnectOptions) {
    yield* checkUrl(options.url)
    const failure = (reason: ConnectionFailedReason) => new ConnectionFailed({ reason, stderr: [] })
    const openTimeout = yield* Options.timeout("openTimeout", options.openTimeout ?? Duration.seconds(10))
    const outbox = makeOutbox(
      yield* Options.count("writeBufferLength", options.writeBufferLength ?? defaultWriteBufferLength, 1)
    )

    const socket = yield* Socket.makeWebSocket(options.url, {
      openTimeout,
      ...(options.token === undefined ? {} : { headers: { authorization: `Bearer ${Redacted.value(options.token)}` } })
    })
    const readers = yield* Scope.fork(yield* Effect.scope)
    const pull = yield* Socket.readerString(socket).pipe(
      Scope.provide(readers),
      // The constructor throws if it does not support an argument, such as a header.
      Effect.catchDefect(Effect.fail),
      Effect.mapError((cause) => failure(connecting(options, cause)))
    )
    const writer = yield* Scope.provide(socket.writer, readers)
    const unwritable = Deferred.makeUnsafe<ConnectionFailedReason>()
    const writing = yield* Stream.fromPull(Effect.succeed(outbox.pull)).pipe(
      Stream.runForEachArray(writer.writeAll),
      Effect.catchDefect(Effect.fail),
      Effect.catch((cause) =>
        Deferred.succeed(unwritable, { _tag: "Write", description: describeSystemError(cause).description })
      ),
      Effect.forkIn(readers)
    )

    // Lines that were queued before the end are still sent.
    yield* Effect.addFinalizer(() => {
      outbox.end(failure({ _tag: "Closed", description: "the connection was closed" }))
      return Fiber.await(writing).pipe(Effect.timeoutOption(drainGrace), Effect.asVoid)
    })

    const listen: Transport["Service"]["listen"] = ({ onEnd, onLines }) => {
      const reading = Effect.forever(Effect.map(pull, onLines), { disableYield: true }).pipe(
        Effect.catch((error) =>
          Effect.succeed<ConnectionFailedReason>({ _tag: "Closed", description: closing(error) })
        ),
        Effect.catchDefect((defect) =>
          Effect.succeed<ConnectionFailedReason>({ _tag: "Closed", description: `reading broke: ${String(defect)}` })
        )
      )
      // If a write failed because the connection ended, report that end, provided that it shows within a moment.
      const broken = Effect.andThen(Deferred.await(unwritable), (reason) => Effect.as(Effect.sleep(drainGrace), reason))
      return Effect.raceFirst(reading, broken).pipe(
        Effect.map((reason) => {
          const error = failure(reason)
          outbox.fail(error)
          onEnd(error)
        }),
        Effect.forkIn(readers),
        Effect.asVoid
      )
    }

    return { listen, room: outbox.room, hasRoom: outbox.hasRoom, write: outbox.write, diagnostics: Effect.succeed([]) }
  })

/**
 * The app-server to start on a Unix socket.
 *
 * @category models
 * @since 0.1.0
 */
export interface SpawnUnixOptions extends SpawnOptions {
  /** Path of the server's socket: absolute, at most 107 bytes (103 on macOS), in a folder that only this user can enter. */
  readonly socketPath: string
  /** How long the server may take to listen. Default: 10 seconds. */
  readonly openTimeout?: Duration.Input | undefined
}

// The server does not watch its standard input, so a shell does it. When standard input ends, because the scope closes or this
// program exits for any reason, the shell ends the server in the steps of a shutdown, because a server with a running turn
// ignores the first SIGTERM. The shell then ends the remaining processes, and exits with the server's code.
const followingUs = `
  exec 3<&0
  grace=$1; mark=$2; sweep=$3; shift 3
  "$@" 3<&- </dev/null & server=$!
  {
    while read -r _ <&3; do :; done
    kill "$server"; sleep "$grace"; kill "$server"; sleep "$grace"; kill -KILL "$server"
  } >/dev/null 2>&1 & watch=$!
  wait "$server"; code=$?
  trap '' TERM
  kill -TERM "$watch" "-$$" 2>/dev/null; wait
  unset ${markName}
  /bin/sh -c "$sweep" sh "$mark" "$$" 3<&- </dev/null >/dev/null 2>&1
  exit "$code"
`

/** The maximum duration of a shutdown step, also after this program has exited. */
const longestStep = Duration.millis(1500)

/**
 * Starts an app-server that listens on a Unix socket, and connects to it. Other clients can connect with {@link connect} while
 * the scope is open; closing the scope ends the server. Fails with `InvalidConfig` on Windows.
 *
 * @category constructors
 * @since 0.1.0
 */
export const spawnUnix: (
  options: SpawnUnixOptions
) => Effect.Effect<
  Transport["Service"],
  ConnectionFailed | InvalidConfig,
  ChildProcessSpawner | Socket.WebSocketConstructor | Scope.Scope
> = Effect.fnUntraced(function* (options: SpawnUnixOptions) {
  if (shell === undefined) {
    const description = "Windows has no shell to start a server on a Unix socket with. Use `Codex.layer`"
    return yield* new InvalidConfig({ path: "socketPath", description })
  }
  yield* checkSocketPath(options.socketPath)
  const grace = yield* Options.duration("shutdownGrace", options.shutdownGrace ?? Duration.seconds(2))
  const openTimeout = yield* Options.timeout("openTimeout", options.openTimeout ?? Duration.seconds(10))
  const mark = yield* makeMark
  const step = String(Duration.toSeconds(Duration.min(grace, longestStep)))
  const { diagnostics, exited, failure, handle } = yield* spawn({
    ...options,
    command: shell,
    args: [
      "-c",
      followingUs,
      "sh",
      step,
      mark,
      endMarked,
      options.command,
      ...options.args,
      "--listen",
      `unix://${options.socketPath}`
    ],
    grace,
    mark
  })
  yield* handle.stdout.pipe(Stream.runDrain, Effect.ignore, Effect.forkScoped)

  yield* Effect.addFinalizer(() =>
    Stream.run(Stream.empty, handle.stdin).pipe(
      Effect.ignore,
      Effect.andThen(Fiber.join(exited)),
      Effect.timeoutOption(grace)
    )
  )

  const transport = yield* connect({ url: `ws+unix://${options.socketPath}:/` }).pipe(
    Effect.retry(Schedule.spaced("20 millis")),
    Effect.timeoutOrElse({
      duration: openTimeout,
      orElse: () => Effect.fail(failure({ _tag: "Spawn", description: "it does not listen" }))
    }),
    Effect.raceFirst(Effect.flatMap(Fiber.join(exited), (reason) => Effect.fail(failure(reason))))
  )

  const runFork = Effect.runForkWith(yield* Effect.context())
  return {
    ...transport,
    // If the connection ended because the process exited, report the exit instead.
    listen: ({ onEnd, onLines }) =>
      transport.listen({
        onLines,
        onEnd: (error) =>
          runFork(
            Effect.map(Effect.timeoutOption(Fiber.join(exited), drainGrace), (exit) =>
              onEnd(Option.match(exit, { onNone: () => error, onSome: failure }))
            )
          )
      }),
    diagnostics: Effect.sync(diagnostics.read)
  }
})

const closing = ({ reason }: Socket.SocketError): string =>
  reason._tag === "SocketCloseError"
    ? `the app-server closed the connection (${reason.code}${reason.closeReason ? `, ${reason.closeReason}` : ""})`
    : `the connection broke: ${reason.message}`

// The server's refusal of the connection, or the reason why it could not be reached.
const connecting = ({ token, url }: ConnectOptions, cause: unknown): ConnectionFailedReason => {
  const where = withoutSecrets(url)
  const { description, ...system } = describeSystemError(cause)
  const status = /^Unexpected server response: (\d{3})$/.exec(description)?.[1]
  if (status !== undefined) {
    const advice = status === "401" || status === "403" ? `: check \`token\`` : ""
    const refused = `it refused the connection with HTTP status ${status}${advice}`
    return { _tag: "Connect", description: `${where}: ${refused}`, status: Number(status) }
  }
  const secret = token === undefined ? "" : Redacted.value(token)
  const said = secret === "" ? description : description.replaceAll(secret, Redaction.placeholder)
  return { _tag: "Connect", description: `${where}: ${said}`, ...system }
}

const checkLength = (option: string, path: string): Effect.Effect<void, InvalidConfig> => {
  const bytes = new TextEncoder().encode(path).length
  const description = `the path of a Unix socket may have at most ${maxSocketPath} bytes, but this one has ${bytes}`
  return bytes > maxSocketPath ? Effect.fail(new InvalidConfig({ path: option, description })) : Effect.void
}

const checkSocketPath = (path: string): Effect.Effect<void, InvalidConfig> => {
  const refuse = (description: string) => Effect.fail(new InvalidConfig({ path: "socketPath", description }))
  if (!path.startsWith("/")) return refuse("the path of a Unix socket must be absolute")
  // The client connects by URL, and a path that a URL encodes or normalizes would become a different path.
  const url = Result.try(() => new URL(`ws+unix://${path}:/`))
  const isKept = Result.isSuccess(url) && url.success.pathname === `${path}:/` && path.indexOf(":") < 0
  if (!isKept)
    return refuse("it must not contain anything that a URL changes: spaces, the folders `.` and `..`, or : ? #")
  return checkLength("socketPath", path)
}

const checkUrl = (url: string): Effect.Effect<void, InvalidConfig> => {
  const parsed = Result.try(() => new URL(url))
  const isOne =
    Result.isSuccess(parsed) &&
    ["ws:", "wss:", "ws+unix:"].includes(parsed.success.protocol) &&
    parsed.success.hash === ""
  if (!isOne) {
    const forms = "ws://ADDRESS, wss://ADDRESS or ws+unix://PATH:/"
    return Effect.fail(new InvalidConfig({ path: "url", description: `it is not a URL of the form ${forms}` }))
  }
  return parsed.success.protocol === "ws+unix:"
    ? checkLength("url", parsed.success.pathname.split(":")[0] ?? "")
    : Effect.void
}

// A URL may carry a password or a token.
const withoutSecrets = (url: string): string => {
  const parsed = Result.try(() => new URL(url))
  return Result.isFailure(parsed)
    ? "the URL"
    : `${parsed.success.protocol}//${parsed.success.host}${parsed.success.pathname}`
}
