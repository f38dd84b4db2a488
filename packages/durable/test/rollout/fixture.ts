/** The recorded rollout, as bytes and as lines. */
import { readFileSync } from "node:fs"

export const bytes: Uint8Array = readFileSync(new URL("../fixtures/rollout.jsonl", import.meta.url))

/** The lines, without line feeds. */
export const lines: ReadonlyArray<string> = new TextDecoder().decode(bytes).split("\n").slice(0, -1)

/** The index of the first line that has all of the pieces. */
export const lineWith = (...pieces: ReadonlyArray<string>): number => {
  const index = lines.findIndex((line) => pieces.every((piece) => line.includes(piece)))
  if (index === -1) throw new Error(`no line with ${pieces.join(", ")}`)
  return index
}
