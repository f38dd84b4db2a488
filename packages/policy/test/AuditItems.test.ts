/** What a trail tells of items, entry by entry. */
import type { ObservedDecision } from "@effect-codex/core/DecisionObserver"
import type * as Notification from "@effect-codex/core/Notification"
import type { Entry } from "@effect-codex/policy/AuditRecord"
import { describe, expect, it } from "@effect/vitest"
import { makeItems } from "../src/internal/audit/items.ts"

const started = (includeParams = false) => {
  const entries: Array<Entry> = []
  let time = 0
  const items = makeItems({ add: (entry) => entries.push(entry), includeParams, now: () => `${++time}` })
  return { entries, items }
}

const decided = (
  itemId: string | undefined,
  more?: { readonly kind?: string; readonly threadId?: string; readonly turnId?: string | undefined }
) =>
  ({
    kind: "command",
    request: { id: 1, method: "item/commandExecution/requestApproval", params: {} },
    threadId: "t",
    turnId: "u",
    itemId,
    ...more
  }) as unknown as ObservedDecision

const asked = (serverName: string, threadId = "t") =>
  ({
    kind: "elicitation",
    request: { id: 1, method: "mcpServer/elicitation/request", params: { serverName } },
    threadId,
    turnId: "u",
    itemId: undefined
  }) as unknown as ObservedDecision

const completed = (item: object, threadId = "t", turnId = "u") =>
  ({ method: "item/completed", params: { item, threadId, turnId } }) as unknown as Notification.Notification

const turnCompleted = (id = "u", threadId = "t") =>
  ({ method: "turn/completed", params: { threadId, turn: { id } } }) as unknown as Notification.Notification

const exec = (id: string, more?: object) => ({
  type: "commandExecution",
  id,
  status: "completed",
  command: "ls",
  ...more
})
const tool = (id: string, server: string) => ({ type: "mcpToolCall", id, status: "completed", server, tool: "x" })

const about = { threadId: "t", turnId: "u" }

describe("an item that was decided on", () => {
  it("has an outcome, once", () => {
    const { entries, items } = started(true)
    items.decided(decided("a"))
    items.follow(completed(exec("a", { exitCode: 3 })))
    items.follow(turnCompleted())
    expect(entries).toEqual([
      { at: "1", type: "outcome", ...about, itemId: "a", item: "commandExecution", status: "completed", exitCode: 3 }
    ])
    items.follow(completed(exec("a")))
    expect(entries[1]).toMatchObject({ type: "unasked", itemId: "a", exitCode: null })
  })

  it("is one of its thread, by its id", () => {
    const { entries, items } = started()
    items.decided(decided("a"))
    items.follow(completed(exec("b")))
    items.follow(completed(exec("a"), "other"))
    expect(entries.map(({ type }) => type)).toEqual(["unasked", "unasked"])
    items.follow(completed(exec("a")))
    expect(entries[2]?.type).toBe("outcome")
  })

  it("is abandoned with its turn, and not with another one", () => {
    const { entries, items } = started()
    items.decided(decided("a"))
    items.decided(decided("b", { turnId: undefined }))
    items.decided(decided("c", { turnId: "v" }))
    items.decided(decided("d", { threadId: "other" }))
    items.follow(turnCompleted())
    const abandoned = { type: "outcome", item: "unknown", status: "abandoned", exitCode: null }
    expect(entries).toEqual([
      { at: "1", ...abandoned, ...about, itemId: "a" },
      { at: "2", ...abandoned, threadId: "t", turnId: null, itemId: "b" }
    ])
    items.follow(turnCompleted())
    expect(entries.length).toBe(2)
    items.follow(turnCompleted("v"))
    items.follow(turnCompleted("u", "other"))
    expect(entries.slice(2)).toEqual([
      { at: "3", ...abandoned, threadId: "t", turnId: "v", itemId: "c" },
      { at: "4", ...abandoned, threadId: "other", turnId: "u", itemId: "d" }
    ])
  })

  it("is not what the agent only asks, or a grant, or what has no item", () => {
    const { entries, items } = started()
    for (const kind of ["userInput", "permissions"]) items.decided(decided(kind, { kind }))
    items.decided(decided(undefined))
    items.follow(turnCompleted())
    expect(entries).toEqual([])
    items.decided(decided("a", { kind: "fileChange" }))
    items.follow(turnCompleted())
    expect(entries).toMatchObject([{ itemId: "a", status: "abandoned" }])
  })

  it("is the next tool of an MCP server that has asked, in its thread and turn", () => {
    const { entries, items } = started()
    items.decided(asked("s"))
    items.follow(completed(exec("a")))
    items.follow(completed(tool("b", "other")))
    items.follow(completed(tool("c", "s"), "elsewhere"))
    items.follow(completed(tool("d", "s")))
    items.follow(completed(tool("e", "s")))
    items.decided(asked("s"))
    items.decided(asked("s", "t2"))
    items.follow(turnCompleted())
    items.follow(completed(tool("f", "s")))
    items.follow(completed(tool("g", "s"), "t2"))
    expect(entries.map((entry) => [entry.type, "itemId" in entry ? entry.itemId : ""])).toEqual([
      ["unasked", "a"],
      ["unasked", "b"],
      ["unasked", "c"],
      ["outcome", "d"],
      ["unasked", "e"],
      ["unasked", "f"],
      ["outcome", "g"]
    ])
  })
})

describe("an item that nobody was asked about", () => {
  const does: ReadonlyArray<readonly [object, string | undefined]> = [
    [exec("a", { exitCode: 0 }), "ls"],
    [{ type: "fileChange", status: "completed", changes: [{ path: "/a" }, { path: "/b" }] }, "/a\n/b"],
    [tool("a", "s"), "s/x"],
    [{ type: "dynamicToolCall", status: "failed", tool: "mine" }, "mine"],
    [{ type: "collabAgentToolCall", status: "completed", tool: "spawnAgent" }, "spawnAgent"],
    [{ type: "webSearch", query: "cats" }, "cats"],
    [{ type: "agentMessage", text: "hi" }, undefined],
    [{ type: "reasoning" }, undefined],
    [{ type: "unknown" }, undefined]
  ]

  it.each(does)("is told of if it does something: %j", (item, what) => {
    const { entries, items } = started(true)
    items.follow(completed({ id: "a", ...item }))
    const { exitCode = null, status = "completed", type } = item as Readonly<Record<string, string>>
    expect(entries).toEqual(
      what === undefined
        ? []
        : [{ at: "1", type: "unasked", ...about, itemId: "a", item: type, status, exitCode, what }]
    )
  })

  it("is told of without secrets, and with what it did only where that is allowed", () => {
    const item = exec("a", { command: "curl -H 'Authorization: Bearer abcdefghijkl' x" })
    const [shown, hidden] = [started(true), started(false)]
    for (const { items } of [shown, hidden]) items.follow(completed(item))
    expect(JSON.stringify(shown.entries)).toContain("[redacted]")
    expect(JSON.stringify(shown.entries)).not.toContain("abcdefghijkl")
    expect(hidden.entries[0]).not.toHaveProperty("what")
  })

  it("is not there for any other notification", () => {
    const { entries, items } = started(true)
    for (const method of ["item/started", "turn/started"]) {
      items.follow({ ...completed(exec("a")), method } as unknown as Notification.Notification)
    }
    expect(entries).toEqual([])
  })

  it("keeps nothing of an item that says something and was decided on", () => {
    const { entries, items } = started()
    items.decided(decided("a"))
    items.follow(completed({ type: "agentMessage", id: "a" }))
    items.follow(turnCompleted())
    expect(entries).toEqual([])
  })
})
