/** Recorded rollouts, as bytes and as lines, by the version of codex that wrote them. */
import { readFileSync } from "node:fs"

export interface Recorded {
  readonly version: string
  readonly bytes: Uint8Array
  /** Without line feeds. */
  readonly lines: ReadonlyArray<string>
  /** The index of the first line that has all of the pieces. */
  readonly lineWith: (...pieces: ReadonlyArray<string>) => number
}

const read = (version: string): Recorded => {
  const bytes = readFileSync(new URL(`../fixtures/rollout-${version}.jsonl`, import.meta.url))
  const lines = new TextDecoder().decode(bytes).split("\n").slice(0, -1)
  return {
    version,
    bytes,
    lines,
    lineWith: (...pieces) => {
      const index = lines.findIndex((line) => pieces.every((piece) => line.includes(piece)))
      if (index === -1) throw new Error(`no line with ${pieces.join(", ")}`)
      return index
    }
  }
}

export const recorded: ReadonlyArray<Recorded> = ["0.169.0", "0.171.0"].map(read)
