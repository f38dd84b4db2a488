/**
 * Checks of the file system that must pass before a script counts as one that only reads.
 *
 * A folder that is too large to search during a request counts as unknown. The file system can change after the check.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Result from "effect/Result"
import { isSurelyWithin, type Walker, walkerOf } from "../files/path.ts"
import { short } from "../text.ts"
import { anyChar, anyText, type Check } from "./reading.ts"
import { type Allowance, maxBytes, problemOf as repositoryProblem } from "./repository.ts"

type Problem = Effect.Effect<string | undefined, never, FileSystem.FileSystem>

const maxEntries = 20_000
const maxMatches = 2_000
// The maximum number of lookups of links in folders, and of their targets.
const maxQuestions = 250
// The maximum sum over all matches: length of the pattern times length of the name.
const maxEffort = 8_000_000
// Each repository takes many lookups.
const maxRepositories = 8

/** Runs the checks in order, and returns the reason why the first one fails; `undefined` if all pass. */
export const problemOf = Effect.fnUntraced(function* (
  checks: ReadonlyArray<Check>
): Effect.fn.Return<string | undefined, never, FileSystem.FileSystem> {
  // All checks share one allowance, since a command can name a folder many times.
  const left: Left = { entries: maxEntries, bytes: maxBytes, effort: maxEffort, repositories: maxRepositories }
  const walker = yield* walkerOf(maxQuestions)
  for (const check of new Map(checks.map((check) => [JSON.stringify(check), check])).values()) {
    const problem = yield* problemOfOne(check, left, walker)
    if (problem !== undefined) return problem
  }
  return undefined
})

interface Left extends Allowance {
  effort: number
  repositories: number
}

const problemOfOne = (check: Check, left: Left, walker: Walker): Problem => {
  switch (check._tag) {
    case "Matches":
      return matchesProblem(check, left, walker)
    case "Tree":
      return treeProblem(check, walker)
    case "Repository":
      return left.repositories-- <= 0
        ? Effect.succeed("it uses more repositories than can be checked")
        : repositoryProblem(check, left)
  }
}

// Whether a path leads out of the folders, which are looked up once.
const leadingOut = ({ placeOf }: Walker, folders: ReadonlyArray<string>) =>
  Effect.map(
    Effect.forEach(folders, placeOf),
    (places) => (path: string) => Effect.map(placeOf(path), (place) => !isSurelyWithin(place, places))
  )

// Names are bytes. A name that is not UTF-8 is decoded to another name, which does not exist.
const isNoText = (name: string): boolean => name.includes("\ufffd")

const isPlainName = (name: string): boolean => /^[^\s'"\\*?[\]\p{C}-][^\s'"\\*?[\]\p{C}]*$/u.test(name)

const treeProblem = Effect.fnUntraced(function* (
  check: {
    readonly path: string
    readonly folders: ReadonlyArray<string>
    readonly follow: boolean
    readonly plain: boolean
  },
  walker: Walker
): Effect.fn.Return<string | undefined, never, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem
  const leadsOut = yield* leadingOut(walker, check.folders)
  const pending = [check.path]
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    const entries = yield* walker.entriesIn(folder)
    if (entries === undefined) {
      return walker.isSpent()
        ? `there are more files below ${short(check.path)} than can be checked`
        : `${short(folder)} cannot be listed`
    }
    for (const { kind, name } of entries) {
      const path = `${folder}/${name}`
      if (isNoText(name)) return `the name of ${short(path)} is not UTF-8`
      if (check.plain && !isPlainName(name)) return `the name of ${short(path)} may be taken for something else`
      if (kind === "Folder") pending.push(path)
      if (kind !== "Link") continue
      if (yield* leadsOut(path)) return `${short(path)} leads out of the allowed roots`
      if (!check.follow) continue
      const target = yield* Effect.result(fs.stat(path))
      if (Result.isSuccess(target) && target.success.type === "Directory") return `${short(path)} leads to a folder`
    }
  }
  return undefined
})

