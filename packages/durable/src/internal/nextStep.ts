/**
 * The next step of a job, from the store's rows and the verdict on its attempts: a pure function, like the verdict itself.
 *
 * It knows when a job settles, when it waits for people, and when a turn may start, and with which kind of prompt. It starts
 * nothing and reads nothing.
 */
import type { Approval } from "../Approval.ts"
import { type Attempt, countedAttempts, type Job, type JobOutcome } from "../Job.ts"
import type { SessionSpec } from "../Session.ts"
import type { Admission, Verdict } from "./admission.ts"
import type { TurnEnd } from "./rollout/digest.ts"

export type Step =
  | { readonly type: "settle"; readonly outcome: JobOutcome }
  /** Approvals of a turn that is over are open: their verdicts decide how the next one begins. */
  | { readonly type: "wait"; readonly until: number }
  /** Starts a turn with the prompt itself, or with one that says how the turn before was cut off. */
  | { readonly type: "start"; readonly cut: Cut | undefined; readonly isPromptUncertain: boolean }

/** The turn to continue, and why it was cut off. */
export interface Cut {
  readonly verdict: Extract<Verdict, { readonly type: "cut" | "ended" }>
  readonly reason: "crashed" | "handedOver"
}

export interface Facts {
  readonly job: Job
  readonly spec: SessionSpec
  readonly admission: Admission
  /** The approvals of the session that are open. */
  readonly open: ReadonlyArray<Approval>
  /** In milliseconds since 1970. */
  readonly now: number
}

export const nextStep = ({ admission, job, now, open, spec }: Facts): Step => {
  const { isPromptUncertain, verdict } = admission
  if (verdict.type === "uncertain") return settleFailed("PromptUncertain", uncertain(verdict.reason))
  if (verdict.type === "ended" && verdict.end.type !== "aborted") {
    return { type: "settle", outcome: outcomeOf(verdict.turn, verdict.end) }
  }
  const turnId = verdict.type === "ended" ? verdict.turn.id : undefined
  if (job.interrupt !== undefined) {
    const { by, reason } = job.interrupt
    const why = reason === undefined ? {} : { reason }
    return { type: "settle", outcome: { type: "interrupted", ...named(turnId), by, ...why } }
  }
  const isHandedOver = job.attempts.at(-1)?.end === "handedOver"
  if (verdict.type !== "absent" && spec.onCrash === "fail" && !isHandedOver) {
    return settleFailed(
      "Crashed",
      "The turn was cut off by a crash, and the session does not continue after one.",
      turnId
    )
  }
  const waiting = open.filter(({ expiresAt, key }) => key === job.key && expiresAt > now)
  if (waiting.length > 0) return { type: "wait", until: Math.max(...waiting.map(({ expiresAt }) => expiresAt)) }
  if (countedAttempts(job) >= spec.maxAttempts) {
    const crashes = `The job was started ${spec.maxAttempts} times, and each attempt was cut off.`
    return settleFailed("AttemptsExhausted", crashes, turnId)
  }
  const cut = verdict.type === "absent" ? undefined : { verdict, reason: reasonOf(job.attempts) }
  return { type: "start", cut, isPromptUncertain }
}

/** How a job settles whose turn has ended by itself. */
export const outcomeOf = (
  turn: { readonly id: string; readonly answer: { readonly text: string } | undefined },
  end: Exclude<TurnEnd, { readonly type: "aborted" }>
): JobOutcome =>
  end.type === "completed"
    ? { type: "completed", turnId: turn.id, text: turn.answer?.text ?? "" }
    : { type: "failed", turnId: turn.id, failure: { tag: end.tag, message: end.message } }

const named = (turnId: string | undefined) => (turnId === undefined ? {} : { turnId })

const settleFailed = (tag: string, message: string, turnId?: string): Step => ({
  type: "settle",
  outcome: { type: "failed", ...named(turnId), failure: { tag, message } }
})

const uncertain = (reason: string): string =>
  `It is not certain whether the prompt reached the model: ${reason}. It was not sent again.`

const reasonOf = (attempts: ReadonlyArray<Attempt>): Cut["reason"] =>
  attempts.findLast(({ messageId }) => messageId !== undefined)?.end === "handedOver" ? "handedOver" : "crashed"
