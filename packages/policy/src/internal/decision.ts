/**
 * What decisions mean to those who combine engines: which of them let something happen, and what two of them have in common.
 */
import type * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as Equal from "effect/Equal"
import * as Predicate from "effect/Predicate"

/** Whether a decision of any kind lets something happen. What is not known to accept does not: it may be nonsense. */
export const isAccepting = (decision: unknown): boolean => {
  if (typeof decision === "string") return decision === "accept" || decision === "acceptForSession"
  if (!Predicate.isReadonlyObject(decision)) return false
  if ("action" in decision) return decision["action"] === "accept"
  if ("answers" in decision) return isFilled(decision["answers"])
  if ("permissions" in decision) return isFilled(decision["permissions"])
  return "acceptWithExecpolicyAmendment" in decision || "applyNetworkPolicyAmendment" in decision
}

const isFilled = (value: unknown): boolean =>
  Predicate.isReadonlyObject(value) && Object.values(value).some((field) => field != null)

/**
 * What two accepting decisions have in common; `undefined`: nothing. All that accept a command or a file change accept it
 * once, so a plain `accept` is in all of them.
 */
export const meet = <K extends PolicyEngine.Kind>(
  one: PolicyEngine.Decisions[K],
  other: PolicyEngine.Decisions[K]
): PolicyEngine.Decisions[K] | undefined => {
  if (Equal.equals(one, other) || one === "accept") return one
  return other === "accept" ? other : undefined
}

/** A decision in words for a log: never what somebody answered. */
export const describe = (decision: unknown): string =>
  typeof decision === "string"
    ? decision.slice(0, 40)
    : Predicate.isReadonlyObject(decision)
      ? `{ ${Object.keys(decision).join(", ").slice(0, 80)} }`
      : typeof decision
