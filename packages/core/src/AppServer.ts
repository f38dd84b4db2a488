/**
 * One running `codex app-server`, as a service: started, shaken hands with, asked, listened to, and ended with its scope.
 *
 * Requests are typed by their method. Notifications go to whoever subscribed and to the turn that they belong to, found by
 * thread in one look-up. Requests of the server go to the same turn, and are declined when there is none. What a prompt is,
 * or a policy rule, is not known here.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import type { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type { WebSocketConstructor } from "effect/socket/Socket"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import * as CodexBinary from "./CodexBinary.ts"
import {
  type CodexNotFound,
  ConnectionFailed,
  ExperimentalApiRequired,
  InvalidConfig,
  type RawRequestError,
  type RequestError,
  type SessionArchived,
  type SessionNotFound,
  type SlowConsumer
} from "./CodexError.ts"
import * as ExperimentalApi from "./ExperimentalApi.ts"
import * as FrameTap from "./FrameTap.ts"
import { type Answering, makeAnswering } from "./internal/answering.ts"
import { handshake } from "./internal/handshake.ts"
import { makeHub } from "./internal/hub.ts"
import * as CheckedOptions from "./internal/options.ts"
import { longestString } from "./internal/lines.ts"
import { monotonicMillis } from "./internal/monotonic.ts"
import { describeSystemError } from "./internal/systemError.ts"
import { toArgs } from "./internal/serverConfig.ts"
import { makeRequests } from "./internal/requests.ts"
import { type Child, makeRouter } from "./internal/router.ts"
import { observeAnswer, observeUnreadable } from "./internal/observe.ts"
import * as JsonRpc from "./JsonRpc.ts"
import * as Notification from "./Notification.ts"
import * as PolicyEngine from "./PolicyEngine.ts"
import type { ClientRequests, ExperimentalClientRequests } from "./protocol/generated/Methods.ts"
import * as ServerRequest from "./ServerRequest.ts"
import * as Telemetry from "./Telemetry.ts"
import * as Transport from "./Transport.ts"
import { Witness } from "./Witness.ts"
import * as WebSocketTransport from "./WebSocketTransport.ts"

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
 * What the app-server is told about us, and how long and how much it may take.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConnectionOptions extends ServerRequest.HostHandlers {
  /** How we introduce ourselves. Default: this package. */
  readonly clientInfo?: { readonly name: string; readonly title?: string; readonly version: string } | undefined
  /**
   * The oldest codex to work with, such as `0.169.0`: an older one fails the handshake. Default: any; one that is older than
   * what is tested is logged as a warning.
   */
  readonly minVersion?: string | undefined
  /** Whether methods and fields of the experimental API may be used. Default: false. */
  readonly experimentalApi?: boolean | undefined
  /** Notifications that the server shall not send; those that turns and handles stand on can't be named. Default: none. */
  readonly optOutNotificationMethods?: ReadonlyArray<OptionalNotification> | undefined
  /** How long the server may take to answer `initialize`. Default: 30 seconds. */
  readonly handshakeTimeout?: Duration.Input | undefined
  /** The deadline of requests that have none of their own and need no person or model. Default: 60 seconds. */
  readonly requestTimeout?: Duration.Input | undefined
  /**
   * How long the answer to a request of the server (an approval, a question, a tool call) may take before it is declined:
   * time for a person. Default: 1 hour. `"none"` waits without limit.
   */
  readonly answerTimeout?: Duration.Input | "none" | undefined
  /**
   * How long an accept of a command or file change is held back, to see whether another one comes under the same item id:
   * the server could take the answer to one for the answer to the other. Calls of one answer of the model are milliseconds
   * apart. Default: 50 milliseconds.
   */
  readonly acceptDelay?: Duration.Input | undefined
  /**
   * How much a consumer may leave unread before its stream fails with `SlowConsumer`, in bytes: two for each UTF-16 code unit
   * of what the server wrote. Default: 64 Mi.
   */
  readonly bufferBytes?: number | undefined
  /**
   * How much text of messages that are being written is kept for one turn, in UTF-16 code units. A turn that writes more is
   * stopped and fails with the reason `TextTooLong`. Default: 64 Mi; V8 can't hold more than some 512 Mi.
   */
  readonly maxTextLength?: number | undefined
}

