/**
 * What has to hold of a path in the file system before something is let happen. One question for commands, changes of files
 * and grants.
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
  /** Where it has to lie; `undefined`: anywhere. */
  readonly folders: ReadonlyArray<string> | undefined
  /** The protected files that it may be. Default: any, as it is not written. */
  readonly mayBe?: ReadonlyArray<ProtectedFiles>
  /** Whether it must be known where it leads. Default: true. */
  readonly certain?: boolean
  /** Whether links below it are followed. Default: false. */
  readonly follow?: boolean
  /** Whether what is below it must not be a protected file either, as it is put elsewhere. Default: false. */
  readonly contents?: boolean
  /** Whether it must lead to one place, however `..` is taken out. Default: false. */
  readonly oneWay?: boolean
  /** Paths that something else is put at in the same command: what is there now says nothing. Default: none. */
  readonly unsettled?: ReadonlyArray<string>
}

/** A path that is only looked at. */
export const within = (path: string, folders: ReadonlyArray<string>): Demand => ({ path, folders })

const maxDemands = 1_000

/** Why the first of the demands that does not hold doesn't; `undefined`: all do. */
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
    // What is too long for a path may still be one that is seen from a folder.
    if ((certain || place.name === undefined) && !place.certain) return `where ${short(path)} leads cannot be found out`
    if (oneWay && place.real !== place.realByName) return `where ${short(path)} leads depends on the shell`
    if (folders !== undefined && !isSurelyWithin(place, yield* Effect.forEach(folders, placeOf))) {
      return `${short(path)} leads out of the folders that the rule names`
    }
    if (folders !== undefined && follow) {
      const below = yield* entriesBelow(path)
      if (below === undefined) return `which links there are below ${short(path)} cannot be found out`
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
      if (below === undefined) return `what is below ${short(path)} cannot be found out`
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
