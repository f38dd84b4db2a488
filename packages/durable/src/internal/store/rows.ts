/**
 * The rows that a store reads and writes inside one transaction.
 *
 * Every kind of store implements these few operations, and the rules are written once on top of them, in `changes` and
 * `clients`. Rows know no rules.
 *
 * The room knows how sessions are kept. It must not know codex: nothing here starts a process or reads a rollout.
 */
import * as Schema from "effect/Schema"
import type * as Effect from "effect/Effect"
import type { Approval } from "../../Approval.ts"
import type { StoreFailed } from "../../DurableError.ts"
import type { Job } from "../../Job.ts"
import type { Session } from "../../Session.ts"
import type { SessionEvent } from "../../SessionEvent.ts"
import type { Rollout } from "../../SessionStore.ts"

/**
 * The lease of an owner. The newest stays when it is given back or runs out: epochs only grow.
 */
export const LeaseRow = Schema.Struct({
  epoch: Schema.Int,
  holder: Schema.String,
  /** The machine, as far as process ids mean the same there; empty for a store that has none. */
  machine: Schema.String,
  processId: Schema.Int,
  /** Whether other owners may have leases at the same time, each with sessions of its own. */
  isShared: Schema.Boolean,
  /** 0: given back, or taken over. */
  expiresAt: Schema.Finite
})

export type LeaseRow = typeof LeaseRow.Type

type Read<A> = Effect.Effect<A, StoreFailed>
type Write = Effect.Effect<void, StoreFailed>

export interface Rows {
  /** The time of day, in milliseconds since 1970: one clock for all who use the store. */
  readonly now: Read<number>
  /** In a transaction, nobody else changes the lease until it is over. */
  readonly lease: (epoch: number) => Read<LeaseRow | undefined>
  /** Oldest first. */
  readonly leases: Read<ReadonlyArray<LeaseRow>>
  /** Fails if somebody else has just added a lease with this epoch, and the transaction is tried again. */
  readonly addLease: (lease: LeaseRow) => Write
  readonly putLease: (lease: LeaseRow) => Write
  readonly deleteLease: (epoch: number) => Write
  /** The epoch of the shared owner that has taken the session. */
  readonly claim: (session: string) => Read<number | undefined>
  readonly putClaim: (session: string, epoch: number | undefined) => Write
  /** Also removed ones. In a transaction, nobody else changes what belongs to the session until it is over. */
  readonly session: (id: string) => Read<Session | undefined>
  /** Whether the store may not have the session: it is limited to another tenant, or another tenant has the id. */
  readonly isForeign: (session: Session) => Read<boolean>
  /** Fails if somebody else has just added it, and the transaction is tried again. */
  readonly addSession: (session: Session) => Write
  readonly putSession: (session: Session) => Write
  /** With everything that belongs to it. */
  readonly deleteSession: (id: string) => Write
  readonly job: (session: string, key: string) => Read<Job | undefined>
  /** The number of the newest job; 0 without one. */
  /** Jobs that are not settled and have an attempt, oldest first. */
  readonly runningJobs: (session: string) => Read<ReadonlyArray<Job>>
  readonly lastJobNumber: (session: string) => Read<number>
  readonly addJob: (job: Job) => Write
  /** Writes everything but the prompt, which never changes. */
  readonly putJob: (job: Job) => Write
  readonly approval: (id: string) => Read<Approval | undefined>
  readonly putApproval: (approval: Approval) => Write
  /** Approvals of a job that are `open` or `decided`. */
  readonly unusedApprovals: (session: string, key: string) => Read<ReadonlyArray<Approval>>
  /** Whether the session has an event with this identity. */
  readonly hasEvent: (session: string, identity: string) => Read<boolean>
  readonly addEvent: (event: SessionEvent, identity: string) => Write
  /** The newest version. */
  readonly rollout: (session: string, threadId: string) => Read<Rollout | undefined>
  /** Adds bytes at the end of a rollout, which becomes as long as it says. */
  readonly addBytes: (session: string, rollout: Rollout, epoch: number, bytes: Uint8Array) => Write
  readonly addTurnEnd: (session: string, turnId: string) => Write
  readonly hasTurnEnd: (session: string, turnId: string) => Read<boolean>
}
