/**
 * What the app-server tells us without being asked.
 *
 * A notification that this version of the protocol knows is validated and typed by its method. One that it does not know,
 * or whose parameters have a form that it does not know, is a value as well: `{ method: "unknown", raw }`. A leaf that can't be
 * read costs no more than the field that it is in: the rest is there, and `unreadable` says where something is missing.
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

/** A notification as it came, not yet validated. */
interface WireNotification {
  readonly method: string
  readonly params?: unknown
  readonly [K: string]: unknown
}

interface Envelope {
  /** When the server sent it, in milliseconds since 1970. */
  readonly emittedAtMs?: number
  /** How many notifications this one stands for, if a slow reader had several deltas of one item merged into one. */
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
  /** The message as it was on the wire. */
  readonly raw: unknown
  /**
   * Where in the parameters something could not be read, such as `item.display.version`: it is missing there, or null, or
   * `{ type: "unknown", raw }`. Not set if all could be.
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
  /** Why it is unknown: the method is, or what is unexpected in its parameters. */
  readonly reason: string
}

/**
 * Ours, and in the streams of a turn alone: the turn has said nothing for a while, and nothing that it waits for is known.
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
 * What the server says unasked: what the protocol knows, by its method, and what it does not know, as data.
 *
 * @category models
 * @since 0.1.0
 */
export type Notification = Of<keyof Methods> | SilentNotification | UnknownNotification

/**
 * Validates a notification; what is not known becomes a value that says so.
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

// A class and no literal: where the notifications of many turns wait at once, V8 would put all that a literal makes among
// what is old, and with it what it holds.
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
  // Nearly all are known as they are, and say when they were sent: one object, made at once.
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
 * Says that nothing has been heard of a turn for a while.
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
 * Whether a notification is one of the method.
 *
 * @category guards
 * @since 0.1.0
 */
export const is = <M extends keyof Methods>(
  method: M,
  notification: Notification
): notification is Extract<Notification, KnownNotification<M>> => notification.method === method

// Most notifications are the agent's text, whose ids are fields of their own.

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
 * An id in a message's parameters or result: either a field of its own, or inside the thing that it names.
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