// Matches everything that some shell matches, and possibly more. It backtracks only to the last star, so an adversarial name
// takes at most the product of both lengths.
const isMatch = (given: string, entry: string): boolean => {
  // The number of characters in a name depends on the locale.
  const pattern = /^[\x20-\x7e]*$/.test(entry) ? given : given.replaceAll(anyChar, anyText)
  let at = 0
  let star = -1
  let resume = 0
  for (let index = 0; index < entry.length;) {
    const char = pattern.charAt(at)
    if (char === anyText) {
      star = at++
      resume = index
    } else if (char !== "" && (char === anyChar || char === entry.charAt(index))) {
      at++
      index++
    } else if (star === -1) return false
    else {
      at = star + 1
      index = ++resume
    }
  }
  return pattern.slice(at).replaceAll(anyText, "") === ""
}

const matchesProblem = Effect.fnUntraced(function* (
  check: {
    readonly pattern: string
    readonly folders: ReadonlyArray<string>
    readonly plain: boolean
    readonly below: { readonly follow: boolean; readonly plain: boolean } | undefined
  },
  left: Left,
  walker: Walker
): Effect.fn.Return<string | undefined, never, FileSystem.FileSystem> {
  const names = check.pattern.split("/").filter((name) => name !== "" && name !== ".")
  const first = names.findIndex((name) => name.includes(anyText) || name.includes(anyChar))
  if (names.slice(first).includes("..")) return "a pattern goes up again"
  const start = `/${names.slice(0, first).join("/")}`
  const leadsOut = yield* leadingOut(walker, check.folders)
  if (yield* leadsOut(start)) {
    return `${short(start)} leads out of the folders that the rule names`
  }
  let found: ReadonlyArray<string> = [start]
  for (const name of names.slice(first)) {
    const next: Array<string> = []
    // Of the entries of a folder inside, only links may lead out.
    const asked: Array<string> = []
    const isDeep = name === anyText + anyText
    if (isDeep) {
      // Matches any depth, which is more than some shells do.
      const pending = [...found]
      for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
        next.push(folder)
        if (next.length > maxMatches) return "a pattern matches more files than can be checked"
        const entries = (yield* walker.entriesIn(folder)) ?? []
        if (walker.isSpent()) return "a pattern matches more files than can be checked"
        for (const { kind, name } of entries) {
          const path = `${folder}/${name}`
          if (isNoText(name)) return `the name of ${short(path)} is not UTF-8`
          if (kind === "Folder") pending.push(path)
          else next.push(path)
          if (kind === "Link") asked.push(path)
        }
      }
    } else if (name.includes(anyText) || name.includes(anyChar)) {
      for (const folder of found) {
        const entries = (yield* walker.entriesIn(folder)) ?? []
        if (walker.isSpent()) return "a pattern searches more files than can be checked"
        for (const { kind, name: entry } of entries) {
          if ((left.effort -= name.length * entry.length) < 0) return "its patterns take too long to match"
          if (isNoText(entry)) return `the name of ${short(entry)} is not UTF-8`
          if (!isMatch(name, entry)) continue
          if (entry.startsWith("-")) return `${short(entry)} may be taken for an option`
          if (check.plain && !isPlainName(entry)) return `the name of ${short(entry)} may be taken for something else`
          next.push(`${folder}/${entry}`)
          if (kind === "Link") asked.push(`${folder}/${entry}`)
        }
      }
    } else {
      for (const folder of found) next.push(`${folder}/${name}`)
      asked.push(...next)
    }
    if (next.length > maxMatches) return "a pattern matches more files than can be checked"
    for (const path of asked) {
      if (yield* leadsOut(path)) return `${short(path)} leads out of the allowed roots`
    }
    found = next
  }
  const { below, folders } = check
  if (below === undefined) return undefined
  for (const path of found) {
    const problem = yield* treeProblem({ path, folders, ...below }, walker)
    if (problem !== undefined) return problem
  }
  return undefined
})
