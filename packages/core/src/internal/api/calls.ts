/**
 * Requests with exact error types: a method that is not about a thread does not have the errors of those that are.
 *
 * The room knows how one call of a method fails, pages and streams. It must not know turns, policies, or the purpose of a
 * method.
 */
import * as Effect from "effect/Effect"
import type { AppServer, SendRequest } from "../../AppServer.ts"
import type { CallError, ThreadError } from "../../CodexError.ts"
import type { ExperimentalApi } from "../../ExperimentalApi.ts"
import type { ClientRequests, ExperimentalClientRequests } from "../../protocol/generated/Methods.ts"

/** Lets the server load a thread, with the defaults of the layer, unless this connection has already loaded it. */
export type LoadThread = (threadId: string) => Effect.Effect<unknown, ThreadError>

export interface Calls {
  readonly plain: SendRequest<ClientRequests, CallError>
  /** For methods about a thread. */
  readonly thread: SendRequest<ClientRequests, ThreadError>
  readonly experimental: SendRequest<ExperimentalClientRequests, CallError, ExperimentalApi>
  readonly experimentalThread: SendRequest<ExperimentalClientRequests, ThreadError, ExperimentalApi>
}

export const makeCalls = ({ request, requestExperimental }: AppServer["Service"]): Calls => ({
  plain: (method, ...args) => Effect.catchTags(request(method, ...args), aboutNoThread),
  thread: request,
  experimental: (method, ...args) => Effect.catchTags(requestExperimental(method, ...args), aboutNoThread),
  experimentalThread: requestExperimental
})

// Errors are only read as errors about a thread if the parameters name one.
const aboutNoThread = {
  SessionNotFound: Effect.die,
  SessionArchived: Effect.die,
  NoRollout: Effect.die,
  ThreadLocked: Effect.die
}
