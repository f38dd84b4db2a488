/**
 * Selects the lines of a tool's output that are shown: the first ones as they arrive, the last ones when the tool has ended, and
 * the number of omitted lines between them.
 *
 * Only complete lines are shown. A line that a program overwrites, as progress bars do, counts once, in its last form. The memory
 * is bounded for any amount of output.
 */
import { sanitizeForTerminal } from "./sanitizeForTerminal.ts"

export interface Limits {
  /** The number of lines that are shown as they arrive. */
  readonly first: number
  /** The number of later lines that are shown at the end. */
  readonly last: number
  /** The maximum length of a line, in UTF-16 code units. */
  readonly width: number
}

export interface OutputLines {
  /** Adds a piece of output, and returns the lines to show now. */
  readonly add: (text: string) => ReadonlyArray<string>
  /** Ends the output. `whole` is the complete output, if it is known. Returns the remaining lines to show. */
  readonly end: (whole: string | undefined) => ReadonlyArray<string>
}

export const makeOutputLines = (limits: Limits): OutputLines => {
  // The length and the beginning of the pieces, to find the part of the whole output that was not among them.
  let beginning = ""
  let received = 0
  let shown = 0
  let folded = 0
  let tail: Array<string> = []
  let line = ""
  let cut = 0

  const show = (): ReadonlyArray<string> => {
    const text = sanitizeForTerminal(lastOf(line)) + (cut === 0 ? "" : ` … ${cut} more characters`)
    line = ""
    cut = 0
    if (shown < limits.first) {
      shown++
      return [text]
    }
    tail.push(text)
    if (tail.length > limits.last) {
      tail.shift()
      folded++
    }
    return []
  }

  const append = (piece: string) => {
    line += piece
    // Drops overwritten text.
    const over = line.lastIndexOf("\r", line.length - 2)
    if (over > 0) {
      line = line.slice(over + 1)
      cut = 0
    }
    if (line.length <= limits.width) return
    cut += line.length - limits.width
    line = line.slice(0, limits.width)
  }

  const feed = (text: string): ReadonlyArray<string> => {
    const pieces = text.split("\n")
    const lines: Array<string> = []
    pieces.forEach((piece, index) => {
      if (index > 0) lines.push(...show())
      append(piece)
    })
    return lines
  }

  const rest = (): ReadonlyArray<string> => {
    const lines = line === "" ? [] : [...show()]
    if (folded > 0) lines.push(`… ${folded} more ${folded === 1 ? "line" : "lines"}`)
    lines.push(...tail)
    tail = []
    folded = 0
    shown = 0
    return lines
  }

  return {
    add: (text) => {
      if (beginning.length < 256) beginning += text.slice(0, 256)
      received += text.length
      return feed(text)
    },
    end: (whole = "") => {
      if (whole.length <= received) return rest()
      if (whole.startsWith(beginning)) return [...feed(whole.slice(received)), ...rest()]
      const lines = rest()
      return [...lines, "… and before that:", ...feed(whole.slice(0, whole.length - received)), ...rest()]
    }
  }
}

// The visible text of a line: the text after its last carriage return, not counting those at the end. Without a pattern, which
// would search from each return to the end again.
const lastOf = (line: string): string => {
  let end = line.length
  while (end > 0 && line.charAt(end - 1) === "\r") end--
  return line.slice(line.lastIndexOf("\r", end - 1) + 1, end)
}
