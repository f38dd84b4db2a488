/**
 * The configuration that the server works with: its `config.toml` and what is laid over it.
 *
 * What a layer's options set for its own process (`config`, thread and turn defaults) is not written anywhere. Writing here
 * changes the file of the user, for all programs.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { AppServer } from "../AppServer.ts"
import type { CallError } from "../CodexError.ts"
import { makeCalls } from "../internal/api/calls.ts"
import type * as Schemas from "../protocol/generated/Stable.ts"

/**
 * One value to write. `keyPath` is dotted, such as `model` or `mcp_servers.docs.command`; a `value` of `null` takes the key
 * out.
 *
 * @category models
 * @since 0.1.0
 */
export interface Edit {
  readonly keyPath: string
  readonly value: unknown
  /** Whether a table is merged into the one that is there, or takes its place. Default: `upsert`, which merges. */
  readonly mergeStrategy?: Schemas.MergeStrategy | undefined
}

/**
 * One value to write, and where to.
 *
 * @category models
 * @since 0.1.0
 */
export interface ValueWriteParams extends Edit {
  /** The version that was read; if the file is another one by now, the call fails with `RequestFailed`. */
  readonly expectedVersion?: string | undefined
  /** The file to write. Default: the user's `config.toml`. */
  readonly filePath?: string | undefined
}

/**
 * Several values to write at once.
 *
 * @category models
 * @since 0.1.0
 */
export interface BatchWriteParams extends Omit<Schemas.ConfigBatchWriteParams, "edits"> {
  readonly edits: ReadonlyArray<Edit>
}

/**
 * What `codex.config` can do.
 *
 * @category models
 * @since 0.1.0
 */
export interface CodexConfig {
  /** The configuration in effect and where each value comes from; with `cwd` as a project there has it. Calls `config/read`. */
  readonly read: (params?: Schemas.ConfigReadParams) => Effect.Effect<Schemas.ConfigReadResponse, CallError>
  /** Writes one value. Calls `config/value/write`. */
  readonly valueWrite: (params: ValueWriteParams) => Effect.Effect<Schemas.ConfigWriteResponse, CallError>
  /** Writes several values at once, or none of them. Calls `config/batchWrite`. */
  readonly batchWrite: (params: BatchWriteParams) => Effect.Effect<Schemas.ConfigWriteResponse, CallError>
  /** What an administrator requires of the configuration. Calls `configRequirements/read`. */
  readonly requirementsRead: Effect.Effect<Schemas.ConfigRequirementsReadResponse, CallError>
  /** Starts the MCP servers anew, as the configuration names them now. Calls `config/mcpServer/reload`. */
  readonly mcpServerReload: Effect.Effect<void, CallError>
}

const withStrategy = <E extends Edit>(edit: E) => ({ ...edit, mergeStrategy: edit.mergeStrategy ?? "upsert" })

/**
 * `codex.config` over a connection.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (server: AppServer["Service"]): CodexConfig => {
  const { plain } = makeCalls(server)
  return {
    read: (params) => plain("config/read", params ?? {}),
    valueWrite: (params) => plain("config/value/write", withStrategy(params)),
    batchWrite: (params) => plain("config/batchWrite", { ...params, edits: params.edits.map(withStrategy) }),
    requirementsRead: plain("configRequirements/read"),
    mcpServerReload: Effect.asVoid(plain("config/mcpServer/reload"))
  }
}
