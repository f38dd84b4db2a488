/**
 * The output of a renderer: whole lines, and text that continues where it stopped.
 *
 * It tracks the cursor, so that it ends an unfinished line before it starts another one, and sanitizes the text that it writes,
 * even if a terminal escape arrives in two pieces. It does not know about events.
 */
import * as Display from "@effect-codex/core/Display"
import type { Paint, Tone } from "../Tone.ts"
import { makePieces } from "./sanitizeForTerminal.ts"
import { wrap } from "./wrap.ts"

export interface Page {
  /** Writes a label and its text on a line of their own. */
  readonly line: (tone: Tone, label: string, text?: string) => void
  /** Writes a label and a sentence on a line of their own, wrapped by words at the width of a terminal. */
  readonly sentence: (tone: Tone, label: string, text: string) => void
  /** Writes a line unchanged: the caller has sanitized it. */
  readonly plain: (line: string) => void
  /** Continues the text of `key`; writes the label first if something else was written since. */
  readonly write: (key: string, tone: Tone, label: string, text: string) => void
  /** Continues `key` with lines that the caller has sanitized; writes the label as `write` does. */
  readonly whole: (key: string, tone: Tone, label: string, lines: string) => void
  /** Writes lines below a label, which is written as `write` does. */
  readonly lines: (key: string, tone: Tone, label: string, lines: ReadonlyArray<string>) => void
  /** Ends an unfinished line. */
  readonly close: () => void
  /** The text written since the last call. */
  readonly take: () => string
  /** Whether the cursor is at the beginning of a line. */
  readonly atLineStart: () => boolean
}

/** `columns` is the width of the terminal; `undefined` if no terminal shows the page. */
export const makePage = (paint: Paint, columns?: () => number): Page => {
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

  const labelled = (tone: Tone, label: string, text: string) =>
    text === "" ? paint(tone, label) : `${paint(tone, label)} ${indented(text)}`

  return {
    line: (tone, label, text = "") => plain(labelled(tone, label, text)),
    sentence: (tone, label, text) => {
      const width = columns?.() ?? Infinity
      for (const line of labelled(tone, label, text).split("\n")) wrap(line, width, 2).forEach(plain)
    },
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

// Nothing is removed: this may be a command, a path, or a name.
const indented = (text: string): string =>
  Display.block(text.trimEnd().replaceAll("\r\n", "\n")).replaceAll("\n", "\n  ")
