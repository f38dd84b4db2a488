/**
 * A store in the memory of this process, for tests and for programs that need no more than the rules.
 *
 * A transaction is an undo log: each write remembers how to take itself back.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as PubSub from "effect/PubSub"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import type { Approval } from "../../Approval.ts"
import type { Job } from "../../Job.ts"
import type { Session } from "../../Session.ts"
import type { SessionEvent } from "../../SessionEvent.ts"
import type { Rollout, RolloutRange, SessionStore } from "../../SessionStore.ts"
import { type Backend, type FullPage, make } from "./make.ts"
import type { LeaseRow, Rows } from "./rows.ts"

interface Piece {
  readonly offset: number
  readonly bytes: Uint8Array
}

/** A session with what belongs to it. */
interface Shelf {
  session: Session
  claim: number | undefined
  readonly jobs: Map<string, Job>
  readonly events: Array<SessionEvent>
  readonly identities: Set<string>
  /** By thread; versions in order. */
  readonly rollouts: Map<string, Array<{ rollout: Rollout; readonly pieces: Array<Piece> }>>
  readonly turnEnds: Set<string>
}

const shelfOf = (session: Session): Shelf => ({
  session,
  claim: undefined,
  jobs: new Map(),
  events: [],
  identities: new Set(),
  rollouts: new Map(),
  turnEnds: new Set()
})

const isUnsettled = ({ state }: Job) => state !== "settled"

const byId = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

const pageOf = <A, Cursor extends string | number>(
  all: ReadonlyArray<A>,
  cursorOf: (a: A) => Cursor,
  { after, limit }: FullPage<Cursor>
): ReadonlyArray<A> => all.filter((a) => after === undefined || cursorOf(a) > after).slice(0, limit)

