/**
 * The conditions that all kinds of rules share, and the two ways to look at a condition.
 *
 * A rule that lets something happen must match for sure, and what is not known does not match. A rule that refuses matches
 * when it may, and what is not known may be anything. Both follow from `sure`.
 */
import * as Result from "effect/Result"
import * as SafeRegex from "../../SafeRegex.ts"
import { type Demand, within } from "../files/demand.ts"
import { isWithin } from "../files/path.ts"

export interface Common {
  readonly cwdWithin?: string | ReadonlyArray<string>
  readonly reasonRegex?: string
  readonly threadIdRegex?: string
  readonly turnIdRegex?: string
  readonly hasProposedExecpolicy?: boolean
}

/** What a request has of what the shared conditions ask. `undefined`: its kind has no such thing. */
export interface About {
  readonly threadId: string
  readonly turnId: string | undefined
  readonly cwd: string | undefined
  readonly reason: string | undefined
  readonly proposesExecpolicy: boolean | undefined
}

export const listOf = <A>(value: A | ReadonlyArray<A> | undefined): ReadonlyArray<A> | undefined =>
  value === undefined ? undefined : isList(value) ? value : [value]

const isList = <A>(value: A | ReadonlyArray<A>): value is ReadonlyArray<A> => Array.isArray(value)

/** A pattern of a rubric. All of the text has to match for a rule that lets something happen, and a piece for others. */
export const regexOf = (pattern: string | undefined, sure: boolean): ((text: string) => boolean) | undefined => {
  if (pattern === undefined) return undefined
  return Result.match(SafeRegex.compile(pattern), {
    // Rubrics with such a pattern are refused before.
    onFailure: () => () => !sure,
    onSuccess: (regex) => (text) => (sure ? (regex.matchesAll(text) ?? false) : (regex.matchesSome(text) ?? true))
  })
}

/** Whether a rule has one of the conditions that ask nothing of the file system. */
export const hasCommon = ({ hasProposedExecpolicy, reasonRegex, threadIdRegex, turnIdRegex }: Common): boolean =>
  [hasProposedExecpolicy, reasonRegex, threadIdRegex, turnIdRegex].some((condition) => condition !== undefined)

/** Whether the conditions that ask nothing of the file system hold. */
export const compileCommon = (when: Common, sure: boolean): ((about: About) => boolean) => {
  const reason = regexOf(when.reasonRegex, sure)
  const threadId = regexOf(when.threadIdRegex, sure)
  const turnId = regexOf(when.turnIdRegex, sure)
  const has = (text: string | undefined, matches: ((text: string) => boolean) | undefined) =>
    matches === undefined || (text !== undefined && matches(text))
  return (about) =>
    has(about.reason, reason) &&
    has(about.threadId, threadId) &&
    has(about.turnId, turnId) &&
    (when.hasProposedExecpolicy === undefined || when.hasProposedExecpolicy === about.proposesExecpolicy)
}

/** Whether a path lies in one of the folders, by name. */
export const isWithinSome = (path: string, folders: ReadonlyArray<string>): boolean =>
  folders.some((folder) => isWithin(path, folder))

/** What has to hold for all of these paths to lie in the folders; `undefined`: by their names, they don't. */
export const allWithin = (
  paths: ReadonlyArray<string>,
  folders: ReadonlyArray<string>
): ReadonlyArray<Demand> | undefined =>
  paths.every((path) => isWithinSome(path, folders)) ? paths.map((path) => within(path, folders)) : undefined
