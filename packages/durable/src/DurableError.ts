/**
 * The errors of durable sessions, as tagged errors.
 *
 * Each message is one line that says what happened and what to do. Errors of turns and connections are those of
 * `@effect-codex/core/CodexError`. This module does no I/O.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { Failure } from "./Job.ts"

/**
 * The reason that a store could not be read or written.
 *
 * - `Full`: the disk or a quota is full.
 * - `ReadOnly`: the file, or its folder, can't be written.
 * - `Locked`: another process kept the file locked for longer than the store waits.
 * - `Corrupt`: the file is not a database, or is damaged.
 * - `Newer`: a newer version wrote the file, in a form that this version can't read. `minReader` is the oldest that can.
 * - `Unavailable`: the file can't be opened, or reading and writing it failed otherwise.
 *
 * @category models
 * @since 0.1.0
 */
export const StoreFailedReason = Schema.TaggedUnion({
  Full: { description: Schema.String },
  ReadOnly: { description: Schema.String },
  Locked: { description: Schema.String },
  Corrupt: { description: Schema.String },
  Newer: { schema: Schema.Int, minReader: Schema.Int, supported: Schema.Int },
  Unavailable: { description: Schema.String }
})

/**
 * @category models
 * @since 0.1.0
 */
export type StoreFailedReason = typeof StoreFailedReason.Type

const describe = (reason: StoreFailedReason): string => {
  switch (reason._tag) {
    case "Full":
      return `the disk is full (${reason.description}). Free some space and try again.`
    case "ReadOnly":
      return `it can't be written (${reason.description}). Check the permissions of the file and its folder.`
    case "Locked":
      return `another process keeps it locked (${reason.description}). Try again.`
    case "Corrupt":
      return `it is damaged or not a database (${reason.description}). Restore a backup.`
    case "Newer":
      return `a newer version wrote it (schema ${reason.schema}, readable from ${reason.minReader} on; this version knows ${reason.supported}). Update effect-codex.`
    case "Unavailable":
      return `${reason.description}.`
  }
}

/**
 * The store could not be read or written. The failed call changed nothing, unless the connection broke during the commit;
 * repeating the call is safe then.
 *
 * @category errors
 * @since 0.1.0
 */
export class StoreFailed extends Schema.TaggedError<StoreFailed>()("StoreFailed", {
  /** The file, or the name of the store. */
  store: Schema.String,
  reason: StoreFailedReason
}) {
  override get message(): string {
    return `The store ${this.store}: ${describe(this.reason)}`
  }

  /** Whether the same call can succeed later without a change by the user. */
  get isRetryable(): boolean {
    return this.reason._tag === "Locked" || this.reason._tag === "Full"
  }
}

/**
 * Another process runs the sessions of this store, which has one owner at a time.
 *
 * @category errors
 * @since 0.1.0
 */
export class StoreBusy extends Schema.TaggedError<StoreBusy>()("StoreBusy", {
  store: Schema.String,
  /** The other owner: a host name and a process id, or the name that it gave itself. */
  holder: Schema.String,
  /** When its lease ends unless it is renewed, in milliseconds since 1970. */
  expiresAt: Schema.Finite
}) {
  override get message(): string {
    return `The sessions of ${this.store} are run by ${this.holder}. Stop that process, or use this one as a client.`
  }
}

/**
 * Another owner has taken over the store. This one must end its app-servers and must not write any more.
 *
 * @category errors
 * @since 0.1.0
 */
export class StaleOwner extends Schema.TaggedError<StaleOwner>()("StaleOwner", {
  store: Schema.String,
  /** The epoch that the call came with. */
  epoch: Schema.Int,
  /** The newest epoch. */
  current: Schema.Int
}) {
  override get message(): string {
    return `Another process has taken over the sessions of ${this.store} (epoch ${this.current}, this one has ${this.epoch}). End this owner; build its layer again to wait for its turn.`
  }
}

