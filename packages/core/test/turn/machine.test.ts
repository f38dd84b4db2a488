import type * as Schemas from "../../src/protocol/generated/Experimental.ts"
import { describe, expect, it } from "@effect/vitest"
import { ConnectionFailed, RequestTimedOut } from "../../src/CodexError.ts"
import { initial, interruptId, type Message, type State, step } from "../../src/internal/turn/machine.ts"

const turn = (id: string, status = "completed"): Schemas.Turn => ({
  id,
  items: [],
  itemsView: "notLoaded",
  status,
  error: null
})
const gone = new ConnectionFailed({ reason: { _tag: "Exited", code: 1 }, stderr: [] })
const refused = new RequestTimedOut({ method: "turn/start", millis: 1 })

const sent: Message = { _tag: "Sent" }
const held: Message = { _tag: "Held" }
const stop: Message = { _tag: "Stop" }
const gaveUp: Message = { _tag: "GaveUp" }
const lost: Message = { _tag: "Lost", error: gone }
const refusal: Message = { _tag: "Refused", error: refused }
const replied = (turnId: string): Message => ({ _tag: "Replied", turnId })
const began = (turnId: string, rootTurnId?: string): Message => ({ _tag: "Began", turnId, rootTurnId })
const prompted = (turnId: string, clientId: string | null | undefined): Message => ({
  _tag: "Prompted",
  turnId,
  clientId
})
const reported = { message: "no git repository", codexErrorInfo: "other", additionalDetails: null } as const
const aborted = (turnId: string): Message => ({ _tag: "Aborted", turnId, error: reported })
const completed = (id: string, status?: string): Message => ({ _tag: "Completed", turn: turn(id, status) })

const unbegun = (id: string) => ({ ...turn(id, "failed"), error: reported })

const after = (messages: ReadonlyArray<Message>, messageId: string | undefined = "mine") =>
  messages.reduce(step, initial(messageId))
const endOf = (messages: ReadonlyArray<Message>, messageId?: string) => after(messages, messageId).end?._tag

describe("law 4: what a turn can be stopped with", () => {
  for (const [when, messages, id] of [
    ["before it is sent: nothing", [], undefined],
    ["before the reply: the empty id", [sent], ""],
    ["after the reply and before it has begun: the empty id", [sent, replied("o")], ""],
    ["when it has begun: its own id", [sent, replied("o"), began("o")], "o"],
    ["when it has begun before the reply came: its own id", [sent, began("o"), replied("o")], "o"],
    ["when it is known by its message alone: its own id", [sent, began("o"), prompted("o", "mine")], "o"],
    ["while it is not known whose the turn is that began: nothing", [sent, began("o")], undefined],
    ["when the turn has ended of which that was not known: the empty id", [sent, began("o"), completed("o")], ""],
    ["while another one's turn runs: nothing", [sent, began("f"), prompted("f", "other")], undefined],
    ["when another one's turn has ended: the empty id", [sent, began("f"), prompted("f", "other"), completed("f")], ""],
    ["when another turn than the one that began is named: nothing", [sent, began("f"), replied("o")], undefined],
    ["when a review's inner turn runs: that one's", [sent, began("i", "o"), replied("o")], "i"],
    ["when a review's inner turn begins later: that one's", [sent, replied("o"), began("o"), began("i", "o")], "i"],
    ["when it is over: nothing", [sent, replied("o"), began("o"), completed("o")], undefined]
  ] as const) {
    it(`${when}`, () => expect(interruptId(after(messages))).toBe(id))
  }
})

