/**
 * Resolves a path: its name, and the locations that it leads to.
 *
 * A path is walked as the kernel walks it, one component after the other: each link is followed at once, and `..` goes up from
 * the target of the link. Some programs and shells remove `..` by name first and end up elsewhere, so both ways count.
 * This module asks the file system about one name at a time and decides nothing. Only POSIX paths are supported.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Result from "effect/Result"

/** The path without `.`, `..` and doubled slashes, by name alone. `undefined` for one that is not absolute. */
export const normalize = (path: string): string | undefined => {
  if (!path.startsWith("/") || path.includes("\0")) return undefined
  const names: Array<string> = []
  for (const name of path.split("/")) {
    if (name === "..") names.pop()
    else if (name !== "" && name !== ".") names.push(name)
  }
  return `/${names.join("/")}`
}

/** A path as seen from a folder, not normalized. */
export const from = (folder: string, path: string): string => (path.startsWith("/") ? path : `${folder}/${path}`)

/** Whether a path is a folder or lies in it, by name. */
export const isWithin = (path: string, folder: string): boolean => {
  const inner = normalize(path)
  const outer = normalize(folder)
  return inner !== undefined && outer !== undefined && isBelow(inner, outer)
}

/** The same for names that are normalized. */
const isBelow = (inner: string, outer: string): boolean =>
  outer === "/" || inner === outer || inner.startsWith(`${outer}/`)

/** Folds names that some file systems treat as the same: other case, other Unicode form, or zero-width characters. */
export const fold = (text: string): string =>
  /^[ -~]*$/.test(text)
    ? text.toLowerCase()
    : text
        .normalize("NFKC")
        .replace(/\p{Cf}/gu, "")
        .toLowerCase()

/** Everything that a path may stand for. */
export interface Place {
  /** By name; `undefined` if it is not absolute. */
  readonly name: string | undefined
  /**
   * Absolute and without links: the entry itself and its target, both as the kernel resolves them and as programs do that
   * remove `..` by name.
   */
  readonly locations: ReadonlyArray<string>
  /** The target as the kernel resolves it; `undefined` if it cannot be determined. */
  readonly real: string | undefined
  /** The target if `..` is removed by name first. */
  readonly realByName: string | undefined
  /** Name and locations, as seen by file systems that treat several names as one. */
  readonly folded: ReadonlyArray<string>
  /** Whether the list of locations is complete. */
  readonly certain: boolean
}

/** Walks paths. It caches its findings, so it asks the file system about each entry only once. */
export interface Walker {
  readonly placeOf: (path: string) => Effect.Effect<Place>
  /** Whether a file, folder or link of this name exists. The name must be absolute and without links. */
  readonly exists: (path: string) => Effect.Effect<boolean>
  /** Whether a folder of this name exists or may exist. */
  readonly isFolder: (path: string) => Effect.Effect<boolean>
  /** The entries of a folder; none if the path is not a folder. `undefined` if they cannot be listed. */
  readonly entriesIn: (folder: string) => Effect.Effect<ReadonlyArray<Listed> | undefined>
  /** Whether the folders of this request have more entries than the limit. */
  readonly isSpent: () => boolean
}

/** An entry of a folder: a link is one, wherever it leads. */
export interface Listed {
  readonly name: string
  readonly kind: "Link" | "Folder" | "Other"
}

/** The place of a path that is not absolute, or longer than the kernel accepts. */
export const unknownPlace: Place = {
  name: undefined,
  locations: [],
  real: undefined,
  realByName: undefined,
  folded: [],
  certain: false
}

type Entry =
  | { readonly _tag: "Missing" }
  | { readonly _tag: "Folder" }
  | { readonly _tag: "Other" }
  | { readonly _tag: "Link"; readonly target: string }
  | { readonly _tag: "Unknown" }

// Linux follows 40 links in one path, other systems fewer.
const maxLinks = 40
// No file system in use supports longer names.
const maxNameLength = 255

// The kernel accepts no longer path.
const maxPathLength = 4_095

// How many entries are looked up for one request; the others count as unknown.
const maxQuestions = 200

// How many entries of folders are listed for one request; more would take too long.
const maxEntries = 10_000
// Listing a folder takes as long as so many of its entries.
const entriesOfListing = 20

