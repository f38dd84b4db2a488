/**
 * Runs one attempt at a job: a turn of its own, recorded item by item, watched over, and settled from the rollout.
 *
 * The order of writes is the point of this module. The attempt is stored before anything is done, `promptSent` before the prompt
 * is written, an intent before anything is stopped, and the turn's end before the job is settled. An attempt that loses its
 * app-server leaves its rows as they are.
 */
import * as Codex from "@effect-codex/core/Codex"
import type { RequestError, ThreadStartError, TurnError } from "@effect-codex/core/CodexError"
import type { ExperimentalApi } from "@effect-codex/core/ExperimentalApi"
import { type Engine, PolicyEngine } from "@effect-codex/core/PolicyEngine"
import type { TurnHandle } from "@effect-codex/core/Thread"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as FileSystem from "effect/FileSystem"
import type * as Path from "effect/Path"
import * as Result_ from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import type { UnknownJob, UnknownSession } from "../../DurableError.ts"
import type { AttemptEnd, Job, JobOutcome } from "../../Job.ts"
import type { Change } from "../../SessionStore.ts"
import { continuation } from "../continuation.ts"
import { outcomeOf, type Step } from "../nextStep.ts"
import { findTurn, type Turn } from "../rollout/digest.ts"
import type { Tree } from "../rollout/agents.ts"
import type { FollowError } from "../rollout/follow.ts"
import * as Approvals from "./approvals.ts"
import * as Attach from "./attach.ts"
import { Blocked } from "../blocked.ts"
import type { At } from "./hooks.ts"
import type { Mailbox } from "./mailbox.ts"
import type { Owner } from "./owner.ts"
import * as Recorder from "./recorder.ts"
import { persist, persistFor, type Writes } from "./writes.ts"

export interface Options {
  readonly owner: Owner
  readonly mailbox: Mailbox
  readonly writes: Writes
  /** Its attempts have ended. */
  readonly job: Job
  readonly step: Extract<Step, { readonly type: "start" }>
  readonly policy: Engine
  readonly attach: Attach.Options
  /** `undefined`: the session has no thread yet. */
  readonly attached: Attach.Attached | undefined
}

/** Whether the job is settled, or needs another round. */
export type Result = "again" | "settled"

export type RunError = FollowError | ThreadStartError | UnknownJob | UnknownSession

/** Why the owner stops a turn. */
type Stop = "handedOver" | "interrupted" | "overflow"

type Services = Codex.Codex | ExperimentalApi | FileSystem.FileSystem | Path.Path | Scope.Scope

/** How long a hand-over waits for a store that is down. */
const handOverWait = Duration.seconds(5)

/**
 * Interrupted, it hands the job over, whatever the attempt has reached: the intent is stored first, so that the next owner can tell it from
 * a crash.
 */
export const run = (options: Options): Effect.Effect<Result, RunError, Services> => {
  const { attach, job, owner, writes } = options
  const { key } = job
  const attempt = job.attempts.length + 1
  const at: At = { session: attach.session.id, key, attempt }
  const handOver = writes.commitNow([{ type: "attemptEnded", key, attempt, end: "handedOver" }])
  return Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      yield* writes.commitNow([{ type: "attemptStarted", key, attempt }])
      const running = yield* Effect.forkChild(
        Effect.andThen(owner.hook("attemptStarted", at), runStarted(options, at, handOver))
      )
      return yield* restore(Fiber.join(running)).pipe(
        Effect.onInterrupt(() =>
          // An attempt that has ended by itself meanwhile has no hand-over.
          Effect.andThen(Effect.ignore(persistFor(handOver, handOverWait)), Fiber.interrupt(running))
        )
      )
    })
  )
}

