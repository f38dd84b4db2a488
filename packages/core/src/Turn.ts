/**
 * One turn of an agent on a thread, from its start to its end, whoever brings that about.
 *
 * A turn listens before it is started, so nothing that it does is missed, and it belongs to a scope: closing the scope
 * before the turn is over stops it on the server and waits for it to say so. What the agent asks for while the turn runs is
 * put to the policy engine of the Effect that started it.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import { type AgentResponse, makeCollector } from "./AgentResponse.ts"
import type { AppServer, RequestOptions } from "./AppServer.ts"
import {
  BudgetExceeded,
  InvalidParams,
  ProtocolViolation,
  type RequestError,
  RequestFailed,
  SlowConsumer,
  type TurnError,
  TurnFailed,
  TurnInterrupted,
  TurnStalled,
  type TurnStreamError
} from "./CodexError.ts"
import { type Buffer, makeBuffer } from "./internal/buffer.ts"
import { followItem, makeItemsInProgress } from "./internal/items.ts"
import { type Entry, type Exceeded, type Ledger, makeLedger } from "./internal/ledger.ts"
import { monotonicMillis } from "./internal/monotonic.ts"
import { makeReplay } from "./internal/replay.ts"
import { makeTurnSpans } from "./internal/turnSpans.ts"
import { type Stalled, watch, type Watched } from "./internal/watchdog.ts"
import * as Notification from "./Notification.ts"
import { PolicyEngine } from "./PolicyEngine.ts"
import type * as Schemas from "./protocol/generated/Experimental.ts"
import * as ResponseEvent from "./ResponseEvent.ts"
import * as ServerRequest from "./ServerRequest.ts"
import * as Telemetry from "./Telemetry.ts"
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
  /** Asks the server to stop the turn; `response` tells when it has. */
  readonly interrupt: Effect.Effect<void, RequestError>
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
 * The queue of a thread that has no turn yet.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeQueue = (): Queue => ({ turns: Semaphore.makeUnsafe(1), lastTurnId: undefined })

/**
 * When a turn that does not move is taken for stalled. Time in which an approval, a tool or a command is under way does not
 * count.
 *
 * @category models
 * @since 0.1.0
 */
export interface Watchdog {
  /** After so much silence the turn's streams get a `turn/silent`. Default: 60 seconds. */
  readonly silenceWarning?: Duration.Input | "off" | undefined
  /**
   * After so much silence the turn is interrupted and fails with `TurnStalled`. Default: 6 minutes, as the server itself
   * waits 5 minutes for the next word of the model (codex 0.169.0) and then tries again or fails the turn.
   */
  readonly stallTimeout?: Duration.Input | "off" | undefined
  /** So long may the server go on trying to reach the model without any progress. Default: 2 minutes. */
  readonly retryWindow?: Duration.Input | "off" | undefined
}

/**
 * What one turn may use. Reaching a limit interrupts the turn, which fails with `BudgetExceeded`; a turn that is over by
 * then keeps its result.
 *
 * @category models
 * @since 0.1.0
 */
export interface Budget {
  /** Input and output tokens of the turn's requests to the model, cached ones included. Counted after each request. */
  readonly tokens?: number | undefined
  /** Time from the turn's start, approvals included. */
  readonly duration?: Duration.Input | undefined
}

/**
 * What all turns of a layer may use together. When a limit is reached, those that run are interrupted, and no other starts.
 *
 * @category models
 * @since 0.1.0
 */
export interface LayerBudget extends Budget {
  readonly turns?: number | undefined
}

/**
 * What the turns of a layer have in common.
 *
 * @category models
 * @since 0.1.0
 */
export interface Shared {
  readonly ledger: Ledger
}

/**
 * What turns have in common before the first of them.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeShared = (budget: LayerBudget | undefined): Shared => ({
  ledger: makeLedger({
    tokens: budget?.tokens ?? Number.POSITIVE_INFINITY,
    turns: budget?.turns ?? Number.POSITIVE_INFINITY,
    duration: toMillis(budget?.duration, Number.POSITIVE_INFINITY)
  })
})

/**
 * A turn to start, and what it shares with others.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly threadId: string
  /** The model that the turn asks for, if it asks for one. */
  readonly model: string | undefined
  /** Sends what makes the server start the turn. */
  readonly request: (options: RequestOptions) => Effect.Effect<{ readonly turn: { readonly id: string } }, RequestError>
  /** Held until the turn is over: turns on one thread wait for each other, as the server adds a second one to the first. */
  readonly queue: Queue
  readonly shared: Shared
  /** Runs the tool calls that the policy accepts. */
  readonly onToolCall?: ServerRequest.ToolCallHandler | undefined
  /** Whether the response holds all events. Default: false. */
  readonly includeEvents?: boolean | undefined
  readonly budget?: Budget | undefined
  readonly watchdog?: Watchdog | "off" | undefined
}

