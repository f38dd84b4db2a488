/**
 * Tells messages with which the agent comments on its work from those with which it answers.
 *
 * The server says which is which when a message begins, and again when it is complete; pieces of it carry its id alone.
 */
import type { Notification } from "../Notification.ts"

export interface Commentary {
  /** Whether a notification is about a message of commentary. Has to see all notifications of the turn. */
  readonly isAbout: (notification: Notification) => boolean
  /** Whether a message that has begun, and is not complete, is commentary. */
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
          // What is sent aside while the turn goes on is no answer either. Of older models nothing is said.
          const isCommentary = item.phase === "commentary" || (item.phase == null && item.delivery === "async")
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
