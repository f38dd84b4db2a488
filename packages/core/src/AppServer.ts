/**
 * A `codex app-server` as a service: start-up, handshake, requests, notifications, and shutdown with its scope.
 *
 * Requests are typed by their method. Notifications go to all subscribers and to the turn that they belong to, found by thread
 * in one lookup. Requests of the server go to the same turn, and are declined if there is none. This module knows nothing about
 * prompts or policy rules.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"
import type { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type { WebSocketConstructor } from "effect/socket/Socket"
import type * as Stream from "effect/Stream"
import * as CodexBinary from "./CodexBinary.ts"
import {
  type CodexNotFound,
  type ConnectionFailed,
  InvalidConfig,
  type RawRequestError,
  type RequestError,
  type SlowConsumer
} from "./CodexError.ts"
import { DecisionObserver } from "./DecisionObserver.ts"
import * as ExperimentalApi from "./ExperimentalApi.ts"
import type { Frame } from "./internal/connection/frameTap.ts"
import type { ServerInfo } from "./internal/connection/handshake.ts"
import type { RequestOptions, SendRequest } from "./internal/connection/requests.ts"
import * as OfferTools from "./internal/connection/offerTools.ts"
import { connection, type Connection, serve } from "./internal/connection/serve.ts"
import { toArgs } from "./internal/connection/serverConfig.ts"
import type { RecordOptions } from "./internal/transcript/recorder.ts"
import { describeSystemError } from "./internal/transport/systemError.ts"
import * as CheckedOptions from "./internal/options.ts"
import type * as Notification from "./Notification.ts"
import type { ClientRequests, ExperimentalClientRequests } from "./protocol/generated/Methods.ts"
import type * as ServerRequest from "./ServerRequest.ts"
import type { ToolServer } from "./ToolServer.ts"
import * as Transport from "./Transport.ts"
import type * as WebSocketTransport from "./WebSocketTransport.ts"

export type {
  /** One line of the connection. */
  Frame
} from "./internal/connection/frameTap.ts"
export type {
  /** The server's description of itself, from the handshake. */
  ServerInfo
} from "./internal/connection/handshake.ts"
export type {
  /** Options of a single request, which override those of its method. */
  RequestOptions,
  /** A function that calls a method by its name. */
  SendRequest
} from "./internal/connection/requests.ts"

/**
 * The notifications that a connection works without.
 *
 * @category models
 * @since 0.1.0
 */
export type OptionalNotification = Exclude<
  keyof Notification.Methods,
  | "account/login/completed"
  | "account/updated"
  | "command/exec/outputDelta"
  | "fs/changed"
  | "fuzzyFileSearch/sessionUpdated"
  | "item/agentMessage/delta"
  | "item/completed"
  | "item/started"
  | "mcpServer/oauthLogin/completed"
  | "serverRequest/resolved"
  | "thread/archived"
  | "thread/closed"
  | "thread/status/changed"
  | "turn/completed"
  | "turn/started"
>

/**
 * The client's introduction, and the limits of a connection in time and size.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConnectionOptions extends ServerRequest.HostHandlers {
  /** The name and version that the client sends in the handshake. Default: those of this package. */
  readonly clientInfo?: { readonly name: string; readonly title?: string; readonly version: string } | undefined
  /**
   * The oldest version of codex to accept, such as `0.169.0`. The handshake fails if the server is older, does not report its
   * version, or is a source build that calls itself `0.0.0`. A pre-release counts as older than its release. Default: any; a
   * server older than the oldest tested version is logged as a warning.
   */
  readonly minVersion?: string | undefined
  /** Whether methods and fields of the experimental API may be used. Default: false. */
  readonly experimentalApi?: boolean | undefined
  /** Notifications that the server must not send. Those that turns and handles depend on are excluded. Default: none. */
  readonly optOutNotificationMethods?: ReadonlyArray<OptionalNotification> | undefined
  /** How long the server may take to answer `initialize`. Default: 30 seconds. */
  readonly handshakeTimeout?: Duration.Input | undefined
  /** The deadline of requests that have none of their own and wait for neither a person nor a model. Default: 60 seconds. */
  readonly requestTimeout?: Duration.Input | undefined
  /**
   * How long answering a request of the server (an approval, a question, a tool call) may take before the request is declined.
   * The default leaves time for a person: 1 hour. `"none"` waits without limit.
   */
  readonly answerTimeout?: Duration.Input | "none" | undefined
  /**
   * The minimum time between the approval request for a command or file change and its accept. If a second request arrives
   * under the same item id, the server could mistake the answer to one for the answer to the other; requests from one model
   * response are milliseconds apart. The time spent deciding counts, so decisions of a person or a model are not delayed.
   * Default: 50 milliseconds.
   */
  readonly acceptDelay?: Duration.Input | undefined
  /**
   * How much a consumer may leave unread before its stream fails with `SlowConsumer`, in bytes: two for each UTF-16 code unit
   * that the server wrote. Default: 64 Mi.
   */
  readonly bufferBytes?: number | undefined
  /**
   * How much text of unfinished messages is kept for one turn, in UTF-16 code units. A turn that writes more is stopped and
   * fails with the reason `TextTooLong`. Default: 64 Mi. V8's limit is about 512 Mi.
   */
  readonly maxTextLength?: number | undefined
}

