/**
 * A turn's notifications in one flat shape, for logs, progress displays and text streams.
 *
 * The protocol has some ninety notifications, each with its own fields. A `ResponseEvent` has the parts that most programs need
 * under a few common names, and keeps the original in `raw`. The only state of the conversion is which messages are commentary.
 *
 * @stability stable
 * @since 0.1.0
 */
import { makeCommentary } from "./internal/commentary.ts"
import type { Notification } from "./Notification.ts"
import type * as Protocol from "./protocol/generated/Experimental.ts"

/**
 * The part of a turn that an event belongs to. `assistant` is the agent's answer, `commentary` its comments on its work.
 *
 * @category models
 * @since 0.1.0
 */
export type Phase = "system" | "planning" | "commentary" | "assistant" | "tool" | "completed" | "error"

/**
 * One event of a turn.
 *
 * @category models
 * @since 0.1.0
 */
export interface ResponseEvent {
  /** The notification's method, or one of this library: `thread/ready`, which comes first, or `turn/silent`, a warning. */
  readonly type: string
  readonly phase: Phase
  readonly threadId: string
  /** Absent before the turn has an id, and on events that concern the whole thread. */
  readonly turnId?: string
  readonly itemId?: string
  /** The id of the JSON-RPC request that an event is about, on `serverRequest/resolved`. */
  readonly requestId?: string | number
  /** A piece of text, on events whose method ends in `delta`. */
  readonly textDelta?: string
  /** A line for display: a completed message, a summary of a plan or diff, a warning. */
  readonly messageText?: string
  /** Which part of a reasoning summary the event is about, from 0. */
  readonly summaryIndex?: number
  /** The thread's new name; `null` when it was cleared. */
  readonly threadName?: string | null
  /** Tokens of the newest request to the model and of the whole thread. */
  readonly tokenUsage?: Protocol.ThreadTokenUsage
  readonly plan?: ReadonlyArray<Protocol.TurnPlanStep>
  /** A unified diff of all the file changes of the turn so far. */
  readonly diff?: string
  /** When the server sent it, in milliseconds since 1970; absent if the server does not say. */
  readonly timestamp?: number
  /** The message as received; for `thread/ready` only the id. */
  readonly raw: unknown
}

/**
 * The first event of a turn's stream, emitted once its thread is known.
 *
 * @category constructors
 * @since 0.1.0
 */
export const threadReady = (threadId: string): ResponseEvent => ({
  type: "thread/ready",
  phase: "system",
  threadId,
  messageText: `Thread ${threadId}`,
  raw: { threadId }
})

/**
 * Makes a function that converts the notifications of one turn, in order, to their flat shape.
 *
 * @category conversions
 * @since 0.1.0
 */
export const makeFromNotification = (threadId: string): ((notification: Notification) => ResponseEvent) => {
  const commentary = makeCommentary()
  return (notification) => fromNotification(threadId, notification, commentary.isAbout(notification))
}

const fromNotification = (threadId: string, notification: Notification, isComment: boolean): ResponseEvent => {
  const { emittedAtMs: timestamp, method, raw } = notification
  // A turn has thousands of these, so they take a single allocation.
  if (method === "item/agentMessage/delta" && timestamp !== undefined) {
    const { delta: textDelta, itemId, turnId } = notification.params
    const phase = isComment ? "commentary" : "assistant"
    return { type: method, phase, threadId, turnId, itemId, textDelta, timestamp, raw }
  }
  return {
    type: method === "unknown" ? notification.raw.method : method,
    phase: isComment ? "commentary" : phaseOf(notification),
    threadId,
    ...detailsOf(notification),
    ...(timestamp === undefined ? {} : { timestamp }),
    raw
  }
}

const phaseOfItem = (item: Protocol.ThreadItem): Phase => {
  switch (item.type) {
    case "agentMessage":
      return "assistant"
    case "reasoning":
    case "plan":
      return "planning"
    case "commandExecution":
    case "fileChange":
    case "mcpToolCall":
    case "dynamicToolCall":
    case "collabAgentToolCall":
    case "webSearch":
    case "imageView":
    case "imageGeneration":
      return "tool"
    default:
      return "system"
  }
}