/** How long the end of a turn that is stopped is waited for. */
const stopGrace = Duration.seconds(5)
/** The same for a turn without a name: there may be none. */
const unnamedGrace = Duration.seconds(1)

// The threads whose turns wait for what runs under it.
const WaitingThreads = Context.Reference<ReadonlySet<string>>("@effect-codex/core/Turn/WaitingThreads", {
  defaultValue: () => new Set()
})

const toMillis = (duration: Duration.Input | "off" | undefined, fallback: number): number =>
  duration === undefined
    ? fallback
    : duration === "off"
      ? Number.POSITIVE_INFINITY
      : Duration.toMillis(Duration.fromInputUnsafe(duration))

const watchdogTimes = (watchdog: Watchdog | "off" | undefined) => {
  const { retryWindow, silenceWarning, stallTimeout }: Watchdog =
    watchdog === "off" ? { retryWindow: "off", silenceWarning: "off", stallTimeout: "off" } : (watchdog ?? {})
  return {
    silenceWarning: toMillis(silenceWarning, 60_000),
    stallTimeout: toMillis(stallTimeout, 360_000),
    retryWindow: toMillis(retryWindow, 120_000)
  }
}

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
export const start = (
  server: AppServer["Service"],
  options: Options
): Effect.Effect<Turn, RequestError | BudgetExceeded, PolicyEngine | Scope.Scope> => begin(server, options, undefined)

/**
 * Like {@link start}, for a caller that wants to see what happens.
 *
 * @category constructors
 * @since 0.1.0
 */
export const startStreaming: (
  server: AppServer["Service"],
  options: Options & Keep
) => Effect.Effect<StreamingTurn, RequestError | BudgetExceeded, PolicyEngine | Scope.Scope> = Effect.fnUntraced(
  function* (server, options) {
    const make = options.keep === "once" ? makeBuffer : makeReplay
    const buffer = make<Notification.Notification, TurnStreamError>({
      maxBytes: options.bufferBytes,
      ...Notification.buffering,
      observe: Telemetry.observeBuffer(yield* Effect.context()),
      overflow: (unread) => new SlowConsumer({ unread, unit: "bytes" })
    })
    const turn = yield* begin(server, options, buffer)
    return { ...turn, notifications: buffer.stream }
  }
)

// Why we stop a turn ourselves.
type Stop =
  | { readonly _tag: "Budget"; readonly exceeded: Exceeded }
  | { readonly _tag: "Stalled"; readonly stalled: Stalled }
  | { readonly _tag: "TextTooLong" }

const textTooLong = (allowed: number, response: AgentResponse): TurnFailed =>
  new TurnFailed({
    reason: { _tag: "TextTooLong", allowed },
    description: `the agent wrote a text of more than ${allowed} characters`,
    response
  })

