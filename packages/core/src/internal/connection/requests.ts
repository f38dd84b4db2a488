/**
 * Calls the methods of the server: with their deadlines, with retries while the server does not run them, and with an error
 * that explains the failure if that of the server does not.
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import {
  ExperimentalApiRequired,
  InvalidParams,
  ProtocolViolation,
  type RawRequestError,
  type RequestError,
  RequestTimedOut,
  SessionNotFound,
  type ThreadBusy,
  UnsupportedMethod
} from "../../CodexError.ts"
import type { JsonRpc } from "../rpc/jsonRpc.ts"
import * as Notification from "../../Notification.ts"
import type { ExperimentalClientRequests } from "../../protocol/generated/Methods.ts"
import * as Protocol from "../../protocol/Protocol.ts"
import * as Versions from "../../protocol/Versions.ts"
import * as WireError from "./wireErrors.ts"
import { observeRequest, observeUnreadable } from "./observe.ts"
import * as Options from "../options.ts"
import type { Router } from "./router.ts"

/**
 * Options of a single request, which override those of its method.
 *
 * @category models
 * @since 0.1.0
 */
export interface RequestOptions {
  /**
   * Overrides the deadline of the method; `"none"` waits without limit. A duration that is not finite and above zero fails with
   * `InvalidParams`, and nothing is sent.
   */
  readonly timeout?: Duration.Input | "none" | undefined
  /** Called with a response that arrives after the request was interrupted or timed out. Must not block. */
  readonly onLate?: ((response: unknown) => void) | undefined
  /** Whether to send a request again that the server was too busy to run. Default: true. */
  readonly retry?: boolean | undefined
}

type Arguments<P> = undefined extends P
  ? readonly [params?: P, options?: RequestOptions]
  : readonly [params: P, options?: RequestOptions]

/**
 * A function that calls a method by its name.
 *
 * @category models
 * @since 0.1.0
 */
export type SendRequest<
  R extends { readonly [M in keyof R]: { readonly params: unknown; readonly response: unknown } },
  E,
  Requirements = never
> = <M extends keyof R & string>(
  method: M,
  ...args: Arguments<R[M]["params"]>
) => Effect.Effect<R[M]["response"], E, Requirements>

/** Whether the server refused a request that it would run a moment later: it is overloaded, or is unloading the thread. */
export const neverRan = (error: RequestError | ThreadBusy): boolean =>
  error._tag === "Overloaded" || (error._tag === "RequestFailed" && WireError.isClosing(error.description))

/**
 * Repeats such a request after it has failed with `error`: up to five times, as long as `isNotRun` holds for its failure. The
 * first delay is about 100 ms, and each one is twice as long as the one before.
 */
export const retryNotRun = <A, E, R>(
  error: E,
  request: Effect.Effect<A, E, R>,
  isNotRun: (error: E) => boolean
): Effect.Effect<A, E, R> => {
  let failed = false
  const again = Effect.suspend(() => {
    // The first failure is already known.
    if (failed) return request
    failed = true
    return Effect.fail(error)
  })
  const schedule = Schedule.jittered(Schedule.exponential("100 millis"))
  return Effect.retry(again, { schedule, times: 5, while: isNotRun })
}

// Methods for which the server runs a turn of its own.
const startsTurn: ReadonlySet<string> = new Set(["thread/shellCommand", "thread/compact/start"])

type Sent = ReturnType<JsonRpc["request"]>

export interface Requests {
  readonly requestRaw: (
    method: string,
    params?: unknown,
    options?: RequestOptions
  ) => Effect.Effect<unknown, RawRequestError>
  readonly request: SendRequest<ExperimentalClientRequests, RequestError>
  /** Waits while the thread is being left. A resume that overtakes the leave would be undone by it. */
  readonly whenLeft: (threadId: string) => Effect.Effect<void>
  /** The number of threads that are being left. */
  readonly sizes: () => Readonly<Record<string, number>>
}

