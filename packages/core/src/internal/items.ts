/**
 * The items that are under way, by thread and id, since the model chooses ids; one that stands for two at once stands for
 * none.
 */
import type { Notification } from "../Notification.ts"
import type { ThreadItem } from "../protocol/generated/Experimental.ts"

export interface ItemsInProgress {
  readonly get: (threadId: string, id: string) => ThreadItem | "ambiguous" | undefined
  /** How many of them take their own time, in which a turn is not expected to say anything. */
  readonly working: () => number
  readonly started: (threadId: string, item: ThreadItem) => void
  readonly completed: (threadId: string, item: ThreadItem) => void
}

export const makeItemsInProgress = (): ItemsInProgress => {
  const items = new Map<string, ThreadItem | "ambiguous">()
  let working = 0
  return {
    get: (threadId, id) => items.get(`${threadId}/${id}`),
    working: () => working,
    started: (threadId, item) => {
      if (item.type === "unknown") return
      const key = `${threadId}/${item.id}`
      const known = items.has(key)
      items.set(key, known ? "ambiguous" : item)
      if (!known && isWork(item)) working++
    },
    completed: (threadId, item) => {
      if (item.type === "unknown") return
      if (items.delete(`${threadId}/${item.id}`) && isWork(item)) working--
    }
  }
}

/** Keeps the items in step with what the server says of them. */
export const followItem = (
  notification: Notification,
  ...followers: ReadonlyArray<Pick<ItemsInProgress, "started" | "completed">>
): void => {
  if (notification.method !== "item/started" && notification.method !== "item/completed") return
  const { item, threadId } = notification.params
  for (const follower of followers) {
    if (notification.method === "item/started") follower.started(threadId, item)
    else follower.completed(threadId, item)
  }
}

const isWork = (item: ThreadItem): boolean => {
  switch (item.type) {
    case "commandExecution":
    case "fileChange":
    case "mcpToolCall":
    case "dynamicToolCall":
    case "collabAgentToolCall":
    case "webSearch":
    case "imageGeneration":
      return true
    default:
      return false
  }
}