describe("how a turn ends", () => {
  for (const [how, messages, end] of [
    [
      "completed, in the usual order",
      [sent, replied("o"), began("o"), prompted("o", "mine"), completed("o")],
      "Completed"
    ],
    ["completed, though the reply never came", [sent, began("o"), prompted("o", "mine"), completed("o")], "Completed"],
    ["completed, though the reply comes last", [sent, began("o"), completed("o"), replied("o")], "Completed"],
    ["not at all by a turn that nothing says is ours", [sent, began("c"), completed("c")], undefined],
    [
      "not by such a turn that another one's reply follows",
      [sent, began("c"), completed("c"), replied("o")],
      undefined
    ],
    [
      "completed, if it was to be stopped and never named",
      [sent, stop, began("o"), completed("o", "interrupted")],
      "Completed"
    ],
    [
      "completed, if it was stopped before it began and its end comes before the reply",
      [sent, stop, completed("o", "interrupted"), replied("o")],
      "Completed"
    ],
    [
      "not by the end of another one's turn that comes before the reply",
      [sent, stop, completed("f", "interrupted"), replied("o")],
      undefined
    ],
    ["not by an answer that nothing says is ours", [sent, stop, completed("f"), replied("f")], undefined],
    [
      "foreign, if the reply names another one's turn",
      [sent, began("f"), prompted("f", "other"), replied("f")],
      "Foreign"
    ],
    [
      "foreign, also if that turn is over by then",
      [sent, began("f"), prompted("f", "other"), completed("f"), replied("f")],
      "Foreign"
    ],
    [
      "foreign, if our message was added to another one's turn",
      [sent, began("f"), prompted("f", "other"), prompted("f", "mine")],
      "Foreign"
    ],
    [
      "foreign, if the turn's first message is another one's",
      [sent, replied("f"), began("f"), prompted("f", "other")],
      "Foreign"
    ],
    ["foreign, if it begins with a command of the user", [sent, replied("f"), prompted("f", null)], "Foreign"],
    ["never by a server that names no messages", [sent, replied("o"), prompted("o", undefined)], undefined],
    ["unsent, if it is stopped while it waits", [stop], "Unsent"],
    ["unsent, if it is stopped and nothing was started", [sent, stop, held], "Unsent"],
    ["failed, if the server refuses", [sent, refusal], "Failed"],
    ["not by a refusal of what has begun", [sent, began("o"), prompted("o", "mine"), refusal], undefined],
    ["failed, if the connection is lost while it waits", [lost], "Failed"],
    ["not stopped, if it was waited for in vain", [sent, replied("o"), stop, gaveUp], "NotStopped"]
  ] as const) {
    it(how, () => expect(endOf(messages)).toBe(end))
  }

  it("a review, which has no message, by the turn that began", () => {
    const messages = [sent, began("i", "o"), completed("i"), completed("o")]
    expect(messages.reduce(step, initial(undefined)).end).toEqual({ _tag: "Completed", turn: turn("o") })
  })

  it("held and sent again, it knows nothing of the first time", () =>
    expect(after([sent, began("f"), prompted("f", "other"), held])).toEqual(initial("mine")))
})