const runStarted = Effect.fnUntraced(function* (
  options: Options,
  at: At,
  handOver: ReturnType<Writes["commitNow"]>
): Effect.fn.Return<Result, RunError, Services> {
  const { attach, attached, job, mailbox, owner, step, writes } = options
  const { session, store } = attach
  const { commitNow } = writes
  const { attempt, key } = at
  const ended = (end: AttemptEnd): Change => ({ type: "attemptEnded", key, attempt, end })

  const thread = attached === undefined ? yield* Attach.start(attach) : attached.thread
  if (attached === undefined) {
    yield* Attach.leaveAtEnd(thread.id)
    yield* commitNow([{ type: "threadMapped", threadId: thread.id }])
  }
  const rollout = yield* followLazily(attach, thread.id, attached?.follower)

  const recorder = yield* Recorder.make({
    commit: (changes) => persist(writes.commit(changes)),
    maxBytes: owner.spillBytes
  })
  const parked = Deferred.makeUnsafe<void>()
  let withdrawn: ReadonlyArray<string> = []
  let isStopping = false
  let cancelled: { readonly by: string; readonly reason: string | undefined } | undefined
  const engine = yield* Approvals.make({
    base: options.policy,
    at,
    epoch: owner.epoch,
    store,
    mailbox,
    commit: commitNow,
    commitForPeople: (changes) => persistFor(commitNow(changes), owner.storeTimeout),
    catchUp: rollout.catchUp,
    hook: owner.hook,
    cwd: attach.cwd,
    grantTtl: owner.grantTtl,
    parkAfter: owner.parkAfter,
    onPark: Effect.asVoid(Deferred.succeed(parked, undefined)),
    onLeft: (approval) => {
      withdrawn = [...withdrawn, approval]
    },
    onCancel: (by, reason) => {
      cancelled = { by, reason }
    }
  })

  // The notifications of a turn end with it. A request that is over while the turn goes on was withdrawn by the server.
  const record = (turn: TurnHandle) =>
    Stream.runForEach(turn.notifications, (notification) => {
      // A turn that this owner stops takes its requests with it. They are parked, or gone with the job.
      for (const approval of isStopping ? [] : withdrawn) {
        recorder.add({ type: "approvalWithdrawn", approval, reason: "the server withdrew the request" })
      }
      withdrawn = []
      if (notification.method !== "item/completed") return Effect.void
      const { item, threadId, turnId } = notification.params
      recorder.add({ type: "itemCompleted", key, attempt, threadId, turnId, item })
      return Effect.ignore(rollout.catchUp)
    }).pipe(Effect.ignore)

  const decided = yield* store.approvals({ session: session.id, states: ["decided"] })
  const messageId = `${attempt}:${key}`
  const prompt =
    step.cut === undefined
      ? job.prompt
      : continuation({ cut: step.cut, decided: decided.filter((approval) => approval.key === key) })

  const storing = yield* Clock.monotonicTimeNanos
  const isPromptUncertain = step.isPromptUncertain ? { isPromptUncertain: true } : {}
  yield* commitNow([{ type: "promptSent", key, attempt, threadId: thread.id, messageId, ...isPromptUncertain }])
  yield* owner.hook("promptSent", at)
  // This process may have been stopped for longer than its lease.
  if (Duration.isGreaterThan(Duration.nanos((yield* Clock.monotonicTimeNanos) - storing), owner.sendWithin)) {
    yield* handOver
    return "again"
  }

  const started = yield* thread
    .turn({ prompt, turn: { clientUserMessageId: messageId }, whenBusy: "fail" })
    .pipe(Effect.provideService(PolicyEngine, engine), Effect.result)
  if (Result_.isFailure(started)) {
    const error = started.failure
    if (error._tag === "ConnectionFailed") return yield* error
    return yield* writes.settle(job, failedWith(error), [ended("failed")])
  }
  const turn = started.success
  yield* owner.hook("turnReplied", at)

  const recording = yield* Effect.forkScoped(record(turn))
  const { live } = owner
  if (live !== undefined) {
    yield* Stream.runForEach(turn.events, (event) => live.publish({ session: session.id, key, event })).pipe(
      Effect.ignore,
      Effect.forkScoped
    )
  }
  const stops = Effect.raceAllFirst<Effect.Effect<Stop>>([
    Effect.as(mailbox.interrupted(key), "interrupted"),
    Effect.as(Deferred.await(parked), "handedOver"),
    Effect.as(recorder.overflow, "overflow")
  ])
  const stop = yield* persist(commitNow([{ type: "turnAdmitted", key, attempt, turnId: turn.id }])).pipe(
    Effect.andThen(owner.hook("turnAdmitted", at)),
    Effect.andThen(Effect.raceFirst(Effect.as(Effect.exit(turn.result), undefined), stops))
  )
  isStopping = stop !== undefined
  if (stop === "handedOver") yield* persist(handOver)
  if (stop !== undefined) yield* Effect.ignore(turn.interrupt)
  const result = yield* Effect.result(turn.result)
  yield* Fiber.await(recording)
  if (Result_.isFailure(result) && result.failure._tag === "ConnectionFailed") return yield* result.failure
  yield* recorder.flush
  // It was added to somebody else's turn, whose end is not that of the job.
  if (Result_.isFailure(result) && result.failure._tag === "ThreadBusy") {
    return yield* writes.settle(job, failedWith(result.failure), stop === "handedOver" ? [] : [ended("failed")])
  }
  if (stop === "handedOver") return "again"

  const found = yield* rollout.untilEnded(turn.id)
  yield* owner.hook("turnEnded", at)
  if (found.end.type !== "aborted") {
    const outcome = outcomeOf(found, found.end)
    return yield* writes.settle(job, withText(outcome, result), [ended(found.end.type)])
  }
  const { interrupt } = yield* persist(store.job(session.id, key))
  const error = Result_.isFailure(result) ? result.failure : undefined
  return yield* writes.settle(job, stoppedBy({ turnId: turn.id, stop, interrupt, cancelled, error }), [
    ended(interrupt === undefined && cancelled === undefined ? "failed" : "interrupted")
  ])
})

