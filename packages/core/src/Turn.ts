/**
 * One turn of an agent on a thread, from its start to its end, whoever brings that about.
 *
 * A turn listens before it is started, so nothing that it does is missed, and it belongs to a scope: closing the scope
 * before the turn is over stops it on the server and waits for it to say so. What the agent asks for while the turn runs is
 * put to the policy engine of the Effect that started it.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type * as Stream from "effect/Stream"
import { type AgentResponse, makeCollector } from "./AgentResponse.ts"
import type { AppServer } from "./AppServer.ts"
import {
  InvalidParams,
  ProtocolViolation,
  RequestFailed,
  type RequestError,
  SlowConsumer,
  type TurnError,
  type TurnStreamError,
  TurnInterrupted
} from "./CodexError.ts"
import { type Buffer, makeBuffer } from "./internal/buffer.ts"
import { makeReplay } from "./internal/replay.ts"
import * as Notification from "./Notification.ts"
import { PolicyEngine } from "./PolicyEngine.ts"
import type { TurnStartParams } from "./protocol/generated/Stable.ts"
import type * as Schemas from "./protocol/generated/Experimental.ts"
import * as Protocol from "./protocol/Protocol.ts"
import * as ResponseEvent from "./ResponseEvent.ts"
import * as ServerRequest from "./ServerRequest.ts"
import * as WireError from "./WireError.ts"

/**
 * A turn that the server has started.
 *
 * @category models
 * @since 0.1.0
 */
export interface Turn {
  readonly id: string
  readonly threadId: string
  /** Waits for the end of the turn. */
  readonly response: Effect.Effect<AgentResponse, TurnError>
}

/**
 * A turn whose notifications are kept.
 *
 * @category models
 * @since 0.1.0
 */
export interface StreamingTurn extends Turn {
  /** The turn's notifications up to its last, `turn/completed`; then the stream ends, or fails as the turn did. */
  readonly notifications: Stream.Stream<Notification.Notification, TurnStreamError>
}

/**
 * How a turn's notifications are kept.
 *
 * @category models
 * @since 0.1.0
 */
export interface Keep {
  /** `once`: for one consumer. `replay`: for any number, each of which begins at the beginning. */
  readonly keep: "once" | "replay"
  /** How much is kept at most, in bytes. */
  readonly bufferBytes: number
}

/**
 * Where the turns of a thread wait for each other.
 *
 * @category models
 * @since 0.1.0
 */
export interface Queue {
  /** Held by the turn that runs. */
  readonly turns: Semaphore.Semaphore
  /** The newest turn that was started here. */
  lastTurnId: string | undefined
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const makeQueue = (): Queue => ({ turns: Semaphore.makeUnsafe(1), lastTurnId: undefined })

/**
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly params: TurnStartParams
  /** Held until the turn is over: turns on one thread wait for each other, as the server adds a second one to the first. */
  readonly queue: Queue
  /** Runs the tool calls that the policy accepts. */
  readonly onToolCall?: ServerRequest.ToolCallHandler | undefined
  /** Whether the response holds all events. Default: false. */
  readonly includeEvents?: boolean | undefined
}

/** How long the end of a turn that is stopped is waited for. */
const stopGrace = Duration.seconds(5)
/** The same for a turn without a name: there may be none. */
const unnamedGrace = Duration.seconds(1)

// The threads whose turns wait for what runs under it.
const WaitingThreads = Context.Reference<ReadonlySet<string>>("@effect-codex/core/Turn/WaitingThreads", {
  defaultValue: () => new Set()
})

/**
 * Starts a turn that the scope owns.
 *
 * **Gotchas**
 *
 * From within a handler that the thread's own turn waits for, it fails at once with `InvalidParams`: it would wait for
 * itself.
 *
 * @category constructors
 * @since 0.1.0
 */
export const start: (
  server: AppServer["Service"],
  options: Options
) => Effect.Effect<Turn, RequestError, PolicyEngine | Scope.Scope> = Effect.fn("Turn.start")((server, options) =>
  begin(server, options, undefined)
)

/**
 * Like {@link start}, for a caller that wants to see what happens.
 *
 * @category constructors
 * @since 0.1.0
 */
export const startStreaming: (
  server: AppServer["Service"],
  options: Options & Keep
) => Effect.Effect<StreamingTurn, RequestError, PolicyEngine | Scope.Scope> = Effect.fn("Turn.startStreaming")(
  function* (server, options) {
    const make = options.keep === "once" ? makeBuffer : makeReplay
    const buffer = make<Notification.Notification, TurnStreamError>({
      maxBytes: options.bufferBytes,
      ...Notification.buffering,
      overflow: (bufferedBytes) => new SlowConsumer({ bufferedBytes })
    })
    const turn = yield* begin(server, options, buffer)
    return { ...turn, notifications: buffer.stream }
  }
)

