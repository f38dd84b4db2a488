/**
 * The text so far of a turn's unfinished messages. It is bounded, because the engine limits the length of strings, and code in
 * the connection's reader must not throw.
 */
import { longestString } from "../options.ts"

export interface StreamedText {
  readonly add: (itemId: string, delta: string) => void
  readonly complete: (itemId: string) => void
  /** The text of the messages whose ids satisfy `holds`. */
  readonly read: (holds: (itemId: string) => boolean) => string
  /** Whether the text exceeded the limit. Later text is not kept. */
  readonly isTooLong: () => boolean
}

/** `maxLength` is in UTF-16 code units, of all messages together. */
export const makeStreamedText = (maxLength: number): StreamedText => {
  const limit = Math.min(maxLength, longestString)
  const texts = new Map<string, string>()
  // The newest pieces of the current message are kept separately, and joined now and then: a million small strings would burden
  // the garbage collector.
  let writing: string | undefined
  let pieces: Array<string> = []
  let length = 0
  let tooLong = false

  const join = () => {
    if (writing !== undefined && pieces.length > 0) texts.set(writing, (texts.get(writing) ?? "") + pieces.join(""))
    pieces = []
  }

  return {
    add: (itemId, delta) => {
      if (tooLong) return
      if (length + delta.length > limit) {
        tooLong = true
        return
      }
      length += delta.length
      if (itemId !== writing || pieces.length === 32) {
        join()
        writing = itemId
      }
      pieces.push(delta)
    },
    complete: (itemId) => {
      join()
      writing = undefined
      length -= texts.get(itemId)?.length ?? 0
      texts.delete(itemId)
    },
    read: (holds) => {
      join()
      return Array.from(texts)
        .flatMap(([itemId, text]) => (holds(itemId) ? [text] : []))
        .join("")
    },
    isTooLong: () => tooLong
  }
}
