/**
 * Offers the program's own tools to a codex process that it starts, through arguments and an environment variable. Rejects a
 * configuration that already has a server with the same name.
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { ConnectionFailed, InvalidConfig, type RequestError } from "../../CodexError.ts"
import type { ClientRequests } from "../../protocol/generated/Methods.ts"
import { type Admission, ToolServer } from "../../ToolServer.ts"
import type { SendRequest } from "./requests.ts"
import { type Connection, connection } from "./serve.ts"

/** The tools of the program, and the access of one codex process. */
export interface Offer {
  readonly toolServer: ToolServer
  readonly admission: Admission
}

/** Grants access to a codex process that is started here, if the program has tools. */
export const make: Effect.Effect<Offer | undefined, never, Scope.Scope> = Effect.flatMap(ToolServer, (toolServer) =>
  toolServer === undefined ? Effect.undefined : Effect.map(toolServer.admit, (admission) => ({ toolServer, admission }))
)

/** Fails if the program has tools, because the token cannot be passed to a server that this program did not start. */
export const refuse: Effect.Effect<void, InvalidConfig> = Effect.flatMap(ToolServer, (toolServer) =>
  toolServer === undefined
    ? Effect.void
    : Effect.fail(
        new InvalidConfig({
          path: "McpTools",
          description: "the tools of this program can be offered only to a codex that it starts itself"
        })
      )
)

const namesake = (name: string, where: string) =>
  new InvalidConfig({
    path: "McpTools.name",
    description: `${where} already has an MCP server called ${name}: choose another name for the tools of this program`
  })

/**
 * The overrides of the configuration. Tools and the policy have their own timeouts, so that of codex is a week. Codex approves
 * every call, because the policy decides in the handler.
 */
export const toConfig = (
  { admission, toolServer }: Offer,
  config: { readonly [key: string]: unknown } | undefined
): Effect.Effect<{ readonly [key: string]: unknown }, InvalidConfig> => {
  const { name, url } = toolServer
  const key = `mcp_servers.${name}`
  const isTaken = Object.entries(config ?? {}).some(
    ([path, value]) =>
      path === key || path.startsWith(`${key}.`) || (path === "mcp_servers" && Predicate.hasProperty(value, name))
  )
  if (isTaken) return Effect.fail(namesake(name, "the option `config`"))
  return Effect.succeed({
    [`${key}.url`]: url,
    [`${key}.bearer_token_env_var`]: admission.variable,
    [`${key}.default_tools_approval_mode`]: "approve",
    [`${key}.enabled`]: true,
    [`${key}.required`]: true,
    [`${key}.startup_timeout_sec`]: 60,
    [`${key}.tool_timeout_sec`]: 604_800
  })
}

/** The environment with the token. */
export const toEnvironment = (
  { admission }: Offer,
  env: Readonly<Record<string, string | undefined>> | undefined,
  extendEnv: boolean | undefined
) => ({
  env: { ...env, [admission.variable]: Redacted.value(admission.token) },
  extendEnv: env === undefined ? true : extendEnv
})

/** Accepts calls of the codex process, after checking that its server of this name is the one of this program. */
export const open = Effect.fnUntraced(function* <
  S extends { readonly request: SendRequest<ClientRequests, RequestError>; readonly [connection]: Connection }
>(server: S, offer: Offer | undefined): Effect.fn.Return<S, ConnectionFailed | InvalidConfig> {
  if (offer === undefined) return server
  const { name } = offer.toolServer
  const { layers } = yield* server.request("config/read", { includeLayers: true }).pipe(
    Effect.mapError((error) => {
      if (error._tag === "ConnectionFailed") return error
      // Two configurations of one server can contradict each other.
      if (error.message.includes(`mcp_servers.${name}`)) return namesake(name, "the configuration of codex")
      return new ConnectionFailed({ reason: { _tag: "Handshake", description: error.message }, stderr: [] })
    })
  )
  const isTaken = (layers ?? []).some(
    ({ config, name: source }) =>
      source.type !== "sessionFlags" &&
      Predicate.hasProperty(config, "mcp_servers") &&
      Predicate.hasProperty(config.mcp_servers, name)
  )
  if (isTaken) return yield* namesake(name, "the configuration of codex")
  offer.admission.connect(server[connection].callTool)
  return server
})
