/**
 * The observer of a simulation: it sees both ends of the connection, and checks the laws of the client.
 *
 * It sees every message where it is sent and where it arrives, and compares the client's actions with the messages that the
 * client has read. It trusts no statement of the client about itself, except that it has given up a turn. It runs nothing.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import type * as PolicyEngine from "../PolicyEngine.ts"
import * as Protocol from "../protocol/Protocol.ts"
import type { Message } from "./MockAppServer.ts"

/**
 * A turn that the server has run.
 *
 * @category models
 * @since 0.1.0
 */
export interface SimulatedTurn {
  readonly id: string
  readonly threadId: string
  /** The connection on which it ran, counted from 1. */
  readonly connection: number
  /** The prompt that started the turn, once the server has reported it. */
  prompt: string | undefined
  /** The `clientUserMessageId` of its first message; `null` if another client started it, `undefined` if not reported yet. */
  clientId: string | null | undefined
  isRunning: boolean
  /** The status that the turn ended with. */
  status: string | undefined
  /** Whether the client has read that the turn has begun. */
  hasBegun: boolean
  /** Whether the client has read who started the turn. */
  isKnown: boolean
  /** Whether the client has read that the turn has ended. */
  isEndKnown: boolean
  /** Whether a message about the turn was lost, repeated or late. */
  isDistorted: boolean
  /** Whether a message that says who started the turn was lost, repeated or late. */
  isPromptDistorted: boolean
  /** The delivered notifications that name the turn, in order, up to its end; adjacent deltas of an item count as one. */
  readonly delivered: Array<{ readonly of: string; text: string }>
}

/**
 * An approval request of the server, and its outcome.
 *
 * @category models
 * @since 0.1.0
 */
export interface SimulatedApproval {
  readonly id: string | number
  readonly method: string
  readonly threadId: string
  readonly turnId: string
  readonly itemId: string
  /** The command, if the request is for a command. */
  readonly command: string | undefined
  /** Whether the client has read that the request is withdrawn. */
  isWithdrawn: boolean
  /** Whether the client has read the request. */
  isKnown: boolean
  isRepeated: boolean
  answer: unknown
  isAccepted: boolean
  isAnswered: boolean
}

/**
 * The facts that the laws check, and the hooks that collect them.
 *
 * @category models
 * @since 0.1.0
 */
export interface Watch {
  readonly turns: ReadonlyMap<string, SimulatedTurn>
  readonly approvals: ReadonlyMap<string | number, SimulatedApproval>
  /** The server is about to send this message. */
  readonly onSaid: (message: Message) => void
  /** The fault of a step has affected this message. */
  readonly onDistorted: (message: Message, isRepeated: boolean) => void
  /** The client is about to read this message. */
  readonly onArriving: (message: Message) => void
  /** The client has read this message, and has done everything that it does immediately. */
  readonly onTold: (message: Message) => void
  /** The server has read this message. */
  readonly onWritten: (message: Message) => void
  /** The client has logged this text. */
  readonly onLogged: (text: string) => void
  /** The server has exited, and its turns with it. */
  readonly onServerGone: () => void
  /** A connection has closed, with everything that was open on it. */
  readonly onDisconnected: () => void
  /** Records the decisions of an engine. */
  readonly witness: (engine: PolicyEngine.Engine, prompt: string | undefined) => PolicyEngine.Engine
  /** Checks the sizes of the client's tables against the messages. */
  readonly checkTables: (sizes: Readonly<Record<string, number>>) => void
  /** Whether the client has logged that it no longer waits for the end of this turn. */
  readonly isGivenUp: (turn: SimulatedTurn) => boolean
  /** The requests of the client that have no reply yet. */
  readonly outstanding: () => number
}

const textAt = (value: unknown, ...path: ReadonlyArray<string>): string | undefined => {
  let found = value
  for (const key of path) found = Predicate.isReadonlyObject(found) ? found[key] : undefined
  return typeof found === "string" ? found : undefined
}

/**
 * The kind of a message, in the terms of the steps.
 *
 * @category getters
 * @since 0.1.0
 */
