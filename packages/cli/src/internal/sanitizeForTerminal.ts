/**
 * Makes text of a model or a tool safe for a terminal to show.
 *
 * Colours and other terminal sequences are removed; `Display` shows every other character that is not plain text by its number.
 * A piece of a stream may end in the middle of a sequence, so an unfinished end is held back until the next piece completes it.
 */
import * as Display from "@effect-codex/core/Display"
import { stripVTControlCharacters } from "node:util"

/** Sanitizes a complete text. All line endings become line feeds. */
export const sanitizeForTerminal = (text: string): string =>
  Display.block(stripVTControlCharacters(text).replaceAll(/\r\n?/g, "\n"))

export interface Pieces {
  /** Adds a piece, and returns the text that can be shown now. */
  readonly add: (piece: string) => string
  /** The held-back text, when no piece follows. */
  readonly end: () => string
}

export const makePieces = (): Pieces => {
  let held = ""
  let last = ""

  // A combining mark belongs to the letter before it, which may be in the previous piece.
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

// The maximum length of text that is held back.
const longest = 256

// The end of a text that the next piece may continue: an escape sequence, a surrogate pair, a line ending, or a notation of
// `Display`.
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
