/**
 * Names of tools, servers and questions, as the rules of a rubric compare them.
 *
 * An agent, a model or an MCP server chooses these names. A rule that accepts takes a name as it is written. A rule that
 * declines takes it for every name that it may be read as: in another case or width, with marks or characters that can't be
 * seen, with letters that look like others, or missing. This module knows no rules and no requests.
 */
import * as Result from "effect/Result"
import * as SafeRegex from "../../SafeRegex.ts"

/** Whether a name fits; `undefined` is a name that is not there, or no text. */
export type MatchesName = (name: string | undefined) => boolean

// The name as it is most plainly read.
const plain = (name: string): string =>
  name
    .normalize("NFKD")
    .replace(/[\p{M}\p{C}\p{Z}\p{Default_Ignorable_Code_Point}]/gu, "")
    .toLowerCase()

// Letters that are neither ASCII nor of a script without look-alikes of ASCII: such a name can be read as any other.
const ambiguous = /[^!-~\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Hangul}]/u

const orAnyReading =
  (matches: (plain: string) => boolean): MatchesName =>
  (name) => {
    const read = plain(name ?? "")
    return read === "" || ambiguous.test(read) || matches(read)
  }

/** One of these names. */
export const oneOf = (names: ReadonlyArray<string> | undefined, sure: boolean): MatchesName | undefined => {
  if (names === undefined) return undefined
  if (sure) return (name) => name !== undefined && names.includes(name)
  const known = new Set(names.map(plain))
  return orAnyReading((read) => known.has(read))
}

/** Names that match a pattern: as a whole for a rule that accepts, in a piece and in any case for others. */
export const matching = (pattern: string | undefined, sure: boolean): MatchesName | undefined => {
  if (pattern === undefined) return undefined
  // Rubrics with such a pattern are refused before.
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
