/**
 * The lease of an owner: taking it, keeping it, giving it back. And the claims of owners that share a store.
 *
 * The row says until when the lease lasts, by the clock of the store. Whether it was renewed in time is
 * measured on the monotonic clock. Being late only ever costs the owner its lease: the epoch, which is checked
 * with each commit, keeps two owners apart. Taking over a session whose owner is late ends all of the lease that
 * it was claimed with, so that its owner learns of it.
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
import { StaleOwner, StoreBusy, StoreFailed, UnknownSession } from "../../DurableError.ts"
import type { Lease, LeaseOptions } from "../../SessionStore.ts"
import { checkLease } from "./changes.ts"
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

/** Whether the lease has run out, or its process has exited. */
const isOver = ({ hasExited }: Process, lease: LeaseRow, now: number): Effect.Effect<boolean> =>
  lease.expiresAt <= now ? Effect.succeed(true) : hasExited(lease)

const busy = (store: string, { expiresAt, holder }: LeaseRow) => new StoreBusy({ store, holder, expiresAt })

interface Claim {
  readonly epoch: number
  readonly session: string
}

/** Takes a session for an owner that shares the store, inside of a transaction. */
export const claim = Effect.fnUntraced(function* (
  rows: Rows,
  { name, process }: Pick<Backend, "name" | "process">,
  { epoch, session }: Claim
): Effect.fn.Return<void, StaleOwner | StoreBusy | StoreFailed | UnknownSession> {
  if ((yield* rows.session(session)) === undefined) return yield* new UnknownSession({ session })
  yield* checkLease(rows, name, epoch)
  const before = yield* rows.claim(session)
  if (before === epoch) return
  const other = before === undefined ? undefined : yield* rows.lease(before)
  if (other !== undefined && !(yield* isOver(process, other, yield* rows.now))) return yield* busy(name, other)
  if (other !== undefined) yield* rows.putLease({ ...other, expiresAt: 0 })
  yield* rows.putClaim(session, epoch)
})

/** Gives a session back, inside of a transaction. Does nothing for a session that the owner does not have. */
export const release = Effect.fnUntraced(function* (
  rows: Rows,
  { epoch, session }: Claim
): Effect.fn.Return<void, StoreFailed> {
  if ((yield* rows.session(session)) === undefined) return
  if ((yield* rows.claim(session)) === epoch) yield* rows.putClaim(session, undefined)
})

const monotonicMillis = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos / 1_000_000n))

export const hold = Effect.fnUntraced(function* (
  { name, process, transaction }: Backend,
  options?: LeaseOptions
): Effect.fn.Return<Lease, InvalidConfig | StoreBusy | StoreFailed, Scope.Scope> {
  const duration = Duration.toMillis(yield* checkDuration("duration", options?.duration))
  const holder = options?.holder ?? process.holder
  const { machine, processId } = process

  const isShared = options?.isShared ?? false

  const take = transaction((rows) =>
    Effect.gen(function* () {
      const leases = yield* rows.leases
      const now = yield* rows.now
      for (const other of leases) {
        if ((isShared && other.isShared) || (yield* isOver(process, other, now))) continue
        return yield* busy(name, other)
      }
      const epoch = (leases.at(-1)?.epoch ?? 0) + 1
      yield* rows.addLease({ epoch, holder, machine, processId, isShared, expiresAt: now + duration })
      for (const other of leases) {
        if (yield* isOver(process, other, now)) yield* rows.deleteLease(other.epoch)
      }
      return epoch
    })
  )
  const prolong = (epoch: number, until: (now: number) => number) =>
    transaction((rows) =>
      Effect.gen(function* () {
        const lease = yield* checkLease(rows, name, epoch)
        const now = yield* rows.now
        yield* rows.putLease({ ...lease, expiresAt: until(now) })
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
