/**
 * Prints definitions as TypeScript: a type for people and editors, and the schema that validates it.
 *
 * Both are printed from the same node. Each schema is annotated with its type, so that the compiler compares them.
 */
import { type Definition, type Field, type Node, refsOf, type Struct } from "./Node.ts"

export interface Context {
  /** Whether unions accept unknown members. */
  readonly open: boolean
  /** The name of a definition in the module: `Thread` or, if it comes from another module, `Stable.Thread`. */
  readonly nameOf: (name: string) => string
  /** Whether a reference to a definition is resolved on first use. Recursive references have to be. */
  readonly isSuspended: (name: string, place: Place) => boolean
}

/** The position of a reference: in a field of a struct or elsewhere, for example as a member of a union. */
export type Place = "field" | "elsewhere"

const key = (name: string) => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name))

const indent = (text: string) => text.replaceAll(/\n(?=.)/g, "\n  ")

const block = (open: string, lines: ReadonlyArray<string>, close: string, separator: string) =>
  `${open}\n  ${lines.map(indent).join(`${separator}\n  `)}\n${close}`

export const comment = (description: string | undefined): string => {
  if (description === undefined || description.trim() === "") return ""
  const lines = description
    .trim()
    .replaceAll("*/", "*\\/")
    .split("\n")
    .map((line) => line.trimEnd())
  return lines.length === 1
    ? `/** ${lines[0]} */\n`
    : `/**\n${lines.map((line) => (line === "" ? " *" : ` * ${line}`)).join("\n")}\n */\n`
}

const unknownFields = (tag: string, shared: ReadonlyArray<Field>): ReadonlyArray<Field> => [
  { name: tag, node: { _tag: "Literal", value: "unknown" }, optional: false, description: undefined },
  { name: "raw", node: { _tag: "Unknown" }, optional: false, description: undefined },
  ...shared
]

const unknownStruct = (tag: string, shared: ReadonlyArray<Field>): Struct => ({
  _tag: "Struct",
  description: "A value that this version does not know; `raw` is the received value.",
  fields: unknownFields(tag, shared),
  open: false
})

const typeFields = (struct: Struct, context: Context): ReadonlyArray<string> => [
  ...struct.fields.map(
    ({ description, name, node, optional }) =>
      `${comment(description)}readonly ${key(name)}${optional ? "?" : ""}: ${printType(node, context)}${optional ? " | undefined" : ""}`
  ),
  ...(struct.open ? ["readonly [key: string]: unknown"] : [])
]

const union = (members: ReadonlyArray<string>) => {
  const line = members.join(" | ")
  if (line.length <= 90 && !line.includes("\n")) return line
  // The comment of a member comes before its bar.
  return members
    .map((member) => {
      const [, doc = "", text = member] = /^(\/\*\*[\s\S]*?\*\/\n)([\s\S]*)$/.exec(member) ?? []
      return indent(`\n${doc}| ${text}`)
    })
    .join("")
}

export const printType = (node: Node, context: Context): string => {
  const print = (node: Node) => printType(node, context)
  const member = (struct: Struct) => {
    const text = print(struct)
    const doc = comment(struct.description)
    return doc === "" ? text : `${doc}${text}`
  }
  switch (node._tag) {
    case "Unknown":
      return "unknown"
    case "String":
      return "string"
    case "Boolean":
      return "boolean"
    case "Number":
      return "number"
    case "Literal":
      return JSON.stringify(node.value)
    case "Enum":
      return union([
        ...node.values.map((value) => JSON.stringify(value)),
        ...(context.open ? typesOf(node.values).map((type) => (type === "boolean" ? type : `(${type} & {})`)) : [])
      ])
    case "Array":
      return `ReadonlyArray<${print(node.item)}>`
    case "Record":
      return `{ readonly [key: string]: ${print(node.value)} }`
    case "Struct": {
      const fields = typeFields(node, context)
      const line = `{ ${fields.join("; ")} }`
      return line.length <= 80 && !line.includes("\n") ? line : block("{", fields, "}", "")
    }
    case "Nullable":
      return `${print(node.node)} | null`
    case "Union":
      return union(node.members.map(print))
    case "Tagged":
      return union([...node.members, ...(context.open ? [unknownStruct(node.tag, node.shared)] : [])].map(member))
    case "External":
      return union([
        ...node.values.map((value) => JSON.stringify(value)),
        ...(context.open ? ["(string & {})"] : []),
        ...[...node.members, ...(context.open ? [unknownStruct("type", [])] : [])].map(member)
      ])
    case "Ref":
      return context.nameOf(node.name)
  }
}

const typesOf = (values: ReadonlyArray<unknown>): ReadonlyArray<"string" | "number" | "boolean"> =>
  (["string", "number", "boolean"] as const).filter((type) => values.some((value) => typeof value === type))

const typeSchemas = { string: "Schema.String", number: "Schema.Finite", boolean: "Schema.Boolean" } as const

