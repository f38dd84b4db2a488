/**
 * The protocol as the connection uses it: by the name of a method, to a value of that method's type.
 *
 * The schemas behind it are generated (`generated/`); this is the one place that looks them up by a name from the wire. It
 * is pure: it starts nothing, waits for nothing, and knows no connection. What it decodes is always of the experimental
 * edition, which is the stable one and more.
 *
 * How a newer server is met: an enum takes any value of its type; a union with a tag has a member `{ type: "unknown", raw }`
 * (or `mode`, `kind`, as the tag is called, and with the fields that all members share) for a tag that is not known; keys
 * that are not known stay where they are. That holds for what the server says. What a client sends is closed, so that the
 * compiler checks it: a definition for both directions is there twice, as `SandboxMode` and as `KnownSandboxMode`.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Struct from "effect/Struct"
import {
  type Deadline,
  type ExperimentalClientRequests,
  experimentalClientRequests,
  experimentalFields,
  type ExperimentalNotifications,
  experimentalNotifications,
  type ExperimentalServerRequests,
  experimentalServerRequests
} from "./generated/Methods.ts"
import type { Salvaged } from "./Salvage.ts"

/**
 * A notification with the parameters of its method.
 *
 * @category models
 * @since 0.1.0
 */
export type Notification<M extends keyof ExperimentalNotifications = keyof ExperimentalNotifications> = {
  readonly [K in M]: {
    readonly method: K
    readonly params: ExperimentalNotifications[K]
    /** Where in the parameters something could not be read, and is missing. */
    readonly unreadable: ReadonlyArray<string>
  }
}[M]

/**
 * A request of the server with the parameters of its method.
 *
 * @category models
 * @since 0.1.0
 */
export type ServerRequest<M extends keyof ExperimentalServerRequests = keyof ExperimentalServerRequests> = {
  readonly [K in M]: {
    readonly method: K
    readonly params: ExperimentalServerRequests[K]["params"]
    /** Where in the parameters something could not be read, and is missing. */
    readonly unreadable: ReadonlyArray<string>
  }
}[M]

/**
 * Whether the server can send a notification of this name, as far as this version knows.
 *
 * @category guards
 * @since 0.1.0
 */
export const isNotification = (method: string): method is keyof ExperimentalNotifications =>
  notificationNames.has(method)

/**
 * The notification of this name, as far as this version knows one: the same string, but one that all notifications of the
 * name share, and by which looking up and comparing is faster than by one that is fresh from the wire.
 *
 * @category getters
 * @since 0.1.0
 */
export const notificationName = (method: string): keyof ExperimentalNotifications | undefined => {
  // Deltas come in runs, and comparing is cheaper than finding.
  if (method === lastName) return lastName
  lastName = notificationNames.get(method)
  return lastName
}

let lastName: keyof ExperimentalNotifications | undefined

const notificationNames: ReadonlyMap<string, keyof ExperimentalNotifications> = new Map(
  Struct.keys(experimentalNotifications).map((name) => [name, name])
)

/**
 * Whether the server can make a request of this name, as far as this version knows.
 *
 * @category guards
 * @since 0.1.0
 */
export const isServerRequest = (method: string): method is keyof ExperimentalServerRequests =>
  Object.hasOwn(experimentalServerRequests, method)

/**
 * Whether a client can make a request of this name, as far as this version knows.
 *
 * @category guards
 * @since 0.1.0
 */
export const isClientRequest = (method: string): method is keyof ExperimentalClientRequests =>
  Object.hasOwn(experimentalClientRequests, method)

/**
 * What of a request needs the experimental API, as the server calls it: the method, or `method.field`; `undefined` if nothing
 * does, as far as the method and the fields at the top of its parameters tell.
 *
 * @category getters
 * @since 0.1.0
 */
export const experimentalFeatureOf = (method: string, params: unknown): string | undefined => {
  if (!isClientRequest(method)) return undefined
  if (experimentalClientRequests[method].stability === "experimental") return method
  if (!Predicate.isReadonlyObject(params)) return undefined
  // What a field is when it is left out asks for nothing.
  const field = experimentalFields[method]?.find((name) => params[name] != null && params[name] !== false)
  return field === undefined ? undefined : `${method}.${field}`
}

