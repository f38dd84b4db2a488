/**
 * Reads the file of a rollout line by line, in bounded memory.
 *
 * A line that is too long for that is skipped and counted. This module knows bytes and lines, but not the content of a line.
 */
import * as FileSystem from "effect/FileSystem"
import * as Effect from "effect/Effect"
import type * as PlatformError from "effect/PlatformError"
import * as Stream from "effect/Stream"
import type { Entry, Header } from "./entry.ts"
import { Unusable, whenRegular } from "./parts.ts"
import { headerOf, makeRolloutReader, tooLong } from "./rollout.ts"

/** The maximum length of a line, in bytes. A longer one contains an image, or is damaged. */
const lineMax = 16_777_216

const lineFeed = 0x0a

type Line = string | typeof tooLong

/** Splits bytes into lines. Bytes after the last line feed are a line too when the file ends. */
const makeLines = (max: number) => {
  const decoder = new TextDecoder()
  let parts: Array<Uint8Array> = []
  let length = 0

  const add = (piece: Uint8Array) => {
    length += piece.length
    if (length > max) parts = []
    else if (piece.length > 0) parts.push(piece)
  }
  const taken = (): Line => {
    const line =
      length > max ? tooLong : parts.map((part) => decoder.decode(part, { stream: true })).join("") + decoder.decode()
    parts = []
    length = 0
    return line
  }
  return {
    take: (chunk: Uint8Array): ReadonlyArray<Line> => {
      const lines: Array<Line> = []
      let start = 0
      for (let end = chunk.indexOf(lineFeed); end >= 0; end = chunk.indexOf(lineFeed, start)) {
        add(chunk.subarray(start, end))
        lines.push(taken())
        start = end + 1
      }
      // A copy, because the reader of the file may reuse the chunk.
      add(chunk.slice(start))
      return lines
    },
    end: (): ReadonlyArray<Line> => (length === 0 ? [] : [taken()])
  }
}

const linesOf = (fs: FileSystem.FileSystem, path: string, bytesToRead?: number) =>
  fs.stream(path, bytesToRead === undefined ? { chunkSize: 1_048_576 } : { chunkSize: 65_536, bytesToRead }).pipe(
    Stream.mapAccumArray(
      () => makeLines(lineMax),
      (lines, chunks) => [lines, chunks.flatMap(lines.take)],
      { onHalt: (lines) => lines.end() }
    )
  )

/** Opens a rollout: its header, and its entries, which are read on demand. */
export const openRollout = Effect.fnUntraced(function* (
  path: string
): Effect.fn.Return<
  { readonly header: Header; readonly entries: Stream.Stream<Entry, PlatformError.PlatformError> },
  Unusable | PlatformError.PlatformError,
  FileSystem.FileSystem
> {
  const fs = yield* FileSystem.FileSystem
  yield* whenRegular(fs, path)
  const [first = ""] = yield* Stream.runCollect(Stream.take(linesOf(fs, path, lineMax), 1))
  const header = first === tooLong ? undefined : headerOf(first)
  if (header === undefined) return yield* new Unusable({ path, line: 1, description: "it is not a rollout of codex" })
  return {
    header,
    entries: Stream.suspend(() =>
      Stream.mapAccumArray(
        linesOf(fs, path),
        () => makeRolloutReader(header),
        (reader, lines) => [reader, lines.flatMap(reader.take)],
        { onHalt: (reader) => reader.end() }
      )
    )
  }
})
