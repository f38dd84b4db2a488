/**
 * Looks up the paths of one request before its rules are tried, so that rules remain pure functions.
 */
import * as Effect from "effect/Effect"
import { isPossiblyWithin, mayContain, type Place, unknownPlace, unsettle, type Walker } from "./path.ts"

export interface Places {
  /** Whether an absolute path may lie in one of the folders. */
  readonly isPossiblyWithin: (
    path: string,
    folders: ReadonlyArray<string>,
    unsettled?: ReadonlyArray<string>
  ) => boolean
  /** Whether one of the folders may lie below an absolute path. */
  readonly mayContain: (path: string, folders: ReadonlyArray<string>, unsettled?: ReadonlyArray<string>) => boolean
  /** A path that was not looked up may be anything. */
  readonly of: (path: string) => Place
}

// Ordinary commands name fewer paths; any further ones count as unknown.
const maxPaths = 200

/** Looks up all folders of the rules, then the paths of a request. */
export const lookUp = Effect.fnUntraced(function* (
  folders: ReadonlyArray<string>,
  paths: ReadonlyArray<string>,
  walker: Walker
): Effect.fn.Return<Places> {
  const found = new Map<string, Place>()
  for (const path of [...folders, ...paths]) {
    if (found.size >= maxPaths + folders.length) break
    if (!found.has(path)) found.set(path, yield* walker.placeOf(path))
  }
  const of = (path: string) => found.get(path) ?? unknownPlace
  const all = (paths: ReadonlyArray<string>) => paths.map(of)
  return {
    isPossiblyWithin: (path, folders, unsettled = []) =>
      isPossiblyWithin(unsettle(of(path), all(unsettled)), all(folders)),
    mayContain: (path, folders, unsettled = []) => mayContain(unsettle(of(path), all(unsettled)), all(folders)),
    of
  }
})
