/**
 * Distinguishes messages in which the agent comments on its work from its answers.
 *
 * The server marks a message when it starts, and again when it is complete; its deltas only carry its id.
 */
import type { Notification } from "../Notification.ts"

export interface Commentary {
  /** Whether a notification is about a commentary message. Must be called with all notifications of the turn. */
  readonly isAbout: (notification: Notification) => boolean
  /** Whether an incomplete message is commentary. */
  readonly has: (itemId: string) => boolean
}

export const makeCommentary = (): Commentary => {
  const open = new Set<string>()
  return {
    isAbout: (notification) => {
      switch (notification.method) {
        case "item/agentMessage/delta":
          return open.size > 0 && open.has(notification.params.itemId)
        case "item/started":
        case "item/completed": {
          const { item } = notification.params
          if (item.type !== "agentMessage") return false
          // A tool can send a message during the turn. The server marks it as a final answer, although another one follows.
          const isCommentary = item.phase === "commentary" || item.delivery === "async"
          if (isCommentary && notification.method === "item/started") open.add(item.id)
          else open.delete(item.id)
          return isCommentary
        }
        default:
          return false
      }
    },
    has: (itemId) => open.has(itemId)
  }
}
