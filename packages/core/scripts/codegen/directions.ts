/**
 * The direction of each definition. Definitions of server messages are open: they accept unknown members. Definitions of client
 * messages are closed, so that a misspelled value does not compile. A definition that goes in both directions is printed twice,
 * and the closed one is named `Known…`.
 */
import type { Bundle } from "./Bundle.ts"
import { type Definition, type Node, refsOf } from "./Node.ts"
import { closures } from "./print.ts"

export interface Directed extends Definition {
  /** Whether its unions accept unknown members. */
  readonly open: boolean
}

/** The definitions of server messages and of client messages, including every definition that they refer to. */
export interface Directions {
  readonly said: ReadonlySet<string>
  readonly sent: ReadonlySet<string>
}

export const directionsOf = (bundle: Bundle, responses: ReadonlyMap<string, string>): Directions => {
  const reached = closures(bundle.definitions)
  const from = (roots: ReadonlyArray<string | undefined>) =>
    new Set(roots.flatMap((root) => (root === undefined ? [] : [root, ...(reached.get(root) ?? [])])))
  const { clientNotifications, clientRequests, notifications, serverRequests } = bundle
  return {
    said: from([
      ...clientRequests.map(({ method }) => responses.get(method)),
      ...notifications.map(({ params }) => params),
      ...serverRequests.map(({ params }) => params)
    ]),
    sent: from([
      ...clientRequests.map(({ params }) => params),
      ...serverRequests.map(({ method }) => responses.get(method)),
      ...clientNotifications.map(({ params }) => params)
    ])
  }
}

/** The definitions of an edition, plus a closed copy of each one that goes in both directions and differs between them. */
export const direct = (
  definitions: Bundle["definitions"],
  { said, sent }: Directions
): ReadonlyMap<string, Directed> => {
  const reached = closures(definitions)
  const isOpen = (name: string) => isUnion(definitions.get(name)?.node ?? { _tag: "Unknown" })
  const both = new Set(
    [...definitions.keys()].filter(
      (name) => said.has(name) && sent.has(name) && [name, ...(reached.get(name) ?? [])].some(isOpen)
    )
  )
  const closed = (name: string) => (both.has(name) ? `Known${name}` : name)
  const directed = new Map<string, Directed>()
  for (const [name, definition] of definitions) {
    if (directed.has(name)) throw new Error(`There are two definitions called ${name}`)
    directed.set(name, said.has(name) ? { ...definition, open: true } : closedOf(definition, closed))
    if (!both.has(name)) continue
    if (definitions.has(closed(name))) throw new Error(`There are two definitions called ${closed(name)}`)
    directed.set(closed(name), closedOf(definition, closed))
  }
  return directed
}

const closedOf = (definition: Definition, closed: (name: string) => string): Directed => ({
  ...definition,
  node: rename(definition.node, closed),
  open: false
})

const isUnion = (node: Node): boolean => {
  switch (node._tag) {
    case "Enum":
    case "Tagged":
    case "External":
      return true
    case "Array":
      return isUnion(node.item)
    case "Record":
      return isUnion(node.value)
    case "Nullable":
      return isUnion(node.node)
    case "Struct":
      return node.fields.some((field) => isUnion(field.node))
    case "Union":
      return node.members.some(isUnion)
    default:
      return false
  }
}

const rename = <N extends Node>(node: N, to: (name: string) => string): N => {
  // A node of the same kind, with the names in it replaced.
  const renamed = (): Node => {
    const again = (inner: Node) => rename(inner, to)
    const field = <F extends { readonly node: Node }>(inner: F): F => ({ ...inner, node: again(inner.node) })
    switch (node._tag) {
      case "Ref":
        return { ...node, name: to(node.name) }
      case "Array":
        return { ...node, item: again(node.item) }
      case "Record":
        return { ...node, value: again(node.value) }
      case "Nullable":
        return { ...node, node: again(node.node) }
      case "Struct":
        return { ...node, fields: node.fields.map(field) }
      case "Union":
        return { ...node, members: node.members.map(again) }
      case "External":
        return { ...node, members: node.members.map((member) => rename(member, to)) }
      case "Tagged":
        return {
          ...node,
          members: node.members.map((member) => rename(member, to)),
          shared: node.shared.map(field)
        }
      default:
        return node
    }
  }
  return refsOf(node).length === 0 ? node : (renamed() as N)
}
