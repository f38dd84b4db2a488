/**
 * Code reviews by the agent.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { AppServer } from "../AppServer.ts"
import type { ThreadError } from "../CodexError.ts"
import { type LoadThread, makeCalls } from "../internal/api/calls.ts"
import type * as Schemas from "../protocol/generated/Stable.ts"

/**
 * The functions of `codex.review`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Review {
  /**
   * Starts a review on a thread, loading it if necessary, and does not wait for its end. The review's turn has no handle, so
   * its approval requests are declined unless the thread has a `policy`. Use `review` of a thread's handle to own the turn.
   * Calls `review/start`.
   */
  readonly start: (
    threadId: string,
    params: Omit<Schemas.ReviewStartParams, "threadId">
  ) => Effect.Effect<Schemas.ReviewStartResponse, ThreadError>
}

/**
 * `codex.review` over a connection.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (server: AppServer["Service"], options: { readonly load: LoadThread }): Review => {
  const { thread } = makeCalls(server)
  return {
    start: (threadId, params) => Effect.andThen(options.load(threadId), thread("review/start", { ...params, threadId }))
  }
}
