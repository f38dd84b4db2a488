/**
 * The main API for programs that use durable sessions: open, send, wait, read, decide.
 *
 * All calls go through the store, so they work in the process that runs the sessions and in any other, even while no process runs
 * them. Interrupting a wait stops nothing else.
 *
 * @stability experimental
 * @since 0.1.0
 */
import { InvalidInput } from "@effect-codex/core/CodexError"
import * as Input from "@effect-codex/core/Input"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { Approval, Verdict } from "./Approval.ts"
import {
  type AlreadyDecided,
  type AlreadySettled,
  ApprovalGone,
  type ChoiceNeeded,
  JobFailed,
  JobInterrupted,
  type KeyConflict,
  LiveUnavailable,
  type SessionRemoved,
  type SpecConflict,
  type StoreFailed,
  type UnknownJob,
  type UnknownSession
} from "./DurableError.ts"
import type { Job } from "./Job.ts"
import { Live, type LiveEvent } from "./Live.ts"
import { type RolloutChoice, type Session, SessionSpec } from "./Session.ts"
import type { SessionEvent } from "./SessionEvent.ts"
import { type Page, SessionStore } from "./SessionStore.ts"

/**
 * A stored prompt. It will run even if this process exits.
 *
 * @category models
 * @since 0.1.0
 */
export interface Receipt {
  readonly session: string
  readonly key: string
  /** Its place in the session, from 1. */
  readonly number: number
  readonly state: Job["state"]
}

/**
 * The answer to a job.
 *
 * @category models
 * @since 0.1.0
 */
export interface JobResult {
  readonly session: string
  readonly key: string
  readonly turnId: string
  /** The final answer. */
  readonly text: string
  /** How many attempts it took. */
  readonly attempts: number
  /** Whether the model may have seen the prompt twice; see `Job.Attempt`. */
  readonly isPromptUncertain: boolean
}

/**
 * The state of a session.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionStatus {
  readonly session: Session
  /**
   * `idle` has nothing to do, `queued` waits for an owner, `running` has a running attempt, `waiting` waits for a person,
   * `blocked` cannot run; `session.block` has the reason.
   */
  readonly state: "idle" | "queued" | "running" | "waiting" | "blocked"
  /** Jobs that are not settled, oldest first; at most 100. */
  readonly jobs: ReadonlyArray<Job>
  /** Approvals that wait for a verdict; at most 100. */
  readonly approvals: ReadonlyArray<Approval>
  /** The process that runs the session, if there is one. */
  readonly owner: string | undefined
}

/**
 * The service for clients of durable sessions.
 *
 * @category services
 * @since 0.1.0
 */
