/**
 * Compares the protocol of a codex with the one that this package was generated from.
 *
 * A codex describes its own protocol as JSON Schema (`codex app-server generate-json-schema --experimental`). The outline of
 * that schema keeps the facts that a program depends on: the methods, and the fields of the shapes with their types and
 * whether they are optional. Two outlines can be compared. This module runs nothing.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import * as Generated from "./internal/generated/outline.ts"

/**
 * A protocol in outline.
 *
 * @category models
 * @since 0.1.0
 */
export interface Outline {
  /** The version of codex. */
  readonly version: string
  /** The kind of each method and the shape of its parameters, such as `request ThreadListParams`. */
  readonly methods: { readonly [method: string]: string }
  /**
   * The facts of each shape, one per line: `.cursor?: string|null` is an optional field, `<text>.text: string` a field of the
   * variant `text`.
   */
  readonly shapes: { readonly [name: string]: ReadonlyArray<string> }
}

/**
 * Differences between two protocols.
 *
 * @category models
 * @since 0.1.0
 */
export interface Difference {
  readonly methods: {
    readonly added: ReadonlyArray<string>
    readonly removed: ReadonlyArray<string>
    readonly changed: ReadonlyArray<string>
  }
  readonly shapes: {
    readonly added: ReadonlyArray<string>
    readonly removed: ReadonlyArray<string>
    readonly changed: ReadonlyArray<{
      readonly name: string
      readonly added: ReadonlyArray<string>
      readonly removed: ReadonlyArray<string>
    }>
  }
}

/**
 * The protocol that this package was generated from.
 *
 * @category constants
 * @since 0.1.0
 */
export const known: Outline = Generated.known

type Node = { readonly [key: string]: unknown }

const kinds = { ClientRequest: "request", ServerRequest: "server request", ServerNotification: "notification" } as const

const envelopes = new Set<string>([...Object.keys(kinds), "ClientNotification"])

/**
 * The outline of the file `codex_app_server_protocol.schemas.json` that codex writes; `undefined` for any other value.
 *
 * @category constructors
 * @since 0.1.0
 */
export const outline = (version: string, bundle: unknown): Outline | undefined => {
  const definitions = isNode(bundle) ? bundle["definitions"] : undefined
  if (!isNode(definitions) || !isNode(definitions["ClientRequest"])) return undefined
  const { v2, ...v1 } = definitions
  const all = { ...v1, ...(isNode(v2) ? v2 : {}) }
  const methods: Record<string, string> = {}
  for (const [name, kind] of Object.entries(kinds)) {
    for (const branch of branchesOf(all[name])) {
      const fields = fieldsOf(branch)
      const [method] = enumOf(fields["method"])
      if (method !== undefined) methods[method] = [kind, ...typesOf(fields["params"])].join(" ")
    }
  }
  const shapes: Record<string, ReadonlyArray<string>> = {}
  for (const name of Object.keys(all).sort()) {
    if (!envelopes.has(name)) shapes[name] = [...new Set(facts(all[name], ""))].sort()
  }
  return { version, methods: Object.fromEntries(Object.entries(methods).sort(([a], [b]) => (a < b ? -1 : 1))), shapes }
}

/**
 * How `found` differs from `known`.
 *
 * @category getters
 * @since 0.1.0
 */
export const compare = (known: Outline, found: Outline): Difference => {
  const changed = Object.entries(known.shapes).flatMap(([name, before]) => {
    const after = found.shapes[name]
    if (after === undefined) return []
    const added = without(after, before)
    const removed = without(before, after)
    return added.length + removed.length === 0 ? [] : [{ name, added, removed }]
  })
  return {
    methods: {
      added: without(Object.keys(found.methods), Object.keys(known.methods)),
      removed: without(Object.keys(known.methods), Object.keys(found.methods)),
      changed: Object.entries(known.methods).flatMap(([method, before]) =>
        (found.methods[method] ?? before) === before ? [] : [method]
      )
    },
    shapes: {
      added: without(Object.keys(found.shapes), Object.keys(known.shapes)),
      removed: without(Object.keys(known.shapes), Object.keys(found.shapes)),
      changed
    }
  }
}

