/**
 * What a turn came to: its text, items, usage and outcome, collected from the turn's notifications as they arrive.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
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
  /** The last completed message of the agent; without one, what it had streamed of messages, trimmed; else `""`. */
  readonly text: string
  /** All items in the order in which they began, each as it was last announced. */
  readonly items: ReadonlyArray<Protocol.ThreadItem>
  readonly plan: ReadonlyArray<Protocol.TurnPlanStep> | undefined
  /** A unified diff of all file changes of the turn. */
  readonly diff: string | undefined
  /** Tokens: `last` of the newest model request, `total` of the thread since it began. */
  readonly usage: Protocol.ThreadTokenUsage | undefined
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
 * @category guards
 * @since 0.1.0
 */
export const isAgentResponse = (u: unknown): u is AgentResponse => Predicate.hasProperty(u, TypeId)

/**
 * Collects a turn's notifications into its response.
 *
 * @category models
 * @since 0.1.0
 */
export interface Collector {
  readonly add: (notification: Notification) => void
  /** The response so far. */
  readonly response: (events?: ReadonlyArray<ResponseEvent>) => AgentResponse
}

/**
 * Makes an empty collector for a turn of the thread.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeCollector = (threadId: string): Collector => {
  const items = new Map<string, Protocol.ThreadItem>()
  // Pieces of messages that have not been completed, by item.
  const streamed = new Map<string, Array<string>>()
  let completedText: string | undefined
  let turnId: string | undefined
  let plan: AgentResponse["plan"]
  let diff: string | undefined
  let usage: AgentResponse["usage"]
  let status: AgentResponse["status"] = "inProgress"
  let durationMs: number | undefined
  let requestId: AgentResponse["requestId"]
  let raw: unknown

  const add = (notification: Notification) => {
    raw = notification.raw
    switch (notification.method) {
      case "turn/started":
        turnId = notification.params.turn.id
        break
      case "item/started":
      case "item/completed": {
        const { item } = notification.params
        if (item.type === "unknown") break
        items.set(item.id, item)
        if (notification.method === "item/completed" && item.type === "agentMessage") {
          completedText = item.text
          streamed.delete(item.id)
        }
        break
      }
      case "item/agentMessage/delta": {
        const { delta, itemId } = notification.params
        const pieces = streamed.get(itemId)
        if (pieces === undefined) streamed.set(itemId, [delta])
        else pieces.push(delta)
        break
      }
      case "turn/plan/updated":
        plan = notification.params.plan
        break
      case "turn/diff/updated":
        diff = notification.params.diff
        break
      case "thread/tokenUsage/updated":
        usage = notification.params.tokenUsage
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
    response: (events) => ({
      [TypeId]: TypeId,
      threadId,
      turnId,
      text:
        completedText ??
        Array.from(streamed.values(), (pieces) => pieces.join(""))
          .join("")
          .trim(),
      items: Array.from(items.values()),
      plan,
      diff,
      usage,
      status,
      durationMs,
      requestId,
      events,
      raw
    })
  }
}
