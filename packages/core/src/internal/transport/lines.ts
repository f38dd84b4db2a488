/**
 * Splits a stream of bytes into lines in one pass, for any chunking, including characters split across chunks, and with CRLF.
 */
import { longestString } from "../options.ts"

/** The result of `push` for a line that exceeds the limit. The line is dropped. */
export interface LineTooLong {
  readonly limit: number
}

export interface LineSplitter {
  /** Takes a chunk and calls `onLine` with each complete, non-empty line, without its line break. */
  readonly push: (chunk: Uint8Array) => LineTooLong | undefined
  /** Call it after the last chunk: emits a last line without a line break. */
  readonly end: () => void
}

/**
 * Makes a splitter.
 *
 * `maxLength` is the maximum length of a line, in UTF-16 code units. Bytes that are not UTF-8 become U+FFFD.
 */
export const makeLineSplitter = (maxLength: number, onLine: (line: string) => void): LineSplitter => {
  const limit = Math.min(maxLength, longestString)
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true })
  // The unfinished line, in pieces: joining once at its end keeps long lines linear.
  let pieces: Array<string> = []
  let length = 0

  const emit = (line: string) => {
    const end = line.endsWith("\r") ? line.length - 1 : line.length
    if (end > 0) onLine(end === line.length ? line : line.slice(0, end))
  }

  const tooLong = (): LineTooLong => {
    pieces = []
    length = 0
    return { limit }
  }

  const split = (text: string): LineTooLong | undefined => {
    let start = 0
    let index = text.indexOf("\n")
    while (index >= 0) {
      if (length + index - start > limit) return tooLong()
      if (pieces.length === 0) emit(text.slice(start, index))
      else {
        pieces.push(text.slice(start, index))
        const line = pieces.join("")
        pieces = []
        length = 0
        emit(line)
      }
      start = index + 1
      index = text.indexOf("\n", start)
    }
    if (start < text.length) {
      pieces.push(text.slice(start))
      length += text.length - start
      if (length > limit) return tooLong()
    }
    return undefined
  }

  return {
    push: (chunk) => split(decoder.decode(chunk, { stream: true })),
    end: () => {
      // Flushes the rest of an incomplete character.
      if (split(decoder.decode()) !== undefined || pieces.length === 0) return
      const line = pieces.join("")
      pieces = []
      length = 0
      emit(line)
    }
  }
}