/**
 * How an app-server of our own is started.
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
   * given as `-c key=<TOML>`, so they can be seen in the list of processes: no place for secrets.
   */
  readonly config?: { readonly [key: string]: unknown } | undefined
  /** Whether the agent may search the web, and how fresh the results are. Default: what the server's configuration says. */
  readonly webSearch?: "live" | "indexed" | "cached" | "disabled" | undefined
  /** Working directory of the process, and of threads that name none. Default: ours. */
  readonly cwd?: string | undefined
  /** The whole environment of the process, or with `extendEnv` what is added to ours. Default: ours. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
  /** Whether `env` is added to our environment instead of replacing it. Default: false. */
  readonly extendEnv?: boolean | undefined
  /** How long each step of the shutdown waits. Default: 2 seconds. See `Transport.StdioOptions`. */
  readonly shutdownGrace?: Duration.Input | undefined
}

/**
 * What the server said of itself in the handshake.
 *
 * @category models
 * @since 0.1.0
 */
export interface ServerInfo {
  /** For example `0.169.0`; `unknown` if the user agent does not tell. */
  readonly version: string
  readonly userAgent: string
  /** The folder with the server's configuration and rollouts. */
  readonly codexHome: string
  /** The absolute path of its working directory, if it was started here. */
  readonly cwd: string | undefined
}

/**
 * What one request may have otherwise than its method has.
 *
 * @category models
 * @since 0.1.0
 */
export interface RequestOptions {
  /**
   * Overrides the deadline of the method; `"none"` waits without limit. A time that is not finite and above zero is
   * `InvalidParams`, and nothing is sent.
   */
  readonly timeout?: Duration.Input | "none" | undefined
  /** Gets the response if it comes after the request was interrupted or had timed out. May not block. */
  readonly onLate?: ((response: unknown) => void) | undefined
  /** Whether a request that the server was too busy to run is sent again. Default: true. */
  readonly retry?: boolean | undefined
}

type Arguments<P> = undefined extends P
  ? readonly [params?: P, options?: RequestOptions]
  : readonly [params: P, options?: RequestOptions]

/**
 * A function that calls a method by its name.
 *
 * @category models
 * @since 0.1.0
 */
export type SendRequest<
  R extends { readonly [M in keyof R]: { readonly params: unknown; readonly response: unknown } },
  E,
  Requirements = never
> = <M extends keyof R & string>(
  method: M,
  ...args: Arguments<R[M]["params"]>
) => Effect.Effect<R[M]["response"], E, Requirements>

/**
 * Who gets what belongs to one thread.
 *
 * @category models
 * @since 0.1.0
 */
