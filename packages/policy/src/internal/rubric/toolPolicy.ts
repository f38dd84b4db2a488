/**
 * Applies the rules of a rubric to questions to the user, calls of the program's own tools, and approvals of MCP tools.
 *
 * A model or a server chooses the names in such requests; `toolName.ts` compares them. Nothing here looks at commands or
 * files.
 */
import type { Decisions, Params, Verdict } from "@effect-codex/core/PolicyEngine"
import * as Predicate from "effect/Predicate"
import type { McpToolDecision, McpToolRule, ToolCallRule, ToolInputDecision, ToolInputRule } from "../../Rule.ts"
import { type About, compileCommon, listOf } from "./condition.ts"
import { ordered } from "./ordered.ts"
import { matching, oneOf } from "./toolName.ts"
import { short } from "../text.ts"

const about = (params: { readonly threadId: string; readonly turnId?: string | null | undefined }): About => ({
  threadId: params.threadId,
  turnId: params.turnId ?? undefined,
  cwd: undefined,
  reason: undefined,
  proposesExecpolicy: undefined
})

// Whether a rule has conditions that these kinds of requests cannot satisfy.
const isForeign = (when: { readonly commandRegex?: string; readonly cwdWithin?: unknown }): boolean =>
  when.commandRegex !== undefined || when.cwdWithin !== undefined

// Questions to the user.

export const compileToolInput = (
  rules: ReadonlyArray<ToolInputRule> | undefined,
  fallback: { readonly decision: ToolInputDecision | undefined; readonly by: string }
): ((params: Params["userInput"]) => Verdict<"userInput"> | undefined) => {
  const compiled = ordered(rules, "toolInputRules").map((rule) => {
    const decision = rule.decision ?? fallback.decision
    const sure = typeof decision === "object"
    const when = rule.when ?? {}
    return { rule, decision, when, common: compileCommon(when, sure), questionId: matching(when.questionIdRegex, sure) }
  })
  return (params) => {
    const found = compiled.find(
      ({ common, questionId, when }) =>
        !isForeign(when) &&
        common(about(params)) &&
        (questionId === undefined || params.questions.some(({ id }) => questionId(id)))
    )
    const decision = found === undefined ? fallback.decision : found.decision
    if (decision === undefined) return undefined
    const by = found?.rule.name ?? fallback.by
    const answered = answerTo(params, decision)
    return { decision: answered.decision, by, reason: answered.reason ?? found?.rule.reason }
  }
}

const answerTo = (
  { questions }: Params["userInput"],
  decision: ToolInputDecision
): { readonly decision: Decisions["userInput"]; readonly reason?: string } => {
  if (decision === "decline") return { decision }
  if (decision === "auto_empty") return { decision: { answers: {} } }
  // An answer names only the id, so it would also answer the other question.
  if (new Set(questions.map(({ id }) => id)).size < questions.length) {
    return { decision: "decline", reason: "two questions have the same id" }
  }
  const asked = questions.flatMap((question) => {
    const answer = Object.hasOwn(decision.answers, question.id) ? decision.answers[question.id] : undefined
    return answer === undefined ? [] : [{ question, answer }]
  })
  const wrong = asked.find(
    ({ answer, question: { isOther, options } }) =>
      isOther !== true &&
      (options?.length ?? 0) > 0 &&
      !answer.answers.every((text) => options?.some(({ label }) => label === text))
  )
  return wrong === undefined
    ? { decision: { answers: Object.fromEntries(asked.map(({ answer, question }) => [question.id, answer])) } }
    : { decision: "decline", reason: `the answer to ${short(wrong.question.id)} is none of its options` }
}

// Calls of the program's own tools.

