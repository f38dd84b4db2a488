/**
 * Writes of many callers in one transaction, so that they share one wait for the disk.
 *
 * The first write of a batch waits a little for others, unless one of them is urgent. A refusal is the caller's own. A failure of the
 * store fails the whole batch, and nothing of it is stored: SQLite may have rolled back more than the write that failed.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Latch from "effect/Latch"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { StoreFailed } from "../../DurableError.ts"

type Run = <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E | StoreFailed>

interface Pending {
  /** Runs in the transaction, and returns what tells the caller once it is on disk. */
  readonly run: Effect.Effect<Effect.Effect<void>, StoreFailed>
  readonly fail: (exit: Exit.Exit<never, StoreFailed>) => Effect.Effect<void>
}

export interface Batches {
  readonly submit: <A, E>(isUrgent: boolean, write: Effect.Effect<A, E>) => Effect.Effect<A, E | StoreFailed>
}

/** `transaction` makes one of effects; `part` makes a part of one that can be rolled back by itself. */
export const makeBatches = Effect.fnUntraced(function* (options: {
  readonly wait: Duration.Input
  readonly transaction: Run
  readonly part: Run
}): Effect.fn.Return<Batches, never, Scope.Scope> {
  let pending: Array<Pending> = []
  const filled = Latch.makeUnsafe(false)
  const urgent = Latch.makeUnsafe(false)

  const flush = Effect.suspend(() => {
    const batch = pending
    pending = []
    filled.closeUnsafe()
    urgent.closeUnsafe()
    if (batch.length === 0) return Effect.void
    return Effect.matchCauseEffect(options.transaction(Effect.forEach(batch, ({ run }) => run)), {
      onFailure: (cause) => Effect.forEach(batch, ({ fail }) => fail(Exit.failCause(cause)), { discard: true }),
      onSuccess: (tell) => Effect.all(tell, { discard: true })
    })
  })

  yield* Effect.addFinalizer(() => flush)
  yield* Effect.forkScoped(
    Effect.forever(
      Effect.gen(function* () {
        yield* filled.await
        yield* Effect.timeoutOption(urgent.await, options.wait)
        yield* Effect.uninterruptible(flush)
      })
    )
  )

  return {
    submit: <A, E>(isUrgent: boolean, write: Effect.Effect<A, E>) =>
      Effect.uninterruptible(
        Effect.gen(function* () {
          const done = yield* Deferred.make<A, E | StoreFailed>()
          pending.push({
            run: Effect.flatMap(Effect.exit(options.part(write)), (exit) => {
              const error = Exit.isSuccess(exit) ? Option.none() : Exit.findErrorOption(exit)
              if (Option.isSome(error) && error.value instanceof StoreFailed) return Effect.fail(error.value)
              if (Exit.isFailure(exit) && Option.isNone(error)) return Effect.die(Cause.squash(exit.cause))
              return Effect.succeed(Effect.asVoid(Deferred.done(done, exit)))
            }),
            fail: (exit) => Effect.asVoid(Deferred.done(done, exit))
          })
          filled.openUnsafe()
          if (isUrgent) urgent.openUnsafe()
          return yield* Deferred.await(done)
        })
      )
  }
})
