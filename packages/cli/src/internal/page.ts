/**
 * The page of a renderer: whole lines, and text that continues where it stopped.
 *
 * Knows where the cursor is, so that a line that is begun is ended before another one, and makes what it writes harmless,
 * also where a terminal escape comes in two pieces. Knows nothing of events.
 */
import * as Display from "@effect-codex/core/Display"
import type { Paint, Tone } from "../Tone.ts"
import { makePieces } from "./sanitizeForTerminal.ts"

export interface Page {
  /** A label and its text, on a line of their own. */
  readonly line: (tone: Tone, label: string, text?: string) => void
  /** A line that is written as it is: the caller has made it harmless. */
  readonly plain: (line: string) => void
  /** Goes on with the text of `key`; the label is written where that was not the last thing written. */
  readonly write: (key: string, tone: Tone, label: string, text: string) => void
  /** Continues `key` with lines that the caller has sanitized; the label is written as for `write`. */
  readonly whole: (key: string, tone: Tone, label: string, lines: string) => void
  /** Lines below a label, which is written where `key` was not the last thing written. */
  readonly lines: (key: string, tone: Tone, label: string, lines: ReadonlyArray<string>) => void
  /** Ends what is begun. */
  readonly close: () => void
  /** The text written since the last call. */
  readonly take: () => string
  /** Whether the cursor is at the beginning of a line. */
  readonly atLineStart: () => boolean
}

export const makePage = (paint: Paint): Page => {
  let written = ""
  let midLine = false
  let open: string | undefined
  const pieces = makePieces()

  const put = (text: string) => {
    if (text === "") return
    written += text
    midLine = !text.endsWith("\n")
  }

  const close = () => {
    put(pieces.end())
    if (midLine) put("\n")
    open = undefined
  }

  const plain = (line: string) => {
    close()
    put(`${line}\n`)
  }

  return {
    line: (tone, label, text = "") =>
      plain(text === "" ? paint(tone, label) : `${paint(tone, label)} ${indented(text)}`),
    plain,
    write: (key, tone, label, text) => {
      if (text === "") return
      if (open !== key) {
        close()
        open = key
        put(`${paint(tone, label)} `)
      }
      put(pieces.add(text))
    },
    whole: (key, tone, label, lines) => {
      if (lines === "") return
      if (open !== key) {
        close()
        open = key
        put(lines.startsWith("\n") ? paint(tone, label) : `${paint(tone, label)} `)
      }
      put(lines)
    },
    lines: (key, tone, label, lines) => {
      if (lines.length === 0) return
      if (open !== key) {
        close()
        open = key
        put(`${paint(tone, label)}\n`)
      }
      put(lines.map((line) => `  ${line}\n`).join(""))
    },
    close,
    take: () => {
      const text = written
      written = ""
      return text
    },
    atLineStart: () => !midLine
  }
}

// Nothing is taken out: this may be a command, a path, a name.
const indented = (text: string): string =>
  Display.block(text.trimEnd().replaceAll("\r\n", "\n")).replaceAll("\n", "\n  ")
