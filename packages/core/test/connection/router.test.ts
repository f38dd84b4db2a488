import * as Notification from "@effect-codex/core/Notification"
import { describe, expect, it } from "@effect/vitest"
import { makeRouter } from "../../src/internal/connection/router.ts"

const threadId = "thread"
const say = (method: string, turn: object) =>
  Notification.decode({ method, params: { threadId, turn }, emittedAtMs: 0 }, 0)
const turn = (id: string, status: string, rootTurnId = id) => ({
  id,
  rootTurnId,
  items: [],
  itemsView: "notLoaded",
  status,
  error: null
})
const began = (id: string, rootTurnId?: string) => say("turn/started", turn(id, "inProgress", rootTurnId))
const ended = (id: string) => say("turn/completed", turn(id, "completed"))
const unreadable = say("turn/completed", { id: 7 })

// The active turn after these messages, on a thread that this connection follows.
const activeAfter = (isActive: boolean, ...notifications: ReadonlyArray<Notification.Notification>) => {
  const router = makeRouter(() => {})
  router.join(threadId, "mock", isActive)
  for (const notification of notifications) router.follow(notification)
  return router.activeTurn(threadId)
}

describe("the active turn of a thread", () => {
  it.each([
    ["ends with its own end", [began("a"), ended("a")], undefined],
    ["does not end with the late end of another turn", [began("a"), began("b"), ended("a")], "b"],
    ["ends with an end that can't be read", [began("a"), unreadable], undefined],
    [
      "ends with the turn at its root, as a review's inner turn does",
      [began("a"), began("b", "a"), ended("a")],
      undefined
    ]
  ] as const)("%s", (_, notifications, expected) => {
    expect(activeAfter(false, ...notifications)).toBe(expected)
  })

  it("whose id is not known ends with any turn's end", () => {
    expect(activeAfter(true)).toBe("unknown")
    expect(activeAfter(true, ended("a"))).toBeUndefined()
  })
})
