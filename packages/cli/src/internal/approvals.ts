/**
 * Counts the decisions on the agent's requests during a turn, and emits each as an event of the turn.
 */
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import type { ResponseEvent } from "@effect-codex/core/ResponseEvent"
import * as Effect from "effect/Effect"
import { approvalDecided } from "./ourEvents.ts"

type Verdict = PolicyEngine.Verdict<PolicyEngine.Kind>
type Request = PolicyEngine.Request<PolicyEngine.Kind>

const nameOf = (decision: Verdict["decision"]): string => {
  if (typeof decision === "string") return decision
  if ("action" in decision) return decision.action
  return "answers" in decision ? "answer" : "grant"
}

const isDeclined = (decision: Verdict["decision"]): boolean => ["decline", "cancel"].includes(nameOf(decision))

const toEvent = (request: Request, verdict: Verdict): ResponseEvent => {
  const { by, decision, reason } = verdict
  const messageText = `${request.kind}: ${nameOf(decision)} (${by}${reason === undefined ? "" : `: ${reason}`})`
  return {
    type: approvalDecided,
    phase: "tool",
    threadId: request.threadId,
    ...(request.turnId === undefined ? {} : { turnId: request.turnId }),
    messageText,
    raw: { kind: request.kind, decision: nameOf(decision), by, ...(reason === undefined ? {} : { reason }) }
  }
}

export interface Watched {
  readonly engine: PolicyEngine.Engine
  readonly declined: () => number
}

/** An engine that decides as the given one does and emits each decision. An abstention or a failure declines. */
export const watch = (engine: PolicyEngine.Engine, emit: (event: ResponseEvent) => Effect.Effect<void>): Watched => {
  let declined = 0
  const observe = (request: Request, verdict: Verdict) =>
    Effect.suspend(() => {
      if (isDeclined(verdict.decision)) declined++
      return emit(toEvent(request, verdict))
    })
  const nobody: Verdict = { decision: "decline", by: "no engine decided" }
  const failed = (message: string): Verdict => ({ decision: "decline", by: "the policy failed", reason: message })

  const watched =
    <K extends PolicyEngine.Kind>(kind: K): PolicyEngine.Decide<K> =>
    (request) =>
      engine[kind](request).pipe(
        Effect.tap((verdict) => observe(request, verdict ?? nobody)),
        Effect.tapError((error) => observe(request, failed(error.message)))
      )
  return {
    engine: PolicyEngine.make({
      command: watched("command"),
      fileChange: watched("fileChange"),
      permissions: watched("permissions"),
      userInput: watched("userInput"),
      elicitation: watched("elicitation"),
      toolCall: watched("toolCall")
    }),
    declined: () => declined
  }
}
