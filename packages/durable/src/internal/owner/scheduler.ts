/**
 * Gives work to sessions: one fiber for each that has a job to run, news for those that run already, and a pause for those that
 * failed.
 *
 * A session that can't be run by this owner is stored as blocked and left alone until somebody resumes it, or the next owner. This
 * module does not know what a job is made of.
 */
import * as Codex from "@effect-codex/core/Codex"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberMap from "effect/FiberMap"
import type * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type * as Path from "effect/Path"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import type { StaleOwner } from "../../DurableError.ts"
import { type Block, needsChoice, type Session } from "../../Session.ts"
import type { Work } from "../../SessionStore.ts"
import { runJob, type RunError } from "./job.ts"
import * as Mailbox from "./mailbox.ts"
import type { Holding } from "./holding.ts"
import type { Owner } from "./owner.ts"
import { persist } from "./writes.ts"

/** As many sessions are read at once. */
const pageSize = 100

export interface Scheduler {
  /** Looks for work now. */
  readonly look: Effect.Effect<void>
  /** Stops what runs of a session, and tries it as new the next time. */
  readonly leave: (session: string) => Effect.Effect<void>
  /** Another owner has taken over. */
  readonly stale: Effect.Effect<never, StaleOwner>
}

/** Runs sessions until the scope closes: all of the store, or those that are held. */
export const make = Effect.fnUntraced(function* (
  owner: Owner,
  options: { readonly concurrency: number; readonly holding: Holding | undefined }
): Effect.fn.Return<Scheduler, never, FileSystem.FileSystem | Path.Path | Scope.Scope> {
  const { holding } = options
  const { store } = owner
  const fibers = yield* FiberMap.make<string, void, never>()
  const rescan = yield* Queue.sliding<void>(1)
  const permits = yield* Semaphore.make(options.concurrency)
  const mailboxes = new Map<string, Mailbox.Mailbox>()
  const blocked = new Set<string>()
  const failures = new Map<string, number>()
  const paused = new Set<string>()
  const removing = new Set<string>()
  const stale = yield* Queue.sliding<StaleOwner>(1)

  const end = (session: Session, exit: Exit.Exit<void, RunError>) =>
    Effect.gen(function* () {
      mailboxes.delete(session.id)
      removing.delete(session.id)
      if (Exit.isSuccess(exit)) {
        failures.delete(session.id)
        return
      }
      if (Cause.hasInterruptsOnly(exit.cause)) return
      const error = Option.getOrUndefined(Cause.findErrorOption(exit.cause))
      if (error?._tag === "StaleOwner") {
        Queue.offerUnsafe(stale, error)
        return
      }
      const block = blockOf(error)
      const isStored = error?._tag === "Blocked" && error.isStored === true
      // A session whose rollout was chosen can't be resumed once more, so it is tried again, unless the choice did not help.
      const isTaken = session.block?.choice !== undefined && block?.rollout === undefined
      if (block !== undefined && !isTaken) {
        yield* Effect.logWarning(`Session ${session.id} is blocked: ${block.message}`)
        blocked.add(session.id)
        if (isStored) return
        const changes = [{ type: "blocked" as const, block }]
        yield* persist(store.commit({ epoch: owner.epoch, session: session.id, changes, isUrgent: true })).pipe(
          Effect.catch((error) =>
            error._tag === "StaleOwner" ? Effect.asVoid(Queue.offer(stale, error)) : Effect.logError(error)
          )
        )
        return
      }
      const count = (failures.get(session.id) ?? 0) + 1
      failures.set(session.id, count)
      paused.add(session.id)
      const why = error === undefined ? Cause.pretty(exit.cause) : error.message
      yield* Effect.logWarning(`Session ${session.id} is tried again: ${why}`)
      // The first failure is likely the end of an app-server.
      const pause = count === 1 ? Duration.zero : Duration.millis(Math.min(10_000, 100 * 2 ** count))
      yield* Effect.sleep(pause).pipe(
        Effect.andThen(
          Effect.sync(() => {
            paused.delete(session.id)
            Queue.offerUnsafe(rescan, undefined)
          })
        ),
        Effect.forkIn(scope)
      )
    })

  const scope = yield* Effect.scope

  // A session that is being left is given back once its job is stopped. A job that is started meanwhile would run against the next owner.
  const isRunnable = (session: string): boolean =>
    holding === undefined || holding.current().get(session)?.isLeaving === false

  const start = Effect.fnUntraced(function* (work: Work) {
    const { job, session } = work
    if (job === undefined && !session.isRemoved) return
    const mailbox = yield* Mailbox.make
    mailboxes.set(session.id, mailbox)
    mailbox.deliver(work)
    if (session.isRemoved) removing.add(session.id)
    const running = Effect.suspend(() => {
      if (!isRunnable(session.id)) return Effect.void
      return job === undefined || session.isRemoved
        ? remove(owner, session)
        : runJob(owner, mailbox, session.id, job.key)
    })
    const fiber = permits
      .withPermits(1)(running)
      .pipe(
        Effect.onExit((exit) => end(session, exit)),
        Effect.exit,
        Effect.ensuring(Effect.sync(() => Queue.offerUnsafe(rescan, undefined)))
      )
    yield* FiberMap.run(fibers, session.id, fiber)
  })

  // A block that this owner has found stays until somebody lifts it; one that it has inherited is tried, unless somebody has to
  // choose first. A job that never ran can be interrupted all the same.
  const isHeld = ({ job, session: { block, id } }: Work): boolean =>
    (needsChoice(block) || (blocked.has(id) && block !== undefined && block.choice === undefined)) &&
    !(job?.interrupt !== undefined && job.attempts.length === 0)

  const offer = (work: Work) =>
    Effect.suspend(() => {
      const { id, isRemoved } = work.session
      const mailbox = mailboxes.get(id)
      if (mailbox !== undefined) {
        mailbox.deliver(work)
        // Its turn is stopped; the deletion comes once it has ended.
        return isRemoved && !removing.has(id) ? FiberMap.remove(fibers, id) : Effect.void
      }
      if (paused.has(id) || (!isRemoved && isHeld(work))) return Effect.void
      blocked.delete(id)
      return start(work)
    })

  const scan = Effect.gen(function* () {
    // A session that is claimed after this line may be missing in the pages.
    const held = holding?.current() ?? new Map<string, never>()
    const busy = new Set<string>()
    for (let after: string | undefined; ;) {
      const page = yield* store.work({ after, limit: pageSize, claim: holding === undefined ? undefined : owner.epoch })
      for (const work of page) {
        const { id } = work.session
        busy.add(id)
        if (isRunnable(id)) yield* offer(work)
        // The owner has claimed it and does not hold it: giving it back has failed.
        else if (holding?.current().has(id) === false) yield* holding.giveBack(id)
      }
      const last = page.at(-1)
      if (last === undefined || page.length < pageSize) break
      after = last.session.id
    }
    holding?.settle(held, (id) => mailboxes.has(id) || (busy.has(id) && !blocked.has(id)))
  })

  yield* Stream.runForEach(store.changes, () => Queue.offer(rescan, undefined)).pipe(
    Effect.catch((error) =>
      Effect.andThen(Effect.logWarning("Can't watch the store", error), Effect.sleep("1 second"))
    ),
    Effect.forever,
    Effect.forkScoped
  )
  yield* Effect.forever(
    Effect.andThen(
      Queue.take(rescan),
      Effect.catch(scan, (error) => Effect.logWarning("Can't read the store", error))
    )
  ).pipe(Effect.forkScoped)
  return {
    look: Effect.asVoid(Queue.offer(rescan, undefined)),
    leave: (session) =>
      Effect.tap(FiberMap.remove(fibers, session), () =>
        Effect.sync(() => {
          blocked.delete(session)
          paused.delete(session)
          failures.delete(session)
        })
      ),
    stale: Effect.flatMap(Queue.take(stale), Effect.fail)
  }
})

