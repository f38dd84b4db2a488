/**
 * Gets the thread of a session ready on an app-server: loaded with the stored settings, followed from before that, and nobody
 * else's.
 *
 * The server does not restore all settings of a thread, so they are sent at every resume and the reply is compared before any
 * prompt. A thread that never had a turn has no rollout and is replaced by a new one.
 */
import * as Codex from "@effect-codex/core/Codex"
import type { RequestError, ThreadStartError } from "@effect-codex/core/CodexError"
import type { ExperimentalApi } from "@effect-codex/core/ExperimentalApi"
import type { ThreadResumeResponse } from "@effect-codex/core/protocol/generated/Stable"
import type { DynamicToolSpec } from "@effect-codex/core/protocol/generated/Stable"
import type { ToolCallHandler } from "@effect-codex/core/ServerRequest"
import type { Thread } from "@effect-codex/core/Thread"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import type * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as Predicate from "effect/Predicate"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type { CommitRefused, StaleOwner, StoreFailed } from "../../DurableError.ts"
import type { Block, Session, ThreadSettings } from "../../Session.ts"
import type { Change, SessionStore } from "../../SessionStore.ts"
import * as Agents from "../rollout/agents.ts"
import * as Follow from "../rollout/follow.ts"
import * as Restore from "../rollout/restore.ts"
import { Blocked } from "../blocked.ts"

/** The tools of a session. */
export interface Tools {
  readonly specs: ReadonlyArray<DynamicToolSpec>
  readonly onToolCall: ToolCallHandler
}

export interface Attached {
  readonly thread: Thread
  /** The rollout, with those of sub-agents; `undefined` until the thread has had a turn. */
  readonly follower: Agents.Tree<Follow.FollowError | RequestError> | undefined
}

export interface Options {
  readonly store: SessionStore["Service"]
  readonly session: Session
  readonly cwd: string
  readonly tools: Tools
  /** Whether the session may go to another codex home: its thread is unloaded as soon as it is left. */
  readonly isShared: boolean
  readonly commit: (changes: ReadonlyArray<Change>) => Effect.Effect<unknown, CommitRefused | StaleOwner | StoreFailed>
}

const leaving = { thread_unload_delay_secs: 0 }

/** A server whose owner died may take a moment to let go of a thread. */
const lockWait = Duration.seconds(20)

/** The path of a thread's rollout, as the server knows it; `undefined` if it has none. */
export const pathOf = (threadId: string): Effect.Effect<string | undefined, RequestError, Codex.Codex> =>
  Effect.flatMap(Codex.Codex, (codex) =>
    codex.request("thread/read", { threadId }).pipe(
      Effect.map(({ thread }) => thread.path ?? undefined),
      Effect.catchTag(["NoRollout", "SessionNotFound"], () => Effect.undefined)
    )
  )

/** Follows the rollout of a thread; `undefined` if it has none yet. */
const followOne = Effect.fnUntraced(function* (options: Options, threadId: string) {
  const { commit, session, store } = options
  const path = yield* pathOf(threadId)
  if (path !== undefined) return yield* Follow.make({ store, session: session.id, threadId, path, commit })
  const version = yield* lastStored(options, threadId)
  return version === undefined ? undefined : yield* Follow.lost(threadId, version)
})

// The newest version of a rollout that is more than the beginning of a copy.
const lastStored = ({ session, store }: Options, threadId: string) =>
  Effect.map(
    store.rollouts(session.id),
    (all) => all.findLast((rollout) => rollout.threadId === threadId && rollout.length > 0)?.version
  )

/** Follows the rollout of a thread with those of its sub-agents; `undefined` if it has none yet. */
export const follow = Effect.fnUntraced(function* (options: Options, threadId: string) {
  const root = yield* followOne(options, threadId)
  if (root === undefined) return undefined
  return yield* Agents.withAgents(threadId, root, (agent) => followOne(options, agent))
})

/**
 * Restores the rollout that somebody has chosen. False while the server has a thread of the session loaded: it would continue from
 * its memory, and write to a file that is gone.
 */
export const restore = Effect.fnUntraced(function* (
  options: Options,
  { choice, rollout }: Block
): Effect.fn.Return<boolean, Follow.FollowError | RequestError, Codex.Codex | FileSystem.FileSystem | Path.Path> {
  const codex = yield* Codex.Codex
  const { join } = yield* Path.Path
  const { commit, session, store } = options
  const threads = new Set((yield* store.rollouts(session.id)).map(({ threadId }) => threadId))
  const { data } = yield* codex.request("thread/loaded/list", {})
  if (data.some((threadId) => threads.has(threadId))) return false
  if (rollout !== undefined && choice?.rollout === "stored") {
    const folder = join(codex.serverInfo.codexHome, "sessions")
    yield* Restore.restore({ store, session: session.id, commit, folder, blocked: rollout })
  }
  return true
})

