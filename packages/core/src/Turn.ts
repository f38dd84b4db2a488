/**
 * What a turn may use, and when it is taken for stalled.
 *
 * @stability stable
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"

/**
 * When a turn that does not move is taken for stalled. Time in which an approval, a tool or a command is under way does not
 * count.
 *
 * @category models
 * @since 0.1.0
 */
export interface Watchdog {
  /** After so much silence the turn's streams get a `turn/silent`. Default: 60 seconds. */
  readonly silenceWarning?: Duration.Input | "off" | undefined
  /**
   * After so much silence the turn is interrupted and fails with `TurnStalled`. Default: 6 minutes, as the server itself
   * waits 5 minutes for the next word of the model (codex 0.169.0) and then tries again or fails the turn.
   */
  readonly stallTimeout?: Duration.Input | "off" | undefined
  /** So long may the server go on trying to reach the model without any progress. Default: 2 minutes. */
  readonly retryWindow?: Duration.Input | "off" | undefined
}

/**
 * What one turn may use. Reaching a limit interrupts the turn, which fails with `BudgetExceeded`; a turn that is over by
 * then keeps its result.
 *
 * @category models
 * @since 0.1.0
 */
export interface Budget {
  /** Input and output tokens of the turn's requests to the model, cached ones included. Counted after each request. */
  readonly tokens?: number | undefined
  /** Time from the turn's start, approvals included. */
  readonly duration?: Duration.Input | undefined
}

/**
 * What all turns of a layer may use together. When a limit is reached, those that run are interrupted, and no other starts.
 *
 * @category models
 * @since 0.1.0
 */
export interface LayerBudget extends Budget {
  readonly turns?: number | undefined
}
