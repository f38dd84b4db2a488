import { describe, expect, it } from "@effect/vitest"
import * as Notification from "../../src/Notification.ts"
import type * as Machine from "../../src/internal/turn/machine.ts"
import { initial } from "../../src/internal/turn/machine.ts"
import { makeReceiver } from "../../src/internal/turn/receiving.ts"

const threadId = "thread"
const notify = (method: string, params: object) => Notification.decode({ method, params: { threadId, ...params } }, 7)

const turn = { id: "t", items: [], itemsView: "notLoaded", status: "completed", error: null }
const reported = { message: "no git repository", codexErrorInfo: "other", additionalDetails: null }
const item = (item: object) => notify("item/started", { turnId: "t", startedAtMs: 1, item: { id: "i", ...item } })
const command = (source: string) =>
  item({ type: "commandExecution", source, command: "ls", cwd: "/", status: "inProgress", commandActions: [] })
const delta = notify("item/agentMessage/delta", { turnId: "t", itemId: "i", delta: "a" })
const completed = notify("turn/completed", { turn })
const aborted = notify("error", { turnId: "t", willRetry: false, error: reported })

// What a receiver does with a notification, in order.
const receive = (
  state: Partial<Machine.State>,
  notification: Notification.Notification,
  early: number | undefined = undefined
): ReadonlyArray<unknown> => {
  const done: Array<unknown> = []
  const onNotification = makeReceiver({
    threadId,
    life: {
      state: () => ({ ...initial("m"), ...state }),
      apply: (message) => done.push(message)
    },
    record: {
      add: ({ method }, turnId) => done.push(`${method} of ${turnId}`),
      addOfSubAgent: ({ method }) => done.push(`${method} of a sub-agent`),
      keepEarly: ({ method }) => {
        done.push(`${method} kept`)
        return early
      }
    },
    onTooMuchEarly: (error) => done.push(error.message)
  })
  onNotification(notification)
  return done
}

const running = { phase: "running", turnId: "t" } as const
const starting = { phase: "starting" } as const

describe("a notification for a turn", () => {
  for (const [what, notification, message] of [
    ["its begin", notify("turn/started", { turn }), { _tag: "Began", turnId: "t", rootTurnId: undefined }],
    [
      "the begin of its inner turn",
      notify("turn/started", { turn: { ...turn, rootTurnId: "root" } }),
      { _tag: "Began", turnId: "t", rootTurnId: "root" }
    ],
    [
      "its prompt",
      item({ type: "userMessage", clientId: "m", content: [] }),
      { _tag: "Prompted", turnId: "t", clientId: "m" }
    ],
    ["a command of a person", command("userShell"), { _tag: "Prompted", turnId: "t", clientId: null }]
  ] as const) {
    it(`changes its life before its record: ${what}`, () => {
      expect(receive(running, notification)).toEqual([message, `${notification.method} of t`])
    })
  }

  it("changes its record before its life, if it is the end", () => {
    expect(receive(running, completed)).toEqual(["turn/completed of t", { _tag: "Completed", turn }])
    expect(receive(running, aborted)).toEqual(["error of t", { _tag: "Aborted", turnId: "t", error: reported }])
  })

  for (const [what, notification] of [
    ["a delta", delta],
    ["a command of the agent", command("agent")],
    ["a message of the agent", item({ type: "agentMessage", text: "", phase: null })],
    ["an error after which the server tries again", notify("error", { turnId: "t", willRetry: true, error: reported })]
  ] as const) {
    it(`changes only its record: ${what}`, () => {
      expect(receive(running, notification)).toEqual([`${notification.method} of t`])
    })
  }

  it("is kept until the turn has an id", () => {
    expect(receive(starting, delta)).toEqual(["item/agentMessage/delta kept"])
    expect(receive(starting, completed)).toEqual(["turn/completed kept", { _tag: "Completed", turn }])
  })

  it("fails the start, if too much is kept", () => {
    const [kept, message] = receive(starting, delta, 4096)
    expect(kept).toBe("item/agentMessage/delta kept")
    expect(message).toMatch(/turn\/start.*the server sent 4096 bytes about the thread before it answered/)
  })

  for (const phase of ["waiting", "over"] as const) {
    it(`does nothing while the turn is ${phase}`, () => {
      for (const turnId of [undefined, "t"]) {
        expect(receive({ phase, turnId }, delta)).toEqual([])
        expect(receive({ phase, turnId }, completed)).toEqual([])
        expect(receive({ phase, turnId }, notify("turn/started", { turn }))).toEqual([])
      }
    })
  }

  it("ends the turn, if it is an end that can't be read", () => {
    const unreadable = notify("turn/completed", { turnId: "t", turn: { id: "t", status: 5 } })
    expect(receive(running, unreadable)).toMatchObject([
      "unknown of t",
      { _tag: "Lost", error: { _tag: "ProtocolViolation", method: "turn/completed", description: expect.any(String) } }
    ])
  })

  it("does not end the turn, if only its method or its turn is another one", () => {
    const ofOther = notify("turn/completed", { turnId: "o", turn: { id: "o", status: 5 } })
    expect(receive(running, ofOther)).toEqual(["unknown of t"])
    expect(receive(running, notify("turn/newer", { turnId: "t" }))).toEqual(["unknown of t"])
  })

  it("of another thread goes to the record of sub-agents, whatever it is", () => {
    const ofOther = { threadId: "o", turn }
    for (const method of ["turn/started", "turn/completed"]) {
      expect(receive({ phase: "waiting" }, notify(method, ofOther))).toEqual([`${method} of a sub-agent`])
    }
  })
})
