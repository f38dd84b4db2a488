/**
 * The changes that an owner commits, and their consequences.
 *
 * The rules are here, once for all kinds of store: the epoch is checked first, a job settles once and only with evidence, a verdict
 * is used once, an event is stored once and gets the next offset. Everything runs inside of one transaction; a refusal rolls it back.
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import type * as Stable from "@effect-codex/core/protocol/generated/Stable"
import type { Approval, Verdict } from "../../Approval.ts"
import { CommitRefused, type CommitRefusedReason, StaleOwner, type StoreFailed } from "../../DurableError.ts"
import type { Job } from "../../Job.ts"
import type { Session } from "../../Session.ts"
import type { Happening, SessionEvent } from "../../SessionEvent.ts"
import type { Change, Commit, Committed, NewApproval } from "../../SessionStore.ts"
import * as Attempts from "./attempts.ts"
import type { LeaseRow, Rows } from "./rows.ts"

const stale = Effect.fnUntraced(function* (rows: Rows, store: string, epoch: number) {
  const current = (yield* rows.leases).at(-1)?.epoch ?? 0
  return yield* new StaleOwner({ store, epoch, current })
})

/** The lease with the epoch. Fails if it was given back or taken over. */
export const checkLease = Effect.fnUntraced(function* (
  rows: Rows,
  store: string,
  epoch: number
): Effect.fn.Return<LeaseRow, StaleOwner | StoreFailed> {
  const lease = yield* rows.lease(epoch)
  return lease === undefined || lease.expiresAt === 0 ? yield* stale(rows, store, epoch) : lease
})

/** Fails unless the owner with the epoch may write to the session. */
export const checkEpoch = Effect.fnUntraced(function* (
  rows: Rows,
  store: string,
  epoch: number,
  session: string
): Effect.fn.Return<void, StaleOwner | StoreFailed> {
  const { isShared } = yield* checkLease(rows, store, epoch)
  if (isShared && (yield* rows.claim(session)) !== epoch) return yield* stale(rows, store, epoch)
})

// The id and type of an item of a newer server are in what it sent.
const itemIdentity = (item: Stable.ThreadItem): ReadonlyArray<string> => {
  const named: unknown = item.type === "unknown" ? item.raw : item
  const id = Predicate.hasProperty(named, "id") && Predicate.isString(named.id) ? named.id : JSON.stringify(named)
  const type = Predicate.hasProperty(named, "type") && Predicate.isString(named.type) ? named.type : item.type
  return [id, type]
}

/** Names an event within its session: events with the same name are one event. */
const identityOf = (happening: Happening): string => {
  switch (happening.type) {
    case "jobStarted":
    case "attemptEnded":
      return JSON.stringify([happening.type, happening.key, happening.attempt])
    case "itemCompleted":
      return JSON.stringify([happening.type, happening.turnId, ...itemIdentity(happening.item)])
    case "approvalOpened":
    case "approvalDecided":
      return JSON.stringify([happening.type, happening.approval])
    case "jobSettled":
      return JSON.stringify([happening.type, happening.key])
  }
}

/** Appends an event with the next offset, unless the session has it. Returns the session after it. */
export const append = Effect.fnUntraced(function* (
  rows: Rows,
  session: Session,
  at: number,
  happening: Happening
): Effect.fn.Return<{ readonly session: Session; readonly event?: SessionEvent }, StoreFailed> {
  const identity = identityOf(happening)
  if (yield* rows.hasEvent(session.id, identity)) return { session }
  const event: SessionEvent = { session: session.id, offset: session.lastOffset + 1, at, happening }
  yield* rows.addEvent(event, identity)
  return { session: { ...session, lastOffset: event.offset }, event }
})

const withoutWaiting = (approval: Approval): Approval => {
  const { waitingEpoch: _, ...rest } = approval
  return rest
}

/** Of an approval for whose request nothing waits any more. */
const parked = (approval: Approval): Approval =>
  approval.isGrantable
    ? withoutWaiting(approval)
    : gone(approval, "the request is over, and requests of its kind are asked anew")

const gone = (approval: Approval, goneReason: string): Approval => ({
  ...withoutWaiting(approval),
  state: "gone",
  goneReason
})