/**
 * How to start an app-server.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends ConnectionOptions {
  /** Path of the codex executable. Default: found as `CodexBinary.resolve` describes. */
  readonly binary?: string | undefined
  /** Arguments of the executable. Default: `["app-server"]`. */
  readonly args?: ReadonlyArray<string> | undefined
  /**
   * Overrides of the server's `config.toml`, for this process: JSON values by key, where a key may be a dotted path. They are
   * passed as `-c key=<TOML>` and visible in the process list, so do not put secrets here.
   */
  readonly config?: { readonly [key: string]: unknown } | undefined
  /** Whether the agent may search the web, and how fresh the results are. Default: as the server is configured. */
  readonly webSearch?: "live" | "indexed" | "cached" | "disabled" | undefined
  /** Working directory of the process, and of threads that name none. Default: that of this process. */
  readonly cwd?: string | undefined
  /** The environment of the process, or, with `extendEnv`, variables to add to the default. Default: that of this process. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
  /** Whether `env` extends the environment of this process instead of replacing it. Default: false. */
  readonly extendEnv?: boolean | undefined
  /** How long each step of the shutdown waits. Default: 2 seconds. See `Transport.StdioOptions`. */
  readonly shutdownGrace?: Duration.Input | undefined
  /**
   * The file to record the connection to, with secrets redacted, optionally limited in size. See `Transcript`. Default: none.
   */
  readonly record?: string | RecordOptions | undefined
}

/**
 * A connection to an app-server.
 *
 * @category services
 * @since 0.1.0
 */
export class AppServer extends Context.Service<
  AppServer,
  {
    readonly serverInfo: ServerInfo
    /** For use by this package only. */
    readonly [connection]: Connection
    /** Calls a method of the stable API. */
    readonly request: SendRequest<ClientRequests, RequestError>
    /** Calls any method, with experimental fields. */
    readonly requestExperimental: SendRequest<ExperimentalClientRequests, RequestError, ExperimentalApi.ExperimentalApi>
    /**
     * Calls a method by its bare name. The response is not validated, and the parameters are checked for experimental fields
     * only. Default deadline: that of the method.
     */
    readonly requestRaw: (
      method: string,
      params?: unknown,
      options?: RequestOptions
    ) => Effect.Effect<unknown, RawRequestError>
    /** All notifications from the moment that the stream is run. */
    readonly notifications: Stream.Stream<Notification.Notification, ConnectionFailed | SlowConsumer>
    /** Subscribes at once. The stream has all notifications since then, so subscribe before the request that causes them. */
    readonly subscribe: Effect.Effect<
      Stream.Stream<Notification.Notification, ConnectionFailed | SlowConsumer>,
      never,
      Scope.Scope
    >
    /** The requests of the server from the moment that the stream is run, for observation: they are answered elsewhere. */
    readonly serverRequests: Stream.Stream<ServerRequest.ServerRequest, ConnectionFailed | SlowConsumer>
    /** Every line of the connection from the moment that the stream is run, secrets redacted. For debugging. */
    readonly frames: Stream.Stream<Frame, ConnectionFailed | SlowConsumer>
    /** The number of lines from the server that were skipped so far because they were not messages. */
    readonly malformed: Effect.Effect<number>
    /** Fails when the connection has ended. */
    readonly closed: Effect.Effect<never, ConnectionFailed>
  }
>()("@effect-codex/core/AppServer") {}

/**
 * How much a consumer may leave unread, in bytes: 64 Mi.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultBufferBytes = 67_108_864

/** 64 Mi of UTF-16 code units. */
const defaultMaxTextLength = 67_108_864

