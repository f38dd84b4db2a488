/**
 * The spans and metrics of requests, in both directions.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Metric from "effect/Metric"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Tracer from "effect/Tracer"
import type { Kind } from "../PolicyEngine.ts"
import * as ServerRequest from "../ServerRequest.ts"
import * as Telemetry from "../Telemetry.ts"
import type { Witness } from "../Witness.ts"
import { Deciding } from "./deciding.ts"

const requestDurations = new Map<string, ReturnType<typeof Telemetry.byAttributes<number, unknown>>>()
const requestDuration = (method: string, outcome: string) => {
  const known = requestDurations.get(method)
  if (known !== undefined) return known(["outcome", outcome])
  const made = Telemetry.byAttributes(Metric.withAttributes(Telemetry.requestDuration, { "rpc.method": method }))
  requestDurations.set(method, made)
  return made(["outcome", outcome])
}
// Where nobody reads spans, one a request is a waste.
const isUnread = (fiber: Fiber.Fiber<unknown, unknown>): boolean => fiber.getRef(Tracer.Tracer) === Tracer.nativeTracer

const approvalDurations = Telemetry.byAttributes(Telemetry.approvalDuration)

/** A request of ours, from the call to its end, however often it is sent. */
export const observeRequest = <A, E>(method: string, request: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.withFiber((fiber) => {
    const timedRequest = timed(request, (exit) => requestDuration(method, Telemetry.outcomeOf(exit)))
    if (isUnread(fiber)) return timedRequest
    return inSpan(
      method,
      { kind: "client", attributes: { "rpc.system": "jsonrpc", "rpc.method": method } },
      timedRequest
    )
  })

/** The answer to a request of the server. Requests that ask for no decision are not observed. */
export const observeAnswer = <A, E>(
  request: ServerRequest.ServerRequest,
  answer: Effect.Effect<A, E>,
  witness: Witness | undefined
): Effect.Effect<A, E> => {
  const kind = ServerRequest.kindOf(request)
  if (kind === undefined) return answer
  const { threadId, turnId } = ServerRequest.aboutOf(request)
  const observed = measured(kind, { threadId, turnId }, answer)
  return witness === undefined ? observed : witnessed(witness, kind, request, observed)
}

const measured = <A, E>(
  kind: Kind,
  { threadId, turnId }: { readonly threadId: string | undefined; readonly turnId: string | undefined },
  answer: Effect.Effect<A, E>
): Effect.Effect<A, E> =>
  Effect.withFiber((fiber) => {
    const { context } = fiber
    Telemetry.pendingApprovals.updateUnsafe(1, context)
    return timed(isUnread(fiber) ? answer : inApprovalSpan(kind, threadId, turnId, answer), (exit) => {
      Telemetry.pendingApprovals.updateUnsafe(-1, context)
      return approvalDurations(["codex.request.kind", kind], ["codex.decision", decisionIn(exit)])
    })
  })

const inApprovalSpan = <A, E>(
  kind: Kind,
  threadId: string | undefined,
  turnId: string | undefined,
  answer: Effect.Effect<A, E>
): Effect.Effect<A, E> =>
  inSpan(
    `codex.approval ${kind}`,
    {
      kind: "server",
      attributes: {
        "codex.request.kind": kind,
        "gen_ai.conversation.id": threadId,
        ...(turnId === undefined ? {} : { "codex.turn.id": turnId })
      }
    },
    Effect.onExit(answer, (exit) => Effect.annotateCurrentSpan("codex.decision", decisionIn(exit)))
  )

// Calls the witness when the answer is known, and before it is sent.
const witnessed = <A, E>(
  { answered }: Witness,
  kind: Kind,
  request: ServerRequest.ServerRequest,
  answer: Effect.Effect<A, E>
): Effect.Effect<A, E> =>
  Effect.suspend(() => {
    const deciding: Deciding = { by: undefined, reason: undefined, accepted: false }
    return Effect.withFiber((fiber) => {
      const clock = fiber.getRef(Clock.Clock)
      const begun = clock.currentTimeNanosUnsafe()
      return Effect.onExit(Effect.provideService(answer, Deciding, deciding), (exit) => {
        const decision = decisionIn(exit)
        const { threadId = "", turnId } = ServerRequest.aboutOf(request)
        const told = Result.try(() =>
          answered({
            kind,
            request,
            threadId,
            turnId,
            itemId: ServerRequest.itemIdOf(request),
            // The answer to a call is what the tool said.
            decision:
              kind === "toolCall" && decision !== "withdrawn" ? (deciding.accepted ? "accept" : "decline") : decision,
            by: deciding.by,
            reason: deciding.reason,
            millis: Number(clock.currentTimeNanosUnsafe() - begun) / 1e6
          })
        )
        return Result.isFailure(told) ? Effect.logError("A witness threw", told.failure) : Effect.void
      })
    })
  })

// Without the stack that `Effect.withSpan` takes: that costs more than the request.
const inSpan = <A, E>(
  name: string,
  options: Tracer.SpanOptionsNoTrace,
  effect: Effect.Effect<A, E>
): Effect.Effect<A, E> =>
  Effect.useSpan(name, options, (span) => Effect.withParentSpan(effect, span, { captureStackTrace: false }))

// Takes the time of an effect for the metric that its exit belongs to.
const timed = <A, E>(
  effect: Effect.Effect<A, E>,
  metricOf: (exit: Exit.Exit<A, E>) => Metric.Metric<number, unknown>
): Effect.Effect<A, E> =>
  Effect.withFiber((fiber) => {
    const clock = fiber.getRef(Clock.Clock)
    const begun = clock.currentTimeNanosUnsafe()
    return Effect.onExit(effect, (exit) =>
      Effect.sync(() => {
        metricOf(exit).updateUnsafe(Number(clock.currentTimeNanosUnsafe() - begun) / 1e9, fiber.context)
      })
    )
  })

// What an answer comes to. One that is interrupted was withdrawn by the server, or went with the connection.
const decisionIn = (exit: Exit.Exit<unknown, unknown>): string => {
  if (Exit.isFailure(exit)) return Exit.hasInterrupts(exit) ? "withdrawn" : "failed"
  const { value } = exit
  if (!Predicate.isReadonlyObject(value)) return "unknown"
  const { action, answers, decision, permissions, success } = value
  if (typeof decision === "string") return decision
  if (Predicate.isReadonlyObject(decision)) return Object.keys(decision)[0] ?? "unknown"
  if (typeof action === "string") return action
  if (typeof success === "boolean") return success ? "accept" : "failed"
  const given = answers ?? permissions
  return Predicate.isReadonlyObject(given) && Object.keys(given).length > 0 ? "accept" : "decline"
}

const unreadableLeaves = Telemetry.byAttributes(Telemetry.unreadableLeaves)

/** Counts what could not be read of a message, and says where. */
export const observeUnreadable = (method: string, paths: ReadonlyArray<string>): Effect.Effect<void> =>
  Effect.andThen(
    Metric.update(unreadableLeaves(["rpc.method", method]), paths.length),
    Effect.logDebug(`Parts of ${method} could not be read: ${paths.slice(0, 10).join(", ")}`)
  )
