/**
 * Text of a model or a tool, for a terminal that shows it and does not obey it.
 *
 * Colours and other terminal sequences of theirs are taken out, as nobody wants to read them; whatever else is not plain text
 * is shown by its number, which `Display` does. A piece of a stream may end in the middle of such a thing, so the end of it is
 * held back until the next piece says what it is.
 */
import * as Display from "@effect-codex/core/Display"
import { stripVTControlCharacters } from "node:util"

/** A whole text. Its lines end with a line feed, whatever they ended with. */
export const sanitizeForTerminal = (text: string): string =>
  Display.block(stripVTControlCharacters(text).replaceAll(/\r\n?/g, "\n"))

export interface Pieces {
  /** Takes the next piece, and returns what can be shown now. */
  readonly add: (piece: string) => string
  /** The held-back text, when no piece follows. */
  readonly end: () => string
}

export const makePieces = (): Pieces => {
  let held = ""
  let last = ""

  // A mark belongs to the letter before it, which may have come with the piece before.
  const shown = (text: string): string => {
    const before = last
    last = text.slice(-1) || last
    if (!/^\p{M}/u.test(text)) return sanitizeForTerminal(text)
    const together = sanitizeForTerminal(before + text)
    return together.startsWith(before) ? together.slice(before.length) : sanitizeForTerminal(text)
  }

  return {
    add: (piece) => {
      const text = held + piece
      held = unfinished(text)
      return shown(text.slice(0, text.length - held.length))
    },
    end: () => {
      const rest = shown(held)
      held = ""
      last = ""
      return rest
    }
  }
}

// An escape that has not ended by then is held no longer.
const longest = 256

// What a text ends with of which the rest may be in the next piece: an escape sequence, a pair of code units, a line ending,
// a notation of `Display`.
const unfinished = (text: string): string => {
  let rest = begun.exec(text.slice(-longest - 1))?.[0] ?? ""
  for (let whole = ended.exec(rest); whole !== null; whole = ended.exec(rest)) {
    rest = begun.exec(rest.slice(whole[0].length))?.[0] ?? ""
  }
  return rest.length > longest ? "" : rest
}

// oxlint-disable-next-line no-control-regex
const begun = /(?:[\x1b\x90\x98\x9b\x9d-\x9f](?:[^\x07\x1b\x9c]*\x1b?)?|[\ud800-\udbff]|\r|\\u?|…)$/

const ended = new RegExp(
  [
    String.raw`(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]`,
    String.raw`\x1b[ -/]*[0-OQ-WYZ\\^_a-~]`,
    String.raw`(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)`
  ]
    .map((sequence) => `^(?:${sequence})`)
    .join("|")
)