const phaseOf = (notification: Notification): Phase => {
  const { method } = notification
  if (method === "turn/completed") return "completed"
  if (method === "error") return "error"
  if (method === "item/started" || method === "item/completed") return phaseOfItem(notification.params.item)
  if (method.startsWith("item/agentMessage")) return "assistant"
  if (/^(item\/reasoning|item\/plan|turn\/plan)/.test(method)) return "planning"
  if (/^item\/(commandExecution|mcpToolCall|fileChange)/.test(method)) return "tool"
  return "system"
}

type Details = Omit<ResponseEvent, "type" | "phase" | "threadId" | "timestamp" | "raw">

const detailsOf = (notification: Notification): Details => {
  switch (notification.method) {
    case "item/agentMessage/delta":
    case "item/plan/delta":
    case "item/commandExecution/outputDelta":
    case "item/fileChange/outputDelta":
    case "item/reasoning/textDelta": {
      const { delta, itemId, turnId } = notification.params
      return { turnId, itemId, textDelta: delta }
    }
    case "item/reasoning/summaryTextDelta": {
      const { delta, itemId, summaryIndex, turnId } = notification.params
      return { turnId, itemId, summaryIndex, textDelta: delta }
    }
    case "item/reasoning/summaryPartAdded": {
      const { itemId, summaryIndex, turnId } = notification.params
      return { turnId, itemId, summaryIndex, messageText: `summary part #${summaryIndex + 1}` }
    }
    case "item/started":
    case "item/completed": {
      const { item, turnId } = notification.params
      const messageText =
        notification.method === "item/completed" && item.type === "agentMessage" ? { messageText: item.text } : {}
      return item.type === "unknown" ? { turnId } : { turnId, itemId: item.id, ...messageText }
    }
    case "item/mcpToolCall/progress": {
      const { itemId, message, turnId } = notification.params
      return { turnId, itemId, messageText: message }
    }
    case "turn/started":
      return { turnId: notification.params.turn.id }
    case "turn/silent": {
      const { silentMs, turnId } = notification.params
      return { turnId, messageText: `no sign of life for ${Math.round(silentMs / 1000)} s` }
    }
    case "turn/completed": {
      const { turn } = notification.params
      return { turnId: turn.id, ...(turn.error == null ? {} : { messageText: turn.error.message }) }
    }
    case "error":
      return { turnId: notification.params.turnId, messageText: notification.params.error.message }
    case "turn/plan/updated": {
      const { explanation, plan, turnId } = notification.params
      return { turnId, plan, messageText: summarizePlan(explanation ?? "", plan) }
    }
    case "turn/diff/updated": {
      const { diff, turnId } = notification.params
      return { turnId, diff, messageText: summarizeDiff(diff) }
    }
    case "thread/tokenUsage/updated": {
      const { tokenUsage, turnId } = notification.params
      const messageText = `last=${tokenUsage.last.totalTokens}, total=${tokenUsage.total.totalTokens}`
      return { turnId, tokenUsage, messageText }
    }
    case "thread/name/updated": {
      const name = notification.params.threadName ?? null
      return { threadName: name, messageText: name ?? "thread name cleared" }
    }
    case "thread/compacted":
      return { turnId: notification.params.turnId, messageText: "context compacted" }
    case "serverRequest/resolved":
      return { requestId: notification.params.requestId }
    case "warning":
    case "guardianWarning":
      return { messageText: notification.params.message }
    case "deprecationNotice":
    case "configWarning": {
      const { details, summary } = notification.params
      return { messageText: details == null ? summary : `${summary}: ${details}` }
    }
    default:
      return {}
  }
}

const summarizePlan = (explanation: string, plan: ReadonlyArray<Protocol.TurnPlanStep>): string => {
  const current = plan.find(({ status }) => status === "inProgress")?.step
  const parts = [`steps=${plan.length}`]
  if (explanation !== "") parts.unshift(explanation)
  if (current !== undefined) parts.push(`inProgress=${current}`)
  return parts.join(", ")
}

const summarizeDiff = (diff: string): string => {
  const lines = diff.split("\n")
  const added = lines.filter((line) => line.startsWith("+") && !line.startsWith("+++")).length
  const removed = lines.filter((line) => line.startsWith("-") && !line.startsWith("---")).length
  return `+${added} -${removed}`
}