export const sortOf = (message: Message): string => {
  const { id, method } = message
  if (typeof method !== "string") return "reply"
  if (id !== undefined) return "ask"
  switch (method) {
    case "turn/started":
      return "began"
    case "turn/completed":
      return "ended"
    case "item/started":
    case "item/completed":
      return "item"
    case "item/agentMessage/delta":
      return "delta"
    case "serverRequest/resolved":
      return "resolved"
    default:
      return "any"
  }
}

/**
 * The id of the turn that a notification names.
 *
 * @category getters
 * @since 0.1.0
 */
export const turnIdOf = (message: Message): string | undefined =>
  textAt(message.params, "turnId") ?? textAt(message.params, "turn", "id")

/**
 * Adds a notification to a list of delivered ones. Adjacent deltas become one, as they may for a consumer.
 *
 * @category combinators
 * @since 0.1.0
 */
export const addDelivered = (delivered: SimulatedTurn["delivered"], method: string, params: unknown): void => {
  const delta = textAt(params, "delta")
  const itemId = textAt(params, "itemId") ?? textAt(params, "item", "id") ?? ""
  const of = `${method} ${itemId}`
  const last = delivered.at(-1)
  if (delta !== undefined && last?.of === of) last.text += delta
  else delivered.push({ of, text: delta ?? "" })
}

const keyOf = (threadId: string, turnId: string, itemId: string, command: string | undefined) =>
  [threadId, turnId, itemId, command ?? ""].join("\n")

const isAccepting = (answer: unknown): boolean => {
  const decision = Predicate.isReadonlyObject(answer) ? answer["decision"] : undefined
  return decision === "accept" || decision === "acceptForSession" || Predicate.isReadonlyObject(decision)
}

// Only after such an error may the client send the same request again.
const neverRan = (error: unknown): boolean =>
  Predicate.isReadonlyObject(error) &&
  (error["code"] === -32001 || /ActiveTurnNotSteerable|is closing/.test(textAt(error, "message") ?? ""))

const isApproval = (method: string) =>
  method === "item/commandExecution/requestApproval" || method === "item/fileChange/requestApproval"

const isTwin = (one: SimulatedApproval, two: SimulatedApproval) =>
  one.threadId === two.threadId && one.turnId === two.turnId && one.itemId === two.itemId

const isOpenEnded = (method: string) => Protocol.deadlineOf(method) === "open"

interface Accepted {
  readonly key: string
  readonly prompt: string | undefined
}

/** An approval request at the server's end of the connection. */
interface Asked {
  readonly at: number
  /** Whether the request is on its way, unaltered, to a client that follows its thread. */
  isSure: boolean
  isOpen: boolean
}

