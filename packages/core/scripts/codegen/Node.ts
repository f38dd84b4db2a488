/**
 * A normalized form of the protocol's definitions, independent of the many ways to express them in JSON Schema.
 *
 * Reads the subset of JSON Schema that the app-server writes (schemars, draft 07), and refuses everything else, so that nothing
 * is silently omitted.
 */

/** The parts of a JSON Schema that this module reads. */
export interface JsonSchema {
  readonly $ref?: string
  readonly type?: string | ReadonlyArray<string>
  readonly description?: string
  readonly enum?: ReadonlyArray<unknown>
  readonly const?: unknown
  readonly properties?: Readonly<Record<string, JsonSchema | boolean>>
  readonly required?: ReadonlyArray<string>
  readonly additionalProperties?: JsonSchema | boolean
  readonly items?: JsonSchema | boolean | ReadonlyArray<JsonSchema | boolean>
  readonly format?: string
  readonly pattern?: string
  readonly oneOf?: ReadonlyArray<JsonSchema>
  readonly anyOf?: ReadonlyArray<JsonSchema>
  readonly allOf?: ReadonlyArray<JsonSchema>
}

export type Node =
  | { readonly _tag: "Unknown" }
  | { readonly _tag: "String" }
  | { readonly _tag: "Boolean" }
  | { readonly _tag: "Number"; readonly safeInteger: boolean }
  | { readonly _tag: "Literal"; readonly value: string }
  /** One of the known values; in messages of the server, any value of the same types. */
  | { readonly _tag: "Enum"; readonly values: ReadonlyArray<string | number | boolean> }
  | { readonly _tag: "Array"; readonly item: Node }
  | { readonly _tag: "Record"; readonly value: Node }
  | Struct
  | { readonly _tag: "Nullable"; readonly node: Node }
  /** Members that differ only in their shape. */
  | { readonly _tag: "Union"; readonly members: ReadonlyArray<Node> }
  /** Members distinguished by a literal under one key; `shared` are the fields of every member, known or unknown. */
  | {
      readonly _tag: "Tagged"
      readonly tag: string
      readonly members: ReadonlyArray<Struct>
      readonly shared: ReadonlyArray<Field>
    }
  /** serde's default form: a string, or an object with one key. */
  | { readonly _tag: "External"; readonly values: ReadonlyArray<string>; readonly members: ReadonlyArray<Struct> }
  | { readonly _tag: "Ref"; readonly name: string }

export interface Struct {
  readonly _tag: "Struct"
  readonly description?: string | undefined
  readonly fields: ReadonlyArray<Field>
  /** Whether the type allows keys other than its fields. */
  readonly open: boolean
}

export interface Field {
  readonly name: string
  readonly node: Node
  readonly optional: boolean
  readonly description: string | undefined
}

export interface Definition {
  readonly description: string | undefined
  readonly node: Node
}

// Keywords that do not affect the shape of a value. Bounds are among them, because messages of the server are not checked
// against bounds.
const annotations = new Set([
  ..."$schema $id $comment title description default examples deprecated readOnly writeOnly format".split(" "),
  ..."minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength pattern".split(" "),
  ..."minItems maxItems uniqueItems minProperties maxProperties contentEncoding contentMediaType".split(" ")
])

const understood = new Set([
  ...annotations,
  ..."$ref type enum const properties required additionalProperties items oneOf anyOf allOf".split(" ")
])

