/**
 * The budget and the watchdog of a turn.
 *
 * @stability stable
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"

/**
 * When a turn without progress counts as stalled. Time in which an approval, a tool or a command is pending does not count.
 *
 * @category models
 * @since 0.1.0
 */
export interface Watchdog {
  /** The silence after which the turn's streams emit a `turn/silent`. Default: 60 seconds. */
  readonly silenceWarning?: Duration.Input | "off" | undefined
  /**
   * The silence after which the turn is interrupted and fails with `TurnStalled`. Default: 6 minutes, because the server itself
   * waits 5 minutes for the model's next output (codex 0.169.0) and then tries again or fails the turn.
   */
  readonly stallTimeout?: Duration.Input | "off" | undefined
  /** How long the server may keep retrying to reach the model without any progress. Default: 2 minutes. */
  readonly retryWindow?: Duration.Input | "off" | undefined
}

/**
 * The budget of one turn. Reaching a limit interrupts the turn, which fails with `BudgetExceeded`; a turn that is already over
 * keeps its result.
 *
 * @category models
 * @since 0.1.0
 */
export interface Budget {
  /** Input and output tokens of the turn's requests to the model, including cached ones. Counted after each request. */
  readonly tokens?: number | undefined
  /** Time from the turn's start, including approvals. */
  readonly duration?: Duration.Input | undefined
}

/**
 * The budget of all turns of a layer together. When a limit is reached, running turns are interrupted and no new ones start.
 *
 * @category models
 * @since 0.1.0
 */
export interface LayerBudget extends Budget {
  readonly turns?: number | undefined
}
