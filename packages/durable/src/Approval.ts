/**
 * Approvals: requests of the agent that people decide. They are kept until someone does, even hours later.
 *
 * A verdict is used once: to answer the waiting request or, after a crash, as a grant for the same subject. This module is plain
 * data and decides nothing.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * The exact subject of an approval. A grant is for an equal subject and nothing else.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Subject = Schema.Struct({
  /** Kinds as in `PolicyEngine.Kind`: `command`, `fileChange`, `toolCall`, … */
  kind: Schema.String,
  /** The environment that it runs in, for threads with several. */
  environment: Schema.optionalKey(Schema.String),
  /** The folder, absolute. */
  folder: Schema.optionalKey(Schema.String),
  /** The command, byte for byte as the server sent it. */
  command: Schema.optionalKey(Schema.String),
  /** Of file changes: one line each, in canonical order. */
  changes: Schema.optionalKey(Schema.Array(Schema.String)),
  /** Of a tool call: the name and the arguments as JSON with sorted keys. */
  call: Schema.optionalKey(Schema.String)
})

/**
 * @category models
 * @since 0.1.0
 */
export type Subject = typeof Subject.Type

/**
 * The key of a subject. Equal subjects have equal keys.
 *
 * @category conversions
 * @since 0.1.0
 */
export const subjectKey = ({ call, changes, command, environment, folder, kind }: Subject): string =>
  JSON.stringify([kind, environment ?? null, folder ?? null, command ?? null, changes ?? null, call ?? null])

/**
 * The text that a person needs for the decision. It is safe to show in a terminal.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ApprovalText = Schema.Struct({
  title: Schema.String,
  details: Schema.Array(Schema.Struct({ label: Schema.String, text: Schema.String }))
})

/**
 * @category models
 * @since 0.1.0
 */
export type ApprovalText = typeof ApprovalText.Type

/**
 * The decision of a person.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Verdict = Schema.Struct({
  decision: Schema.Literals(["accept", "decline"]),
  by: Schema.String,
  reason: Schema.optionalKey(Schema.String),
  /** In milliseconds since 1970, as are all times. */
  at: Schema.Finite
})

/**
 * @category models
 * @since 0.1.0
 */
export type Verdict = typeof Verdict.Type

/**
 * An approval as it is stored.
 *
 * **Details**
 *
 * The states: `open` waits for a verdict. `decided` has one that is unused. `used` has one that was used, as `use` says.
 * `gone` needs none: the request was withdrawn, the job was settled, or the grant expired.
 *
 * `waitingEpoch` is the epoch of the owner whose request waits for an answer. Once another owner has taken over, or the approval
 * was parked, no request waits, and a verdict becomes a grant.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Approval = Schema.Struct({
  id: Schema.String,
  session: Schema.String,
  /** The job whose attempt made the request. */
  key: Schema.String,
  attempt: Schema.Int,
  threadId: Schema.String,
  turnId: Schema.optionalKey(Schema.String),
  itemId: Schema.optionalKey(Schema.String),
  subject: Subject,
  text: ApprovalText,
  /** Whether a verdict may be used for a later request. If not, the approval is gone with the request. */
  isGrantable: Schema.Boolean,
  /** An earlier approval of the same agent for a similar subject, whose grant does not cover this request. */
  previous: Schema.optionalKey(Schema.String),
  state: Schema.Literals(["open", "decided", "used", "gone"]),
  waitingEpoch: Schema.optionalKey(Schema.Int),
  verdict: Schema.optionalKey(Verdict),
  use: Schema.optionalKey(Schema.Literals(["delivered", "granted"])),
  /** Why it is gone. */
  goneReason: Schema.optionalKey(Schema.String),
  openedAt: Schema.Finite,
  /** After this time, a verdict no longer grants anything. */
  expiresAt: Schema.Finite
})

/**
 * @category models
 * @since 0.1.0
 */
export type Approval = typeof Approval.Type
