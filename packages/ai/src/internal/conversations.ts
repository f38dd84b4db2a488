/**
 * Which thread knows which conversation: by the key of all its messages, so that a prompt that continues it is sent
 * without the messages that the thread has.
 *
 * A conversation is taken out while somebody uses it, since a thread can go on in one way only. The others are given
 * up when there are too many, when another one has the same key, when a held turn has waited too long, and with the scope.
 * Only the scope waits for that.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
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

interface Kept<A> extends Entry<A> {
  /** Waits for the end of its lifetime. */
  timer: Fiber.Fiber<void> | undefined
}

export const make = <A>(capacity: number): Effect.Effect<Conversations<A>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const entries = new Map<string, Kept<A>>()
    let isClosed = false

    const remove = (key: string): Kept<A> | undefined => {
      const kept = entries.get(key)
      entries.delete(key)
      kept?.timer?.interruptUnsafe()
      return kept
    }
    const releaseInBackground = (kept: Kept<A> | undefined) =>
      kept === undefined ? Effect.void : Effect.forkIn(Effect.uninterruptible(kept.release), scope)
    const expire = (key: string, kept: Kept<A>) =>
      Effect.suspend(() => {
        if (entries.get(key) !== kept) return Effect.void
        entries.delete(key)
        return kept.release
      }).pipe(Effect.uninterruptible)

    yield* Effect.addFinalizer(() =>
      Effect.suspend(() => {
        isClosed = true
        const kept = Array.from(entries.keys()).flatMap((key) => remove(key) ?? [])
        return Effect.forEach(kept, ({ release }) => release, { concurrency: "unbounded", discard: true })
      })
    )
    return {
      take: (key) => remove(key)?.value,
      peek: (key) => entries.get(key)?.value,
      put: Effect.fnUntraced(function* (key, entry, lifetime) {
        if (isClosed) return yield* entry.release
        const kept: Kept<A> = { ...entry, timer: undefined }
        const replaced = remove(key)
        entries.set(key, kept)
        const [oldest] = entries.keys()
        const crowdedOut = entries.size > capacity && oldest !== undefined ? remove(oldest) : undefined
        if (lifetime !== undefined) {
          kept.timer = yield* Effect.forkIn(Effect.andThen(Effect.sleep(lifetime), expire(key, kept)), scope)
        }
        yield* releaseInBackground(replaced)
        yield* releaseInBackground(crowdedOut)
      }),
      size: () => entries.size
    }
  })
