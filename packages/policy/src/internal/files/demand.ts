/**
 * Demands on a path in the file system, checked before a request is accepted. Commands, file changes and grants share them.
 */
import * as Effect from "effect/Effect"
import type { ProtectedFiles } from "../../Rule.ts"
import { short } from "../text.ts"
import { isSurelyWithin, unsettle, type Walker } from "./path.ts"
import { protectedBy, protectedByName } from "./protectedFiles.ts"
import { lookBelow } from "./tree.ts"

export interface Demand {
  /** Absolute, and not normalized. */
  readonly path: string
  /** The folders in one of which it must lie; `undefined`: anywhere. */
  readonly folders: ReadonlyArray<string> | undefined
  /** The protected files that it may be. Default: any, since it is not written. */
  readonly mayBe?: ReadonlyArray<ProtectedFiles>
  /** Whether its target must be known. Default: true. */
  readonly certain?: boolean
  /** Whether links below it are followed. Default: false. */
  readonly follow?: boolean
  /** Whether its content must not include protected files either, since it is copied or moved. Default: false. */
  readonly contents?: boolean
  /** Whether it must have the same target if `..` is removed by name first. Default: false. */
  readonly oneWay?: boolean
  /** Paths that another part of the command may replace, so that their current state proves nothing. Default: none. */
  readonly unsettled?: ReadonlyArray<string>
}

/** A path that is only looked at. */
export const within = (path: string, folders: ReadonlyArray<string>): Demand => ({ path, folders })

const maxDemands = 1_000

/** Checks the demands in order, and returns the reason why the first unmet one does not hold; `undefined` if all hold. */
export const problemOf = Effect.fnUntraced(function* (
  demands: ReadonlyArray<Demand>,
  walker: Walker
): Effect.fn.Return<string | undefined> {
  if (demands.length === 0) return undefined
  if (demands.length > maxDemands) return "it names more paths than can be looked up"
  const { isFolder, placeOf } = walker
  const entriesBelow = lookBelow(walker)
  for (const {
    certain = true,
    contents = false,
    folders,
    follow = false,
    mayBe,
    oneWay = false,
    path,
    unsettled = []
  } of demands) {
    const place = unsettle(yield* placeOf(path), yield* Effect.forEach(unsettled, placeOf))
    // A path that is too long may still be valid relative to a folder.
    if ((certain || place.name === undefined) && !place.certain)
      return `the target of ${short(path)} cannot be determined`
    if (oneWay && place.real !== place.realByName) return `the target of ${short(path)} depends on the shell`
    if (folders !== undefined && !isSurelyWithin(place, yield* Effect.forEach(folders, placeOf))) {
      return `${short(path)} leads out of the folders that the rule names`
    }
    if (folders !== undefined && follow) {
      const below = yield* entriesBelow(path)
      if (below === undefined) return `the links below ${short(path)} cannot be determined`
      for (const link of below.links) {
        const target = yield* placeOf(link)
        if (!isSurelyWithin(target, yield* Effect.forEach(folders, placeOf))) {
          return `${short(link)} leads out of the folders that the rule names`
        }
        if (target.real === undefined || (yield* isFolder(target.real))) return `${short(link)} leads to a folder`
      }
    }
    if (mayBe !== undefined && contents) {
      const below = yield* entriesBelow(path)
      if (below === undefined) return `the content of ${short(path)} cannot be determined`
      const found = below.names.find((name) => protectedByName(name).some((kind) => !mayBe.includes(kind)))
      if (found !== undefined) return `${short(path)} contains protected files: ${short(found)}`
    }
    const unnamed =
      mayBe === undefined ? [] : (yield* protectedBy(place, walker)).filter((kind) => !mayBe.includes(kind))
    if (unnamed.length > 0) {
      return `${short(path)} is one of the protected files (${unnamed.join(", ")}), which decide what runs later`
    }
  }
  return undefined
})
