/**
 * Control of turns by their ids, for turns without a handle in this program: those of other clients and of the server itself.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { AppServer } from "../AppServer.ts"
import type { ThreadError } from "../CodexError.ts"
import type { ExperimentalApi } from "../ExperimentalApi.ts"
import { makeCalls } from "../internal/api/calls.ts"
import type * as Experimental from "../protocol/generated/Experimental.ts"
import type * as Schemas from "../protocol/generated/Stable.ts"

/**
 * The functions of `codex.turn`.
 *
 * @category models
 * @since 0.1.0
 */
export interface TurnControl {
  /**
   * Adds input to the running turn, which must be `expectedTurnId`. Returns the id of the turn that received it. Calls
   * `turn/steer`.
   */
  readonly steer: (
    threadId: string,
    params: Omit<Schemas.TurnSteerParams, "threadId">
  ) => Effect.Effect<string, ThreadError>
  /** Asks the server to interrupt the turn; `turn/completed` reports when it has stopped. Calls `turn/interrupt`. */
  readonly interrupt: (
    threadId: string,
    params: Omit<Schemas.TurnInterruptParams, "threadId">
  ) => Effect.Effect<void, ThreadError>
  /**
   * Changes the settings of a running turn for its next steps. Returns `applied`, or `targetUnavailable` if it was too late.
   * Calls `turn/settings/update`.
   *
   * @stability experimental
   */
  readonly settingsUpdate: (
    threadId: string,
    params: Omit<Experimental.TurnSettingsUpdateParams, "threadId">
  ) => Effect.Effect<Experimental.TurnSettingsUpdateStatus, ThreadError, ExperimentalApi>
}

/**
 * `codex.turn` over a connection.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (server: AppServer["Service"]): TurnControl => {
  const { experimentalThread, thread } = makeCalls(server)
  return {
    steer: (threadId, params) => Effect.map(thread("turn/steer", { ...params, threadId }), ({ turnId }) => turnId),
    interrupt: (threadId, params) => Effect.asVoid(thread("turn/interrupt", { ...params, threadId })),
    settingsUpdate: (threadId, params) =>
      Effect.map(experimentalThread("turn/settings/update", { ...params, threadId }), ({ status }) => status)
  }
}
