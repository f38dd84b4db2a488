/**
 * Compares the names of tools, servers and questions for the rules of a rubric.
 *
 * An agent, a model or an MCP server chooses these names. A rule that accepts compares the exact name. A rule that declines
 * also matches look-alikes: another case or width, marks or invisible characters, letters that look like others, or a missing
 * name. This module knows no rules and no requests.
 */
import * as Result from "effect/Result"
import * as SafeRegex from "../../SafeRegex.ts"

/** Whether a name matches; `undefined` stands for a name that is missing or not text. */
export type MatchesName = (name: string | undefined) => boolean

// The name in lower case, without marks, blanks and invisible characters.
const plain = (name: string): string =>
  name
    .normalize("NFKD")
    .replace(/[\p{M}\p{C}\p{Z}\p{Default_Ignorable_Code_Point}]/gu, "")
    .toLowerCase()

// Letters that may look like ASCII letters. A name with one of them can be read as any other name.
const ambiguous = /[^!-~\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Hangul}]/u

const orAnyReading =
  (matches: (plain: string) => boolean): MatchesName =>
  (name) => {
    const read = plain(name ?? "")
    return read === "" || ambiguous.test(read) || matches(read)
  }

/** Matches one of these names; without `sure`, also their look-alikes. */
export const oneOf = (names: ReadonlyArray<string> | undefined, sure: boolean): MatchesName | undefined => {
  if (names === undefined) return undefined
  if (sure) return (name) => name !== undefined && names.includes(name)
  const known = new Set(names.map(plain))
  return orAnyReading((read) => known.has(read))
}

/** Matches names by a pattern: the whole name for a rule that accepts, any part of it in any case for others. */
export const matching = (pattern: string | undefined, sure: boolean): MatchesName | undefined => {
  if (pattern === undefined) return undefined
  // The schema of rubrics already refuses such a pattern.
  const orElse = { onFailure: () => () => !sure }
  if (sure) {
    return Result.match(SafeRegex.compile(pattern), {
      ...orElse,
      onSuccess:
        ({ matchesAll }) =>
        (name: string | undefined) =>
          name !== undefined && matchesAll(name) === true
    })
  }
  return Result.match(SafeRegex.compile(`(?i)${pattern}`), {
    ...orElse,
    onSuccess: ({ matchesSome }) => {
      const some = (text: string): boolean => matchesSome(text) ?? true
      const anyReading = orAnyReading(some)
      return (name: string | undefined) => anyReading(name) || (name !== undefined && some(name))
    }
  })
}
