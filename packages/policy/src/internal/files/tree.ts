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

/** Looks below a path: nothing for a file; `undefined`: it can't be known. */
export type LookBelow = (path: string) => Effect.Effect<Below | undefined, never, FileSystem.FileSystem>

/** Starts to look: one serves one request, has one allowance for all of it, and looks below a path once. */
export const lookBelow = (): LookBelow => {
  const seen = new Map<string, Below | undefined>()
  const left = { entries: maxEntries }
  return (path) =>
    seen.has(path)
      ? Effect.succeed(seen.get(path))
      : Effect.tap(entriesBelow(path, left), (below) => Effect.sync(() => seen.set(path, below)))
}

const entriesBelow = Effect.fnUntraced(function* (
  path: string,
  left: { entries: number }
): Effect.fn.Return<Below | undefined, never, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem
  const names: Array<string> = []
  const links: Array<string> = []
  const pending = [path]
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
      if (left.entries-- <= 0) return undefined
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
