/**
 * What one consumer has not yet read, bounded without ever making its producer wait.
 *
 * Over the high-water mark adjacent values are merged where they can be, which loses nothing that a reader of text would
 * miss; over the byte budget the consumer's own stream fails, and nobody else notices.
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

export interface KeepOptions<A> {
  /** The number of values from which on adjacent ones are merged. */
  readonly highWater: number
  readonly bytes: (value: A) => number
  /** One value that stands for two adjacent ones, or `undefined` if there is none. */
  readonly merge: (last: A, next: A) => A | undefined
}

/** Values in order, with adjacent ones merged over the high-water mark, and what they amount to. */
export interface Kept<A> {
  values: Array<A>
  bytes: number
}

/** Whether the value was merged into the last one. */
export const keep = <A>(kept: Kept<A>, value: A, options: KeepOptions<A>): boolean => {
  const last = kept.values.length >= options.highWater ? kept.values.at(-1) : undefined
  const merged = last === undefined ? undefined : options.merge(last, value)
  if (last === undefined || merged === undefined) {
    kept.values.push(value)
    kept.bytes += options.bytes(value)
    return false
  }
  kept.values[kept.values.length - 1] = merged
  kept.bytes += options.bytes(merged) - options.bytes(last)
  return true
}

export interface BufferOptions<A, E> extends KeepOptions<A> {
  /** The unread bytes from which on the stream fails. */
  readonly maxBytes: number
  readonly overflow: (bytes: number) => E
  /** Told how much is unread and how many values were merged since it was told last: at each take, and at each doubling. */
  readonly observe?: ((bytes: number, merged: number) => void) | undefined
}

/** What is unread is worth telling from here on, in bytes. */
const firstReport = 65_536

export interface Buffer<A, E> {
  readonly offer: (value: A) => void
  /** What was offered before is still delivered; values offered later are dropped. */
  readonly end: () => void
  /** Like `end`, and then the stream fails. */
  readonly fail: (error: E) => void
  /** What was offered, once, in chunks. For one consumer. */
  readonly stream: Stream.Stream<A, E>
}

export const makeBuffer = <A, E>(options: BufferOptions<A, E>): Buffer<A, E> => {
  const unread: Kept<A> = { values: [], bytes: 0 }
  let merged = 0
  let nextReport = firstReport
  let done: Effect.Effect<never, E | Cause.Done> | undefined
  let wake: (() => void) | undefined

  const report = () => {
    options.observe?.(unread.bytes, merged)
    merged = 0
  }

  const notify = () => {
    const waiting = wake
    wake = undefined
    waiting?.()
  }

  const finish = (exit: Effect.Effect<never, E | Cause.Done>) => {
    done ??= exit
    notify()
  }

  const offer: Buffer<A, E>["offer"] = (value) => {
    if (done !== undefined) return
    if (keep(unread, value, options)) merged++
    if (unread.bytes >= nextReport) {
      nextReport = unread.bytes * 2
      report()
    }
    if (unread.bytes > options.maxBytes) finish(Effect.fail(options.overflow(unread.bytes)))
    else notify()
  }

  const pull: Effect.Effect<Arr.NonEmptyReadonlyArray<A>, E | Cause.Done> = Effect.suspend(() => {
    if (Arr.isArrayNonEmpty(unread.values)) {
      const chunk = unread.values
      report()
      nextReport = firstReport
      unread.values = []
      unread.bytes = 0
      return Effect.succeed(chunk)
    }
    if (done !== undefined) return done
    // Goes on when it is its turn with the scheduler: after all chunks that can be read by then, so that their values come
    // together, and off the reader's stack.
    return Effect.andThen(
      Effect.callback<void>((resume) => {
        wake = () => resume(Effect.yieldNow)
      }),
      pull
    )
  })

  return {
    offer,
    end: () => finish(Cause.done()),
    fail: (error) => finish(Effect.fail(error)),
    stream: Stream.fromPull(Effect.succeed(pull))
  }
}