/** Reads one schema. `where` is its path for error messages. */
export const read = (schema: JsonSchema | boolean, where: string): Node => {
  const refuse = (what: string): never => {
    throw new Error(`${where}: ${what}. Teach packages/core/scripts/codegen/Node.ts to read it.`)
  }
  if (schema === true) return { _tag: "Unknown" }
  if (schema === false) return refuse("a schema that nothing matches")
  for (const key of Object.keys(schema)) if (!understood.has(key)) refuse(`the keyword "${key}" is not understood`)

  const shapes = Object.keys(schema).filter((key) => !annotations.has(key))
  if (schema.$ref !== undefined) {
    if (shapes.length > 1) return refuse(`a reference next to ${shapes.filter((key) => key !== "$ref").join(", ")}`)
    return { _tag: "Ref", name: schema.$ref.slice(schema.$ref.lastIndexOf("/") + 1) }
  }
  if (schema.allOf !== undefined) {
    const [only, ...others] = schema.allOf
    if (only === undefined || others.length > 0 || shapes.some((key) => key !== "allOf" && key !== "type")) {
      return refuse("allOf of several")
    }
    return read(only, where)
  }
  const members = schema.oneOf ?? schema.anyOf
  if (members !== undefined) return readUnion(schema, members, where)

  const values = valuesOf(schema, where)
  if (values !== undefined) return readEnum(values, where)
  if (typeof schema.type === "object") {
    const types = schema.type.filter((type) => type !== "null")
    const nodes = types.map((type) => read({ ...schema, type }, where))
    const [only] = nodes
    if (only === undefined) return { _tag: "Nullable", node: { _tag: "Unknown" } }
    const node: Node = nodes.length === 1 ? only : { _tag: "Union", members: nodes }
    return types.length < schema.type.length ? { _tag: "Nullable", node } : node
  }
  switch (schema.type) {
    case undefined:
      return shapes.length === 0 ? { _tag: "Unknown" } : read({ ...schema, type: typeOf(schema) }, where)
    case "string":
      return { _tag: "String" }
    case "boolean":
      return { _tag: "Boolean" }
    case "integer":
      return { _tag: "Number", safeInteger: schema.format === "int64" || schema.format === "uint64" }
    case "number":
      return { _tag: "Number", safeInteger: false }
    case "array":
      return { _tag: "Array", item: readItems(schema.items, `${where}[]`) }
    case "object":
      return readObject(schema, where)
    default:
      return refuse(`the type ${schema.type}`)
  }
}

// The keywords of a schema without a type determine its type.
const typeOf = (schema: JsonSchema): string => (schema.items === undefined ? "object" : "array")

// A tuple is read as an array of any of its parts.
const readItems = (items: JsonSchema["items"], where: string): Node => {
  if (!Array.isArray(items)) return read((items ?? true) as JsonSchema | boolean, where)
  const nodes = items.map((item: JsonSchema | boolean, index) => read(item, `${where}${index}`))
  const [only] = nodes
  return only === undefined ? { _tag: "Unknown" } : nodes.length === 1 ? only : { _tag: "Union", members: nodes }
}

const readEnum = (values: ReadonlyArray<Value | null>, where: string): Node => {
  const known = values.filter((value) => value !== null)
  if (known.length === 0) throw new Error(`${where}: an enum of nothing. Teach codegen/Node.ts to read it.`)
  const node: Node = { _tag: "Enum", values: known }
  return known.length < values.length ? { _tag: "Nullable", node } : node
}

const readObject = (schema: JsonSchema, where: string): Node => {
  const { additionalProperties, properties } = schema
  if (properties === undefined || Object.keys(properties).length === 0) {
    return { _tag: "Record", value: read(additionalProperties || true, `${where}{}`) }
  }
  if (typeof additionalProperties === "object") {
    throw new Error(`${where}: properties next to a schema for all other keys. Teach codegen/Node.ts to read it.`)
  }
  return {
    _tag: "Struct",
    description: schema.description,
    fields: readFields(schema, where),
    open: additionalProperties === true
  }
}

const readFields = (schema: JsonSchema, where: string): ReadonlyArray<Field> =>
  Object.entries(schema.properties ?? {}).map(([name, property]) => ({
    name,
    node: read(property, `${where}.${name}`),
    optional: schema.required?.includes(name) !== true,
    description: property === true || property === false ? undefined : property.description
  }))

const readUnion = (schema: JsonSchema, all: ReadonlyArray<JsonSchema>, where: string): Node => {
  const nullable = all.some((member) => member.type === "null")
  const members = all.filter((member) => member.type !== "null")
  const node = readMembers(schema, members, where)
  return nullable ? { _tag: "Nullable", node } : node
}