export class Sessions extends Context.Service<
  Sessions,
  {
    /**
     * Opens a session. Opening it again with an equal spec returns it. Ids have 1 to 200 characters, without control characters.
     */
    readonly open: (
      id: string,
      spec: SessionSpec
    ) => Effect.Effect<Session, InvalidInput | SpecConflict | SessionRemoved | StoreFailed>
    /**
     * Stores a prompt, and does not wait for it to run. The same key with the same prompt is the same job, so it is safe to
     * repeat a call whose outcome is unknown.
     */
    readonly send: (job: {
      readonly session: string
      readonly key: string
      readonly prompt: Input.Input
    }) => Effect.Effect<Receipt, InvalidInput | KeyConflict | UnknownSession | StoreFailed>
    /** Waits until the job is settled. Interrupting the wait stops nothing. */
    readonly result: (
      session: string,
      key: string
    ) => Effect.Effect<JobResult, JobFailed | JobInterrupted | UnknownJob | UnknownSession | StoreFailed>
    /** The events after an offset: first the stored ones, then new ones as they are stored. */
    readonly events: (
      session: string,
      options?: {
        /** Default: 0, which is before the first. */
        readonly after?: number | undefined
        /** Whether to end with the newest event instead of waiting for more. Default: false. */
        readonly isFinite?: boolean | undefined
      }
    ) => Stream.Stream<SessionEvent, InvalidInput | UnknownSession | StoreFailed>
    /** Deltas from now on, in the process that runs the session. */
    readonly live: (session: string) => Stream.Stream<LiveEvent, LiveUnavailable | UnknownSession | StoreFailed>
    /** Asks for an interruption. The owner settles the job; `result` reports the outcome. */
    readonly interrupt: (interrupt: {
      readonly session: string
      readonly key: string
      readonly by: string
      readonly reason?: string | undefined
    }) => Effect.Effect<void, AlreadySettled | UnknownJob | UnknownSession | StoreFailed>
    /** Approvals that wait for a verdict, of one session or of all. */
    readonly approvals: (
      options?: Page<string> & { readonly session?: string | undefined; readonly tenant?: string | undefined }
    ) => Effect.Effect<ReadonlyArray<Approval>, InvalidInput | StoreFailed>
    /**
     * Decides an approval. `delivered`: the waiting request gets the verdict. `granted`: no request waits any more; the verdict
     * is kept, and is used once if the agent makes the same request again.
     */
    readonly decide: (
      approval: string,
      verdict: { readonly decision: Verdict["decision"]; readonly reason?: string | undefined },
      by: string
    ) => Effect.Effect<"delivered" | "granted", AlreadyDecided | ApprovalGone | StoreFailed>
    /**
     * Lets the owner try a blocked session again; otherwise only the next owner does. A session whose rollout diverged or is lost
     * needs a choice: `file` continues with the rollout in the codex home, `stored` replaces it with the stored one. The first
     * choice counts. Does nothing for a session that is not blocked.
     */
    readonly resume: (resume: {
      readonly session: string
      readonly rollout?: RolloutChoice["rollout"] | undefined
      readonly by: string
    }) => Effect.Effect<void, ChoiceNeeded | UnknownSession | StoreFailed>
    readonly status: (session: string) => Effect.Effect<SessionStatus, UnknownSession | StoreFailed>
    /** Sessions by id. */
    readonly list: (
      options?: Page<string> & { readonly tenant?: string | undefined }
    ) => Effect.Effect<ReadonlyArray<Session>, InvalidInput | StoreFailed>
    /**
     * Removes a session. It is unknown immediately; the owner interrupts its job and deletes its rows and files, now or when it
     * next starts.
     */
    readonly remove: (session: string) => Effect.Effect<void, UnknownSession | StoreFailed>
  }
>()("@effect-codex/durable/Sessions") {}

const maxNameLength = 200

const checkName = (what: string, name: string): Effect.Effect<void, InvalidInput> =>
  name.length >= 1 && name.length <= maxNameLength && name.isWellFormed() && !/\p{Cc}/u.test(name)
    ? Effect.void
    : Effect.fail(
        new InvalidInput({
          description: `the ${what} ${JSON.stringify(name.slice(0, maxNameLength))} is invalid: use 1 to ${maxNameLength} characters without control characters`
        })
      )

// A store compares with NaN too, and finds nothing.
const checkCount = (what: string, value: number | undefined, least: number): Effect.Effect<void, InvalidInput> =>
  value === undefined || (Number.isSafeInteger(value) && value >= least)
    ? Effect.void
    : Effect.fail(
        new InvalidInput({ description: `the ${what} ${value} is invalid: use a whole number from ${least} on` })
      )

const decodeSpec = Schema.decodeUnknownEffect(SessionSpec)

/** How often a wait for a verdict checks the lease, which can expire without a write. */
const leaseCheck = "1 second"

/** The number of events per read. */
const pageSize = 200

