/**
 * Checks whether a path lies in a folder, both by its name and in the file system.
 *
 * Paths are POSIX paths. `/repo-evil` and `/repo/../etc` are not in `/repo`. Neither is `/repo/link` if the link leads
 * elsewhere, nor `/repo/link/../x`, because `..` is resolved from the target of the link. The target of a link can change after
 * the check.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Path from "./internal/files/path.ts"

/**
 * Removes `.`, `..` and double slashes from a path, by name alone. `undefined` if the path is not absolute.
 *
 * @category utils
 * @since 0.1.0
 */
export const normalize: (path: string) => string | undefined = Path.normalize

/**
 * Resolves a path against a folder, without normalizing it.
 *
 * @category utils
 * @since 0.1.0
 */
export const from: (folder: string, path: string) => string = Path.from

/**
 * Whether a path is the folder or lies in it, by name alone.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isWithin: (path: string, folder: string) => boolean = Path.isWithin

/**
 * Follows all links of a path, component by component like the kernel. For a path that does not exist yet, it follows the
 * existing part. `undefined` if the target is unknown, for example for `new/../x` if `new` does not exist yet and may become a
 * link.
 *
 * @category utils
 * @since 0.1.0
 */
export const real: (path: string) => Effect.Effect<string | undefined, never, FileSystem.FileSystem> =
  Effect.fnUntraced(function* (path: string) {
    return (yield* (yield* Path.walker).placeOf(path)).real
  })

/**
 * Whether a path certainly lies in one of these folders: by name, with all links followed, and also for programs that remove
 * `..` by name before they follow links. False if the target is unknown.
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
 * Whether a path may lie in one of these folders: by name, by the targets of its links, ignoring case, or because the target is
 * unknown.
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
