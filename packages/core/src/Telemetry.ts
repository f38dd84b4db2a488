/**
 * The metrics of a connection, with their names and attributes.
 *
 * Names follow OpenTelemetry's conventions for generative AI and for RPC; those that are not covered there begin with `codex.`.
 * Attributes are names, ids, counts and outcomes, never the content of a prompt, a command, a file or an answer.
 *
 * @stability stable
 * @since 0.1.0
 */
import type * as Context from "effect/Context"
import * as Exit from "effect/Exit"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"

// The boundaries that the conventions recommend for durations in seconds and for tokens.
const seconds = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92]
const tokens = Array.from({ length: 14 }, (_, index) => 4 ** index)

/**
 * The duration of requests to the server, in seconds, by `rpc.method` and `outcome` (`ok`, or the tag of the error). Methods
 * that are not part of the protocol count as `other`. Its count is the number of requests.
 *
 * @category metrics
 * @since 0.1.0
 */
export const requestDuration = Metric.histogram("rpc.client.duration", {
  description: "How long requests to the app-server took",
  boundaries: seconds,
  attributes: { unit: "s" }
})

/**
 * The duration of turns, in seconds, by `outcome` (`ok`, or the tag of the error). Its count is the number of turns.
 *
 * @category metrics
 * @since 0.1.0
 */
export const turnDuration = Metric.histogram("gen_ai.client.operation.duration", {
  description: "How long turns took",
  boundaries: seconds,
  attributes: { unit: "s", "gen_ai.operation.name": "invoke_agent" }
})

/**
 * The tokens of each turn, by `gen_ai.token.type`: `input` (including cached ones), `output` (including reasoning).
 *
 * @category metrics
 * @since 0.1.0
 */
export const turnTokens = Metric.histogram("gen_ai.client.token.usage", {
  description: "Tokens that turns used",
  boundaries: tokens,
  attributes: { unit: "{token}", "gen_ai.operation.name": "invoke_agent" }
})

/**
 * The number of turns that are running.
 *
 * @category metrics
 * @since 0.1.0
 */
export const activeTurns = Metric.counter("codex.turns.active", {
  description: "Turns that run",
  attributes: { unit: "{turn}" }
})

/**
 * The number of turns that did not end within `stopTimeout` of their interruption.
 *
 * @category metrics
 * @since 0.1.0
 */
export const turnsNotStopped = Metric.counter("codex.turns.not_stopped", {
  description: "Turns that did not end in time when they were stopped",
  attributes: { unit: "{turn}" },
  incremental: true
})

/**
 * How long requests of the server waited for an answer, in seconds, by `codex.request.kind` and `codex.decision`. Its count is
 * the number of approvals by decision.
 *
 * @category metrics
 * @since 0.1.0
 */
export const approvalDuration = Metric.histogram("codex.approval.duration", {
  description: "How long approvals and other requests of the app-server waited for an answer",
  boundaries: seconds,
  attributes: { unit: "s" }
})

/**
 * The number of requests of the server that are waiting for an answer.
 *
 * @category metrics
 * @since 0.1.0
 */
export const pendingApprovals = Metric.counter("codex.approvals.pending", {
  description: "Approvals and other requests of the app-server that wait for an answer",
  attributes: { unit: "{request}" }
})

/**
 * The number of lines from the server that were skipped because they were not messages.
 *
 * @category metrics
 * @since 0.1.0
 */
export const malformedLines = Metric.counter("codex.lines.malformed", {
  description: "Lines of the app-server that were not JSON-RPC messages",
  attributes: { unit: "{line}" },
  incremental: true
})

/**
 * The number of unreadable places in known messages, by `rpc.method`. Their values are missing.
 *
 * @category metrics
 * @since 0.1.0
 */
export const unreadableLeaves = Metric.counter("codex.leaves.unreadable", {
  description: "Places in messages of the app-server that could not be read",
  attributes: { unit: "{place}" },
  incremental: true
})

/**
 * The largest amount that any consumer has left unread so far, in bytes.
 *
 * @category metrics
 * @since 0.1.0
 */
export const bufferHighWater = Metric.gauge("codex.buffer.high_water", {
  description: "The most that one consumer has left unread",
  attributes: { unit: "By" }
})

/**
 * The number of deltas that were merged into the previous one because their consumer was behind.
 *
 * @category metrics
 * @since 0.1.0
 */
export const mergedDeltas = Metric.counter("codex.deltas.merged", {
  description: "Deltas merged into the one before, for a consumer that was behind",
  attributes: { unit: "{delta}" },
  incremental: true
})

/**
 * Adds attributes to a metric, with one object for each set of values: they are merged once, not at each update.
 *
 * @category utils
 * @since 0.1.0
 */
export const byAttributes = <Input, State>(
  metric: Metric.Metric<Input, State>
): ((...attributes: ReadonlyArray<readonly [string, string]>) => Metric.Metric<Input, State>) => {
  const known = new Map<string, Metric.Metric<Input, State>>()
  return (...attributes) => {
    const [first] = attributes
    const key =
      attributes.length === 1 && first !== undefined ? first[1] : attributes.map(([, value]) => value).join("\n")
    const found = known.get(key)
    if (found !== undefined) return found
    const made = Metric.withAttributes(metric, Object.fromEntries(attributes))
    known.set(key, made)
    return made
  }
}

/**
 * Records in the metrics how much a consumer has left unread.
 *
 * @category utils
 * @since 0.1.0
 */
export const observeBuffer =
  (context: Context.Context<never>) =>
  (bytes: number, merged: number): void => {
    if (merged > 0) mergedDeltas.updateUnsafe(merged, context)
    if (bytes > bufferHighWater.valueUnsafe(context).value) bufferHighWater.updateUnsafe(bytes, context)
  }

/**
 * The outcome of an exit: `ok`, the tag of the error, `interrupted`, or `defect`.
 *
 * @category getters
 * @since 0.1.0
 */
export const outcomeOf = (exit: Exit.Exit<unknown, unknown>): string => {
  if (Exit.isSuccess(exit)) return "ok"
  const error = Option.getOrUndefined(Exit.findErrorOption(exit))
  if (Predicate.hasProperty(error, "_tag") && typeof error._tag === "string") return error._tag
  return Exit.hasInterrupts(exit) ? "interrupted" : "defect"
}
