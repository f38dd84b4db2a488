/**
 * The service that keeps sessions: jobs, events, approvals, and the bytes of rollouts.
 *
 * Two parties use a store. Clients, in any number of processes, open sessions, send prompts, decide approvals, and read. One
 * owner runs all sessions, or several owners share the store and each runs its own sessions. An owner holds a lease with an
 * epoch, and each of its commits is one transaction that first checks that epoch. The store enforces the rules that must survive
 * any crash: a job settles once, a verdict is used once, events have no gap. This module starts no turn and knows no app-server.
 *
 * @stability experimental
 * @since 0.1.0
 */
import type { InvalidConfig } from "@effect-codex/core/CodexError"
import type { Input } from "@effect-codex/core/Input"
import type * as Stable from "@effect-codex/core/protocol/generated/Stable"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { Approval, ApprovalText, Subject, Verdict } from "./Approval.ts"
import type {
  AlreadyDecided,
  AlreadySettled,
  ApprovalGone,
  ChoiceNeeded,
  CommitRefused,
  KeyConflict,
  SessionRemoved,
  SpecConflict,
  StaleOwner,
  StoreBusy,
  StoreFailed,
  UnknownJob,
  UnknownSession
} from "./DurableError.ts"
import type { AttemptEnd, Job, JobOutcome } from "./Job.ts"
import type { Block, RolloutChoice, Session, SessionSpec } from "./Session.ts"
import type { SessionEvent } from "./SessionEvent.ts"

/**
 * A lease on the store, held by the owner.
 *
 * @category models
 * @since 0.1.0
 */
export interface Lease {
  /** Greater than that of every owner before. Each commit comes with it. */
  readonly epoch: number
  readonly holder: string
  /**
   * Never succeeds. Fails as soon as another owner has taken over (`StaleOwner`), and when two thirds of the lease have passed
   * without a renewal (`StoreFailed`): the owner has the last third to end its app-servers. Measured on the monotonic clock.
   */
  readonly lost: Effect.Effect<never, StaleOwner | StoreFailed>
}

/**
 * Options of a lease.
 *
 * @category options
 * @since 0.1.0
 */
export interface LeaseOptions {
  /** The name of this owner in `StoreBusy`. Default: the host name and the process id, or `memory`. */
  readonly holder?: string | undefined
  /**
   * How long the lease lasts without a renewal. It is renewed three times as often. The lease of a process on this machine that
   * has exited can be taken at once. Default: 15 seconds.
   */
  readonly duration?: Duration.Input | undefined
  /**
   * Whether other owners may have leases at the same time. Each of them then claims the sessions that it runs. An owner that
   * does not share waits for all the others. Default: false.
   */
  readonly isShared?: boolean | undefined
}

/**
 * A new approval, as the owner stores it before anyone sees it. The store adds the session, the time and the state.
 *
 * @category models
 * @since 0.1.0
 */
export interface NewApproval {
  /** Unique in the store; the owner makes it up. Opening the same id again changes nothing. */
  readonly id: string
  readonly key: string
  readonly attempt: number
  readonly threadId: string
  readonly turnId?: string | undefined
  readonly itemId?: string | undefined
  readonly subject: Subject
  readonly text: ApprovalText
  readonly isGrantable: boolean
  readonly previous?: string | undefined
  /** In milliseconds since 1970. */
  readonly expiresAt: number
}

