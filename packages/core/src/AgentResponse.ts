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
 * The type id of an `AgentResponse`, which tells it apart from other values.
 *
 * @category symbols
 * @since 0.1.0
 */
export const TypeId = "~@effect-codex/core/AgentResponse"

/**
 * The result of a turn. Errors that end a turn carry the partial result.
 *
 * @category models
 * @since 0.1.0
 */
export interface AgentResponse {
  readonly [TypeId]: typeof TypeId
  readonly threadId: string
  /** `undefined` if the turn ended before the server had given it an id. */
  readonly turnId: string | undefined
  /**
   * The answer: the last message that the server marks as a final answer. If it marks none, as with older models, this is the
   * last completed message that is not commentary; else the streamed text of such messages, trimmed; else the last answer that
   * a tool sent during the turn; else `""`. Blank messages do not count.
   */
  readonly text: string
  /**
   * The agent's comments on its work, oldest first, including the streamed part of an unfinished last one, and the comments
   * that a tool sent during the turn.
   */
  readonly commentary: ReadonlyArray<string>
  /** All items in the order in which they started, each in its last reported state. */
  readonly items: ReadonlyArray<Protocol.ThreadItem>
  readonly plan: ReadonlyArray<Protocol.TurnPlanStep> | undefined
  /** A unified diff of all file changes of the turn. */
  readonly diff: string | undefined
  /** The tokens that the turn has used so far; `undefined` until the model has answered for the first time. */
  readonly usage: Usage | undefined
  /** `inProgress` in errors that were raised before the end of the turn. */
  readonly status: Protocol.TurnStatus
  /** From the start to the end of the turn, in milliseconds, as the server measured it. */
  readonly durationMs: number | undefined
  /** The id of the last request of the server that was resolved during the turn. */
  readonly requestId: string | number | undefined
  /** All events of the turn, if `includeEvents` was set. */
  readonly events: ReadonlyArray<ResponseEvent> | undefined
  /** The last message of the turn, as received. */
  readonly raw: unknown
}

/**
 * Token counts. Each breakdown has `inputTokens` (all input, cached or not), `cachedInputTokens` (its cached part),
 * `outputTokens` (all output), `reasoningOutputTokens` (its reasoning part) and `totalTokens` (input and output).
 *
 * @category models
 * @since 0.1.0
 */
export interface Usage {
  /**
   * This turn: all of its requests to the model, which is the increase of `total`. If an answer had to be asked for again, all of
   * those turns count.
   */
  readonly turn: Protocol.TokenUsageBreakdown
  /** Sub-agents: the requests, up to the end of the turn, of all threads that the turn or its sub-agents have spawned. */
  readonly subAgents: Protocol.TokenUsageBreakdown
  /** `turn` and `subAgents` together. Budgets count these. */
  readonly withSubAgents: Protocol.TokenUsageBreakdown
  /** Only the newest request to the model. Its `totalTokens` is the used part of the context window. */
  readonly last: Protocol.TokenUsageBreakdown
  /** All requests of the thread since it began, including those in earlier processes. */
  readonly total: Protocol.TokenUsageBreakdown
  /** The size of the model's context window in tokens, if the server knows it. */
  readonly modelContextWindow: number | undefined
}

/**
 * Whether a value is an `AgentResponse`.
 *
 * @category guards
 * @since 0.1.0
 */
export const isAgentResponse = (u: unknown): u is AgentResponse => Predicate.hasProperty(u, TypeId)
