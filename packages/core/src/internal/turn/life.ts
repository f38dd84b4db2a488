/**
 * The life of one turn: the current state of `machine.ts`, callbacks for when the turn gets an id and when it ends, and the
 * waiters for a change.
 */
import * as Effect from "effect/Effect"
import * as Machine from "./machine.ts"

export interface Life {
  readonly state: () => Machine.State
  readonly apply: (message: Machine.Message) => void
  /** Waits for the next change. */
  readonly nextChange: Effect.Effect<void>
}

export const makeLife = (
  messageId: string | undefined,
  listener: {
    /** The turn's id is known. Called once. */
    readonly onNamed: (turnId: string) => void
    /** The turn is over. Called once. */
    readonly onEnded: (end: Machine.End) => void
  }
): Life => {
  const wakers = new Set<() => void>()
  let state = Machine.initial(messageId)
  return {
    state: () => state,
    apply: (message) => {
      const before = state
      state = Machine.step(state, message)
      if (state === before) return
      if (state.turnId !== undefined && before.turnId === undefined) listener.onNamed(state.turnId)
      if (state.end !== undefined && before.end === undefined) listener.onEnded(state.end)
      // A copy, because a woken waiter may immediately wait for the next change.
      for (const wake of Array.from(wakers)) wake()
    },
    nextChange: Effect.callback<void>((resume) => {
      const wake = () => {
        wakers.delete(wake)
        resume(Effect.void)
      }
      wakers.add(wake)
      return Effect.sync(() => wakers.delete(wake))
    })
  }
}
