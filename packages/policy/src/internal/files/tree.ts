/**
 * Lists everything below a folder, for checks of whole trees.
 */
import * as Effect from "effect/Effect"
import type { Walker } from "./path.ts"

/** The entries below a path. Links are listed, but not followed. */
export interface Below {
  /** All entries, relative to the path. */
  readonly names: ReadonlyArray<string>
  /** The entries that are links, as full paths. */
  readonly links: ReadonlyArray<string>
}

const nothing: Below = { names: [], links: [] }

/** Lists the entries below a path: none for a file; `undefined` if they cannot be listed, or are too many. */
export type LookBelow = (path: string) => Effect.Effect<Below | undefined>

/** Makes a `LookBelow` for a single request. It lists each path only once. */
export const lookBelow = (walker: Walker): LookBelow => {
  const seen = new Map<string, Below | undefined>()
  return (path) =>
    seen.has(path)
      ? Effect.succeed(seen.get(path))
      : Effect.tap(entriesBelow(path, walker), (below) => Effect.sync(() => seen.set(path, below)))
}

const entriesBelow = Effect.fnUntraced(function* (
  path: string,
  { entriesIn, isFolder, placeOf }: Walker
): Effect.fn.Return<Below | undefined> {
  const { real } = yield* placeOf(path)
  if (real === undefined) return undefined
  if (!(yield* isFolder(real))) return nothing
  const names: Array<string> = []
  const links: Array<string> = []
  const pending = [path]
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    const entries = yield* entriesIn(folder)
    if (entries === undefined) return undefined
    for (const { kind, name } of entries) {
      const entry = `${folder}/${name}`
      names.push(entry.slice(path.length))
      if (kind === "Link") links.push(entry)
      else if (kind === "Folder") pending.push(entry)
    }
  }
  return { names, links }
})
