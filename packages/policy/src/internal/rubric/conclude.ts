/**
 * Combines the decisions for the parts of a command into one decision for the server.
 *
 * The room knows the parts of a rubric that are common to all kinds of rules: its text, conditions, bounds, packs and
 * patterns, and the decision that the rules add up to. It must not know the file system, or how a request arrives.
 */
import type { Decisions, Params } from "@effect-codex/core/PolicyEngine"
import type { CommandDecision } from "../../Rule.ts"
import type { Decided, Evaluation } from "../command/policy.ts"
import type { Check } from "../command/reading.ts"
import type { Demand } from "../files/demand.ts"
import { isPermissive } from "./bounds.ts"
import { short } from "../text.ts"
import { baseName, runsCode } from "../command/wrapper.ts"

export interface Conclusion {
  /** `undefined`: some part was not decided on, and none was declined. */
  readonly decision: Decisions["command"] | undefined
  readonly by: string
  readonly reason: string | undefined
  readonly conditions: ReadonlyArray<Demand>
  readonly checks: ReadonlyArray<Check>
}

export const conclude = (
  params: Params["command"],
  { command, decided }: Pick<Evaluation, "command" | "decided">
): Conclusion => {
  const refusals = decided.filter(({ decision }) => decision !== undefined && !isPermissive(decision))
  const refusing =
    refusals.find(({ decision }) => decision === "cancel") ?? refusals.find(({ byRule }) => byRule) ?? refusals[0]
  if (refusing !== undefined) {
    const { decision = "decline" } = refusing
    return { reason: reasonOf(refusing), ...toWire(params, decision, 1), by: refusing.by, conditions: [], checks: [] }
  }
  const by = [...new Set(decided.map(({ by }) => by))].filter((name) => name !== "").join(", ")
  const conditions = decided.flatMap(({ conditions }) => conditions)
  const checks = [...new Set(decided.flatMap(({ checks }) => checks))]
  if (decided.some(({ decision }) => decision === undefined)) {
    return { decision: undefined, by, reason: undefined, conditions: [], checks: [] }
  }
  const [first, ...others] = decided
  // If the accepting decisions differ, the narrowest one counts: accepting once.
  const decision = others.every(({ decision }) => decision === first?.decision)
    ? (first?.decision ?? "decline")
    : "accept"
  const told = toWire(params, decision, command?._tag === "Parsed" ? command.parts.length : 0)
  return { reason: first === undefined ? undefined : reasonOf(first), conditions, checks, ...told, by }
}

const reasonOf = ({ decision, part, reason }: Decided): string | undefined =>
  reason ?? (decision !== undefined && !isPermissive(decision) ? part.opaque : undefined)

const decline = (reason: string) => ({ decision: "decline", reason }) as const

type Told = Pick<Conclusion, "decision"> & { readonly reason?: string }

const toWire = (params: Params["command"], decision: CommandDecision, parts: number): Told => {
  if (typeof decision === "string") {
    const offered = params.availableDecisions ?? [decision]
    return decision === "acceptForSession" && !offered.includes(decision)
      ? decline("the server does not offer acceptForSession for this command")
      : { decision }
  }
  if ("applyNetworkPolicyAmendment" in decision) {
    const { action, host } = decision.applyNetworkPolicyAmendment
    const isProposed = params.proposedNetworkPolicyAmendments?.some(
      (proposed) => proposed.action === action && proposed.host === host
    )
    return isProposed === true
      ? { decision: { applyNetworkPolicyAmendment: { network_policy_amendment: { action, host } } } }
      : decline(`the server does not propose to ${action} ${short(host)}`)
  }
  const amendment = decision.acceptWithExecpolicyAmendment
  const problem = amendmentProblem(params.proposedExecpolicyAmendment ?? [], amendment, parts)
  return problem === undefined
    ? { decision: { acceptWithExecpolicyAmendment: { execpolicy_amendment: amendment } } }
    : decline(`the amendment ${problem}`)
}

// The server stores an amendment as it is, and from then on allows every command that begins with it, in any folder and
// without a sandbox.
export const amendmentProblem = (
  proposed: ReadonlyArray<string>,
  amendment: ReadonlyArray<string>,
  parts: number
): string | undefined => {
  const [program] = amendment
  if (program === undefined || proposed.length === 0) return "is empty, or none is proposed"
  if (!proposed.every((word, index) => amendment[index] === word)) return "does not begin with the proposed words"
  if (runsCode(baseName(program))) return `would let ${short(program)} run anything`
  return parts === 1 ? undefined : "would cover only one part of the command"
}
