/**
 * The MCP servers that the app-server has connected to: what they offer, logging in to them, and using them without an agent.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import { connection } from "../internal/connection/serve.ts"
import type { AppServer } from "../AppServer.ts"
import { type ConnectionFailed, type LoginFailed, RequestTimedOut, type ThreadError } from "../CodexError.ts"
import { type LoadThread, makeCalls } from "../internal/api/calls.ts"
import { makeLoginEnd } from "../internal/api/logins.ts"
import { pages } from "../internal/api/pages.ts"
import type * as Schemas from "../protocol/generated/Stable.ts"

/**
 * A login to an MCP server that is under way: open `authorizationUrl` in a browser.
 *
 * @category models
 * @since 0.1.0
 */
export interface OauthLogin {
  readonly authorizationUrl: string
  /** Waits until the login has come to its end; with a `timeoutSecs` for half a minute longer than that. */
  readonly wait: Effect.Effect<void, LoginFailed | ConnectionFailed | RequestTimedOut>
}

/**
 * What `codex.mcpServer` can do.
 *
 * @category models
 * @since 0.1.0
 */
export interface McpServer {
  /**
   * The servers with their tools, resources and state of login, page by page. `limit` is the size of a page. Calls
   * `mcpServerStatus/list`.
   */
  readonly statusList: (
    params?: Schemas.ListMcpServerStatusParams
  ) => Stream.Stream<Schemas.McpServerStatus, ThreadError>
  /** One page, with the cursor to the next. Calls `mcpServerStatus/list`. */
  readonly statusListPage: (
    params?: Schemas.ListMcpServerStatusParams
  ) => Effect.Effect<Schemas.ListMcpServerStatusResponse, ThreadError>
  /** Begins a login. There is no way to cancel one; leaving the scope stops waiting. Calls `mcpServer/oauth/login`. */
  readonly oauthLogin: (
    params: Schemas.McpServerOauthLoginParams
  ) => Effect.Effect<OauthLogin, ThreadError, Scope.Scope>
  /** Calls a tool in the name of a thread, which is loaded if it is not; no policy is asked. Calls `mcpServer/tool/call`. */
  readonly toolCall: (
    params: Schemas.McpServerToolCallParams
  ) => Effect.Effect<Schemas.McpServerToolCallResponse, ThreadError>
  /** Reads a resource. Calls `mcpServer/resource/read`. */
  readonly resourceRead: (
    params: Schemas.McpResourceReadParams
  ) => Effect.Effect<Schemas.McpResourceReadResponse, ThreadError>
}

/**
 * `codex.mcpServer` over a connection.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (server: AppServer["Service"], options: { readonly load: LoadThread }): McpServer => {
  const { thread } = makeCalls(server)

  const statusListPage: McpServer["statusListPage"] = (params) => thread("mcpServerStatus/list", params ?? {})

  const oauthLogin: McpServer["oauthLogin"] = Effect.fn("Codex.mcpServer.oauthLogin")(function* (params) {
    const { name, timeoutSecs } = params
    const end = makeLoginEnd<Schemas.McpServerOauthLoginCompletedNotification>(server, name)
    yield* server[connection].on("mcpServer/oauthLogin/completed", ({ params }) => {
      if (params.name === name) end.completed(params)
    })
    const method = "mcpServer/oauth/login"
    const { authorizationUrl, loginId } = yield* thread(method, params)
    end.expect((completion) => completion.loginId == null || loginId == null || completion.loginId === loginId)
    const deadline = timeoutSecs == null ? undefined : Duration.seconds(timeoutSecs + 30)
    return {
      authorizationUrl,
      wait:
        deadline === undefined
          ? end.wait
          : Effect.timeoutOrElse(end.wait, {
              duration: deadline,
              orElse: () => Effect.fail(new RequestTimedOut({ method, millis: Duration.toMillis(deadline) }))
            })
    }
  })

  return {
    statusList: (params) => pages("mcpServerStatus/list", params ?? {}, statusListPage),
    statusListPage,
    oauthLogin,
    toolCall: (params) => Effect.andThen(options.load(params.threadId), thread("mcpServer/tool/call", params)),
    resourceRead: (params) => thread("mcpServer/resource/read", params)
  }
}
