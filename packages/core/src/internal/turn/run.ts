/**
 * Runs one turn in a place that it has: sends what starts it, follows what the server says of it, lets its engine answer, and
 * stops it when a limit is reached or its owner leaves.
 *
 * What the turn's messages mean for its life is in `machine.ts`. This file keeps the state, and does what it says: it names
 * the turn, ends it, and asks for its end until that is seen. The scope in which it runs is the turn's own.
 */
import * as Approval from "../approval/answer.ts"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import type { AgentResponse } from "../../AgentResponse.ts"
import { connection } from "../connection/serve.ts"
import type { AppServer, RequestOptions } from "../../AppServer.ts"
import {
  BudgetExceeded,
  ProtocolViolation,
  type RequestError,
  ThreadBusy,
  type TurnError,
  TurnFailed,
  TurnInterrupted,
  TurnNotStopped,
  TurnStalled,
  type TurnStartError,
  type TurnStreamError
} from "../../CodexError.ts"
import * as Notification from "../../Notification.ts"
import { PolicyEngine } from "../../PolicyEngine.ts"
import type * as Schemas from "../../protocol/generated/Experimental.ts"
import * as ResponseEvent from "../../ResponseEvent.ts"
import type * as ServerRequest from "../../ServerRequest.ts"
import * as Telemetry from "../../Telemetry.ts"
import * as WireError from "../connection/wireErrors.ts"
import type { Buffer } from "../delivery/buffer.ts"
import { followItem, makeItemsInProgress } from "../approval/items.ts"
import { monotonicMillis } from "../monotonic.ts"
import { makeCollector } from "./collector.ts"
import type { Exceeded } from "./ledger.ts"
import * as Machine from "./machine.ts"
import type { Place } from "./place.ts"
import { usageSince } from "./tokens.ts"
import { makeTurnSpans } from "./spans.ts"
import { type Stalled, watch, type Watched, type WatchdogTimes } from "./watchdog.ts"

/** A turn that the server has started. */
export interface Turn {
  readonly id: string
  readonly threadId: string
  /** Waits for the end of the turn. */
  readonly response: Effect.Effect<AgentResponse, TurnError>
  /** Stops the turn, and returns when it is over. */
  readonly interrupt: Effect.Effect<void, TurnNotStopped>
}

export interface Options {
  /** The model that the turn asks for, if it asks for one. */
  readonly model: string | undefined
  /** The `clientUserMessageId` that `request` sends; `undefined` for turns without a message. */
  readonly messageId: string | undefined
  /** Sends what makes the server start the turn, once. */
  readonly request: (options: RequestOptions) => Effect.Effect<{ readonly turn: { readonly id: string } }, RequestError>
  /** Has the server tell of the thread again after it was left. Tells whether a turn still runs on it. */
  readonly rejoin: Effect.Effect<boolean, RequestError>
  /** Runs the tool calls that the policy accepts. */
  readonly onToolCall?: ServerRequest.ToolCallHandler | undefined
  /** Whether the response holds all events. Default: false. */
  readonly includeEvents?: boolean | undefined
  readonly watchdog: WatchdogTimes
  /** How long the end of a turn that is stopped is waited for, in milliseconds. */
  readonly stopTimeout: number
  /** What to do while a turn runs on the thread that is not ours. */
  readonly whenBusy: "wait" | "fail"
  /** The bytes of notifications that are kept until the turn has a name. */
  readonly bufferBytes: number
  /** Gets what the server says of the turn. */
  readonly buffer: Buffer<Notification.Notification, TurnStreamError> | undefined
}

// Why we stop a turn ourselves.
type StopReason =
  | { readonly _tag: "Asked" }
  | { readonly _tag: "Budget"; readonly exceeded: Exceeded }
  | { readonly _tag: "TextTooLong" }
  | {
      readonly _tag: "Stalled"
      readonly stalled: Stalled
      readonly about: Partial<Pick<TurnStalled, "lastEvent" | "threadStatus">>
    }

/** The end of a turn is asked for again after this time without news of it, in milliseconds. */
const askAgainAfter = 100

/** How long a stalled turn's thread is asked for its status, in milliseconds. */
const statusTimeout = 5000

