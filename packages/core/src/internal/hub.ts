/**
 * What the connection tells to whoever listens at the moment: each listener with a buffer of its own, none of which can hold
 * up the others or the reader.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import { type ConnectionFailed, SlowConsumer } from "../CodexError.ts"
import { type Buffer, type BufferOptions, makeBuffer } from "./buffer.ts"

export interface Hub<A> {
  readonly offer: (value: A) => void
  readonly hasListeners: () => boolean
  /** The connection is gone: those who listen, and those who come later, are told. */
  readonly end: (error: ConnectionFailed) => void
  /** Listens from now on, until the scope closes; what comes is read by running the stream, once. */
  readonly subscribe: Effect.Effect<Stream.Stream<A, ConnectionFailed | SlowConsumer>, never, Scope.Scope>
}

export const makeHub = <A>(
  options: Omit<BufferOptions<A, never>, "overflow"> & {
    /** What `bytes` counts. */
    readonly unit: SlowConsumer["unit"]
  }
): Hub<A> => {
  const listeners = new Set<Buffer<A, ConnectionFailed | SlowConsumer>>()
  let ended: ConnectionFailed | undefined

  const join = Effect.sync(() => {
    const buffer = makeBuffer<A, ConnectionFailed | SlowConsumer>({
      ...options,
      overflow: (unread) => new SlowConsumer({ unread, unit: options.unit })
    })
    if (ended === undefined) listeners.add(buffer)
    else buffer.fail(ended)
    return buffer
  })

  return {
    offer: (value) => {
      if (listeners.size === 0) return
      for (const listener of listeners) listener.offer(value)
    },
    hasListeners: () => listeners.size > 0,
    end: (error) => {
      ended ??= error
      for (const listener of listeners) listener.fail(error)
    },
    subscribe: Effect.map(
      Effect.acquireRelease(join, (buffer) => Effect.sync(() => listeners.delete(buffer))),
      (buffer) => buffer.stream
    )
  }
}
