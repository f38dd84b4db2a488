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
import type * as FileSystem from "effect/FileSystem"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type { CommitRefused, StaleOwner, StoreFailed } from "../../DurableError.ts"
import type { Session, ThreadSettings } from "../../Session.ts"
import type { Change, SessionStore } from "../../SessionStore.ts"
import * as Follow from "../rollout/follow.ts"
import { Blocked } from "./blocked.ts"

/** The tools of a session. */
export interface Tools {
  readonly specs: ReadonlyArray<DynamicToolSpec>
  readonly onToolCall: ToolCallHandler
}

export interface Attached {
  readonly thread: Thread
  /** The rollout; `undefined` until the thread has had a turn. */
  readonly follower: Follow.Follower | undefined
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

export const follow = Effect.fnUntraced(function* (options: Options, threadId: string) {
  const path = yield* pathOf(threadId)
  if (path === undefined) return undefined
  const { commit, session, store } = options
  return yield* Follow.make({ store, session: session.id, threadId, path, commit })
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
    const stored = (yield* options.store.rollouts(session.id)).find((rollout) => rollout.threadId === threadId)
    if (stored !== undefined && stored.length > 0) return yield* lost(threadId)
    return undefined
  }
  yield* compare(session.spec.thread, cwd, reply)
  const { goal } = yield* codex.request("thread/goal/get", { threadId })
  if (goal?.status === "active") return yield* activeGoal(threadId)
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
    ...(JSON.stringify(reply.approvalPolicy) === JSON.stringify(settings.approvalPolicy)
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

const activeGoal = (threadId: string) =>
  new Blocked({
    tag: "GoalActive",
    description: `thread ${threadId} has an active goal, for which the server starts turns by itself. Clear it`
  })

const lost = (threadId: string) =>
  new Blocked({
    tag: "RolloutLost",
    description: `the codex home has no rollout of thread ${threadId}, and the store has one. Restore the file, or open a new session`
  })
