/**
 * The result of a turn: its text, items, usage and outcome.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import type * as Protocol from "./protocol/generated/Experimental.ts"
import type { ResponseEvent } from "./ResponseEvent.ts"

/**
 * The mark of an `AgentResponse`, by which it differs from other values.
 *
 * @category symbols
 * @since 0.1.0
 */
export const TypeId = "~@effect-codex/core/AgentResponse"

/**
 * The result of a turn. Errors that end a turn carry what there was of it by then.
 *
 * @category models
 * @since 0.1.0
 */
export interface AgentResponse {
  readonly [TypeId]: typeof TypeId
  readonly threadId: string
  /** `undefined` if the turn ended before the server had named it. */
  readonly turnId: string | undefined
  /**
   * The answer: the last message that the server calls a final answer; if it calls none so, as with older models, the last
   * completed message that is not commentary; without one, what had been streamed of such messages, trimmed; without that, the
   * last answer that a tool sent while the turn went on; else `""`. Messages that are blank do not count.
   */
  readonly text: string
  /**
   * The messages with which the agent commented on its work, oldest first, with what had been streamed of the last; and those
   * that a tool sent while the turn went on.
   */
  readonly commentary: ReadonlyArray<string>
  /** All items in the order in which they began, each as it was last announced. */
  readonly items: ReadonlyArray<Protocol.ThreadItem>
  readonly plan: ReadonlyArray<Protocol.TurnPlanStep> | undefined
  /** A unified diff of all file changes of the turn. */
  readonly diff: string | undefined
  /** What the turn has used so far; `undefined` before the model has answered once. */
  readonly usage: Usage | undefined
  /** `inProgress` in errors that came before the end of the turn. */
  readonly status: Protocol.TurnStatus
  /** From the start to the end of the turn, in milliseconds, as the server measured it. */
  readonly durationMs: number | undefined
  /** The id of the last request of the server that was resolved during the turn. */
  readonly requestId: string | number | undefined
  /** All events of the turn, if they were asked for. */
  readonly events: ReadonlyArray<ResponseEvent> | undefined
  /** The last message of the turn as it was on the wire. */
  readonly raw: unknown
}

/**
 * Tokens, each as `inputTokens` (all of the input, cached or not), `cachedInputTokens` (the part of it that was cached),
 * `outputTokens` (all of the output), `reasoningOutputTokens` (the part of it that was reasoning) and `totalTokens` (input and
 * output).
 *
 * @category models
 * @since 0.1.0
 */
export interface Usage {
  /**
   * Of this turn: all of its requests to the model, that is how far it has moved `total`. An answer that was asked for again
   * counts all of its turns.
   */
  readonly turn: Protocol.TokenUsageBreakdown
  /** Of the threads that the turn, or a turn below it, has spawned: their requests up to the end of the turn. */
  readonly subAgents: Protocol.TokenUsageBreakdown
  /** `turn` and `subAgents` together. Budgets count these. */
  readonly withSubAgents: Protocol.TokenUsageBreakdown
  /** Of the newest request to the model alone. Its `totalTokens` is how much of the context window is in use. */
  readonly last: Protocol.TokenUsageBreakdown
  /** Of all requests of the thread since it began, in earlier processes too. */
  readonly total: Protocol.TokenUsageBreakdown
  /** How many tokens the model can take at once, if the server knows. */
  readonly modelContextWindow: number | undefined
}

/**
 * Whether a value is an `AgentResponse`.
 *
 * @category guards
 * @since 0.1.0
 */
export const isAgentResponse = (u: unknown): u is AgentResponse => Predicate.hasProperty(u, TypeId)
