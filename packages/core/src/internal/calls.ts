/**
 * Requests whose failures are those that requests of their kind can have: a method that is about no thread does not fail with
 * `SessionNotFound`. Should the server say so all the same, it is an error without a tag of its own.
 */
import * as Effect from "effect/Effect"
import type { AppServer, SendRequest } from "../AppServer.ts"
import {
  type CallError,
  type ExperimentalApiRequired,
  type NotAuthenticated,
  type RequestError,
  RequestFailed,
  type ThreadError
} from "../CodexError.ts"
import type { ExperimentalApi } from "../ExperimentalApi.ts"
import type { ClientRequests, ExperimentalClientRequests } from "../protocol/generated/Methods.ts"

/** Has the server load a thread, with the defaults of the layer, unless this connection has it loaded. */
export type LoadThread = (threadId: string) => Effect.Effect<unknown, ThreadError>

export interface Calls {
  readonly plain: SendRequest<ClientRequests, CallError>
  /** For what needs an account. */
  readonly account: SendRequest<ClientRequests, CallError | NotAuthenticated>
  /** For what is about a thread. */
  readonly thread: SendRequest<ClientRequests, ThreadError>
  readonly experimental: SendRequest<ExperimentalClientRequests, CallError | ExperimentalApiRequired, ExperimentalApi>
  readonly experimentalThread: SendRequest<
    ExperimentalClientRequests,
    ThreadError | ExperimentalApiRequired,
    ExperimentalApi
  >
}

export const makeCalls = ({ request, requestExperimental }: AppServer["Service"]): Calls => ({
  plain: (method, ...args) => {
    const other = withoutTag(method)
    return Effect.catchTags(request(method, ...args), {
      ...noThread(method),
      NotAuthenticated: other,
      ExperimentalApiRequired: other
    })
  },
  account: (method, ...args) =>
    Effect.catchTags(request(method, ...args), { ...noThread(method), ExperimentalApiRequired: withoutTag(method) }),
  thread: (method, ...args) => narrowed(method, request(method, ...args)),
  experimental: (method, ...args) =>
    Effect.catchTags(requestExperimental(method, ...args), {
      ...noThread(method),
      NotAuthenticated: withoutTag(method)
    }),
  experimentalThread: (method, ...args) =>
    Effect.catchTags(requestExperimental(method, ...args), { NotAuthenticated: withoutTag(method) })
})

/** A `LoadThread` from what resumes a thread. */
export const makeLoad =
  (resume: (threadId: string) => Effect.Effect<unknown, RequestError>): LoadThread =>
  (threadId) =>
    narrowed("thread/resume", resume(threadId))

const narrowed = <A>(method: string, effect: Effect.Effect<A, RequestError>): Effect.Effect<A, ThreadError> => {
  const other = withoutTag(method)
  return Effect.catchTags(effect, { NotAuthenticated: other, ExperimentalApiRequired: other })
}

// The code is that of nearly all errors of the server.
const withoutTag = (method: string) => (error: { readonly message: string }) =>
  Effect.fail(new RequestFailed({ method, code: -32600, description: error.message }))

const noThread = (method: string) => {
  const other = withoutTag(method)
  return { SessionNotFound: other, SessionArchived: other, NoRollout: other, ThreadLocked: other }
}
