/**
 * Looks at what a Codex needs on this machine, and says of each thing whether it is right and what to do if it is not.
 *
 * Nothing is changed: a codex is started and asked, and two commands run in its sandbox, in a temporary folder. No turn runs,
 * so no model is asked.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Binary from "./internal/doctor/binary.ts"
import { inspectServer } from "./internal/doctor/server.ts"

/**
 * The codex that is looked at: how its process is started.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** Path of the codex executable. Default: found as `CodexBinary.resolve` describes. */
  readonly binary?: string | undefined
  /** Default: `["app-server"]`. */
  readonly args?: ReadonlyArray<string> | undefined
  /** Default: ours. */
  readonly cwd?: string | undefined
  /** The whole environment, or with `extendEnv` what is added to ours. Default: ours. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
  readonly extendEnv?: boolean | undefined
}

/**
 * What was looked at.
 *
 * - `node`: the version of Node.
 * - `binary`: whether there is a codex, and which.
 * - `protocol`: whether it speaks the protocol that this package was generated from.
 * - `connection`: whether its app-server starts and shakes hands.
 * - `config`: whether it can read its configuration, and what it complains about.
 * - `account`: whether the model can be reached with what it knows.
 * - `sandbox`: whether commands run in its sandbox, and are held back by it.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Check = Schema.Literals(["node", "binary", "protocol", "connection", "config", "account", "sandbox"])

/**
 * What was found. `advice` is what to do about it, `details` are more lines about what it is.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Finding = Schema.Struct({
  check: Check,
  status: Schema.Literals(["ok", "warn", "fail"]),
  summary: Schema.String,
  advice: Schema.optionalKey(Schema.String),
  details: Schema.optionalKey(Schema.Array(Schema.String))
})

/**
 * @category models
 * @since 0.1.0
 */
export type Finding = typeof Finding.Type

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
 * Looks at everything; what can't be looked at because of a failure before it is left out.
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
