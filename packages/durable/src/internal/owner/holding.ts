/**
 * The sessions that an owner holds of a store that it shares: claimed, run, left and given back, one after the other.
 *
 * A claim that could not be given back, because the store was down, is given back when the scheduler meets it. This module does not know
 * who decides which sessions to hold.
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Semaphore from "effect/Semaphore"
import type { StaleOwner } from "../../DurableError.ts"
import type { SessionStore } from "../../SessionStore.ts"

interface Held {
  readonly idle: Latch.Latch
  /** Its job is stopped, and none may be started. */
  readonly isLeaving: boolean
}

export interface Holding {
  /** The sessions that are held now. */
  readonly current: () => ReadonlyMap<string, Held>
  /** Tells who holds one of these sessions whether it has something to do. */
  readonly settle: (before: ReadonlyMap<string, Held>, isBusy: (session: string) => boolean) => void
  /** Gives a session back that is not held. */
  readonly giveBack: (session: string) => Effect.Effect<void>
  readonly hold: (
    session: string,
    use: {
      readonly look: Effect.Effect<void>
      /** Stops what runs of it. */
      readonly leave: (session: string) => Effect.Effect<void>
    }
  ) => Effect.Effect<void, StaleOwner>
}

/** As often is a session tried that another owner has: it gives it back, or its lease ends. */
const claimPause = "250 millis"

export const make = (store: SessionStore["Service"], epoch: number): Holding => {
  let held: ReadonlyMap<string, Held> = new Map()
  // A session is not claimed while it is given back.
  const turns = Semaphore.makeUnsafe(1)

  const put = (session: string, entry: Held) => {
    held = new Map([...held, [session, entry]])
  }
  const forget = (session: string) => {
    held = new Map(Array.from(held).filter(([id]) => id !== session))
  }

  const claim = (session: string): Effect.Effect<Held | undefined, StaleOwner> =>
    store.claim({ epoch, session }).pipe(
      Effect.map(() => {
        const entry: Held = { idle: Latch.makeUnsafe(false), isLeaving: false }
        put(session, entry)
        return entry
      }),
      turns.withPermits(1),
      Effect.catchTags({
        UnknownSession: () => Effect.undefined,
        StoreBusy: () => Effect.andThen(Effect.sleep(claimPause), claim(session)),
        StoreFailed: () => Effect.andThen(Effect.sleep(claimPause), claim(session))
      })
    )

  const giveBack = (session: string): Effect.Effect<void> =>
    turns.withPermits(1)(
      Effect.suspend(() => (held.has(session) ? Effect.void : Effect.ignore(store.release({ epoch, session }))))
    )

  return {
    current: () => held,
    settle: (before, isBusy) => {
      for (const [session, { idle }] of before) if (!isBusy(session)) idle.openUnsafe()
    },
    giveBack,
    hold: (session, { leave, look }) =>
      Effect.acquireUseRelease(
        Effect.interruptible(claim(session)),
        (entry) => (entry === undefined ? Effect.void : Effect.andThen(look, entry.idle.await)),
        (entry) =>
          entry === undefined
            ? Effect.void
            : Effect.sync(() => put(session, { ...entry, isLeaving: true })).pipe(
                Effect.andThen(leave(session)),
                Effect.andThen(Effect.sync(() => forget(session))),
                Effect.andThen(giveBack(session))
              )
      )
  }
}
