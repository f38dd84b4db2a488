/**
 * The notifications of the app-server.
 *
 * A notification that this version of the protocol knows is validated and typed by its method. One with an unknown method, or
 * with parameters of an unknown form, is a value as well: `{ method: "unknown", raw }`. An unreadable leaf only costs the field
 * that contains it: the rest is intact, and `unreadable` lists the missing places.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import { type ExperimentalNotifications, experimentalNotifications } from "./protocol/generated/Methods.ts"
import * as Protocol from "./protocol/Protocol.ts"

/**
 * The notifications that the server can send, by method.
 *
 * @category models
 * @since 0.1.0
 */
export type Methods = ExperimentalNotifications

/** A notification as received, not yet validated. */
interface WireNotification {
  readonly method: string
  readonly params?: unknown
  readonly [K: string]: unknown
}

interface Envelope {
  /** When the server sent it, in milliseconds since 1970. */
  readonly emittedAtMs?: number
  /** The number of notifications in this one, if several deltas of an item were merged for a slow consumer. */
  readonly merged?: number
  /** The length of the message on the wire, in UTF-16 code units. */
  readonly length: number
}

/**
 * A notification with the parameters of its method.
 *
 * @category models
 * @since 0.1.0
 */
export interface KnownNotification<M extends keyof Methods> extends Envelope {
  readonly method: M
  readonly params: Methods[M]
  /** The message as received. */
  readonly raw: unknown
  /**
   * The places in the parameters that could not be read, such as `item.display.version`. The value there is missing, null, or
   * `{ type: "unknown", raw }`. Not set if everything could be read.
   */
  readonly unreadable?: ReadonlyArray<string>
}

type Of<M extends keyof Methods> = { readonly [K in M]: KnownNotification<K> }[M]

/**
 * A notification of a newer protocol.
 *
 * @category models
 * @since 0.1.0
 */
export interface UnknownNotification extends Envelope {
  readonly method: "unknown"
  readonly raw: { readonly method: string; readonly params: unknown }
  /** Why it is unknown: an unknown method, or the unexpected part of its parameters. */
  readonly reason: string
}

/**
 * Emitted by this library, only in the streams of a turn: the turn has sent nothing for a while, although it is not known to
 * be waiting for anything.
 *
 * @category models
 * @since 0.1.0
 */
export interface SilentNotification extends Envelope {
  readonly method: "turn/silent"
  readonly params: { readonly threadId: string; readonly turnId: string; readonly silentMs: number }
  readonly raw: unknown
}

/**
 * A notification of the server: typed by its method if the protocol knows it, else as data.
 *
 * @category models
 * @since 0.1.0
 */
export type Notification = Of<keyof Methods> | SilentNotification | UnknownNotification

/**
 * Validates a notification. An unknown one becomes an {@link UnknownNotification}.
 *
 * @category constructors
 * @since 0.1.0
 */
export const decode = (wire: WireNotification, length: number): Notification => {
  const method = Protocol.notificationName(wire.method)
  return method === undefined
    ? unknown(wire, length, `Unknown notification ${wire.method}`)
    : decodeKnown(method, wire, length)
}

// A class instead of a literal: if the notifications of many turns are queued at once, V8 starts to allocate the objects of a
// literal in the old generation, together with everything that they reference.
class Known<M extends keyof Methods> implements KnownNotification<M> {
  readonly method: M
  readonly params: Methods[M]
  readonly emittedAtMs: number
  readonly length: number
  readonly raw: unknown
  constructor(method: M, params: Methods[M], emittedAtMs: number, length: number, raw: unknown) {
    this.method = method
    this.params = params
    this.emittedAtMs = emittedAtMs
    this.length = length
    this.raw = raw
  }
}

const decodeKnown = <M extends keyof Methods>(
  method: M,
  raw: WireNotification,
  length: number
): Of<M> | UnknownNotification => {
  const { params } = raw
  const definition = experimentalNotifications[method]
  const emittedAtMs = raw["emittedAtMs"]
  // Nearly all notifications are valid as they are and have a timestamp: they take a single allocation.
  if (typeof emittedAtMs === "number" && definition.is(params)) {
    const known: Of<M> = new Known(method, params, emittedAtMs, length, raw)
    return known
  }
  const decoded = Protocol.decodeNotificationParams(method, params)
  if (Result.isFailure(decoded)) return unknown(raw, length, decoded.failure)
  const { unreadable, value } = decoded.success
  const known: Of<M> = {
    method,
    params: value,
    ...timeOf(raw),
    length,
    raw,
    ...(unreadable.length === 0 ? {} : { unreadable })
  }
  return known
}

const unknown = (wire: WireNotification, length: number, reason: string): UnknownNotification => ({
  method: "unknown",
  ...timeOf(wire),
  length,
  raw: { ...wire, params: wire.params },
  reason
})

const timeOf = ({ emittedAtMs }: WireNotification) => (typeof emittedAtMs === "number" ? { emittedAtMs } : {})

/**
 * The notification that a turn has been silent for a while.
 *
 * @category constructors
 * @since 0.1.0
 */
export const silent = (params: SilentNotification["params"]): SilentNotification => ({
  method: "turn/silent",
  params,
  length: 0,
  raw: { method: "turn/silent", params }
})

/**
 * Whether a notification has the given method.
 *
 * @category guards
 * @since 0.1.0
 */
export const is = <M extends keyof Methods>(
  method: M,
  notification: Notification
): notification is Extract<Notification, KnownNotification<M>> => notification.method === method

// Most notifications are deltas of the agent's text, which have both ids as fields.

/**
 * The thread that a notification is about, if it is about one.
 *
 * @category getters
 * @since 0.1.0
 */
export const threadIdOf = (notification: Notification): string | undefined =>
  notification.method === "item/agentMessage/delta"
    ? notification.params.threadId
    : idIn(paramsOf(notification), "threadId", "thread")

/**
 * The turn that a notification is about, if it is about one.
 *
 * @category getters
 * @since 0.1.0
 */
export const turnIdOf = (notification: Notification): string | undefined =>
  notification.method === "item/agentMessage/delta"
    ? notification.params.turnId
    : idIn(paramsOf(notification), "turnId", "turn")

const paramsOf = (notification: Notification): unknown =>
  notification.method === "unknown" ? notification.raw.params : notification.params

/**
 * The id in a message's parameters or result: either its own field, or the `id` of a nested object.
 *
 * @category getters
 * @since 0.1.0
 */
export const idIn = (params: unknown, field: string, thing: string): string | undefined => {
  if (!Predicate.isReadonlyObject(params)) return undefined
  const id = params[field]
  if (typeof id === "string") return id
  const inside = params[thing]
  return Predicate.isReadonlyObject(inside) && typeof inside["id"] === "string" ? inside["id"] : undefined
}
