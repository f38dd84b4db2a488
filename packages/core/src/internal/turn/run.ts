/**
 * Runs one turn in its place, in a scope of its own.
 *
 * The rules of a turn's life are in `machine.ts`; `life.ts` keeps its state and `record.ts` its notifications, which
 * `receiving.ts` gives to both. `sending.ts` starts it, `stopping.ts` stops it, and `limits.ts` determines when. This file
 * combines them, and converts the turn's end to the result.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import type { AgentResponse } from "../../AgentResponse.ts"
import type { AppServer } from "../../AppServer.ts"
import {
  ProtocolViolation,
  type RequestError,
  type TurnError,
  type TurnNotStopped,
  type TurnStartError,
  type TurnStreamError
} from "../../CodexError.ts"
import type * as Notification from "../../Notification.ts"
import { PolicyEngine } from "../../PolicyEngine.ts"
import type { ServerRequest, ToolCallHandler } from "../../ServerRequest.ts"
import * as Approval from "../approval/answer.ts"
import type { RequestOptions } from "../connection/requests.ts"
import { connection } from "../connection/serve.ts"
import type { Buffer } from "../delivery/buffer.ts"
import { monotonicMillis } from "../monotonic.ts"
import { endingOf } from "./ending.ts"
import { makeLife } from "./life.ts"
import * as Limits from "./limits.ts"
import type * as Machine from "./machine.ts"
import type { Place } from "./place.ts"
import { makeReceiver } from "./receiving.ts"
import { makeRecord } from "./record.ts"
import { send } from "./sending.ts"
import { makeTurnSpans } from "./spans.ts"
import * as Stopping from "./stopping.ts"
import { usageSince } from "./tokens.ts"
import type { WatchdogTimes } from "./watchdog.ts"

/** A turn that the server has started. */
export interface Turn {
  readonly id: string
  readonly threadId: string
  /** Waits for the end of the turn. */
  readonly response: Effect.Effect<AgentResponse, TurnError>
  /** Stops the turn and waits for its end. */
  readonly interrupt: Effect.Effect<void, TurnNotStopped>
}

export interface Options {
  /** The model that the turn requests, if any. */
  readonly model: string | undefined
  /** The `clientUserMessageId` that `request` sends; `undefined` for turns without a message. */
  readonly messageId: string | undefined
  /** Sends the request that starts the turn, once. */
  readonly request: (options: RequestOptions) => Effect.Effect<{ readonly turn: { readonly id: string } }, RequestError>
  /** Subscribes to the thread again after it was left. Returns whether a turn still runs on it. */
  readonly rejoin: Effect.Effect<boolean, RequestError>
  /** Runs the tool calls that the policy accepts. */
  readonly onToolCall?: ToolCallHandler | undefined
  /** Whether the response holds all events. Default: false. */
  readonly includeEvents?: boolean | undefined
  readonly watchdog: WatchdogTimes
  /** How long to wait for the end of a turn that is being stopped, in milliseconds. */
  readonly stopTimeout: number
  /** What to do while another turn, which is not ours, runs on the thread. */
  readonly whenBusy: "wait" | "fail"
  /** The limit for notifications that are kept until the turn has an id, in bytes. */
  readonly bufferBytes: number
  /** Receives the notifications of the turn. */
  readonly buffer: Buffer<Notification.Notification, TurnStreamError> | undefined
}

