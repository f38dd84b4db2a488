/**
 * The entries of an audit trail about items: the outcome of those that were decided on, and those that acted without asking.
 *
 * It knows the notifications of turns and what their items do. It does not know how entries are chained or kept.
 */
import * as Notification from "@effect-codex/core/Notification"
import * as Redaction from "@effect-codex/core/Redaction"
import type { ObservedDecision } from "@effect-codex/core/DecisionObserver"
import type { Entry } from "../../AuditRecord.ts"

export interface Items {
  readonly decided: (answered: ObservedDecision) => void
  readonly follow: (notification: Notification.Notification) => void
}

type Item = Notification.KnownNotification<"item/completed">["params"]["item"]

interface Open {
  readonly threadId: string
  readonly turnId: string | undefined
  readonly itemId: string
}

export const makeItems = ({
  add,
  includeParams,
  now
}: {
  readonly add: (entry: Entry) => void
  readonly now: () => string
  readonly includeParams: boolean
}): Items => {
  // Items that were decided on and have not completed.
  const open = new Map<string, Open>()
  const keyOf = (threadId: string, itemId: string) => `${threadId}/${itemId}`
  // A request from an MCP server names no item, so it is matched with the next call of one of the server's tools.
  const mcp = new Set<string>()
  const mcpKeyOf = (threadId: string, server: string) => `${threadId}/${server}`

  const completed = (threadId: string, turnId: string, item: Item) => {
    if (item.type === "unknown") return
    const activity = activityOf(item)
    const asked =
      open.delete(keyOf(threadId, item.id)) ||
      (item.type === "mcpToolCall" && mcp.delete(mcpKeyOf(threadId, item.server)))
    if (activity === undefined) return
    const about = { threadId, turnId, itemId: item.id, item: item.type }
    const { exitCode, status, what } = activity
    if (asked) add({ at: now(), type: "outcome", ...about, status, exitCode })
    else {
      const described = includeParams ? { what: Redaction.text(what) } : {}
      add({ at: now(), type: "unasked", ...about, status, exitCode, ...described })
    }
  }

  return {
    decided: ({ itemId, kind, request, threadId, turnId }) => {
      if (request.method === "mcpServer/elicitation/request") mcp.add(mcpKeyOf(threadId, request.params.serverName))
      if (itemId === undefined || kind === "userInput" || kind === "permissions") return
      open.set(keyOf(threadId, itemId), { threadId, turnId, itemId })
    },
    follow: (notification) => {
      if (notification.method === "item/completed") {
        const { item, threadId, turnId } = notification.params
        completed(threadId, turnId, item)
      } else if (notification.method === "turn/completed") {
        const { threadId, turn } = notification.params
        for (const key of mcp) if (key.startsWith(`${threadId}/`)) mcp.delete(key)
        for (const [key, left] of open) {
          if (left.threadId !== threadId || (left.turnId !== undefined && left.turnId !== turn.id)) continue
          open.delete(key)
          const { itemId, turnId } = left
          add({
            at: now(),
            type: "outcome",
            threadId,
            turnId: turnId ?? null,
            itemId,
            item: "unknown",
            status: "abandoned",
            exitCode: null
          })
        }
      }
    }
  }
}

interface Activity {
  readonly status: string
  readonly exitCode: number | null
  readonly what: string
}

// Describes the items that act. All other items are only text.
const activityOf = (item: Exclude<Item, { readonly type: "unknown" }>): Activity | undefined => {
  switch (item.type) {
    case "commandExecution":
      return { status: item.status, exitCode: item.exitCode ?? null, what: item.command }
    case "fileChange":
      return { status: item.status, exitCode: null, what: item.changes.map(({ path }) => path).join("\n") }
    case "mcpToolCall":
      return { status: item.status, exitCode: null, what: `${item.server}/${item.tool}` }
    case "dynamicToolCall":
      return { status: item.status, exitCode: null, what: item.tool }
    case "collabAgentToolCall":
      return { status: item.status, exitCode: null, what: item.tool }
    case "webSearch":
      return { status: "completed", exitCode: null, what: item.query }
    default:
      return undefined
  }
}
