/**
 * The writes of one session with the owner's epoch: once, urgently, or again and again while the store is down.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Schedule from "effect/Schedule"
import type { CommitRefused, StaleOwner, StoreFailed } from "../../DurableError.ts"
import type { Job, JobOutcome } from "../../Job.ts"
import type { Change, Committed } from "../../SessionStore.ts"
import type { Owner } from "./owner.ts"

export type WriteError = CommitRefused | StaleOwner | StoreFailed

export interface Writes {
  readonly commit: (changes: ReadonlyArray<Change>) => Effect.Effect<Committed, WriteError>
  /** Does not wait for other writes. */
  readonly commitNow: (changes: ReadonlyArray<Change>) => Effect.Effect<Committed, WriteError>
  /** Settles the job, with these changes before. Waits while the store is down. */
  readonly settle: (
    job: Job,
    outcome: JobOutcome,
    before?: ReadonlyArray<Change>
  ) => Effect.Effect<"settled", CommitRefused | StaleOwner>
}

/** Repeats a write while the store is down. */
export const persist = <A, E extends { readonly _tag: string }>(
  write: Effect.Effect<A, E | StoreFailed>
): Effect.Effect<A, E> =>
  Effect.catch(write, (error) =>
    isDown(error) ? Effect.andThen(Effect.sleep(pause), persist(write)) : Effect.fail(error)
  )

/** The same, for so long. */
export const persistFor = <A, E>(
  write: Effect.Effect<A, E | StoreFailed>,
  duration: Duration.Duration
): Effect.Effect<A, E | StoreFailed> =>
  Effect.retry(write, {
    while: isDown,
    times: Math.floor(Duration.toMillis(duration) / Duration.toMillis(pause)),
    schedule: Schedule.spaced(pause)
  })

const pause = Duration.millis(250)

const isDown = <E>(error: E | StoreFailed): error is StoreFailed =>
  Predicate.hasProperty(error, "_tag") && error._tag === "StoreFailed"

export const make = ({ epoch, hook, store }: Owner, session: string): Writes => {
  const write = (isUrgent: boolean) => (changes: ReadonlyArray<Change>) =>
    store.commit({ epoch, session, changes, isUrgent })
  const commitNow = write(true)
  return {
    commit: write(false),
    commitNow,
    settle: (job, outcome, before = []) =>
      persist(commitNow([...before, { type: "jobSettled", key: job.key, outcome }])).pipe(
        Effect.andThen(hook("jobSettled", { session, key: job.key, attempt: job.attempts.length })),
        Effect.as("settled")
      )
  }
}
