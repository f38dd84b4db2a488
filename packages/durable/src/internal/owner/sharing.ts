/**
 * The choice of the sessions that an owner runs if it shares its store with others. Without it an owner runs all of them, alone.
 *
 * Types and a reference; the owner that is alone loads nothing else of it.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { StaleOwner } from "../../DurableError.ts"
import type { SessionStore } from "../../SessionStore.ts"

/** An owner, as it is told what to run. */
export interface Runner {
  readonly store: SessionStore["Service"]
  /**
   * Claims the session, runs what it has to do, and gives it back. Ends when there is nothing to do, or when it is blocked. Interrupted, it
   * hands the session over first.
   */
  readonly hold: (session: string) => Effect.Effect<void, StaleOwner>
  /** Looks for news now. */
  readonly look: Effect.Effect<void>
}

export type Sharing = (runner: Runner) => Effect.Effect<void, never, Scope.Scope>

export const Sharing = Context.Reference<Sharing | undefined>("@effect-codex/durable/internal/owner/Sharing", {
  defaultValue: () => undefined
})
