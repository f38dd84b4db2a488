/**
 * Turns a definition of the protocol into a schema that is built on first use, accepts additions of newer servers, and returns
 * known values without copying them.
 *
 * The generated modules consist of calls to this one. It knows JSON values and schemas, but no methods, threads or
 * connections.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"
import * as SchemaGetter from "effect/SchemaGetter"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaParser from "effect/SchemaParser"
import * as Salvage from "./Salvage.ts"

/**
 * A definition of the protocol. Calling it returns its schema, which is built once, at the first call.
 *
 * @category models
 * @since 0.1.0
 */
export interface Lazy<out T> {
  (): Schema.Codec<T, unknown>
  /** Whether all parts of a parsed JSON value are known. After a number of calls the check is compiled. */
  readonly is: (value: unknown) => value is T
  /**
   * Validates a parsed JSON value. The failure is one line that names the expected type and the path; it never quotes the
   * value.
   *
   * **Details**
   *
   * A value whose parts are all known is returned unchanged, as the same object, including keys that the schema does not know.
   * If it contains an unknown member of a tagged union, the result is a copy in which that member is
   * `{ type: "unknown", raw }`, with the name of the union's tag instead of `type`. The rest of the copy is unchanged.
   */
  readonly decode: (value: unknown) => Result.Result<T, string>
  /**
   * Like `decode`, but keeps the readable parts of a value that `decode` refuses. An unreadable part is removed together with
   * the nearest field around it that is optional, nullable, or an open union. The value at a strict path is kept whole or not
   * at all.
   */
  readonly salvage: (value: unknown, isStrict: Salvage.IsStrict) => Result.Result<Salvage.Salvaged<T>, string>
}

/**
 * Makes a definition from a function that builds its schema.
 *
 * @category constructors
 * @since 0.1.0
 */
export const lazy = <T>(build: () => Schema.Codec<T, unknown>): Lazy<T> => {
  let schema: Schema.Codec<T, unknown> | undefined
  let decodeUnknown: ((value: unknown) => Result.Result<T, SchemaIssue.Issue>) | undefined
  const get = () => (schema ??= build())

  let uses = 0
  let check: ((value: unknown) => value is T) | undefined
  const is = (value: unknown): value is T => {
    if (++uses === usesToCompile) {
      compile(get().ast, () => {
        check = undefined
      })
    }
    check ??= Schema.is(get())
    return check(value)
  }

  const decode = (value: unknown): Result.Result<T, string> => {
    if (is(value)) return Result.succeed(value)
    decodeUnknown ??= SchemaParser.decodeUnknownResult(get())
    const decoded = decodeUnknown(value)
    if (Result.isFailure(decoded)) return Result.fail(describe(decoded.failure, value))
    const whole = restoreKeys(value, decoded.success)
    return Result.succeed(is(whole) ? whole : decoded.success)
  }

  const salvage = (value: unknown, isStrict: Salvage.IsStrict): Result.Result<Salvage.Salvaged<T>, string> => {
    const decoded = decode(value)
    if (Result.isSuccess(decoded)) return Result.succeed({ value: decoded.success, unreadable: [] })
    const salvaged = Salvage.salvage(get().ast, value, isStrict)
    return salvaged !== undefined && is(salvaged.value)
      ? Result.succeed({ value: salvaged.value, unreadable: salvaged.unreadable })
      : Result.fail(decoded.failure)
  }

  return Object.assign(get, { is, decode, salvage })
}

/**
 * The number of checks after which a schema is compiled. Validating a delta takes about 150 ns by interpreting the schema and
 * 10 ns with compiled code; compiling takes one or two milliseconds, so only schemas in frequent use are compiled. Runtimes
 * that forbid generating code keep interpreting.
 */
const usesToCompile = 256

// Short-lived programs rarely need the compiler, so it is loaded only when the first schema reaches its number of uses. If
// loading fails, schemas keep being interpreted.
const compile = (ast: SchemaAST.AST, onCompiled: () => void): void => {
  import("effect/schema/SchemaJITCompiler").then(
    ({ enable }) => {
      enable(ast)
      onCompiled()
    },
    () => {}
  )
}

/**
 * Any string, such as a value of an enum that may get more values.
 *
 * @category definitions
 * @since 0.1.0
 */
export const anyString: Lazy<string> = lazy(() => Schema.String)

/**
 * An object with any keys.
 *
 * @category definitions
 * @since 0.1.0
 */
export const anyObject: Lazy<{ readonly [key: string]: unknown }> = lazy(() =>
  Schema.Record(Schema.String, Schema.Unknown)
)

/**
 * A field that may be missing or null.
 *
 * @category fields
 * @since 0.1.0
 */
export const maybe = <S extends Schema.Top>(schema: S): Schema.optional<Schema.NullOr<S>> =>
  Schema.optional(Schema.NullOr(schema))

/**
 * A string that may be missing or null.
 *
 * @category fields
 * @since 0.1.0
 */
export const maybeString = maybe(Schema.String)

/**
 * A boolean that may be missing or null.
 *
 * @category fields
 * @since 0.1.0
 */
export const maybeBoolean = maybe(Schema.Boolean)

/**
 * A safe integer that may be missing or null.
 *
 * @category fields
 * @since 0.1.0
 */
export const maybeInt = maybe(Schema.Int)

/**
 * A finite number that may be missing or null.
 *
 * @category fields
 * @since 0.1.0
 */
export const maybeFinite = maybe(Schema.Finite)

