/**
 * What a definition of the protocol is, once JSON Schema's many ways of saying it are out of the way.
 *
 * Reads the subset of JSON Schema that the app-server writes (schemars, draft 07) and refuses everything else, so that
 * nothing is ever left out in silence.
 */

/** A JSON Schema, as far as it is looked at. */
export interface JsonSchema {
  readonly $ref?: string
  readonly type?: string | ReadonlyArray<string>
  readonly description?: string
  readonly enum?: ReadonlyArray<unknown>
  readonly properties?: Readonly<Record<string, JsonSchema | boolean>>
  readonly required?: ReadonlyArray<string>
  readonly additionalProperties?: JsonSchema | boolean
  readonly items?: JsonSchema | boolean
  readonly format?: string
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
  /** Any string; the values are those that this version knows. */
  | { readonly _tag: "Enum"; readonly values: ReadonlyArray<string> }
  | { readonly _tag: "Array"; readonly item: Node }
  | { readonly _tag: "Record"; readonly value: Node }
  | Struct
  | { readonly _tag: "Nullable"; readonly node: Node }
  /** Members that nothing tells apart but their shape. */
  | { readonly _tag: "Union"; readonly members: ReadonlyArray<Node> }
  /** Members told apart by a literal under one key; `shared` are the fields that any member has, known or not. */
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
  /** Whether keys beside the fields belong to the type. */
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

const understood = new Set([
  ..."$schema $ref type title description default enum properties required additionalProperties items".split(" "),
  ..."format oneOf anyOf allOf minimum maximum minLength writeOnly".split(" ")
])

/** Reads one schema. `where` is for the error. */
export const read = (schema: JsonSchema | boolean, where: string): Node => {
  const refuse = (what: string): never => {
    throw new Error(`${where}: ${what}. Teach packages/core/scripts/codegen/Node.ts to read it.`)
  }
  if (schema === true) return { _tag: "Unknown" }
  if (schema === false) return refuse("a schema that nothing matches")
  for (const key of Object.keys(schema)) if (!understood.has(key)) refuse(`the keyword "${key}" is not understood`)

  if (schema.$ref !== undefined) return { _tag: "Ref", name: schema.$ref.slice(schema.$ref.lastIndexOf("/") + 1) }
  if (schema.allOf !== undefined) {
    const [only, ...others] = schema.allOf
    if (only === undefined || others.length > 0 || schema.properties !== undefined) return refuse("allOf of several")
    return read(only, where)
  }
  const members = schema.oneOf ?? schema.anyOf
  if (members !== undefined) return readUnion(schema, members, where)

  if (schema.enum !== undefined) {
    const values = schema.enum.map((value) =>
      typeof value === "string" ? value : refuse("an enum of other than strings")
    )
    return { _tag: "Enum", values }
  }
  if (typeof schema.type === "object") {
    const [type, ...others] = schema.type.filter((type) => type !== "null")
    if (type === undefined || others.length > 0) return refuse(`the type ${schema.type.join(" or ")}`)
    const node = read({ ...schema, type }, where)
    return schema.type.includes("null") ? { _tag: "Nullable", node } : node
  }
  switch (schema.type) {
    case undefined:
      return schema.properties === undefined ? { _tag: "Unknown" } : refuse("properties without a type")
    case "string":
      return { _tag: "String" }
    case "boolean":
      return { _tag: "Boolean" }
    case "integer":
      return { _tag: "Number", safeInteger: schema.format === "int64" || schema.format === "uint64" }
    case "number":
      return { _tag: "Number", safeInteger: false }
    case "array":
      return { _tag: "Array", item: read(schema.items ?? true, `${where}[]`) }
    case "object":
      return readObject(schema, where)
    default:
      return refuse(`the type ${schema.type}`)
  }
}

const readObject = (schema: JsonSchema, where: string): Node => {
  const { additionalProperties, properties } = schema
  if (properties === undefined || Object.keys(properties).length === 0) {
    return { _tag: "Record", value: read(additionalProperties || true, `${where}{}`) }
  }
  if (typeof additionalProperties === "object") {
    throw new Error(`${where}: properties beside a schema for all other keys. Teach codegen/Node.ts to read it.`)
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
  // Properties beside the union belong to each of its members.
  const shared = readFields(schema, where)
  const [only] = members
  if (members.length === 1 && only !== undefined && shared.length === 0 && only.$ref !== undefined)
    return read(only, where)

  if (members.every((member) => member.enum !== undefined)) {
    return { _tag: "Enum", values: members.flatMap((member) => valuesOf(member)) }
  }
  if (members.every((member) => member.enum !== undefined || isExternal(member) || isCatchAll(member))) {
    const structs = members.filter(isExternal).map((member) => readStruct(member, [], where))
    return { _tag: "External", values: members.flatMap((member) => valuesOf(member)), members: structs.flat() }
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

const valuesOf = (schema: JsonSchema): ReadonlyArray<string> =>
  (schema.enum ?? []).filter((value) => typeof value === "string")

// `{ "name": { ... } }`, closed, with the one key required.
const isExternal = (schema: JsonSchema): boolean => {
  const names = Object.keys(schema.properties ?? {})
  return schema.additionalProperties === false && names.length === 1 && schema.required?.join() === names[0]
}

// The schema's own way to say that members may come.
const isCatchAll = (schema: JsonSchema): boolean =>
  Array.isArray(schema.type) && [...schema.type].sort().join() === "object,string"

// The key under which every member requires one literal.
const tagOf = (members: ReadonlyArray<JsonSchema>): string | undefined =>
  Object.keys(members[0]?.properties ?? {}).find((name) =>
    members.every((member) => {
      const property = member.properties?.[name]
      return member.required?.includes(name) === true && typeof property === "object" && property.enum?.length === 1
    })
  )

// An object that is itself a union of what else it has becomes one struct for each.
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
      ? { ...field, node: { _tag: "Literal" as const, value: field.node.values[0] ?? "" } }
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

/** Every definition that a node names. */
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
