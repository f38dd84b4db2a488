/**
 * Bounded streams of the server's reports about one activity, for one consumer.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { AppServer } from "../../AppServer.ts"
import { type ConnectionFailed, SlowConsumer } from "../../CodexError.ts"
import { type Buffer, makeBuffer } from "../delivery/buffer.ts"

export interface FeedOptions<A> {
  /** How much may stay unread before the stream fails with `SlowConsumer`. */
  readonly maxBytes: number
  readonly bytes: (value: A) => number
}

/** A feed that its producer ends. */
export const makeOwnedFeed = <A, E = never>(options: FeedOptions<A>): Buffer<A, E | SlowConsumer> =>
  makeBuffer<A, E | SlowConsumer>({
    ...options,
    highWater: Number.POSITIVE_INFINITY,
    merge: () => undefined,
    overflow: (unread) => new SlowConsumer({ unread, unit: "bytes" })
  })

/** A feed that fails with the connection. */
export const makeFeed = Effect.fnUntraced(function* <A>(
  server: AppServer["Service"],
  options: FeedOptions<A>
): Effect.fn.Return<Buffer<A, ConnectionFailed | SlowConsumer>, never, Scope.Scope> {
  const feed = makeOwnedFeed<A, ConnectionFailed>(options)
  yield* Effect.forkScoped(Effect.catch(server.closed, (error) => Effect.sync(() => feed.fail(error))))
  return feed
})

let started = 0

/** An id for an activity that this client starts. It is unique in this process. */
export const nextId = (): string => `effect-codex-${++started}`
