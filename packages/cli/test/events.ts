// Events as the server would send them, for tests of what is made of them.
import * as Notification from "@effect-codex/core/Notification"
import * as ResponseEvent from "@effect-codex/core/ResponseEvent"

export const threadId = "01a2077e-1422-7770-a59a-872c5196d004"
const turnId = "turn-1"

export const ready = ResponseEvent.threadReady(threadId)

export const event = (method: string, params: Record<string, unknown> = {}): ResponseEvent.ResponseEvent => {
  const all = { threadId, turnId, ...params }
  return ResponseEvent.makeFromNotification(threadId)(
    Notification.decode({ method, params: all, raw: { method, params: all } }, 0)
  )
}

const turn = (fields: Record<string, unknown>) => ({ turn: { id: turnId, items: [], status: "inProgress", ...fields } })
export const turnStarted = event("turn/started", turn({}))
export const turnCompleted = (fields: Record<string, unknown> = {}) =>
  event("turn/completed", turn({ status: "completed", ...fields }))

export const started = (item: Record<string, unknown>) => event("item/started", { item, startedAtMs: 0 })
export const completed = (item: Record<string, unknown>) => event("item/completed", { item, completedAtMs: 0 })

export const message = (text: string, id = "msg-1") => ({ type: "agentMessage", id, text })
export const messageDelta = (delta: string, itemId = "msg-1") => event("item/agentMessage/delta", { itemId, delta })
export const thinkingDelta = (delta: string) =>
  event("item/reasoning/summaryTextDelta", { itemId: "rs-1", summaryIndex: 0, delta })

export const command = (fields: Record<string, unknown> = {}) => ({
  type: "commandExecution",
  id: "call-1",
  command: "ls",
  commandActions: [],
  cwd: "/work",
  status: "inProgress",
  ...fields
})
export const output = (delta: string, itemId = "call-1") =>
  event("item/commandExecution/outputDelta", { itemId, delta })

export const usage = (last: number, total: number) => {
  const tokens = (totalTokens: number) => ({
    totalTokens,
    inputTokens: totalTokens,
    cachedInputTokens: 0,
    outputTokens: 0,
    reasoningOutputTokens: 0
  })
  return event("thread/tokenUsage/updated", { tokenUsage: { last: tokens(last), total: tokens(total) } })
}
