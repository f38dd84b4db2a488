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

export interface BufferOptions<A, E> {
  /** The number of unread values from which on adjacent ones are merged. */
  readonly highWater: number
  /** The unread bytes from which on the stream fails. */
  readonly maxBytes: number
  readonly bytes: (value: A) => number
  /** One value that stands for two adjacent ones, or `undefined` if there is none. */
  readonly merge: (last: A, next: A) => A | undefined
  readonly overflow: (bytes: number) => E
}

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
  let unread: Array<A> = []
  let bytes = 0
  let done: Effect.Effect<never, E | Cause.Done> | undefined
  let wake: (() => void) | undefined

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
    const last = unread.length >= options.highWater ? unread.at(-1) : undefined
    const merged = last === undefined ? undefined : options.merge(last, value)
    if (last === undefined || merged === undefined) {
      unread.push(value)
      bytes += options.bytes(value)
    } else {
      unread[unread.length - 1] = merged
      bytes += options.bytes(merged) - options.bytes(last)
    }
    if (bytes > options.maxBytes) finish(Effect.fail(options.overflow(bytes)))
    else notify()
  }

  const pull: Effect.Effect<Arr.NonEmptyReadonlyArray<A>, E | Cause.Done> = Effect.suspend(() => {
    if (Arr.isArrayNonEmpty(unread)) {
      const chunk = unread
      unread = []
      bytes = 0
      return Effect.succeed(chunk)
    }
    if (done !== undefined) return done
    // Resumed in a microtask: after the chunk that is being read, so its values come together, and off the reader's stack.
    return Effect.andThen(
      Effect.callback<void>((resume) => {
        wake = () => queueMicrotask(() => resume(Effect.void))
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
