/**
 * Sessions: conversations with an agent that are kept in a store instead of a process.
 *
 * This module is plain data that later versions can read, and does no I/O. Policies, tools and workspaces are stored by name; the
 * owner resolves the names when it runs the session.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Stable from "@effect-codex/core/protocol/generated/Stable"
import * as Schema from "effect/Schema"

/**
 * The settings of a session's thread. They are sent when the thread starts and at every resume, because the app-server does not
 * restore them.
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
 * - `tenant`: the tenant that the session belongs to. Lists and limits are by tenant.
 * - `policy`, `tools`, `workspace`: names that the owner resolves. An unknown name blocks the session.
 * - `account`: the account to use, for owners that have several. Default: the only one.
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
 * A rollout that differs from the stored one.
 *
 * @category schemas
 * @since 0.1.0
 */
export const BlockedRollout = Schema.Struct({
  /** The thread of the session, or a sub-agent's. */
  threadId: Schema.String,
  /** The newest stored version that the session has run on. A later version is a copy of the differing file. */
  version: Schema.Int,
  /**
   * The rollouts to choose from: `file` is the one in the codex home, `stored` is that version. If the file does not exist, the
   * only choice is `stored`.
   */
  choices: Schema.Array(Schema.Literals(["file", "stored"]))
})

/**
 * @category models
 * @since 0.1.0
 */
export type BlockedRollout = typeof BlockedRollout.Type

/**
 * A person's choice of the rollout to continue with.
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
 * The reason that the owner cannot run a session. The next owner tries again, unless someone has to choose a rollout first.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Block = Schema.Struct({
  /** The tag of the error: `PolicyMissing`, `ToolsMissing`, `WorkspaceMissing`, `SettingsMismatch`, `RolloutDiverged`, … */
  tag: Schema.String,
  /** One line for people, with the cause and a fix. */
  message: Schema.String,
  /** Present if someone has to choose a rollout first: until then, no owner runs the session. */
  rollout: Schema.optionalKey(BlockedRollout),
  /** The choice that the owner has not acted on yet. */
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
 * Whether no owner runs the session until someone chooses a rollout.
 *
 * @category guards
 * @since 0.1.0
 */
export const needsChoice = (block: Block | undefined): boolean =>
  block?.rollout !== undefined && block.choice === undefined

/**
 * A session as it is stored.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Session = Schema.Struct({
  id: Schema.String,
  spec: SessionSpec,
  /** The thread that runs its turns. Absent before the first turn. */
  threadId: Schema.optionalKey(Schema.String),
  /** For owners that share a store: the codex home with the newest rollouts, if the store may not have all of them. */
  home: Schema.optionalKey(Schema.String),
  /** Present while the owner cannot run the session. */
  block: Schema.optionalKey(Block),
  /** Whether a client has removed it. The owner then deletes its rows and files. */
  isRemoved: Schema.Boolean,
  /** When it was opened, in milliseconds since 1970. */
  openedAt: Schema.Finite,
  /** The offset of its newest event; 0 if there is none. */
  lastOffset: Schema.Int
})

/**
 * @category models
 * @since 0.1.0
 */
export type Session = typeof Session.Type
