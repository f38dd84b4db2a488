/**
 * The news for one running session: people's verdicts, an interruption, and that something has changed.
 *
 * The scheduler delivers what it reads in the store, and the session waits here. Nothing is lost between two waits.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type { Work } from "../../SessionStore.ts"

export interface Mailbox {
  readonly deliver: (work: Work) => void
  /** Waits until the store has a verdict on the approval. */
  readonly decided: (approval: string) => Effect.Effect<void>
  /** Waits until somebody has asked to interrupt the job. */
  readonly interrupted: (key: string) => Effect.Effect<void>
  /** Waits until something was delivered since the last time. */
  readonly changed: Effect.Effect<void>
}

export const make: Effect.Effect<Mailbox> = Effect.gen(function* () {
  const news = yield* Queue.sliding<void>(1)
  const verdicts = new Map<string, Deferred.Deferred<void>>()
  const interrupts = new Map<string, Deferred.Deferred<void>>()
  const slot = (slots: Map<string, Deferred.Deferred<void>>, name: string) => {
    const found = slots.get(name)
    if (found !== undefined) return found
    const made = Deferred.makeUnsafe<void>()
    slots.set(name, made)
    return made
  }
  return {
    deliver: ({ decided, job }) => {
      for (const { id } of decided) Deferred.doneUnsafe(slot(verdicts, id), Effect.void)
      if (job?.interrupt !== undefined) Deferred.doneUnsafe(slot(interrupts, job.key), Effect.void)
      Queue.offerUnsafe(news, undefined)
    },
    decided: (approval) => Effect.suspend(() => Deferred.await(slot(verdicts, approval))),
    interrupted: (key) => Effect.suspend(() => Deferred.await(slot(interrupts, key))),
    changed: Queue.take(news)
  }
})
