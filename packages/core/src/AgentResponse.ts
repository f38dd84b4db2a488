/**
 * What a turn came to: its text, items, usage and outcome, collected from the turn's notifications as they arrive.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import { makeCommentary } from "./internal/commentary.ts"
import { idOf } from "./internal/items.ts"
import { makeStreamedText } from "./internal/streamedText.ts"
import type { Notification } from "./Notification.ts"
import type * as Protocol from "./protocol/generated/Experimental.ts"
import type { ResponseEvent } from "./ResponseEvent.ts"

const TypeId = "~@effect-codex/core/AgentResponse"

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
   * completed message that is not commentary; without one, what had been streamed of such messages, trimmed; else `""`.
   * Messages that are blank do not count.
   */
  readonly text: string
  /** The messages with which the agent commented on its work, oldest first, with what had been streamed of the last. */
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

/**
 * Counts the tokens of a turn and of the threads that it spawns.
 *
 * @category models
 * @since 0.1.0
 */
export interface TokenCount {
  /** Takes the server's word on the turn's own thread. */
  readonly add: (usage: Protocol.ThreadTokenUsage) => void
  /** Takes the server's word on a thread that the turn has spawned. */
  readonly addSubAgent: (threadId: string, usage: Protocol.ThreadTokenUsage) => void
  /** `undefined` before the model has answered once. */
  readonly usage: () => Usage | undefined
  /** All tokens so far, of sub-agents too. */
  readonly total: () => number
}

/**
 * Makes a count of no tokens.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeTokenCount = (): TokenCount => {
  // What the thread had used before the turn, and where it is now.
  let before: Protocol.TokenUsageBreakdown | undefined
  let own: Protocol.ThreadTokenUsage | undefined
  const subAgents = new Map<string, Protocol.TokenUsageBreakdown>()
  // A fork begins with the tokens of its past.
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

/**
 * What was used from one look at a count to a later one.
 *
 * @category utils
 * @since 0.1.0
 */
export const usageSince = (before: Usage, after: Usage): Pick<Usage, "subAgents" | "turn" | "withSubAgents"> => ({
  turn: subtract(after.turn, before.turn),
  subAgents: subtract(after.subAgents, before.subAgents),
  withSubAgents: subtract(after.withSubAgents, before.withSubAgents)
})

/**
 * Collects a turn's notifications into its response.
 *
 * @category models
 * @since 0.1.0
 */
export interface Collector {
  readonly add: (notification: Notification) => void
  /** Whether the agent has written more than is kept. */
  readonly isTooLong: () => boolean
  /** The response so far. */
  readonly response: (events?: ReadonlyArray<ResponseEvent>) => AgentResponse
}

/**
 * Makes an empty collector for a turn of the thread, which keeps so much text of unfinished messages, in UTF-16 code units.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeCollector = (
  threadId: string,
  maxTextLength = Number.POSITIVE_INFINITY,
  tokens: TokenCount = makeTokenCount()
): Collector => {
  const items = new Map<string, Protocol.ThreadItem>()
  const streamed = makeStreamedText(maxTextLength)
  const commentary = makeCommentary()
  const comments: Array<string> = []
  let finalAnswer: string | undefined
  let lastMessage: string | undefined
  let turnId: string | undefined
  let plan: AgentResponse["plan"]
  let diff: string | undefined
  let status: AgentResponse["status"] = "inProgress"
  let durationMs: number | undefined
  let requestId: AgentResponse["requestId"]
  let raw: unknown

  const add = (notification: Notification) => {
    raw = notification.raw
    const isComment = commentary.isAbout(notification)
    switch (notification.method) {
      case "turn/started":
        turnId = notification.params.turn.id
        break
      case "item/started":
      case "item/completed": {
        const { item } = notification.params
        items.set(idOf(item) ?? `unknown ${items.size}`, item)
        if (notification.method === "item/completed" && item.type === "agentMessage") {
          if (item.text.trim() !== "") {
            if (isComment) comments.push(item.text)
            else if (item.phase === "final_answer") finalAnswer = item.text
            else lastMessage = item.text
          }
          streamed.complete(item.id)
        }
        break
      }
      case "item/agentMessage/delta": {
        streamed.add(notification.params.itemId, notification.params.delta)
        break
      }
      case "turn/plan/updated":
        plan = notification.params.plan
        break
      case "turn/diff/updated":
        diff = notification.params.diff
        break
      case "thread/tokenUsage/updated":
        tokens.add(notification.params.tokenUsage)
        break
      case "serverRequest/resolved":
        requestId = notification.params.requestId
        break
      case "turn/completed": {
        const { turn } = notification.params
        turnId = turn.id
        status = turn.status
        durationMs = turn.durationMs ?? undefined
        break
      }
    }
  }

  return {
    add,
    isTooLong: streamed.isTooLong,
    response: (events) => {
      const unfinished = streamed.read((itemId) => !commentary.has(itemId)).trim()
      const comment = streamed.read(commentary.has).trim()
      return {
        [TypeId]: TypeId,
        threadId,
        turnId,
        text: finalAnswer ?? lastMessage ?? unfinished,
        commentary: comment === "" ? comments.slice() : [...comments, comment],
        items: Array.from(items.values()),
        plan,
        diff,
        usage: tokens.usage(),
        status,
        durationMs,
        requestId,
        events,
        raw
      }
    }
  }
}

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
