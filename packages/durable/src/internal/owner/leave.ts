/**
 * Leaves a session at the end of each round, so that another owner can take it: its thread is unloaded, and what its rollout has since is
 * stored.
 *
 * The turn has ended by then. If something of this fails, the session is not marked as left when it is given back, and the next owner
 * knows that the home may have more than the store.
 */
import * as Codex from "@effect-codex/core/Codex"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type * as Scope from "effect/Scope"
import * as Attach from "./attach.ts"
import * as Home from "./home.ts"
import type { Owner } from "./owner.ts"
import { persistFor } from "./writes.ts"

/** Marks a session as left, if it was. */
export const moveOut = ({ epoch, left, store }: Pick<Owner, "epoch" | "left" | "store">, session: string) =>
  Effect.suspend(() =>
    left.delete(session)
      ? Effect.ignore(store.commit({ epoch, session, changes: [{ type: "movedOut" }], isUrgent: true }))
      : Effect.void
  )

/** How long a store that is down is waited for. */
const storeWait = Duration.seconds(5)

export const atEnd = (
  { epoch, left, store }: Pick<Owner, "epoch" | "left" | "store">,
  options: Attach.Options
): Effect.Effect<void, never, Codex.Codex | FileSystem.FileSystem | Scope.Scope> =>
  Effect.gen(function* () {
    const context = yield* Effect.context<Codex.Codex | FileSystem.FileSystem>()
    const { id } = options.session
    left.delete(id)
    const commit = (changes: Parameters<Attach.Options["commit"]>[0]) =>
      persistFor(store.commit({ epoch, session: id, changes, isUrgent: true }), storeWait)
    yield* Effect.addFinalizer(() =>
      Effect.gen(function* () {
        const { home, threadId } = yield* persistFor(store.session(id), storeWait)
        // It was stopped before it moved in. This home may have its rollouts as they were when it was here last.
        const { codexHome } = (yield* Codex.Codex).serverInfo
        if (home !== (yield* Home.idOf(codexHome))) return
        if (threadId !== undefined) {
          const rollouts = yield* persistFor(store.rollouts(id), storeWait)
          const threads = new Set([threadId, ...rollouts.map((rollout) => rollout.threadId)])
          if (!(yield* Home.unload(Array.from(threads)))) return
          // The stored bytes are compared with the file, and what is missing is stored.
          yield* Attach.follow({ ...options, commit }, threadId)
        }
        left.add(id)
      }).pipe(
        Effect.catch((error) => Effect.logWarning(`Session ${id} could not be left as it should be: ${error.message}`)),
        Effect.provideContext(context)
      )
    )
  })