describe("what is known", () => {
  const starting = { phase: "starting" } as const
  const running = { phase: "running", turnId: "o" } as const
  const known = { ...running, begun: true, confirmed: true } as const
  const usual = [sent, replied("o"), began("o"), prompted("o", "mine")]

  for (const [when, messages, changes] of [
    ["before it is sent: nothing of what happens on the thread", [began("f"), prompted("f", "other")], {}],
    ["when it is sent", [sent], starting],
    ["when it is to be stopped", [sent, stop], { ...starting, stopping: true }],
    ["when it is stopped twice", [sent, stop, stop], { ...starting, stopping: true }],
    ["when it was held", [sent, began("c"), held], {}],
    ["when the reply has come", [sent, replied("o")], running],
    ["when a second reply comes: what the first one said", [sent, replied("o"), replied("f")], running],
    ["when it runs and is sent or held again: the same", [sent, replied("o"), sent, held], running],
    ["when it has begun", [sent, replied("o"), began("o")], { ...running, begun: true }],
    ["when its message was heard", usual, known],
    ["when more input comes to it", [...usual, prompted("o", "other"), prompted("o", null)], known],
    ["when a turn began that may be ours", [sent, began("c")], { ...starting, candidate: "c" }],
    [
      "when that one has ended",
      [sent, began("c"), completed("c")],
      { ...starting, candidate: "c", candidateEnd: turn("c") }
    ],
    [
      "when another one may be ours by then",
      [sent, began("c"), completed("c"), began("d")],
      { ...starting, candidate: "d" }
    ],
    [
      "when a turn ended that did not begin after our request",
      [sent, began("c"), completed("x")],
      { ...starting, candidate: "c" }
    ],
    ["when a review's inner turn began", [sent, began("i", "o")], { ...starting, candidate: "o", innerId: "i" }],
    ["when the review is named", [sent, began("i", "o"), replied("o")], { ...running, begun: true, innerId: "i" }],
    [
      "when the inner turn has ended",
      [sent, began("i", "o"), replied("o"), completed("i")],
      { ...running, begun: true }
    ],
    [
      "when some other turn ends meanwhile",
      [sent, began("i", "o"), replied("o"), completed("x")],
      { ...running, begun: true, innerId: "i" }
    ],
    [
      "when an inner turn gets more input",
      [...usual, began("i", "o"), prompted("i", "other")],
      { ...known, innerId: "i" }
    ],
    [
      "when another one's turn is known by its message",
      [sent, began("f"), prompted("f", "other")],
      { ...starting, foreign: "f", notOurs: ["f"] }
    ],
    [
      "when another one's review is known by its message",
      [sent, began("i", "f"), prompted("f", "other")],
      { ...starting, foreign: "f", notOurs: ["f"] }
    ],
    [
      "when that turn tells of itself again",
      [sent, began("f"), prompted("f", "other"), began("f"), prompted("f", "other")],
      { ...starting, foreign: "f", notOurs: ["f"] }
    ],
    [
      "when another one's message comes beside a turn that may be ours",
      [sent, began("i", "o"), prompted("f", "other")],
      { ...starting, candidate: "o", innerId: "i", foreign: "f", notOurs: ["f"] }
    ],
    [
      "when two others' turns came",
      [sent, began("f"), prompted("f", "other"), began("g"), prompted("g", "other")],
      { ...starting, foreign: "g", notOurs: ["f", "g"] }
    ],
    [
      "when another one's turn has ended",
      [sent, began("f"), prompted("f", "other"), completed("f")],
      { ...starting, notOurs: ["f"] }
    ],
    [
      "when the reply names another turn than the one that began",
      [sent, began("i", "f"), replied("o")],
      { ...running, foreign: "f", notOurs: ["f"] }
    ],
    ["when that one had ended by then", [sent, began("f"), completed("f"), replied("o")], running],
    ["when another one's turn begins", [sent, replied("o"), began("f")], { ...running, foreign: "f", notOurs: ["f"] }],
    ["when another one's turn begins after ours", [...usual, began("f")], { ...known, foreign: "f", notOurs: ["f"] }],
    [
      "when another one's turn gets a message",
      [...usual, prompted("f", "other")],
      { ...known, foreign: "f", notOurs: ["f"] }
    ],
    ["when our message tells which turn it is", [sent, began("o"), prompted("o", "mine")], known],
    ["when only our message tells of it", [sent, prompted("o", "mine")], { ...running, confirmed: true }],
    [
      "when the server names no messages",
      [sent, replied("o"), prompted("o", undefined)],
      { ...running, confirmed: true }
    ],
    ["when it names none of another turn", [sent, replied("o"), prompted("f", undefined)], running],
    [
      "when it names none before the reply",
      [sent, began("c"), prompted("c", undefined)],
      { ...starting, candidate: "c" }
    ]
  ] as const) {
    it(when, () => expect(after(messages)).toEqual({ ...initial("mine"), ...changes }))
  }

  it("of a review: what is ours without a message, from its name on, whatever messages come", () => {
    const none = initial(undefined)
    const review = (...messages: ReadonlyArray<Message>) => messages.reduce(step, none)
    expect(review(sent, began("i", "o"), prompted("i", "other"))).toEqual({
      ...none,
      phase: "starting",
      candidate: "o",
      innerId: "i"
    })
    expect(review(sent, replied("o"), prompted("o", "other"))).toEqual({ ...none, ...running, confirmed: true })
  })

  it("at the end: how it ended, and what ended it", () => {
    const ends: ReadonlyArray<readonly [ReadonlyArray<Message>, State["end"]]> = [
      [[sent, replied("f"), prompted("f", "other")], { _tag: "Foreign", turnId: "f" }],
      [[sent, prompted("f", "other"), replied("f")], { _tag: "Foreign", turnId: "f" }],
      [[sent, prompted("f", "other"), prompted("f", "mine")], { _tag: "Foreign", turnId: "f" }],
      [[sent, refusal], { _tag: "Failed", error: refused }],
      [[sent, replied("o"), lost], { _tag: "Failed", error: gone }],
      [[sent, began("o"), completed("o"), replied("o")], { _tag: "Completed", turn: turn("o") }],
      [[sent, stop, began("o"), completed("o")], { _tag: "Completed", turn: turn("o") }],
      [[sent, replied("o"), aborted("o")], { _tag: "Completed", turn: unbegun("o") }],
      [[sent, aborted("o"), replied("o")], { _tag: "Completed", turn: unbegun("o") }],
      [[sent, stop, aborted("o"), replied("o")], { _tag: "Completed", turn: unbegun("o") }],
      [[sent, held, held], undefined],
      // One that has begun is told the end of, and others are no business of ours.
      [[sent, began("o"), aborted("o"), replied("o")], undefined],
      [[sent, replied("o"), began("o"), aborted("o")], undefined],
      [[sent, replied("o"), aborted("f")], undefined],
      [[sent, aborted("f"), replied("o")], undefined],
      [[sent, prompted("f", "other"), aborted("f")], undefined],
      [[aborted("o"), sent, replied("o")], undefined]
    ]
    for (const [messages, end] of ends) expect(after(messages).end).toEqual(end)
    expect(after([sent, stop, began("o"), completed("o")]).turnId).toBe("o")
  })
})

