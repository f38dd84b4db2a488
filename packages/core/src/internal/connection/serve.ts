/**
 * Serves one connection: reads what the server says, hands it to whom it belongs, has its requests answered, and sends ours.
 *
 * The room knows methods, their deadlines and errors, and which route a message belongs to. It must not know turns and threads
 * as users hold them, prompts, or policy rules. The rooms above it use {@link Connection} besides the public service.
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

/** The part of a connection that is for this package alone. */
export interface Connection {
  /** How much text of unfinished messages is kept for one turn, in UTF-16 code units. */
  readonly maxTextLength: number
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
  readonly lastReceivedAt: () => number
  /** Whether other clients can be connected to the server, and start turns on our threads. */
  readonly isShared: boolean
  /** The turn that runs on a joined thread, as far as this connection knows: its id, or `unknown`. */
  readonly activeTurn: (threadId: string) => string | undefined
  /** The `clientId` of the first message of the turn that runs on a thread, if it has been reported. */
  readonly starterOf: (threadId: string, turnId: string) => string | null | undefined
  /** A turn runs on the thread, whatever the server has said. */
  readonly setActiveTurn: (threadId: string, turnId: string | undefined) => void
  /** Waits until no turn runs on the thread. Fails if the server does not say any more whether one does. */
  readonly whenIdle: (threadId: string) => Effect.Effect<void, RequestError>
  /** Waits while the thread is being left. A resume that overtakes the leave would be undone by it. */
  readonly whenLeft: (threadId: string) => Effect.Effect<void>
  /** Interrupts what a turn has spawned, and what it spawns from now on; what is asked for in their name is declined. */
  readonly stopChildren: (rootTurnId: string) => Effect.Effect<void>
  /** Takes over a thread until the scope closes: one route a thread. */
  readonly route: (route: Route) => Effect.Effect<void, never, Scope.Scope>
  /** Like `route`, for what comes on the thread while nobody routes it, until the thread is left. */
  readonly routeFallback: (route: Route) => Effect.Effect<void>
  /** Calls back for each thread that the server does not tell us of any more, in the reader: may not block. */
  readonly onLeft: (listener: (threadId: string) => void) => Effect.Effect<void, never, Scope.Scope>
  /** Has a call of one of the program's own tools decided on and run for the turn that it is made in. */
  readonly callTool: CallTool
  /** How many entries each table of the connection has, for tests of what is kept. */
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

/** How long the server may take for a request that needs nobody and nothing. */
const roundTripTimeout = Duration.seconds(5)

/** How often a thread is looked at whose turn is waited for. */
const idlePollInterval = Duration.seconds(1)

// An end that can't be read is an end.
const isEnd = (notification: Notification.Notification): boolean =>
  notification.method === "turn/completed" ||
  (notification.method === "unknown" && notification.raw.method === "turn/completed")

/** Shakes hands over a transport and serves the connection until the scope closes. */
export const serve = Effect.fnUntraced(function* (transport: Transport["Service"], options: ServeOptions) {
  const { acceptDelay, answerTimeout, bufferBytes, isShared, maxTextLength, requestTimeout } = options
  const experimentalApi = options.experimentalApi === true
  // What nobody of this program has asked for is below no span of its.
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

  // If a route throws at the end, the other routes still learn of it.
  const guardedRoute = (route: Route): Route => ({
    ...route,
    context: contextOf(route.context),
    onEnd: (error) => {
      const ended = Result.try(() => route.onEnd(error))
      if (Result.isFailure(ended)) logThrown(`The route of thread ${route.threadId}`, ended.failure)
    }
  })

  // Put together once for a route: for each request that would cost more than the answer.
  const contextOf = (given: Context.Context<never>) =>
    Context.add(Context.merge(context, given), PolicyEngine.HumanApproval, humanApproval)
  const ownContext = contextOf(Context.empty())

  const logThrown = (whose: string, cause: unknown) => {
    runFork(Effect.logError(`${whose} threw`, cause))
  }

  const onRouteThrow = (route: Route, notification: Notification.Notification, cause: unknown) => {
    const { threadId } = route
    logThrown(`The route of thread ${threadId}`, cause)
    // It has lost a notification, so it can't go on as if it had all of them.
    const description = `a notification of thread ${threadId} could not be taken: ${String(cause)}`
    route.onEnd(new ConnectionFailed({ reason: { _tag: "Closed", description }, stderr: [] }))
    const turnId = Notification.turnIdOf(notification)
    // Nobody hears of the turn any more, so nobody would stop it.
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
    // The call that waits for it goes on at once, and its policy sees the item that the recipients keep.
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
      // The server does not withdraw everything when a turn ends.
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
    // The turn is another client's, which can answer for it.
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

  // The call itself comes over HTTP. Codex announces each of its calls on this connection too.
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
  // Once for a chunk: to look at the clock for each message would cost more than routing it.
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

  // Messages that came together with the reply are read before anybody goes on.
  const roundTrip = requestRaw("thread/loaded/list", { limit: 1 }, { timeout: roundTripTimeout }).pipe(
    Effect.tap(() => Effect.yieldNow)
  )

  const requestExperimental: SendRequest<ExperimentalClientRequests, RequestError, ExperimentalApi.ExperimentalApi> = (
    method,
    ...args
  ) =>
    // The opt-in may be that of another connection.
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

  // The server tells of the end of a turn. Should it not, it is asked now and then.
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
