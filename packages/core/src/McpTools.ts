/**
 * Offers a program's functions as tools to all threads of its agents.
 *
 * A Model Context Protocol server in this process, on the loopback interface, serves a toolkit only to the codex processes that
 * this program starts. Its tools are available in new, resumed and forked threads and in those of sub-agents, also after a
 * restart. Dynamic tools, in contrast, are declared once and belong to one thread. Codex does not ask whether a call may run:
 * the policy of the turn decides, as kind `toolCall`, before the handler runs. `Tools` converts the results.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as NetAddress from "effect/net/NetAddress"
import * as McpProtocol from "effect/ai/McpProtocol"
import * as McpServer from "effect/ai/McpServer"
import type * as Toolkit from "effect/ai/Toolkit"
import * as Redacted from "effect/Redacted"
import { InvalidConfig } from "./CodexError.ts"
import * as Registrations from "./internal/mcpRegistrations.ts"
import { version } from "./internal/version.ts"
import * as Tools from "./Tools.ts"
import { type CallTool, ToolServer } from "./ToolServer.ts"

/**
 * Options for offering and running the tools.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends Tools.Options {
  /**
   * The name of the server in codex: letters, digits, `_` and `-`. If the user's configuration has a server with this name, the
   * connection fails with `InvalidConfig`. Default: `effect`.
   */
  readonly name?: string | undefined
}

/** A codex process with access, and its token. */
interface Guest extends Registrations.Caller {
  readonly token: string
}

/** The supported protocol versions, newest first. Codex 0.171.0 uses 2025-06-18. */
const protocols = [McpProtocol.v2025_11_25, McpProtocol.v2025_06_18, McpProtocol.v2025_03_26] as const

/**
 * Serves a toolkit to the codex processes that are started where this layer is provided.
 *
 * **Details**
 *
 * The layer takes over the HTTP server, which must listen on the loopback interface, on any free port. Each codex process gets
 * its own token through its environment; a request without a valid token is answered with 401. Arguments, results, failures,
 * deadlines and interruption work as for a toolkit that a thread is started with; see `Tools`.
 *
 * Provide it to the layer of the connection: `Codex.layer().pipe(Layer.provide(McpTools.layer(toolkit)))`. A connection to a
 * server that this program did not start fails with `InvalidConfig`, because the token cannot be passed to that server.
 *
 * **Example** (A tool for every thread)
 *
 * ```ts
 * import * as Codex from "@effect-codex/core/Codex"
 * import * as McpTools from "@effect-codex/core/McpTools"
 * import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
 * import * as NodeServices from "@effect/platform-node/NodeServices"
 * import * as Tool from "effect/ai/Tool"
 * import * as Toolkit from "effect/ai/Toolkit"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 * import * as Schema from "effect/Schema"
 * import { createServer } from "node:http"
 *
 * const clock = Toolkit.make(Tool.make("city_time", { parameters: Schema.Struct({ city: Schema.String }), success: Schema.String }))
 *
 * const Tools = McpTools.layer(clock).pipe(
 *   Layer.provide(clock.toLayer({ city_time: ({ city }) => Effect.succeed(`noon in ${city}`) })),
 *   Layer.provide(NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 }))
 * )
 *
 * export const Main = Codex.layer().pipe(Layer.provide(Tools), Layer.provide(NodeServices.layer))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <T extends Tools.Tools>(
  toolkit: Toolkit.Toolkit<T>,
  options?: Options
): Layer.Layer<never, InvalidConfig, HttpServer.HttpServer | Tools.Requirements<T>> =>
  Layer.effect(ToolServer)(make(toolkit, options))

const make = Effect.fnUntraced(function* <T extends Tools.Tools>(toolkit: Toolkit.Toolkit<T>, options?: Options) {
  const name = yield* checkName(options?.name ?? "effect")
  const bound = yield* Tools.bind(toolkit, options)
  const origin = yield* loopbackUrl((yield* HttpServer.HttpServer).address)
  const path = `/${secret()}` as const
  const nonce = secret()

  const guests = new Set<Guest>()
  const guestOf = (headers: { readonly [name: string]: string | undefined }): Guest | undefined => {
    const given = headers["authorization"]
    return given === undefined
      ? undefined
      : Array.from(guests).find(({ token }) => equalInConstantTime(given, `Bearer ${token}`))
  }

  const authorize = HttpRouter.middleware(
    (app) =>
      Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ headers }) =>
        guestOf(headers) === undefined ? Effect.succeed(HttpServerResponse.empty({ status: 401 })) : app
      ),
    { global: true }
  )
  const identify = McpServer.middleware((effect, { headers }) =>
    Effect.provideService(effect, Registrations.CurrentCaller, guestOf(headers))
  )
  const registrations = Layer.provide(Registrations.layer(toolkit, bound, nonce), identify.layer)
  const endpoint = McpServer.layerHttp({ name, version, path, protocols, registrations })
  const served = HttpRouter.serve(Layer.mergeAll(endpoint, authorize), { disableLogger: true, disableListenLog: true })
  yield* Effect.catchTag(Layer.build(served), "IllegalArgumentError", Effect.die)

  const admit = Effect.acquireRelease(
    Effect.sync(() => {
      const guest: Guest = { token: secret(), callTool: undefined }
      guests.add(guest)
      return guest
    }),
    (guest) => Effect.sync(() => guests.delete(guest))
  ).pipe(
    Effect.map((guest) => ({
      variable,
      token: Redacted.make(guest.token),
      connect: (callTool: CallTool) => {
        guest.callTool = callTool
      }
    }))
  )
  return ToolServer.of({
    name,
    url: `${origin}${path}`,
    isTool: (title) => bound.specs.some(({ name }) => title === Registrations.titleOf(name, nonce)),
    admit
  })
})

/** The environment variable that holds the token. */
const variable = "EFFECT_CODEX_MCP_TOKEN"

const secret = () => `${globalThis.crypto.randomUUID()}${globalThis.crypto.randomUUID()}`

const checkName = (name: string): Effect.Effect<string, InvalidConfig> =>
  /^[A-Za-z0-9_-]{1,40}$/.test(name)
    ? Effect.succeed(name)
    : Effect.fail(
        new InvalidConfig({
          path: "McpTools.name",
          description: `${JSON.stringify(name)} is not a name for a server: use up to 40 letters, digits, \`_\` and \`-\``
        })
      )

const loopbackUrl = (address: NetAddress.SocketAddress): Effect.Effect<string, InvalidConfig> =>
  NetAddress.isInetAddress(address) && NetAddress.isLoopback(address.address)
    ? Effect.succeed(NetAddress.formatUrlUnsafe(address))
    : Effect.fail(
        new InvalidConfig({
          path: "McpTools.HttpServer",
          description: 'the server has to listen on the loopback: give it the host "127.0.0.1" and any port'
        })
      )

// Takes the same time no matter how much of a token is right.
const equalInConstantTime = (a: string, b: string): boolean => {
  let difference = a.length ^ b.length
  for (let index = 0; index < b.length; index++) difference |= a.charCodeAt(index) ^ b.charCodeAt(index)
  return difference === 0
}
