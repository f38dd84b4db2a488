/**
 * Splits a stream of bytes into lines: at any chunking, with characters split across chunks, with CRLF, in one pass.
 */
import { longestString } from "../options.ts"

/** What `push` returns when a line has grown over the limit. What there was of it is dropped. */
export interface LineTooLong {
  readonly limit: number
}

export interface LineSplitter {
  /** Takes a chunk and hands each complete, non-empty line to `onLine`, without its line break. */
  readonly push: (chunk: Uint8Array) => LineTooLong | undefined
  /** There are no more chunks: hands over a last line that has no line break. */
  readonly end: () => void
}

/**
 * Makes a splitter.
 *
 * `maxLength` is the greatest length of a line, in UTF-16 code units. Bytes that are not UTF-8 become U+FFFD.
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
      // What is left of a character that was cut.
      if (split(decoder.decode()) !== undefined || pieces.length === 0) return
      const line = pieces.join("")
      pieces = []
      length = 0
      emit(line)
    }
  }
}