export const makeMemory: Effect.Effect<SessionStore["Service"]> = Effect.gen(function* () {
  const shelves = new Map<string, Shelf>()
  const approvals = new Map<string, Approval>()
  const leases = new Map<number, LeaseRow>()
  const turns = yield* Semaphore.make(1)
  const changed = yield* PubSub.sliding<void>(1)

  let undo: Array<() => void> = []
  const write = (apply: () => () => void) => Effect.sync(() => void undo.push(apply()))
  const put = <K, V>(map: Map<K, V>, key: K, value: V) => {
    const before = map.get(key)
    map.set(key, value)
    return () => void (before === undefined ? map.delete(key) : map.set(key, before))
  }
  const mark = <A>(set: Set<A>, value: A) => {
    const isNew = !set.has(value)
    set.add(value)
    return () => void (isNew && set.delete(value))
  }
  const nothing = () => () => {}
  const read = <A>(get: () => A) => Effect.sync(get)
  const onShelf = (session: string, apply: (shelf: Shelf) => () => void) =>
    write(() => {
      const shelf = shelves.get(session)
      return shelf === undefined ? nothing : apply(shelf)
    })

  const rows: Rows = {
    now: Clock.currentTimeMillis,
    lease: (epoch) => read(() => leases.get(epoch)),
    leases: read(() => Array.from(leases.values()).sort((a, b) => a.epoch - b.epoch)),
    addLease: (lease) => write(() => put(leases, lease.epoch, lease)),
    putLease: (lease) => write(() => put(leases, lease.epoch, lease)),
    deleteLease: (epoch) =>
      write(() => {
        const before = leases.get(epoch)
        leases.delete(epoch)
        return () => void (before === undefined || leases.set(epoch, before))
      }),
    claim: (session) => read(() => shelves.get(session)?.claim),
    putClaim: (session, epoch) =>
      onShelf(session, (shelf) => {
        const before = shelf.claim
        shelf.claim = epoch
        return () => void (shelf.claim = before)
      }),
    session: (id) => read(() => shelves.get(id)?.session),
    isForeign: () => Effect.succeed(false),
    addSession: (session) => write(() => put(shelves, session.id, shelfOf(session))),
    putSession: (session) =>
      onShelf(session.id, (shelf) => {
        const before = shelf.session
        shelf.session = session
        return () => void (shelf.session = before)
      }),
    deleteSession: (id) =>
      write(() => {
        const shelf = shelves.get(id)
        const own = Array.from(approvals.values()).filter(({ session }) => session === id)
        shelves.delete(id)
        for (const approval of own) approvals.delete(approval.id)
        return () => {
          if (shelf !== undefined) shelves.set(id, shelf)
          for (const approval of own) approvals.set(approval.id, approval)
        }
      }),
    job: (session, key) => read(() => shelves.get(session)?.jobs.get(key)),
    runningJobs: (session) =>
      read(() => Array.from(shelves.get(session)?.jobs.values() ?? []).filter(({ state }) => state === "running")),
    lastJobNumber: (session) => read(() => shelves.get(session)?.jobs.size ?? 0),
    addJob: (job) => onShelf(job.session, ({ jobs }) => put(jobs, job.key, job)),
    putJob: (job) => onShelf(job.session, ({ jobs }) => put(jobs, job.key, job)),
    approval: (id) => read(() => approvals.get(id)),
    putApproval: (approval) => write(() => put(approvals, approval.id, approval)),
    unusedApprovals: (session, key) =>
      read(() =>
        Array.from(approvals.values()).filter(
          (approval) =>
            approval.session === session &&
            approval.key === key &&
            (approval.state === "open" || approval.state === "decided")
        )
      ),
    hasEvent: (session, identity) => read(() => shelves.get(session)?.identities.has(identity) ?? false),
    addEvent: (event, identity) =>
      onShelf(event.session, ({ events, identities }) => {
        events.push(event)
        const unmark = mark(identities, identity)
        return () => {
          events.pop()
          unmark()
        }
      }),
    rollout: (session, threadId) => read(() => shelves.get(session)?.rollouts.get(threadId)?.at(-1)?.rollout),
    addBytes: (session, rollout, _, bytes) =>
      onShelf(session, ({ rollouts }) => {
        const versions = rollouts.get(rollout.threadId) ?? []
        const piece = { offset: rollout.length - bytes.length, bytes: bytes.slice() }
        const newest = versions.at(-1)
        if (newest === undefined || newest.rollout.version !== rollout.version) {
          return put(rollouts, rollout.threadId, [...versions, { rollout, pieces: [piece] }])
        }
        const before = newest.rollout
        newest.rollout = rollout
        newest.pieces.push(piece)
        return () => {
          newest.rollout = before
          newest.pieces.pop()
        }
      }),
    addTurnEnd: (session, turnId) => onShelf(session, ({ turnEnds }) => mark(turnEnds, turnId)),
    hasTurnEnd: (session, turnId) => read(() => shelves.get(session)?.turnEnds.has(turnId) ?? false)
  }

  const transaction: Backend["transaction"] = (use) =>
    turns.withPermit(
      Effect.uninterruptible(
        Effect.suspend(() => {
          undo = []
          return Effect.onExit(use(rows), (exit) => {
            if (Exit.isSuccess(exit)) return undo.length === 0 ? Effect.void : PubSub.publish(changed, undefined)
            for (const step of undo.toReversed()) step()
            return Effect.void
          })
        })
      )
    )

  const isClaimed = (shelf: Shelf, claim: Parameters<Backend["busySessions"]>[1]) => {
    if (typeof claim !== "object") return claim === undefined || shelf.claim === claim
    const lease = shelf.claim === undefined ? undefined : leases.get(shelf.claim)
    return lease === undefined || lease.expiresAt <= claim.noneAt
  }

  const sessionsOf = (keep: (shelf: Shelf) => boolean, page: FullPage<string>) =>
    read(() => {
      const sessions = Array.from(shelves.values(), (shelf) => (keep(shelf) ? [shelf.session] : [])).flat()
      return pageOf(
        sessions.sort((a, b) => byId(a.id, b.id)),
        ({ id }) => id,
        page
      )
    })

  const rolloutBytes = ({ from = 0, session, threadId, version }: RolloutRange) =>
    Stream.suspend(() => {
      const versions = shelves.get(session)?.rollouts.get(threadId) ?? []
      const found =
        version === undefined ? versions.at(-1) : versions.find(({ rollout }) => rollout.version === version)
      const pieces = (found?.pieces ?? []).flatMap(({ bytes, offset }) =>
        offset + bytes.length <= from ? [] : [bytes.slice(Math.max(0, from - offset))]
      )
      return Stream.fromIterable(pieces)
    })

  return make({
    name: "memory",
    process: { holder: "memory", machine: "", processId: 0, hasExited: () => Effect.succeed(false) },
    transaction,
    batched: (_, use) => transaction(use),
    rows,
    sessions: (page, tenant) =>
      sessionsOf(({ session }) => !session.isRemoved && (tenant === undefined || session.spec.tenant === tenant), page),
    jobs: (session, page, isOpen) =>
      read(() => {
        const jobs = Array.from(shelves.get(session)?.jobs.values() ?? [])
        return pageOf(isOpen ? jobs.filter(isUnsettled) : jobs, ({ number }) => number, page)
      }),
    events: (session, page) => read(() => pageOf(shelves.get(session)?.events ?? [], ({ offset }) => offset, page)),
    approvals: (page, { session, states, tenant }) =>
      read(() => {
        const found = Array.from(approvals.values()).filter((approval) => {
          const of = shelves.get(approval.session)?.session
          return (
            of?.isRemoved === false &&
            states.includes(approval.state) &&
            (session === undefined || approval.session === session) &&
            (tenant === undefined || of.spec.tenant === tenant)
          )
        })
        return pageOf(
          found.sort((a, b) => byId(a.id, b.id)),
          ({ id }) => id,
          page
        )
      }),
    busySessions: (page, claim) =>
      sessionsOf(
        (shelf) =>
          isClaimed(shelf, claim) && (shelf.session.isRemoved || Array.from(shelf.jobs.values()).some(isUnsettled)),
        page
      ),
    rollouts: (session) =>
      read(() =>
        Array.from(shelves.get(session)?.rollouts.values() ?? [], (versions) => versions.map(({ rollout }) => rollout))
          .flat()
          .sort((a, b) => byId(a.threadId, b.threadId) || a.version - b.version)
      ),
    rolloutBytes,
    changes: Stream.unwrap(
      Effect.map(PubSub.subscribe(changed), (subscription) =>
        Stream.concat(Stream.succeed(undefined), Stream.fromSubscription(subscription))
      )
    ),
    scrub: Effect.void
  })
})