export interface Route {
  readonly threadId: string
  /** What the handlers of requests run in: the span that theirs are below, and the owner's loggers, tracer and metrics. */
  readonly context: Context.Context<never>
  /** Gets each notification of the thread, and of threads that its turns have spawned, in order. Called by the reader: may not block. */
  readonly onNotification: (notification: Notification.Notification) => void
  /** Answers a request of the server on this thread, or on a thread that a turn of it has spawned. */
  readonly onRequest: (request: ServerRequest.ServerRequest) => Effect.Effect<unknown, JsonRpc.RpcError>
  /** Whether requests of this turn of the thread are for it, or, without a turn, those of the active one. */
  readonly owns: (turnId: string | undefined) => boolean
  /** While it is not known which turn of the thread it stands for: waits until it is. */
  readonly undecided: () => Effect.Effect<void> | undefined
  /** Whether it wants nothing now: what the thread says is for whoever has asked for the rest. */
  readonly isOver: () => boolean
  /** The server does not tell us of the thread any more. */
  readonly onLeft: () => void
  /** The connection or the thread is gone. */
  readonly onEnd: (error: ConnectionFailed | SessionNotFound | SessionArchived) => void
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
    /** How much text of unfinished messages is kept for one turn, in UTF-16 code units. */
    readonly maxTextLength: number
    /** Calls a method of the stable API. */
    readonly request: SendRequest<ClientRequests, RequestError>
    /** Calls any method, with experimental fields. */
    readonly requestExperimental: SendRequest<ExperimentalClientRequests, RequestError, ExperimentalApi.ExperimentalApi>
    /**
     * Calls a method by its bare name; the response is not looked at, and the parameters for experimental fields only. Default
     * deadline: that of the method.
     */
    readonly requestRaw: (
      method: string,
      params?: unknown,
      options?: RequestOptions
    ) => Effect.Effect<unknown, RawRequestError>
    /** All notifications from the moment that the stream is run. */
    readonly notifications: Stream.Stream<Notification.Notification, ConnectionFailed | SlowConsumer>
    /** Notifications from now on, read by running the stream; to subscribe before doing what they will tell about. */
    readonly subscribe: Effect.Effect<
      Stream.Stream<Notification.Notification, ConnectionFailed | SlowConsumer>,
      never,
      Scope.Scope
    >
    /** The requests of the server from the moment that the stream is run, for watching: they are answered elsewhere. */
    readonly serverRequests: Stream.Stream<ServerRequest.ServerRequest, ConnectionFailed | SlowConsumer>
    /** Every line of the connection from the moment that the stream is run, secrets redacted. For debugging. */
    readonly frames: Stream.Stream<FrameTap.Frame, ConnectionFailed | SlowConsumer>
    /** Calls back for each notification of one method, in the reader: may not block. */
    readonly on: <M extends keyof Notification.Methods>(
      method: M,
      listener: (notification: Notification.KnownNotification<M>) => void
    ) => Effect.Effect<void, never, Scope.Scope>
    /**
     * Whether we get the notifications of a thread, because this connection has started, resumed or forked it. Threads
     * that another connection has loaded have to be resumed to be heard.
     */
    readonly isJoined: (threadId: string) => boolean
    /** The model's provider of a thread that was joined, as the server named it. */
    readonly providerOf: (threadId: string) => string | undefined
    /** When the server last said something, in milliseconds of the `Clock`'s monotonic time. */
    readonly heardAt: () => number
    /** Whether other clients can be connected to the server, and start turns on our threads. */
    readonly isShared: boolean
    /** The turn that runs on a joined thread, as far as this connection knows: its id, or `unknown`. */
    readonly activeTurn: (threadId: string) => string | undefined
    /** A turn runs on the thread, whatever the server has said. */
    readonly setActiveTurn: (threadId: string, turnId: string | undefined) => void
    /** Waits until no turn runs on the thread. */
    readonly whenIdle: (threadId: string) => Effect.Effect<void>
    /** Interrupts what a turn has spawned, and what it spawns from now on; what is asked for in their name is declined. */
    readonly stopChildren: (rootTurnId: string) => Effect.Effect<void>
    /** Takes over a thread until the scope closes: one route a thread. */
    readonly route: (route: Route) => Effect.Effect<void, never, Scope.Scope>
    /** Like `route`, for what comes on the thread while nobody routes it, until the thread is left. */
    readonly routeRest: (route: Route) => Effect.Effect<void>
    /** Calls back for each thread that the server does not tell us of any more, in the reader: may not block. */
    readonly onLeft: (listener: (threadId: string) => void) => Effect.Effect<void, never, Scope.Scope>
    /** How many entries each table of the connection has, for tests of what is kept. */
    readonly sizes: () => Readonly<Record<string, number>>
    /** How many lines of the server were skipped so far because they were no message. */
    readonly malformed: Effect.Effect<number>
    /** Fails when the connection is gone. */
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

/** How many requests of the server a listener may leave unread. */
const maxUnreadRequests = 1024

/** How long closing waits for handlers that are on their way out. */
const handlerGrace = Duration.seconds(2)

/** How long the server may take for a request that needs nobody and nothing. */
const roundTripTimeout = Duration.seconds(5)

/** How often a thread is looked at whose turn is waited for. */
const idlePollInterval = Duration.seconds(1)

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
      maxTextLength: Math.min(maxTextLength, longestString)
    }))
  )

// An end that can't be read is an end.
const isEnd = (notification: Notification.Notification): boolean =>
  notification.method === "turn/completed" ||
  (notification.method === "unknown" && notification.raw.method === "turn/completed")

