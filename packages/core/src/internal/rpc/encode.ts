/**
 * The only place where a message becomes a line, which is always JSON of well-formed Unicode. An unpaired surrogate cannot be
 * encoded in UTF-8, and the server silently drops the whole line that contains one.
 *
 * In text for people or models, an unpaired surrogate becomes U+FFFD, as with any encoder. In a field where another character
 * would change the meaning (an id, a path, a command, a setting, a secret, a field name), the message is refused.
 */
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"

/** The line of a message, or the reason why it cannot be encoded. */
export const encode = (message: { readonly [K: string]: unknown }): Result.Result<string, string> => {
  const line = toJson(message)
  // `JSON.stringify` writes an unpaired surrogate like this, and seldom anything else.
  return Result.isSuccess(line) && line.success.includes("\\ud") ? wellFormed(line.success) : line
}

const toJson = (value: unknown): Result.Result<string, string> =>
  Result.try({ try: () => JSON.stringify(value), catch: notJson })

const notJson = (cause: unknown) => `not JSON: ${String(cause)}`

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

  return Result.flatMap(Result.try({ try: () => repair(JSON.parse(line), "", false), catch: notJson }), (repaired) =>
    refused === undefined ? toJson(repaired) : Result.fail(refused)
  )
}

// Names of exact fields, or the last words of their names. The values inside of such a field are exact too.
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
