/**
 * Handles of threads and turns, for programs that want to hold on to them: to watch a turn from several places, to steer it,
 * to interrupt it, to go on afterwards.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { AgentResponse } from "./AgentResponse.ts"
import type { RequestError, TurnError, TurnStreamError } from "./CodexError.ts"
import type { Notification } from "./Notification.ts"
import type { PolicyEngine } from "./PolicyEngine.ts"
import type { TurnStartParams } from "./protocol/generated/Stable.ts"
import * as ResponseEvent from "./ResponseEvent.ts"
import type { ToolCallHandler } from "./ServerRequest.ts"

/**
 * Parameters of a turn as `turn/start` takes them, without the thread and the input.
 *
 * @category models
 * @since 0.1.0
 */
export type TurnOptions = Omit<TurnStartParams, "threadId" | "input">

/**
 * What a turn begins with.
 *
 * @category models
 * @since 0.1.0
 */
export interface TurnInput {
  readonly prompt: string
  /** Parameters of the turn, over the defaults of the layer. */
  readonly turn?: TurnOptions | undefined
  /** Runs the dynamic tools that the agent calls and the policy accepts. */
  readonly onToolCall?: ToolCallHandler | undefined
}

/**
 * A thread of the connected server.
 *
 * @category models
 * @since 0.1.0
 */
export interface Thread {
  readonly id: string
  /**
   * Starts a turn that the scope owns: closing it before the turn is over stops the turn. Waits until the turns before it on
   * this thread are over.
   */
  readonly turn: (input: string | TurnInput) => Effect.Effect<TurnHandle, RequestError, PolicyEngine | Scope.Scope>
}

/**
 * A running turn, or one that has run. The views are for any number of consumers, each of which begins at the turn's
 * beginning, however late it comes; leaving one stops nothing.
 *
 * @category models
 * @since 0.1.0
 */
export interface TurnHandle {
  readonly id: string
  readonly threadId: string
  /** `thread/ready` first, `turn/completed` last; then the stream ends, or fails as the turn did. */
  readonly events: Stream.Stream<ResponseEvent.ResponseEvent, TurnStreamError>
  /** The notifications behind the events. */
  readonly notifications: Stream.Stream<Notification, TurnStreamError>
  /** The text of the agent's messages as it is written, without reasoning or the output of tools. */
  readonly text: Stream.Stream<string, TurnStreamError>
  /** Waits for the end of the turn. */
  readonly response: Effect.Effect<AgentResponse, TurnError>
  /** Adds a message to the running turn. Fails if the turn is not the one that runs. */
  readonly steer: (prompt: string) => Effect.Effect<void, RequestError>
  /** Asks the server to stop the turn; `response` tells when it has. */
  readonly interrupt: Effect.Effect<void, RequestError>
}

/**
 * The events of a turn from its notifications.
 *
 * @category conversions
 * @since 0.1.0
 */
export const eventsOf = <E>(
  threadId: string,
  notifications: Stream.Stream<Notification, E>
): Stream.Stream<ResponseEvent.ResponseEvent, E> =>
  Stream.concat(
    Stream.succeed(ResponseEvent.threadReady(threadId)),
    Stream.map(notifications, (notification) => ResponseEvent.fromNotification(threadId, notification))
  )

/**
 * The text of the agent's messages from a turn's notifications: their deltas, or the whole message where none came.
 *
 * @category conversions
 * @since 0.1.0
 */
export const textOf = <E>(notifications: Stream.Stream<Notification, E>): Stream.Stream<string, E> =>
  Stream.suspend(() => {
    const streamed = new Set<string>()
    const textIn = (notification: Notification): string => {
      switch (notification.method) {
        case "item/agentMessage/delta":
          streamed.add(notification.params.itemId)
          return notification.params.delta
        case "item/completed": {
          const { item } = notification.params
          return item.type === "agentMessage" && !streamed.delete(item.id) ? item.text : ""
        }
        default:
          return ""
      }
    }
    return Stream.filter(Stream.map(notifications, textIn), (text) => text !== "")
  })
