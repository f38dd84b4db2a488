/**
 * Checks everything that codex needs on this machine, and suggests a fix for each problem.
 *
 * The checks change nothing: they start a codex, query it, and run two commands in its sandbox, in a temporary folder. No turn
 * runs, so no model is called.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Binary from "./internal/doctor/binary.ts"
import { Finding, type Options } from "./internal/doctor/finding.ts"
import { inspectServer } from "./internal/doctor/server.ts"

export { Check, Finding, type Options } from "./internal/doctor/finding.ts"

/**
 * All findings; `ok` if none of them is a failure.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Report = Schema.Struct({ ok: Schema.Boolean, findings: Schema.Array(Finding) })

/**
 * @category models
 * @since 0.1.0
 */
export type Report = typeof Report.Type

/**
 * Runs all checks, except those that an earlier failure makes impossible.
 *
 * @category running
 * @since 0.1.0
 */
export const examine = Effect.fn("Doctor.examine")(function* (options: Options) {
  const findings: Array<Finding> = [Binary.inspectNode]
  const found = yield* Binary.inspectBinary(options)
  findings.push(...found.findings)
  if (found.path !== undefined) findings.push(...(yield* inspectServer({ ...options, binary: found.path })))
  const report: Report = { ok: findings.every(({ status }) => status !== "fail"), findings }
  return report
})