/**
 * Whether a program that was written before has to care: something is gone or different, or parameters have a field now that
 * has to be there. Other additions do not concern it.
 *
 * @category guards
 * @since 0.1.0
 */
export const isBreaking = ({ methods, shapes }: Difference): boolean =>
  methods.removed.length + methods.changed.length + shapes.removed.length > 0 ||
  shapes.changed.some(
    ({ added, name, removed }) =>
      // An object without fields may get some.
      removed.some((fact) => fact !== ": object") || (name.endsWith("Params") && added.some(isRequired))
  )

const isRequired = (fact: string): boolean => /^\.\w+[^\w?]/.test(fact)

const without = (all: ReadonlyArray<string>, known: ReadonlyArray<string>): ReadonlyArray<string> => {
  const there = new Set(known)
  return all.filter((one) => !there.has(one))
}

const isNode = (u: unknown): u is Node => Predicate.isReadonlyObject(u)

const nodes = (u: unknown): ReadonlyArray<unknown> => (Array.isArray(u) ? u : [])

const strings = (u: unknown): ReadonlyArray<string> =>
  typeof u === "string" ? [u] : nodes(u).filter((one) => typeof one === "string")

const branchesOf = (u: unknown): ReadonlyArray<unknown> =>
  isNode(u) ? [...nodes(u["oneOf"]), ...nodes(u["anyOf"]), ...nodes(u["allOf"])] : []

const fieldsOf = (u: unknown): Node => (isNode(u) && isNode(u["properties"]) ? u["properties"] : {})

const enumOf = (u: unknown): ReadonlyArray<string> => (isNode(u) ? nodes(u["enum"]).map(String) : [])

// The names of shapes and of types that the schema itself refers to, without its nested schemas.
const typesOf = (u: unknown): ReadonlyArray<string> => {
  if (!isNode(u)) return []
  if (typeof u["$ref"] === "string") return [u["$ref"].replace(/^.*\//, "")]
  return strings(u["type"])
}

const structural = ["enum", "properties", "items", "additionalProperties", "oneOf", "anyOf", "allOf"]

const isPlain = (u: unknown): boolean => isNode(u) && structural.every((key) => typeof u[key] !== "object")

// The name of a variant: the one value of its tag, or its only field.
const labelOf = (branch: unknown, index: number): string => {
  const fields = fieldsOf(branch)
  for (const field of Object.values(fields)) {
    const [value, ...others] = enumOf(field)
    if (value !== undefined && others.length === 0) return value
  }
  return strings(isNode(branch) ? branch["required"] : undefined)[0] ?? String(index)
}

const facts = (u: unknown, path: string): ReadonlyArray<string> => {
  if (!isNode(u)) return [`${path}: any`]
  const branches = branchesOf(u)
  const plain = branches.filter(isPlain)
  const others = branches.filter((branch) => !isPlain(branch))
  const required = strings(u["required"])
  const inside = [
    ...enumOf(u).map((value) => `${path} = ${value}`),
    ...Object.entries(fieldsOf(u)).flatMap(([name, field]) =>
      facts(field, `${path}.${name}${required.includes(name) ? "" : "?"}`)
    ),
    ...(isNode(u["items"]) ? facts(u["items"], `${path}[]`) : []),
    ...(isNode(u["additionalProperties"]) ? facts(u["additionalProperties"], `${path}{}`) : []),
    ...others.flatMap((branch, index) =>
      facts(branch, others.length === 1 || enumOf(branch).length > 0 ? path : `${path}<${labelOf(branch, index)}>`)
    )
  ]
  // The nested facts already describe a schema that has some.
  const types = [...typesOf(u).filter((type) => inside.length === 0 || type === "null"), ...plain.flatMap(typesOf)]
  if (types.length === 0) return inside.length === 0 ? [`${path}: any`] : inside
  return [`${path}: ${[...new Set(types)].sort().join("|")}`, ...inside]
}