type EndedTurn = Turn & { readonly end: NonNullable<Turn["end"]> }

/** The rollout of a thread that may have none yet. */
interface Rollout {
  readonly catchUp: Effect.Effect<void, FollowError | ThreadStartError>
  /** Waits until the end of a turn is stored. */
  readonly untilEnded: (turnId: string) => Effect.Effect<EndedTurn, FollowError | ThreadStartError>
}

/** The server writes the end of a turn before it tells of it, or milliseconds later. */
const endWait = 500

const followLazily = (
  options: Attach.Options,
  threadId: string,
  known: Tree<FollowError | RequestError> | undefined
): Effect.Effect<Rollout, never, Codex.Codex | FileSystem.FileSystem> =>
  Effect.map(Effect.context<Codex.Codex | FileSystem.FileSystem>(), (context) => {
    let follower = known
    // Two followers would store the same bytes twice.
    const one = Semaphore.makeUnsafe(1)
    const catchUp = Effect.suspend(() =>
      follower === undefined
        ? Effect.map(Attach.follow(options, threadId), (made) => {
            follower = made
          })
        : follower.catchUp
    ).pipe(one.withPermits(1), Effect.provideContext(context))

    const untilEnded = Effect.fnUntraced(function* (turnId: string) {
      for (let tries = 0; tries < endWait; tries++) {
        yield* persist(catchUp)
        const turn = follower === undefined ? undefined : findTurn(follower.digest(), turnId)
        if (turn?.end !== undefined) return { ...turn, end: turn.end }
        yield* Effect.sleep("20 millis")
      }
      return yield* new Blocked({
        tag: "RolloutIncomplete",
        description: `the server ended turn ${turnId}, and the rollout of thread ${threadId} does not have its end`
      })
    })
    return { catchUp, untilEnded }
  })

const failedWith = (error: TurnError, turnId?: string): JobOutcome => ({
  type: "failed",
  ...(turnId === undefined ? {} : { turnId }),
  failure: { tag: error._tag, message: error.message }
})

// The answer as core reads it, which has what was streamed of it.
const withText = (outcome: JobOutcome, result: Result_.Result<{ readonly text: string }, unknown>): JobOutcome =>
  outcome.type === "completed" && Result_.isSuccess(result) ? { ...outcome, text: result.success.text } : outcome

const stoppedBy = (about: {
  readonly turnId: string
  readonly stop: Stop | undefined
  readonly interrupt: Job["interrupt"]
  readonly cancelled: { readonly by: string; readonly reason: string | undefined } | undefined
  readonly error: TurnError | undefined
}): JobOutcome => {
  const { error, interrupt, stop, turnId } = about
  const by = interrupt ?? about.cancelled
  if (by !== undefined) {
    const reason = by.reason === undefined ? {} : { reason: by.reason }
    return { type: "interrupted", turnId, by: by.by, ...reason }
  }
  if (stop === "overflow") {
    const message = "The store was down for so long that the turn could not be recorded. It was interrupted."
    return { type: "failed", turnId, failure: { tag: "StoreFailed", message } }
  }
  return error === undefined
    ? { type: "failed", turnId, failure: { tag: "TurnInterrupted", message: "The turn was interrupted." } }
    : failedWith(error, turnId)
}
