/**
 * The items in progress, by thread and id. The model chooses ids, so an id of two items at once is ambiguous, and stays so until
 * both are completed: nothing says which of them is left. An item that could not be read is known to exist.
 */
import * as Predicate from "effect/Predicate"
import type { Notification } from "../../Notification.ts"
import type { ThreadItem } from "../../protocol/generated/Experimental.ts"

export interface ItemsInProgress {
  readonly get: (threadId: string, id: string) => ThreadItem | "ambiguous" | "unreadable" | undefined
  /** The number of items that take their own time, during which a turn may be silent. */
  readonly working: () => number
  readonly started: (threadId: string, item: ThreadItem) => void
  readonly completed: (threadId: string, item: ThreadItem) => void
}

export const makeItemsInProgress = (): ItemsInProgress => {
  const items = new Map<string, { readonly item: ThreadItem | "ambiguous" | "unreadable"; readonly count: number }>()
  const working = new Set<string>()
  return {
    get: (threadId, id) => items.get(`${threadId}/${id}`)?.item,
    working: () => working.size,
    started: (threadId, item) => {
      const id = idOf(item)
      if (id === undefined) return
      const key = `${threadId}/${id}`
      const { count } = items.get(key) ?? { count: 0 }
      items.set(key, {
        item: count > 0 ? "ambiguous" : item.type === "unknown" ? "unreadable" : item,
        count: count + 1
      })
      if (isWork(item)) working.add(key)
    },
    completed: (threadId, item) => {
      const id = idOf(item)
      if (id === undefined) return
      const key = `${threadId}/${id}`
      const known = items.get(key)
      if (known !== undefined && known.count > 1) {
        items.set(key, { ...known, count: known.count - 1 })
        return
      }
      items.delete(key)
      working.delete(key)
    }
  }
}

/** The id of an item, even of one that could not be read. */
export const idOf = (item: ThreadItem): string | undefined => {
  if (item.type !== "unknown") return item.id
  return Predicate.isReadonlyObject(item.raw) && typeof item.raw["id"] === "string" ? item.raw["id"] : undefined
}

/** Updates the items from a notification, and another follower too. */
export const followItem = (
  notification: Notification,
  items: Pick<ItemsInProgress, "started" | "completed">,
  other?: Pick<ItemsInProgress, "started" | "completed">
): void => {
  if (notification.method === "item/started") {
    const { item, threadId } = notification.params
    items.started(threadId, item)
    other?.started(threadId, item)
  } else if (notification.method === "item/completed") {
    const { item, threadId } = notification.params
    items.completed(threadId, item)
    other?.completed(threadId, item)
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