/**
 * A change that the owner commits. Changes apply in order.
 *
 * - `threadMapped`: the thread of the session is this one from now on. Also remaps a thread that never had a turn.
 * - `movedIn`: the rollouts of the session are in this codex home from now on. If another home had them and was not left, the
 *   newest attempts of jobs that run are marked: `isTailLost`.
 * - `movedOut`: the store has everything that the home has.
 * - `blocked`, `unblocked`: the session can't be run now, or can again. A block with a rollout stays, whatever else blocks the
 *   session, until it is lifted; another one with a rollout takes its place, and the choice with it. It can be lifted only once
 *   somebody has chosen (`ChoiceNeeded`).
 * - `attemptStarted`: opens an attempt, before anything is done. `attempt` is one more than the newest, which has ended. Appends
 *   the event `jobStarted`.
 * - `promptSent`: stored before `turn/start` is written.
 * - `turnAdmitted`: the turn has this id. Allowed for an attempt that was sent, and again with the same id.
 * - `itemCompleted`: appends the event; an item that is stored already, by turn, id and type, is skipped.
 * - `approvalOpened`: stores the approval, waiting in this epoch, and appends the event.
 * - `approvalParked`: nothing waits for it any more; a verdict becomes a grant. One that is not grantable is gone.
 * - `approvalWithdrawn`: it is gone. One that is decided and unused is gone too.
 * - `verdictUsed`: takes the verdict, which can then not be used again. Refused unless the approval is `decided`; for `granted`
 *   also after `expiresAt`. `delivered` also needs that the approval waits in this epoch, `granted` that it does not.
 * - `rolloutAppended`: complete lines of a rollout. `offset` is where they begin and must be the stored length. `version` is the
 *   newest, or one more with offset 0, which keeps the older bytes too. `ends` names the turns whose end is in the bytes.
 * - `attemptEnded`: appends the event. Unused approvals of the attempt are parked if it `crashed` or was `handedOver`, else gone.
 * - `jobSettled`: settles the job, once, and appends the event. An attempt that has not ended is refused (`AttemptMismatch`), as
 *   is an outcome with a turn whose end is not stored (`NoTurnEnd`). Open approvals of the job are gone.
 *
 * @category models
 * @since 0.1.0
 */
export type Change =
  | { readonly type: "threadMapped"; readonly threadId: string }
  | { readonly type: "movedIn"; readonly home: string }
  | { readonly type: "movedOut" }
  | { readonly type: "blocked"; readonly block: Omit<Block, "at" | "choice"> }
  | { readonly type: "unblocked" }
  | {
      readonly type: "attemptStarted"
      readonly key: string
      readonly attempt: number
    }
  | {
      readonly type: "promptSent"
      readonly key: string
      readonly attempt: number
      readonly threadId: string
      readonly messageId: string
      readonly isPromptUncertain?: boolean | undefined
    }
  | { readonly type: "turnAdmitted"; readonly key: string; readonly attempt: number; readonly turnId: string }
  | {
      readonly type: "itemCompleted"
      readonly key: string
      readonly attempt: number
      readonly threadId: string
      readonly turnId: string
      readonly item: Stable.ThreadItem
    }
  | { readonly type: "approvalOpened"; readonly approval: NewApproval }
  | { readonly type: "approvalParked"; readonly approval: string }
  | { readonly type: "approvalWithdrawn"; readonly approval: string; readonly reason: string }
  | { readonly type: "verdictUsed"; readonly approval: string; readonly use: "delivered" | "granted" }
  | {
      readonly type: "rolloutAppended"
      readonly threadId: string
      /** The place of the file, relative to `sessions` in the codex home. */
      readonly path: string
      readonly version: number
      readonly offset: number
      readonly bytes: Uint8Array
      readonly ends: ReadonlyArray<string>
    }
  | { readonly type: "attemptEnded"; readonly key: string; readonly attempt: number; readonly end: AttemptEnd }
  | { readonly type: "jobSettled"; readonly key: string; readonly outcome: JobOutcome }

/**
 * Changes of one session that the owner commits together.
 *
 * @category models
 * @since 0.1.0
 */
export interface Commit {
  readonly epoch: number
  readonly session: string
  readonly changes: ReadonlyArray<Change>
  /**
   * Whether to write at once. Otherwise the commit may wait for 50 ms for others, to share their disk write. The effect ends
   * when it is on disk either way. Default: false.
   */
  readonly isUrgent?: boolean | undefined
}

/**
 * The effects of a commit.
 *
 * @category models
 * @since 0.1.0
 */
export interface Committed {
  /** The events that it appended, with their offsets. */
  readonly events: ReadonlyArray<SessionEvent>
  /** The verdicts that it took, in the order of the changes. */
  readonly verdicts: ReadonlyArray<Verdict>
}

/**
 * A session that has work for the owner.
 *
 * @category models
 * @since 0.1.0
 */
