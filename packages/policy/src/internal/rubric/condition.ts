/**
 * The conditions that all kinds of rules share, and the two ways to evaluate a condition.
 *
 * A rule that accepts must match for certain, so an unknown value does not match. A rule that declines matches any plausible
 * reading, so an unknown value matches. The parameter `sure` selects between the two.
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

/** The properties of a request that the shared conditions refer to. `undefined` if its kind has no such property. */
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

/** A pattern of a rubric. A rule that accepts needs a match of the whole text; for other rules a match in it is enough. */
export const regexOf = (pattern: string | undefined, sure: boolean): ((text: string) => boolean) | undefined => {
  if (pattern === undefined) return undefined
  return Result.match(SafeRegex.compile(pattern), {
    // The schema of rubrics already refuses such a pattern.
    onFailure: () => () => !sure,
    onSuccess: (regex) => (text) => (sure ? (regex.matchesAll(text) ?? false) : (regex.matchesSome(text) ?? true))
  })
}

/** Whether a rule has one of the shared conditions that need no file system. */
export const hasCommon = ({ hasProposedExecpolicy, reasonRegex, threadIdRegex, turnIdRegex }: Common): boolean =>
  [hasProposedExecpolicy, reasonRegex, threadIdRegex, turnIdRegex].some((condition) => condition !== undefined)

/** Compiles the shared conditions that need no file system. */
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

/** The demands for all of these paths to lie in the folders; `undefined` if some path lies outside by its name already. */
export const allWithin = (
  paths: ReadonlyArray<string>,
  folders: ReadonlyArray<string>
): ReadonlyArray<Demand> | undefined =>
  paths.every((path) => isWithinSome(path, folders)) ? paths.map((path) => within(path, folders)) : undefined
