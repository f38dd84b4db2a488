/**
 * The points of a job's life at which a test can hold or kill the owner. Nothing happens at them otherwise.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/**
 * - `attemptStarted`: stored; nothing was done.
 * - `promptSent`: stored; `turn/start` is not written.
 * - `turnReplied`: the server has named the turn; that is not stored.
 * - `turnAdmitted`: the turn's id is stored.
 * - `approvalOpened`: stored; no one has seen it.
 * - `verdictReceived`: a person's verdict is in the store and not used.
 * - `verdictUsed`: the verdict was taken; the answer is not written.
 * - `turnEnded`: the turn's end is in the stored rollout; the job is not settled.
 * - `jobSettled`: stored.
 */
export type Point =
  | "attemptStarted"
  | "promptSent"
  | "turnReplied"
  | "turnAdmitted"
  | "approvalOpened"
  | "verdictReceived"
  | "verdictUsed"
  | "turnEnded"
  | "jobSettled"

export interface At {
  readonly session: string
  readonly key: string
  readonly attempt: number
}

export const Hooks = Context.Reference<(point: Point, at: At) => Effect.Effect<void>>(
  "@effect-codex/durable/internal/owner/Hooks",
  { defaultValue: () => () => Effect.void }
)
