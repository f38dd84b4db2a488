/**
 * Lets go of the pipes of a process that is over.
 *
 * A process that it has started may hold them open, and Node keeps the program alive until they end. The spawner does not
 * hand them out, so they come from Node's own announcement of each process that it makes. Where there is no such thing,
 * nothing is let go of.
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"

const isDestroyable = (u: unknown): u is { readonly destroy: () => void } =>
  Predicate.hasProperty(u, "destroy") && typeof u.destroy === "function"

/** Spawns a process whose pipes are let go of when the scope closes, after all else. */
export const withPipesReleased = Effect.fnUntraced(function* <H extends { readonly pid: number }, E, R>(
  spawn: Effect.Effect<H, E, R>
): Effect.fn.Return<H, E, R | Scope.Scope> {
  const made: Array<object> = []
  let own: object | undefined
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      for (const name of ["stdin", "stdout", "stderr"]) {
        const pipe = Predicate.hasProperty(own, name) ? own[name] : undefined
        if (isDestroyable(pipe)) pipe.destroy()
      }
    })
  )
  const announcements = globalThis.process.getBuiltinModule?.("node:diagnostics_channel").channel("child_process")
  const listen = (message: unknown) => {
    if (Predicate.hasProperty(message, "process") && Predicate.isObject(message.process)) made.push(message.process)
  }
  const handle = yield* Effect.acquireUseRelease(
    Effect.sync(() => announcements?.subscribe(listen)),
    () => spawn,
    () => Effect.sync(() => announcements?.unsubscribe(listen))
  )
  own = made.find((each) => Predicate.hasProperty(each, "pid") && each.pid === handle.pid)
  return handle
})
