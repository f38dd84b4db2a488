/**
 * The meaning of decisions for combined engines: which of them accept, and what two of them have in common.
 *
 * It knows the decisions of the protocol. It does not know requests, and asks no engine.
 */
import type * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as Equal from "effect/Equal"
import * as Predicate from "effect/Predicate"

/** Whether a decision of any kind accepts. An unknown form does not count as accepting, since it may be invalid. */
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

// The decision that two accepting decisions have in common. Every acceptance of a command or a file change includes accepting
// it once, so a plain `accept` is part of all of them.
const meet = <K extends PolicyEngine.Kind>(
  one: PolicyEngine.Decisions[K],
  other: PolicyEngine.Decisions[K]
): PolicyEngine.Decisions[K] | undefined => {
  if (Equal.equals(one, other) || one === "accept") return one
  return other === "accept" ? other : undefined
}

/** A decision as text for a log. Never contains the user's answers. */
export const describe = (decision: unknown): string =>
  typeof decision === "string"
    ? decision.slice(0, 40)
    : Predicate.isReadonlyObject(decision)
      ? `{ ${Object.keys(decision).join(", ").slice(0, 80)} }`
      : typeof decision

/** The names of the engines that decided, in one line. */
export const namesOf = <K extends PolicyEngine.Kind>(verdicts: ReadonlyArray<PolicyEngine.Verdict<K>>): string =>
  verdicts.map(({ by }) => by).join(" + ")

/** The reason why there is no agreement. */
export const disagreement = <K extends PolicyEngine.Kind>(verdicts: ReadonlyArray<PolicyEngine.Verdict<K>>): string =>
  `${namesOf(verdicts)} accept different things`

/** The verdict that several accepting verdicts have in common; `undefined` if there is none. */
export const agreement = <K extends PolicyEngine.Kind>(
  verdicts: ReadonlyArray<PolicyEngine.Verdict<K>>
): PolicyEngine.Verdict<K> | undefined => {
  const [first, ...others] = verdicts
  let decision: PolicyEngine.Decisions[K] | undefined = first?.decision
  for (const other of others) {
    if (decision !== undefined) decision = meet<K>(decision, other.decision)
  }
  if (decision === undefined) return undefined
  const reasons = verdicts.flatMap(({ reason }) => reason ?? [])
  return { decision, by: namesOf(verdicts), ...(reasons.length === 0 ? {} : { reason: reasons.join("; ") }) }
}