/**
 * Makes an observer. It calls `violate` with each breach of a law. `acceptDelay` is the connection's, in milliseconds.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  violate: (law: string, text: string) => void,
  options: { readonly now: () => number; readonly acceptDelay: number }
): Watch => {
  const turns = new Map<string, SimulatedTurn>()
  const approvals = new Map<string | number, SimulatedApproval>()
  const asked = new Map<string, Asked>()
  const accepted: Array<Accepted> = []
  const givenUp = new Set<string>()
  // The threads that the client has left. It ignores their messages, which the server may still send for a while.
  const left = new Set<string>()
  // The client's requests by id, and the turns that it started by `clientUserMessageId`.
  const requests = new Map<unknown, { readonly method: string; readonly params: unknown }>()
  const starts = new Map<string, "sent" | "refused">()

  let connection = 1
  const turnOf = (threadId: string, id: string): SimulatedTurn => {
    const known = turns.get(id)
    if (known !== undefined) return known
    const turn: SimulatedTurn = {
      id,
      threadId,
      connection,
      prompt: undefined,
      clientId: undefined,
      isRunning: true,
      status: undefined,
      hasBegun: false,
      isKnown: false,
      isEndKnown: false,
      isDistorted: false,
      isPromptDistorted: false,
      delivered: []
    }
    turns.set(id, turn)
    return turn
  }
  const isOwn = ({ clientId }: SimulatedTurn) => typeof clientId === "string" && starts.has(clientId)
  const isGivenUp = ({ id, threadId }: SimulatedTurn) => givenUp.has(id) || givenUp.has(threadId)

  const runningOn = (threadId: string) =>
    Array.from(turns.values()).filter((turn) => turn.threadId === threadId && turn.isRunning)

  const onSaid: Watch["onSaid"] = (message) => {
    const { id, method, params } = message
    const threadId = textAt(params, "threadId")
    if (typeof method !== "string" || threadId === undefined) return
    if (method === "turn/started") turnOf(threadId, textAt(params, "turn", "id") ?? "")
    else if (method === "turn/completed") {
      const turn = turnOf(threadId, textAt(params, "turn", "id") ?? "")
      turn.isRunning = false
      turn.status = textAt(params, "turn", "status")
    } else if (method === "serverRequest/resolved") {
      const known = Predicate.hasProperty(params, "requestId") ? asked.get(String(params.requestId)) : undefined
      if (known !== undefined) known.isOpen = false
    } else if (method === "item/started" && textAt(params, "item", "type") === "userMessage") {
      const turn = turnOf(threadId, textAt(params, "turnId") ?? "")
      if (turn.clientId !== undefined || !Predicate.hasProperty(params, "item")) return
      turn.clientId = textAt(params.item, "clientId") ?? null
      const content = Predicate.hasProperty(params.item, "content") ? params.item.content : undefined
      turn.prompt = Array.isArray(content) ? content.map((part) => textAt(part, "text") ?? "").join("\n") : ""
    } else if (isApproval(method) && (typeof id === "string" || typeof id === "number")) {
      if (approvals.has(id)) return
      const approval: SimulatedApproval = {
        id,
        method,
        threadId,
        turnId: textAt(params, "turnId") ?? "",
        itemId: textAt(params, "itemId") ?? "",
        command: textAt(params, "command"),
        isWithdrawn: false,
        isKnown: false,
        isRepeated: false,
        answer: undefined,
        isAccepted: false,
        isAnswered: false
      }
      checkEarlier(approval)
      asked.set(String(id), { at: options.now(), isSure: !left.has(threadId), isOpen: true })
      approvals.set(id, approval)
    }
  }

  // A client that delays each accept answers only after any second request that arrives within the delay.
  const checkEarlier = (approval: SimulatedApproval) => {
    for (const earlier of approvals.values()) {
      const { at, isSure } = asked.get(String(earlier.id)) ?? { at: Number.NEGATIVE_INFINITY, isSure: false }
      if (!earlier.isAccepted || !isSure || !isTwin(earlier, approval)) continue
      if (options.now() >= at + options.acceptDelay) continue
      const text = `accepted the request ${earlier.id} without waiting for ${approval.id}, which came under the same item id`
      violate("an accept is for one approval", text)
    }
  }

  const onDistorted: Watch["onDistorted"] = (message, isRepeated) => {
    const turn = turns.get(turnIdOf(message) ?? "")
    if (turn !== undefined) {
      turn.isDistorted = true
      turn.isPromptDistorted ||= textAt(message.params, "item", "type") === "userMessage"
    }
    const { id, method } = message
    if (typeof method !== "string" || (typeof id !== "string" && typeof id !== "number")) return
    const approval = approvals.get(id)
    if (approval !== undefined && isRepeated) approval.isRepeated = true
    const known = asked.get(String(id))
    if (known !== undefined) known.isSure = false
  }

  const onArriving: Watch["onArriving"] = ({ error, id, method }) => {
    const request = requests.get(id)
    if (typeof method === "string" || request === undefined) return
    requests.delete(id)
    if (request.method === "thread/resume" && error === undefined) left.delete(textAt(request.params, "threadId") ?? "")
    const name = textAt(request.params, "clientUserMessageId")
    if (request.method === "turn/start" && neverRan(error) && name !== undefined) starts.set(name, "refused")
  }

  const onTold: Watch["onTold"] = (message) => {
    const { id, method, params } = message
    if (typeof method !== "string") return
    if (id !== undefined) {
      const approval = typeof id === "string" || typeof id === "number" ? approvals.get(id) : undefined
      if (approval !== undefined) approval.isKnown = true
      return
    }
    if (method === "serverRequest/resolved" && Predicate.hasProperty(params, "requestId")) {
      const requestId = params.requestId
      const approval =
        typeof requestId === "string" || typeof requestId === "number" ? approvals.get(requestId) : undefined
      // To a client, a request that arrives after its withdrawal is a new one.
      if (approval?.isKnown === true) approval.isWithdrawn = true
    }
    const turn = turns.get(turnIdOf(message) ?? "")
    if (turn === undefined) return
    if (!turn.isEndKnown) addDelivered(turn.delivered, method, params)
    if (method === "turn/completed") turn.isEndKnown = true
    else if (method === "turn/started") turn.hasBegun = true
    else if (method === "item/started" && textAt(params, "item", "type") === "userMessage") {
      turn.isKnown = turn.hasBegun && !left.has(turn.threadId)
    }
  }

  const onStart = (params: unknown) => {
    const name = textAt(params, "clientUserMessageId")
    const threadId = textAt(params, "threadId") ?? ""
    if (name === undefined) return
    if (starts.get(name) === "sent") {
      violate("a mutation is not sent again", `turn/start ${name} was sent twice, and the first was not refused`)
    }
    starts.set(name, "sent")
    if (left.has(threadId)) violate("subscribe, then send", `a turn was started on ${threadId}, which had been left`)
    for (const turn of runningOn(threadId)) {
      if (turn.isRunning && isOwn(turn) && !isGivenUp(turn)) {
        violate("one turn a thread", `a turn was started on ${threadId} while turn ${turn.id} of this program runs`)
      }
    }
  }

  const onInterrupt = (params: unknown) => {
    const threadId = textAt(params, "threadId") ?? ""
    const turnId = textAt(params, "turnId")
    const meant = turnId === "" ? runningOn(threadId) : turnId === undefined ? [] : [turns.get(turnId)]
    for (const turn of meant) {
      if (turn === undefined || isOwn(turn) || !turn.isKnown || turn.isEndKnown) continue
      const isDoubled = Array.from(approvals.values()).some((one) =>
        Array.from(approvals.values()).some(
          (other) =>
            one !== other && one.turnId === turn.id && one.itemId === other.itemId && one.turnId === other.turnId
        )
      )
      if (!isDoubled)
        violate("a client stops its own turns", `turn/interrupt ${JSON.stringify(params)} hits ${turn.id}`)
    }
  }

  const onAnswer = ({ error, id, result }: Message) => {
    const approval = typeof id === "string" || typeof id === "number" ? approvals.get(id) : undefined
    if (approval === undefined) return
    if (approval.isAnswered && !approval.isRepeated) {
      violate("an approval is answered once", `the request ${approval.id} was answered again`)
    }
    if (approval.isWithdrawn && !approval.isRepeated) {
      violate("a withdrawn request is not answered", `the request ${approval.id} was answered after it was withdrawn`)
    }
    approval.isAnswered = true
    approval.answer = error ?? result
    if (!isAccepting(result)) return
    approval.isAccepted = true
    const key = keyOf(approval.threadId, approval.turnId, approval.itemId, approval.command)
    const index = accepted.findIndex((one) => one.key === key)
    const found = accepted[index]
    const what = `${approval.command ?? "a file change"} (request ${approval.id}, turn ${approval.turnId})`
    if (found === undefined) violate("nothing is accepted that no engine accepted", `accepted ${what}`)
    else {
      accepted.splice(index, 1)
      const prompt = turns.get(approval.turnId)?.prompt
      if (found.prompt !== undefined && prompt !== undefined && found.prompt !== prompt) {
        violate("the engine of a turn decides", `the engine of "${found.prompt}" accepted ${what} of "${prompt}"`)
      }
    }
    for (const other of approvals.values()) {
      if (other === approval || other.isAnswered || other.isWithdrawn) continue
      if (!isTwin(other, approval)) continue
      if (turns.get(other.turnId)?.isEndKnown === true) continue
      if (other.isKnown) {
        violate("an accept is for one approval", `accepted ${what} while ${other.id} was open under the same item id`)
      } else if (couldHaveBeenKnown(approval, other)) {
        const text = `accepted ${what} without waiting for ${other.id}, which was open under the same item id`
        violate("an accept is for one approval", text)
      }
    }
  }

  // The server sent the second request within the delay after the first. A client that waits for the delay, and reads every
  // message sent by then, has read both.
  const couldHaveBeenKnown = (approval: SimulatedApproval, other: SimulatedApproval): boolean => {
    const [one, two] = [asked.get(String(approval.id)), asked.get(String(other.id))]
    if (one?.isSure !== true || two?.isSure !== true || !two.isOpen) return false
    return two.at < one.at + options.acceptDelay
  }

  const onWritten: Watch["onWritten"] = (message) => {
    const { id, method, params } = message
    if (typeof method !== "string") return onAnswer(message)
    if (id !== undefined) requests.set(id, { method, params })
    const threadId = textAt(params, "threadId") ?? ""
    if (method === "thread/unsubscribe") left.add(threadId)
    if (method === "turn/start") onStart(params)
    else if (method === "turn/interrupt") onInterrupt(params)
  }

  const observed =
    <K extends PolicyEngine.Kind>(decide: PolicyEngine.Decide<K>, prompt: string | undefined): PolicyEngine.Decide<K> =>
    (request) =>
      Effect.tap(decide(request), (verdict) =>
        Effect.sync(() => {
          if (!isAccepting({ decision: verdict?.decision })) return
          const itemId = textAt(request.params, "itemId") ?? ""
          const command = textAt(request.params, "command")
          accepted.push({ key: keyOf(request.threadId, request.turnId ?? "", itemId, command), prompt })
        })
      )

  return {
    turns,
    approvals,
    onSaid,
    onDistorted,
    onArriving,
    onTold,
    onWritten,
    onLogged: (text) => {
      const [, turnId, threadId] = /^Turn (\S+) of thread (\S+) did not end within/.exec(text) ?? []
      if (turnId !== undefined) givenUp.add(turnId)
      if (turnId === "(unnamed)" && threadId !== undefined) givenUp.add(threadId)
    },
    onServerGone: () => {
      for (const turn of turns.values()) turn.isRunning = false
    },
    onDisconnected: () => {
      connection++
      for (const turn of turns.values()) {
        turn.isRunning = false
        turn.isEndKnown = true
      }
      for (const approval of approvals.values()) {
        approval.isAnswered = true
        approval.isWithdrawn = true
      }
      asked.clear()
      requests.clear()
    },
    witness: (engine, prompt) => ({
      command: observed(engine.command, prompt),
      fileChange: observed(engine.fileChange, prompt),
      permissions: observed(engine.permissions, prompt),
      userInput: engine.userInput,
      elicitation: engine.elicitation,
      toolCall: engine.toolCall
    }),
    checkTables: ({ answerDeadlines = 0, deadlines = 0, pending = 0, waiting = 0 }) => {
      const openEnded = Array.from(requests.values()).filter(({ method }) => isOpenEnded(method)).length
      if (pending > requests.size) {
        violate("nothing is left", `${pending} requests wait for a reply, and ${requests.size} have none`)
      }
      const open = Array.from(approvals.values()).filter(
        ({ isAnswered, isKnown, isWithdrawn }) => isKnown && !isAnswered && !isWithdrawn
      ).length
      if (waiting > open) violate("nothing is left", `${waiting} answers are awaited, and ${open} requests are open`)
      if (pending - openEnded > deadlines) {
        violate("nothing waits without a guard", `${pending} requests wait, with ${deadlines} deadlines`)
      }
      if (waiting > answerDeadlines) {
        violate("nothing waits without a guard", `${waiting} answers are awaited, with ${answerDeadlines} deadlines`)
      }
    },
    isGivenUp,
    outstanding: () => requests.size
  }
}

/**
 * Parses a line as a message; `undefined` if it is not one.
 *
 * @category constructors
 * @since 0.1.0
 */
export const parse = (line: string): Message | undefined => {
  const parsed = Result.try((): unknown => JSON.parse(line))
  return Result.isSuccess(parsed) && Predicate.isReadonlyObject(parsed.success) ? parsed.success : undefined
}