// What is overloaded has not started anything.
const whileOverloaded = {
  schedule: Schedule.exponential("100 millis").pipe(Schedule.jittered),
  times: 5,
  while: (error: { readonly _tag: string }) => error._tag === "Overloaded"
}

// The server has a turn that takes no more input, or none in another form. Seen on codex 0.169.0.
const isBusy = (error: RequestError): boolean =>
  error._tag === "RequestFailed" && /\bActiveTurn(?:NotSteerable|OutputSchemaMismatch)\b/.test(error.description)

export const run = Effect.fnUntraced(function* (
  server: AppServer["Service"],
  place: Place,
  options: Options,
  /** The scope that it runs in. */
  scope: Scope.Closeable
): Effect.fn.Return<Turn, TurnStartError, PolicyEngine | Scope.Scope> {
  const { buffer, stopTimeout } = options
  const { threadId } = place
  const policy = yield* PolicyEngine
  const clock = yield* Clock.Clock
  const now = () => monotonicMillis(clock)
  const span = yield* makeSpan(server, threadId, options.model)
  // What runs for the turn is below its span.
  const context = Context.add(place.context, Tracer.ParentSpan, span)
  const runFork = Effect.runForkWith(context)
  const collector = makeCollector(threadId, server[connection].maxTextLength, place.tokens)
  const spans = makeTurnSpans(context, span)
  // An answer that is asked for again has one count over all of its turns, and a span for each.
  const usedBefore = place.tokens.usage()
  const endSpans = (exit: Exit.Exit<unknown, unknown>) => {
    const { status, usage } = collector.response()
    spans.end(exit, status, usage && (usedBefore === undefined ? usage : usageSince(usedBefore, usage)))
  }
  yield* Effect.addFinalizer((exit) => Effect.sync(() => endSpans(exit)))

  const items = makeItemsInProgress()
  const events: Array<ResponseEvent.ResponseEvent> | undefined =
    options.includeEvents === true ? [ResponseEvent.threadReady(threadId)] : undefined
  const toEvent = ResponseEvent.makeFromNotification(threadId)
  const textTooLong = Deferred.makeUnsafe<StopReason>()
  const named = Deferred.makeUnsafe<string, TurnStartError>()
  const outcome = Deferred.makeUnsafe<AgentResponse, TurnError>()
  const wakers = new Set<() => void>()
  let state = Machine.initial(options.messageId)
  let reason: StopReason | undefined
  let early: Array<Notification.Notification> = []
  let earlyBytes = 0
  let answering = 0
  let lastEvent: string | undefined
  let lastError = ""

  const emit = (notification: Notification.Notification) => {
    events?.push(toEvent(notification))
    buffer?.offer(notification)
  }

  const watched: Watched = {
    movedAt: now(),
    retryingSince: undefined,
    isBusy: () => state.phase === "waiting" || items.working() > 0 || answering > 0,
    onSilent: (silentMs) => emit(Notification.silent({ threadId, turnId: state.turnId ?? "", silentMs })),
    wake: undefined
  }

  const finish = (exit: Exit.Exit<AgentResponse, TurnError>) => {
    endSpans(exit)
    Deferred.doneUnsafe(outcome, exit)
    runFork(Scope.close(scope, exit))
  }
  const fail = (error: TurnError) => {
    buffer?.fail(error)
    finish(Exit.fail(error))
  }
  const failStart = (error: TurnStartError) => {
    Deferred.doneUnsafe(named, Effect.fail(error))
    fail(error)
  }

  const stopError = (response: AgentResponse): BudgetExceeded | TurnStalled | TurnFailed | undefined => {
    switch (reason?._tag) {
      case "Budget":
        return new BudgetExceeded({ ...reason.exceeded, response })
      case "TextTooLong": {
        const allowed = server[connection].maxTextLength
        const description = `the agent wrote a text of more than ${allowed} characters`
        return new TurnFailed({ reason: { _tag: "TextTooLong", allowed }, description, response })
      }
      case "Stalled": {
        const { _tag, millis } = reason.stalled
        const stalled = _tag === "Silence" ? { _tag, millis } : { _tag, millis, description: lastError }
        return new TurnStalled({ reason: stalled, ...reason.about, response })
      }
      default:
        return undefined
    }
  }

  const responseSoFar = (): AgentResponse => {
    const response = collector.response(events)
    return { ...response, turnId: response.turnId ?? state.turnId }
  }

  const complete = (turn: Schemas.Turn) => {
    const response = responseSoFar()
    if (turn.status === "interrupted") return fail(stopError(response) ?? new TurnInterrupted({ response }))
    if (turn.status !== "completed") return fail(WireError.fromTurn(turn.error, response))
    buffer?.end()
    return finish(Exit.succeed(response))
  }

  const end = (how: Machine.End) => {
    switch (how._tag) {
      case "Completed":
        return complete(how.turn)
      case "Failed":
        return failStart(how.error)
      case "Foreign":
        return failStart(new ThreadBusy({ threadId, turnId: how.turnId, delivered: true }))
      case "Unsent":
      case "NotStopped": {
        const response = responseSoFar()
        const error = stopError(response)
        if (error === undefined) return fail(new TurnInterrupted({ response }))
        return error._tag === "TurnFailed" ? fail(error) : failStart(error)
      }
    }
  }

  const apply = (message: Machine.Message) => {
    const before = state
    state = Machine.step(state, message)
    if (state === before) return
    if (state.turnId !== undefined && before.turnId === undefined) name(state.turnId)
    if (state.end !== undefined && before.end === undefined) end(state.end)
    for (const wake of wakers) wake()
  }

  const name = (id: string) => {
    spans.named(id)
    Deferred.doneUnsafe(named, Effect.succeed(id))
    for (const notification of early) deliver(notification)
    early = []
  }

  const deliver = (notification: Notification.Notification) => {
    const about = Notification.turnIdOf(notification)
    if (about !== undefined && about !== state.turnId) return
    collector.add(notification)
    if (collector.isTooLong()) Deferred.doneUnsafe(textTooLong, Effect.succeed({ _tag: "TextTooLong" }))
    followItem(notification, items, spans)
    if (about !== undefined) {
      lastEvent = notification.method
      followProgress(notification)
    }
    emit(notification)
    if (notification.method === "thread/tokenUsage/updated") place.checkTokens()
  }

  const followProgress = (notification: Notification.Notification) => {
    if (notification.method === "error" && notification.params.willRetry) {
      lastError = notification.params.error.message
      if (watched.retryingSince !== undefined) return
      watched.retryingSince = now()
      watched.wake?.()
      return
    }
    watched.retryingSince = undefined
    watched.movedAt = server[connection].heardAt()
  }

  const keepEarly = (notification: Notification.Notification) => {
    earlyBytes += notification.length
    if (earlyBytes <= options.bufferBytes) return early.push(notification)
    early = []
    const description = `the server sent ${earlyBytes} bytes about the thread before it answered`
    return Deferred.doneUnsafe(named, Effect.fail(new ProtocolViolation({ method: "turn/start", description })))
  }

  const onNotification = (notification: Notification.Notification) => {
    const about = Notification.threadIdOf(notification)
    if (about !== threadId) {
      followItem(notification, items, spans)
      watched.movedAt = server[connection].heardAt()
      if (notification.method !== "thread/tokenUsage/updated") return
      place.tokens.addSubAgent(notification.params.threadId, notification.params.tokenUsage)
      return place.checkTokens()
    }
    if (state.phase === "waiting" || state.phase === "over") return
    const message = messageOf(notification)
    if (message !== undefined && message._tag !== "Completed") apply(message)
    if (state.phase === "running") deliver(notification)
    else if (state.phase === "starting") keepEarly(notification)
    if (message?._tag === "Completed") apply(message)
    else if (isUnreadableEnd(notification) && Notification.turnIdOf(notification) === state.turnId) {
      const description = notification.reason
      apply({ _tag: "Lost", error: new ProtocolViolation({ method: "turn/completed", description }) })
    }
  }

  const answerer: Approval.Answerer = { policy, onToolCall: options.onToolCall, item: items.get }
  const onRequest = (request: ServerRequest.ServerRequest) =>
    Effect.suspend(() => {
      answering++
      return Approval.answer(request, answerer)
    }).pipe(
      Effect.ensuring(
        Effect.sync(() => {
          answering--
          watched.movedAt = now()
        })
      )
    )

  const nextChange = Effect.callback<void>((resume) => {
    const wake = () => {
      wakers.delete(wake)
      resume(Effect.void)
    }
    wakers.add(wake)
    return Effect.sync(() => wakers.delete(wake))
  })

  // Where others can start turns too, the reply may name one of theirs.
  const isUndecided = () =>
    state.phase === "starting" || (state.phase === "running" && server[connection].isShared && !state.confirmed)
  const whenDecided = Effect.gen(function* () {
    while (isUndecided()) yield* nextChange
  })

  yield* server[connection].route({
    threadId,
    context,
    onNotification,
    onRequest,
    undecided: () => (isUndecided() ? whenDecided : undefined),
    owns: (turnId) =>
      state.phase === "running" && (turnId === undefined || turnId === state.turnId || turnId === state.innerId),
    isOver: () => state.phase === "waiting" || state.phase === "over",
    onLeft: () => runFork(rejoin),
    onEnd: (error) => apply({ _tag: "Lost", error })
  })

  // Without a subscription the end of the turn would not be heard of.
  const rejoin = options.rejoin.pipe(
    Effect.flatMap((isActive) =>
      isActive
        ? Effect.logWarning(`Rejoined thread ${threadId}, which was left while turn ${state.turnId} ran on it`)
        : Effect.fail(
            new ProtocolViolation({
              method: "turn/completed",
              description: "the thread was left while the turn ran, so its end was not heard"
            })
          )
    ),
    Effect.catch((error) => Effect.sync(() => apply({ _tag: "Lost", error })))
  )

  const untilOver = Effect.gen(function* () {
    while (state.phase !== "over") {
      const seen = state
      const turnId = Machine.interruptId(state)
      if (turnId !== undefined) {
        yield* Effect.ignore(server.request("turn/interrupt", { threadId, turnId }, { timeout: stopTimeout }))
      }
      // A refusal is a matter of the moment: what changes next may be what it takes.
      if (state === seen) yield* Effect.raceFirst(nextChange, Effect.sleep(askAgainAfter))
    }
  })

  /** Whether the turn was over in time. */
  const stop = (why: StopReason) =>
    Effect.suspend(() => {
      reason ??= why
      apply({ _tag: "Stop" })
      return Effect.map(Effect.timeoutOption(untilOver, stopTimeout), Option.isSome)
    })

  const stopChildren = () => (state.turnId === undefined ? Effect.void : server[connection].stopChildren(state.turnId))

  const stopForGood = (why: StopReason) =>
    Effect.flatMap(stop(why), (stopped) =>
      stopped
        ? Effect.void
        : Effect.suspend(() => {
            Telemetry.turnsNotStopped.updateUnsafe(1, context)
            server[connection].setActiveTurn(threadId, state.turnId)
            apply({ _tag: "GaveUp" })
            return Effect.logWarning(
              `Turn ${state.turnId ?? "(unnamed)"} of thread ${threadId} did not end within ${stopTimeout} ms of its interruption`
            )
          })
    ).pipe(Effect.andThen(Effect.suspend(stopChildren)))

  const stopLate = (late: unknown) => {
    const turnId = Notification.idIn(late, "turnId", "turn")
    if (turnId === undefined) return
    runFork(
      server
        .request("turn/interrupt", { threadId, turnId })
        .pipe(
          Effect.retry({ schedule: Schedule.spaced(askAgainAfter), times: Math.ceil(stopTimeout / askAgainAfter) }),
          Effect.ignore
        )
    )
  }

  const whenFree = Effect.gen(function* () {
    const active = server[connection].activeTurn(threadId)
    if (active === undefined) return
    if (options.whenBusy === "fail") return yield* new ThreadBusy({ threadId, turnId: active, delivered: false })
    yield* server[connection].whenIdle(threadId)
  })

  const sendOnce = Effect.gen(function* () {
    yield* whenFree
    apply({ _tag: "Sent" })
    watched.movedAt = now()
    place.sent()
    return yield* Effect.tapError(options.request({ retry: false, onLate: stopLate }), (error) =>
      Effect.sync(() => {
        if (error._tag !== "Overloaded" && !isBusy(error)) return
        early = []
        earlyBytes = 0
        apply({ _tag: "Held" })
        if (isBusy(error)) server[connection].setActiveTurn(threadId, server[connection].activeTurn(threadId))
      })
    )
  })

  const send = sendOnce.pipe(
    Effect.retry(whileOverloaded),
    Effect.retry({ while: (error) => error._tag === "RequestFailed" && isBusy(error) }),
    Effect.withParentSpan(span),
    Effect.result,
    Effect.map((sent) => {
      if (Result.isSuccess(sent)) return apply({ _tag: "Replied", turnId: sent.success.turn.id })
      const error = sent.failure
      // An answer that can't be read is an answer: a turn is running, and has to be stopped.
      if (error._tag === "ProtocolViolation") return Deferred.doneUnsafe(named, Effect.fail(error))
      return apply({ _tag: "Refused", error })
    })
  )

  const stalled = Effect.flatMap(
    watch(options.watchdog, watched),
    Effect.fnUntraced(function* (stalled): Effect.fn.Return<StopReason> {
      // What the turn says while it is being stopped is not what it stalled at.
      const last = lastEvent === undefined ? {} : { lastEvent }
      const status = yield* server.request("thread/read", { threadId }, { timeout: statusTimeout }).pipe(
        Effect.map(({ thread }) => ({ threadStatus: thread.status.type })),
        Effect.orElseSucceed(() => ({}))
      )
      return { _tag: "Stalled", stalled, about: { ...last, ...status } }
    })
  )
  const exceeded = Effect.map(place.exceeded, (exceeded): StopReason => ({ _tag: "Budget", exceeded }))

  yield* Effect.forkScoped(send)
  yield* Effect.raceAllFirst([exceeded, stalled, Deferred.await(textTooLong), place.watchTime]).pipe(
    Effect.flatMap(stopForGood),
    Effect.forkScoped
  )
  yield* Effect.addFinalizer(() =>
    Effect.suspend(() => (state.phase === "over" ? Effect.void : stopForGood({ _tag: "Asked" })))
  )

  const stopTree = Effect.suspend(() =>
    state.phase === "over"
      ? Effect.succeed(true)
      : Effect.tap(stop({ _tag: "Asked" }), (stopped) => (stopped ? stopChildren() : Effect.void))
  )

  return {
    id: yield* Deferred.await(named),
    threadId,
    response: Deferred.await(outcome),
    interrupt: Effect.flatMap(stopTree, (stopped) =>
      stopped
        ? Effect.void
        : Effect.fail(new TurnNotStopped({ threadId, turnId: state.turnId ?? "", millis: stopTimeout }))
    )
  }
})

