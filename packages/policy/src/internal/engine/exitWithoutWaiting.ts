/**
 * Leaves work that may be slow to stop, such as a question to a model or a person. It knows nothing about engines.
 */
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"

/**
 * Runs an effect in its own fiber and returns its exit. An interrupted caller returns at once: it interrupts the fiber, but
 * does not wait for the fiber to stop.
 */
export const exitWithoutWaiting = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<Exit.Exit<A, E>, never, R> =>
  Effect.acquireUseRelease(Effect.forkDetach(effect), Fiber.await, (fiber) => Effect.forkDetach(Fiber.interrupt(fiber)))
