/**
 * How a job moves: from one phase of an attempt to the next, and to its settlement.
 *
 * Pure: a job and a change give the job after it, or the reason why the change is refused.
 */
import * as Result from "effect/Result"
import type { CommitRefusedReason } from "../../DurableError.ts"
import type { Attempt, AttemptEnd, Job, JobOutcome } from "../../Job.ts"

type Moved = Result.Result<Job, CommitRefusedReason>

const mismatch = (job: Job, attempt: number): CommitRefusedReason => {
  const newest = job.attempts.at(-1)
  return {
    _tag: "AttemptMismatch",
    key: job.key,
    attempt,
    newest: newest?.number ?? 0,
    phase: newest?.phase ?? "none"
  }
}

const settled = (job: Job): CommitRefusedReason => ({ _tag: "JobSettled", key: job.key })

export const startAttempt = (job: Job, number: number, epoch: number, startedAt: number): Moved => {
  if (job.state === "settled") return Result.fail(settled(job))
  const newest = job.attempts.at(-1)
  if (number !== job.attempts.length + 1 || (newest !== undefined && newest.phase !== "ended")) {
    return Result.fail(mismatch(job, number))
  }
  const attempt: Attempt = { number, epoch, phase: "started", startedAt }
  return Result.succeed({ ...job, state: "running", attempts: [...job.attempts, attempt] })
}

/** Changes the newest attempt, if it is the one meant and in one of the phases. */
const moveAttempt = (
  job: Job,
  number: number,
  phases: ReadonlyArray<Attempt["phase"]>,
  move: (attempt: Attempt) => Attempt | undefined
): Moved => {
  if (job.state === "settled") return Result.fail(settled(job))
  const newest = job.attempts.at(-1)
  if (newest === undefined || newest.number !== number || !phases.includes(newest.phase)) {
    return Result.fail(mismatch(job, number))
  }
  const moved = move(newest)
  return moved === undefined
    ? Result.fail(mismatch(job, number))
    : Result.succeed({ ...job, attempts: [...job.attempts.slice(0, -1), moved] })
}

export const sendPrompt = (
  job: Job,
  number: number,
  sent: Pick<Attempt, "threadId" | "messageId" | "isPromptUncertain">
): Moved => moveAttempt(job, number, ["started"], (attempt) => ({ ...attempt, ...sent, phase: "sent" }))

export const admitTurn = (job: Job, number: number, turnId: string): Moved =>
  moveAttempt(job, number, ["sent", "admitted"], (attempt) =>
    attempt.turnId === undefined || attempt.turnId === turnId ? { ...attempt, turnId, phase: "admitted" } : undefined
  )

export const endAttempt = (job: Job, number: number, end: AttemptEnd, endedAt: number): Moved =>
  moveAttempt(job, number, ["started", "sent", "admitted"], (attempt) => ({ ...attempt, end, endedAt, phase: "ended" }))

/** Marks the newest attempt, if its prompt was sent; `undefined`: there is nothing to mark. */
export const loseTail = (job: Job): Job | undefined => {
  const newest = job.attempts.at(-1)
  return newest?.messageId === undefined
    ? undefined
    : { ...job, attempts: [...job.attempts.slice(0, -1), { ...newest, isTailLost: true }] }
}

export const settle = (job: Job, outcome: JobOutcome, settledAt: number): Moved => {
  if (job.state === "settled") return Result.fail(settled(job))
  const newest = job.attempts.at(-1)
  return newest !== undefined && newest.phase !== "ended"
    ? Result.fail(mismatch(job, newest.number))
    : Result.succeed({ ...job, state: "settled", outcome, settledAt })
}
