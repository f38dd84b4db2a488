/**
 * Makes a store of what a kind of store brings: transactions, lists, and a way to notice changes.
 */
import * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { Approval } from "../../Approval.ts"
import { ApprovalGone, CommitRefused, type StoreFailed } from "../../DurableError.ts"
import type { Job } from "../../Job.ts"
import type { Session } from "../../Session.ts"
import type { SessionEvent } from "../../SessionEvent.ts"
import type { Owner, OwnerStore, Page, Rollout, RolloutRange, SessionStore, Work } from "../../SessionStore.ts"
import { applyCommit, checkEpoch, checkLease } from "./changes.ts"
import * as Clients from "./clients.ts"
import * as Lease from "./lease.ts"
import type { LeaseRow, Rows } from "./rows.ts"

/** A page whose limits are set. */
export interface FullPage<Cursor> {
  readonly after: Cursor | undefined
  readonly limit: number
}

type List<A> = Effect.Effect<ReadonlyArray<A>, StoreFailed>

export interface Backend {
  /** The file, or the name of the kind. */
  readonly name: string
  readonly process: Lease.Process
  /** Runs in a transaction that can write. If it fails, nothing is changed. */
  readonly transaction: <A, E>(use: (rows: Rows) => Effect.Effect<A, E>) => Effect.Effect<A, E | StoreFailed>
  /** The same, and may share the transaction with others, each of which fails by itself. */
  readonly batched: <A, E>(
    isUrgent: boolean,
    use: (rows: Rows) => Effect.Effect<A, E>
  ) => Effect.Effect<A, E | StoreFailed>
  /** Outside of any transaction. */
  readonly rows: Rows
  readonly sessions: (page: FullPage<string>, tenant: string | undefined) => List<Session>
  readonly jobs: (session: string, page: FullPage<number>, isOpen: boolean) => List<Job>
  readonly events: (session: string, page: FullPage<number>) => List<SessionEvent>
  readonly approvals: (
    page: FullPage<string>,
    filter: {
      readonly session: string | undefined
      readonly tenant: string | undefined
      readonly states: ReadonlyArray<Approval["state"]>
    }
  ) => List<Approval>
  /**
   * Sessions with a job that is not settled, and removed ones: all of them, those that this epoch has claimed, or those that no
   * lease claims which is valid at a time.
   */
  readonly busySessions: (
    page: FullPage<string>,
    claim: number | { readonly noneAt: number } | undefined
  ) => List<Session>
  readonly rollouts: (session: string) => List<Rollout>
  readonly rolloutBytes: (range: RolloutRange) => Stream.Stream<Uint8Array, StoreFailed>
  readonly changes: Stream.Stream<void, StoreFailed>
  /** Makes what was deleted unreadable, as far as the kind can. */
  readonly scrub: Effect.Effect<void, StoreFailed>
}

const full = <Cursor>(page: Page<Cursor> | undefined): FullPage<Cursor> => ({
  after: page?.after,
  limit: Math.max(1, Math.min(page?.limit ?? 100, 1000))
})

const toOwner = (lease: LeaseRow | undefined): Owner | undefined =>
  lease === undefined ? undefined : { holder: lease.holder, epoch: lease.epoch, expiresAt: lease.expiresAt }

export const make = (backend: Backend): SessionStore["Service"] => {
  const { batched, name, rows, transaction } = backend

  const work: OwnerStore["work"] = Effect.fnUntraced(function* (page) {
    const claim = page?.claim === "none" ? { noneAt: yield* rows.now } : page?.claim
    const sessions = yield* backend.busySessions(full(page), claim)
    return yield* Effect.forEach(
      sessions,
      Effect.fnUntraced(function* (session) {
        const filter = { session: session.id, tenant: undefined, states: ["decided"] } as const
        const work: Work = {
          session,
          job: (yield* backend.jobs(session.id, { after: undefined, limit: 1 }, true))[0],
          decided: yield* backend.approvals({ after: undefined, limit: 1000 }, filter)
        }
        return work
      })
    )
  })

  return {
    openSession: (id, spec) => transaction((rows) => Clients.openSession(rows, id, spec)),
    addJob: (job) => transaction((rows) => Clients.addJob(rows, job)),
    requestInterrupt: (interrupt) => transaction((rows) => Clients.requestInterrupt(rows, interrupt)),
    resumeSession: (resume) => transaction((rows) => Clients.resumeSession(rows, resume)),
    decide: (verdict) => transaction((rows) => Clients.decide(rows, verdict)),
    removeSession: (session) => transaction((rows) => Clients.removeSession(rows, session)),
    session: (id) => Clients.sessionOf(rows, id),
    sessions: (options) => backend.sessions(full(options), options?.tenant),
    job: (session, key) => Clients.jobOf(rows, session, key),
    jobs: (session, options) =>
      Effect.andThen(Clients.sessionOf(rows, session), backend.jobs(session, full(options), options?.isOpen === true)),
    events: (session, page) => Effect.andThen(Clients.sessionOf(rows, session), backend.events(session, full(page))),
    approval: Effect.fnUntraced(function* (id) {
      const approval = yield* rows.approval(id)
      const session = approval === undefined ? undefined : yield* rows.session(approval.session)
      return approval === undefined || session === undefined || session.isRemoved
        ? yield* new ApprovalGone({ approval: id, reason: "no approval has this id" })
        : approval
    }),
    approvals: (options) =>
      backend.approvals(full(options), {
        session: options?.session,
        tenant: options?.tenant,
        states: options?.states ?? ["open"]
      }),
    owner: Effect.gen(function* () {
      const now = yield* rows.now
      return toOwner((yield* rows.leases).findLast(({ expiresAt }) => expiresAt > now))
    }),
    ownerOf: (session) => Effect.map(Clients.ownerOf(rows, session), toOwner),
    changes: backend.changes,
    lease: (options) => Lease.hold(backend, options),
    claim: (claim) => transaction((rows) => Lease.claim(rows, backend, claim)),
    release: (claim) => transaction((rows) => Lease.release(rows, claim)),
    work,
    commit: (commit) => batched(commit.isUrgent === true, (rows) => applyCommit(rows, name, commit)),
    rollouts: backend.rollouts,
    rolloutBytes: backend.rolloutBytes,
    purge: ({ epoch, session: id }) =>
      Effect.andThen(
        transaction((rows) =>
          Effect.gen(function* () {
            const session = yield* rows.session(id)
            if (session === undefined) return yield* Effect.asVoid(checkLease(rows, name, epoch))
            yield* checkEpoch(rows, name, epoch, id)
            if (!session.isRemoved) {
              return yield* new CommitRefused({ session: id, reason: { _tag: "NotRemoved", session: id } })
            }
            yield* rows.deleteSession(id)
          })
        ),
        backend.scrub
      )
  }
}