const makeSpan = (server: AppServer["Service"], threadId: string, model: string | undefined) => {
  const provider = server[connection].providerOf(threadId)
  return Effect.makeSpan("invoke_agent codex", {
    kind: "client",
    attributes: {
      "gen_ai.operation.name": "invoke_agent",
      "gen_ai.agent.name": "codex",
      "gen_ai.conversation.id": threadId,
      ...(model === undefined ? {} : { "gen_ai.request.model": model }),
      ...(provider === undefined ? {} : { "gen_ai.provider.name": provider })
    }
  })
}

// What a notification on the turn's thread says of the turn's life, if it says anything of it.
const messageOf = (notification: Notification.Notification): Machine.Message | undefined => {
  switch (notification.method) {
    case "turn/started": {
      const { id, rootTurnId } = notification.params.turn
      return { _tag: "Began", turnId: id, rootTurnId: rootTurnId ?? undefined }
    }
    case "turn/completed":
      return { _tag: "Completed", turn: notification.params.turn }
    case "item/started": {
      const { item, turnId } = notification.params
      if (item.type === "userMessage") return { _tag: "Prompted", turnId, clientId: item.clientId }
      const isShell = item.type === "commandExecution" && item.source === "userShell"
      return isShell ? { _tag: "Prompted", turnId, clientId: null } : undefined
    }
    default:
      return undefined
  }
}

const isUnreadableEnd = (notification: Notification.Notification): notification is Notification.UnknownNotification =>
  notification.method === "unknown" && notification.raw.method === "turn/completed"