/**
 * The reason that a change was refused. A refused commit changes nothing.
 *
 * - `UnknownSession`, `UnknownJob`, `UnknownApproval`: it does not exist, or no longer exists.
 * - `JobSettled`: the job is settled already.
 * - `AttemptMismatch`: the attempt is not the newest, or is in a phase that does not allow the change.
 * - `NoTurnEnd`: the outcome names a turn whose end is not in the stored rollout.
 * - `VerdictUnavailable`: the approval has no verdict, or it was used, withdrawn, or expired; `state` says which.
 * - `NotRemoved`: no client has removed the session, so it is not purged.
 * - `RolloutMismatch`: the bytes do not begin where the stored ones end, at `length`.
 * - `ChoiceNeeded`: the block cannot be lifted until someone chooses a rollout.
 *
 * @category models
 * @since 0.1.0
 */
export const CommitRefusedReason = Schema.TaggedUnion({
  UnknownSession: { session: Schema.String },
  UnknownJob: { key: Schema.String },
  UnknownApproval: { approval: Schema.String },
  JobSettled: { key: Schema.String },
  AttemptMismatch: { key: Schema.String, attempt: Schema.Int, newest: Schema.Int, phase: Schema.String },
  NoTurnEnd: { key: Schema.String, turnId: Schema.String },
  VerdictUnavailable: { approval: Schema.String, state: Schema.String },
  NotRemoved: { session: Schema.String },
  RolloutMismatch: { threadId: Schema.String, version: Schema.Int, offset: Schema.Int, length: Schema.Int },
  ChoiceNeeded: { threadId: Schema.String }
})

/**
 * @category models
 * @since 0.1.0
 */
export type CommitRefusedReason = typeof CommitRefusedReason.Type

/**
 * A commit of the owner contradicts the stored state. The whole commit was refused.
 *
 * @category errors
 * @since 0.1.0
 */
export class CommitRefused extends Schema.TaggedError<CommitRefused>()("CommitRefused", {
  session: Schema.String,
  reason: CommitRefusedReason
}) {
  override get message(): string {
    return `Session ${JSON.stringify(this.session)}: the store refused a commit: ${JSON.stringify(this.reason)}. Read the session again.`
  }
}

/**
 * No session has this id: it was never opened, or was removed.
 *
 * @category errors
 * @since 0.1.0
 */
export class UnknownSession extends Schema.TaggedError<UnknownSession>()("UnknownSession", {
  session: Schema.String
}) {
  override get message(): string {
    return `No session ${JSON.stringify(this.session)} exists. Open it first, or check the id.`
  }
}

/**
 * The session was removed, and no owner has deleted its rows and files yet.
 *
 * @category errors
 * @since 0.1.0
 */
export class SessionRemoved extends Schema.TaggedError<SessionRemoved>()("SessionRemoved", {
  session: Schema.String
}) {
  override get message(): string {
    return `Session ${JSON.stringify(this.session)} is being removed. Open it again once an owner has deleted it, or use another id.`
  }
}

/**
 * The session has no job with this key.
 *
 * @category errors
 * @since 0.1.0
 */
export class UnknownJob extends Schema.TaggedError<UnknownJob>()("UnknownJob", {
  session: Schema.String,
  key: Schema.String
}) {
  override get message(): string {
    return `Session ${JSON.stringify(this.session)} has no job ${JSON.stringify(this.key)}. Send it first, or check the key.`
  }
}

/**
 * The session is open with another spec.
 *
 * @category errors
 * @since 0.1.0
 */
export class SpecConflict extends Schema.TaggedError<SpecConflict>()("SpecConflict", {
  session: Schema.String,
  /** The fields that differ. */
  fields: Schema.Array(Schema.String)
}) {
  override get message(): string {
    return `Session ${JSON.stringify(this.session)} is open with another spec (${this.fields.join(", ")} differ). A spec never changes: use the same one, or another id.`
  }
}

