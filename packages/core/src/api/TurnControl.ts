/**
 * Turns by their ids, for programs that know of a turn and have no handle of it: another client's, or the server's own.
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
 * What `codex.turn` can do.
 *
 * @category models
 * @since 0.1.0
 */
export interface TurnControl {
  /**
   * Adds input to the running turn, which has to be `expectedTurnId`; tells the id of the turn that has it. Calls
   * `turn/steer`.
   */
  readonly steer: (
    threadId: string,
    params: Omit<Schemas.TurnSteerParams, "threadId">
  ) => Effect.Effect<string, ThreadError>
  /** Asks for the turn to be stopped; `turn/completed` tells when it has. Calls `turn/interrupt`. */
  readonly interrupt: (
    threadId: string,
    params: Omit<Schemas.TurnInterruptParams, "threadId">
  ) => Effect.Effect<void, ThreadError>
  /**
   * Changes what a running turn does its next steps with; tells whether that was in time. Calls `turn/settings/update`.
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