/**
 * Shakes hands over a transport and serves the connection until the scope closes. `cwd` is what {@link ServerInfo} tells;
 * `isShared` says that other clients can be connected to the server too.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  transport: Transport.Transport["Service"],
  options?: ConnectionOptions & Partial<Pick<ServerInfo, "cwd">> & { readonly isShared?: boolean | undefined }
): Effect.fn.Return<AppServer["Service"], ConnectionFailed | InvalidConfig, Scope.Scope> {
  const { acceptDelay, answerTimeout, bufferBytes, handshakeTimeout, maxTextLength, requestTimeout } =
    yield* checkOptions(options)
  const experimentalApi = options?.experimentalApi === true
  const isShared = options?.isShared === true
  // What nobody of this program has asked for is below no span of its.
  const context = Context.omit(Tracer.ParentSpan)(yield* Effect.context())
  const runFork = Effect.runForkWith(context)
  const witness = yield* Witness
  const humanApproval = yield* PolicyEngine.HumanApproval

  const notifications = makeHub<Notification.Notification>({
    maxBytes: bufferBytes,
    ...Notification.buffering,
    unit: "bytes",
    observe: Telemetry.observeBuffer(context)
  })
  const serverRequests = makeHub<ServerRequest.ServerRequest>({
    maxBytes: maxUnreadRequests,
    highWater: Number.POSITIVE_INFINITY,
    bytes: () => 1,
    unit: "requests",
    merge: () => undefined
  })
  const listeners = new Map<string, Set<(notification: Notification.Notification) => void>>()
  const leftListeners = new Set<(threadId: string) => void>()
  const router = makeRouter((threadId) => {
    for (const listener of leftListeners) listener(threadId)
  })
  const answering: Answering = yield* makeAnswering({
    answerTimeout,
    acceptDelay,
    roundTrip: Effect.suspend(() => requestRaw("thread/loaded/list", { limit: 1 }, { timeout: roundTripTimeout })),
    stopTurn: (threadId, turnId) => Effect.ignore(requestRaw("turn/interrupt", { threadId, turnId }))
  })

  // What is thrown by one of those who are told is its own affair: the others are told all the same, and the reader goes on.
  const guarded = (whose: string, tell: () => void) => {
    const told = Result.try(tell)
    if (Result.isFailure(told)) runFork(Effect.logError(`${whose} threw`, told.failure))
  }

  const guardedRoute = (route: Route): Route => ({
    ...route,
    onNotification: (notification) => {
      const told = Result.try(() => route.onNotification(notification))
      if (Result.isSuccess(told)) return
      runFork(Effect.logError(`The route of thread ${route.threadId} threw`, told.failure))
      // It has lost a notification, so it can't go on as if it had all of them.
      const description = `a notification of thread ${route.threadId} could not be taken: ${String(told.failure)}`
      const error = new ConnectionFailed({ reason: { _tag: "Closed", description }, stderr: [] })
      guarded(`The route of thread ${route.threadId}`, () => route.onEnd(error))
      const turnId = Notification.turnIdOf(notification)
      // Nobody hears of the turn any more, so nobody would stop it.
      if (turnId !== undefined)
        runFork(Effect.ignore(requestRaw("turn/interrupt", { threadId: route.threadId, turnId })))
    },
    onEnd: (error) => guarded(`The route of thread ${route.threadId}`, () => route.onEnd(error))
  })

  // A handler that has lost its say may still be on its way out. Closing waits for it, for a moment.
  let handling = 0
  const idle = Deferred.makeUnsafe<void>()
  let closing = false
  const leave = () => {
    handling--
    if (closing && handling === 0) Deferred.doneUnsafe(idle, Effect.void)
  }
  const counted = <A, E>(handler: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.acquireUseRelease(
      Effect.sync(() => handling++),
      () => handler,
      () => Effect.sync(leave)
    )
  yield* Effect.addFinalizer(() =>
    Effect.suspend(() => {
      closing = true
      return handling === 0 ? Effect.void : Effect.asVoid(Effect.timeoutOption(Deferred.await(idle), handlerGrace))
    })
  )

  const onNotification: JsonRpc.Receiver["onNotification"] = (wire, length) => {
    const notification = Notification.decode(wire, length)
    const threadId = Notification.threadIdOf(notification)
    const abandoned = router.follow(notification)
    if (abandoned !== undefined) runFork(interruptTurn(abandoned))
    if (notification.method === "serverRequest/resolved") {
      const { requestId } = notification.params
      answering.forget(requestId)
      rpc.withdraw(requestId)
    } else if (threadId !== undefined && isEnd(notification)) {
      // The server does not withdraw everything when a turn ends.
      answering.endTurn(threadId, Notification.turnIdOf(notification))
    }
    if ("unreadable" in notification && notification.unreadable !== undefined) {
      runFork(observeUnreadable(notification.method, notification.unreadable))
    }
    guarded("A buffer of notifications", () => notifications.offer(notification))
    if (witness !== undefined) guarded("A witness", () => witness.notified(notification))
    if (threadId !== undefined) router.routeOf(threadId)?.onNotification(notification)
    const called = listeners.get(notification.method)
    for (const listener of called ?? []) guarded(`A listener of ${notification.method}`, () => listener(notification))
  }

  const onRequest: JsonRpc.Receiver["onRequest"] = ({ id, method, params }) => {
    if (!ServerRequest.isMethod(method)) {
      return Effect.fail(
        new JsonRpc.RpcError({ code: -32601, description: `Unsupported server request method: ${method}` })
      )
    }
    const request = ServerRequest.decode(id, method, params)
    if (Result.isFailure(request)) {
      return Effect.andThen(
        Effect.logWarning(`Declined a request ${method} that could not be read: ${request.failure}`),
        ServerRequest.decline(method)
      )
    }
    serverRequests.offer(request.success)
    return answerFor(request.success)
  }

  const answerFor = (request: ServerRequest.ServerRequest): Effect.Effect<unknown, JsonRpc.RpcError> => {
    const { threadId, turnId } = ServerRequest.aboutOf(request)
    const owner = threadId === undefined ? undefined : router.ownerOf(threadId, turnId)
    if (Effect.isEffect(owner)) return Effect.flatMap(owner, () => answerFor(request))
    // The turn is another client's, which can answer for it.
    if (owner === undefined && isShared && threadId !== undefined) return leaveToOthers(threadId)
    const handler = owner === undefined ? ServerRequest.answer(request, undefined, options) : owner.onRequest(request)
    const answered = observeAnswer(request, answering.answer(request, counted(handler), owner), witness)
    return Effect.provideContext(
      answered,
      Context.add(owner?.context ?? context, PolicyEngine.HumanApproval, humanApproval)
    )
  }

  let hasLeftToOthers = false
  const leaveToOthers = (threadId: string) =>
    Effect.suspend(() => {
      const isFirst = !hasLeftToOthers
      hasLeftToOthers = true
      const told = `Left the requests of thread ${threadId} to other clients of the server, as no turn of this program asks and the thread has no \`policy\` here`
      return Effect.andThen(isFirst ? Effect.logInfo(told) : Effect.void, Effect.never)
    })

  const onEnd: JsonRpc.Receiver["onEnd"] = (error) => {
    notifications.end(error)
    serverRequests.end(error)
    router.end(error)
  }

  const { frames, transport: tapped } = FrameTap.make(transport, { context, maxBytes: bufferBytes })
  // Once for a chunk: to look at the clock for each message would cost more than routing it.
  const clock = yield* Clock.Clock
  let heardAt = monotonicMillis(clock)
  const timed: Transport.Transport["Service"] = {
    ...tapped,
    listen: ({ onEnd, onLines }) =>
      tapped.listen({
        onLines: (lines) => {
          heardAt = monotonicMillis(clock)
          onLines(lines)
        },
        onEnd
      })
  }
  const rpc = yield* JsonRpc.make(timed, { onNotification, onRequest, onEnd })

  const serverInfo = yield* handshake(rpc, transport, { ...options, handshakeTimeout })

  const { request, requestRaw } = makeRequests({
    rpc,
    router,
    experimentalApi,
    requestTimeout,
    serverVersion: serverInfo.version
  })

  const requestExperimental: AppServer["Service"]["requestExperimental"] = (method, ...args) =>
    // The opt-in may be that of another connection.
    Effect.andThen(
      ExperimentalApi.ExperimentalApi,
      experimentalApi ? request(method, ...args) : Effect.fail(new ExperimentalApiRequired({ feature: method }))
    )

  const on: AppServer["Service"]["on"] = (method, listener) =>
    Effect.asVoid(
      Effect.acquireRelease(
        Effect.sync(() => {
          const listening = (notification: Notification.Notification) => {
            if (Notification.is(method, notification)) listener(notification)
          }
          const known = listeners.get(method)
          if (known === undefined) listeners.set(method, new Set([listening]))
          else known.add(listening)
          return listening
        }),
        (listening) => Effect.sync(() => listeners.get(method)?.delete(listening))
      )
    )

  const interruptTurn = (turn: Child) =>
    Effect.ignore(requestRaw("turn/interrupt", turn, { timeout: roundTripTimeout }))

  const stopChildren: AppServer["Service"]["stopChildren"] = (rootTurnId) =>
    Effect.suspend(() =>
      Effect.forEach(
        router.takeChildren(rootTurnId),
        (child) => {
          answering.endTurn(child.threadId, child.turnId)
          return interruptTurn(child)
        },
        { concurrency: "unbounded", discard: true }
      )
    )

  // The server tells of the end of a turn. Should it not, it is asked now and then.
  const whenIdle: AppServer["Service"]["whenIdle"] = (threadId) => {
    const look = Effect.gen(function* () {
      yield* Effect.sleep(idlePollInterval)
      const status = yield* Effect.option(request("thread/read", { threadId }, { timeout: roundTripTimeout }))
      if (Option.isNone(status) || status.value.thread.status.type !== "active") router.clearActiveTurn(threadId)
    })
    return Effect.raceFirst(router.whenIdle(threadId), Effect.forever(look))
  }

  return AppServer.of({
    serverInfo,
    maxTextLength,
    request,
    requestExperimental,
    requestRaw,
    notifications: Stream.unwrap(notifications.subscribe),
    subscribe: notifications.subscribe,
    serverRequests: Stream.unwrap(serverRequests.subscribe),
    frames,
    on,
    isJoined: router.isJoined,
    providerOf: router.providerOf,
    heardAt: () => heardAt,
    isShared,
    activeTurn: router.activeTurn,
    setActiveTurn: router.setActiveTurn,
    whenIdle,
    stopChildren,
    route: (unguarded) => {
      const route = guardedRoute(unguarded)
      const ended = Effect.addFinalizer(() => Effect.sync(() => answering.endRoute(route)))
      return Effect.andThen(ended, router.route(route))
    },
    routeRest: (route) => Effect.sync(() => router.routeRest(guardedRoute(route))),
    onLeft: (listener) =>
      Effect.asVoid(
        Effect.acquireRelease(
          Effect.sync(() => leftListeners.add(listener)),
          () => Effect.sync(() => leftListeners.delete(listener))
        )
      ),
    sizes: () => ({ ...router.sizes(), ...answering.sizes(), ...rpc.sizes() }),
    malformed: rpc.malformed,
    closed: rpc.closed
  })
})

const connected = <E, R>(connect: Effect.Effect<AppServer["Service"], E, R>, options: ConnectionOptions | undefined) =>
  ExperimentalApi.withOptIn(
    Layer.effect(AppServer)(Effect.withSpan(connect, "codex.connect", { kind: "client" })),
    options
  )

type ProcessServices = ChildProcessSpawner | FileSystem.FileSystem | Path.Path

// A process can't be started in a folder that is not there, and how that fails depends on the platform.
const workingDirectory = Effect.fnUntraced(function* (cwd: string | undefined) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const refuse = (description: string) => Effect.fail(new InvalidConfig({ path: "cwd", description }))
  const name = cwd === undefined ? "the working directory of this process" : JSON.stringify(cwd)
  const absolute = Result.try(() => path.resolve(cwd ?? "."))
  // Node can't tell a relative path from a folder that has been deleted.
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

const spawnOptions = Effect.fnUntraced(function* (options: Options | undefined) {
  // Before a process is started, so that none is started in vain.
  yield* checkOptions(options)
  const absolute = yield* workingDirectory(options?.cwd)
  const { args, binary, config, env, extendEnv, shutdownGrace, webSearch } = options ?? {}
  const overrides = yield* toArgs({ ...config, ...(webSearch === undefined ? {} : { web_search: webSearch }) })
  return {
    command: yield* CodexBinary.resolve({ binary }),
    args: [...(args === undefined || args.length === 0 ? ["app-server"] : args), ...overrides],
    cwd: absolute,
    env,
    extendEnv,
    shutdownGrace
  }
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
    const spawn = yield* spawnOptions(options)
    return yield* make(yield* Transport.stdio(spawn), { ...options, cwd: spawn.cwd })
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
    Effect.andThen(WebSocketTransport.connect(options)),
    Effect.flatMap((transport) => make(transport, { ...options, isShared: true }))
  )
  return connected(connect, options)
}

/**
 * How an app-server of our own is started, and where it listens.
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
    const spawn = yield* spawnOptions(options)
    const transport = yield* WebSocketTransport.spawnUnix({ ...spawn, openTimeout, socketPath })
    return yield* make(transport, { ...options, cwd: spawn.cwd, isShared: true })
  })
  return connected(connect, options)
}
