/**
 * The one place where a message becomes a line. What leaves is JSON of well-formed Unicode: half of a surrogate pair has no
 * UTF-8, and the server drops the whole line that has one, without an answer.
 *
 * In text that people or models read, a half becomes U+FFFD, as any encoder would make it. Where a character names or does
 * something (an id, a path, a command, a setting, a secret, the name of a field), another one would mean something else, so
 * such a message is refused.
 */
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"

/** The line of a message, or why it has none. */
export const encode = (message: { readonly [K: string]: unknown }): Result.Result<string, string> =>
  Result.flatMap(toJson(message), (line) =>
    // This is how JSON.stringify writes a half, and seldom anything else.
    line.includes("\\ud") ? wellFormed(line) : Result.succeed(line)
  )

const toJson = (value: unknown): Result.Result<string, string> =>
  Result.mapError(
    Result.try(() => JSON.stringify(value)),
    (cause) => `not JSON: ${String(cause)}`
  )

const wellFormed = (line: string): Result.Result<string, string> => {
  let refused: string | undefined

  const refuse = (path: string) => {
    refused ??= `${path} has half of a surrogate pair, which is not a character`
  }

  const repair = (value: unknown, path: string, exact: boolean): unknown => {
    if (typeof value === "string") {
      if (exact && !value.isWellFormed()) refuse(path)
      return value.toWellFormed()
    }
    if (Array.isArray(value)) return value.map((item: unknown, index) => repair(item, `${path}[${index}]`, exact))
    if (!Predicate.isReadonlyObject(value)) return value
    return Object.fromEntries(
      Object.entries(value).map(([key, field]) => {
        if (!key.isWellFormed()) refuse(`a name in ${path === "" ? "the message" : path}`)
        return [key, repair(field, path === "" ? key : `${path}.${key}`, exact || isExact(key))]
      })
    )
  }

  return Result.flatMap(
    Result.mapError(
      Result.try(() => repair(JSON.parse(line), "", false)),
      (cause) => `not JSON: ${String(cause)}`
    ),
    (repaired) => (refused === undefined ? toJson(repaired) : Result.fail(refused))
  )
}

// Names of such fields, or the last words of names; what is inside of one is meant as exactly.
const exactWords: ReadonlySet<string> = new Set([
  "amendment",
  "argv",
  "args",
  "command",
  "config",
  "cursor",
  "cwd",
  "decision",
  "env",
  "file",
  "handle",
  "id",
  "ids",
  "key",
  "method",
  "model",
  "path",
  "paths",
  "permissions",
  "profile",
  "provider",
  "root",
  "roots",
  "server",
  "servername",
  "token",
  "tool",
  "uri",
  "url"
])

const isExact = (name: string): boolean => {
  const last = /[A-Za-z][a-z]*$/.exec(name)?.[0]
  return exactWords.has(name.toLowerCase()) || (last !== undefined && exactWords.has(last.toLowerCase()))
}