export const makeRequests = ({
  experimentalApi,
  requestTimeout,
  router,
  rpc,
  serverVersion
}: {
  readonly rpc: JsonRpc
  readonly router: Router
  readonly experimentalApi: boolean
  readonly requestTimeout: Duration.Duration
  readonly serverVersion: string
}): Requests => {
  const deadlineOf = (method: string, params: unknown): Duration.Duration | undefined => {
    switch (Protocol.deadlineOf(method)) {
      case "open":
        return undefined
      case "own":
        return Protocol.ownDeadline(params)
      default:
        return requestTimeout
    }
  }

  // For a server that has all known fields, requests need no check.
  const newest = Versions.protocol.versions.at(-1)
  const isComplete = newest === undefined || !Versions.isOlder(serverVersion, newest)

  const isActive = (response: unknown): boolean => {
    const thread = Predicate.hasProperty(response, "thread") ? response.thread : undefined
    const status = Predicate.hasProperty(thread, "status") ? thread.status : undefined
    return Predicate.hasProperty(status, "type") && status.type === "active"
  }

  const changesThreads = (method: string): boolean => method.startsWith("thread/")

  const followResponse = (method: string, params: unknown, response: unknown) => {
    if (method === "thread/start" || method === "thread/resume" || method === "thread/fork") {
      const threadId = Notification.idIn(response, "threadId", "thread")
      const provider = Predicate.hasProperty(response, "modelProvider") ? String(response.modelProvider) : ""
      if (threadId !== undefined) router.join(threadId, provider, isActive(response))
    } else if (startsTurn.has(method)) {
      const threadId = Notification.idIn(params, "threadId", "thread")
      // The turn begins after the reply.
      if (threadId !== undefined && router.isJoined(threadId)) router.setActiveTurn(threadId, undefined)
    }
  }

  const leaving = new Map<string, Deferred.Deferred<void>>()

  // Messages of the thread after this request has been sent are not delivered.
  const leaveAndSend = <A, E>(params: unknown, sent: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.suspend(() => {
      const threadId = Notification.idIn(params, "threadId", "thread")
      if (threadId === undefined) return sent
      const answered = Deferred.makeUnsafe<void>()
      leaving.set(threadId, answered)
      router.leave(threadId)
      return Effect.ensuring(
        sent,
        Effect.sync(() => {
          if (leaving.get(threadId) === answered) leaving.delete(threadId)
          Deferred.doneUnsafe(answered, Effect.void)
          router.left(threadId)
        })
      )
    })

  const whenLeft: Requests["whenLeft"] = (threadId) =>
    Effect.suspend(() => {
      const answered = leaving.get(threadId)
      return answered === undefined ? Effect.void : Effect.andThen(Deferred.await(answered), whenLeft(threadId))
    })

  const isLoaded = (threadId: string): Effect.Effect<boolean, RawRequestError> =>
    Effect.map(requestRaw("thread/loaded/list", {}), (response) =>
      Result.match(Protocol.decodeResponse("thread/loaded/list", response), {
        onFailure: () => false,
        onSuccess: ({ data }) => data.includes(threadId)
      })
    )

  // The server gives the same error for a thread that does not exist, is archived, or is not loaded. It still knows the name of
  // a thread whose rollout was deleted, but can no longer list its turns.
  const lookFor = Effect.fnUntraced(function* (
    method: string,
    threadId: string
  ): Effect.fn.Return<never, RawRequestError> {
    const notFound = new SessionNotFound({ threadId })
    if (method === "thread/read") return yield* notFound
    const orNotFound = Effect.mapError((error: RawRequestError) =>
      error._tag === "ConnectionFailed" ? error : notFound
    )
    const response = yield* orNotFound(requestRaw("thread/read", { threadId }))
    const archived = WireError.archivedIn(threadId, response)
    if (archived !== undefined) return yield* archived
    if (method === "thread/turns/list") return yield* notFound
    yield* orNotFound(requestRaw("thread/turns/list", { threadId, limit: 1 }))
    return yield* WireError.notLoaded(method, threadId)
  })

  const requestRaw: Requests["requestRaw"] = (method, params, requestOptions) => {
    const feature = experimentalApi ? undefined : Protocol.experimentalFeatureOf(method, params)
    if (feature !== undefined) return Effect.fail(new ExperimentalApiRequired({ feature }))
    const missing = isComplete ? undefined : Versions.missingField(serverVersion, method, params)
    if (missing !== undefined) {
      return Effect.fail(new UnsupportedMethod({ method: missing.field, serverVersion, since: missing.since }))
    }
    const { timeout, ...rest }: RequestOptions = requestOptions ?? {}
    if (timeout === "none") return send(method, params, undefined, rest)
    if (timeout === undefined) return send(method, params, deadlineOf(method, params), rest)
    return Options.timeout("timeout", timeout).pipe(
      Effect.mapError(({ message }) => new InvalidParams({ method, description: message })),
      Effect.flatMap((deadline) => send(method, params, deadline, rest))
    )
  }

  const send = (
    method: string,
    params: unknown,
    deadline: Duration.Duration | undefined,
    { onLate, retry }: Pick<RequestOptions, "onLate" | "retry">
  ): Effect.Effect<unknown, RawRequestError> => {
    const millis = deadline === undefined ? undefined : Duration.toMillis(deadline)
    const sent = rpc.request(method, params, { deadline: millis, onLate })
    // Most requests succeed, so the handling of a failure is only built when there is one.
    const answered = Effect.catch(sent, (error) => recover(method, params, sent, error, retry !== false))
    return observeRequest(
      method,
      method === "thread/unsubscribe"
        ? leaveAndSend(params, answered)
        : changesThreads(method)
          ? Effect.map(answered, (response) => {
              followResponse(method, params, response)
              return response
            })
          : answered
    )
  }

  const recover = (
    method: string,
    params: unknown,
    sent: Sent,
    cause: Effect.Error<Sent>,
    retry: boolean
  ): Effect.Effect<unknown, RawRequestError> => {
    const error = toRequestError(method, params, cause)
    if (error._tag === "NoRollout") {
      return Effect.flatMap(isLoaded(error.threadId), (loaded) =>
        loaded ? Effect.fail(error) : lookFor(method, error.threadId)
      )
    }
    if (error._tag === "SessionNotFound") return lookFor(method, error.threadId)
    if (!neverRan(error) || !retry) return Effect.fail(error)
    const again = Effect.mapError(sent, (cause) => toRequestError(method, params, cause))
    // There is no next attempt on a closed connection.
    return Effect.raceFirst(retryNotRun(error, again, neverRan), rpc.closed)
  }

  const toRequestError = (method: string, params: unknown, error: Effect.Error<Sent>): RawRequestError => {
    switch (error._tag) {
      case "ConnectionFailed":
        return error
      case "RpcTimedOut":
        return new RequestTimedOut({ method, millis: error.millis })
      case "RpcError":
        return WireError.fromRpc({ method, params, error, serverVersion })
    }
  }

  const request: Requests["request"] = (method, ...[params, requestOptions]) =>
    Effect.flatMap(requestRaw(method, params, requestOptions), (response) => {
      const salvaged = Protocol.salvageResponse(method, response)
      if (Result.isFailure(salvaged)) {
        return Effect.fail(new ProtocolViolation({ method, description: salvaged.failure }))
      }
      const { unreadable, value } = salvaged.success
      return unreadable.length === 0 ? Effect.succeed(value) : Effect.as(observeUnreadable(method, unreadable), value)
    })

  return { request, requestRaw, whenLeft, sizes: () => ({ leaving: leaving.size }) }
}