const checkOptions = (options: ConnectionOptions | undefined) =>
  Effect.all({
    bufferBytes: CheckedOptions.count("bufferBytes", options?.bufferBytes ?? defaultBufferBytes, 1),
    minVersion: CheckedOptions.version("minVersion", options?.minVersion),
    maxTextLength: CheckedOptions.count("maxTextLength", options?.maxTextLength ?? defaultMaxTextLength, 1),
    times: CheckedOptions.connection(options)
  }).pipe(
    Effect.map(({ maxTextLength, times, ...counts }) => ({
      ...counts,
      ...times,
      maxTextLength: Math.min(maxTextLength, CheckedOptions.longestString)
    }))
  )

/**
 * Performs the handshake over a transport and serves the connection until the scope closes. `binary` and `cwd` are reported in
 * {@link ServerInfo}; `isShared` says that other clients can be connected to the server too.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  transport: Transport.Transport["Service"],
  options?: ConnectionOptions &
    Partial<Pick<ServerInfo, "binary" | "cwd">> & {
      readonly isShared?: boolean | undefined
      readonly toolServer?: ToolServer | undefined
    }
): Effect.Effect<AppServer["Service"], ConnectionFailed | InvalidConfig, Scope.Scope> =>
  Effect.flatMap(checkOptions(options), (checked) =>
    serve(transport, { ...options, ...checked, host: options, isShared: options?.isShared === true })
  )

/**
 * An app-server at the other end of the transport in the context, such as a recording played by `Transcript.layer`.
 *
 * @category layers
 * @since 0.1.0
 */
export function layerTransport(
  options: ConnectionOptions & ExperimentalApi.OptIn
): Layer.Layer<AppServer | ExperimentalApi.ExperimentalApi, ConnectionFailed | InvalidConfig, Transport.Transport>
export function layerTransport(
  options?: ConnectionOptions
): Layer.Layer<AppServer, ConnectionFailed | InvalidConfig, Transport.Transport>
export function layerTransport(options?: ConnectionOptions) {
  return connected(
    Effect.flatMap(Transport.Transport, (transport) => make(transport, options)),
    options
  )
}

const connected = <E, R>(connect: Effect.Effect<AppServer["Service"], E, R>, options: ConnectionOptions | undefined) =>
  ExperimentalApi.withOptIn(
    Layer.effect(AppServer)(Effect.withSpan(connect, "codex.connect", { kind: "client" })),
    options
  )

type ProcessServices = ChildProcessSpawner | FileSystem.FileSystem | Path.Path

// A process cannot be started in a missing folder, and how the attempt fails depends on the platform.
const workingDirectory = Effect.fnUntraced(function* (cwd: string | undefined) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const refuse = (description: string) => Effect.fail(new InvalidConfig({ path: "cwd", description }))
  const name = cwd === undefined ? "the working directory of this process" : JSON.stringify(cwd)
  const absolute = Result.try(() => path.resolve(cwd ?? "."))
  // Node cannot resolve a path if the working directory has been deleted.
  if (Result.isFailure(absolute)) return yield* refuse("the working directory of this process has been deleted")
  const found = yield* fs.stat(absolute.success).pipe(
    Effect.catch((error) => {
      const missing = cwd === undefined ? "has been deleted" : "does not exist"
      return refuse(`${name} ${error.reason._tag === "NotFound" ? missing : describeSystemError(error).description}`)
    })
  )
  if (found.type !== "Directory") return yield* refuse(`${name} is not a folder`)
  return absolute.success
})

const spawnOptions = Effect.fnUntraced(function* (options: Options | undefined, offer: OfferTools.Offer | undefined) {
  // First, so that no process is started with invalid options.
  yield* checkOptions(options)
  const absolute = yield* workingDirectory(options?.cwd)
  const { args, binary, config, env, extendEnv, shutdownGrace, webSearch } = options ?? {}
  const tools = offer === undefined ? {} : yield* OfferTools.toConfig(offer, config)
  const overrides = yield* toArgs({
    ...config,
    ...(webSearch === undefined ? {} : { web_search: webSearch }),
    ...tools
  })
  return {
    command: yield* CodexBinary.resolve({ binary }),
    args: [...(args === undefined || args.length === 0 ? ["app-server"] : args), ...overrides],
    cwd: absolute,
    ...(offer === undefined ? { env, extendEnv } : OfferTools.toEnvironment(offer, env, extendEnv)),
    shutdownGrace
  }
})

// Few programs use these, so they are loaded on first use.
const loadRecorder = Effect.promise(() => import("./internal/transcript/recorder.ts"))
const loadWebSocketTransport = Effect.promise(() => import("./WebSocketTransport.ts"))

