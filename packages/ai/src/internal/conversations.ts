/**
 * Which thread knows which conversation: by the key of all its messages, so that a prompt that continues it is sent
 * without the messages that the thread has.
 *
 * A conversation is taken out while somebody uses it, since a thread can go on in one way only. The others are given
 * up when there are too many, when a held turn has waited too long, and with the scope.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"

/** A conversation that can be continued, and how to release it. */
export interface Entry<A> {
  readonly value: A
  readonly release: Effect.Effect<void>
}

export interface Conversations<A> {
  /** Takes what is there under the key, for the caller alone. */
  readonly take: (key: string) => A | undefined
  /** Whether there is something under the key. */
  readonly peek: (key: string) => A | undefined
  /** Keeps it. `lifetime`: how long at most. */
  readonly put: (key: string, entry: Entry<A>, lifetime?: Duration.Duration) => Effect.Effect<void>
  readonly size: () => number
}

export const make = <A>(capacity: number): Effect.Effect<Conversations<A>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const entries = new Map<string, Entry<A>>()
    const giveUp = (key: string, entry: Entry<A>) =>
      Effect.suspend(() => {
        if (entries.get(key) !== entry) return Effect.void
        entries.delete(key)
        return entry.release
      })
    yield* Effect.addFinalizer(() =>
      Effect.forEach(Array.from(entries), ([key, entry]) => giveUp(key, entry), {
        concurrency: "unbounded",
        discard: true
      })
    )
    return {
      take: (key) => {
        const entry = entries.get(key)
        entries.delete(key)
        return entry?.value
      },
      peek: (key) => entries.get(key)?.value,
      put: Effect.fnUntraced(function* (key, entry, lifetime) {
        const before = entries.get(key)
        if (before !== undefined) yield* giveUp(key, before)
        entries.set(key, entry)
        if (lifetime !== undefined) {
          yield* Effect.forkIn(Effect.andThen(Effect.sleep(lifetime), giveUp(key, entry)), scope)
        }
        const [oldest] = entries
        if (entries.size > capacity && oldest !== undefined) {
          yield* Effect.forkIn(Effect.uninterruptible(giveUp(...oldest)), scope)
        }
      }),
      size: () => entries.size
    }
  })