const readMembers = (schema: JsonSchema, members: ReadonlyArray<JsonSchema>, where: string): Node => {
  // Properties next to the union belong to each of its members.
  const shared = readFields(schema, where)
  const [only] = members
  if (members.length === 1 && only !== undefined && shared.length === 0 && only.$ref !== undefined)
    return read(only, where)

  const values = members.map((member) => valuesOf(member, where))
  if (values.every((some) => some !== undefined)) return readEnum(values.flat(), where)
  if (members.every((member, index) => isStrings(values[index]) || isExternal(member) || isCatchAll(member))) {
    const structs = members.filter(isExternal).map((member) => readStruct(member, [], where))
    return {
      _tag: "External",
      values: values.flatMap((some) => (some ?? []).filter((value) => typeof value === "string")),
      members: structs.flat()
    }
  }
  const tag = tagOf(members)
  if (tag !== undefined) {
    return { _tag: "Tagged", tag, members: members.flatMap((member) => readStruct(member, shared, where, tag)), shared }
  }
  if (shared.length > 0) {
    return { _tag: "Union", members: members.flatMap((member) => readStruct(member, shared, where)) }
  }
  return { _tag: "Union", members: members.map((member, index) => read(member, `${where}|${index}`)) }
}

type Value = string | number | boolean

// The values of an enum or a constant; `undefined` for any other schema.
const valuesOf = (schema: JsonSchema, where: string): ReadonlyArray<Value | null> | undefined =>
  (schema.const === undefined ? schema.enum : [schema.const])?.map((value) => {
    if (typeof value === "string" || typeof value === "number" || typeof value === "boolean" || value === null)
      return value
    throw new Error(`${where}: an enum of objects. Teach packages/core/scripts/codegen/Node.ts to read it.`)
  })

const isStrings = (values: ReadonlyArray<Value | null> | undefined): boolean =>
  values !== undefined && values.every((value) => typeof value === "string")

// `{ "name": { ... } }`, closed, with the one key required.
const isExternal = (schema: JsonSchema): boolean => {
  const names = Object.keys(schema.properties ?? {})
  return schema.additionalProperties === false && names.length === 1 && schema.required?.join() === names[0]
}

// Whether a member is the schema's own placeholder for future members.
const isCatchAll = (schema: JsonSchema): boolean =>
  Array.isArray(schema.type) && [...schema.type].sort().join() === "object,string"

// The key under which every member requires a string of its own.
const tagOf = (members: ReadonlyArray<JsonSchema>): string | undefined =>
  Object.keys(members[0]?.properties ?? {}).find((name) => {
    const literals = members.map((member) => {
      const property = member.properties?.[name]
      if (member.required?.includes(name) !== true || typeof property !== "object") return undefined
      const [only, ...others] = property.const === undefined ? (property.enum ?? []) : [property.const]
      return others.length === 0 && typeof only === "string" ? only : undefined
    })
    return literals.every((literal) => literal !== undefined) && new Set(literals).size === literals.length
  })

// An object with a nested union becomes one struct for each member of that union.
const readStruct = (
  schema: JsonSchema,
  inherited: ReadonlyArray<Field>,
  where: string,
  tag?: string
): ReadonlyArray<Struct> => {
  if (schema.type !== "object")
    throw new Error(`${where}: a union of objects and others. Teach codegen/Node.ts to read it.`)
  const own = readFields(schema, where).map((field) =>
    field.name === tag && field.node._tag === "Enum"
      ? { ...field, node: { _tag: "Literal" as const, value: String(field.node.values[0]) } }
      : field
  )
  own.sort((a, b) => Number(b.name === tag) - Number(a.name === tag))
  const fields = [...own, ...inherited]
  const alternatives = schema.oneOf ?? schema.anyOf
  if (alternatives !== undefined) {
    return alternatives.flatMap((alternative) =>
      readStruct(alternative, fields, where).map((struct) => ({
        ...struct,
        description: schema.description,
        fields: [...fields, ...struct.fields.filter((field) => !fields.includes(field))]
      }))
    )
  }
  return [{ _tag: "Struct", description: schema.description, fields, open: schema.additionalProperties === true }]
}

/** The names of all definitions that a node refers to. */
export const refsOf = (node: Node): ReadonlyArray<string> => {
  switch (node._tag) {
    case "Ref":
      return [node.name]
    case "Array":
      return refsOf(node.item)
    case "Record":
      return refsOf(node.value)
    case "Nullable":
      return refsOf(node.node)
    case "Struct":
      return node.fields.flatMap((field) => refsOf(field.node))
    case "Union":
    case "External":
      return node.members.flatMap(refsOf)
    case "Tagged":
      return [...node.members, { _tag: "Struct" as const, fields: node.shared, open: false }].flatMap(refsOf)
    default:
      return []
  }
}
