/**
 * The MCP servers that the app-server connects to: listing them, logging in to them, and calling them without an agent.
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
 * A login to an MCP server in progress: open `authorizationUrl` in a browser.
 *
 * @category models
 * @since 0.1.0
 */
export interface OauthLogin {
  readonly authorizationUrl: string
  /** Waits until the login has finished; with a `timeoutSecs`, for at most 30 seconds longer than that. */
  readonly wait: Effect.Effect<void, LoginFailed | ConnectionFailed | RequestTimedOut>
}

/**
 * The functions of `codex.mcpServer`.
 *
 * @category models
 * @since 0.1.0
 */
export interface McpServer {
  /**
   * Lists the servers with their tools, resources and login state, page by page. `limit` is the page size. Calls
   * `mcpServerStatus/list`.
   */
  readonly statusList: (
    params?: Schemas.ListMcpServerStatusParams
  ) => Stream.Stream<Schemas.McpServerStatus, ThreadError>
  /** Reads one page, with the cursor to the next. Calls `mcpServerStatus/list`. */
  readonly statusListPage: (
    params?: Schemas.ListMcpServerStatusParams
  ) => Effect.Effect<Schemas.ListMcpServerStatusResponse, ThreadError>
  /** Begins a login. It cannot be cancelled; closing the scope only stops waiting for it. Calls `mcpServer/oauth/login`. */
  readonly oauthLogin: (
    params: Schemas.McpServerOauthLoginParams
  ) => Effect.Effect<OauthLogin, ThreadError, Scope.Scope>
  /** Calls a tool on behalf of a thread, loading it if necessary. No policy is asked. Calls `mcpServer/tool/call`. */
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
