/**
 * What the checks of a doctor get and find, for the checks and for `Doctor`, which publishes it.
 */
import * as Schema from "effect/Schema"

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
 * The subject of the check.
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
 * The result. `advice` is what to do about it, `details` are more lines about what it is.
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
