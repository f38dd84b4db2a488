/**
 * The events of a session, in order: one per item, not one per token.
 *
 * An event is written in the same transaction as the change that it describes. Offsets have no gaps, and events never change, so
 * a reader that remembers an offset can continue from there, in any process.
 *
 * @stability experimental
 * @since 0.1.0
 */
import type * as Stable from "@effect-codex/core/protocol/generated/Stable"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Approval from "./Approval.ts"
import * as Job from "./Job.ts"

// Items are stored as they came: a newer server may have fields that this version does not know.
const ThreadItem: Schema.Codec<Stable.ThreadItem> = Schema.declare(
  (u): u is Stable.ThreadItem => Predicate.hasProperty(u, "type") && Predicate.isString(u.type)
)

/**
 * The content of an event.
 *
 * - `jobStarted`: an attempt at a job began. `attempt` counts from 1.
 * - `itemCompleted`: the agent completed an item: a message, a command, a change of files. Once per turn, item and type.
 * - `approvalOpened`, `approvalDecided`: a person is asked; the person has decided.
 * - `attemptEnded`: the attempt is over, and so are its commands and open items.
 * - `jobSettled`: the job is over.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Happening = Schema.Union([
  Schema.Struct({ type: Schema.Literal("jobStarted"), key: Schema.String, attempt: Schema.Int }),
  Schema.Struct({
    type: Schema.Literal("itemCompleted"),
    key: Schema.String,
    attempt: Schema.Int,
    threadId: Schema.String,
    turnId: Schema.String,
    item: ThreadItem
  }),
  Schema.Struct({
    type: Schema.Literal("approvalOpened"),
    key: Schema.String,
    approval: Schema.String,
    text: Approval.ApprovalText
  }),
  Schema.Struct({
    type: Schema.Literal("approvalDecided"),
    key: Schema.String,
    approval: Schema.String,
    verdict: Approval.Verdict
  }),
  Schema.Struct({
    type: Schema.Literal("attemptEnded"),
    key: Schema.String,
    attempt: Schema.Int,
    end: Job.AttemptEnd
  }),
  Schema.Struct({ type: Schema.Literal("jobSettled"), key: Schema.String, outcome: Job.JobOutcome })
])

/**
 * @category models
 * @since 0.1.0
 */
export type Happening = typeof Happening.Type

/**
 * An event with its place in the session.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionEvent {
  readonly session: string
  /** From 1, without a gap. */
  readonly offset: number
  /** When it was stored, in milliseconds since 1970. */
  readonly at: number
  readonly happening: Happening
}
