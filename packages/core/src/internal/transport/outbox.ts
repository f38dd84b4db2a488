/**
 * The lines that wait to be written. The writer pulls all of them at once.
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import type { ConnectionFailed } from "../../CodexError.ts"

export interface Outbox {
  /** Waits while more than the limit is unwritten. Fails once no more lines are accepted. */
  readonly room: Effect.Effect<void, ConnectionFailed>
  /** Whether `room` would succeed at once. */
  readonly hasRoom: () => boolean
  /** Queues a line. Does nothing once no more lines are accepted. */
  readonly write: (line: string) => void
  /** Pulls all queued lines. Ends after `end`, when the rest was pulled. */
  readonly pull: Pull.Pull<Arr.NonEmptyReadonlyArray<string>>
  /** Accepts no more lines. Queued ones are still written. */
  readonly end: (error: ConnectionFailed) => void
  /** Accepts no more lines and drops the queued ones, because the peer is gone. */
  readonly fail: (error: ConnectionFailed) => void
}

/** 1 Mi of UTF-16 code units. */
export const defaultWriteBufferLength = 1_048_576

export const makeOutbox = (limit: number): Outbox => {
  let lines: Array<string> = []
  let length = 0
  let closed: ConnectionFailed | undefined
  let written: Deferred.Deferred<void> | undefined
  let wake: (() => void) | undefined

  const notify = () => {
    const waiting = wake
    wake = undefined
    waiting?.()
  }

  const release = () => {
    if (written === undefined) return
    Deferred.doneUnsafe(written, Effect.void)
    written = undefined
  }

  const close = (error: ConnectionFailed) => {
    closed ??= error
    release()
    notify()
  }

  const room: Outbox["room"] = Effect.suspend(() => {
    if (closed !== undefined) return Effect.fail(closed)
    if (length <= limit) return Effect.void
    written ??= Deferred.makeUnsafe()
    return Effect.andThen(Deferred.await(written), room)
  })

  const hasRoom = () => closed === undefined && length <= limit

  const write: Outbox["write"] = (line) => {
    if (closed !== undefined) return
    lines.push(line)
    length += line.length
    notify()
  }

  const pull: Outbox["pull"] = Effect.suspend(() => {
    if (Arr.isArrayNonEmpty(lines)) {
      const taken = lines
      lines = []
      length = 0
      release()
      return Effect.succeed(taken)
    }
    if (closed !== undefined) return Cause.done()
    // Resumed in a microtask, so that lines that are queued together leave in one write.
    return Effect.flatMap(
      Effect.callback<void>((resume) => {
        wake = () => queueMicrotask(() => resume(Effect.void))
      }),
      () => pull
    )
  })

  return {
    room,
    hasRoom,
    write,
    pull,
    end: close,
    fail: (error) => {
      lines = []
      length = 0
      close(error)
    }
  }
}