/**
 * A union whose members are distinguished by a literal under the key `tag`.
 *
 * **Details**
 *
 * A value whose tag belongs to no member decodes to `unknown`: `{ [tag]: "unknown", raw }`, where `raw` is the received value,
 * plus those of its fields that the schema `unknown` declares. A value with a known tag and wrong fields fails. Encoding
 * returns `raw`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const taggedUnion = <const Members extends ReadonlyArray<Schema.Codec<unknown, unknown>>, U>(
  tag: string,
  members: Members,
  unknown: Schema.Codec<U, unknown>
) => {
  const known = new Set(members.flatMap((member) => literalsOf(member.ast, tag)))
  const isUnknown = (value: unknown) => {
    if (!Predicate.isReadonlyObject(value)) return false
    const found = value[tag]
    return typeof found === "string" && (!known.has(found) || (found === "unknown" && "raw" in value))
  }
  return Salvage.register(Schema.Union([...members, unknownMember(tag, isUnknown, unknown)]), {
    known: members.map(({ ast }) => ast),
    unknown: unknown.ast,
    tag,
    isUnknown,
    unknownTag: tag
  })
}

/**
 * A union in the default representation of Rust's serde: a member without fields is a string, one with fields is an object
 * whose only key is the member's name.
 *
 * **Details**
 *
 * Any string is accepted. An object without a member's key decodes to `unknown`: `{ type: "unknown", raw }`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const externalUnion = <const Members extends ReadonlyArray<Schema.Codec<unknown, unknown>>, U>(
  members: Members,
  unknown: Schema.Codec<U, unknown>
) => {
  const known = members.flatMap((member) => keysOf(member.ast))
  const isUnknown = (value: unknown) => Predicate.isReadonlyObject(value) && !known.some((key) => key in value)
  return Salvage.register(Schema.Union([Schema.String, ...members, unknownMember("type", isUnknown, unknown)]), {
    known: [Schema.String.ast, ...members.map(({ ast }) => ast)],
    unknown: unknown.ast,
    tag: undefined,
    isUnknown,
    unknownTag: "type"
  })
}

// The last member of an open union. Only decoding asks whether a value is unknown: `raw` may also be a known member of which a
// part could not be read, and encoding returns it as it is.
const unknownMember = <U>(tag: string, isUnknown: (value: unknown) => boolean, unknown: Schema.Codec<U, unknown>) => {
  const message = `Expected a known ${tag} with its fields, or an unknown one`
  return Schema.Unknown.pipe(
    Schema.decodeTo(unknown, {
      decode: SchemaGetter.transformEffect((value: unknown, options) => {
        if (!Predicate.isReadonlyObject(value) || !isUnknown(value))
          return Effect.fail(new SchemaIssue.InvalidValue({ message }, value, options))
        return Effect.succeed(
          value[tag] === "unknown" && "raw" in value ? value : { ...value, [tag]: "unknown", raw: value }
        )
      }),
      encode: SchemaGetter.transform((value: unknown) => (Predicate.isReadonlyObject(value) ? value["raw"] : value))
    })
  )
}

const literalsOf = (ast: SchemaAST.AST, key: string): ReadonlyArray<unknown> =>
  ast._tag === "Objects"
    ? ast.propertySignatures.flatMap(({ name, type }) =>
        name === key && type._tag === "Literal" ? [type.literal] : []
      )
    : []

const keysOf = (ast: SchemaAST.AST): ReadonlyArray<PropertyKey> =>
  ast._tag === "Objects" ? ast.propertySignatures.map(({ name }) => name) : []

// Decoding a struct drops the keys that its schema does not know. This function restores them, except in an unknown member,
// whose `raw` already contains them.
const restoreKeys = (original: unknown, decoded: unknown): unknown => {
  // A value that was passed through unchanged may be nested arbitrarily deep, so it is not walked.
  if (original === decoded) return decoded
  if (Array.isArray(original) && Array.isArray(decoded)) {
    return decoded.map((item, index) => restoreKeys(original[index], item))
  }
  if (!Predicate.isReadonlyObject(original) || !Predicate.isReadonlyObject(decoded) || decoded["raw"] === original)
    return decoded
  const entries = Object.entries(decoded).map(([key, value]) => [key, restoreKeys(original[key], value)])
  return { ...original, ...Object.fromEntries(entries) }
}

const toIssues = SchemaIssue.makeFormatterStandardSchemaV1()

// A union that fails reports an issue for each candidate member; the deepest issue most likely belongs to the intended one.
const describe = (issue: SchemaIssue.Issue, input: unknown): string => {
  let message = "Unexpected value"
  let path: ReadonlyArray<PropertyKey> = []
  let deepest = -1
  for (const found of toIssues(issue).issues) {
    const foundPath = (found.path ?? []).map((segment) => (typeof segment === "object" ? segment.key : segment))
    if (foundPath.length > deepest) {
      deepest = foundPath.length
      message = found.message
      path = foundPath
    }
  }
  let value = input
  for (const key of path) value = Predicate.isObjectKeyword(value) && key in value ? Reflect.get(value, key) : undefined
  const got =
    value === undefined ? "" : `, got ${value === null ? "null" : Array.isArray(value) ? "array" : typeof value}`
  const where = path.reduce<string>(
    (text, key) => (typeof key === "number" ? `${text}[${key}]` : text === "" ? String(key) : `${text}.${String(key)}`),
    ""
  )
  return where === "" ? `${message}${got}` : `${message} at ${where}${got}`
}
