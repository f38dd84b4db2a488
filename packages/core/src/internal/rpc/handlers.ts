/**
 * The scope of the fibers that answer the server. It ends with the connection, which waits for interrupted handlers, but only
 * for a moment: a handler that cannot be interrupted does not keep the connection open.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"

/** How long closing waits for interrupted handlers. */
const handlerGrace = Duration.seconds(2)

export const makeHandlerScope: Effect.Effect<Scope.Scope, never, Scope.Scope> = Effect.gen(function* () {
  const handlers = yield* Scope.make()
  yield* Effect.addFinalizer((exit) =>
    Effect.forkDetach(Scope.close(handlers, exit)).pipe(
      Effect.flatMap(Fiber.await),
      Effect.timeoutOption(handlerGrace),
      Effect.asVoid
    )
  )
  return handlers
})
