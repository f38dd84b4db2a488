/**
 * Reads the app-server's description of one edition of its protocol into a uniform representation.
 */
import { readEnvelopes, type Request } from "./methods.ts"
import { type Definition, type JsonSchema, read } from "./Node.ts"
import * as supplement from "./supplement.ts"

export interface Bundle {
  readonly definitions: ReadonlyMap<string, Definition>
  readonly clientRequests: ReadonlyArray<Request>
  readonly serverRequests: ReadonlyArray<Request>
  readonly notifications: ReadonlyArray<Request>
  readonly clientNotifications: ReadonlyArray<Request>
}

/** The protocol according to the binary's own TypeScript, against which the JSON Schema is checked. */
export interface Types {
  readonly clientRequests: ReadonlyArray<string>
  readonly serverRequests: ReadonlyArray<string>
  readonly notifications: ReadonlyArray<string>
  /** The declaration of a definition, if one with this name exists. */
  readonly declarationOf: (name: string) => string | undefined
}

// Envelopes, which the tables of methods replace, and the definitions that only they refer to.
const left = new Set([
  ..."ClientNotification ClientRequest ServerNotification ServerRequest W3cTraceContext".split(" "),
  ..."JSONRPCError JSONRPCErrorError JSONRPCMessage JSONRPCNotification JSONRPCRequest JSONRPCResponse".split(" ")
])

// Names that would shadow identifiers of the generated modules.
const reserved = new Set(
  "Schema Stable Experimental Lazy Array ReadonlyArray Record lazy taggedUnion externalUnion".split(" ")
)

const withoutTitles = (schema: unknown): string =>
  JSON.stringify(schema, (key, value: unknown) => (key === "title" || key === "$schema" ? undefined : value))

/** The root bundle has the definitions of the protocol's first version at the top level, and all others under `v2`. */
export const flatten = (
  root: Readonly<Record<string, JsonSchema>> & { readonly v2?: Readonly<Record<string, JsonSchema>> }
): Readonly<Record<string, JsonSchema>> => {
  const { v2 = {}, ...v1 } = root
  for (const name of Object.keys(v1)) {
    if (Object.hasOwn(v2, name) && withoutTitles(v1[name]) !== withoutTitles(v2[name])) {
      throw new Error(`${name} is defined twice, and differently. Teach codegen/Bundle.ts to tell the two apart.`)
    }
  }
  return { ...v1, ...v2 }
}

export const readBundle = (schemas: Readonly<Record<string, JsonSchema>>, types: Types): Bundle => {
  for (const name of Object.keys(supplement.definitions)) {
    if (Object.hasOwn(schemas, name)) {
      throw new Error(`${name} is in the JSON Schema now. Remove it from packages/core/scripts/codegen/supplement.ts.`)
    }
  }
  const definitions = new Map<string, Definition>()
  const all = { ...schemas, ...supplement.definitions }
  for (const [name, uncorrected] of Object.entries(all).sort(([a], [b]) => compare(a, b))) {
    // `NullableX` means that the parameters X of a request may be null.
    if (left.has(name) || (name.startsWith("Nullable") && Object.hasOwn(all, name.slice("Nullable".length)))) continue
    if (reserved.has(name) || !/^[A-Z]\w*$/.test(name)) throw new Error(`A definition cannot be called ${name}`)
    const declared = declaredFields(name, types)
    const corrected = supplement.correct(name, uncorrected)
    const schema = declared === undefined ? corrected : supplement.rename(corrected, declared)
    checkFields(name, schema, types)
    definitions.set(name, { description: schema.description, node: read(schema, name) })
  }
  const envelopes = (name: string, others: ReadonlyArray<JsonSchema> = []) =>
    [...readEnvelopes(schemas[name], name), ...readEnvelopes({ oneOf: others }, name)].sort((a, b) =>
      compare(a.method, b.method)
    )
  const bundle: Bundle = {
    definitions,
    clientRequests: envelopes("ClientRequest", supplement.clientRequests),
    serverRequests: envelopes("ServerRequest"),
    notifications: envelopes("ServerNotification", supplement.notifications),
    clientNotifications: envelopes("ClientNotification")
  }
  checkMethods("client requests", bundle.clientRequests, types.clientRequests)
  checkMethods("server requests", bundle.serverRequests, types.serverRequests)
  checkMethods("notifications", bundle.notifications, types.notifications)
  return bundle
}

/** Compares by code unit, so that the order does not depend on the machine's locale. */
export const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** Fails if the JSON Schema (with the supplement) and the TypeScript of the binary differ in their methods. */
export const checkMethods = (what: string, found: ReadonlyArray<Request>, expected: ReadonlyArray<string>): void => {
  const names = found.map(({ method }) => method)
  const twice = names.filter((name, index) => names.indexOf(name) !== index)
  const missing = expected.filter((name) => !names.includes(name))
  const surplus = names.filter((name) => !expected.includes(name))
  for (const [problem, methods] of Object.entries({ twice, missing, surplus })) {
    if (methods.length > 0) {
      throw new Error(
        `${what} ${problem}: ${methods.join(", ")}. The binary's TypeScript decides; see packages/core/scripts/codegen/supplement.ts.`
      )
    }
  }
}

// The field names of a definition in the binary's TypeScript.
const declaredFields = (name: string, types: Pick<Types, "declarationOf">): ReadonlySet<string> | undefined => {
  const declaration = types.declarationOf(name)
  if (declaration === undefined) return undefined
  const parts = Array.from(declaration.matchAll(/& (\w+)/g), ([, part = ""]) => types.declarationOf(part) ?? "")
  const text = [declaration, ...parts].join("\n").replaceAll(/\/\*[\s\S]*?\*\//g, "")
  return new Set(Array.from(text.matchAll(/(?:^|[\s{,(])"?([\w$-]+)"?\??:/g), ([, field = ""]) => field))
}

/** Fails if a definition has a field that its TypeScript lacks. */
export const checkFields = (name: string, schema: JsonSchema, types: Pick<Types, "declarationOf">): void => {
  const declared = declaredFields(name, types)
  if (declared === undefined) return
  const wrong = [...fieldsOf(schema)].filter((field) => !declared.has(field))
  if (wrong.length > 0) {
    throw new Error(
      `${name} has no ${wrong.join(", ")} in the binary's TypeScript, which decides. See packages/core/scripts/codegen/supplement.ts.`
    )
  }
}

const fieldsOf = (schema: JsonSchema | boolean | undefined): ReadonlySet<string> => {
  if (typeof schema !== "object") return new Set()
  const inside = [
    ...Object.values(schema.properties ?? {}),
    ...(schema.oneOf ?? []),
    ...(schema.anyOf ?? []),
    ...(schema.allOf ?? []),
    ...[schema.items].flat(),
    schema.additionalProperties
  ]
  return new Set([...Object.keys(schema.properties ?? {}), ...inside.flatMap((part) => [...fieldsOf(part)])])
}
