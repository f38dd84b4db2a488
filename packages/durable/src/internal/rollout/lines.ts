/**
 * Complete lines out of chunks of bytes.
 *
 * A rollout may be cut at any byte, in the middle of a line or of a character. Only complete lines are taken, so neither is ever
 * read. This module does not know what is in a line.
 */

/** The bytes since the last complete line. */
export type Rest = ReadonlyArray<Uint8Array>

export interface Split {
  /** Complete lines with their line feeds, as they stand in the file; empty if the chunk completes none. */
  readonly bytes: Uint8Array
  readonly rest: Rest
}

const lineFeed = 0x0a

const concat = (parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

/** How many bytes of a line are there. */
export const lengthOf = (rest: Rest): number => rest.reduce((length, part) => length + part.length, 0)

/** Adds a chunk, and takes the lines that it completes. */
export const split = (rest: Rest, chunk: Uint8Array): Split => {
  const end = chunk.lastIndexOf(lineFeed) + 1
  if (end === 0) return { bytes: new Uint8Array(), rest: chunk.length === 0 ? rest : [...rest, chunk] }
  return {
    bytes: concat([...rest, chunk.subarray(0, end)]),
    rest: end === chunk.length ? [] : [chunk.slice(end)]
  }
}

/** The lines of bytes that end with a line feed. Invalid UTF-8 becomes U+FFFD. */
export const decode = (bytes: Uint8Array): ReadonlyArray<string> =>
  bytes.length === 0 ? [] : new TextDecoder().decode(bytes).split("\n").slice(0, -1)