export const compileToolCall = (
  rules: ReadonlyArray<ToolCallRule> | undefined,
  fallback: { readonly decision: "accept" | "decline" | undefined; readonly by: string }
): ((params: Params["toolCall"]) => Verdict<"toolCall"> | undefined) => {
  const compiled = ordered(rules, "toolCallRules").map((rule) => {
    const decision = rule.decision ?? fallback.decision
    const when = rule.when ?? {}
    const sure = decision !== "decline"
    return {
      rule,
      decision,
      when,
      common: compileCommon(when, sure),
      tool: oneOf(listOf(when.tool), sure),
      namespace: oneOf(listOf(when.namespace), sure)
    }
  })
  return (params) => {
    const found = compiled.find(
      ({ common, namespace, tool, when }) =>
        !isForeign(when) &&
        common(about(params)) &&
        (tool === undefined || tool(params.tool)) &&
        // A tool without a namespace matches no condition on namespaces.
        (namespace === undefined || (params.namespace != null && namespace(params.namespace)))
    )
    const decision = found === undefined ? fallback.decision : found.decision
    return decision === undefined
      ? undefined
      : { decision, by: found?.rule.name ?? fallback.by, reason: found?.rule.reason }
  }
}

// Approvals of MCP tools.

/** A server's claim that codex asks whether one of its tools may run. A server can also send the same message by itself. */
export interface Claim {
  readonly tool: string | undefined
  readonly persist: ReadonlyArray<unknown>
}

export const claimOf = (params: Params["elicitation"]): Claim | undefined => {
  if (params.mode !== "form" || !Predicate.hasProperty(params._meta, "codex_approval_kind")) return undefined
  const { _meta: meta, requestedSchema } = params
  if (meta.codex_approval_kind !== "mcp_tool_call" || Object.keys(requestedSchema.properties).length > 0)
    return undefined
  return {
    tool: Predicate.hasProperty(meta, "tool_name") && typeof meta.tool_name === "string" ? meta.tool_name : undefined,
    persist: Predicate.hasProperty(meta, "persist") && Array.isArray(meta.persist) ? meta.persist : []
  }
}

/** Abstains on elicitations that do not claim to be the approval of a tool: a person can answer a form, a rule cannot. */
export const compileMcpTool = (
  rules: ReadonlyArray<McpToolRule> | undefined,
  fallback: { readonly decision: "decline" | undefined; readonly by: string }
): ((params: Params["elicitation"]) => Verdict<"elicitation"> | undefined) => {
  const compiled = ordered(rules, "mcpToolRules").map((rule) => {
    const decision: McpToolDecision | undefined = rule.decision ?? fallback.decision
    const sure = decision !== "decline" && decision !== "cancel"
    const when = rule.when ?? {}
    return {
      rule,
      decision,
      when,
      common: compileCommon(when, sure),
      server: oneOf(listOf(when.server), sure),
      tool: matching(when.claimedToolRegex, sure),
      trustsClaimsOnly: sure && when.server === undefined
    }
  })
  return (params) => {
    const claim = claimOf(params)
    if (claim === undefined) return undefined
    const found = compiled.find(
      ({ common, server, tool, trustsClaimsOnly, when }) =>
        !trustsClaimsOnly &&
        !isForeign(when) &&
        common(about(params)) &&
        (server === undefined || server(params.serverName)) &&
        (tool === undefined || tool(claim.tool))
    )
    const decision = found === undefined ? fallback.decision : found.decision
    if (decision === undefined) return undefined
    const by = found?.rule.name ?? fallback.by
    const answer = mcpAnswer(decision, claim)
    const claimed = `the server ${short(params.serverName)} claims to run ${short(claim.tool ?? "a tool")}`
    return {
      decision: answer.decision,
      by,
      reason: [found?.rule.reason, answer.reason, claimed].filter(Predicate.isNotUndefined).join("; ")
    }
  }
}

const mcpAnswer = (
  decision: McpToolDecision,
  { persist }: Claim
): { readonly decision: Decisions["elicitation"]; readonly reason?: string } => {
  if (decision === "decline" || decision === "cancel") return { decision }
  if (decision === "accept") return { decision: { action: "accept", content: {}, _meta: null } }
  const scope = decision === "acceptForSession" ? "session" : "always"
  return persist.includes(scope)
    ? { decision: { action: "accept", content: {}, _meta: { persist: scope } } }
    : {
        decision: "decline",
        reason: `it is not offered to remember this ${scope === "session" ? "for the session" : "always"}`
      }
}