type Spawn = Effect.Success<ReturnType<typeof spawnOptions>>

const aboutOf = ({ command, cwd }: Spawn) => ({ binary: command, cwd })

// The recording begins before the connection and ends after it, so that it is complete.
const serveRecorded = Effect.fnUntraced(function* <E, R>(
  spawn: Spawn,
  record: Options["record"],
  connect: Effect.Effect<Transport.Transport["Service"], E, R>,
  options: Parameters<typeof make>[1]
) {
  if (record === undefined) return yield* make(yield* connect, options)
  const { makeRecorder } = yield* loadRecorder
  const recorder = yield* makeRecorder(record, { ...aboutOf(spawn), args: spawn.args }, yield* DecisionObserver)
  const transport = yield* recorder.record(yield* connect)
  return yield* Effect.provideService(make(transport, options), DecisionObserver, recorder.observer)
})

/**
 * Starts a `codex app-server` and ends it with the scope.
 *
 * @category layers
 * @since 0.1.0
 */
export function layer(
  options: Options & ExperimentalApi.OptIn
): Layer.Layer<
  AppServer | ExperimentalApi.ExperimentalApi,
  CodexNotFound | ConnectionFailed | InvalidConfig,
  ProcessServices
>
export function layer(
  options?: Options
): Layer.Layer<AppServer, CodexNotFound | ConnectionFailed | InvalidConfig, ProcessServices>
export function layer(options?: Options) {
  const connect = Effect.gen(function* () {
    const offer = yield* OfferTools.make
    const spawn = yield* spawnOptions(options, offer)
    const about = { ...options, ...offer, ...aboutOf(spawn) }
    const server = yield* serveRecorded(spawn, options?.record, Transport.stdio(spawn), about)
    return yield* OfferTools.open(server, offer)
  })
  return connected(connect, options)
}

/**
 * Which app-server to connect to, and how.
 *
 * @category models
 * @since 0.1.0
 */
export interface WebSocketOptions extends ConnectionOptions, WebSocketTransport.ConnectOptions {}

/**
 * Connects to an app-server that listens on a WebSocket; closing the scope leaves it running.
 *
 * @category layers
 * @since 0.1.0
 */
export function layerWebSocket(
  options: WebSocketOptions & ExperimentalApi.OptIn
): Layer.Layer<AppServer | ExperimentalApi.ExperimentalApi, ConnectionFailed | InvalidConfig, WebSocketConstructor>
export function layerWebSocket(
  options: WebSocketOptions
): Layer.Layer<AppServer, ConnectionFailed | InvalidConfig, WebSocketConstructor>
export function layerWebSocket(options: WebSocketOptions) {
  const connect = checkOptions(options).pipe(
    Effect.andThen(OfferTools.refuse),
    Effect.andThen(Effect.flatMap(loadWebSocketTransport, ({ connect }) => connect(options))),
    Effect.flatMap((transport) => make(transport, { ...options, isShared: true }))
  )
  return connected(connect, options)
}

/**
 * How to start an app-server that listens on a Unix socket.
 *
 * @category models
 * @since 0.1.0
 */
export interface UnixOptions extends Options, Pick<WebSocketTransport.SpawnUnixOptions, "openTimeout" | "socketPath"> {}

/**
 * Starts a `codex app-server` that listens on a Unix socket, so that other processes can join it, and ends it with the
 * scope. Not on Windows.
 *
 * @category layers
 * @since 0.1.0
 */
export function layerUnix(
  options: UnixOptions & ExperimentalApi.OptIn
): Layer.Layer<
  AppServer | ExperimentalApi.ExperimentalApi,
  CodexNotFound | ConnectionFailed | InvalidConfig,
  ProcessServices | WebSocketConstructor
>
export function layerUnix(
  options: UnixOptions
): Layer.Layer<AppServer, CodexNotFound | ConnectionFailed | InvalidConfig, ProcessServices | WebSocketConstructor>
export function layerUnix(options: UnixOptions) {
  const connect = Effect.gen(function* () {
    const { openTimeout, socketPath } = options
    const offer = yield* OfferTools.make
    const spawn = yield* spawnOptions(options, offer)
    const { spawnUnix } = yield* loadWebSocketTransport
    const connect = spawnUnix({ ...spawn, openTimeout, socketPath })
    const about = { ...options, ...offer, ...aboutOf(spawn), isShared: true }
    return yield* OfferTools.open(yield* serveRecorded(spawn, options.record, connect, about), offer)
  })
  return connected(connect, options)
}