const alphabet: ReadonlyArray<Message> = [
  sent,
  held,
  stop,
  gaveUp,
  lost,
  refusal,
  replied("o"),
  replied("f"),
  began("o"),
  began("i", "o"),
  began("f"),
  prompted("o", "mine"),
  prompted("f", "other"),
  prompted("f", "mine"),
  completed("o"),
  completed("f"),
  aborted("o")
]

// What holds after each message of any order.
const check = (messages: ReadonlyArray<Message>) => {
  let state = initial("mine")
  let firstPrompts = new Map<string, string>()
  let live = new Set<string>()
  for (const message of messages) {
    const before = state
    state = step(before, message)
    const told = () => JSON.stringify(messages)
    if (before.phase === "over" && state !== before) throw new Error(`changed after its end: ${told()}`)
    if ((state.end === undefined) !== (state.phase !== "over")) throw new Error(`an end and no end: ${told()}`)
    if (message._tag === "Held" && state.phase === "waiting") firstPrompts = new Map()
    if (before.phase === "starting" || before.phase === "running") {
      if (message._tag === "Prompted" && !firstPrompts.has(message.turnId)) {
        firstPrompts.set(message.turnId, String(message.clientId))
        if (message.clientId !== "mine") live.add(message.turnId)
      }
      if (message._tag === "Completed") live.delete(message.turn.id)
    }
    if (state.phase === "waiting") live = new Set()
    const id = interruptId(state)
    if (id === "" && live.size > 0) throw new Error(`stops whichever turn, and another one's runs: ${told()}`)
    if (id !== undefined && live.has(id)) throw new Error(`stops another one's turn: ${told()}`)
    if (id !== undefined && (state.phase === "waiting" || state.phase === "over"))
      throw new Error(`asks in vain: ${told()}`)
    const completedId = state.end?._tag === "Completed" ? state.end.turn.id : undefined
    if (completedId !== undefined && firstPrompts.get(completedId) === "other") {
      throw new Error(`another one's answer as ours: ${told()}`)
    }
    if (before.phase === "waiting" && message._tag === "Stop" && state.end?._tag !== "Unsent") {
      throw new Error(`sent after it was stopped: ${told()}`)
    }
    if (message._tag === "GaveUp" && state.phase !== "over") throw new Error(`goes on after it was given up: ${told()}`)
  }
}

describe("in every order of what happens, a turn has one end, and it is its own", () => {
  it("of up to five messages, all of them", () => {
    const visit = (messages: ReadonlyArray<Message>, left: number) => {
      check(messages)
      if (left > 0) for (const next of alphabet) visit([...messages, next], left - 1)
    }
    visit([sent], 4)
    visit([], 3)
  })

  it("of long ones, many by seed", () => {
    for (let seed = 1; seed <= 20_000; seed++) {
      let random = seed
      const next = () => {
        random = (random * 48_271) % 2_147_483_647
        return alphabet[random % alphabet.length] ?? sent
      }
      // What ends it at once is rare, so that most go on for a while.
      const messages = Array.from({ length: 16 }, next).filter(
        ({ _tag }) => (_tag !== "Lost" && _tag !== "GaveUp" && _tag !== "Refused") || next() === sent
      )
      check([sent, ...messages])
    }
  })
})
