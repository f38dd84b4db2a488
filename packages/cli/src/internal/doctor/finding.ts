/**
 * The options and the findings of the checks. `Doctor` publishes them.
 */
import * as Schema from "effect/Schema"

/**
 * The codex to check, by how its process is started.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** Path of the codex executable. Default: found as `CodexBinary.resolve` describes. */
  readonly binary?: string | undefined
  /** Default: `["app-server"]`. */
  readonly args?: ReadonlyArray<string> | undefined
  /** Default: the current directory. */
  readonly cwd?: string | undefined
  /** The whole environment, or with `extendEnv` the variables added to that of this process. Default: that of this process. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
  readonly extendEnv?: boolean | undefined
}

/**
 * The subject of the check.
 *
 * - `node`: the version of Node.
 * - `binary`: whether a codex is installed, and which version.
 * - `protocol`: whether it speaks the protocol that this package was generated from.
 * - `connection`: whether its app-server starts and completes the handshake.
 * - `config`: whether it can read its configuration, and its warnings.
 * - `account`: whether it has credentials for the model.
 * - `sandbox`: whether commands run in its sandbox, and whether the sandbox restricts them.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Check = Schema.Literals(["node", "binary", "protocol", "connection", "config", "account", "sandbox"])

/**
 * The result of a check. `advice` says how to fix a problem; `details` are further lines about it.
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
