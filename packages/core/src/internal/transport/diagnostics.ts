/**
 * The newest lines that a process has written to its standard error, as they may be shown: without what only a terminal
 * obeys, and without secrets. Most of them nobody ever reads, so that is done when they are read.
 */
import * as Redaction from "../../Redaction.ts"

export interface Diagnostics {
  readonly add: (line: string) => void
  /** Oldest first. */
  readonly read: () => ReadonlyArray<string>
}

const maxLines = 500
const maxLineLength = 4096

// What is kept behind a line's end shows a secret that begins before it for what it is.
const overlap = 1024

// Control sequences, strings for the terminal such as titles and links, and short ones; then what is left to control it.
const escapes = new RegExp(
  [
    String.raw`(?:\u001B\[|\u009B)[0-?]*[ -/]*[@-~]`,
    String.raw`\u001B[\]PX^_][^\u0007\u001B]*(?:\u0007|\u001B\\)?`,
    String.raw`\u001B[ -/]*[0-~]`
  ].join("|"),
  "g"
)
const controls = /(?![\t\n])\p{Cc}/gu

export const makeDiagnostics = (): Diagnostics => {
  const lines: Array<string> = []
  return {
    add: (line) => {
      lines.push(line.slice(0, maxLineLength + overlap))
      if (lines.length > maxLines) lines.shift()
    },
    read: () => {
      if (lines.length === 0) return []
      const plain = lines.join("\n").replace(escapes, "").replace(controls, "")
      // All at once: a key may go over many lines.
      return Redaction.text(plain)
        .split("\n")
        .map((line) => line.slice(0, maxLineLength))
    }
  }
}
