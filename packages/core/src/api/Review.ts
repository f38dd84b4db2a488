/**
 * Reviews of code by the agent.
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
 * What `codex.review` can do.
 *
 * @category models
 * @since 0.1.0
 */
export interface Review {
  /**
   * Has the server start a review on a thread, which is loaded if it is not, and does not wait for it: its turn belongs to
   * nobody here, and what it asks for is declined unless the thread has a `policy`. `review` of a thread's handle is the
   * form with an owner. Calls `review/start`.
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
