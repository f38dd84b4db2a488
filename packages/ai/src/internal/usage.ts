/**
 * The tokens of a response.
 */
import type { TokenUsageBreakdown } from "@effect-codex/core/protocol/generated/Experimental"
import type * as Response from "effect/ai/Response"

export type Usage = Pick<
  TokenUsageBreakdown,
  "inputTokens" | "cachedInputTokens" | "outputTokens" | "reasoningOutputTokens"
>

export const none: Usage = { inputTokens: 0, cachedInputTokens: 0, outputTokens: 0, reasoningOutputTokens: 0 }

const combine = (a: Usage, b: Usage, sign: 1 | -1): Usage => ({
  inputTokens: a.inputTokens + sign * b.inputTokens,
  cachedInputTokens: a.cachedInputTokens + sign * b.cachedInputTokens,
  outputTokens: a.outputTokens + sign * b.outputTokens,
  reasoningOutputTokens: a.reasoningOutputTokens + sign * b.reasoningOutputTokens
})

export const add = (a: Usage, b: Usage): Usage => combine(a, b, 1)

export const subtract = (total: Usage, part: Usage): Usage => combine(total, part, -1)

export const toResponse = (usage: Usage): Response.FinishPartEncoded["usage"] => ({
  inputTokens: {
    uncached: usage.inputTokens - usage.cachedInputTokens,
    total: usage.inputTokens,
    cacheRead: usage.cachedInputTokens,
    cacheWrite: undefined
  },
  outputTokens: {
    total: usage.outputTokens,
    text: usage.outputTokens - usage.reasoningOutputTokens,
    reasoning: usage.reasoningOutputTokens
  }
})
