/**
 * Serves one connection: reads the messages of the server, routes them, has its requests answered, and sends requests.
 *
 * The room knows methods, their deadlines and errors, and which route a message belongs to. It must not know the handles of
 * turns and threads, prompts, or policy rules. The rooms above it use {@link Connection} in addition to the public service.
 */
import * as Approval from "../approval/answer.ts"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import { ConnectionFailed, ExperimentalApiRequired, type RequestError, SlowConsumer } from "../../CodexError.ts"
import { DecisionObserver } from "../../DecisionObserver.ts"
import * as ExperimentalApi from "../../ExperimentalApi.ts"
import * as Notification from "../../Notification.ts"
import * as PolicyEngine from "../../PolicyEngine.ts"
import type { ExperimentalClientRequests } from "../../protocol/generated/Methods.ts"
import * as ServerRequest from "../../ServerRequest.ts"
import * as Telemetry from "../../Telemetry.ts"
import type { CallTool, ToolServer } from "../../ToolServer.ts"
import type { Transport } from "../../Transport.ts"
import { observeAnswer } from "../approval/observe.ts"
import * as OwnTools from "../approval/ownTools.ts"
import { type Answering, makeAnswering } from "../approval/pending.ts"
import { makeHub } from "../delivery/buffer.ts"
import { monotonicMillis } from "../monotonic.ts"
import * as FrameTap from "./frameTap.ts"
import * as Handshake from "./handshake.ts"
import * as JsonRpc from "../rpc/jsonRpc.ts"
import * as Observe from "./observe.ts"
import { makeRecipients } from "./recipients.ts"
import { makeRequests, type SendRequest } from "./requests.ts"
import type { Route } from "./route.ts"
import { type Child, makeRouter } from "./router.ts"
import { buffering } from "./unread.ts"

/** The part of a connection that only this package uses. */
export interface Connection {
  /** How much text of unfinished messages is kept for one turn, in UTF-16 code units. */
  readonly maxTextLength: number
  /** Calls the listener for each notification of one method. It runs in the reader and must not block. */
  readonly on: <M extends keyof Notification.Methods>(
    method: M,
    listener: (notification: Notification.KnownNotification<M>) => void
  ) => Effect.Effect<void, never, Scope.Scope>
  /**
   * Whether this connection receives the notifications of a thread, because it has started, resumed or forked it. Threads
   * that another connection has loaded must be resumed first.
   */
  readonly isJoined: (threadId: string) => boolean
  /** The model provider of a joined thread, as reported by the server. */
  readonly providerOf: (threadId: string) => string | undefined
  /** When the last message of the server arrived, in milliseconds of the `Clock`'s monotonic time. */
  readonly lastReceivedAt: () => number
  /** Whether other clients can be connected to the server and start turns on the threads of this connection. */
  readonly isShared: boolean
  /** The turn that runs on a joined thread, as far as this connection knows: its id, or `unknown`. */
  readonly activeTurn: (threadId: string) => string | undefined
  /** The `clientId` of the first message of the turn that runs on a thread, if it has been reported. */
  readonly starterOf: (threadId: string, turnId: string) => string | null | undefined
  /** Records that a turn runs on the thread, regardless of the server's reports. */
  readonly setActiveTurn: (threadId: string, turnId: string | undefined) => void
  /** Waits until no turn runs on the thread. Fails if the server no longer answers whether one does. */
  readonly whenIdle: (threadId: string) => Effect.Effect<void, RequestError>
  /** Waits while the thread is being left. A resume that overtakes the leave would be undone by it. */
  readonly whenLeft: (threadId: string) => Effect.Effect<void>
  /** Interrupts the turns that a turn has spawned and those that it spawns from now on. Their requests are declined. */
  readonly stopChildren: (rootTurnId: string) => Effect.Effect<void>
  /** Takes over a thread until the scope closes. A thread has one route. */
  readonly route: (route: Route) => Effect.Effect<void, never, Scope.Scope>
  /** Sets the route for messages of the thread while it has no other route, until the thread is left. */
  readonly routeFallback: (route: Route) => Effect.Effect<void>
  /** Calls the listener for each thread that the server no longer reports. It runs in the reader and must not block. */
  readonly onLeft: (listener: (threadId: string) => void) => Effect.Effect<void, never, Scope.Scope>
  /** Decides and runs a call of one of the program's own tools, for the turn that makes it. */
  readonly callTool: CallTool
  /** The number of entries in each table of the connection, for tests that look for leaks. */
  readonly sizes: () => Readonly<Record<string, number>>
}

/** The key under which the public service keeps its {@link Connection}. */
export const connection = "~@effect-codex/core/internal/connection"

