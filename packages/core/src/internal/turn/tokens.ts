/**
 * Counts the tokens of a turn and of the threads that it spawns, from the server's totals for each thread.
 */
import type { Usage } from "../../AgentResponse.ts"
import type * as Protocol from "../../protocol/generated/Experimental.ts"

/**
 * Counts the tokens of a turn and of the threads that it spawns.
 */
export interface TokenCount {
  /** Adds the server's count for the turn's own thread. */
  readonly add: (usage: Protocol.ThreadTokenUsage) => void
  /** Adds the server's count for a thread that the turn has spawned. */
  readonly addSubAgent: (threadId: string, usage: Protocol.ThreadTokenUsage) => void
  /** `undefined` until the model has answered for the first time. */
  readonly usage: () => Usage | undefined
  /** All tokens so far, including those of sub-agents. */
  readonly total: () => number
}

/**
 * Makes an empty count.
 */
export const makeTokenCount = (): TokenCount => {
  // The thread's usage before the turn, and its current usage.
  let before: Protocol.TokenUsageBreakdown | undefined
  let own: Protocol.ThreadTokenUsage | undefined
  const subAgents = new Map<string, Protocol.TokenUsageBreakdown>()
  // A fork starts with the tokens of its origin.
  const subAgentsBefore = new Map<string, Protocol.TokenUsageBreakdown>()

  const sumOfSubAgents = () => Array.from(subAgents.values()).reduce(add, noTokens)

  return {
    add: (usage) => {
      before ??= subtract(usage.total, usage.last)
      own = usage
    },
    addSubAgent: (threadId, { last, total }) => {
      const known = subAgentsBefore.get(threadId)
      const past = known ?? subtract(total, last)
      if (known === undefined) subAgentsBefore.set(threadId, past)
      subAgents.set(threadId, subtract(total, past))
    },
    usage: () => {
      if (own === undefined && subAgents.size === 0) return undefined
      const { last, modelContextWindow, total } = own ?? { last: noTokens, total: noTokens, modelContextWindow: null }
      const turn = subtract(total, before ?? noTokens)
      const spawned = sumOfSubAgents()
      return {
        turn,
        subAgents: spawned,
        withSubAgents: add(turn, spawned),
        last,
        total,
        modelContextWindow: modelContextWindow ?? undefined
      }
    },
    total: () =>
      (own === undefined || before === undefined ? 0 : subtract(own.total, before).totalTokens) +
      sumOfSubAgents().totalTokens
  }
}

/** The difference between two readings of a count. */
export const usageSince = (before: Usage, after: Usage): Pick<Usage, "subAgents" | "turn" | "withSubAgents"> => ({
  turn: subtract(after.turn, before.turn),
  subAgents: subtract(after.subAgents, before.subAgents),
  withSubAgents: subtract(after.withSubAgents, before.withSubAgents)
})

const noTokens: Protocol.TokenUsageBreakdown = {
  inputTokens: 0,
  cachedInputTokens: 0,
  outputTokens: 0,
  reasoningOutputTokens: 0,
  totalTokens: 0
}

const add = (one: Protocol.TokenUsageBreakdown, other: Protocol.TokenUsageBreakdown): Protocol.TokenUsageBreakdown => ({
  inputTokens: one.inputTokens + other.inputTokens,
  cachedInputTokens: one.cachedInputTokens + other.cachedInputTokens,
  outputTokens: one.outputTokens + other.outputTokens,
  reasoningOutputTokens: one.reasoningOutputTokens + other.reasoningOutputTokens,
  totalTokens: one.totalTokens + other.totalTokens
})

const subtract = (
  total: Protocol.TokenUsageBreakdown,
  part: Protocol.TokenUsageBreakdown
): Protocol.TokenUsageBreakdown => ({
  inputTokens: Math.max(0, total.inputTokens - part.inputTokens),
  cachedInputTokens: Math.max(0, total.cachedInputTokens - part.cachedInputTokens),
  outputTokens: Math.max(0, total.outputTokens - part.outputTokens),
  reasoningOutputTokens: Math.max(0, total.reasoningOutputTokens - part.reasoningOutputTokens),
  totalTokens: Math.max(0, total.totalTokens - part.totalTokens)
})