const begin = Effect.fnUntraced(function* (
  server: AppServer["Service"],
  options: Options,
  buffer: Buffer<Notification.Notification, TurnStreamError> | undefined
): Effect.fn.Return<Turn, RequestError, PolicyEngine | Scope.Scope> {
  const policy = yield* PolicyEngine
  const { threadId } = options.params
  const waiting = yield* WaitingThreads
  if (waiting.has(threadId)) {
    return yield* new InvalidParams({
      method: "turn/start",
      description: `the running turn of thread ${threadId} waits for this handler, so another turn can't begin before it returns`
    })
  }
  // The place in the queue is given back when the turn is over, or with the scope if that closes first.
  let queued = true
  const leaveQueue = Effect.suspend(() => {
    if (!queued) return Effect.void
    queued = false
    return Effect.asVoid(options.queue.turns.release(1))
  })
  yield* Effect.acquireRelease(options.queue.turns.take(1), () => leaveQueue, { interruptible: true })

  const context = Context.add(yield* Effect.context(), WaitingThreads, new Set([...waiting, threadId]))

  const collector = makeCollector(threadId)
  // By thread and id, since the model chooses ids; one that stands for two items at once stands for none.
  const inProgress = new Map<string, Schemas.ThreadItem | "ambiguous">()
  const events: Array<ResponseEvent.ResponseEvent> | undefined = options.includeEvents === true ? [] : undefined
  const started = Deferred.makeUnsafe<string>()
  const outcome = Deferred.makeUnsafe<AgentResponse, TurnError>()
  let state: "idle" | "starting" | "running" | "over" = "idle"
  let turnId: string | undefined
  let stopping = false
  let early: Array<Notification.Notification> = []

  const fail = (error: TurnError) => {
    if (state === "over") return
    state = "over"
    buffer?.fail(error)
    Deferred.doneUnsafe(outcome, Effect.fail(error))
  }

  const complete = (turn: Schemas.Turn) => {
    const response = collector.response(events)
    if (turn.status === "interrupted") return fail(new TurnInterrupted({ response }))
    if (turn.status !== "completed") return fail(WireError.fromTurn(turn.error, response))
    state = "over"
    buffer?.end()
    return Deferred.doneUnsafe(outcome, Effect.succeed(response))
  }

  const followItem = (notification: Notification.Notification) => {
    if (notification.method !== "item/started" && notification.method !== "item/completed") return
    const { item, threadId } = notification.params
    if (item.type === "unknown") return
    const key = `${threadId}/${item.id}`
    if (notification.method === "item/completed") inProgress.delete(key)
    else inProgress.set(key, inProgress.has(key) ? "ambiguous" : item)
  }

  const deliver = (notification: Notification.Notification) => {
    const about = Notification.turnIdOf(notification)
    if (state === "over" || (about !== undefined && about !== turnId)) return
    collector.add(notification)
    followItem(notification)
    events?.push(ResponseEvent.fromNotification(threadId, notification))
    buffer?.offer(notification)
    if (notification.method === "turn/completed") complete(notification.params.turn)
    else if (notification.method === "unknown" && notification.raw.method === "turn/completed") {
      // An end that can't be read is an end.
      fail(new ProtocolViolation({ method: "turn/completed", description: notification.reason }))
    }
  }

  const onNotification = (notification: Notification.Notification) => {
    if (Notification.threadIdOf(notification) !== threadId) followItem(notification)
    else if (turnId === undefined) {
      early.push(notification)
      // The turn that is being stopped has no name yet, and no other runs here.
      if (stopping && notification.method === "turn/completed") {
        fail(new TurnInterrupted({ response: collector.response(events) }))
      }
    } else deliver(notification)
  }

  const onStarted = (id: string) => {
    if (turnId !== undefined) return
    turnId = id
    if (state === "starting") state = "running"
    Deferred.doneUnsafe(started, Effect.succeed(id))
    for (const notification of early) deliver(notification)
    early = []
  }

  const answerer: ServerRequest.Answerer = {
    policy,
    onToolCall: options.onToolCall,
    item: (threadId, id) => inProgress.get(`${threadId}/${id}`)
  }
  const onRequest = (request: ServerRequest.ServerRequest) =>
    Effect.flatMap(Deferred.await(started), (id) => {
      const about = ServerRequest.aboutOf(request)
      const ours = id !== "" && (about.threadId !== threadId || about.turnId === undefined || about.turnId === id)
      return ServerRequest.answer(request, ours ? answerer : undefined)
    }).pipe(Effect.provideContext(context))

  yield* server.route({ threadId, onNotification, onRequest, onEnd: fail })

  // An owner that leaves stops its turn, also one whose start has not been answered yet: the server takes an empty id.
  // What it has spawned is stopped with it: with the owner gone, nobody decides for that any more.
  const stop = Effect.suspend(() => {
    if (state !== "starting" && state !== "running") return Effect.void
    stopping = true
    return server
      .request("turn/interrupt", { threadId, turnId: turnId ?? "" })
      .pipe(
        Effect.andThen(Deferred.await(outcome)),
        Effect.timeoutOption(turnId === undefined ? unnamedGrace : stopGrace),
        Effect.ignore,
        Effect.andThen(server.stopChildren(threadId))
      )
  })
  yield* Effect.addFinalizer(() => stop)

  state = "starting"
  const response = yield* server
    .request("turn/start", options.params, {
      onLate: (late) => {
        const decoded = Protocol.decodeResponse("turn/start", late)
        if (Result.isSuccess(decoded)) onStarted(decoded.success.turn.id)
      }
    })
    .pipe(
      Effect.tapError((error) =>
        Effect.sync(() => {
          // An answer that can't be read is an answer: a turn is running, and has to be stopped.
          if (error._tag === "ProtocolViolation") return
          state = "over"
          // Nothing was started, so nothing that waits for it is ours.
          Deferred.doneUnsafe(started, Effect.succeed(""))
        })
      )
    )
  const { id } = response.turn
  if (id === options.queue.lastTurnId) {
    const description = `thread ${threadId} is still busy with turn ${id}, which did not stop in time; try again`
    return yield* new RequestFailed({ method: "turn/start", code: -32600, description })
  }
  options.queue.lastTurnId = id
  onStarted(id)
  yield* Deferred.await(outcome).pipe(Effect.ignore, Effect.andThen(leaveQueue), Effect.forkScoped)

  return { id, threadId, response: Deferred.await(outcome) }
})
