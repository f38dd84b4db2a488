/**
 * How a definition of the protocol becomes a schema: built on first use, open to what a newer server may say, and decoded
 * without touching what is known already.
 *
 * The generated modules consist of calls to this one. It knows JSON values and schemas, and nothing of methods, threads or
 * the connection.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"
import * as SchemaGetter from "effect/SchemaGetter"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaParser from "effect/SchemaParser"
import * as Salvage from "./Salvage.ts"

/**
 * A definition of the protocol: call it for its schema, which is built once, at the first call.
 *
 * @category models
 * @since 0.1.0
 */
export interface Lazy<out T> {
  (): Schema.Codec<T, unknown>
  /** Whether a parsed JSON value is one whose parts are all known. From some uses on, by code that is made for the schema. */
  readonly is: (value: unknown) => value is T
  /**
   * Validates a parsed JSON value. The failure says in one line what was expected where; it never quotes the value.
   *
   * **Details**
   *
   * A value whose parts are all known is returned as it is, the same object, with the keys that the schema does not know.
   * If a tagged union in it has a member that is not known, the result is a copy in which that member is
   * `{ type: "unknown", raw }` (or whatever the tag of the union is called), and all else is as it was.
   */
  readonly decode: (value: unknown) => Result.Result<T, string>
  /**
   * Like `decode`, and keeps what can be read of a value that `decode` refuses: what can't be takes with it the nearest field
   * that may be left out, or be null, or that has a member for what is not known. What is at a strict path, or inside of it,
   * is kept whole or not at all.
   */
  readonly salvage: (value: unknown, isStrict: Salvage.IsStrict) => Result.Result<Salvage.Salvaged<T>, string>
}

/**
 * Makes a definition from what builds its schema.
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
 * Validation by interpreting a schema takes some 150 ns for a delta, by compiled code 10. Compiling takes a millisecond or two,
 * so it is done for what comes often. Where code may not be made at run time, interpreting goes on.
 */
const usesToCompile = 256

// Most programs that end soon need no compiler, so it is loaded when the first schema has been used often. If it can't be
// loaded, interpreting goes on.
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
 * A union whose members are told apart by a literal under the key `tag`.
 *
 * **Details**
 *
 * A value with a tag that no member has decodes to `unknown`: `{ [tag]: "unknown", raw }`, where `raw` is the value as it
 * came, with those fields of its own that `unknown` asks for. A value with a known tag and wrong fields is a failure.
 * Encoding gives `raw` back.
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
 * A union as Rust's serde writes it by default: a member without fields is a string, one with fields is an object whose
 * one key is the member's name.
 *
 * **Details**
 *
 * Any string is accepted. An object that has the key of no member decodes to `unknown`: `{ type: "unknown", raw }`.
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

// The last member of an open union: outside it takes whatever is not known, inside it is `unknown`.
const unknownMember = <U>(tag: string, isUnknown: (value: unknown) => boolean, unknown: Schema.Codec<U, unknown>) =>
  Schema.Unknown.check(
    Schema.makeFilter(isUnknown, { expected: `a known ${tag} with its fields, or an unknown one` })
  ).pipe(
    Schema.decodeTo(unknown, {
      decode: SchemaGetter.transform((value: unknown) =>
        !Predicate.isReadonlyObject(value) || (value[tag] === "unknown" && "raw" in value)
          ? value
          : { ...value, [tag]: "unknown", raw: value }
      ),
      encode: SchemaGetter.transform((value: unknown) => (Predicate.isReadonlyObject(value) ? value["raw"] : value))
    })
  )

const literalsOf = (ast: SchemaAST.AST, key: string): ReadonlyArray<unknown> =>
  ast._tag === "Objects"
    ? ast.propertySignatures.flatMap(({ name, type }) =>
        name === key && type._tag === "Literal" ? [type.literal] : []
      )
    : []

const keysOf = (ast: SchemaAST.AST): ReadonlyArray<PropertyKey> =>
  ast._tag === "Objects" ? ast.propertySignatures.map(({ name }) => name) : []

// Decoding a struct drops the keys that it does not know. Here they come back, except into an unknown member, whose `raw`
// has them already.
const restoreKeys = (original: unknown, decoded: unknown): unknown => {
  // A value of any shape is passed on as it is, and can be nested without end.
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

// A union that fails tells of each member that came into question; the one that got furthest was most likely meant.
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
