/**
 * The verdict on what became of a job's attempts, from evidence alone: was the prompt admitted, and how did its turn end?
 *
 * A pure function, so that each kind of crash is a row in a table of tests. The evidence, in this order: the attempts in the
 * store; the client id of the prompt in the thread; a turn without a user message that no attempt knows. If the evidence is
 * not enough, the verdict is `uncertain`. This module decides nothing about what to do next.
 *
 * Facts about codex that it stands on:
 *
 * - The model is asked only after the line with the prompt's client id is on disk. A prompt without that line has not reached it.
 * - A turn that was cut off between the prompt and that line names no user message, and yet its prompt is in the history.
 * - A turn is in the rollout before its prompt is, and its id is known before that.
 */
import type { Attempt } from "../Job.ts"
import { type Digest, findTurn, type Turn, type TurnEnd, turnsOf } from "./rollout/digest.ts"

export type Verdict =
  /** No prompt of the job has reached the model. */
  | { readonly type: "absent" }
  /** The thread has the prompt, and its turn has no end. */
  | { readonly type: "cut"; readonly attempt: Attempt; readonly turn: Turn }
  | { readonly type: "ended"; readonly attempt: Attempt; readonly turn: Turn; readonly end: TurnEnd }
  | { readonly type: "uncertain"; readonly reason: string }

export interface Admission {
  readonly verdict: Verdict
  /**
   * Whether the prompt of the newest attempt may be in the history without having reached the model: sent again, it may stand
   * there twice.
   */
  readonly isPromptUncertain: boolean
}

export interface Evidence {
  /** The attempts of the job, oldest first. */
  readonly attempts: ReadonlyArray<Attempt>
  /** The rollout of the thread; `undefined` if there is no file. */
  readonly rollout: Digest | undefined
  /** Whether somebody has chosen this rollout over another one, which may have had more. Default: false. */
  readonly isReplaced?: boolean | undefined
}

export const admit = ({ attempts, isReplaced = false, rollout }: Evidence): Admission => {
  const sent = attempts.filter(({ messageId }) => messageId !== undefined).toReversed()
  for (const [index, attempt] of sent.entries()) {
    const verdict = look(attempt, rollout)
    if (verdict !== undefined) return { verdict, isPromptUncertain: index > 0 && hasOrphan(rollout) }
    // The other rollout might have shown it.
    if (isReplaced) return { verdict: { type: "uncertain", reason: replaced }, isPromptUncertain: false }
  }
  return { verdict: { type: "absent" }, isPromptUncertain: sent.length > 0 && hasOrphan(rollout) }
}

const replaced = "the rollout was replaced after it was sent, and does not have it"

// The newest attempt that left a trace tells. A turn that has no prompt yet does not count as one: the model was not asked.
const look = (attempt: Attempt, rollout: Digest | undefined): Verdict | undefined => {
  const { messageId, turnId } = attempt
  const turn = rollout === undefined ? undefined : turnOf(attempt, rollout)
  if (turn === undefined) {
    if (attempt.isTailLost === true) return lost
    if (turnId === undefined) return undefined
    return { type: "uncertain", reason: `turn ${turnId} was started, and the rollout does not have it` }
  }
  if (lacksPrompt(turn)) return attempt.isTailLost === true ? lost : undefined
  if (turn.messageIds[0] !== messageId) {
    return { type: "uncertain", reason: `the prompt was added to turn ${turn.id}, which another client had started` }
  }
  const { end } = turn
  return end === undefined ? { type: "cut", attempt, turn } : { type: "ended", attempt, turn, end }
}

const lost: Verdict = {
  type: "uncertain",
  reason: "the codex home in which it was sent is lost, and the store does not have what its rollout said last"
}

const turnOf = ({ messageId, turnId }: Attempt, rollout: Digest): Turn | undefined =>
  turnsOf(rollout).findLast((turn) => messageId !== undefined && turn.messageIds.includes(messageId)) ??
  (turnId === undefined ? undefined : findTurn(rollout, turnId))

// A server that exits in order ends the turn as aborted.
const lacksPrompt = ({ end, hasUserMessage }: Turn): boolean =>
  !hasUserMessage && (end === undefined || end.type === "aborted")

// Turns follow one another, so a turn that was started for us and cut off is the newest.
const hasOrphan = (rollout: Digest | undefined): boolean => {
  const turn = rollout?.newest
  return turn !== undefined && lacksPrompt(turn) && turn.hasPrompt
}
