/**
 * The front door: prompts in, text, events and typed results out.
 *
 * Merges the defaults of the layer into each call, gets threads ready, checks that there is an account where one is needed,
 * and has turns on one thread wait for each other. What is on the wire is none of its business.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type * as Path from "effect/Path"
import type { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type { WebSocketConstructor } from "effect/socket/Socket"
import * as Stream from "effect/Stream"
import * as Struct from "effect/Struct"
import type { AgentResponse } from "./AgentResponse.ts"
import * as AppServer from "./AppServer.ts"
import {
  type CodexNotFound,
  type ConnectionFailed,
  InvalidParams,
  NotAuthenticated,
  type RequestError,
  type TurnError,
  type TurnStreamError
} from "./CodexError.ts"
import * as ExperimentalApi from "./ExperimentalApi.ts"
import type { PolicyEngine } from "./PolicyEngine.ts"
import type { ThreadStartParams } from "./protocol/generated/Stable.ts"
import * as Protocol from "./protocol/Protocol.ts"
import type { ResponseEvent } from "./ResponseEvent.ts"
import * as Thread from "./Thread.ts"
import * as Turn from "./Turn.ts"

/**
 * Parameters of a thread as `thread/start` takes them.
 *
 * @category models
 * @since 0.1.0
 */
export type ThreadOptions = ThreadStartParams

/**
 * @category models
 * @since 0.1.0
 */
export interface Defaults {
  /** Defaults for threads. A call's own value wins; its `undefined` keeps the default, its `null` is sent. */
  readonly thread?: ThreadOptions | undefined
  /** Defaults for turns, merged the same way. */
  readonly turn?: Thread.TurnOptions | undefined
  /** How much a stream's consumer may leave unread before it fails with `SlowConsumer`, in bytes. Default: 64 Mi. */
  readonly bufferBytes?: number | undefined
}

/**
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
   * Parameters of the thread. Given with a `threadId`, they apply when the thread is loaded from its rollout; for a thread
   * that is loaded already they can't apply, and the call fails with `InvalidParams`.
   */
  readonly thread?: ThreadOptions | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface CreateOptions extends ResponseOptions {
  /** Whether the response holds all events of the turn. Default: false. */
  readonly includeEvents?: boolean | undefined
}

/**
 * Prompts and what comes of them. Each call owns its turn: leaving it early (interruption, a timeout, `Stream.take`) stops
 * the turn on the server.
 *
 * @category models
 * @since 0.1.0
 */
export interface Responses {
  /** Runs a turn and waits for its result. */
  readonly create: (options: CreateOptions) => Effect.Effect<AgentResponse, TurnError, PolicyEngine>
  /** Runs a turn; `thread/ready` comes first, `turn/completed` last; then the stream ends, or fails as the turn did. */
  readonly events: (options: ResponseOptions) => Stream.Stream<ResponseEvent, TurnStreamError, PolicyEngine>
  /** Runs a turn; the text of the agent's messages as it is written, without reasoning or the output of tools. */
  readonly streamText: (options: ResponseOptions) => Stream.Stream<string, TurnStreamError, PolicyEngine>
}

/**
 * Threads as handles, for programs that hold on to them.
 *
 * @category models
 * @since 0.1.0
 */
export interface Threads {
  /** Starts a new thread. */
  readonly start: (params?: ThreadOptions) => Effect.Effect<Thread.Thread, RequestError>
  /** Gets a thread that exists, without its history. Thread parameters apply as in {@link ResponseOptions}. */
  readonly resume: (threadId: string, params?: ThreadOptions) => Effect.Effect<Thread.Thread, RequestError>
}

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
    | "malformed"
    | "notifications"
    | "request"
    | "requestExperimental"
    | "requestRaw"
    | "serverInfo"
    | "subscribe"
  > & { readonly responses: Responses; readonly thread: Threads }
>()("@effect-codex/core/Codex") {}

