/**
 * Releases the pipes of a process that has exited.
 *
 * A child of that process may keep them open, and Node keeps the program alive until they end. The spawner does not expose
 * them, so they come from Node's diagnostics channel, which announces each new process. On platforms without the channel, the
 * pipes are not released.
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"

const isDestroyable = (u: unknown): u is { readonly destroy: () => void } =>
  Predicate.hasProperty(u, "destroy") && typeof u.destroy === "function"

/** Spawns a process whose pipes are released when the scope closes, after everything else. */
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