/** The options of a connection, checked. */
export interface ServeOptions extends Handshake.HandshakeOptions {
  readonly host: ServerRequest.HostHandlers | undefined
  readonly acceptDelay: Duration.Duration
  readonly answerTimeout: Duration.Duration | undefined
  readonly bufferBytes: number
  readonly isShared: boolean
  readonly maxTextLength: number
  readonly requestTimeout: Duration.Duration
  /** The program's own tools that were offered to the server. */
  readonly toolServer?: ToolServer | undefined
}

/** How many requests of the server a listener may leave unread. */
const maxUnreadRequests = 1024

/** The timeout of requests that the server can answer at once. */
const roundTripTimeout = Duration.seconds(5)

/** How often to poll a thread while waiting for the end of its turn. */
const idlePollInterval = Duration.seconds(1)

// An end that cannot be read is still an end.
const isEnd = (notification: Notification.Notification): boolean =>
  notification.method === "turn/completed" ||
  (notification.method === "unknown" && notification.raw.method === "turn/completed")

/** Performs the handshake over a transport and serves the connection until the scope closes. */
export const serve = Effect.fnUntraced(function* (transport: Transport["Service"], options: ServeOptions) {
  const { acceptDelay, answerTimeout, bufferBytes, isShared, maxTextLength, requestTimeout } = options
  const experimentalApi = options.experimentalApi === true
  // Requests of the server are not part of a span of this program.
  const context = Context.omit(Tracer.ParentSpan)(yield* Effect.context())
  const runFork = Effect.runForkWith(context)
  const observer = yield* DecisionObserver
  const humanApproval = yield* PolicyEngine.HumanApproval

  const notifications = makeHub<Notification.Notification, ConnectionFailed | SlowConsumer>({
    maxBytes: bufferBytes,
    ...buffering,
    overflow: (unread) => new SlowConsumer({ unread, unit: "bytes" }),
    observe: Telemetry.observeBuffer(context)
  })
  const serverRequests = makeHub<ServerRequest.ServerRequest, ConnectionFailed | SlowConsumer>({
    maxBytes: maxUnreadRequests,
    highWater: Number.POSITIVE_INFINITY,
    bytes: () => 1,
    overflow: (unread) => new SlowConsumer({ unread, unit: "requests" }),
    merge: () => undefined
  })
  const leftListeners = new Set<(threadId: string) => void>()
  const router = makeRouter((threadId) => {
    answering.forgetThread(threadId)
    announced.endTurn(threadId)
    for (const listener of Array.from(leftListeners)) listener(threadId)
  })
  const announced = OwnTools.makeAnnounced(options.toolServer?.name)
  const answering: Answering = yield* makeAnswering({
    answerTimeout,
    acceptDelay,
    roundTrip: Effect.suspend(() => roundTrip),
    stopTurn: (threadId, turnId) => Effect.ignore(requestRaw("turn/interrupt", { threadId, turnId }))
  })

  // If a route throws at the end, the other routes are still notified.
  const guardedRoute = (route: Route): Route => ({
    ...route,
    context: contextOf(route.context),
    onEnd: (error) => {
      const ended = Result.try(() => route.onEnd(error))
      if (Result.isFailure(ended)) logThrown(`The route of thread ${route.threadId}`, ended.failure)
    }
  })

  // Built once for each route: building it for each request would cost more than the answer.
  const contextOf = (given: Context.Context<never>) =>
    Context.add(Context.merge(context, given), PolicyEngine.HumanApproval, humanApproval)
  const ownContext = contextOf(Context.empty())

  const logThrown = (whose: string, cause: unknown) => {
    runFork(Effect.logError(`${whose} threw`, cause))
  }

  const onRouteThrow = (route: Route, notification: Notification.Notification, cause: unknown) => {
    const { threadId } = route
    logThrown(`The route of thread ${threadId}`, cause)
    // It has lost a notification, so it must not continue as if it had all of them.
    const description = `a notification of thread ${threadId} could not be taken: ${String(cause)}`
    route.onEnd(new ConnectionFailed({ reason: { _tag: "Closed", description }, stderr: [] }))
    const turnId = Notification.turnIdOf(notification)
    // The turn no longer has a receiver that could stop it.
    if (turnId !== undefined) runFork(Effect.ignore(requestRaw("turn/interrupt", { threadId, turnId })))
  }

  const recipients = makeRecipients({
    buffer: notifications.offer,
    observer: observer === undefined ? undefined : (notification) => observer.onNotification(notification),
    onThrow: logThrown,
    onRouteThrow
  })

  const onNotification: JsonRpc.Receiver["onNotification"] = (wire, length) => {
    const notification = Notification.decode(wire, length)
    const threadId = Notification.threadIdOf(notification)
    // Most notifications are the agent's text, which changes nothing else.
    const isText = notification.method === "item/agentMessage/delta" && notification.unreadable === undefined
    if (!isText) follow(notification, threadId)
    recipients.deliver(notification, threadId === undefined ? undefined : router.routeOf(threadId))
    // The call that waits for this resumes at once, and its policy sees the item that the recipients keep.
    if (notification.method === "item/started") {
      announced.itemStarted(notification.params.threadId, notification.params.item)
    }
  }

  const follow = (notification: Notification.Notification, threadId: string | undefined) => {
    const abandoned = router.follow(notification)
    if (abandoned !== undefined) runFork(interruptTurn(abandoned))
    if (notification.method === "serverRequest/resolved") {
      const { requestId } = notification.params
      answering.forget(requestId)
      rpc.withdraw(requestId)
    } else if (notification.method === "item/started") {
      answering.itemStarted(notification.params.threadId, notification.params.item)
    } else if (notification.method === "item/completed") {
      answering.itemCompleted(notification.params.threadId, notification.params.item)
      announced.itemCompleted(notification.params.threadId, notification.params.item)
    } else if (threadId !== undefined && isEnd(notification)) {
      // The server does not withdraw all requests of a turn when it ends.
      answering.endTurn(threadId, Notification.turnIdOf(notification))
      announced.endTurn(threadId)
    }
    if ("unreadable" in notification && notification.unreadable !== undefined) {
      runFork(Observe.observeUnreadable(notification.method, notification.unreadable))
    }
  }

  const onRequest: JsonRpc.Receiver["onRequest"] = ({ id, method, params }) => {
    if (!ServerRequest.isMethod(method)) {
      const older = Approval.answerOlder(method)
      if (older !== undefined) return older
      return Effect.fail(
        new JsonRpc.RpcError({ code: -32601, description: `Unsupported server request method: ${method}` })
      )
    }
    const request = ServerRequest.decode(id, method, params)
    if (Result.isFailure(request)) {
      return Effect.andThen(
        Effect.logWarning(`Declined a request ${method} that could not be read: ${request.failure}`),
        Approval.decline(method)
      )
    }
    serverRequests.offer(request.success)
    return answerFor(request.success)
  }

  const answerFor = (request: ServerRequest.ServerRequest): Effect.Effect<unknown, JsonRpc.RpcError> => {
    const { threadId, turnId } = ServerRequest.getSubject(request)
    const owner = threadId === undefined ? undefined : router.ownerOf(threadId, turnId)
    if (Effect.isEffect(owner)) return Effect.flatMap(owner, () => answerFor(request))
    // The turn belongs to another client, which can answer the request.
    if (owner === undefined && isShared && threadId !== undefined) return leaveToOthers(threadId)
    const handler =
      OwnTools.answerApproval(request, owner !== undefined, options.toolServer) ??
      (owner === undefined ? Approval.answer(request, undefined, options.host) : owner.onRequest(request))
    return answerWith(request, handler, owner)
  }

  const answerWith = (
    request: ServerRequest.ServerRequest,
    handler: Effect.Effect<unknown, JsonRpc.RpcError>,
    owner: Route | undefined
  ): Effect.Effect<unknown, JsonRpc.RpcError> => {
    const answered = observeAnswer(request, answering.answer(request, handler, owner), observer)
    return Effect.updateContext(answered, () => owner?.context ?? ownContext)
  }

  let hasLeftToOthers = false
  const leaveToOthers = (threadId: string) =>
    Effect.suspend(() => {
      const isFirstTime = !hasLeftToOthers
      hasLeftToOthers = true
      const text = `Left the requests of thread ${threadId} to other clients of the server, as no turn of this program asks and the thread has no \`policy\` here`
      return Effect.andThen(isFirstTime ? Effect.logInfo(text) : Effect.void, Effect.never)
    })

  const lookUp = (threadId: string, turnId: string): Effect.Effect<Route | undefined> =>
    Effect.suspend(() => {
      const owner = router.ownerOf(threadId, turnId)
      return Effect.isEffect(owner) ? Effect.andThen(owner, lookUp(threadId, turnId)) : Effect.succeed(owner)
    })

  // The call itself arrives over HTTP. Codex also announces each of its calls on this connection.
  const callTool: CallTool = Effect.fnUntraced(function* (params, run) {
    const owner = (yield* announced.claim(params)) ? yield* lookUp(params.threadId, params.turnId) : undefined
    const request = { id: `tool ${globalThis.crypto.randomUUID()}`, method: "item/tool/call", params } as const
    const handler = owner === undefined ? Approval.answer(request, undefined) : owner.onRequest(request, run)
    return yield* OwnTools.toResponse(params.tool)(answerWith(request, handler, owner))
  })

  const onEnd: JsonRpc.Receiver["onEnd"] = (error) => {
    notifications.end(error)
    serverRequests.end(error)
    router.end(error)
  }

  const { frames, transport: tapped } = FrameTap.make(transport, { context, maxBytes: bufferBytes })
  // Once for each chunk: reading the clock for each message would cost more than routing it.
  const clock = yield* Clock.Clock
  let lastReceivedAt = monotonicMillis(clock)
  const timed: Transport["Service"] = {
    ...tapped,
    listen: ({ onEnd, onLines }) =>
      tapped.listen({
        onLines: (lines) => {
          lastReceivedAt = monotonicMillis(clock)
          onLines(lines)
        },
        onEnd
      })
  }
  const rpc = yield* JsonRpc.make(timed, { onNotification, onThrow: recipients.deliverRest, onRequest, onEnd })

  const serverInfo = yield* Handshake.handshake(rpc, transport, options)

  const { request, requestRaw, ...requests } = makeRequests({
    rpc,
    router,
    experimentalApi,
    requestTimeout,
    serverVersion: serverInfo.version
  })

  // Messages that arrived together with the reply are read before the caller continues.
  const roundTrip = requestRaw("thread/loaded/list", { limit: 1 }, { timeout: roundTripTimeout }).pipe(
    Effect.tap(() => Effect.yieldNow)
  )

  const requestExperimental: SendRequest<ExperimentalClientRequests, RequestError, ExperimentalApi.ExperimentalApi> = (
    method,
    ...args
  ) =>
    // The opt-in in the context may belong to another connection.
    Effect.andThen(
      ExperimentalApi.ExperimentalApi,
      experimentalApi ? request(method, ...args) : Effect.fail(new ExperimentalApiRequired({ feature: method }))
    )

  const interruptTurn = (turn: Child) =>
    Effect.ignore(requestRaw("turn/interrupt", turn, { timeout: roundTripTimeout }))

  const stopChildren: Connection["stopChildren"] = (rootTurnId) =>
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

  // The server reports the end of a turn. In case it does not, it is polled.
  const whenIdle: Connection["whenIdle"] = (threadId) => {
    const look = Effect.gen(function* () {
      yield* Effect.sleep(idlePollInterval)
      const read = yield* Effect.result(request("thread/read", { threadId }, { timeout: roundTripTimeout }))
      if (Result.isFailure(read) && read.failure._tag === "RequestTimedOut") return yield* read.failure
      if (Result.isFailure(read) || read.success.thread.status.type !== "active") router.clearActiveTurn(threadId)
    })
    return Effect.raceFirst(router.whenIdle(threadId), Effect.forever(look))
  }

  const plumbing: Connection = {
    maxTextLength,
    on: recipients.on,
    isJoined: router.isJoined,
    providerOf: router.providerOf,
    lastReceivedAt: () => lastReceivedAt,
    isShared,
    activeTurn: router.activeTurn,
    starterOf: router.starterOf,
    setActiveTurn: router.setActiveTurn,
    whenIdle,
    whenLeft: requests.whenLeft,
    stopChildren,
    callTool,
    route: (unguarded) => {
      const route = guardedRoute(unguarded)
      const ended = Effect.addFinalizer(() => Effect.sync(() => answering.endRoute(route)))
      return Effect.andThen(ended, router.route(route))
    },
    routeFallback: (route) => Effect.sync(() => router.routeFallback(guardedRoute(route))),
    onLeft: (listener) =>
      Effect.asVoid(
        Effect.acquireRelease(
          Effect.sync(() => leftListeners.add(listener)),
          () => Effect.sync(() => leftListeners.delete(listener))
        )
      ),
    sizes: () => ({
      ...router.sizes(),
      ...answering.sizes(),
      ...announced.sizes(),
      ...rpc.sizes(),
      ...requests.sizes(),
      ...Observe.sizes(),
      listeners: recipients.size(),
      leftListeners: leftListeners.size
    })
  }

  return {
    serverInfo,
    [connection]: plumbing,
    request,
    requestExperimental,
    requestRaw,
    notifications: Stream.unwrap(notifications.subscribe),
    subscribe: notifications.subscribe,
    serverRequests: Stream.unwrap(serverRequests.subscribe),
    frames,
    malformed: rpc.malformed,
    closed: rpc.closed
  }
})
