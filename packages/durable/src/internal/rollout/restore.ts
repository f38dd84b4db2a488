/**
 * Acts on a person's choice between the rollout in the codex home and the stored one.
 *
 * With `file` there is nothing to do: the newest stored version is a copy of it. With `stored` the bytes go back to where they
 * came from, and are the newest version again, so that what is followed next begins with them. Each step can be repeated after
 * a crash. This module does not decide which rollout is right.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import type { PlatformError } from "effect/PlatformError"
import * as Stream from "effect/Stream"
import type { StoreFailed } from "../../DurableError.ts"
import type { BlockedRollout } from "../../Session.ts"
import type { Rollout } from "../../SessionStore.ts"
import * as Follow from "./follow.ts"

export interface Options extends Pick<Follow.Options, "commit" | "session" | "store"> {
  /** The folder of the rollouts: `sessions` in the codex home. */
  readonly folder: string
  /** The one that differs. */
  readonly blocked: BlockedRollout
}

/** Writes the stored rollouts of a session where its codex home has none, and over the one that differs. */
export const restore = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<void, Follow.FollowError, FileSystem.FileSystem | Path.Path> {
  const fs = yield* FileSystem.FileSystem
  const { join } = yield* Path.Path
  const { blocked, commit, folder, session, store } = options
  const all = yield* store.rollouts(session)
  const newest = new Map(all.map((rollout) => [rollout.threadId, rollout]))
  for (const [threadId, last] of newest) {
    const isBlocked = threadId === blocked.threadId
    const path = join(folder, ...last.path.split("/"))
    const exists = yield* fs.exists(path)
    if (exists && !isBlocked) continue
    const chosen = isBlocked ? all.find((one) => one.threadId === threadId && one.version === blocked.version) : last
    if (chosen === undefined) continue
    // The file may have grown since its copy was stored.
    if (exists && last.version === chosen.version + 1) {
      yield* Follow.make({ store, session, threadId, path, commit })
    }
    if (last.version > chosen.version) yield* append({ ...options, chosen, version: last.version + 1 })
    yield* write(path, store.rolloutBytes({ session, threadId, version: chosen.version }))
  }
})

/** Makes a version the newest one. */
const append = Effect.fnUntraced(function* (options: Options & { readonly chosen: Rollout; readonly version: number }) {
  const { chosen, commit, session, store, version } = options
  const { path, threadId } = chosen
  let offset = 0
  yield* Stream.runForEach(store.rolloutBytes({ session, threadId, version: chosen.version }), (bytes) =>
    Effect.gen(function* () {
      yield* commit([{ type: "rolloutAppended", threadId, path, version, offset, bytes, ends: [] }])
      offset += bytes.length
    })
  )
})

/** Writes a file next to its place, for its owner alone, and moves it there once it is on the disk. */
export const write = (
  path: string,
  bytes: Stream.Stream<Uint8Array, StoreFailed>
): Effect.Effect<void, PlatformError | StoreFailed, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const { dirname } = yield* Path.Path
    const beside = `${path}.restoring`
    yield* fs.makeDirectory(dirname(path), { recursive: true, mode: 0o700 })
    yield* Effect.scoped(
      Effect.gen(function* () {
        const file = yield* fs.open(beside, { flag: "w", mode: 0o600 })
        yield* Stream.runForEach(bytes, (piece) => file.writeAll(piece))
        yield* file.sync
      })
    ).pipe(Effect.onError(() => Effect.ignore(fs.remove(beside))))
    yield* fs.rename(beside, path)
  })
