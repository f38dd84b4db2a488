/**
 * What one producer has said, for any number of readers, each of whom begins at the beginning.
 *
 * The past is kept within the same bounds as what a reader leaves unread: deltas are merged over the high-water mark, and
 * past the byte budget there is no beginning any more, so a reader who comes then fails, while those who are there go on.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { type Buffer, type BufferOptions, makeBuffer } from "./buffer.ts"

export const makeReplay = <A, E>(options: BufferOptions<A, E>): Buffer<A, E> => {
  const readers = new Set<Buffer<A, E>>()
  let past: Array<A> = []
  let bytes = 0
  let finish: ((reader: Buffer<A, E>) => void) | undefined

  const end = (how: (reader: Buffer<A, E>) => void) => {
    if (finish !== undefined) return
    finish = how
    for (const reader of readers) how(reader)
    readers.clear()
  }

  const join = Effect.sync(() => {
    const reader = makeBuffer<A, E>(options)
    if (bytes > options.maxBytes) reader.fail(options.overflow(bytes))
    for (const value of past) reader.offer(value)
    if (finish === undefined) readers.add(reader)
    else finish(reader)
    return reader
  })

  return {
    offer: (value) => {
      if (finish !== undefined) return
      if (bytes <= options.maxBytes) {
        const last = past.length >= options.highWater ? past.at(-1) : undefined
        const merged = last === undefined ? undefined : options.merge(last, value)
        if (last === undefined || merged === undefined) {
          past.push(value)
          bytes += options.bytes(value)
        } else {
          past[past.length - 1] = merged
          bytes += options.bytes(merged) - options.bytes(last)
        }
        if (bytes > options.maxBytes) past = []
      }
      for (const reader of readers) reader.offer(value)
    },
    end: () => end((reader) => reader.end()),
    fail: (error) => end((reader) => reader.fail(error)),
    stream: Effect.acquireRelease(join, (reader) => Effect.sync(() => readers.delete(reader))).pipe(
      Effect.map((reader) => reader.stream),
      Stream.unwrap
    )
  }
}
