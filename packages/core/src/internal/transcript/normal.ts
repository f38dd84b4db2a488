/**
 * Removes the ids, times and paths that differ from run to run from messages, and finds the remaining differences.
 *
 * It recognizes these fields by their names.
 */
import * as Predicate from "effect/Predicate"
import { type Entry, fieldIn, type Header, isMessage, type Message, textIn } from "./entry.ts"

/** A difference between two messages. */
export interface FieldDifference {
  /** The path in the message, such as `params.input[0].text`; empty for the whole message. */
  readonly path: string
  /** The recorded value, as JSON; `undefined` if there is none. */
  readonly recorded: string | undefined
  readonly sent: string | undefined
}

/** Paths and the names that replace them, longest first. */
export type Places = ReadonlyArray<readonly [path: string, name: string]>

const idName = /^id$|(?:Id|Ids|Handle|_id)$/
const timeName = /(?:At|AtMs|Ms|Secs|Seconds|Millis|Nanos|Timestamp)$/
// The trace differs in each run, and the client in each release.
const ignored: ReadonlySet<string> = new Set(["trace", "clientInfo", "userAgent"])

const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g
const moment = /\d{4}-\d\d-\d\dT\d\d[-:]\d\d[-:]\d\d(?:\.\d+)?Z?/g
const day = /\/\d{4}\/\d\d\/\d\d(?=\/)/g
const temporary = /(?:\/private)?(?:\/var\/folders\/[^/\s"']+\/[^/\s"']+\/T|\/tmp)\/[^/\s"'`]+/g

/** The places of a recording: the working directory and the home of codex. */
export const placesOf = (header: Pick<Header, "cwd">, codexHome: string | undefined): Places =>
  [[header.cwd, "<cwd>"] as const, [codexHome, "<codexHome>"] as const].flatMap(([path, name]) =>
    path === undefined || path.length < 2 ? [] : [[path, name] as const]
  )

/** Removes the parts of a text that differ from run to run. Ids stay unless they are UUIDs. */
export const scrub = (text: string, places: Places, nameOf: (id: string) => string): string => {
  let scrubbed = text
  for (const [path, name] of places) scrubbed = scrubbed.replaceAll(path, name)
  return scrubbed.replace(temporary, "<tmp>").replace(moment, "<time>").replace(day, "/<day>").replace(uuid, nameOf)
}

const normalizeValue = (value: unknown, key: string, places: Places, nameOf: (id: string) => string): unknown => {
  if (typeof value === "string") return idName.test(key) ? nameOf(value) : scrub(value, places, nameOf)
  if (typeof value === "number") return timeName.test(key) ? 0 : value
  if (Array.isArray(value)) return value.map((each: unknown) => normalizeValue(each, key, places, nameOf))
  if (!Predicate.isReadonlyObject(value)) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !ignored.has(name))
      .map(([name, field]) => [name, normalizeValue(field, name, places, nameOf)])
  )
}

/** The home of codex, from the answer to the handshake. */
export const codexHomeIn = (message: Message): string | undefined =>
  "in" in message ? textIn(fieldIn(message.in, "result"), "codexHome") : undefined

/**
 * The messages of a recording without the parts that differ from run to run. Each direction has its own list, because the
 * interleaving of the two depends on milliseconds.
 *
 * @category models
 * @since 0.1.0
 */
export interface Normal {
  readonly sent: ReadonlyArray<unknown>
  readonly received: ReadonlyArray<unknown>
}

/** The messages of a recording, with ids numbered in the order of their first use. */
export const normalize = (header: Pick<Header, "cwd">, entries: ReadonlyArray<Entry>): Normal => {
  const messages = inOrder(entries)
  const places = placesOf(header, messages.map(codexHomeIn).find(Predicate.isNotUndefined))
  const names = new Map<string, string>()
  const nameOf = (id: string): string => {
    const known = names.get(id)
    if (known !== undefined) return known
    const name = `<id ${names.size + 1}>`
    names.set(id, name)
    return name
  }
  const normal = (direction: "in" | "out", message: unknown): unknown => {
    const value = normalizeValue(message, "", places, nameOf)
    if (!Predicate.isReadonlyObject(value) || !Predicate.isReadonlyObject(message) || !("id" in message)) return value
    const { id } = message
    // An answer has the id of its request, which the other side has chosen.
    const side = "method" in message === (direction === "out") ? "client" : "server"
    return { ...value, id: typeof id === "number" ? nameOf(`${side} ${id}`) : value["id"] }
  }
  return {
    sent: messages.flatMap((entry) => ("out" in entry ? [normal("out", entry.out)] : [])),
    received: messages.flatMap((entry) => ("in" in entry ? [normal("in", entry.in)] : []))
  }
}

/** The messages in the order in which they were sent. */
export const inOrder = (entries: ReadonlyArray<Entry>): ReadonlyArray<Message> =>
  entries.filter(isMessage).toSorted((a, b) => a.n - b.n)

const json = (value: unknown): string | undefined => (value === undefined ? undefined : JSON.stringify(value))

/**
 * Compares a message with the recorded one. Ids may differ if each recorded id always corresponds to the same new one: `bind`
 * says whether two ids may correspond.
 */
export const differences = (
  recorded: unknown,
  sent: unknown,
  places: { readonly recorded: Places; readonly sent: Places },
  bind: (recorded: string, sent: string) => boolean
): ReadonlyArray<FieldDifference> => {
  const found: Array<FieldDifference> = []
  const uuidName = () => "<id>"
  const isSame = (a: unknown, b: unknown, key: string): boolean => {
    if (typeof a === "string" && typeof b === "string") {
      if (idName.test(key)) return bind(a, b)
      return a === b || scrub(a, places.recorded, uuidName) === scrub(b, places.sent, uuidName)
    }
    if (typeof a === "number" && typeof b === "number") return a === b || timeName.test(key)
    return a === b
  }
  const walk = (a: unknown, b: unknown, key: string, path: string): void => {
    if (Array.isArray(a) && Array.isArray(b)) {
      for (let i = 0; i < Math.max(a.length, b.length); i++) walk(a[i], b[i], key, `${path}[${i}]`)
    } else if (Predicate.isReadonlyObject(a) && Predicate.isReadonlyObject(b)) {
      for (const name of new Set([...Object.keys(a), ...Object.keys(b)])) {
        if (!ignored.has(name)) walk(a[name], b[name], name, path === "" ? name : `${path}.${name}`)
      }
    } else if (!isSame(a, b, key)) found.push({ path, recorded: json(a), sent: json(b) })
  }
  walk(recorded, sent, "", "")
  return found
}