/** Loads the thread that the session has; `undefined` if it has none with a turn. */
export const resume = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<Attached | undefined, Follow.FollowError | ThreadStartError, Codex.Codex | FileSystem.FileSystem> {
  const { cwd, isShared, session, tools } = options
  const { threadId } = session
  if (threadId === undefined) return undefined
  const codex = yield* Codex.Codex
  const { approvalPolicy, model, sandbox } = session.spec.thread
  const follower = yield* follow(options, threadId)
  // Before the thread is loaded: from then on the server would run turns for it.
  const { goal } = yield* codex
    .request("thread/goal/get", { threadId })
    .pipe(Effect.catchTag(["NoRollout", "SessionNotFound"], () => Effect.succeed({ goal: undefined })))
  if (goal?.status === "active") return yield* activeGoal(threadId)
  const reply = yield* codex
    .request("thread/resume", {
      threadId,
      cwd,
      sandbox,
      approvalPolicy,
      ...(model === undefined ? {} : { model }),
      ...(isShared ? { config: leaving } : {}),
      excludeTurns: true
    })
    .pipe(
      Effect.retry({
        while: ({ _tag }) => _tag === "ThreadLocked",
        schedule: Schedule.spaced("100 millis").pipe(Schedule.upTo({ duration: lockWait }))
      }),
      Effect.catchTag(["NoRollout", "SessionNotFound"], () => Effect.undefined)
    )
  if (reply === undefined) {
    const version = yield* lastStored(options, threadId)
    return version === undefined ? undefined : yield* Follow.lost(threadId, version)
  }
  yield* compare(session.spec.thread, cwd, reply)
  const thread = yield* codex.thread.resume(threadId, { onToolCall: tools.onToolCall })
  // Resuming may have added to it, and a server that was dying too.
  if (follower !== undefined) {
    yield* follower.catchUp
    return { thread, follower }
  }
  return { thread, follower: yield* follow(options, threadId) }
})

/** Leaves the thread when the scope closes, so that a server has no more threads than sessions that run. */
export const leaveAtEnd = (threadId: string): Effect.Effect<void, never, Codex.Codex | Scope.Scope> =>
  Effect.flatMap(Codex.Codex, (codex) =>
    Effect.addFinalizer(() =>
      Effect.ignore(codex.request("thread/unsubscribe", { threadId }, { timeout: "2 seconds" }))
    )
  )

/** Starts the thread of a session. */
export const start = ({
  cwd,
  isShared,
  session,
  tools
}: Options): Effect.Effect<Thread, ThreadStartError, Codex.Codex | ExperimentalApi> =>
  Effect.flatMap(Codex.Codex, (codex) => {
    const { approvalPolicy, model, sandbox } = session.spec.thread
    const settings = {
      cwd,
      sandbox,
      approvalPolicy,
      ...(model === undefined ? {} : { model }),
      ...(isShared ? { config: leaving } : {})
    }
    return tools.specs.length === 0
      ? codex.thread.start(settings)
      : codex.thread.start({ ...settings, dynamicTools: tools.specs, onToolCall: tools.onToolCall })
  })

const sandboxTypes = {
  "read-only": "readOnly",
  "workspace-write": "workspaceWrite",
  "danger-full-access": "dangerFullAccess"
} as const

const compare = (settings: ThreadSettings, cwd: string, reply: ThreadResumeResponse) => {
  const differs = [
    ...(settings.model === undefined || settings.model === reply.model
      ? []
      : [`the model is ${reply.model} instead of ${settings.model}`]),
    ...(reply.sandbox.type === sandboxTypes[settings.sandbox]
      ? []
      : [`the sandbox is ${reply.sandbox.type} instead of ${settings.sandbox}`]),
    ...(isSamePolicy(reply.approvalPolicy, settings.approvalPolicy)
      ? []
      : [
          `the approval policy is ${JSON.stringify(reply.approvalPolicy)} instead of ${JSON.stringify(settings.approvalPolicy)}`
        ]),
    ...(reply.cwd === cwd ? [] : [`the folder is ${reply.cwd} instead of ${cwd}`])
  ]
  return differs.length === 0
    ? Effect.void
    : Effect.fail(
        new Blocked({
          tag: "SettingsMismatch",
          description: `the server loaded its thread with other settings: ${differs.join(", ")}`
        })
      )
}

// Structurally: keys have no order, and one that is left out is false.
const isSamePolicy = (a: ThreadResumeResponse["approvalPolicy"], b: ThreadSettings["approvalPolicy"]): boolean =>
  Equal.equals(granted(a), granted(b))

const granted = (policy: unknown): unknown =>
  Predicate.hasProperty(policy, "granular") && Predicate.isObject(policy.granular)
    ? Object.fromEntries(Object.entries(policy.granular).filter(([, isAsked]) => isAsked === true))
    : policy

const activeGoal = (threadId: string) =>
  new Blocked({
    tag: "GoalActive",
    description: `thread ${threadId} has an active goal, for which the server starts turns by itself. Clear it`
  })
