/**
 * Whether a path lies in a folder: by its name, and as the file system has it.
 *
 * Paths are those of POSIX. `/repo-evil` and `/repo/../etc` are not in `/repo`, and neither is `/repo/link` when that leads
 * elsewhere. What a link leads to can change after the question was answered.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Result from "effect/Result"
import { trimEnd } from "./internal/text.ts"

/**
 * The path without `.`, `..` and doubled slashes, by name alone. `undefined` for one that is not absolute.
 *
 * @category utils
 * @since 0.1.0
 */
export const normalize = (path: string): string | undefined => {
  if (!path.startsWith("/") || path.includes("\0")) return undefined
  const names: Array<string> = []
  for (const name of path.split("/")) {
    if (name === "..") names.pop()
    else if (name !== "" && name !== ".") names.push(name)
  }
  return `/${names.join("/")}`
}

/**
 * A path as seen from a folder, not normalized.
 *
 * @category utils
 * @since 0.1.0
 */
export const from = (folder: string, path: string): string => (path.startsWith("/") ? path : `${folder}/${path}`)

/**
 * Whether a path is a folder or lies in it, by name.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isWithin = (path: string, folder: string): boolean => {
  const inner = normalize(path)
  const outer = normalize(folder)
  if (inner === undefined || outer === undefined) return false
  return outer === "/" || inner === outer || inner.startsWith(`${outer}/`)
}

/**
 * Where a path leads with all links followed. Of a path that does not exist yet, the deepest folder that does is looked at.
 * `undefined`: that cannot be found out.
 *
 * @category utils
 * @since 0.1.0
 */
export const real = Effect.fnUntraced(function* (
  path: string
): Effect.fn.Return<string | undefined, never, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem
  const missing: Array<string> = []
  let rest = path.startsWith("/") ? trimEnd(path, "/") : undefined
  while (rest !== undefined) {
    const found = yield* Effect.result(fs.realPath(rest === "" ? "/" : rest))
    if (Result.isSuccess(found)) return [found.success.replace(/\/$/, ""), ...missing].join("/") || "/"
    if (found.failure.reason._tag !== "NotFound") return undefined
    // A link to something that is not there yet is where it would be made.
    if (yield* Effect.isSuccess(fs.readLink(rest))) return undefined
    const slash = rest.lastIndexOf("/")
    const name = rest.slice(slash + 1)
    if (slash === -1 || name === ".." || name === ".") return undefined
    missing.unshift(name)
    rest = trimEnd(rest.slice(0, slash), "/")
  }
  return undefined
})

/**
 * Whether a path lies in one of these folders, by name and with all links followed.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isReallyWithin = Effect.fnUntraced(function* (
  path: string,
  folders: ReadonlyArray<string>
): Effect.fn.Return<boolean, never, FileSystem.FileSystem> {
  if (!folders.some((folder) => isWithin(path, folder))) return false
  const leadsTo = yield* real(path)
  if (leadsTo === undefined) return false
  for (const folder of folders) {
    const root = yield* real(folder)
    if (root !== undefined && isWithin(leadsTo, root)) return true
  }
  return false
})
