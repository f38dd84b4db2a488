/**
 * Output of `effect-codex run` for programs: the lines of `--jsonl` and the object of `--json`, as schemas.
 *
 * @stability stable
 * @since 0.1.0
 */
import type { AgentResponse } from "@effect-codex/core/AgentResponse"
import * as Protocol from "@effect-codex/core/protocol/generated/Stable"
import type { ResponseEvent } from "@effect-codex/core/ResponseEvent"
import * as Schema from "effect/Schema"

/**
 * The error of a failed run.
 *
 * @category schemas
 * @since 0.1.0
 */
export const RunFailure = Schema.Struct({
  /** The tag of the error, such as `TurnFailed`. */
  tag: Schema.String,
  /** One line that says what happened and what to do. */
  message: Schema.String
})

/**
 * The result of a run: the object that `--json` prints for every success and failure, and the last line of `--jsonl`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const RunResult = Schema.Struct({
  type: Schema.Literal("result"),
  status: Schema.Literals(["completed", "failed", "interrupted"]),
  /** The exit code of the program. */
  exitCode: Schema.Int,
  threadId: Schema.optionalKey(Schema.String),
  turnId: Schema.optionalKey(Schema.String),
  /** The last message of the agent. */
  text: Schema.String,
  /** With `--output-schema`: the answer as a value. */
  value: Schema.optionalKey(Schema.Unknown),
  /** Tokens of this turn. */
  usage: Schema.optionalKey(Protocol.TokenUsageBreakdown()),
  durationMs: Schema.optionalKey(Schema.Finite),
  /** How many requests of the agent were declined. */
  declined: Schema.Int,
  error: Schema.optionalKey(RunFailure)
})

/**
 * @category models
 * @since 0.1.0
 */
export type RunResult = typeof RunResult.Type

/**
 * An event of a turn, as `ResponseEvent` describes it: a line of `--jsonl`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const RunEvent: Schema.Codec<ResponseEvent, unknown> = Schema.Struct({
  type: Schema.String,
  phase: Schema.Literals(["system", "planning", "commentary", "assistant", "tool", "completed", "error"]),
  threadId: Schema.String,
  turnId: Schema.optionalKey(Schema.String),
  itemId: Schema.optionalKey(Schema.String),
  requestId: Schema.optionalKey(Schema.Union([Schema.String, Schema.Finite])),
  textDelta: Schema.optionalKey(Schema.String),
  messageText: Schema.optionalKey(Schema.String),
  summaryIndex: Schema.optionalKey(Schema.Int),
  threadName: Schema.optionalKey(Schema.NullOr(Schema.String)),
  tokenUsage: Schema.optionalKey(Protocol.ThreadTokenUsage()),
  plan: Schema.optionalKey(Schema.Array(Protocol.TurnPlanStep())),
  diff: Schema.optionalKey(Schema.String),
  timestamp: Schema.optionalKey(Schema.Finite),
  raw: Schema.Unknown
})

/**
 * A line of `--jsonl`, read from its text: events, and at the end the result.
 *
 * **Example** (Reading the output of another program)
 *
 * ```ts
 * import * as RunOutput from "@effect-codex/cli/RunOutput"
 * import * as Schema from "effect/Schema"
 *
 * const parse = Schema.decodeSync(RunOutput.RunLine)
 *
 * export const answerOf = (line: string): string | undefined => {
 *   const parsed = parse(line)
 *   return "exitCode" in parsed ? parsed.text : undefined
 * }
 * ```
 *
 * @category schemas
 * @since 0.1.0
 */
export const RunLine = Schema.fromJsonString(Schema.Union([RunResult, RunEvent]))

/**
 * @category models
 * @since 0.1.0
 */
export type RunLine = typeof RunLine.Type

/**
 * The fields of a response that a result contains.
 *
 * @category conversions
 * @since 0.1.0
 */
export const ofResponse = (
  response: AgentResponse
): Pick<RunResult, "threadId" | "turnId" | "text" | "usage" | "durationMs"> => ({
  threadId: response.threadId,
  ...(response.turnId === undefined ? {} : { turnId: response.turnId }),
  text: response.text,
  ...(response.usage === undefined ? {} : { usage: response.usage.turn }),
  ...(response.durationMs === undefined ? {} : { durationMs: response.durationMs })
})
