/**
 * The calls of clients: open, send, ask for an interruption, decide, resume, remove.
 *
 * Each function runs inside of one transaction. Clients hold no lease, so none of this depends on an epoch.
 */
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import type { Input } from "@effect-codex/core/Input"
import type { Approval, Verdict } from "../../Approval.ts"
import {
  AlreadyDecided,
  AlreadySettled,
  ApprovalGone,
  ChoiceNeeded,
  KeyConflict,
  SessionRemoved,
  SpecConflict,
  type StoreFailed,
  UnknownJob,
  UnknownSession
} from "../../DurableError.ts"
import type { Interrupt, Job } from "../../Job.ts"
import type { RolloutChoice, Session, SessionSpec } from "../../Session.ts"
import { append } from "./changes.ts"
import type { LeaseRow, Rows } from "./rows.ts"

// Compared as JSON: a key whose value is undefined is not stored.
const isSame = (a: unknown, b: unknown): boolean => Equal.equals(stored(a), stored(b))
const stored = (value: unknown): unknown => (value === undefined ? undefined : JSON.parse(JSON.stringify(value)))

/** A session that is there and not removed. */
export const sessionOf = Effect.fnUntraced(function* (
  rows: Rows,
  id: string
): Effect.fn.Return<Session, UnknownSession | StoreFailed> {
  const session = yield* rows.session(id)
  return session === undefined || session.isRemoved ? yield* new UnknownSession({ session: id }) : session
})

/** A job of a session that is there. */
export const jobOf = Effect.fnUntraced(function* (
  rows: Rows,
  session: string,
  key: string
): Effect.fn.Return<Job, UnknownJob | UnknownSession | StoreFailed> {
  yield* sessionOf(rows, session)
  const job = yield* rows.job(session, key)
  return job === undefined ? yield* new UnknownJob({ session, key }) : job
})

export const openSession = Effect.fnUntraced(function* (
  rows: Rows,
  id: string,
  spec: SessionSpec
): Effect.fn.Return<Session, SpecConflict | SessionRemoved | StoreFailed> {
  const known = yield* rows.session(id)
  if (known === undefined) {
    const openedAt = yield* rows.now
    const session: Session = { id, spec, isRemoved: false, openedAt, lastOffset: 0 }
    if (yield* rows.isForeign(session)) return yield* new SpecConflict({ session: id, fields: ["tenant"] })
    yield* rows.addSession(session)
    return session
  }
  if (known.isRemoved) return yield* new SessionRemoved({ session: id })
  const there = new Map<string, unknown>(Object.entries(known.spec))
  const asked = new Map<string, unknown>(Object.entries(spec))
  const fields = Array.from(new Set([...there.keys(), ...asked.keys()]))
  const different = fields.filter((field) => !isSame(there.get(field), asked.get(field)))
  return different.length > 0 ? yield* new SpecConflict({ session: id, fields: different }) : known
})

export const addJob = Effect.fnUntraced(function* (
  rows: Rows,
  { key, prompt, session }: { readonly session: string; readonly key: string; readonly prompt: Input }
): Effect.fn.Return<Job, KeyConflict | UnknownSession | StoreFailed> {
  yield* sessionOf(rows, session)
  const known = yield* rows.job(session, key)
  if (known !== undefined) return isSame(known.prompt, prompt) ? known : yield* new KeyConflict({ session, key })
  const sentAt = yield* rows.now
  const number = (yield* rows.lastJobNumber(session)) + 1
  const job: Job = { session, key, number, prompt, state: "queued", attempts: [], sentAt }
  yield* rows.addJob(job)
  return job
})

export const requestInterrupt = Effect.fnUntraced(function* (
  rows: Rows,
  {
    by,
    key,
    reason,
    session
  }: {
    readonly session: string
    readonly key: string
    readonly by: string
    readonly reason?: string | undefined
  }
): Effect.fn.Return<Job, AlreadySettled | UnknownJob | UnknownSession | StoreFailed> {
  const job = yield* jobOf(rows, session, key)
  if (job.state === "settled") return yield* new AlreadySettled({ session, key })
  if (job.interrupt !== undefined) return job
  const interrupt: Interrupt = {
    by,
    ...(reason === undefined ? {} : { reason }),
    at: yield* rows.now
  }
  yield* rows.putJob({ ...job, interrupt })
  return { ...job, interrupt }
})

