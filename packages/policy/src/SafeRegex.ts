/**
 * Compiles regular expressions from rubrics, with an engine that runs in linear time in the length of the text.
 *
 * Only this module compiles untrusted patterns; no other module of this package builds a `RegExp` from a string. The syntax is
 * that of RE2: no look-around, no back-references. This module does not know about rules.
 *
 * @stability stable
 * @since 0.1.0
 */
import { RE2JS } from "re2js"
import * as Result from "effect/Result"

/**
 * A compiled pattern. Its functions return `undefined` if the text is longer than {@link maxTextLength}, so that the result is
 * unknown.
 *
 * @category models
 * @since 0.1.0
 */
export interface SafeRegex {
  readonly pattern: string
  /** Whether the pattern matches the whole text. */
  readonly matchesAll: (text: string) => boolean | undefined
  /** Whether the pattern matches anywhere in the text. */
  readonly matchesSome: (text: string) => boolean | undefined
}

/**
 * The maximum length of a text to match, in UTF-16 code units.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxTextLength = 32 * 1024

// Time grows with the product of pattern and text lengths, so both are limited. A counted repetition multiplies the pattern.
const maxPatternLength = 4_000
const maxProgramSize = 1_000

/**
 * Compiles a pattern; fails with a description of the problem.
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
