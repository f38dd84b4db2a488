/**
 * Checks whether a decision may be sent: only those that the server offered, and nothing wider.
 */
import * as Equal from "effect/Equal"
import * as Predicate from "effect/Predicate"
import * as Schemas from "../../protocol/generated/Experimental.ts"

export const isOneOf =
  (...decisions: ReadonlyArray<string>) =>
  (u: unknown): boolean =>
    typeof u === "string" && decisions.includes(u)

export const isLegalGrant = (u: unknown): boolean =>
  u === "decline" || (Schemas.PermissionsRequestApprovalResponse.is(u) && isOneOf("turn", "session")(u.scope))

export const isLegalAnswer = (u: unknown): boolean => u === "decline" || Schemas.ToolRequestUserInputResponse.is(u)

export const isLegalElicitation = (u: unknown): boolean =>
  isOneOf("decline", "cancel")(u) ||
  (Schemas.McpServerElicitationRequestResponse.is(u) && isOneOf("accept", "decline", "cancel")(u.action))

// The server checks neither that a decision was offered nor that an amendment is the proposed one, so the client does. An
// amendment may be narrower than the proposal, which means longer, but never wider.
export const isLegalForCommand = (params: Schemas.CommandExecutionRequestApprovalParams, u: unknown): boolean => {
  if (isOneOf("decline", "cancel")(u)) return true
  const offered = params.availableDecisions ?? ["accept", "acceptForSession"]
  if (typeof u === "string") return isOneOf("accept", "acceptForSession")(u) && offered.includes(u)
  if (!Schemas.KnownCommandExecutionApprovalDecision.is(u)) return false
  return offered.some((decision) => {
    if (Predicate.hasProperty(decision, "acceptWithExecpolicyAmendment")) {
      if (!Predicate.hasProperty(u, "acceptWithExecpolicyAmendment")) return false
      const proposed = decision.acceptWithExecpolicyAmendment.execpolicy_amendment
      const amendment = u.acceptWithExecpolicyAmendment.execpolicy_amendment
      return proposed.length > 0 && proposed.every((word, index) => amendment[index] === word)
    }
    return Equal.equals(decision, u)
  })
}
