/**
 * What one producer has said, for any number of readers, each of whom begins at the beginning.
 *
 * The past is kept within the same bounds as what a reader leaves unread: deltas are merged over the high-water mark, and
 * past the byte budget there is no beginning any more, so a reader who comes then fails, while those who are there go on.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { type Buffer, type BufferOptions, keep, type Kept, makeBuffer } from "./buffer.ts"

export const makeReplay = <A, E>(options: BufferOptions<A, E>): Buffer<A, E> => {
  const readers = new Set<Buffer<A, E>>()
  const past: Kept<A> = { values: undefined, bytes: 0 }
  let finish: ((reader: Buffer<A, E>) => void) | undefined

  const end = (how: (reader: Buffer<A, E>) => void) => {
    if (finish !== undefined) return
    finish = how
    for (const reader of readers) how(reader)
    readers.clear()
  }

  const join = Effect.sync(() => {
    const reader = makeBuffer<A, E>(options)
    if (past.bytes > options.maxBytes) reader.fail(options.overflow(past.bytes))
    for (const value of past.values ?? []) reader.offer(value)
    if (finish === undefined) readers.add(reader)
    else finish(reader)
    return reader
  })

  return {
    offer: (value) => {
      if (finish !== undefined) return
      if (past.bytes <= options.maxBytes) {
        keep(past, value, options)
        if (past.bytes > options.maxBytes) past.values = undefined
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