export interface Work {
  readonly session: Session
  /** The oldest job that is not settled. Absent for a session that was only removed. */
  readonly job: Job | undefined
  /** Approvals with an unused verdict. Those that wait in this epoch are to be answered, the others are grants. */
  readonly decided: ReadonlyArray<Approval>
}

/**
 * A stored rollout, of the session's thread or of a sub-agent.
 *
 * @category models
 * @since 0.1.0
 */
export interface Rollout {
  readonly threadId: string
  /** From 1. Older versions are kept: they diverged from the file. */
  readonly version: number
  /** Relative to `sessions` in the codex home. */
  readonly path: string
  /** In bytes. */
  readonly length: number
}

/**
 * The part of a rollout to read.
 *
 * @category options
 * @since 0.1.0
 */
export interface RolloutRange {
  readonly session: string
  readonly threadId: string
  /** Default: the newest. */
  readonly version?: number | undefined
  /** The byte to begin with. Default: 0. */
  readonly from?: number | undefined
}

/**
 * A page of a list, in the order of the list.
 *
 * @category options
 * @since 0.1.0
 */
export interface Page<Cursor> {
  /** The page begins after this one. Default: at the beginning of the list. */
  readonly after?: Cursor | undefined
  /** Default: 100. At most 1,000. */
  readonly limit?: number | undefined
}

/**
 * An owner as other processes see it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Owner {
  readonly holder: string
  readonly epoch: number
  /** When its lease ends unless it is renewed, in milliseconds since 1970. */
  readonly expiresAt: number
}

/**
 * A session that an owner takes or gives back.
 *
 * @category options
 * @since 0.1.0
 */
export interface Claim {
  readonly epoch: number
  readonly session: string
}

/**
 * The part of a store that clients use. Each call is one transaction.
 *
 * @category models
 * @since 0.1.0
 */
export interface ClientStore {
  /** Opens a session, or finds it open with an equal spec. */
  readonly openSession: (
    id: string,
    spec: SessionSpec
  ) => Effect.Effect<Session, SpecConflict | SessionRemoved | StoreFailed>
  /** Stores a prompt; the same key with the same prompt is the same job. */
  readonly addJob: (job: {
    readonly session: string
    readonly key: string
    readonly prompt: Input
  }) => Effect.Effect<Job, KeyConflict | UnknownSession | StoreFailed>
  /** Asks for an interruption; the first request stays. */
  readonly requestInterrupt: (interrupt: {
    readonly session: string
    readonly key: string
    readonly by: string
    readonly reason?: string | undefined
  }) => Effect.Effect<Job, AlreadySettled | UnknownJob | UnknownSession | StoreFailed>
  /**
   * Stores a verdict and appends the event `approvalDecided`. `isWaiting` in the answer: an owner with a valid lease waits for
   * it.
   */
  readonly decide: (verdict: {
    readonly approval: string
    readonly decision: Verdict["decision"]
    readonly by: string
    readonly reason?: string | undefined
  }) => Effect.Effect<
    { readonly approval: Approval; readonly isWaiting: boolean },
    AlreadyDecided | ApprovalGone | StoreFailed
  >
  /**
   * Lifts a block, so that an owner tries again. One with a rollout stays, with the choice, for the owner to act on; the first
   * choice counts. Does nothing for a session that is not blocked.
   */
  readonly resumeSession: (resume: {
    readonly session: string
    readonly rollout?: RolloutChoice["rollout"] | undefined
    readonly by: string
  }) => Effect.Effect<Session, ChoiceNeeded | UnknownSession | StoreFailed>
  /** Marks a session as removed. The owner does the rest, and calls `purge`. */
  readonly removeSession: (session: string) => Effect.Effect<void, UnknownSession | StoreFailed>

