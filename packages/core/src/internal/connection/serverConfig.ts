/**
 * Converts overrides of the server's configuration to command-line arguments: `-c key=<TOML>`.
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import { InvalidConfig } from "../../CodexError.ts"

/** The arguments for the overrides, in order. A key may be a dotted path, as in `codex -c`; `undefined` is left out. */
export const toArgs = (config: {
  readonly [key: string]: unknown
}): Effect.Effect<ReadonlyArray<string>, InvalidConfig> =>
  Effect.gen(function* () {
    const args: Array<string> = []
    for (const [key, value] of Object.entries(config)) {
      if (value === undefined) continue
      if (!/^[^\s=.]+(\.[^\s=.]+)*$/.test(key)) {
        const description = "a key is words joined by dots, without spaces or `=`"
        return yield* new InvalidConfig({ path: `config.${key}`, description })
      }
      args.push("-c", `${key}=${yield* Effect.fromResult(toToml(value, `config.${key}`))}`)
    }
    return args
  })

/** A JSON value as a TOML literal, on one line. */
export const toToml = (value: unknown, path: string): Result.Result<string, InvalidConfig> => {
  if (typeof value === "string") return quote(value, path)
  if (typeof value === "boolean") return Result.succeed(String(value))
  if (typeof value === "number") return number(value, path)
  if (Array.isArray(value)) {
    const items = Result.all(value.map((item: unknown, index) => toToml(item, `${path}[${index}]`)))
    return Result.map(items, (items) => `[${items.join(", ")}]`)
  }
  if (Predicate.isReadonlyObject(value)) {
    const fields = Object.entries(value).filter(([, field]) => field !== undefined)
    const entries = Result.all(
      fields.map(([key, field]) =>
        Result.flatMap(quote(key, path), (name) =>
          Result.map(toToml(field, `${path}.${key}`), (toml) => `${name} = ${toml}`)
        )
      )
    )
    return Result.map(entries, (entries) => (entries.length === 0 ? "{}" : `{ ${entries.join(", ")} }`))
  }
  const what = value === null ? "null" : `a ${typeof value}`
  return Result.fail(new InvalidConfig({ path, description: `TOML cannot express ${what}: leave the key out` }))
}

// A JSON string is a valid TOML string except for DEL, which TOML requires to be escaped, and for unpaired surrogates.
const quote = (text: string, path: string): Result.Result<string, InvalidConfig> =>
  text.isWellFormed()
    ? Result.succeed(JSON.stringify(text).replaceAll("\u007f", "\\u007f"))
    : Result.fail(new InvalidConfig({ path, description: "TOML cannot contain an unpaired surrogate" }))

const number = (value: number, path: string): Result.Result<string, InvalidConfig> => {
  if (!Number.isFinite(value)) {
    return Result.fail(new InvalidConfig({ path, description: `${value} is not a JSON number` }))
  }
  // Whole numbers of up to 64 bits are integers in TOML. With an exponent they would be floats.
  if (Number.isInteger(value) && Math.abs(value) < 2 ** 63) return Result.succeed(BigInt(value).toString())
  return Result.succeed(String(value))
}
