/**
 * The newest lines of a process's standard error, without terminal control sequences and secrets. Most lines are never read, so
 * they are cleaned on reading.
 */
import * as Redaction from "../../Redaction.ts"

export interface Diagnostics {
  readonly add: (line: string) => void
  /** Oldest first. */
  readonly read: () => ReadonlyArray<string>
}

const maxLines = 500
const maxLineLength = 4096

// Some text is kept beyond the maximum length, so that a secret across that boundary is recognized.
const overlap = 1024

// Control sequences, strings for the terminal such as titles and links, and short sequences; then single control characters.
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
      // All lines at once, because a key may span several of them.
      return Redaction.text(plain)
        .split("\n")
        .map((line) => line.slice(0, maxLineLength))
    }
  }
}
