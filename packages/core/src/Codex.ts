/**
 * The front door: prompts in, text, events and typed results out.
 *
 * Merges the defaults of the layer into each call, prepares threads, checks for an account if one is needed, and queues the
 * turns on a thread. It knows nothing about the wire protocol.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type * as Path from "effect/Path"
import type { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import type * as Scope from "effect/Scope"
import type { WebSocketConstructor } from "effect/socket/Socket"
import * as Stream from "effect/Stream"
import type { AgentResponse } from "./AgentResponse.ts"
import * as AppServer from "./AppServer.ts"
import type {
  CodexNotFound,
  ConnectionFailed,
  InvalidConfig,
  OutputInvalid,
  TurnError,
  TurnStreamError
} from "./CodexError.ts"
import * as ExperimentalApi from "./ExperimentalApi.ts"
import * as Groups from "./api/Groups.ts"
import * as Input from "./Input.ts"
import { makeHandles } from "./internal/thread/handles.ts"
import { connection } from "./internal/connection/serve.ts"
import * as CheckedOptions from "./internal/options.ts"
import { makeThreads, tables } from "./internal/thread/threads.ts"
import type { PolicyEngine } from "./PolicyEngine.ts"
import type { ResponseEvent } from "./ResponseEvent.ts"
import * as Thread from "./Thread.ts"

/**
 * The defaults that a layer applies to its threads and turns.
 *
 * @category models
 * @since 0.1.0
 */
export type Defaults = Thread.Defaults

/**
 * The app-server to start, and the defaults for its threads and turns.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends AppServer.Options, Defaults {}

/**
 * One prompt.
 *
 * @category models
 * @since 0.1.0
 */
export interface ResponseOptions extends Thread.TurnInput {
  /** The thread to continue. Default: a new one. */
  readonly threadId?: string | undefined
  /**
   * Parameters of the thread. With a `threadId`, they apply when the thread is loaded from its rollout. They cannot apply to a
   * thread that is already loaded: the call then fails with `InvalidParams`.
   */
  readonly thread?: Thread.ThreadOptions | undefined
}

/**
 * One prompt, for the complete response.
 *
 * @category models
 * @since 0.1.0
 */
export interface CreateOptions extends ResponseOptions {
  /** Whether the response holds all events of the turn. Default: false. */
  readonly includeEvents?: boolean | undefined
}

/**
 * Prompts and their results. Each call owns its turn: leaving it early (interruption, a timeout, `Stream.take`) stops the turn
 * on the server.
 *
 * @category models
 * @since 0.1.0
 */
export interface Responses {
  /** Runs a turn and waits for its result; with `output`, for an answer that matches that schema. */
  readonly create: {
    (options: CreateOptions): Effect.Effect<AgentResponse, TurnError, PolicyEngine>
    <A, RD>(
      options: CreateOptions & Thread.AskOptions<A, RD>
    ): Effect.Effect<Thread.Answer<A>, TurnError | OutputInvalid, PolicyEngine | RD>
  }
  /** Runs a turn. `thread/ready` is the first event, `turn/completed` the last; then the stream ends or fails like the turn. */
  readonly events: (options: ResponseOptions) => Stream.Stream<ResponseEvent, TurnStreamError, PolicyEngine>
  /** Runs a turn and streams the text of the agent's answer, without commentary, reasoning or the output of tools. */
  readonly streamText: (options: ResponseOptions) => Stream.Stream<string, TurnStreamError, PolicyEngine>
}

/**
 * Threads, as handles for programs that keep them, and by their ids.
 *
 * @category models
 * @since 0.1.0
 */
export interface Threads extends Groups.ThreadGroup, Thread.Handles {}

/**
 * Codex, ready to take prompts.
 *
 * @category services
 * @since 0.1.0
 */
export class Codex extends Context.Service<
  Codex,
  Pick<
    AppServer.AppServer["Service"],
    | "closed"
    | "frames"
    | "malformed"
    | "notifications"
    | "request"
    | "requestExperimental"
    | "requestRaw"
    | "serverInfo"
    | "serverRequests"
    | "subscribe"
  > &
    Groups.Groups & {
      readonly responses: Responses
      readonly thread: Threads
      /** For use by this package only. */
      readonly [tables]: () => Readonly<Record<string, number>>
    }
