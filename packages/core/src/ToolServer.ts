/**
 * The contract between a connection and the tool server that `McpTools` runs.
 *
 * A connection that is started with a `ToolServer` in its context announces it to its codex, so that all threads have the
 * tools: new, resumed and forked ones, and those of sub-agents. The module contains only the contract, so that a program
 * without such tools does not load an MCP server. It must not know what a tool is, or how one is served.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { DynamicToolCallParams, DynamicToolCallResponse } from "./protocol/generated/Stable.ts"
import type { ToolCallHandler } from "./ServerRequest.ts"

/**
 * Decides and runs a call on behalf of its turn: the policy of the turn decides, as kind `toolCall`, and `run` is called only
 * if it accepts. Interrupted together with the turn.
 *
 * @category models
 * @since 0.1.0
 */
export type CallTool = (params: DynamicToolCallParams, run: ToolCallHandler) => Effect.Effect<DynamicToolCallResponse>

/**
 * Access to the server for one codex process.
 *
 * @category models
 * @since 0.1.0
 */
export interface Admission {
  /** The environment variable in which codex gets the token. */
  readonly variable: string
  /** A secret that is different for each codex process. */
  readonly token: Redacted.Redacted
  /** Sets the function that decides the calls of this codex. Until then they are refused. */
  readonly connect: (callTool: CallTool) => void
}

/**
 * A running server of tools.
 *
 * @category models
 * @since 0.1.0
 */
export interface ToolServer {
  /** The name of the server in codex. */
  readonly name: string
  /** Its URL, on the loopback interface, with an unguessable path. */
  readonly url: string
  /**
   * Whether a question is about one of the tools. It is recognized by the title of the tool, which only a codex with access
   * knows.
   */
  readonly isTool: (title: unknown) => boolean
  /** Grants access to another codex process, until the scope closes. */
  readonly admit: Effect.Effect<Admission, never, Scope.Scope>
}

/**
 * The tool server of all connections that are built in its context. Default: none. `McpTools.layer` provides it.
 *
 * @category services
 * @since 0.1.0
 */
export const ToolServer = Context.Reference<ToolServer | undefined>("@effect-codex/core/ToolServer", {
  defaultValue: () => undefined
})