const begin = Effect.fnUntraced(function* (
  server: AppServer["Service"],
  options: Options,
  buffer: Buffer<Notification.Notification, TurnStreamError> | undefined
): Effect.fn.Return<Turn, RequestError | BudgetExceeded, PolicyEngine | Scope.Scope> {
  const policy = yield* PolicyEngine
  const { model, threadId } = options
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

  const collector = makeCollector(threadId, server.maxTextLength)
  const clock = yield* Clock.Clock
  const { ledger } = options.shared
  const aborted = Deferred.makeUnsafe<Stop>()
  const abort = (why: Stop) => Deferred.doneUnsafe(aborted, Effect.succeed(why))
  const entry: Entry = {
    startedAt: monotonicMillis(clock),
    stop: (exceeded) => abort({ _tag: "Budget", exceeded })
  }
  const refused = ledger.enter(entry)
  if (refused !== undefined) return yield* new BudgetExceeded({ ...refused, response: collector.response() })
  yield* Effect.addFinalizer(() => Effect.sync(() => ledger.leave(entry, monotonicMillis(clock))))

  const provider = server.providerOf(threadId)
  const span = yield* Effect.makeSpan("invoke_agent codex", {
    kind: "client",
    attributes: {
      "gen_ai.operation.name": "invoke_agent",
      "gen_ai.agent.name": "codex",
      "gen_ai.conversation.id": threadId,
      ...(model === undefined ? {} : { "gen_ai.request.model": model }),
      ...(provider === undefined ? {} : { "gen_ai.provider.name": provider })
    }
  })
  // What runs for the turn is below its span.
  const context = (yield* Effect.context()).pipe(
    Context.add(WaitingThreads, new Set([...waiting, threadId])),
    Context.add(Tracer.ParentSpan, span)
  )
  const spans = makeTurnSpans(context, span)
  yield* Effect.addFinalizer((exit) => Effect.sync(() => spans.end(exit, collector.response())))

  const items = makeItemsInProgress()
  const events: Array<ResponseEvent.ResponseEvent> | undefined =
    options.includeEvents === true ? [ResponseEvent.threadReady(threadId)] : undefined
  const toEvent = ResponseEvent.makeFromNotification(threadId)
  const started = Deferred.makeUnsafe<string>()
  const outcome = Deferred.makeUnsafe<AgentResponse, TurnError>()
  const tokensAllowed = options.budget?.tokens ?? Number.POSITIVE_INFINITY
  let state: "idle" | "starting" | "running" | "over" = "idle"
  let turnId: string | undefined
  // A review runs in a turn below the one that the server has named, and takes that one's id to be interrupted by.
  let innerId: string | undefined
  let stopping = false
  // What the turn fails with when it ends because of us.
  let stopped: ((response: AgentResponse) => TurnError) | undefined
  let early: Array<Notification.Notification> = []
  let spent = 0
  let answering = 0
  let lastEvent: string | undefined
  let lastError = ""

  const emit = (notification: Notification.Notification) => {
    events?.push(toEvent(notification))
    buffer?.offer(notification)
  }

  const watched: Watched = {
    movedAt: entry.startedAt,
    retryingSince: undefined,
    isBusy: () => items.working() > 0 || answering > 0,
    onSilent: (silentMs) => emit(Notification.silent({ threadId, turnId: turnId ?? "", silentMs })),
    wake: undefined
  }

  const finish = (exit: Exit.Exit<AgentResponse, TurnError>) => {
    if (state === "over") return
    state = "over"
    ledger.leave(entry, monotonicMillis(clock))
    spans.end(exit, collector.response())
    Deferred.doneUnsafe(outcome, exit)
  }

  const fail = (error: TurnError) => {
    if (state !== "over") buffer?.fail(error)
    finish(Exit.fail(error))
  }

  const complete = (turn: Schemas.Turn) => {
    const response = collector.response(events)
    if (turn.status === "interrupted") return fail(stopped?.(response) ?? new TurnInterrupted({ response }))
    if (turn.status !== "completed") return fail(WireError.fromTurn(turn.error, response))
    buffer?.end()
    return finish(Exit.succeed(response))
  }

  const followProgress = (notification: Notification.Notification) => {
    if (notification.method === "error" && notification.params.willRetry) {
      lastError = notification.params.error.message
      if (watched.retryingSince !== undefined) return
      watched.retryingSince = monotonicMillis(clock)
      watched.wake?.()
      return
    }
    watched.retryingSince = undefined
    watched.movedAt = server.heardAt()
  }

  const followUsage = () => {
    const used = collector.usage()?.turn.totalTokens ?? 0
    ledger.spend(used - spent)
    spent = used
    if (used < tokensAllowed) return
    abort({ _tag: "Budget", exceeded: { limit: "tokens", scope: "turn", allowed: tokensAllowed, used } })
  }

  const deliver = (notification: Notification.Notification) => {
    const about = Notification.turnIdOf(notification)
    if (notification.method === "turn/started" && notification.params.turn.rootTurnId === turnId) innerId = about
    if (state === "over" || (about !== undefined && about !== turnId)) return
    collector.add(notification)
    if (collector.isTooLong()) abort({ _tag: "TextTooLong" })
    followItem(notification, items, spans)
    if (about !== undefined) {
      lastEvent = notification.method
      followProgress(notification)
    }
    emit(notification)
    if (notification.method === "thread/tokenUsage/updated") followUsage()
    else if (notification.method === "turn/completed") complete(notification.params.turn)
    else if (notification.method === "unknown" && notification.raw.method === "turn/completed") {
      // An end that can't be read is an end.
      fail(new ProtocolViolation({ method: "turn/completed", description: notification.reason }))
    }
  }

  const onNotification = (notification: Notification.Notification) => {
    if (Notification.threadIdOf(notification) !== threadId) {
      followItem(notification, items, spans)
      watched.movedAt = server.heardAt()
    } else if (turnId === undefined) {
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
    spans.named(id)
    Deferred.doneUnsafe(started, Effect.succeed(id))
    for (const notification of early) deliver(notification)
    early = []
  }

  const answerer: ServerRequest.Answerer = {
    policy,
    onToolCall: options.onToolCall,
    item: items.get
  }
  const onRequest = (request: ServerRequest.ServerRequest) =>
    Effect.suspend(() => {
      answering++
      return Effect.flatMap(Deferred.await(started), (id) => {
        const about = ServerRequest.aboutOf(request)
        const named = about.turnId === undefined || about.turnId === id || about.turnId === innerId
        const ours = id !== "" && (about.threadId !== threadId || named)
        return ServerRequest.answer(request, ours ? answerer : undefined)
      })
    }).pipe(
      Effect.ensuring(
        Effect.sync(() => {
          answering--
          watched.movedAt = monotonicMillis(clock)
        })
      )
    )

  yield* server.route({ threadId, context, onNotification, onRequest, isOver: () => state === "over", onEnd: fail })

  const askToStop = Effect.suspend(() =>
    Effect.asVoid(server.request("turn/interrupt", { threadId, turnId: innerId ?? turnId ?? "" }))
  )

  const interrupt = Effect.suspend(() => {
    stopping = true
    return askToStop.pipe(
      Effect.andThen(Deferred.await(outcome)),
      Effect.timeoutOption(turnId === undefined ? unnamedGrace : stopGrace),
      Effect.ignore
    )
  })

  // An owner that leaves stops its turn, also one whose start has not been answered yet: the server takes an empty id.
  // What it has spawned is stopped with it: with the owner gone, nobody decides for that any more.
  const stop = Effect.suspend(() => {
    if (state !== "starting" && state !== "running") return Effect.void
    return Effect.andThen(interrupt, server.stopChildren(threadId))
  })
  yield* Effect.addFinalizer(() => stop)

  state = "starting"
  const response = yield* options
    .request({
      onLate: (late) => {
        const id = Notification.idIn(late, "turnId", "turn")
        if (id !== undefined) onStarted(id)
      }
    })
    .pipe(
      Effect.withParentSpan(span),
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

  const outOfTime = Effect.gen(function* () {
    const allowed = toMillis(options.budget?.duration, Number.POSITIVE_INFINITY)
    while (true) {
      const now = monotonicMillis(clock)
      const used = now - entry.startedAt
      if (used >= allowed) {
        return abort({ _tag: "Budget", exceeded: { limit: "duration", scope: "turn", allowed, used } })
      }
      ledger.checkTime(now)
      const left = Math.min(allowed - used, ledger.timeLeft(now))
      if (!Number.isFinite(left)) return yield* Effect.never
      yield* Effect.sleep(Math.max(1, Math.ceil(left)))
    }
  })
  const stalled = Effect.flatMap(watch(watchdogTimes(options.watchdog), watched), (stalled) =>
    Effect.sync(() => abort({ _tag: "Stalled", stalled }))
  )
  const stopFor = Effect.fnUntraced(function* (why: Stop) {
    if (why._tag === "Budget") stopped = (response) => new BudgetExceeded({ ...why.exceeded, response })
    else if (why._tag === "TextTooLong") {
      stopped = (response) => textTooLong(server.maxTextLength, response)
    } else {
      // What the turn says while it is being stopped is not what it stalled at.
      const last = lastEvent === undefined ? {} : { lastEvent }
      const threadStatus = yield* server.request("thread/read", { threadId }, { timeout: stopGrace }).pipe(
        Effect.map(({ thread }) => thread.status.type),
        Effect.orElseSucceed(() => undefined)
      )
      const { _tag, millis } = why.stalled
      stopped = (response) =>
        new TurnStalled({
          reason: _tag === "Silence" ? { _tag, millis } : { _tag, millis, description: lastError },
          ...last,
          ...(threadStatus === undefined ? {} : { threadStatus }),
          response
        })
    }
    yield* interrupt
    fail(stopped(collector.response(events)))
    yield* server.stopChildren(threadId)
  }, Effect.uninterruptible)
  yield* Effect.raceAllFirst([
    Effect.ignore(Deferred.await(outcome)),
    Effect.flatMap(Deferred.await(aborted), stopFor),
    Effect.andThen(outOfTime, Effect.never),
    Effect.andThen(stalled, Effect.never)
  ]).pipe(Effect.forkScoped)

  return { id, threadId, response: Deferred.await(outcome), interrupt: askToStop }
})
