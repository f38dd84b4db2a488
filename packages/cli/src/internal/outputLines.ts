/**
 * What of a tool's output is shown, line by line: the beginning as it comes, the end when it has ended, and how much was
 * left out between them.
 *
 * Lines are complete before they are shown. A line that a program has written over, as progress bars do, counts once, in its
 * last form. The memory is bounded for any amount of output.
 */
import { sanitizeForTerminal } from "./sanitizeForTerminal.ts"

export interface Limits {
  /** How many lines are shown as they come. */
  readonly first: number
  /** How many of those that follow are shown at the end. */
  readonly last: number
  /** How long a line may be, in UTF-16 code units. */
  readonly width: number
}

export interface OutputLines {
  /** Takes the next piece, and returns the lines that are shown now. */
  readonly add: (text: string) => ReadonlyArray<string>
  /** Takes the whole output as it is known in the end, and returns the lines that are shown because of that. */
  readonly end: (whole: string | undefined) => ReadonlyArray<string>
}

export const makeOutputLines = (limits: Limits): OutputLines => {
  // How much came, and how it began: enough to see what of the whole did not come.
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
    // Overwritten text is gone.
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

// What a line shows when all of it has been written: what stands behind the last return of the carriage, but for those at the
// end. By hand, as a pattern would look from each return to the end anew.
const lastOf = (line: string): string => {
  let end = line.length
  while (end > 0 && line.charAt(end - 1) === "\r") end--
  return line.slice(line.lastIndexOf("\r", end - 1) + 1, end)
}