>()("@effect-codex/core/Codex") {}

// Returns `bufferBytes`. The turns read their limits themselves, and rely on this check.
const checkDefaults = (options: Defaults | undefined) =>
  Effect.all([
    CheckedOptions.layerBudget("budget", options?.budget),
    CheckedOptions.budget("turnBudget", options?.turnBudget),
    CheckedOptions.watchdog("watchdog", options?.watchdog)
  ]).pipe(Effect.andThen(CheckedOptions.count("bufferBytes", options?.bufferBytes ?? AppServer.defaultBufferBytes, 1)))

/**
 * Makes the `Codex` service over an app-server that is already running.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: (
  options?: Defaults
) => Effect.Effect<Codex["Service"], InvalidConfig, AppServer.AppServer | Scope.Scope> = Effect.fnUntraced(function* (
  options?: Defaults
) {
  const bufferBytes = yield* checkDefaults(options)
  const server = yield* AppServer.AppServer
  const threads = yield* makeThreads(server, options)
  const handles = makeHandles(server, threads)
  const load = (threadId: string) => threads.resume(threadId, undefined)
  const groups = Groups.make(server, { bufferBytes, load }, handles.threads)

  function create(options: CreateOptions): Effect.Effect<AgentResponse, TurnError, PolicyEngine>
  function create<A, RD>(
    options: CreateOptions & Thread.AskOptions<A, RD>
  ): Effect.Effect<Thread.Answer<A>, TurnError | OutputInvalid, PolicyEngine | RD>
  function create<A, RD>(
    options: CreateOptions & Partial<Thread.AskOptions<A, RD>>
  ): Effect.Effect<AgentResponse, TurnError | OutputInvalid, PolicyEngine | RD> {
    const { output, thread, threadId, ...input } = options
    return CheckedOptions.turnLimits(options).pipe(
      Effect.andThen(Input.checkParts(options.prompt)),
      Effect.andThen(threads.forCall(threadId, thread)),
      Effect.flatMap((id) => (output === undefined ? handles.run(id, input) : handles.ask(id, { ...input, output }))),
      Effect.scoped
    )
  }

  const stream = ({ thread, threadId, ...input }: ResponseOptions) =>
    CheckedOptions.turnLimits(input).pipe(
      Effect.andThen(Input.checkParts(input.prompt)),
      Effect.andThen(threads.forCall(threadId, thread)),
      Effect.flatMap((id) => handles.stream(id, input))
    )

  const responses: Responses = {
    create,
    events: (options) =>
      Stream.unwrap(
        Effect.map(stream(options), ({ notifications, threadId }) => Thread.eventsOf(threadId, notifications))
      ),
    streamText: (options) =>
      Stream.unwrap(Effect.map(stream(options), ({ notifications }) => Thread.textOf(notifications)))
  }

  // Copying the groups would make all of them.
  return Codex.of(
    Object.assign(groups, {
      closed: server.closed,
      frames: server.frames,
      malformed: server.malformed,
      notifications: server.notifications,
      request: server.request,
      requestExperimental: server.requestExperimental,
      requestRaw: server.requestRaw,
      serverInfo: server.serverInfo,
      serverRequests: server.serverRequests,
      subscribe: server.subscribe,
      [tables]: () => ({ ...server[connection].sizes(), ...threads.sizes() }),
      responses
    })
  )
})

/**
 * Codex over an app-server that is already running.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerAppServer = (options?: Defaults): Layer.Layer<Codex, InvalidConfig, AppServer.AppServer> =>
  Layer.effect(Codex)(make(options))

/**
 * Starts a `codex app-server` and ends it with the scope.
 *
 * **Example** (Asking one question)
 *
 * ```ts
 * import * as Codex from "@effect-codex/core/Codex"
 * import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
 * import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
 * import * as NodeServices from "@effect/platform-node/NodeServices"
 * import * as Console from "effect/Console"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 *
 * const program = Effect.gen(function* () {
 *   const codex = yield* Codex.Codex
 *   const response = yield* codex.responses.create({ prompt: "Reply with exactly: READY" })
 *   yield* Console.log(response.threadId, response.text)
 * })
 *
 * const Main = Layer.merge(Codex.layer(), PolicyEngine.layerDeclineAll).pipe(Layer.provide(NodeServices.layer))
 *
 * program.pipe(Effect.provide(Main), NodeRuntime.runMain)
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export function layer(
  options: Options & ExperimentalApi.OptIn
): Layer.Layer<
  Codex | ExperimentalApi.ExperimentalApi,
  CodexNotFound | ConnectionFailed | InvalidConfig,
  ProcessServices
>
export function layer(
  options?: Options
): Layer.Layer<Codex, CodexNotFound | ConnectionFailed | InvalidConfig, ProcessServices>
export function layer(options?: Options) {
  return ExperimentalApi.withOptIn(Layer.provide(layerAppServer(options), AppServer.layer(options)), options)
}

/**
 * Like {@link layer}, with options from configuration: any option, or all of them together, may be a `Config`.
 *
 * **Example** (Reading the binary and the model from the environment)
 *
 * ```ts
 * import * as Codex from "@effect-codex/core/Codex"
 * import * as Config from "effect/Config"
 *
 * export const layer = Codex.layerConfig({
 *   binary: Config.String("CODEX_PATH").pipe(Config.withDefault(undefined)),
 *   thread: { model: Config.String("AGENT_MODEL"), sandbox: Config.succeed("read-only") }
 * })
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options: Config.Wrap<Options>
): Layer.Layer<Codex, CodexNotFound | ConnectionFailed | InvalidConfig | Config.ConfigError, ProcessServices> =>
  Layer.unwrap(Effect.map(Config.unwrap(options), layer))

/**
 * The app-server to connect to, and the defaults for its threads and turns.
 *
 * @category models
 * @since 0.1.0
 */