/**
 * Makes the service of a store.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  store: SessionStore["Service"],
  options?: { readonly live?: Live["Service"] | undefined }
): Sessions["Service"] => {
  const resultOf = (job: Job): Effect.Effect<JobResult, JobFailed | JobInterrupted> | undefined => {
    const { key, outcome, session } = job
    switch (outcome?.type) {
      case undefined:
        return undefined
      case "completed":
        return Effect.succeed({
          session,
          key,
          turnId: outcome.turnId,
          text: outcome.text,
          attempts: job.attempts.length,
          isPromptUncertain: job.attempts.some(({ isPromptUncertain }) => isPromptUncertain === true)
        })
      case "failed":
        return Effect.fail(new JobFailed({ session, key, failure: outcome.failure }))
      case "interrupted": {
        const { by, reason } = outcome
        return Effect.fail(new JobInterrupted({ session, key, by, ...(reason === undefined ? {} : { reason }) }))
      }
    }
  }

  /** The use of a verdict; `undefined` if the owner has not used it yet. */
  const useOf = Effect.fnUntraced(function* (id: string) {
    const approval = yield* store.approval(id)
    if (approval.state === "used") return approval.use ?? "granted"
    if (approval.state === "gone") {
      return yield* new ApprovalGone({ approval: id, reason: approval.goneReason ?? "the request is over" })
    }
    const owner = yield* store.ownerOf(approval.session)
    return owner !== undefined && approval.waitingEpoch === owner.epoch ? undefined : "granted"
  })

  /** Repeats `look` after each change until it returns a value. */
  const awaitSome = <A, E>(
    look: Effect.Effect<A | undefined, E>,
    moments: Stream.Stream<unknown, StoreFailed> = store.changes
  ): Effect.Effect<A, E | StoreFailed> =>
    moments.pipe(
      Stream.mapEffect(() => look),
      Stream.filter((found) => found !== undefined),
      Stream.runHead,
      // The changes of a store have no end.
      Effect.flatMap(Option.match({ onNone: () => Effect.never, onSome: Effect.succeed }))
    )

  return {
    open: Effect.fn("Sessions.open")(function* (id, spec) {
      yield* checkName("session id", id)
      const checked = yield* Effect.mapError(
        decodeSpec(spec),
        (error) => new InvalidInput({ description: `the spec is invalid: ${error.message}` })
      )
      return yield* store.openSession(id, checked)
    }),
    send: Effect.fn("Sessions.send")(function* (job) {
      yield* checkName("key", job.key)
      yield* Input.checkParts(job.prompt)
      const { key, number, session, state } = yield* store.addJob(job)
      return { session, key, number, state }
    }),
    result: (session, key) => Effect.flatten(awaitSome(Effect.map(store.job(session, key), resultOf))),
    events: (session, options) =>
      Stream.suspend(() => {
        let after = options?.after ?? 0
        const stored = Stream.paginate(undefined, () =>
          Effect.map(store.events(session, { after, limit: pageSize }), (events) => {
            after = events.at(-1)?.offset ?? after
            return [events, events.length < pageSize ? Option.none() : Option.some(undefined)] as const
          })
        )
        const events = options?.isFinite === true ? stored : Stream.flatMap(store.changes, () => stored)
        return Stream.unwrap(Effect.as(checkCount("offset", options?.after, 0), events))
      }),
    live: (session) =>
      Stream.unwrap(
        Effect.map(store.session(session), () =>
          options?.live === undefined ? Stream.fail(new LiveUnavailable({ session })) : options.live.events(session)
        )
      ),
    interrupt: (interrupt) => Effect.asVoid(store.requestInterrupt(interrupt)),
    approvals: (options) => Effect.andThen(checkCount("limit", options?.limit, 1), store.approvals(options)),
    decide: Effect.fn("Sessions.decide")(function* (approval, { decision, reason }, by) {
      const { isWaiting } = yield* store.decide({ approval, decision, by, reason })
      if (!isWaiting) return "granted"
      return yield* awaitSome(useOf(approval), Stream.merge(store.changes, Stream.tick(leaseCheck)))
    }),
    resume: (resume) => Effect.asVoid(store.resumeSession(resume)),
    status: Effect.fn("Sessions.status")(function* (id) {
      const session = yield* store.session(id)
      const jobs = yield* store.jobs(id, { isOpen: true })
      const approvals = yield* store.approvals({ session: id })
      const owner = yield* store.ownerOf(id)
      const state =
        session.block !== undefined
          ? "blocked"
          : approvals.length > 0
            ? "waiting"
            : jobs.some(({ state }) => state === "running")
              ? "running"
              : jobs.length > 0
                ? "queued"
                : "idle"
      return { session, state, jobs, approvals, owner: owner?.holder }
    }),
    list: (options) => Effect.andThen(checkCount("limit", options?.limit, 1), store.sessions(options)),
    remove: (session) => store.removeSession(session)
  }
}

/**
 * Durable sessions of the store. `live` has deltas if the context has a `Live`, which the process that runs the sessions fills.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<Sessions, never, SessionStore> = Layer.effect(Sessions)(
  Effect.gen(function* () {
    const store = yield* SessionStore
    const live = yield* Effect.serviceOption(Live)
    return make(store, { live: Option.getOrUndefined(live) })
  })
)
