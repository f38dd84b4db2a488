/**
 * The server's configuration: its `config.toml` and the layers that override it.
 *
 * Settings in a layer's options (`config`, thread and turn defaults) apply to that layer's process only and are never written
 * to a file. The functions here that write change the user's file, for every program that uses it.
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
 * One value to write. `keyPath` is dotted, such as `model` or `mcp_servers.docs.command`; a `value` of `null` removes the
 * key.
 *
 * @category models
 * @since 0.1.0
 */
export interface Edit {
  readonly keyPath: string
  readonly value: unknown
  /** Whether a table is merged into the existing one or replaces it. Default: `upsert`, which merges. */
  readonly mergeStrategy?: Schemas.MergeStrategy | undefined
}

/**
 * One value to write, and the file to write it to.
 *
 * @category models
 * @since 0.1.0
 */
export interface ValueWriteParams extends Edit {
  /** The version that was read. If the file has changed since, the call fails with `RequestFailed`. */
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
 * The functions of `codex.config`.
 *
 * @category models
 * @since 0.1.0
 */
export interface CodexConfig {
  /** Reads the effective configuration and the source of each value; `cwd` includes a project's. Calls `config/read`. */
  readonly read: (params?: Schemas.ConfigReadParams) => Effect.Effect<Schemas.ConfigReadResponse, CallError>
  /** Writes one value. Calls `config/value/write`. */
  readonly valueWrite: (params: ValueWriteParams) => Effect.Effect<Schemas.ConfigWriteResponse, CallError>
  /** Writes several values at once, or none of them. Calls `config/batchWrite`. */
  readonly batchWrite: (params: BatchWriteParams) => Effect.Effect<Schemas.ConfigWriteResponse, CallError>
  /** Reads the administrator's requirements for the configuration. Calls `configRequirements/read`. */
  readonly requirementsRead: Effect.Effect<Schemas.ConfigRequirementsReadResponse, CallError>
  /** Restarts the MCP servers with the current configuration. Calls `config/mcpServer/reload`. */
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
