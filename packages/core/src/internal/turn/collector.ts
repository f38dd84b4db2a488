/**
 * Collects a turn's notifications into its response, in the reader's own call.
 */
import { type AgentResponse, TypeId } from "../../AgentResponse.ts"
import type { Notification } from "../../Notification.ts"
import type * as Protocol from "../../protocol/generated/Experimental.ts"
import type { ResponseEvent } from "../../ResponseEvent.ts"
import { idOf } from "../approval/items.ts"
import { makeCommentary } from "../commentary.ts"
import { makeStreamedText } from "./streamedText.ts"
import { makeTokenCount, type TokenCount } from "./tokens.ts"

/**
 * Collects a turn's notifications into its response.
 */
export interface Collector {
  readonly add: (notification: Notification) => void
  /** Whether the agent has written more text than the limit. */
  readonly isTooLong: () => boolean
  /** The response so far. */
  readonly response: (events?: ReadonlyArray<ResponseEvent>) => AgentResponse
}

/**
 * Makes an empty collector for a turn of the thread. `maxTextLength` limits the text of unfinished messages, in UTF-16 code
 * units.
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
  let aside: string | undefined
  let turnId: string | undefined
  let plan: AgentResponse["plan"]
  let diff: string | undefined
  let status: AgentResponse["status"] = "inProgress"
  let durationMs: number | undefined
  let requestId: AgentResponse["requestId"]
  let raw: unknown

  const add = (notification: Notification) => {
    raw = notification.raw
    if (notification.method === "item/agentMessage/delta") {
      streamed.add(notification.params.itemId, notification.params.delta)
      return
    }
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
            if (isComment) {
              comments.push(item.text)
              if (item.phase === "final_answer") aside = item.text
            } else if (item.phase === "final_answer") finalAnswer = item.text
            else lastMessage = item.text
          }
          streamed.complete(item.id)
        }
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
        text: finalAnswer ?? lastMessage ?? (unfinished === "" ? (aside ?? "") : unfinished),
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
