/**
 * Writes the completed items of a turn in order, and keeps them while the store is down, up to a limit.
 *
 * Over the limit the turn has to be interrupted: nothing may happen that is never recorded. This module knows no turn.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"
import type { CommitRefused, StaleOwner } from "../../DurableError.ts"
import type { Change } from "../../SessionStore.ts"

export interface Recorder {
  readonly add: (change: Change) => void
  /** Waits until everything is stored. */
  readonly flush: Effect.Effect<void, CommitRefused | StaleOwner>
  /** Waits until more than the limit waits to be stored. */
  readonly overflow: Effect.Effect<void>
}

export const make = Effect.fnUntraced(function* (options: {
  /** Repeated while the store is down. */
  readonly commit: (changes: ReadonlyArray<Change>) => Effect.Effect<unknown, CommitRefused | StaleOwner>
  /** In bytes of JSON. */
  readonly maxBytes: number
}): Effect.fn.Return<Recorder, never, Scope.Scope> {
  const hasWork = yield* Latch.make(false)
  const isIdle = yield* Latch.make(true)
  const overflow = Deferred.makeUnsafe<void>()
  const failed = Deferred.makeUnsafe<never, CommitRefused | StaleOwner>()
  let pending: ReadonlyArray<Change> = []
  let bytes = 0

  const write = Effect.gen(function* () {
    yield* hasWork.await
    const changes = pending
    const size = bytes
    yield* options.commit(changes)
    pending = pending.slice(changes.length)
    bytes -= size
    if (pending.length > 0) return
    hasWork.closeUnsafe()
    isIdle.openUnsafe()
  })
  yield* Effect.forever(write).pipe(
    Effect.catch((error) => Deferred.fail(failed, error)),
    Effect.forkScoped
  )

  return {
    add: (change) => {
      pending = [...pending, change]
      bytes += JSON.stringify(change).length
      if (bytes > options.maxBytes) Deferred.doneUnsafe(overflow, Effect.void)
      isIdle.closeUnsafe()
      hasWork.openUnsafe()
    },
    flush: Effect.raceFirst(isIdle.await, Deferred.await(failed)),
    overflow: Deferred.await(overflow)
  }
})
