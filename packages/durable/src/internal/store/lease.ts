/**
 * The lease of an owner: taking it, keeping it, giving it back.
 *
 * The row says until when the lease lasts, in the time of day, which all processes of a machine share. Whether it was renewed in time is
 * measured on the monotonic clock. Being late only ever costs the owner its lease: the epoch, which is checked
 * with each commit, keeps two owners apart.
 */
import * as CheckedOption from "@effect-codex/core/CheckedOption"
import type { InvalidConfig } from "@effect-codex/core/CodexError"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { StaleOwner, StoreBusy, StoreFailed } from "../../DurableError.ts"
import type { Lease, LeaseOptions } from "../../SessionStore.ts"
import { checkEpoch } from "./changes.ts"
import type { LeaseRow, Rows } from "./rows.ts"

/** This process, as an owner names itself. */
export interface Process {
  readonly holder: string
  readonly machine: string
  readonly processId: number
  /** Whether the process with this lease is known to have exited. */
  readonly hasExited: (lease: LeaseRow) => Effect.Effect<boolean>
}

interface Backend {
  readonly name: string
  readonly process: Process
  readonly transaction: <A, E>(use: (rows: Rows) => Effect.Effect<A, E>) => Effect.Effect<A, E | StoreFailed>
}

/** How long a lease lasts without a renewal. */
export const checkDuration = (
  path: string,
  duration: Duration.Input | undefined
): Effect.Effect<Duration.Duration, InvalidConfig> => CheckedOption.timeout(path, duration ?? Duration.seconds(15))

const monotonicMillis = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos / 1_000_000n))

export const hold = Effect.fnUntraced(function* (
  { name, process, transaction }: Backend,
  options?: LeaseOptions
): Effect.fn.Return<Lease, InvalidConfig | StoreBusy | StoreFailed, Scope.Scope> {
  const duration = Duration.toMillis(yield* checkDuration("duration", options?.duration))
  const holder = options?.holder ?? process.holder
  const { machine, processId } = process

  const take = transaction((rows) =>
    Effect.gen(function* () {
      const before = yield* rows.lease
      const now = yield* Clock.currentTimeMillis
      if (before !== undefined && before.expiresAt > now && !(yield* process.hasExited(before))) {
        return yield* new StoreBusy({ store: name, holder: before.holder, expiresAt: before.expiresAt })
      }
      const epoch = (before?.epoch ?? 0) + 1
      yield* rows.putLease({ epoch, holder, machine, processId, expiresAt: now + duration })
      return epoch
    })
  )
  const prolong = (epoch: number, until: (now: number) => number) =>
    transaction((rows) =>
      Effect.gen(function* () {
        yield* checkEpoch(rows, name, epoch)
        const now = yield* Clock.currentTimeMillis
        yield* rows.putLease({ epoch, holder, machine, processId, expiresAt: until(now) })
      })
    )

  const begin = yield* monotonicMillis
  const epoch = yield* Effect.acquireRelease(take, (epoch) => Effect.ignore(prolong(epoch, () => 0)))
  const lost = yield* Deferred.make<never, StaleOwner | StoreFailed>()

  const keep = Effect.gen(function* () {
    let renewedAt = begin
    let failure = new StoreFailed({
      store: name,
      reason: { _tag: "Unavailable", description: "the lease could not be renewed in time" }
    })
    while (true) {
      const attemptedAt = yield* monotonicMillis
      const left = renewedAt + (duration * 2) / 3 - attemptedAt
      // An owner that was suspended still tries once: the lease is its own as long as no other has taken it.
      const renewed = yield* prolong(epoch, (now) => now + duration).pipe(
        Effect.timeoutOption(Math.max(left, duration / 30)),
        Effect.exit
      )
      if (Exit.isSuccess(renewed) && Option.isSome(renewed.value)) {
        renewedAt = attemptedAt
        yield* Effect.sleep(duration / 3)
        continue
      }
      const error = Exit.isSuccess(renewed) ? Option.none() : Exit.findErrorOption(renewed)
      if (Option.isSome(error)) {
        if (error.value._tag === "StaleOwner") return yield* error.value
        failure = error.value
      }
      if ((yield* monotonicMillis) - renewedAt >= (duration * 2) / 3) return yield* failure
      yield* Effect.sleep(duration / 30)
    }
  })
  yield* Effect.forkScoped(
    Effect.andThen(
      Effect.sleep(duration / 3),
      Effect.catchCause(keep, (cause) => Deferred.failCause(lost, cause))
    )
  )
  return { epoch, holder, lost: Deferred.await(lost) }
})
