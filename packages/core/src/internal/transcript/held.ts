/**
 * Converts lines to entries, with secrets redacted. The deltas of one item are held back until all of them have arrived, and
 * become one: a secret that is split over several deltas could not be recognized in any of them.
 *
 * It knows which notifications carry a text in pieces, and which messages complete a text. It writes nothing.
 */
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Redaction from "../../Redaction.ts"
import { type Entry, fieldIn, parse, textIn } from "./entry.ts"

/** A line of the wire. */
export interface WireLine {
  readonly n: number
  readonly ms: number
  readonly direction: "in" | "out"
  readonly line: string
}

type Json = { readonly [K: string]: unknown }

interface Held {
  readonly n: number
  readonly ms: number
  /** The first delta. The others have the same fields, except for the text. */
  readonly message: Json
  readonly params: Json
  readonly field: "delta" | "deltaBase64"
  /** The texts; for Base64 the decoded bytes, one character each. */
  readonly pieces: Array<string>
  length: number
  merged: number
  until: number
}

/** The notifications that carry a text in pieces, and the field with the text. */
const deltas: ReadonlyMap<string, Held["field"]> = new Map([
  ["item/agentMessage/delta", "delta"],
  ["item/plan/delta", "delta"],
  ["item/reasoning/textDelta", "delta"],
  ["item/reasoning/summaryTextDelta", "delta"],
  ["item/commandExecution/outputDelta", "delta"],
  ["item/fileChange/outputDelta", "delta"],
  ["thread/realtime/item/transcript/delta", "delta"],
  ["thread/realtime/transcript/delta", "delta"],
  ["command/exec/outputDelta", "deltaBase64"],
  ["process/outputDelta", "deltaBase64"]
])

/** The maximum length of a held text, in UTF-16 code units. A longer text of an item is written in several pieces. */
const maxHeld = 1_048_576

/** The length of the end of a longer text that stays held. Every secret that is recognized by its format is shorter. */
const tailLength = 16_384

export interface Holding {
  readonly take: (line: WireLine) => void
  /** Call it after the last line. */
  readonly end: () => void
}

/** Calls `emit` with each entry as soon as it is complete. */
export const makeHolding = (emit: (entry: Entry) => void): Holding => {
  const held = new Map<string, Held>()
  // The process of each `command/exec` request, whose answer follows all output.
  const execs = new Map<unknown, string>()

  const release = (isWhole: (held: Held) => boolean) => {
    for (const [key, each] of held) {
      if (!isWhole(each)) continue
      held.delete(key)
      emitText(each, each.pieces.join(""))
    }
  }

  const emitText = (each: Held, text: string) => {
    const { field, merged, message, ms, n, params, until } = each
    const whole = { ...message, params: { ...params, [field]: field === "delta" ? text : btoa(text) } }
    emit({ n, ms, in: Redaction.value(whole), ...(merged === 1 ? {} : { merged, until }) })
  }

  const hold = ({ ms, n }: WireLine, message: Json, params: Json, field: Held["field"], text: string) => {
    const key = keyOf(message, params, field)
    const first = held.get(key)
    if (first === undefined) {
      held.set(key, { n, ms, message, params, field, pieces: [text], length: text.length, merged: 1, until: ms })
      return
    }
    first.pieces.push(text)
    first.length += text.length
    first.merged++
    first.until = ms
    if (first.length <= maxHeld) return
    const all = first.pieces.join("")
    const cut = cutOf(all)
    emitText(first, all.slice(0, cut))
    const rest = all.slice(cut)
    held.set(key, { ...first, n, ms, pieces: [rest], length: rest.length, merged: 1, until: ms })
  }

  const releaseBefore = (message: Json) => {
    const params = message["params"]
    const method = textIn(message, "method")
    if (method === undefined) {
      const processId = execs.get(message["id"])
      execs.delete(message["id"])
      if (processId !== undefined) release((each) => each.params["processId"] === processId)
      return
    }
    const threadId = textIn(params, "threadId")
    if (method === "item/completed") {
      const itemId = textIn(fieldIn(params, "item"), "id")
      release((each) => each.params["threadId"] === threadId && each.params["itemId"] === itemId)
    } else if (method === "process/exited") {
      const handle = textIn(params, "processHandle")
      release((each) => each.params["processHandle"] === handle)
    } else if (method === "turn/completed" || method === "thread/closed" || method.startsWith("thread/realtime/")) {
      release((each) => each.params["threadId"] === threadId)
    }
  }

  return {
    take: (wire) => {
      const { direction, line, ms, n } = wire
      const message = parse(line)
      if (!Predicate.isReadonlyObject(message)) {
        const text = Redaction.text(line)
        return emit(direction === "in" ? { n, ms, in: text } : { n, ms, out: text })
      }
      if (direction === "out") {
        const processId = textIn(message["params"], "processId")
        if (message["method"] === "command/exec" && processId !== undefined) execs.set(message["id"], processId)
        return emit({ n, ms, out: Redaction.value(message) })
      }
      const { params } = message
      const field = deltas.get(textIn(message, "method") ?? "")
      const text = field === undefined ? undefined : textOf(field, textIn(params, field))
      if (field !== undefined && text !== undefined && Predicate.isReadonlyObject(params)) {
        return hold(wire, message, params, field, text)
      }
      releaseBefore(message)
      emit({ n, ms, in: Redaction.value(message) })
    },
    end: () => release(() => true)
  }
}

const textOf = (field: Held["field"], value: string | undefined): string | undefined =>
  value === undefined || field === "delta" ? value : Result.getOrUndefined(Result.try(() => atob(value)))

// Deltas belong to the same text if they only differ in the text, and in whether it continues.
const keyOf = (message: Json, params: Json, field: Held["field"]): string =>
  JSON.stringify([message["method"], { ...params, [field]: "", capReached: false }])

// Cuts a long text after a blank, and before an incomplete key.
const cutOf = (text: string): number => {
  const latest = text.length - tailLength
  const blank = Math.max(text.lastIndexOf("\n", latest), text.lastIndexOf(" ", latest))
  const cut = blank < latest - tailLength ? latest : blank + 1
  const begin = text.lastIndexOf("-----BEGIN ", cut)
  const isOpen = begin >= 0 && begin > cut - tailLength && text.lastIndexOf("-----END ", cut) < begin
  return isOpen ? begin : cut
}