  readonly session: (id: string) => Effect.Effect<Session, UnknownSession | StoreFailed>
  /** Sessions by id, without removed ones. */
  readonly sessions: (
    options?: Page<string> & { readonly tenant?: string | undefined }
  ) => Effect.Effect<ReadonlyArray<Session>, StoreFailed>
  readonly job: (session: string, key: string) => Effect.Effect<Job, UnknownJob | UnknownSession | StoreFailed>
  /** Jobs by number. */
  readonly jobs: (
    session: string,
    options?: Page<number> & {
      /** Whether to leave out settled ones. Default: false. */
      readonly isOpen?: boolean | undefined
    }
  ) => Effect.Effect<ReadonlyArray<Job>, UnknownSession | StoreFailed>
  /** Events by offset. */
  readonly events: (
    session: string,
    options?: Page<number>
  ) => Effect.Effect<ReadonlyArray<SessionEvent>, UnknownSession | StoreFailed>
  readonly approval: (id: string) => Effect.Effect<Approval, ApprovalGone | StoreFailed>
  /** Approvals by id, of all sessions that are not removed or of one. Default: the open ones. */
  readonly approvals: (
    options?: Page<string> & {
      readonly session?: string | undefined
      readonly tenant?: string | undefined
      readonly states?: ReadonlyArray<Approval["state"]> | undefined
    }
  ) => Effect.Effect<ReadonlyArray<Approval>, StoreFailed>
  /** The newest owner with a lease that has not expired. */
  readonly owner: Effect.Effect<Owner | undefined, StoreFailed>
  /** The owner that runs this session: the one that has claimed it, or the only one of the store. */
  readonly ownerOf: (session: string) => Effect.Effect<Owner | undefined, StoreFailed>
  /**
   * Emits once at the beginning, and then whenever something may have changed: immediately for changes of this process, within
   * 250 ms for those of others. Simultaneous changes are one element.
   */
  readonly changes: Stream.Stream<void, StoreFailed>
}

/**
 * The part of a store that the owner uses. Calls with an epoch fail with `StaleOwner` once there is a newer one.
 *
 * @category models
 * @since 0.1.0
 */
export interface OwnerStore {
  /**
   * Takes the lease, keeps it renewed, and gives it back when the scope closes. Fails with `StoreBusy` while another owner has
   * it, and with `InvalidConfig` for a `duration` that is none.
   */
  readonly lease: (options?: LeaseOptions) => Effect.Effect<Lease, InvalidConfig | StoreBusy | StoreFailed, Scope.Scope>
  /**
   * Takes a session for an owner that shares the store, until it is released. Fails with `StoreBusy` while another owner with a
   * valid lease has it. Taking a session of an owner whose lease is over ends that lease for good.
   */
  readonly claim: (claim: Claim) => Effect.Effect<void, StaleOwner | StoreBusy | StoreFailed | UnknownSession>
  /** Gives a session back. Does nothing if the owner does not have it. */
  readonly release: (claim: Claim) => Effect.Effect<void, StoreFailed>
  /**
   * Sessions with something to do: a job that is not settled, or a removal. By id; idle sessions cost nothing. A blocked session
   * is among them.
   */
  readonly work: (
    options?: Page<string> & {
      /** Only sessions that the owner with this epoch has claimed, or only unclaimed ones. Default: all. */
      readonly claim?: number | "none" | undefined
    }
  ) => Effect.Effect<ReadonlyArray<Work>, StoreFailed>
  /** Applies the changes in one transaction, or none of them. */
  readonly commit: (commit: Commit) => Effect.Effect<Committed, StaleOwner | CommitRefused | StoreFailed>
  /** All rollouts of a session, with all versions, by thread and version. */
  readonly rollouts: (session: string) => Effect.Effect<ReadonlyArray<Rollout>, StoreFailed>
  /** The bytes of a rollout, in pieces of at most 4 MiB: never more than one of them in memory. A line may be in several. */
  readonly rolloutBytes: (range: RolloutRange) => Stream.Stream<Uint8Array, StoreFailed>
  /** Deletes all rows of a removed session. Does nothing for one that is gone. */
  readonly purge: (options: {
    readonly epoch: number
    readonly session: string
  }) => Effect.Effect<void, StaleOwner | CommitRefused | StoreFailed>
}

/**
 * Keeps sessions.
 *
 * @category services
 * @since 0.1.0
 */
export class SessionStore extends Context.Service<SessionStore, ClientStore & OwnerStore>()(
  "@effect-codex/durable/SessionStore"
) {}
