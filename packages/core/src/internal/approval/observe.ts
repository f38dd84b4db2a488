/**
 * The span and the metrics of an answer to the server, and the report of it to the `DecisionObserver`.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import type { DecisionObserver } from "../../DecisionObserver.ts"
import type { Kind } from "../../PolicyEngine.ts"
import * as ServerRequest from "../../ServerRequest.ts"
import * as Telemetry from "../../Telemetry.ts"
import { inSpan, isUnread, timedBy } from "../observing.ts"
import { Deciding } from "./deciding.ts"

const approvalDurations = Telemetry.byAttributes(Telemetry.approvalDuration)

/** The answer to a request of the server. Requests that ask for no decision are not observed. */
export const observeAnswer = <A, E>(
  request: ServerRequest.ServerRequest,
  answer: Effect.Effect<A, E>,
  observer: DecisionObserver | undefined
): Effect.Effect<A, E> => {
  const kind = ServerRequest.kindOf(request)
  if (kind === undefined) return answer
  const { threadId, turnId } = ServerRequest.getSubject(request)
  const observed = measured(kind, { threadId, turnId }, answer)
  return observer === undefined ? observed : reportTo(observer, kind, request, observed)
}

const measured = <A, E>(
  kind: Kind,
  { threadId, turnId }: { readonly threadId: string | undefined; readonly turnId: string | undefined },
  answer: Effect.Effect<A, E>
): Effect.Effect<A, E> =>
  Effect.withFiber((fiber) => {
    const { context } = fiber
    Telemetry.pendingApprovals.updateUnsafe(1, context)
    return timedBy(fiber, isUnread(fiber) ? answer : inApprovalSpan(kind, threadId, turnId, answer), (exit) => {
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
    (span) => Effect.onExit(answer, (exit) => Effect.sync(() => span.attribute("codex.decision", decisionIn(exit))))
  )

// Calls the observer when the answer is known, before it is sent.
const reportTo = <A, E>(
  { onDecision }: DecisionObserver,
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
        const { threadId = "", turnId } = ServerRequest.getSubject(request)
        const reported = Result.try(() =>
          onDecision({
            kind,
            request,
            threadId,
            turnId,
            itemId: ServerRequest.itemIdOf(request),
            // The answer to a call is the output of the tool.
            decision:
              kind === "toolCall" && decision !== "withdrawn" ? (deciding.accepted ? "accept" : "decline") : decision,
            by: deciding.by,
            reason: deciding.reason,
            millis: Number(clock.currentTimeNanosUnsafe() - begun) / 1e6
          })
        )
        return Result.isFailure(reported)
          ? Effect.logError("The decision observer threw", reported.failure)
          : Effect.void
      })
    })
  })

// The decision in an answer. An interrupted one was withdrawn by the server, or ended with the connection.
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