const opened = (
  { itemId, previous, turnId, ...approval }: NewApproval,
  session: string,
  waitingEpoch: number,
  openedAt: number
): Approval => ({
  ...approval,
  ...(turnId === undefined ? {} : { turnId }),
  ...(itemId === undefined ? {} : { itemId }),
  ...(previous === undefined ? {} : { previous }),
  session,
  state: "open",
  waitingEpoch,
  openedAt
})

/** The approval after its verdict was taken, or undefined if it can't be. */
const used = (approval: Approval, use: "delivered" | "granted", epoch: number, now: number): Approval | undefined => {
  const isWaiting = approval.waitingEpoch === epoch
  const isAllowed =
    approval.state === "decided" &&
    (use === "delivered" ? isWaiting : !isWaiting && approval.isGrantable && approval.expiresAt > now)
  if (!isAllowed) return undefined
  return { ...withoutWaiting(approval), state: "used", use }
}

/** Applies a commit, inside of a transaction. */
export const applyCommit = Effect.fnUntraced(function* (
  rows: Rows,
  store: string,
  { changes, epoch, session: id }: Commit
): Effect.fn.Return<Committed, StaleOwner | CommitRefused | StoreFailed> {
  const refuse = (reason: CommitRefusedReason) => Effect.fail(new CommitRefused({ session: id, reason }))
  const before = yield* rows.session(id)
  if (before === undefined) yield* checkLease(rows, store, epoch)
  else yield* checkEpoch(rows, store, epoch, id)
  const now = yield* rows.now
  if (before === undefined) return yield* refuse({ _tag: "UnknownSession", session: id })

  let session = before
  const events: Array<SessionEvent> = []
  const verdicts: Array<Verdict> = []

  const happened = Effect.fnUntraced(function* (happening: Happening) {
    const appended = yield* append(rows, session, now, happening)
    session = appended.session
    if (appended.event !== undefined) events.push(appended.event)
  })
  const jobOf = (key: string) =>
    Effect.flatMap(rows.job(id, key), (job) =>
      job === undefined ? refuse({ _tag: "UnknownJob", key }) : Effect.succeed(job)
    )
  const approvalOf = (approval: string) =>
    Effect.flatMap(rows.approval(approval), (found) =>
      found === undefined || found.session !== id
        ? refuse({ _tag: "UnknownApproval", approval })
        : Effect.succeed(found)
    )
  const move = Effect.fnUntraced(function* (key: string, step: (job: Job) => Result.Result<Job, CommitRefusedReason>) {
    const moved = step(yield* jobOf(key))
    if (Result.isFailure(moved)) return yield* refuse(moved.failure)
    yield* rows.putJob(moved.success)
  })
  const closeApprovals = Effect.fnUntraced(function* (
    key: string,
    close: (approval: Approval) => Approval | undefined
  ) {
    for (const approval of yield* rows.unusedApprovals(id, key)) {
      const closed = close(approval)
      if (closed !== undefined) yield* rows.putApproval(closed)
    }
  })

  // The jobs that ran in a lost home lose the lines that only the home had.
  const loseTails = Effect.fnUntraced(function* () {
    for (const job of yield* rows.runningJobs(id)) {
      const lost = Attempts.loseTail(job)
      if (lost !== undefined) yield* rows.putJob(lost)
    }
  })

  const apply = Effect.fnUntraced(function* (change: Change) {
    switch (change.type) {
      case "threadMapped":
        session = { ...session, threadId: change.threadId }
        return
      case "blocked":
        // The rollouts differ whatever else is wrong: nothing may make anybody forget to choose.
        if (session.block?.rollout !== undefined && change.block.rollout === undefined) return
        session = { ...session, block: { ...change.block, at: now } }
        return
      case "unblocked": {
        const { block, ...rest } = session
        if (block?.rollout !== undefined && block.choice === undefined) {
          return yield* refuse({ _tag: "ChoiceNeeded", threadId: block.rollout.threadId })
        }
        session = rest
        return
      }
      case "movedIn": {
        const { home } = change
        const isLeft = session.home === undefined || session.home === home
        session = { ...session, home }
        return isLeft ? undefined : yield* loseTails()
      }
      case "movedOut": {
        const { home: _, ...rest } = session
        session = rest
        return
      }
      case "attemptStarted": {
        const { attempt, key } = change
        yield* move(key, (job) => Attempts.startAttempt(job, attempt, epoch, now))
        return yield* happened({ type: "jobStarted", key, attempt })
      }
      case "promptSent": {
        const { attempt, isPromptUncertain = false, key, messageId, threadId } = change
        const sent = { messageId, threadId, ...(isPromptUncertain ? { isPromptUncertain } : {}) }
        return yield* move(key, (job) => Attempts.sendPrompt(job, attempt, sent))
      }
      case "turnAdmitted":
        return yield* move(change.key, (job) => Attempts.admitTurn(job, change.attempt, change.turnId))
      case "itemCompleted":
        yield* jobOf(change.key)
        return yield* happened(change)
      case "approvalOpened": {
        const { approval } = change
        yield* jobOf(approval.key)
        const known = yield* rows.approval(approval.id)
        if (known !== undefined) {
          return known.session === id ? undefined : yield* refuse({ _tag: "UnknownApproval", approval: approval.id })
        }
        yield* rows.putApproval(opened(approval, id, epoch, now))
        const { id: name, key, text } = approval
        return yield* happened({ type: "approvalOpened", key, approval: name, text })
      }
      case "approvalParked": {
        const approval = yield* approvalOf(change.approval)
        if (approval.state === "open" || approval.state === "decided") yield* rows.putApproval(parked(approval))
        return
      }
      case "approvalWithdrawn": {
        const approval = yield* approvalOf(change.approval)
        if (approval.state === "open" || approval.state === "decided") {
          yield* rows.putApproval(gone(approval, change.reason))
        }
        return
      }
      case "verdictUsed": {
        const approval = yield* approvalOf(change.approval)
        const taken = used(approval, change.use, epoch, now)
        if (taken === undefined || taken.verdict === undefined) {
          return yield* refuse({ _tag: "VerdictUnavailable", approval: approval.id, state: approval.state })
        }
        yield* rows.putApproval(taken)
        verdicts.push(taken.verdict)
        return
      }
      case "rolloutAppended": {
        const { bytes, ends, offset, path, threadId, version } = change
        const newest = yield* rows.rollout(id, threadId)
        const length = newest?.version === version ? newest.length : 0
        const isNext = version === (newest?.version ?? 0) + 1
        if (offset !== length || !(isNext || version === newest?.version)) {
          return yield* refuse({
            _tag: "RolloutMismatch",
            threadId,
            version: newest?.version ?? 0,
            offset,
            length: newest?.length ?? 0
          })
        }
        yield* rows.addBytes(id, { threadId, version, path, length: length + bytes.length }, epoch, bytes)
        for (const turnId of ends) yield* rows.addTurnEnd(id, turnId)
        return
      }
      case "attemptEnded": {
        const { attempt, end, key } = change
        yield* move(key, (job) => Attempts.endAttempt(job, attempt, end, now))
        const close = (approval: Approval) =>
          end === "crashed" || end === "handedOver" ? parked(approval) : gone(approval, "the turn is over")
        // A grant of an earlier attempt stays: it is for this or a later one to use.
        yield* closeApprovals(key, (approval) => (approval.attempt === attempt ? close(approval) : undefined))
        return yield* happened({ type: "attemptEnded", key, attempt, end })
      }
      case "jobSettled": {
        const { key, outcome } = change
        if (outcome.turnId !== undefined && !(yield* rows.hasTurnEnd(id, outcome.turnId))) {
          return yield* refuse({ _tag: "NoTurnEnd", key, turnId: outcome.turnId })
        }
        yield* move(key, (job) => Attempts.settle(job, outcome, now))
        yield* closeApprovals(key, (approval) => gone(approval, "the job is settled"))
        return yield* happened({ type: "jobSettled", key, outcome })
      }
    }
  })
  for (const change of changes) yield* apply(change)
  if (session !== before) yield* rows.putSession(session)
  return { events, verdicts }
})
