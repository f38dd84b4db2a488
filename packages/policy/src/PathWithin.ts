/**
 * Whether a path lies in a folder: by its name, and as the file system has it.
 *
 * Paths are those of POSIX. `/repo-evil` and `/repo/../etc` are not in `/repo`, and neither is `/repo/link` when that leads
 * elsewhere, nor `/repo/link/../x`: `..` goes up from where a link has led. What a link leads to can change after the
 * question was answered.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Path from "./internal/files/path.ts"

/**
 * The path without `.`, `..` and doubled slashes, by name alone. `undefined` for one that is not absolute.
 *
 * @category utils
 * @since 0.1.0
 */
export const normalize: (path: string) => string | undefined = Path.normalize

/**
 * A path as seen from a folder, not normalized.
 *
 * @category utils
 * @since 0.1.0
 */
export const from: (folder: string, path: string) => string = Path.from

/**
 * Whether a path is a folder or lies in it, by name.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isWithin: (path: string, folder: string) => boolean = Path.isWithin

/**
 * Where a path leads with all links followed, component by component as the kernel does it. Of a path that does not exist
 * yet, the deepest folder that does is looked at. `undefined`: that cannot be found out, as with `new/../x` where `new` does
 * not exist yet, and may become a link.
 *
 * @category utils
 * @since 0.1.0
 */
export const real: (path: string) => Effect.Effect<string | undefined, never, FileSystem.FileSystem> =
  Effect.fnUntraced(function* (path: string) {
    return (yield* (yield* Path.walker).placeOf(path)).real
  })

/**
 * Whether a path lies in one of these folders: by name, with all links followed, and also for programs that take `..` out
 * by name before they follow links. What cannot be found out does not.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isReallyWithin: (
  path: string,
  folders: ReadonlyArray<string>
) => Effect.Effect<boolean, never, FileSystem.FileSystem> = Effect.fnUntraced(function* (
  path: string,
  folders: ReadonlyArray<string>
) {
  const walker = yield* Path.walker
  return Path.isSurelyWithin(yield* walker.placeOf(path), yield* Effect.forEach(folders, walker.placeOf))
})

/**
 * Whether a path may lie in one of these folders: by name, by what its links lead to, in letters of another case, or because
 * it cannot be found out.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isPossiblyWithin: (
  path: string,
  folders: ReadonlyArray<string>
) => Effect.Effect<boolean, never, FileSystem.FileSystem> = Effect.fnUntraced(function* (
  path: string,
  folders: ReadonlyArray<string>
) {
  const walker = yield* Path.walker
  return Path.isPossiblyWithin(yield* walker.placeOf(path), yield* Effect.forEach(folders, walker.placeOf))
})
