/**
 * Requests whose failures are those that requests of their kind can have: a method that is about no thread does not fail as
 * those about one do.
 *
 * The room knows how one call of a method fails, pages and streams. It must not know turns, policies, or what a method is
 * for.
 */
import * as Effect from "effect/Effect"
import type { AppServer, SendRequest } from "../../AppServer.ts"
import type { CallError, ThreadError } from "../../CodexError.ts"
import type { ExperimentalApi } from "../../ExperimentalApi.ts"
import type { ClientRequests, ExperimentalClientRequests } from "../../protocol/generated/Methods.ts"

/** Has the server load a thread, with the defaults of the layer, unless this connection has it loaded. */
export type LoadThread = (threadId: string) => Effect.Effect<unknown, ThreadError>

export interface Calls {
  readonly plain: SendRequest<ClientRequests, CallError>
  /** For what is about a thread. */
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

// Errors are read as being about a thread only if the parameters name one.
const aboutNoThread = {
  SessionNotFound: Effect.die,
  SessionArchived: Effect.die,
  NoRollout: Effect.die,
  ThreadLocked: Effect.die
}
