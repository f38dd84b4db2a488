/**
 * Compares two versions of the protocol, in terms of methods and shapes for its users. Runs nothing and reads nothing.
 */
import type { Bundle } from "../codegen/Bundle.ts"
import type { Editions } from "../codegen/generate.ts"
import { type Request, responses } from "../codegen/methods.ts"
import { type Field, type Node, refsOf, type Struct } from "../codegen/Node.ts"
import { printType } from "../codegen/print.ts"

/** `+` added, `-` removed, `~` changed. */
export interface Change {
  readonly sign: "+" | "-" | "~"
  readonly text: string
}

/** The changes of one definition, or of one kind of methods. */
export interface Changes {
  readonly name: string
  readonly changes: ReadonlyArray<Change>
}

export interface Affected {
  readonly method: string
  /** The causes: `added`, `removed`, or the changed definitions among its parameters and its response. */
  readonly causes: ReadonlyArray<string>
}

export interface Comparison {
  readonly methods: ReadonlyArray<Changes>
  readonly shapes: ReadonlyArray<Changes>
  readonly affected: ReadonlyArray<Affected>
}

const print = (node: Node): string =>
  printType(node, { open: false, nameOf: (name) => name, isSuspended: () => false })
    .replaceAll(/\/\*\*[\s\S]*?\*\//g, "")
    .replaceAll(/readonly /g, "")
    .replaceAll(/\s+/g, " ")
    .trim()

type Parts = ReadonlyMap<string, string>

const fieldsOf = (fields: ReadonlyArray<Field>, prefix: string): Parts =>
  new Map(
    fields.map(({ name, node, optional }) => [`${prefix}${name}`, `${optional ? "optional " : ""}${print(node)}`])
  )

const tagOf = (struct: Struct, tag: string): string => {
  const node = struct.fields.find(({ name }) => name === tag)?.node
  return node === undefined ? "?" : print(node)
}

// Splits a definition into named parts, so that changes can be reported by part.
const partsOf = (node: Node): Parts => {
  switch (node._tag) {
    case "Struct":
      return new Map([...fieldsOf(node.fields, ""), ...(node.open ? [["any other key", "unknown"] as const] : [])])
    case "Enum":
      return new Map(node.values.map((value) => [JSON.stringify(value), ""]))
    case "Tagged":
      return new Map(
        node.members.flatMap((member) => {
          const tag = tagOf(member, node.tag)
          const fields = member.fields.filter(({ name }) => name !== node.tag)
          return [[tag, ""] as const, ...fieldsOf(fields, `${tag} `)]
        })
      )
    case "Union":
      return new Map(node.members.map((member) => [print(member), ""]))
    case "External":
      return new Map([
        ...node.values.map((value) => [JSON.stringify(value), ""] as const),
        ...node.members.map((member) => [print(member), ""] as const)
      ])
    default:
      return new Map([["", print(node)]])
  }
}

const described = (key: string, value: string) => [key, value].filter((text) => text !== "").join(": ")

const compareParts = (before: Parts, after: Parts): ReadonlyArray<Change> => {
  const isNew = (key: string) => !before.has(key)
  const isGone = (key: string) => !after.has(key)
  // The fields of a new or removed member are not listed.
  const told = (key: string, among: (key: string) => boolean) => {
    const [, tag] = /^("[^"]*") /.exec(key) ?? []
    return tag === undefined || !among(tag)
  }
  return [
    ...[...before]
      .filter(([key]) => isGone(key) && told(key, isGone))
      .map(([key, value]) => ({ sign: "-" as const, text: described(key, value) })),
    ...[...after].flatMap(([key, value]): ReadonlyArray<Change> => {
      const old = before.get(key)
      if (old === undefined) return told(key, isNew) ? [{ sign: "+", text: described(key, value) }] : []
      return old === value ? [] : [{ sign: "~", text: `${described(key, old)} → ${value}` }]
    })
  ]
}

const compareShapes = (before: Bundle, after: Bundle): ReadonlyMap<string, ReadonlyArray<Change>> => {
  const changes = new Map<string, ReadonlyArray<Change>>()
  for (const name of new Set([...before.definitions.keys(), ...after.definitions.keys()])) {
    const [old, now] = [before.definitions.get(name), after.definitions.get(name)]
    if (old === undefined) changes.set(name, [{ sign: "+", text: "the whole" }])
    else if (now === undefined) changes.set(name, [{ sign: "-", text: "the whole" }])
    else if (old.node._tag !== now.node._tag) {
      changes.set(name, [{ sign: "~", text: `${print(old.node)} → ${print(now.node)}` }])
    } else {
      const differences = compareParts(partsOf(old.node), partsOf(now.node))
      if (differences.length > 0) changes.set(name, differences)
    }
  }
  return changes
}

// Describes a method, its parameters and its stability in one line.
const linesOf = ({ experimental, stable }: Editions, kind: Kind): Parts => {
  const known = new Set(stable[kind].map(({ method }) => method))
  return new Map(
    experimental[kind].map(({ method, optional, params }) => [
      method,
      `${params ?? "no parameters"}${optional && params !== undefined ? ", optional" : ""}${known.has(method) ? "" : " (experimental)"}`
    ])
  )
}

type Kind = "clientRequests" | "serverRequests" | "notifications"

const kinds: Readonly<Record<Kind, string>> = {
  clientRequests: "Client requests",
  serverRequests: "Server requests",
  notifications: "Notifications"
}

/** Every definition that the parameters and the response of a method refer to, in one version. */
const reachedBy = ({ experimental }: Editions): ReadonlyMap<string, ReadonlySet<string>> => {
  const { definitions } = experimental
  const reached = new Map<string, ReadonlySet<string>>()
  for (const { method, params } of experimental.clientRequests) {
    const names = new Set([params, responseOf({ method, params }, definitions)].filter((name) => name !== undefined))
    // The loop also visits the names that it adds.
    for (const name of names)
      for (const ref of refsOf(definitions.get(name)?.node ?? { _tag: "Unknown" })) names.add(ref)
    reached.set(method, names)
  }
  return reached
}

const responseOf = (
  { method, params }: Pick<Request, "method" | "params">,
  definitions: ReadonlyMap<string, unknown>
): string | undefined => {
  const named = params?.replace(/Params$/, "Response")
  if (named !== undefined && named !== params && definitions.has(named)) return named
  return Object.hasOwn(responses, method) ? responses[method] : undefined
}

const affectedBy = (before: Editions, after: Editions, changed: ReadonlySet<string>): ReadonlyArray<Affected> => {
  const [old, now] = [reachedBy(before), reachedBy(after)]
  return [...new Set([...old.keys(), ...now.keys()])].toSorted().flatMap((method): ReadonlyArray<Affected> => {
    if (!old.has(method)) return [{ method, causes: ["added"] }]
    if (!now.has(method)) return [{ method, causes: ["removed"] }]
    const causes = [...(old.get(method) ?? []), ...(now.get(method) ?? [])].filter((name) => changed.has(name))
    return causes.length === 0 ? [] : [{ method, causes: [...new Set(causes)] }]
  })
}

export const compareEditions = (before: Editions, after: Editions): Comparison => {
  const inExperimental = compareShapes(before.experimental, after.experimental)
  const inStable = compareShapes(before.stable, after.stable)
  const shapes = [...new Set([...inExperimental.keys(), ...inStable.keys()])].toSorted().map((name) => {
    const all = inExperimental.get(name) ?? []
    const stable = inStable.get(name) ?? []
    const has = (list: ReadonlyArray<Change>, { sign, text }: Change) =>
      list.some((other) => other.sign === sign && other.text === text)
    // A change in both editions is listed once.
    return {
      name,
      changes: [
        ...all.map((change) => (has(stable, change) ? change : { ...change, text: `${change.text} (experimental)` })),
        ...stable
          .filter((change) => !has(all, change))
          .map((change) => ({ ...change, text: `${change.text} (stable edition)` }))
      ]
    }
  })
  const methods = (Object.keys(kinds) as ReadonlyArray<Kind>)
    .map((kind) => ({ name: kinds[kind], changes: compareParts(linesOf(before, kind), linesOf(after, kind)) }))
    .filter(({ changes }) => changes.length > 0)
  return { methods, shapes, affected: affectedBy(before, after, new Set(shapes.map(({ name }) => name))) }
}
