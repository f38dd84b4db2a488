/**
 * Regular expressions that come from rubrics, on an engine whose time is linear in the length of the text.
 *
 * Every pattern that somebody else wrote is compiled here and nowhere else; no other module of this package builds a
 * `RegExp` from a string. The syntax is that of RE2: no look-around, no back-references. This module knows nothing of rules.
 *
 * @stability stable
 * @since 0.1.0
 */
import { RE2JS } from "re2js"
import * as Result from "effect/Result"

/**
 * A compiled pattern. `undefined` means that the text is longer than {@link maxTextLength}, and that nothing is known.
 *
 * @category models
 * @since 0.1.0
 */
export interface SafeRegex {
  readonly pattern: string
  /** Whether the pattern matches the whole text. */
  readonly matchesAll: (text: string) => boolean | undefined
  /** Whether the pattern matches somewhere in the text. */
  readonly matchesSome: (text: string) => boolean | undefined
}

/**
 * The longest text that is looked at, in UTF-16 code units.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxTextLength = 32 * 1024

// Time grows with the product of pattern and text, so both have a bound. A repetition counts as often as it repeats.
const maxPatternLength = 4_000
const maxProgramSize = 1_000

/**
 * Compiles a pattern; fails with what is wrong with it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const compile = (pattern: string): Result.Result<SafeRegex, string> => {
  if (pattern.length > maxPatternLength) return Result.fail(`is longer than ${maxPatternLength} characters`)
  return Result.try({
    try: () => RE2JS.compile(pattern),
    catch: (cause) => `is not in RE2 syntax: ${cause instanceof Error ? cause.message : String(cause)}`
  }).pipe(
    Result.filterOrFail(
      (compiled) => compiled.programSize() <= maxProgramSize,
      () => "repeats too much"
    ),
    Result.map((compiled) => ({
      pattern,
      matchesAll: (text) => (text.length > maxTextLength ? undefined : compiled.testExact(text)),
      matchesSome: (text) => (text.length > maxTextLength ? undefined : compiled.test(text))
    }))
  )
}