/** The lease of the owner that runs the session, or may run it; `undefined`: no owner with a valid lease does. */
export const ownerOf = Effect.fnUntraced(function* (
  rows: Rows,
  session: string
): Effect.fn.Return<LeaseRow | undefined, StoreFailed> {
  const now = yield* rows.now
  const valid = (yield* rows.leases).filter(({ expiresAt }) => expiresAt > now)
  const claim = valid.some(({ isShared }) => isShared) ? yield* rows.claim(session) : undefined
  return valid.findLast(({ epoch, isShared }) => !isShared || epoch === claim)
})

export const decide = Effect.fnUntraced(function* (
  rows: Rows,
  {
    approval: id,
    by,
    decision,
    reason
  }: {
    readonly approval: string
    readonly decision: Verdict["decision"]
    readonly by: string
    readonly reason?: string | undefined
  }
): Effect.fn.Return<
  { readonly approval: Approval; readonly isWaiting: boolean },
  AlreadyDecided | ApprovalGone | StoreFailed
> {
  const found = yield* rows.approval(id)
  const session = found === undefined ? undefined : yield* rows.session(found.session)
  // From here on nobody else changes it.
  const approval = session === undefined ? undefined : yield* rows.approval(id)
  if (approval === undefined || session === undefined || session.isRemoved) {
    return yield* new ApprovalGone({ approval: id, reason: "no approval has this id" })
  }
  if (approval.verdict !== undefined && approval.state !== "gone") {
    return yield* new AlreadyDecided({ approval: id, decision: approval.verdict.decision, by: approval.verdict.by })
  }
  if (approval.state !== "open") {
    return yield* new ApprovalGone({ approval: id, reason: approval.goneReason ?? "the request is over" })
  }
  const at = yield* rows.now
  const isWaiting =
    approval.waitingEpoch !== undefined && approval.waitingEpoch === (yield* ownerOf(rows, session.id))?.epoch
  if (!isWaiting && !approval.isGrantable) {
    return yield* new ApprovalGone({
      approval: id,
      reason: "the process that asked is gone, and a request of this kind is asked anew"
    })
  }
  if (!isWaiting && approval.expiresAt <= at) {
    return yield* new ApprovalGone({ approval: id, reason: "it has expired" })
  }
  const verdict: Verdict = { decision, by, ...(reason === undefined ? {} : { reason }), at }
  const decided: Approval = { ...approval, state: "decided", verdict }
  yield* rows.putApproval(decided)
  const happening = { type: "approvalDecided", key: approval.key, approval: id, verdict } as const
  const appended = yield* append(rows, session, at, happening)
  yield* rows.putSession(appended.session)
  return { approval: decided, isWaiting }
})

export const resumeSession = Effect.fnUntraced(function* (
  rows: Rows,
  {
    by,
    rollout,
    session: id
  }: { readonly session: string; readonly rollout?: RolloutChoice["rollout"] | undefined; readonly by: string }
): Effect.fn.Return<Session, ChoiceNeeded | UnknownSession | StoreFailed> {
  const session = yield* sessionOf(rows, id)
  const { block, ...rest } = session
  if (block === undefined || block.choice !== undefined) return session
  const at = yield* rows.now
  if (block.rollout !== undefined && (rollout === undefined || !block.rollout.choices.includes(rollout))) {
    return yield* new ChoiceNeeded({ session: id, choices: block.rollout.choices })
  }
  const resumed: Session =
    block.rollout === undefined || rollout === undefined
      ? rest
      : { ...rest, block: { ...block, choice: { rollout, by, at } } }
  yield* rows.putSession(resumed)
  return resumed
})

export const removeSession = Effect.fnUntraced(function* (
  rows: Rows,
  id: string
): Effect.fn.Return<void, UnknownSession | StoreFailed> {
  const session = yield* sessionOf(rows, id)
  yield* rows.putSession({ ...session, isRemoved: true })
})
