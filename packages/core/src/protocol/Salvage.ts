/**
 * Keeps the readable parts of a value that its schema refuses.
 *
 * An unreadable leaf is removed together with the nearest place around it that can do without it: an optional field is
 * omitted, a nullable one becomes null, an entry of a map is dropped, and a member of an open union becomes the unknown member,
 * with the received value as its `raw`. If no such place exists, the value is refused. This module knows schemas and JSON, but
 * no methods.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"

/**
 * A union with a member for unknown values.
 *
 * @category models
 * @since 0.1.0
 */
export interface OpenUnion {
  /** The known members. */
  readonly known: ReadonlyArray<SchemaAST.AST>
  /** The member for unknown values. */
  readonly unknown: SchemaAST.AST
  /** The field that distinguishes the members, if there is one. */
  readonly tag: string | undefined
  /** Whether a value belongs to no known member. */
  readonly isUnknown: (value: unknown) => boolean
  /** The field that is `"unknown"` in the unknown member. */
  readonly unknownTag: string
}

const openUnions = new WeakMap<SchemaAST.AST, OpenUnion>()

/**
 * Registers a union as open.
 *
 * @category registration
 * @since 0.1.0
 */
export const register = <S extends Schema.Top>(schema: S, union: OpenUnion): S => {
  openUnions.set(schema.ast, union)
  return schema
}

/**
 * The readable part of a value.
 *
 * @category models
 * @since 0.1.0
 */
export interface Salvaged<out T = unknown> {
  readonly value: T
  /** The paths that could not be read, such as `item.changes[0].diff`. */
  readonly unreadable: ReadonlyArray<string>
}

/**
 * Whether the value at a path must be kept whole, or else be removed whole.
 *
 * @category models
 * @since 0.1.0
 */
export type IsStrict = (path: string) => boolean

/**
 * Keeps the readable parts of a JSON value; `undefined` if an unreadable part is required all the way up.
 *
 * @category decoding
 * @since 0.1.0
 */
export const salvage = (ast: SchemaAST.AST, value: unknown, isStrict: IsStrict): Salvaged | undefined => {
  const read = readerOf(isStrict)(ast, value, "")
  return read._tag === "Read" ? read : undefined
}

type Reading = { readonly _tag: "Read" } & Salvaged

/** The value was refused because of the part at this path. */
interface Refused {
  readonly _tag: "Refused"
  readonly path: string
}

type Read = (ast: SchemaAST.AST, value: unknown, path: string) => Reading | Refused

const kept = (value: unknown, unreadable: ReadonlyArray<string> = []): Reading => ({
  _tag: "Read",
  value,
  unreadable
})

const refused = (path: string): Refused => ({ _tag: "Refused", path })

// Stands for an omitted field.
const absent = Symbol("absent")

