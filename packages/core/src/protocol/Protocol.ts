/**
 * Decodes the messages of the server: takes a method name and its payload, and returns a value of that method's type.
 *
 * The schemas are generated (`generated/`); only this module looks them up by a name from the wire. It is pure: it starts
 * nothing, waits for nothing, and knows no connection. It always decodes the experimental edition of the protocol, a superset
 * of the stable edition.
 *
 * Messages of newer servers decode too: an enum accepts any value of its type, and unknown keys are kept. A tagged union turns
 * a member with an unknown tag into `{ type: "unknown", raw }` (`mode` or `kind` if that is the tag's name), plus the fields
 * that all members share. Types that a client sends are closed, so that the compiler checks them. A definition that goes in
 * both directions therefore exists twice, for example as `SandboxMode` and `KnownSandboxMode`.
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
    /** The paths in the parameters that could not be read and are missing. */
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
    /** The paths in the parameters that could not be read and are missing. */
    readonly unreadable: ReadonlyArray<string>
  }
}[M]

/**
 * Whether this version of the package knows a notification with this name.
 *
 * @category guards
 * @since 0.1.0
 */
export const isNotification = (method: string): method is keyof ExperimentalNotifications =>
  notificationNames.has(method)

/**
 * The name of a notification as one shared string, or `undefined` if this version of the package does not know it. Looking up
 * and comparing the shared string is faster than with an equal string that was just parsed.
 *
 * @category getters
 * @since 0.1.0
 */
export const notificationName = (method: string): keyof ExperimentalNotifications | undefined => {
  // Deltas come in runs, and a comparison is cheaper than a lookup.
  if (method === lastName) return lastName
  lastName = notificationNames.get(method)
  return lastName
}

let lastName: keyof ExperimentalNotifications | undefined

const notificationNames: ReadonlyMap<string, keyof ExperimentalNotifications> = new Map(
  Struct.keys(experimentalNotifications).map((name) => [name, name])
)

/**
 * Whether this version of the package knows a server request with this name.
 *
 * @category guards
 * @since 0.1.0
 */
export const isServerRequest = (method: string): method is keyof ExperimentalServerRequests =>
  Object.hasOwn(experimentalServerRequests, method)

/**
 * Whether this version of the package knows a client request with this name.
 *
 * @category guards
 * @since 0.1.0
 */
export const isClientRequest = (method: string): method is keyof ExperimentalClientRequests =>
  Object.hasOwn(experimentalClientRequests, method)

/**
 * The part of a request that needs the experimental API, by the server's name for it: the method, or `method.field`.
 * `undefined` if neither the method nor a top-level field of its parameters is experimental.
 *
 * @category getters
 * @since 0.1.0
 */
export const experimentalFeatureOf = (method: string, params: unknown): string | undefined => {
  if (!isClientRequest(method)) return undefined
  if (experimentalClientRequests[method].stability === "experimental") return method
  if (!Predicate.isReadonlyObject(params)) return undefined
  // `null` and `false` mean the same as an omitted field, so they use nothing experimental.
  const field = experimentalFields[method]?.find((name) => params[name] != null && params[name] !== false)
  return field === undefined ? undefined : `${method}.${field}`
}

// The policy decides on the changes of a file change, including where a file is moved to, so they are read whole.
const isStrictInNotification = (path: string): boolean => /^item\.changes(\[|$)/.test(path)

// The listed fields are for people to read, or optional proposals. Every other field determines what is allowed.
const isStrictInRequest = (path: string): boolean =>
  !/^(reason|commandActions|proposedExecpolicyAmendment|proposedNetworkPolicyAmendments|autoResolutionMs)(\[|\.|$)/.test(
    path
  )

const isStrictInResponse = (): boolean => false

/**
 * Validates a notification. The failure is one line that names the first unexpected part, or the unknown method.
 *
 * **Details**
 *
 * Known parameters are returned unchanged, including keys that the schema does not know (see `Lazy.decode`). An unreadable leaf
 * removes as little around it as possible (see `Lazy.salvage`). If a change of a file change is unreadable, the whole item
 * becomes unknown.
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
 * Validates a request of the server. Every field that a decision depends on must be valid; unreadable explanatory fields are
 * dropped.
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
 * Validates the response to a client request. See `Lazy.salvage`.
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
 * Like {@link decodeResponse}, but also returns the paths that could not be read.
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
 * The kind of deadline that a method has: `control` is the common deadline, `open` is none, and `own` is set by the parameters
 * (see {@link ownDeadline}). An unknown method is `control`.
 *
 * @category deadlines
 * @since 0.1.0
 */
export const deadlineOf = (method: string): Deadline =>
  isClientRequest(method) ? experimentalClientRequests[method].deadline : "control"

// The server refuses an invalid time at once, so such a request needs only the margin for the reply.
const nonNegative = (time: number): number => (Number.isFinite(time) ? Math.max(0, time) : 0)

/** How long a reply may take after the request's own time has elapsed. */
const ownDeadlineMargin = Duration.seconds(30)

/**
 * The deadline of a request that sets its own time: that time plus 30 seconds for the reply. `undefined` if the parameters
 * leave the time to the server or disable it.
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
