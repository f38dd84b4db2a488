/**
 * Leaving work behind that may take its time to stop, as asking a model or a person does. It knows nothing of engines.
 */
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"

/**
 * Runs an effect in a fiber of its own and tells how it ended. Whoever is interrupted while waiting for it leaves at once:
 * the fiber is told to stop, and what it does about that is not waited for.
 */
export const exitWithoutWaiting = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<Exit.Exit<A, E>, never, R> =>
  Effect.acquireUseRelease(Effect.forkDetach(effect), Fiber.await, (fiber) => Effect.forkDetach(Fiber.interrupt(fiber)))
