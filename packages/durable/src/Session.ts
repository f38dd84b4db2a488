/**
 * Sessions: conversations with an agent that are kept in a store, and not in a process.
 *
 * Everything here is plain data that can be written down and read by a later version. Policies, tools and workspaces are named;
 * the owner looks the names up when it runs the session. This module does no I/O.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Stable from "@effect-codex/core/protocol/generated/Stable"
import * as Schema from "effect/Schema"

/**
 * How the thread of a session runs. It is sent when the thread starts and again at every resume, because the app-server does
 * not restore it.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ThreadSettings = Schema.Struct({
  /** Default: the model of the codex home. */
  model: Schema.optionalKey(Schema.String),
  sandbox: Stable.KnownSandboxMode(),
  approvalPolicy: Stable.KnownAskForApproval()
})

/**
 * @category models
 * @since 0.1.0
 */
export type ThreadSettings = typeof ThreadSettings.Type

/**
 * The settings that a session is opened with. They never change.
 *
 * **Details**
 *
 * - `tenant`: whose session it is. Lists and limits are by tenant.
 * - `policy`, `tools`, `workspace`: names that the owner knows. A name that the owner does not know blocks the session.
 * - `account`: the account to run it with, for owners that have several. Default: the only one.
 * - `onCrash`: how to treat a job whose turn was cut off. `continue` starts a new turn that tells the agent what happened;
 *   `fail` settles the job as failed.
 * - `maxAttempts`: how many turns a job may take, from 1. A hand-over does not count.
 *
 * @category schemas
 * @since 0.1.0
 */
export const SessionSpec = Schema.Struct({
  tenant: Schema.String,
  policy: Schema.String,
  tools: Schema.Array(Schema.String),
  workspace: Schema.String,
  account: Schema.optionalKey(Schema.String),
  thread: ThreadSettings,
  onCrash: Schema.Literals(["continue", "fail"]),
  maxAttempts: Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))
})

/**
 * @category models
 * @since 0.1.0
 */
export type SessionSpec = typeof SessionSpec.Type

/**
 * A rollout that is not the one that the store has.
 *
 * @category schemas
 * @since 0.1.0
 */
export const BlockedRollout = Schema.Struct({
  /** The thread of the session, or a sub-agent's. */
  threadId: Schema.String,
  /** The newest stored version that the session has run on. A version after it is a copy of the file that differs. */
  version: Schema.Int,
  /**
   * The rollouts to choose from: `file` is the one in the codex home, `stored` is that version. If the file is gone, there is only
   * `stored`.
   */
  choices: Schema.Array(Schema.Literals(["file", "stored"]))
})

/**
 * @category models
 * @since 0.1.0
 */
export type BlockedRollout = typeof BlockedRollout.Type

/**
 * Somebody's choice of the rollout to continue with.
 *
 * @category schemas
 * @since 0.1.0
 */
export const RolloutChoice = Schema.Struct({
  rollout: Schema.Literals(["file", "stored"]),
  by: Schema.String,
  at: Schema.Finite
})

/**
 * @category models
 * @since 0.1.0
 */
export type RolloutChoice = typeof RolloutChoice.Type

/**
 * The reason for which the owner can't run a session. The next owner tries again, unless somebody has to choose a rollout first.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Block = Schema.Struct({
  /** The tag of the error: `PolicyMissing`, `ToolsMissing`, `WorkspaceMissing`, `SettingsMismatch`, `RolloutDiverged`, … */
  tag: Schema.String,
  /** A line for people, with the cause and the remedy. */
  message: Schema.String,
  /** Present if somebody has to choose a rollout first: until then, no owner runs the session. */
  rollout: Schema.optionalKey(BlockedRollout),
  /** Somebody's choice, which the owner has not acted on yet. */
  choice: Schema.optionalKey(RolloutChoice),
  /** When it was blocked, in milliseconds since 1970. */
  at: Schema.Finite
})

/**
 * @category models
 * @since 0.1.0
 */
export type Block = typeof Block.Type

/**
 * Whether no owner runs the session before somebody has chosen a rollout.
 *
 * @category guards
 * @since 0.1.0
 */
export const needsChoice = (block: Block | undefined): boolean =>
  block?.rollout !== undefined && block.choice === undefined

/**
 * A session as the store has it.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Session = Schema.Struct({
  id: Schema.String,
  spec: SessionSpec,
  /** The thread that runs its turns. Absent before the first turn. */
  threadId: Schema.optionalKey(Schema.String),
  /** The codex home that has its newest rollouts, if the store may not have all of them. Of owners that share a store. */
  home: Schema.optionalKey(Schema.String),
  /** Present while the owner can't run the session. */
  block: Schema.optionalKey(Block),
  /** Whether a client has removed it. The owner then deletes its rows and files. */
  isRemoved: Schema.Boolean,
  /** When it was opened, in milliseconds since 1970. */
  openedAt: Schema.Finite,
  /** The offset of its newest event. 0: there is none. */
  lastOffset: Schema.Int
})

/**
 * @category models
 * @since 0.1.0
 */
export type Session = typeof Session.Type
