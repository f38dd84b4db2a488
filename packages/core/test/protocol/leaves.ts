// Spoils one optional leaf after the other of everything that the server says and asks, and checks that nothing else is lost.
//
// Messages are made from the schemas, so that a new notification, item or request is in without a word here. One seed gives
// one run.
import * as Approval from "../../src/internal/approval/answer.ts"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Result from "effect/Result"
import type * as SchemaAST from "effect/SchemaAST"
import { isDeepStrictEqual } from "node:util"
import { followItem, makeItemsInProgress } from "../../src/internal/approval/items.ts"
import * as Notification from "../../src/Notification.ts"
import { experimentalNotifications, experimentalServerRequests } from "../../src/protocol/generated/Methods.ts"
import * as ServerRequest from "../../src/ServerRequest.ts"

type Path = ReadonlyArray<string | number>

interface Place {
  readonly path: Path
  /** Whether the place itself can do without: optional, nullable, an entry of a map, or a member of an open union. */
  readonly tolerant: boolean
  /** Whether it may be missing. */
  readonly optional: boolean
  /** Whether only its shape tells which member of a union it is in. */
  readonly inUnion: boolean
}

interface Sample {
  readonly value: unknown
  readonly places: ReadonlyArray<Place>
}

export interface Counts {
  readonly leaves: number
  readonly notifications: number
  readonly requests: number
  readonly items: number
  readonly declined: number
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export const randomOf = (seed: number) => {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** A value of a schema, with its places. */
export const makeSample = (root: SchemaAST.AST, random: () => number, pick?: string): Sample => {
  const places: Array<Place> = []
  const choose = <A>(from: ReadonlyArray<A>): A => from[Math.floor(random() * from.length)] as A
  const sample = (ast: SchemaAST.AST, path: Path, place: Omit<Place, "path">, depth: number): unknown => {
    switch (ast._tag) {
      case "Suspend":
        return sample(ast.thunk(), path, place, depth)
      case "Union": {
        const unknown = ast.types.find(({ encoding }) => encoding !== undefined)
        // One that has fields of its own can't stand for everything.
        const takesAll = unknown?._tag === "Objects" && unknown.propertySignatures.length === 2
        const isNullable = ast.types.some(({ _tag }) => _tag === "Null" || _tag === "Undefined")
        const members = ast.types.filter(
          ({ _tag, encoding }) => encoding === undefined && _tag !== "Null" && _tag !== "Undefined"
        )
        // The item under test, where there is one.
        const wanted = pick === undefined ? undefined : members.find((member) => literalOf(member, "type") === pick)
        const member = wanted ?? choose(members)
        const inUnion =
          place.inUnion ||
          (unknown === undefined && members.length > 1 && members.some(({ _tag }) => _tag !== "Literal"))
        return sample(member, path, { ...place, tolerant: place.tolerant || isNullable || takesAll, inUnion }, depth)
      }
      case "Objects": {
        if (path.length > 0) places.push({ path, ...place })
        const entries = ast.propertySignatures.flatMap(({ name, type }): ReadonlyArray<[string, unknown]> => {
          const optional = type.context?.isOptional === true
          if (optional && (depth > 6 || random() < 0.1)) return []
          const inner = { tolerant: optional, optional, inUnion: place.inUnion }
          return [[String(name), sample(type, [...path, String(name)], inner, depth + 1)]]
        })
        if (ast.propertySignatures.length === 0) {
          for (const { type } of ast.indexSignatures) {
            entries.push([
              "k",
              sample(type, [...path, "k"], { tolerant: true, optional: true, inUnion: place.inUnion }, depth + 1)
            ])
          }
        }
        return Object.fromEntries(entries)
      }
      case "Arrays": {
        if (path.length > 0) places.push({ path, ...place })
        const [item] = ast.rest
        if (item === undefined || depth > 8) return []
        const inner = { tolerant: false, optional: false, inUnion: place.inUnion }
        return Array.from({ length: 1 + Math.floor(random() * 2) }, (_, index) =>
          sample(item, [...path, index], inner, depth + 1)
        )
      }
      default:
        if (path.length > 0) places.push({ path, ...place })
        return leaf(ast, choose)
    }
  }
  return { value: sample(root, [], { tolerant: false, optional: false, inUnion: false }, 0), places }
}

const leaf = (ast: SchemaAST.AST, choose: <A>(from: ReadonlyArray<A>) => A): unknown => {
  switch (ast._tag) {
    case "String":
      return choose(["", "a", "some text", "\u{1f600}", "/tmp/x"])
    case "Number":
      return choose([0, 1, 7, 1_764_200_000_000])
    case "Boolean":
      return choose([true, false])
    case "Literal":
      return ast.literal
    case "Null":
      return null
    case "Unknown":
      return choose<unknown>([null, "x", 1, { a: [1] }])
    default:
      throw new Error(`No sample of ${ast._tag}`)
  }
}

const literalOf = (ast: SchemaAST.AST, name: string): unknown => {
  if (ast._tag !== "Objects") return undefined
  const type = ast.propertySignatures.find((signature) => signature.name === name)?.type
  return type?._tag === "Literal" ? type.literal : undefined
}

const dropped = Symbol("dropped")

// Of every type that JSON has, and some that schemas are tempted by.
export const spoils: ReadonlyArray<unknown> = [
  dropped,
  null,
  "zz",
  "",
  -1,
  1.5,
  2 ** 60,
  true,
  [],
  [null],
  ["zz"],
  {},
  { type: "zz" },
  { type: "unknown" },
  { type: 1 },
  { zz: { zz: 1 } },
  [[{ version: 2 }]]
]

const shown = (by: unknown) => (by === dropped ? "missing" : JSON.stringify(by))

/** The value with another one at a place. */
export const replace = (value: unknown, [key, ...rest]: Path, by: unknown): unknown => {
  if (key === undefined) return by
  if (Array.isArray(value)) {
    if (rest.length === 0 && by === dropped) return value.filter((_, index) => index !== key)
    return value.map((item, index) => (index === key ? replace(item, rest, by) : item))
  }
  const entries = Object.entries(value as object)
  if (rest.length === 0 && by === dropped) return Object.fromEntries(entries.filter(([name]) => name !== key))
  return Object.fromEntries(entries.map(([name, inner]) => [name, name === key ? replace(inner, rest, by) : inner]))
}

const isObject = (u: unknown): u is Readonly<Record<string, unknown>> =>
  typeof u === "object" && u !== null && !Array.isArray(u)

/** The uppermost places in which what was read differs from what came. */
const differences = (read: unknown, came: unknown, path: Path = []): ReadonlyArray<Path> => {
  if (isDeepStrictEqual(read, came)) return []
  if (Array.isArray(read) && Array.isArray(came) && read.length === came.length) {
    return read.flatMap((item: unknown, index) => differences(item, came[index], [...path, index]))
  }
  if (isObject(read) && isObject(came) && !("raw" in read)) {
    const names = new Set([...Object.keys(read), ...Object.keys(came)])
    return [...names].flatMap((name) => differences(read[name], came[name], [...path, name]))
  }
  return [path]
}

const isPrefix = (prefix: Path, path: Path) => prefix.every((key, index) => path[index] === key)

/** What of a request only explains it. */
const explains = new Set([
  "reason",
  "commandActions",
  "proposedExecpolicyAmendment",
  "proposedNetworkPolicyAmendments",
  "autoResolutionMs",
  "isBlocking"
])

export const fuzzLeaves = (options: { readonly seed: number; readonly count: number }): Counts => {
  const random = randomOf(options.seed)
  const counts = { leaves: 0, notifications: 0, requests: 0, items: 0, declined: 0 }
  const itemTypes = itemTypesOf(experimentalNotifications["item/completed"]().ast)
  const notificationMethods = Object.keys(experimentalNotifications) as ReadonlyArray<
    keyof typeof experimentalNotifications
  >
  const rounds = [
    ...notificationMethods.map((method) => ({ _tag: "Notification" as const, method, item: undefined })),
    ...(["item/started", "item/completed", "turn/completed"] as const).flatMap((method) =>
      itemTypes.map((item) => ({ _tag: "Notification" as const, method, item }))
    ),
    ...(Object.keys(experimentalServerRequests) as ReadonlyArray<keyof typeof experimentalServerRequests>).map(
      (method) => ({ _tag: "Request" as const, method })
    )
  ]

  const spoil = (
    sample: Sample
  ): ReadonlyArray<{ readonly place: Place; readonly params: unknown; readonly by: unknown }> =>
    sample.places.map((place) => {
      const by = spoils[Math.floor(random() * spoils.length)]
      return { place, by, params: replace(sample.value, place.path, by) }
    })

  const tolerantOf = (places: ReadonlyArray<Place>, path: Path) =>
    places.filter((place) => place.tolerant && isPrefix(place.path, path))

  const notification = (method: keyof typeof experimentalNotifications, item: string | undefined) => {
    const sample = makeSample(experimentalNotifications[method]().ast, random, item)
    for (const { by, params, place } of spoil(sample)) {
      // A field that has to be there can't stand for itself when it is missing.
      const holders = tolerantOf(sample.places, place.path).filter(
        (holder) => by !== dropped || holder !== place || place.optional || typeof place.path.at(-1) === "number"
      )
      // What nothing can do without is not optional.
      if (holders.length === 0) continue
      counts.leaves++
      const wrong = (text: string) =>
        new Error(`seed ${options.seed}: ${method} ${item ?? ""} at ${place.path.join(".")} = ${shown(by)}: ${text}`)
      const decoded = Notification.decode({ method, params, emittedAtMs: 1 }, 10)
      if (decoded.method === "unknown") throw wrong(`the notification is lost: ${decoded.reason}`)
      const found = differences(decoded.params, params)
      if (found.length > 1 && !found.every((lost) => isPrefix(place.path, lost)))
        throw wrong(`more than one place is lost: ${JSON.stringify(found)}`)
      const [lost] = found
      if (lost !== undefined) {
        // Of what came in its place, some may be readable.
        if (!isPrefix(lost, place.path) && !isPrefix(place.path, lost))
          throw wrong(`another place is lost: ${lost.join(".")}`)
        const nearest = holders.reduce((a, b) => (b.path.length > a.path.length ? b : a))
        const isStrict = isPrefix(["item", "changes"], place.path)
        if (!place.inUnion && !isStrict && lost.length < nearest.path.length) {
          throw wrong(`more than ${nearest.path.join(".")} is lost: ${lost.join(".")}`)
        }
      }
      if (!isPrefix(["item"], place.path) && !isDeepStrictEqual(itemOf(decoded.params), itemOf(params))) {
        throw wrong("the item is lost")
      }
      if (
        (decoded.method === "item/started" || decoded.method === "item/completed") &&
        decoded.params.item.type === "fileChange"
      ) {
        counts.items++
        const { item: read } = decoded.params
        // An unknown kind is there as it came, for the policy to decline.
        if (differences(read, itemOf(params)).some((path) => path[0] === "changes" && !isUnknown(at(read, path)))) {
          throw wrong("the changes of a file change are not whole")
        }
      }
      if (decoded.method === "turn/completed" && !isPrefix(["turn", "id"], place.path)) {
        if (Notification.turnIdOf(decoded) === undefined) throw wrong("a turn's end is lost")
      }
      if (decoded.method === "item/started") fileChange(decoded, wrong)
    }
    counts.notifications++
  }

  // A file change whose item can't be read is declined, even by an engine that accepts everything.
  const fileChange = (decoded: Notification.KnownNotification<"item/started">, wrong: (text: string) => Error) => {
    const { item, threadId } = decoded.params
    if (item.type !== "unknown" || random() > 0.01) return
    const id = isObject(item.raw) ? item.raw["id"] : undefined
    if (typeof id !== "string") return
    const items = makeItemsInProgress()
    followItem(decoded as Notification.Notification, items)
    const params = { threadId, turnId: "u", itemId: id, startedAtMs: 1 }
    const request = Result.getOrThrow(ServerRequest.decode(1, "item/fileChange/requestApproval", params))
    if (!isDeepStrictEqual(answer(request, items.get), { decision: "decline" })) throw wrong("wrongly accepted")
    counts.declined++
  }

  const request = (method: keyof typeof experimentalServerRequests) => {
    const sample = makeSample(experimentalServerRequests[method].params().ast, random)
    for (const { by, params, place } of spoil(sample)) {
      counts.leaves++
      const wrong = (text: string) =>
        new Error(`seed ${options.seed}: ${method} at ${place.path.join(".")} = ${shown(by)}: ${text}`)
      const decoded = ServerRequest.decode(1, method, params)
      if (Result.isFailure(decoded)) {
        // Declined by its method alone, whatever it asks for.
        if (explains.has(String(place.path[0])) && tolerantOf(sample.places, place.path).length > 0)
          throw wrong(`lost for an explanation: ${decoded.failure}`)
        if (random() < 0.01) checkDeclined(Effect.runSync(Effect.result(Approval.decline(method))), wrong)
        counts.declined++
        continue
      }
      const lost = differences(decoded.success.params, params).filter((path) => !explains.has(String(path[0])))
      // What is unknown in a request is there as it came.
      const open = lost.filter((path) => !isUnknown(at(decoded.success.params, path)))
      if (open.length > 0) throw wrong(`what a decision rests on is lost: ${JSON.stringify(open)}`)
      if (random() < 0.01) answer(decoded.success, () => undefined)
    }
    counts.requests++
  }

  while (counts.leaves < options.count) {
    for (const round of rounds) {
      if (round._tag === "Notification") notification(round.method, round.item)
      else request(round.method)
    }
  }
  return counts
}

const answer = (request: ServerRequest.ServerRequest, item: Approval.Answerer["item"]): unknown =>
  Effect.runSync(
    Approval.answer(request, { policy: PolicyEngine.acceptAll, onToolCall: undefined, item }).pipe(
      Effect.result,
      Effect.map((result) => (Result.isSuccess(result) ? result.success : undefined)),
      Effect.provideService(Logger.CurrentLoggers, new Set())
    )
  )

const checkDeclined = (result: Result.Result<unknown, unknown>, wrong: (text: string) => Error) => {
  if (Result.isSuccess(result) && isObject(result.success) && /accept/.test(JSON.stringify(result.success)))
    throw wrong("wrongly accepted")
}

const itemOf = (params: unknown): unknown => (isObject(params) ? params["item"] : undefined)

const isUnknown = (u: unknown): boolean => isObject(u) && "raw" in u

const at = (value: unknown, path: Path): unknown =>
  path.reduce<unknown>(
    (inner, key) => (Array.isArray(inner) ? inner[Number(key)] : isObject(inner) ? inner[String(key)] : undefined),
    value
  )

const itemTypesOf = (ast: SchemaAST.AST): ReadonlyArray<string> => {
  if (ast._tag !== "Objects") return []
  const item = ast.propertySignatures.find(({ name }) => name === "item")?.type
  const union = item?._tag === "Suspend" ? item.thunk() : item
  return union?._tag === "Union"
    ? union.types.map((member) => literalOf(member, "type")).filter((type) => typeof type === "string")
    : []
}
