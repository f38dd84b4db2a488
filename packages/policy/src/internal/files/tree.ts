/**
 * What there is below a folder, for those who go through all of it.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Result from "effect/Result"

// Larger folders can't be looked through at a request.
const maxEntries = 20_000

/** What is below a path, none of which has links in its way. */
export interface Below {
  /** All entries, as seen from the path. */
  readonly names: ReadonlyArray<string>
  /** Those of them that are links, as whole paths. */
  readonly links: ReadonlyArray<string>
}

/** Nothing for a file; `undefined`: it can't be known. */
export const entriesBelow = Effect.fnUntraced(function* (
  path: string
): Effect.fn.Return<Below | undefined, never, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem
  const names: Array<string> = []
  const links: Array<string> = []
  const pending = [path]
  let seen = 0
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    const entries = yield* Effect.result(fs.readDirectory(folder))
    if (Result.isFailure(entries)) {
      const info = yield* Effect.result(fs.stat(folder))
      if (Result.isSuccess(info) ? info.success.type === "Directory" : info.failure.reason._tag !== "NotFound") {
        return undefined
      }
      continue
    }
    for (const name of entries.success) {
      if (++seen > maxEntries) return undefined
      const entry = `${folder}/${name}`
      names.push(entry.slice(path.length))
      const info = yield* Effect.result(fs.lstat(entry))
      if (Result.isFailure(info)) return undefined
      if (info.success.type === "SymbolicLink") links.push(entry)
      else if (info.success.type === "Directory") pending.push(entry)
    }
  }
  return { names, links }
})