/**
 * The session is blocked by a rollout that differs, and can only be resumed with one of these choices.
 *
 * @category errors
 * @since 0.1.0
 */
export class ChoiceNeeded extends Schema.TaggedError<ChoiceNeeded>()("ChoiceNeeded", {
  session: Schema.String,
  choices: Schema.Array(Schema.Literals(["file", "stored"]))
}) {
  override get message(): string {
    return `Session ${JSON.stringify(this.session)} has a rollout that is not the stored one. Choose the rollout to continue with: ${this.choices.join(" or ")}.`
  }
}

/**
 * The session has a job with this key and another prompt.
 *
 * @category errors
 * @since 0.1.0
 */
export class KeyConflict extends Schema.TaggedError<KeyConflict>()("KeyConflict", {
  session: Schema.String,
  key: Schema.String
}) {
  override get message(): string {
    return `Session ${JSON.stringify(this.session)} has a job ${JSON.stringify(this.key)} with another prompt. Use a new key for a new prompt.`
  }
}

/**
 * The job is settled, so there is nothing to interrupt.
 *
 * @category errors
 * @since 0.1.0
 */
export class AlreadySettled extends Schema.TaggedError<AlreadySettled>()("AlreadySettled", {
  session: Schema.String,
  key: Schema.String
}) {
  override get message(): string {
    return `Job ${JSON.stringify(this.key)} of session ${JSON.stringify(this.session)} is settled: there is nothing to interrupt. Read its result.`
  }
}

/**
 * Someone else has already decided this approval.
 *
 * @category errors
 * @since 0.1.0
 */
export class AlreadyDecided extends Schema.TaggedError<AlreadyDecided>()("AlreadyDecided", {
  approval: Schema.String,
  decision: Schema.Literals(["accept", "decline"]),
  by: Schema.String
}) {
  override get message(): string {
    return `Approval ${this.approval} is decided: ${this.by} chose ${this.decision}. The first verdict counts.`
  }
}

/**
 * The approval needs no verdict: no approval with this id exists, or the request is over.
 *
 * @category errors
 * @since 0.1.0
 */
export class ApprovalGone extends Schema.TaggedError<ApprovalGone>()("ApprovalGone", {
  approval: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `Approval ${this.approval} needs no verdict: ${this.reason}. Look at the open approvals of the session.`
  }
}

/**
 * The job settled without an answer.
 *
 * @category errors
 * @since 0.1.0
 */
export class JobFailed extends Schema.TaggedError<JobFailed>()("JobFailed", {
  session: Schema.String,
  key: Schema.String,
  failure: Failure
}) {
  override get message(): string {
    return `Job ${JSON.stringify(this.key)} of session ${JSON.stringify(this.session)} failed: ${this.failure.message} Send the prompt under a new key to try again.`
  }
}

/**
 * Someone interrupted the job.
 *
 * @category errors
 * @since 0.1.0
 */
export class JobInterrupted extends Schema.TaggedError<JobInterrupted>()("JobInterrupted", {
  session: Schema.String,
  key: Schema.String,
  by: Schema.String,
  reason: Schema.optionalKey(Schema.String)
}) {
  override get message(): string {
    const reason = this.reason === undefined ? "" : ` (${this.reason})`
    return `${this.by} interrupted job ${JSON.stringify(this.key)} of session ${JSON.stringify(this.session)}${reason}. Send the prompt under a new key to run it.`
  }
}

/**
 * Another process runs the session, so its deltas are not available here.
 *
 * @category errors
 * @since 0.1.0
 */
export class LiveUnavailable extends Schema.TaggedError<LiveUnavailable>()("LiveUnavailable", {
  session: Schema.String
}) {
  override get message(): string {
    return `Deltas of session ${JSON.stringify(this.session)} are only available in the process that runs it. Read its events instead.`
  }
}