// The errors that a later try of this owner would meet again.
const blockOf = (error: RunError | undefined): Omit<Block, "at" | "choice"> | undefined => {
  switch (error?._tag) {
    case "Blocked": {
      const { message, rollout, tag } = error
      return { tag, message, ...(rollout === undefined ? {} : { rollout }) }
    }
    case "CodexNotFound":
    case "InvalidConfig":
      return { tag: error._tag, message: error.message }
    default:
      return undefined
  }
}

/** Deletes a removed session: its thread with the rollouts of its sub-agents, and its rows. */
const remove = (owner: Owner, session: Session): Effect.Effect<void, RunError> =>
  Effect.gen(function* () {
    const stored = yield* owner.store.rollouts(session.id)
    const known = session.threadId === undefined ? [] : [session.threadId]
    const threads = new Set([...known, ...stored.map(({ threadId }) => threadId)])
    if (threads.size > 0) {
      const server = yield* owner.servers.get(session.spec.account)
      // Deleting a thread deletes those of its sub-agents that the server knows.
      yield* Effect.flatMap(Codex.Codex, (codex) =>
        Effect.forEach(threads, (threadId) =>
          Effect.catchTag(
            codex.request("thread/delete", { threadId }),
            ["NoRollout", "SessionNotFound"],
            () => Effect.void
          )
        )
      ).pipe(Effect.provide(server))
    }
    yield* owner.store.purge({ epoch: owner.epoch, session: session.id })
  }).pipe(Effect.scoped)