const readerOf = (isStrict: IsStrict): Read => {
  const read: Read = (ast, value, path) => {
    switch (ast._tag) {
      case "Suspend":
        return read(ast.thunk(), value, path)
      case "Union":
        return readUnion(ast, value, path)
      case "Objects":
        return readObject(ast, value, path)
      case "Arrays":
        return readArray(ast, value, path)
      default:
        return isOf(ast)(value) ? kept(value) : refused(path)
    }
  }

  const readUnion = (ast: SchemaAST.Union, value: unknown, path: string): Reading | Refused => {
    const open = openUnions.get(ast)
    if (open !== undefined) return readOpen(open, value, path)
    const { best, deepest } = readMembers(ast.types, value, path)
    const isOptional = ast.types.some(({ _tag }) => _tag === "Undefined")
    // An optional field is omitted, even if it could be null too.
    if (best !== undefined && !(isOptional && best.value === null && best.unreadable.length > 0)) return best
    if (best !== undefined) return kept(absent, best.unreadable)
    if (isStrict(path)) return deepest
    if (isOptional) return kept(absent, [deepest.path])
    return ast.types.some(({ _tag }) => _tag === "Null") ? kept(null, [deepest.path]) : deepest
  }

  const readOpen = (open: OpenUnion, value: unknown, path: string): Reading | Refused => {
    if (open.isUnknown(value)) {
      const unknown = unknownOf(open, value)
      return unknown === undefined ? refused(path) : kept(unknown)
    }
    const { best, deepest } = readMembers(open.known, value, path, open.tag)
    if (best !== undefined) return best
    const unknown = isStrict(path) ? undefined : unknownOf(open, value)
    return unknown === undefined ? deepest : kept(unknown, [deepest.path])
  }

  const readMembers = (members: ReadonlyArray<SchemaAST.AST>, value: unknown, path: string, tag?: string) => {
    let best: Reading | undefined
    let deepest = refused(path)
    for (const member of members) {
      const found = read(member, value, path)
      if (found._tag === "Read") {
        if (best === undefined || found.unreadable.length < best.unreadable.length) best = found
      } else if (found.path.length > deepest.path.length && found.path !== fieldAt(path, tag ?? "")) deepest = found
    }
    return { best, deepest }
  }

  const readObject = (ast: SchemaAST.Objects, value: unknown, path: string): Reading | Refused => {
    if (!Predicate.isReadonlyObject(value)) return refused(path)
    const fields = new Map(Object.entries(value))
    const unreadable: Array<string> = []
    const take = (name: string, found: Reading) => {
      if (found.value === absent) fields.delete(name)
      else fields.set(name, found.value)
      addAll(unreadable, found.unreadable)
    }
    for (const { name, type } of ast.propertySignatures) {
      if (typeof name !== "string") return refused(path)
      const at = fieldAt(path, name)
      if (!Object.hasOwn(value, name)) {
        if (type.context?.isOptional === true) continue
        return refused(at)
      }
      const found = read(type, value[name], at)
      if (found._tag === "Refused") return found
      take(name, found)
    }
    const named = new Set(ast.propertySignatures.map(({ name }) => name))
    for (const { type } of ast.indexSignatures) {
      for (const name of Object.keys(value)) {
        if (named.has(name)) continue
        // A key of a map may contain anything, so paths do not quote it.
        const at = `${path}{}`
        const found = read(type, value[name], at)
        if (found._tag === "Read") take(name, found)
        else if (isStrict(at)) return found
        else take(name, kept(absent, [found.path]))
      }
    }
    return kept(Object.fromEntries(fields), unreadable)
  }

  const readArray = (ast: SchemaAST.Arrays, value: unknown, path: string): Reading | Refused => {
    const [item] = ast.rest
    if (!Array.isArray(value) || item === undefined) return refused(path)
    const unreadable: Array<string> = []
    const items: Array<unknown> = []
    for (const [index, one] of value.entries()) {
      const found = read(item, one, `${path}[${index}]`)
      if (found._tag === "Refused") return found
      items.push(found.value)
      addAll(unreadable, found.unreadable)
    }
    return kept(items, unreadable)
  }

  return read
}

// The unknown member with its declared fields; all others are only in its `raw`.
const unknownOf = ({ unknown, unknownTag }: OpenUnion, value: unknown): unknown => {
  const fields = Predicate.isReadonlyObject(value) ? value : {}
  const isUnknown = fields[unknownTag] === "unknown" && "raw" in fields
  const whole = isUnknown ? fields : { ...fields, [unknownTag]: "unknown", raw: value }
  if (unknown._tag !== "Objects" || !isOf(unknown)(whole)) return undefined
  const names = new Set<PropertyKey>(unknown.propertySignatures.map(({ name }) => name))
  return Object.fromEntries(Object.entries(whole).filter(([name]) => names.has(name)))
}

// Spreading the paths into one `push` could exceed the limit of arguments.
const addAll = (paths: Array<string>, more: ReadonlyArray<string>) => {
  for (const path of more) paths.push(path)
}

const fieldAt = (path: string, name: string) => (path === "" ? name : `${path}.${name}`)

const checks = new WeakMap<SchemaAST.AST, (value: unknown) => boolean>()

const isOf = (ast: SchemaAST.AST): ((value: unknown) => boolean) => {
  const known = checks.get(ast)
  if (known !== undefined) return known
  const check = Schema.is(Schema.make(ast))
  checks.set(ast, check)
  return check
}
