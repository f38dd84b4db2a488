/**
 * Jobs: the prompts of a session, from the moment they are stored until they are settled.
 *
 * A job settles once. It may take several attempts, each of which is a turn. This module is plain data and does no I/O.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Input from "@effect-codex/core/Input"
import * as Schema from "effect/Schema"

/**
 * The end of an attempt.
 *
 * - `completed`: the turn completed.
 * - `failed`: the turn failed, or could not be started.
 * - `interrupted`: someone asked for it. The request was stored before the turn was interrupted.
 * - `crashed`: the app-server or the owner crashed.
 * - `handedOver`: the owner gave up the session deliberately, and stored that first. It does not count against `maxAttempts`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const AttemptEnd = Schema.Literals(["completed", "failed", "interrupted", "crashed", "handedOver"])

/**
 * @category models
 * @since 0.1.0
 */
export type AttemptEnd = typeof AttemptEnd.Type

/**
 * One attempt to run a job.
 *
 * **Details**
 *
 * The phases, in order: `started` is stored before any work is done, so that a crash loop uses up attempts. `sent` is stored
 * before `turn/start` is written: from here on, the prompt may have reached the model. `admitted` has the id of the turn. `ended`
 * has the reason.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Attempt = Schema.Struct({
  /** Counted from 1. */
  number: Schema.Int,
  /** The epoch of the owner that started it. */
  epoch: Schema.Int,
  phase: Schema.Literals(["started", "sent", "admitted", "ended"]),
  /** The `clientUserMessageId` of the turn, which proves that the thread has the prompt. */
  messageId: Schema.optionalKey(Schema.String),
  threadId: Schema.optionalKey(Schema.String),
  turnId: Schema.optionalKey(Schema.String),
  end: Schema.optionalKey(AttemptEnd),
  /** Whether the history may contain the prompt twice: after a crash without evidence it was sent again. */
  isPromptUncertain: Schema.optionalKey(Schema.Boolean),
  /** Whether its codex home was lost, together with the end of the rollout that had not been stored. */
  isTailLost: Schema.optionalKey(Schema.Boolean),
  /** In milliseconds since 1970, as are all times. */
  startedAt: Schema.Finite,
  endedAt: Schema.optionalKey(Schema.Finite)
})

/**
 * @category models
 * @since 0.1.0
 */
export type Attempt = typeof Attempt.Type

/**
 * A stored failure: the tag and the message of the error.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Failure = Schema.Struct({ tag: Schema.String, message: Schema.String })

/**
 * @category models
 * @since 0.1.0
 */
export type Failure = typeof Failure.Type

/**
 * The outcome of a job.
 *
 * **Details**
 *
 * An outcome that names a turn is stored only if the stored rollout contains the end of that turn. `completed` always names one.
 * `failed` and `interrupted` name one if the turn ended, and none if the job never ran or was cut off for good.
 *
 * @category schemas
 * @since 0.1.0
 */
export const JobOutcome = Schema.Union([
  Schema.Struct({
    type: Schema.Literal("completed"),
    turnId: Schema.String,
    /** The final answer. */
    text: Schema.String
  }),
  Schema.Struct({
    type: Schema.Literal("failed"),
    turnId: Schema.optionalKey(Schema.String),
    failure: Failure
  }),
  Schema.Struct({
    type: Schema.Literal("interrupted"),
    turnId: Schema.optionalKey(Schema.String),
    by: Schema.String,
    reason: Schema.optionalKey(Schema.String)
  })
])

/**
 * @category models
 * @since 0.1.0
 */
export type JobOutcome = typeof JobOutcome.Type

/**
 * A request to interrupt a job.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Interrupt = Schema.Struct({
  by: Schema.String,
  reason: Schema.optionalKey(Schema.String),
  at: Schema.Finite
})

/**
 * @category models
 * @since 0.1.0
 */
export type Interrupt = typeof Interrupt.Type

/**
 * A job as it is stored.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Job = Schema.Struct({
  session: Schema.String,
  /** Its name, given by the sender. Unique in its session. */
  key: Schema.String,
  /** Its place in the session, from 1. Jobs of a session run one after the other, in this order. */
  number: Schema.Int,
  prompt: Input.Input,
  state: Schema.Literals(["queued", "running", "settled"]),
  /** Oldest first. */
  attempts: Schema.Array(Attempt),
  /** Present once an interruption was requested; the owner acts on it. */
  interrupt: Schema.optionalKey(Interrupt),
  /** Present once it is settled. */
  outcome: Schema.optionalKey(JobOutcome),
  sentAt: Schema.Finite,
  settledAt: Schema.optionalKey(Schema.Finite)
})

/**
 * @category models
 * @since 0.1.0
 */
export type Job = typeof Job.Type

/**
 * The number of attempts that count against `maxAttempts`: all except hand-overs.
 *
 * @category conversions
 * @since 0.1.0
 */
export const countedAttempts = (job: Job): number => job.attempts.filter(({ end }) => end !== "handedOver").length