/**
 * Makes the front door of an app-server that runs already.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: (options?: Defaults) => Effect.Effect<Codex["Service"], never, AppServer.AppServer | Scope.Scope> =
  Effect.fnUntraced(function* (options?: Defaults) {
    const server = yield* AppServer.AppServer
    const runFork = Effect.runForkWith(yield* Effect.context())
    const bufferBytes = options?.bufferBytes ?? AppServer.defaultBufferBytes
    // The turns of a thread wait for each other.
    const queues = new Map<string, Turn.Queue>()

    const queueOf = (threadId: string): Turn.Queue => {
      const known = queues.get(threadId)
      if (known !== undefined) return known
      const queue = Turn.makeQueue()
      queues.set(threadId, queue)
      return queue
    }

    // One read tells for all turns, until the server says that the account has changed.
    let accountChecked = false
    yield* server.on("account/updated", () => {
      accountChecked = false
    })
    // What the server says of accounts is about its default provider: a thread with another one needs none of that.
    const requireAccount = Effect.fnUntraced(function* (threadId: string) {
      if (accountChecked) return
      const { account, requiresOpenaiAuth } = yield* server.request("account/read", {})
      accountChecked = account != null || !requiresOpenaiAuth
      if (accountChecked) return
      const { config } = yield* server.request("config/read", {})
      if (server.providerOf(threadId) !== (config.model_provider ?? "openai")) return
      return yield* new NotAuthenticated({ description: "there is no account, and the model's provider needs one" })
    })

    const startThread = Effect.fnUntraced(function* (params: ThreadOptions | undefined) {
      const response = yield* server.request("thread/start", merge(options?.thread, params), {
        onLate: (late) => {
          const decoded = Protocol.decodeResponse("thread/start", late)
          if (Result.isFailure(decoded)) return
          runFork(Effect.ignore(server.request("thread/unsubscribe", { threadId: decoded.success.thread.id })))
        }
      })
      return response.thread.id
    })

    const resumeThread = Effect.fnUntraced(function* (threadId: string, params: ThreadOptions | undefined) {
      if (server.isJoined(threadId)) {
        if (params === undefined) return threadId
        return yield* new InvalidParams({
          method: "thread/resume",
          description: `thread ${threadId} is loaded, so thread parameters can't apply to it any more: give turn parameters instead`
        })
      }
      const { ephemeral, serviceName, sessionStartSource, threadSource, ...resumable } = merge(options?.thread, params)
      const startOnly = { ephemeral, serviceName, sessionStartSource, threadSource }
      const refused = Struct.keys(startOnly).filter((key) => params?.[key] !== undefined)
      if (refused.length > 0) {
        const description = `${refused.join(", ")} can be given when a thread starts only, and thread ${threadId} exists`
        return yield* new InvalidParams({ method: "thread/resume", description })
      }
      yield* server.request("thread/resume", { ...resumable, threadId, excludeTurns: true })
      return threadId
    })

    const begin = (threadId: string, { onToolCall, prompt, turn }: Thread.TurnInput) => ({
      params: { ...merge(options?.turn, turn), threadId, input: textInput(prompt) },
      queue: queueOf(threadId),
      onToolCall
    })

    // Gets the thread ready. What starts from it belongs to the caller's scope.
    const prepare = Effect.fnUntraced(function* ({ thread, threadId, ...input }: ResponseOptions) {
      const id = threadId === undefined ? yield* startThread(thread) : yield* resumeThread(threadId, thread)
      yield* requireAccount(id)
      return begin(id, input)
    })

    const stream = (responseOptions: ResponseOptions) =>
      Effect.flatMap(prepare(responseOptions), (turn) =>
        Turn.startStreaming(server, { ...turn, keep: "once", bufferBytes })
      )

    const create: Responses["create"] = Effect.fn("Codex.responses.create")(function* ({ includeEvents, ...rest }) {
      const turn = yield* Turn.start(server, { ...(yield* prepare(rest)), includeEvents })
      return yield* turn.response
    }, Effect.scoped)

    const events: Responses["events"] = (responseOptions) =>
      Stream.unwrap(
        Effect.map(stream(responseOptions), ({ notifications, threadId }) => Thread.eventsOf(threadId, notifications))
      )

    const streamText: Responses["streamText"] = (responseOptions) =>
      Stream.unwrap(Effect.map(stream(responseOptions), ({ notifications }) => Thread.textOf(notifications)))

    const handleOf = (threadId: string): Thread.Thread => ({
      id: threadId,
      turn: Effect.fn("Thread.turn")(function* (input) {
        yield* requireAccount(threadId)
        const { id, notifications, response } = yield* Turn.startStreaming(server, {
          ...begin(threadId, typeof input === "string" ? { prompt: input } : input),
          keep: "replay",
          bufferBytes
        })
        return {
          id,
          threadId,
          notifications,
          events: Thread.eventsOf(threadId, notifications),
          text: Thread.textOf(notifications),
          response,
          steer: (prompt) =>
            Effect.asVoid(server.request("turn/steer", { threadId, expectedTurnId: id, input: textInput(prompt) })),
          interrupt: Effect.asVoid(server.request("turn/interrupt", { threadId, turnId: id }))
        }
      })
    })

    const thread: Threads = {
      start: (params) => Effect.map(startThread(params), handleOf),
      resume: (threadId, params) => Effect.map(resumeThread(threadId, params), handleOf)
    }

    return Codex.of({
      closed: server.closed,
      malformed: server.malformed,
      notifications: server.notifications,
      request: server.request,
      requestExperimental: server.requestExperimental,
      requestRaw: server.requestRaw,
      serverInfo: server.serverInfo,
      subscribe: server.subscribe,
      responses: { create, events, streamText },
      thread
    })
  })

/**
 * Codex over an app-server that runs already.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerAppServer = (options?: Defaults): Layer.Layer<Codex, never, AppServer.AppServer> =>
  Layer.effect(Codex)(make(options))

/**
 * Starts a `codex app-server` of its own and ends it with the scope.
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
): Layer.Layer<Codex | ExperimentalApi.ExperimentalApi, CodexNotFound | ConnectionFailed, ProcessServices>
export function layer(options?: Options): Layer.Layer<Codex, CodexNotFound | ConnectionFailed, ProcessServices>
export function layer(options?: Options) {
  return ExperimentalApi.withOptIn(Layer.provide(layerAppServer(options), AppServer.layer(options)), options)
}

/**
 * @category models
 * @since 0.1.0
 */
