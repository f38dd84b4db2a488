/**
 * Who sees what a connection decides and what happens then: the place where an audit trail hangs.
 *
 * An observer belongs to the connection, not to a turn, so that nothing is decided past it: what engines say, what a person
 * says, and what the client declines by itself. It only looks; it can change nothing and hold up nothing.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type { Notification } from "./Notification.ts"
import type { Kind } from "./PolicyEngine.ts"
import type { ServerRequest } from "./ServerRequest.ts"

/**
 * A request of the server that asks for a decision, and its answer.
 *
 * @category models
 * @since 0.1.0
 */
export interface ObservedDecision {
  readonly kind: Kind
  readonly request: ServerRequest
  readonly threadId: string
  readonly turnId: string | undefined
  /** The item that it is about, if it names one. */
  readonly itemId: string | undefined
  /**
   * In one word: `accept`, `acceptForSession`, `decline`, `cancel`, the name of an amendment, or `withdrawn` when the server
   * did not wait for an answer. For answers to questions `accept`, without what was answered.
   */
  readonly decision: string
  /** Who decided, as verdicts say it. `undefined`: nobody, so the client declined; `reason` says why. */
  readonly by: string | undefined
  readonly reason: string | undefined
  /** From the request to the answer, in milliseconds. */
  readonly millis: number
}

/**
 * Both are called by what they report, so they may not block, and what they throw is logged and forgotten.
 *
 * @category models
 * @since 0.1.0
 */
export interface DecisionObserver {
  /** Called with each decision, right before the answer is sent. */
  readonly onDecision: (decision: ObservedDecision) => void
  /** Called with every notification of the connection, in order. */
  readonly onNotification: (notification: Notification) => void
}

/**
 * The observer of the connections that are built where it is provided. Default: none.
 *
 * @category services
 * @since 0.1.0
 */
export const DecisionObserver = Context.Reference<DecisionObserver | undefined>("@effect-codex/core/DecisionObserver", {
  defaultValue: () => undefined
})