export interface WebSocketOptions extends AppServer.WebSocketOptions, Defaults {}

/**
 * Codex over an app-server that listens on a WebSocket. Closing the scope leaves the server running.
 *
 * @category layers
 * @since 0.1.0
 */
export function layerWebSocket(
  options: WebSocketOptions & ExperimentalApi.OptIn
): Layer.Layer<Codex | ExperimentalApi.ExperimentalApi, ConnectionFailed | InvalidConfig, WebSocketConstructor>
export function layerWebSocket(
  options: WebSocketOptions
): Layer.Layer<Codex, ConnectionFailed | InvalidConfig, WebSocketConstructor>
export function layerWebSocket(options: WebSocketOptions) {
  return ExperimentalApi.withOptIn(Layer.provide(layerAppServer(options), AppServer.layerWebSocket(options)), options)
}

/**
 * The app-server to start on a Unix socket, and the defaults for its threads and turns.
 *
 * @category models
 * @since 0.1.0
 */
export interface UnixOptions extends AppServer.UnixOptions, Defaults {}

/**
 * Starts a `codex app-server` that listens on a Unix socket, so that other processes can join it, and ends it with the scope.
 *
 * @category layers
 * @since 0.1.0
 */
export function layerUnix(
  options: UnixOptions & ExperimentalApi.OptIn
): Layer.Layer<
  Codex | ExperimentalApi.ExperimentalApi,
  CodexNotFound | ConnectionFailed | InvalidConfig,
  ProcessServices | WebSocketConstructor
>
export function layerUnix(
  options: UnixOptions
): Layer.Layer<Codex, CodexNotFound | ConnectionFailed | InvalidConfig, ProcessServices | WebSocketConstructor>
export function layerUnix(options: UnixOptions) {
  return ExperimentalApi.withOptIn(Layer.provide(layerAppServer(options), AppServer.layerUnix(options)), options)
}

type ProcessServices = ChildProcessSpawner | FileSystem.FileSystem | Path.Path