export interface WebSocketOptions extends AppServer.WebSocketOptions, Defaults {}

/**
 * Codex over an app-server that listens on a WebSocket; closing the scope leaves that running.
 *
 * @category layers
 * @since 0.1.0
 */
export function layerWebSocket(
  options: WebSocketOptions & ExperimentalApi.OptIn
): Layer.Layer<Codex | ExperimentalApi.ExperimentalApi, ConnectionFailed, WebSocketConstructor>
export function layerWebSocket(options: WebSocketOptions): Layer.Layer<Codex, ConnectionFailed, WebSocketConstructor>
export function layerWebSocket(options: WebSocketOptions) {
  return ExperimentalApi.withOptIn(Layer.provide(layerAppServer(options), AppServer.layerWebSocket(options)), options)
}

/**
 * @category models
 * @since 0.1.0
 */
export interface UnixOptions extends AppServer.UnixOptions, Defaults {}

/**
 * Codex over an app-server of our own that listens on a Unix socket, so that other processes can join it.
 *
 * @category layers
 * @since 0.1.0
 */
export function layerUnix(
  options: UnixOptions & ExperimentalApi.OptIn
): Layer.Layer<
  Codex | ExperimentalApi.ExperimentalApi,
  CodexNotFound | ConnectionFailed,
  ProcessServices | WebSocketConstructor
>
export function layerUnix(
  options: UnixOptions
): Layer.Layer<Codex, CodexNotFound | ConnectionFailed, ProcessServices | WebSocketConstructor>
export function layerUnix(options: UnixOptions) {
  return ExperimentalApi.withOptIn(Layer.provide(layerAppServer(options), AppServer.layerUnix(options)), options)
}

type ProcessServices = ChildProcessSpawner | FileSystem.FileSystem | Path.Path

const textInput = (prompt: string) => [{ type: "text" as const, text: prompt, text_elements: [] }]

// Request over default, key by key; `undefined` is a key that the caller left out, `null` is a value.
const merge = <A extends object>(defaults: A | undefined, request: A | undefined): Partial<A> => {
  const merged: Partial<A> = { ...defaults, ...request }
  if (defaults === undefined || request === undefined) return merged
  for (const key of Struct.keys(request)) {
    if (request[key] === undefined) merged[key] = defaults[key]
  }
  return merged
}