// Where a file is moved to is part of what is decided on.
const isStrictInNotification = (path: string): boolean => /^item\.changes(\[|$)/.test(path)

// For people to read, or a proposal that need not be taken. All else decides what is allowed.
const isStrictInRequest = (path: string): boolean =>
  !/^(reason|commandActions|proposedExecpolicyAmendment|proposedNetworkPolicyAmendments|autoResolutionMs)(\[|\.|$)/.test(
    path
  )

const isStrictInResponse = (): boolean => false

/**
 * Validates a notification. The failure says in one line what is not as expected, the method if it is not known.
 *
 * **Details**
 *
 * Known parameters are passed on as they are, with the keys that the schema does not know. See `Lazy.decode`. A leaf that
 * can't be read costs as little as possible, see `Lazy.salvage`; the changes of a file change are whole, or the item is
 * unknown.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decodeNotification = (method: string, params: unknown): Result.Result<Notification, string> =>
  isNotification(method) ? decodeKnown(method, params) : Result.fail(`Unknown notification ${method}`)

const decodeKnown = <M extends keyof ExperimentalNotifications>(
  method: M,
  params: unknown
): Result.Result<Notification<M>, string> =>
  Result.map(decodeNotificationParams(method, params), ({ unreadable, value: params }) => ({
    method,
    params,
    unreadable
  }))

/**
 * Validates the parameters of a notification, as {@link decodeNotification} does.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decodeNotificationParams = <M extends keyof ExperimentalNotifications>(
  method: M,
  params: unknown
): Result.Result<Salvaged<ExperimentalNotifications[M]>, string> =>
  experimentalNotifications[method].salvage(params, isStrictInNotification)

/**
 * Validates a request of the server. What a decision rests on has to be as expected; what only explains it
 * may be missing.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decodeServerRequest = <M extends keyof ExperimentalServerRequests>(
  method: M,
  params: unknown
): Result.Result<ServerRequest<M>, string> =>
  Result.map(
    experimentalServerRequests[method].params.salvage(params, isStrictInRequest),
    ({ unreadable, value: params }) => ({ method, params, unreadable })
  )

/**
 * Validates the response to a request of ours. See `Lazy.salvage`.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decodeResponse = <M extends keyof ExperimentalClientRequests>(
  method: M,
  response: unknown
): Result.Result<ExperimentalClientRequests[M]["response"], string> =>
  Result.map(salvageResponse(method, response), ({ value }) => value)

/**
 * Like {@link decodeResponse}, with what could not be read.
 *
 * @category decoding
 * @since 0.1.0
 */
export const salvageResponse = <M extends keyof ExperimentalClientRequests>(
  method: M,
  response: unknown
): Result.Result<Salvaged<ExperimentalClientRequests[M]["response"]>, string> =>
  experimentalClientRequests[method].response.salvage(response, isStrictInResponse)

/**
 * How long a method may take: `control` the common deadline, `open` no deadline, `own` the time that its parameters say
 * (see {@link ownDeadline}). A method that is not known is `control`.
 *
 * @category deadlines
 * @since 0.1.0
 */
export const deadlineOf = (method: string): Deadline =>
  isClientRequest(method) ? experimentalClientRequests[method].deadline : "control"

// What the server will refuse needs no more than the time for its reply.
const nonNegative = (time: number): number => (Number.isFinite(time) ? Math.max(0, time) : 0)

/** How much longer than the server's own time a reply may take. */
const ownDeadlineMargin = Duration.seconds(30)

/**
 * The deadline of a call that carries its own time, with half a minute on top for the reply; `undefined` if the parameters
 * leave the time to the server or switch it off.
 *
 * @category deadlines
 * @since 0.1.0
 */
export const ownDeadline = (params: unknown): Duration.Duration | undefined => {
  if (!Predicate.isReadonlyObject(params) || params["disableTimeout"] === true) return undefined
  const millis = params["timeoutMs"] ?? params["connectTimeoutMs"]
  const seconds = params["timeoutSecs"]
  const own =
    typeof millis === "number"
      ? Duration.millis(nonNegative(millis))
      : typeof seconds === "number"
        ? Duration.seconds(nonNegative(seconds))
        : undefined
  return own === undefined ? undefined : Duration.sum(own, ownDeadlineMargin)
}
