/**
 * What a connection measures: the names of its spans, their attributes, and its metrics.
 *
 * Names are those of OpenTelemetry's conventions for generative AI and for RPC where these have one, and begin with `codex.`
 * where they have none. Nothing here carries what a prompt, a command, a file or an answer says: attributes are names, ids,
 * counts and outcomes.
 *
 * @stability stable
 * @since 0.1.0
 */
import type * as Context from "effect/Context"
import * as Exit from "effect/Exit"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"

// The boundaries that the conventions advise for durations in seconds and for tokens.
const seconds = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92]
const tokens = Array.from({ length: 14 }, (_, index) => 4 ** index)

/**
 * How long requests to the server took, in seconds, by `rpc.method` and `outcome` (`ok`, or the tag of the error). Methods
 * that the protocol does not have count as `other`. Its count is the number of requests.
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
 * How long turns took, in seconds, by `outcome` (`ok`, or the tag of the error). Its count is the number of turns.
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
 * The tokens of each turn, by `gen_ai.token.type`: `input` (cached ones too), `output` (reasoning too).
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
 * How many turns run at this moment.
 *
 * @category metrics
 * @since 0.1.0
 */
export const activeTurns = Metric.counter("codex.turns.active", {
  description: "Turns that run",
  attributes: { unit: "{turn}" }
})

/**
 * How many turns did not end within `stopTimeout` of their interruption.
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
 * How long the requests of the server waited for our answer, in seconds, by `codex.request.kind` and
 * `codex.decision`. Its count is the number of approvals by decision.
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
 * How many requests of the server wait for our answer at this moment.
 *
 * @category metrics
 * @since 0.1.0
 */
export const pendingApprovals = Metric.counter("codex.approvals.pending", {
  description: "Approvals and other requests of the app-server that wait for an answer",
  attributes: { unit: "{request}" }
})

/**
 * Lines of the server that were skipped because they were no message.
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
 * Places in known messages that could not be read and are missing, by `rpc.method`.
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
 * The most that any one consumer has left unread so far, in bytes.
 *
 * @category metrics
 * @since 0.1.0
 */
export const bufferHighWater = Metric.gauge("codex.buffer.high_water", {
  description: "The most that one consumer has left unread",
  attributes: { unit: "By" }
})

/**
 * Deltas that were merged into the one before them because their consumer was behind.
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
 * A metric with one more dimension, one object for each value: attributes are merged once and not at each update.
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
 * Tells the metrics what a consumer has left unread.
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
 * What an exit counts as: `ok`, the tag of the error, `interrupted`, or `defect`.
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
