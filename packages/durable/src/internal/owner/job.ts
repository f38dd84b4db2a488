/**
 * Runs one job of a session to its settlement, whatever state a crash has left it in.
 *
 * Each round reads the rows and the rollout, asks the pure functions what became of the attempts and what comes next, and does
 * that: settle, wait for people, or start a turn. A round that loses its app-server leaves its attempt as it is, and the next
 * round finds out from the evidence. This module decides nothing by itself.
 */
import * as Codex from "@effect-codex/core/Codex"
import type { CodexError, CodexNotFound, InvalidConfig, ThreadStartError } from "@effect-codex/core/CodexError"
import type { ThreadItem } from "@effect-codex/core/protocol/generated/Stable"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type * as Path from "effect/Path"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import type { UnknownJob, UnknownSession } from "../../DurableError.ts"
import type { AttemptEnd, Job } from "../../Job.ts"
import { admit, type Verdict } from "../admission.ts"
import { needsChoice, type Session } from "../../Session.ts"
import { nextStep } from "../nextStep.ts"
import type { FollowError } from "../rollout/follow.ts"
import * as Attach from "./attach.ts"
import * as Attempt from "./attempt.ts"
import { Blocked } from "../blocked.ts"
import * as Home from "./home.ts"
import * as Leave from "./leave.ts"
import type { Mailbox } from "./mailbox.ts"
import type { Owner } from "./owner.ts"
import * as Writes from "./writes.ts"

/** The errors that end a job's run without settling it. */
export type RunError =
  | CodexError
  | CodexNotFound
  | FollowError
  | InvalidConfig
  | ThreadStartError
  | UnknownJob
  | UnknownSession

type Platform = FileSystem.FileSystem | Path.Path

/** Runs the job, and returns when it is settled. */
export const runJob = Effect.fnUntraced(function* (
  owner: Owner,
  mailbox: Mailbox,
  sessionId: string,
  key: string
): Effect.fn.Return<void, RunError, Platform> {
  for (;;) {
    const round = yield* Effect.scoped(runRound(owner, mailbox, sessionId, key))
    if (round === "settled") return
    if (round !== "again") {
      const now = yield* Clock.currentTimeMillis
      yield* Effect.raceFirst(mailbox.changed, Effect.sleep(Math.max(0, round.until - now)))
    }
  }
})

interface Wait {
  readonly type: "wait"
  readonly until: number
}

const runRound = Effect.fnUntraced(function* (
  owner: Owner,
  mailbox: Mailbox,
  sessionId: string,
  key: string
): Effect.fn.Return<Attempt.Result | Wait, RunError, Platform | Scope.Scope> {
  const { store } = owner
  const session = yield* store.session(sessionId)
  const job = yield* store.job(sessionId, key)
  if (job.state === "settled") return "settled"
  const writes = Writes.make(owner, sessionId)

  const open = yield* store.approvals({ session: sessionId, states: ["open"] })
  const last = job.attempts.at(-1)
  const isInFlight = last !== undefined && last.phase !== "ended"
  // Nothing has reached the thread, or people are waited for: that needs no server.
  const isSent = job.attempts.some(({ messageId }) => messageId !== undefined)
  if (!isInFlight && (!isSent || job.interrupt === undefined)) {
    const now = yield* Clock.currentTimeMillis
    const absent = { verdict: { type: "absent" }, isPromptUncertain: false } as const
    const step = nextStep({ job, spec: session.spec, admission: absent, open, now })
    if (step.type === "wait") return step
    if (step.type === "settle" && !isSent) return yield* writes.settle(job, step.outcome)
  }

  if (needsChoice(session.block)) return yield* waiting(session)
  const policy = yield* owner.policy(session)
  const tools = yield* owner.tools(session)
  const { cwd } = yield* owner.workspace(session)
  const server = yield* owner.servers.get(session.spec.account)

  return yield* Effect.gen(function* () {
    const { isShared } = owner
    const options: Attach.Options = { store, session, cwd, tools, isShared, commit: writes.commit }
    if (isShared) {
      const endServer = owner.servers.end(session.spec.account)
      yield* Leave.atEnd(owner, options)
      yield* Home.moveIn({ store, session, commit: writes.commitNow, endServer })
    }
    const { block } = session
    const isReplaced = block?.choice !== undefined
    if (isReplaced && !(yield* Attach.restore(options, block))) {
      return { type: "wait" as const, until: (yield* Clock.currentTimeMillis) + unloadCheck }
    }
    const attached = yield* Attach.resume(options)
    if (attached !== undefined) yield* Attach.leaveAtEnd(attached.thread.id)
    const rollout = attached?.follower?.exists() === true ? attached.follower.digest() : undefined
    const admission = admit({ attempts: job.attempts, rollout, isReplaced })
    const { verdict } = admission
    // Goes with the first write that follows from what was found.
    const lifted = block === undefined ? [] : [{ type: "unblocked" as const }]
    const ended = isInFlight
      ? [{ type: "attemptEnded" as const, key, attempt: last.number, end: endOf(verdict, job) }]
      : []
    if (isInFlight && verdict.type !== "uncertain") {
      // The items that the crash kept from the store.
      const items = verdict.type === "cut" || verdict.type === "ended" ? yield* itemsOf(verdict) : []
      yield* writes.commitNow([
        ...lifted,
        ...items.map((item) => ({ type: "itemCompleted" as const, key, ...item })),
        ...ended
      ])
      return "again"
    }
    const now = yield* Clock.currentTimeMillis
    const step = nextStep({ job, spec: session.spec, admission, open, now })
    if (step.type === "settle") return yield* writes.settle(job, step.outcome, [...lifted, ...ended])
    if (lifted.length > 0) yield* writes.commitNow(lifted)
    if (step.type === "wait") return step
    return yield* Attempt.run({ owner, mailbox, writes, job, step, policy, attach: options, attached })
  }).pipe(Effect.provide(server))
})

/** How often is looked whether the server still has the thread of a replaced rollout loaded, in milliseconds. */
const unloadCheck = 2000

// It has the block already.
const waiting = ({ block, id }: Session) =>
  new Blocked({
    tag: block?.tag ?? "RolloutDiverged",
    description: `somebody has to choose a rollout of session ${id} first`,
    isStored: true
  })

const endOf = (verdict: Verdict, job: Job): AttemptEnd => {
  if (verdict.type === "ended" && verdict.end.type !== "aborted") return verdict.end.type
  return job.interrupt === undefined ? "crashed" : "interrupted"
}

/** The completed items of a turn, as the server reads them from the rollout. */
const itemsOf = ({ attempt, turn }: Extract<Verdict, { readonly type: "cut" | "ended" }>) =>
  Effect.gen(function* () {
    const codex = yield* Codex.Codex
    const { threadId } = attempt
    if (threadId === undefined) return []
    const { data } = yield* codex.request("thread/turns/list", { threadId, itemsView: "full", limit: 20 })
    const items = data.find(({ id }) => id === turn.id)?.items ?? []
    return items.filter(isCompleted).map((item) => ({ attempt: attempt.number, threadId, turnId: turn.id, item }))
  })

const isCompleted = (item: ThreadItem): boolean =>
  !(Predicate.hasProperty(item, "status") && item.status === "inProgress")