export const run = Effect.fnUntraced(function* (
  server: AppServer["Service"],
  place: Place,
  options: Options,
  /** The scope that it runs in. */
  scope: Scope.Closeable
): Effect.fn.Return<Turn, TurnStartError, PolicyEngine | Scope.Scope> {
  const { buffer, stopTimeout } = options
  const { isShared, lastReceivedAt, maxTextLength, route } = server[connection]
  const { threadId } = place
  const policy = yield* PolicyEngine
  const clock = yield* Clock.Clock
  const now = () => monotonicMillis(clock)
  const span = yield* makeSpan(server, threadId, options.model)
  // Everything that runs for the turn is a child of its span.
  const context = Context.add(place.context, Tracer.ParentSpan, span)
  const runFork = Effect.runForkWith(context)
  const spans = makeTurnSpans(context, span)
  const named = Deferred.makeUnsafe<string, TurnStartError>()
  const failStart = (error: TurnStartError) => Deferred.doneUnsafe(named, Effect.fail(error))
  const outcome = Deferred.makeUnsafe<AgentResponse, TurnError>()
  const textTooLong = Deferred.makeUnsafe<Limits.Limit>()
  let limit: Limits.Limit | undefined

  const life = makeLife(options.messageId, {
    onNamed: (turnId) => {
      spans.named(turnId)
      Deferred.doneUnsafe(named, Effect.succeed(turnId))
      record.addEarly(turnId)
    },
    onEnded: (end) => settle(end)
  })
  const phase = () => life.state().phase

  const record = makeRecord({
    threadId,
    place,
    spans,
    buffer,
    includeEvents: options.includeEvents === true,
    maxTextLength,
    maxEarlyBytes: options.bufferBytes,
    now,
    lastReceivedAt,
    turnId: () => life.state().turnId,
    isWaiting: () => phase() === "waiting",
    onTooLong: () => Deferred.doneUnsafe(textTooLong, Effect.succeed({ _tag: "TextTooLong", allowed: maxTextLength }))
  })

  // An answer that is asked for again has one token count for all of its turns, but a span for each.
  const usedBefore = place.tokens.usage()
  const endSpans = (exit: Exit.Exit<unknown, unknown>) => {
    const { status, usage } = record.response()
    spans.end(exit, status, usage && (usedBefore === undefined ? usage : usageSince(usedBefore, usage)))
  }
  yield* Effect.addFinalizer((exit) => Effect.sync(() => endSpans(exit)))

  const settle = (end: Machine.End) => {
    const about = { threadId, limit, response: record.response(), lastError: record.last().error }
    const { result, startError } = endingOf(end, about)
    // Another fiber may have closed the scope while the caller still waits for the id of the turn.
    Deferred.doneUnsafe(named, startError === undefined ? Effect.interrupt : Effect.fail(startError))
    if (Result.isSuccess(result)) buffer?.end()
    else buffer?.fail(result.failure)
    const exit = Result.isSuccess(result) ? Exit.succeed(result.success) : Exit.fail(result.failure)
    endSpans(exit)
    Deferred.doneUnsafe(outcome, exit)
    runFork(Scope.close(scope, exit))
  }

  const lose = (error: RequestError) => life.apply({ _tag: "Lost", error })

  const onNotification = makeReceiver({ threadId, life, record, onTooMuchEarly: failStart })

  const onRequest = (request: ServerRequest, runTool = options.onToolCall) =>
    Effect.suspend(() => {
      record.answering(1)
      return Approval.answer(request, { policy, item: record.items.get, onToolCall: runTool })
    }).pipe(Effect.ensuring(Effect.sync(() => record.answering(-1))))

  // If other clients can start turns too, the reply may name one of their turns.
  const isUndecided = () => phase() === "starting" || (phase() === "running" && isShared && !life.state().confirmed)
  const whenDecided = Effect.gen(function* () {
    while (isUndecided()) yield* life.nextChange
  })

  const stoppable: Stopping.Stoppable = { threadId, life, stopTimeout, context }
  const stopFor = (reached: Limits.Limit) =>
    Effect.suspend(() => {
      if (!life.state().stopping) limit = reached
      return Stopping.abandon(server, stoppable)
    })

  // Without a subscription, the end of the turn would not arrive. If the thread cannot be joined again, the turn is stopped.
  const rejoin = options.rejoin.pipe(
    Effect.flatMap((isActive) =>
      isActive
        ? Effect.logWarning(`Rejoined thread ${threadId}, which was left while turn ${life.state().turnId} ran on it`)
        : Effect.sync(() => lose(new ProtocolViolation({ method: "turn/completed", description: missedEnd })))
    ),
    Effect.catch((error) => (isGone(error) ? Effect.sync(() => lose(error)) : stopFor({ _tag: "Unheard", error })))
  )

  yield* route({
    threadId,
    context,
    onNotification,
    onRequest,
    undecided: () => (isUndecided() ? whenDecided : undefined),
    owns: (id) =>
      phase() === "running" && (id === undefined || id === life.state().turnId || id === life.state().innerId),
    isOver: () => phase() === "waiting" || phase() === "over",
    onLeft: () => runFork(rejoin),
    onEnd: lose
  })

  const sending = send(server, {
    threadId,
    life,
    request: options.request,
    whenBusy: options.whenBusy,
    rejoin: options.rejoin,
    onSend: () => {
      record.watched.movedAt = now()
      record.watched.wake?.()
      place.sent()
    },
    onHold: record.dropEarly,
    onLate: (reply) => Stopping.stopLate(server, stoppable, reply),
    // A turn is running and has to be stopped.
    onUnreadable: failStart
  })
  const limits = Limits.untilReached(server, { place, record, textTooLong, watchdog: options.watchdog })

  // The turn is abandoned before these fibers are closed, because that needs the reply. It can be abandoned before it is sent.
  const fibers = yield* Scope.fork(scope)
  yield* Effect.addFinalizer(() =>
    Effect.suspend(() => (phase() === "over" ? Effect.void : Stopping.abandon(server, stoppable)))
  )
  yield* Effect.forkIn(Effect.withParentSpan(sending, span), fibers, { startImmediately: true })
  yield* Effect.forkIn(Effect.flatMap(limits, stopFor), fibers)

  return {
    id: yield* Deferred.await(named),
    threadId,
    response: Deferred.await(outcome),
    interrupt: Stopping.interrupt(server, stoppable)
  }
})

const isGone = ({ _tag }: RequestError): boolean =>
  _tag === "ConnectionFailed" || _tag === "SessionNotFound" || _tag === "SessionArchived"

const missedEnd = "the thread was left while the turn ran, so its end was not heard"

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
