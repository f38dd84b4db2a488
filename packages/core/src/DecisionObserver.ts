/**
 * Observes the decisions of a connection and the notifications that follow: the hook for an audit trail.
 *
 * An observer belongs to the connection, not to a turn, so it sees every decision: those of engines, those of a person, and the
 * requests that the client declines by itself. It is read-only: it can neither change nor delay a decision.
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
  /** The item that the request is about, if it names one. */
  readonly itemId: string | undefined
  /**
   * One word: `accept`, `acceptForSession`, `decline`, `cancel`, the name of an amendment, or `withdrawn` if the server did not
   * wait for an answer. Answers to questions are `accept`, without their content.
   */
  readonly decision: string
  /** The `by` of the verdict. `undefined` if no verdict was reached, so that the client declined; `reason` says why. */
  readonly by: string | undefined
  readonly reason: string | undefined
  /** From the request to the answer, in milliseconds. */
  readonly millis: number
}

/**
 * Both are called synchronously by the code that they observe, so they must not block. Anything they throw is logged and
 * otherwise ignored.
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
 * The observer of all connections that are built in its context. Default: none.
 *
 * @category services
 * @since 0.1.0
 */
export const DecisionObserver = Context.Reference<DecisionObserver | undefined>("@effect-codex/core/DecisionObserver", {
  defaultValue: () => undefined
})
