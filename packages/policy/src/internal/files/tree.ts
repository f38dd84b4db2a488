/**
 * What there is below a folder, for those who go through all of it.
 */
import * as Effect from "effect/Effect"
import type { Walker } from "./path.ts"

/** What is below a path, none of which has links in its way. */
export interface Below {
  /** All entries, as seen from the path. */
  readonly names: ReadonlyArray<string>
  /** Those of them that are links, as whole paths. */
  readonly links: ReadonlyArray<string>
}

const nothing: Below = { names: [], links: [] }

/** Looks below a path: nothing for a file; `undefined`: it can't be known, or is more than can be looked through. */
export type LookBelow = (path: string) => Effect.Effect<Below | undefined>

/** Starts to look: one serves one request, and looks below a path once. */
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