// An open enum accepts any value with the type of one of its values.
const printEnum = (values: ReadonlyArray<string | number | boolean>, context: Context): string => {
  if (!context.open) return call("Schema.Literals", [list(values.map((value) => JSON.stringify(value)))])
  const [only = "Schema.Unknown", ...others] = typesOf(values).map((type) => typeSchemas[type])
  return others.length === 0 ? only : `Schema.Union([${[only, ...others].join(", ")}])`
}

const call = (name: string, args: ReadonlyArray<string>) => {
  const line = `${name}(${args.join(", ")})`
  return line.length <= 90 && !line.includes("\n") ? line : block(`${name}(`, args, ")", ",")
}

const list = (items: ReadonlyArray<string>) => {
  const line = `[${items.join(", ")}]`
  return line.length <= 90 && !line.includes("\n") ? line : block("[", items, "]", ",")
}

// Hundreds of fields are optional strings, so they share one schema.
const shared: ReadonlyMap<string, string> = new Map([
  ["Schema.String", "maybeString"],
  ["Schema.Boolean", "maybeBoolean"],
  ["Schema.Int", "maybeInt"],
  ["Schema.Finite", "maybeFinite"]
])

const printOptional = (node: Node, context: Context): string => {
  if (node._tag !== "Nullable") return `Schema.optional(${printSchema(node, context, "field")})`
  const schema = printSchema(node.node, context, "field")
  return shared.get(schema) ?? `maybe(${schema})`
}

const struct = (node: Struct, context: Context): string => {
  const fields = node.fields.map(
    ({ name, node, optional }) =>
      `${key(name)}: ${optional ? printOptional(node, context) : printSchema(node, context, "field")}`
  )
  const line = `Schema.Struct({ ${fields.join(", ")} })`
  return line.length <= 90 && !line.includes("\n") ? line : block("Schema.Struct({", fields, "})", ",")
}

export const printSchema = (node: Node, context: Context, place: Place = "elsewhere"): string => {
  const print = (node: Node) => printSchema(node, context, place)
  switch (node._tag) {
    case "Unknown":
      return "Schema.Unknown"
    case "String":
      return "Schema.String"
    case "Enum":
      return printEnum(node.values, context)
    case "Boolean":
      return "Schema.Boolean"
    case "Number":
      return node.safeInteger ? "Schema.Int" : "Schema.Finite"
    case "Literal":
      return `Schema.Literal(${JSON.stringify(node.value)})`
    case "Array":
      return `Schema.Array(${print(node.item)})`
    case "Record":
      return `Schema.Record(Schema.String, ${print(node.value)})`
    case "Struct":
      return node.open
        ? call("Schema.StructWithRest", [struct(node, context), "[Schema.Record(Schema.String, Schema.Unknown)]"])
        : struct(node, context)
    case "Nullable":
      return `Schema.NullOr(${print(node.node)})`
    case "Union":
      return call("Schema.Union", [list(node.members.map(print))])
    case "Tagged":
      return context.open
        ? call("taggedUnion", [
            JSON.stringify(node.tag),
            list(node.members.map(print)),
            print(unknownStruct(node.tag, node.shared))
          ])
        : call("Schema.Union", [list(node.members.map(print))])
    case "External":
      return context.open
        ? call("externalUnion", [list(node.members.map(print)), print(unknownStruct("type", []))])
        : call("Schema.Union", [
            list([...(node.values.length === 0 ? [] : [printEnum(node.values, context)]), ...node.members.map(print)])
          ])
    case "Ref": {
      const name = context.nameOf(node.name)
      return context.isSuspended(node.name, place) ? `Schema.suspend(${name})` : `${name}()`
    }
  }
}

// So many definitions are an open enum or an object of any keys that they share one each.
const sharedDefinitions: ReadonlyMap<string, string> = new Map([
  ["Schema.String", "anyString"],
  ["Schema.Record(Schema.String, Schema.Unknown)", "anyObject"]
])

/** The type and the schema of one definition. */
export const printDefinition = (name: string, definition: Definition, context: Context): string => {
  const { description, node } = definition
  const type =
    node._tag === "Struct"
      ? `export interface ${name} ${block("{", typeFields(node, context), "}", "")}`
      : `export type ${name} =${printType(node, context).replace(/^(?=\S)/, " ")}`
  const schema = printSchema(node, context)
  const built = schema.includes("\n") || schema.length > 70 ? `\n  ${indent(schema)}\n` : ` ${schema}`
  const made = sharedDefinitions.get(schema) ?? `lazy(() =>${built})`
  return `${comment(description)}${type}\nexport const ${name}: Lazy<${name}> = ${made}\n`
}

/** For each definition, all definitions that it refers to, directly or not; itself only if it refers back to itself. */
export const closures = (definitions: ReadonlyMap<string, Definition>): ReadonlyMap<string, ReadonlySet<string>> =>
  new Map(
    [...definitions].map(([name, definition]) => {
      const reached = new Set<string>()
      const open = [...refsOf(definition.node)]
      for (let next = open.pop(); next !== undefined; next = open.pop()) {
        if (reached.has(next)) continue
        reached.add(next)
        const found = definitions.get(next)
        if (found === undefined) throw new Error(`${name} leads to ${next}, which is not defined`)
        open.push(...refsOf(found.node))
      }
      return [name, reached]
    })
  )
