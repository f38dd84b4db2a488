/**
 * What the file system has to say before a script counts as one that only reads.
 *
 * Folders that are larger than can be looked through at a request count as not known. What is found can change after it was
 * looked at.
 */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import { isSurelyWithin, type Walker, walkerOf } from "../files/path.ts"
import { short } from "../text.ts"
import { anyChar, anyText, type Check } from "./reading.ts"
import { problemOf as repositoryProblem } from "./repository.ts"

const maxMatches = 2_000
// About all that is found in folders.
const maxQuestions = 5_000
// Characters of names times those of patterns.
const maxEffort = 8_000_000
// A repository takes many questions.
const maxRepositories = 8

/** Why the first of the checks that does not hold doesn't; `undefined`: all do. */
export const problemOf = Effect.fnUntraced(function* (
  checks: ReadonlyArray<Check>
): Effect.fn.Return<string | undefined, never, FileSystem.FileSystem> {
  const distinct = new Map(checks.map((check) => [JSON.stringify(check), check]))
  const walker = yield* walkerOf(maxQuestions)
  let effort = 0
  const isTooLong = (pattern: string, name: string) => (effort += pattern.length * name.length) > maxEffort
  let repositories = 0
  for (const check of distinct.values()) {
    if (check._tag === "Repository" && ++repositories > maxRepositories) {
      return "it is about more repositories than can be looked at"
    }
    const problem = yield* check._tag === "Matches"
      ? matchesProblem(check, walker, isTooLong)
      : check._tag === "Tree"
        ? treeProblem(check, walker)
        : repositoryProblem(check)
    if (problem !== undefined) return problem
  }
  return undefined
})

const leadsOut = Effect.fnUntraced(function* (path: string, folders: ReadonlyArray<string>, { placeOf }: Walker) {
  return !isSurelyWithin(yield* placeOf(path), yield* Effect.forEach(folders, placeOf))
})

const isPlainName = (name: string): boolean => /^[^\s'"\\*?[\]\p{C}-][^\s'"\\*?[\]\p{C}]*$/u.test(name)

const treeProblem = Effect.fnUntraced(function* (
  check: {
    readonly path: string
    readonly folders: ReadonlyArray<string>
    readonly follow: boolean
    readonly plain: boolean
  },
  walker: Walker
): Effect.fn.Return<string | undefined> {
  const pending = [check.path]
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    const entries = yield* walker.namesIn(folder)
    if (entries === undefined) return `${short(folder)} cannot be looked through`
    for (const name of entries) {
      const path = `${folder}/${name}`
      if (check.plain && !isPlainName(name)) return `the name of ${short(path)} may be taken for something else`
      const kind = yield* walker.kindOf(path)
      if (kind === undefined) return `${short(path)} cannot be looked at`
      if (kind === "Folder") pending.push(path)
      if (kind !== "Link") continue
      if (yield* leadsOut(path, check.folders, walker)) return `${short(path)} leads out of the allowed roots`
      if (!check.follow) continue
      const { real } = yield* walker.placeOf(path)
      if (real === undefined || (yield* walker.isFolder(real))) return `${short(path)} leads to a folder`
    }
  }
  return undefined
})

// What a shell may take for a match, and more. Only the last star is ever gone back to, so that a name that was made to take
// long does not.
const matcherOf = (pattern: string): ((entry: string) => boolean) => {
  const wanted = Array.from(pattern)
  return (entry) => {
    const found = Array.from(entry)
    let at = 0
    let star = -1
    let from = 0
    for (let index = 0; index < found.length;) {
      if (wanted[at] === anyText) {
        star = at++
        from = index
      } else if (at < wanted.length && (wanted[at] === anyChar || wanted[at] === found[index])) {
        at++
        index++
      } else if (star !== -1) {
        at = star + 1
        index = ++from
      } else return false
    }
    while (wanted[at] === anyText) at++
    return at === wanted.length
  }
}

const matchesProblem = Effect.fnUntraced(function* (
  check: {
    readonly pattern: string
    readonly folders: ReadonlyArray<string>
    readonly plain: boolean
    readonly below: boolean
  },
  walker: Walker,
  isTooLong: (pattern: string, name: string) => boolean
): Effect.fn.Return<string | undefined> {
  const names = check.pattern.split("/").filter((name) => name !== "" && name !== ".")
  const first = names.findIndex((name) => name.includes(anyText) || name.includes(anyChar))
  if (names.slice(first).includes("..")) return "a pattern goes up again"
  const start = `/${names.slice(0, first).join("/")}`
  if (yield* leadsOut(start, check.folders, walker)) {
    return `${short(start)} leads out of the folders that the rule names`
  }
  let found: ReadonlyArray<string> = [start]
  for (const name of names.slice(first)) {
    const next: Array<string> = []
    const isDeep = name === anyText + anyText
    const isMatch = matcherOf(name)
    if (isDeep) {
      // Any depth, which is more than some shells make of it.
      const pending = [...found]
      for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
        next.push(folder)
        if (next.length > maxMatches) return "a pattern matches more files than can be looked at"
        const entries = yield* walker.namesIn(folder)
        if (entries === undefined) return `${short(folder)} cannot be looked through`
        for (const entry of entries) {
          const path = `${folder}/${entry}`
          if ((yield* walker.kindOf(path)) === "Folder") pending.push(path)
          else next.push(path)
        }
      }
    } else if (name.includes(anyText) || name.includes(anyChar)) {
      for (const folder of found) {
        const entries = yield* walker.namesIn(folder)
        if (entries === undefined) return `${short(folder)} cannot be looked through`
        for (const entry of entries) {
          if (isTooLong(name, entry)) return "its patterns take too long to match"
          if (!isMatch(entry)) continue
          if (entry.startsWith("-")) return `${short(entry)} may be taken for an option`
          if (check.plain && !isPlainName(entry)) return `the name of ${short(entry)} may be taken for something else`
          next.push(`${folder}/${entry}`)
        }
      }
    } else for (const folder of found) next.push(`${folder}/${name}`)
    if (next.length > maxMatches) return "a pattern matches more files than can be looked at"
    for (const path of next) {
      if (yield* leadsOut(path, check.folders, walker)) return `${short(path)} leads out of the allowed roots`
    }
    found = next
  }
  for (const path of check.below ? found : []) {
    const problem = yield* treeProblem({ path, folders: check.folders, follow: true, plain: false }, walker)
    if (problem !== undefined) return problem
  }
  return undefined
})
