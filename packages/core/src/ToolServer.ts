/**
 * The tools of this program, as codex finds them: the contract between a connection and the server that `McpTools` runs.
 *
 * A connection that is started where a `ToolServer` is provided names it to its codex, so that every thread of it has the
 * tools: new, resumed and forked ones, and those of sub-agents. The module holds the contract alone, so that a program
 * without such tools loads no server of MCP. It must not know what a tool is, or how one is served.
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
 * Has a call decided on and run for the turn that it belongs to: the policy of the turn decides, as kind `toolCall`, and `run`
 * is called only if it accepts. Interrupted with the turn.
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
  /** Different for each codex, and known to nobody else. */
  readonly token: Redacted.Redacted
  /** From now on the calls of this codex are decided on by this function. Before that they are refused. */
  readonly connect: (callTool: CallTool) => void
}

/**
 * A running server of tools.
 *
 * @category models
 * @since 0.1.0
 */
export interface ToolServer {
  /** The name under which codex knows it. */
  readonly name: string
  /** Its address: on the loopback, below a path that cannot be guessed. */
  readonly url: string
  /**
   * Whether a question is about one of the tools, by the title of the tool, which only a codex with access knows.
   */
  readonly isTool: (title: unknown) => boolean
  /** Gives access to one more codex, until the scope closes. */
  readonly admit: Effect.Effect<Admission, never, Scope.Scope>
}

/**
 * The tools of the connections that are built where it is provided. Default: none. `McpTools.layer` is what provides it.
 *
 * @category services
 * @since 0.1.0
 */
export const ToolServer = Context.Reference<ToolServer | undefined>("@effect-codex/core/ToolServer", {
  defaultValue: () => undefined
})