/** Makes a walker for a single request; a longer life would make its cache stale. */
export const walkerOf = Effect.fnUntraced(function* (
  maxQuestions: number
): Effect.fn.Return<Walker, never, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem
  const seen = new Map<string, Entry>()
  let asked = 0
  let entries = 0

  const list = Effect.fnUntraced(function* (folder: string): Effect.fn.Return<ReadonlyArray<Listed> | undefined> {
    entries += entriesOfListing
    if (entries > maxEntries) return undefined
    const found = yield* Effect.result(fs.readDirectoryEntries(folder))
    if (Result.isFailure(found)) {
      const info = yield* Effect.result(fs.stat(folder))
      const mayBeFolder = Result.isSuccess(info)
        ? info.success.type === "Directory"
        : info.failure.reason._tag !== "NotFound"
      return mayBeFolder ? undefined : []
    }
    entries += found.success.length
    if (entries > maxEntries) return undefined
    const listed: Array<Listed> = []
    for (const { name, type } of found.success) {
      const kind = type === "Unknown" ? yield* kindOf(`${folder}/${name}`) : kindOfType(type)
      if (kind === undefined) return undefined
      listed.push({ name, kind })
    }
    return listed
  })

  const kindOf = Effect.fnUntraced(function* (path: string): Effect.fn.Return<Listed["kind"] | undefined> {
    const { _tag } = yield* entryAt(path)
    return _tag === "Missing" || _tag === "Unknown" ? undefined : _tag
  })

  const look = Effect.fnUntraced(function* (path: string): Effect.fn.Return<Entry> {
    const info = yield* Effect.result(fs.lstat(path))
    if (Result.isFailure(info)) return { _tag: info.failure.reason._tag === "NotFound" ? "Missing" : "Unknown" }
    if (info.success.type === "Directory") return { _tag: "Folder" }
    if (info.success.type !== "SymbolicLink") return { _tag: "Other" }
    const target = yield* Effect.option(fs.readLink(path))
    return Option.isNone(target) || target.value === "" ? { _tag: "Unknown" } : { _tag: "Link", target: target.value }
  })

  const entryAt = (path: string): Effect.Effect<Entry> => {
    const known = seen.get(path)
    if (known !== undefined) return Effect.succeed(known)
    if (asked++ >= maxQuestions) return Effect.succeed({ _tag: "Unknown" })
    return Effect.tap(look(path), (entry) => Effect.sync(() => seen.set(path, entry)))
  }

  // The entry and its target; `undefined` if they cannot be determined.
  const walk = Effect.fnUntraced(function* (path: string): Effect.fn.Return<ReadonlyArray<string> | undefined> {
    const pending = namesOf(path)
    let at = ""
    let kind: "folder" | "other" | "missing" = "folder"
    let entry: string | undefined
    let links = 0
    for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
      if (name === "..") {
        // A missing entry can become a link, and an entry that is not a folder can be replaced.
        if (kind !== "folder") return undefined
        at = at.slice(0, Math.max(at.lastIndexOf("/"), 0))
        if (pending.length === 0) entry ??= at
        continue
      }
      const next = `${at}/${name}`
      // These paths mean something else in another process.
      if (/^\/proc\/(?:self|thread-self|\d+)$/.test(next)) return undefined
      if (pending.length === 0) entry ??= next
      const found: Entry = kind !== "folder" || name.length > maxNameLength ? { _tag: "Missing" } : yield* entryAt(next)
      if (found._tag === "Unknown") return undefined
      if (found._tag === "Link") {
        if (++links > maxLinks) return undefined
        if (found.target.startsWith("/")) at = ""
        for (const part of namesOf(found.target)) pending.push(part)
        continue
      }
      at = next
      kind = found._tag === "Folder" ? "folder" : found._tag === "Other" ? "other" : "missing"
    }
    return [entry ?? "", at].map((location) => (location === "" ? "/" : location))
  })

  return {
    exists: (path) => Effect.map(entryAt(path), ({ _tag }) => _tag !== "Missing"),
    isFolder: (path) => Effect.map(entryAt(path), ({ _tag }) => _tag === "Folder" || _tag === "Unknown"),
    entriesIn: list,
    isSpent: () => entries > maxEntries,
    placeOf: Effect.fnUntraced(function* (path) {
      const name = path.length > maxPathLength ? undefined : normalize(path)
      if (name === undefined) return unknownPlace
      const real = yield* walk(path)
      const byName = path.split("/").includes("..") ? yield* walk(name) : real
      const locations = [...new Set([...(real ?? []), ...(byName ?? [])])]
      return {
        name,
        locations,
        real: real?.[1],
        realByName: byName?.[1],
        folded: [...new Set([name, ...locations].map(fold))],
        certain: real !== undefined && byName !== undefined
      }
    })
  }
})

const kindOfType = (type: FileSystem.File.Type): Listed["kind"] =>
  type === "SymbolicLink" ? "Link" : type === "Directory" ? "Folder" : "Other"

/** For the paths that a request names. */
export const walker: Effect.Effect<Walker, never, FileSystem.FileSystem> = walkerOf(maxQuestions)

// The components of a path, last one first.
const namesOf = (path: string): Array<string> =>
  path
    .split("/")
    .filter((name) => name !== "" && name !== ".")
    .toReversed()

/** Whether a place lies in one of the folders, in all of its meanings. */
export const isSurelyWithin = ({ certain, locations, name }: Place, folders: ReadonlyArray<Place>): boolean => {
  if (!certain || name === undefined) return false
  const known = folders.filter((folder) => folder.certain)
  return (
    known.some((folder) => [folder.name ?? "", ...folder.locations].some((outer) => isBelow(name, outer))) &&
    locations.every((location) => known.some((folder) => folder.locations.some((outer) => isBelow(location, outer))))
  )
}

/** Whether a place may lie in one of the folders, in any of its meanings. */
export const isPossiblyWithin = (place: Place, folders: ReadonlyArray<Place>): boolean =>
  !place.certain ||
  folders.some(({ folded }) => folded.some((outer) => place.folded.some((path) => isBelow(path, outer))))

/** Whether one of the folders may lie in a place. */
export const mayContain = (place: Place, folders: ReadonlyArray<Place>): boolean =>
  !place.certain ||
  folders.some(({ folded }) => folded.some((inner) => place.folded.some((path) => isBelow(inner, path))))

/** Marks a place as uncertain if it may lie in one of the places that may be replaced. */
export const unsettle = (place: Place, others: ReadonlyArray<Place>): Place =>
  place.certain && (others.some(({ name }) => name === undefined) || isPossiblyWithin(place, others))
    ? { ...place, real: undefined, certain: false }
    : place
