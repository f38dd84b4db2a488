/**
 * Reduces a recording to some of its turns. Messages without a turn, such as the handshake and the start of threads, stay, so
 * that the rest can be played.
 */
import { type Entry, fieldIn, isMessage, textIn } from "./entry.ts"

const turnOf = (message: unknown): string | undefined => {
  const params = fieldIn(message, "params")
  return (
    textIn(params, "turnId") ??
    textIn(fieldIn(params, "turn"), "id") ??
    textIn(params, "expectedTurnId") ??
    textIn(fieldIn(fieldIn(message, "result"), "turn"), "id")
  )
}

const idOf = (side: "client" | "server", message: unknown): string | undefined => {
  const id = fieldIn(message, "id")
  return id === undefined ? undefined : `${side} ${JSON.stringify(id)}`
}

// A request and its answer have the same id, which the sender of the request has chosen.
const exchangeOf = (entry: Entry): string | undefined => {
  if (!isMessage(entry)) return undefined
  const isIn = "in" in entry
  const message = isIn ? entry.in : entry.out
  const isRequest = textIn(message, "method") !== undefined
  return idOf(isRequest === isIn ? "server" : "client", message)
}

/** The ids of the turns, in the order in which they began. */
export const turnsOf = (entries: ReadonlyArray<Entry>): ReadonlyArray<string> => [
  ...new Set(
    entries.flatMap((entry) =>
      "in" in entry && textIn(entry.in, "method") === "turn/started" ? (turnOf(entry.in) ?? []) : []
    )
  )
]

/** Removes the entries of all turns that are not kept. */
export const trim = (entries: ReadonlyArray<Entry>, isKept: (turnId: string) => boolean): ReadonlyArray<Entry> => {
  const dropped = new Set<string>()
  const isDropped = (entry: Entry): boolean => {
    if ("decision" in entry) return dropped.has(`server ${JSON.stringify(entry.decision.requestId)}`)
    if (!isMessage(entry)) return false
    const turnId = turnOf("in" in entry ? entry.in : entry.out)
    return turnId !== undefined && !isKept(turnId)
  }
  const messages = entries.filter(isMessage)
  for (const message of messages) {
    const exchange = exchangeOf(message)
    if (exchange !== undefined && isDropped(message)) dropped.add(exchange)
  }
  // The client sends this request as a round trip before it accepts a request of the server.
  const spans = messages.filter(
    (message) => dropped.has(exchangeOf(message) ?? "") && exchangeOf(message)?.startsWith("server")
  )
  for (const message of messages) {
    if (!("out" in message) || textIn(message.out, "method") !== "thread/loaded/list") continue
    const before = spans.findLast(({ n }) => n < message.n)
    if (before !== undefined && "in" in before) dropped.add(exchangeOf(message) ?? "")
  }
  return entries.filter((entry) => !isDropped(entry) && !dropped.has(exchangeOf(entry) ?? ""))
}
