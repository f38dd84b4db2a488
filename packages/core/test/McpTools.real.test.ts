import { execFile } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import { createServer } from "node:http"
import * as path from "node:path"
import * as Codex from "@effect-codex/core/Codex"
import { DecisionObserver, type ObservedDecision } from "@effect-codex/core/DecisionObserver"
import * as McpTools from "@effect-codex/core/McpTools"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import { CodexTest, MockModel } from "@effect-codex/core/testing"
import { ToolServer } from "@effect-codex/core/ToolServer"
import * as Tools from "@effect-codex/core/Tools"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { describe, expect, it } from "@effect/vitest"
import { Client } from "@modelcontextprotocol/sdk/client/index.js"
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js"
import * as McpClient from "effect/ai/McpClient"
import * as McpProtocol from "effect/ai/McpProtocol"
import * as McpTest from "effect/ai/McpTest"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Registrations from "../src/internal/mcpRegistrations.ts"
import { lacks } from "./server.ts"
import { handlers, output, stock, toolkit } from "./stock.ts"
import { processesOf } from "./support.ts"
import { services, socketPath } from "./transports.ts"

const { execCommand, mcpCall, reply, text } = MockModel

const loopback = NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 })

interface Options extends McpTools.Options {
  readonly slow?: Effect.Effect<string> | undefined
  readonly config?: CodexTest.Options["config"]
  readonly codex?: Codex.Options
}

const handlersAlone = Layer.merge(handlers(), stock)

const tools = ({ slow, ...options }: Options = {}) =>
  McpTools.layer(toolkit, options).pipe(
    Layer.provide(handlers(slow ?? Effect.succeed("x".repeat(3_000_000)))),
    Layer.provide(stock),
    Layer.provide(loopback)
  )

/** Asked about each call; accepts all of them, and nothing else. */
const recording = (asked: Array<PolicyEngine.Request<"toolCall">>) =>
  PolicyEngine.layer({
    toolCall: (request) => {
      asked.push(request)
      return Effect.succeed({ decision: "accept", by: "test" })
    }
  })
const acceptTools = recording([])

const withTools = (
  script: MockModel.Script,
  options?: Options & { readonly policy?: Layer.Layer<PolicyEngine.PolicyEngine> }
) =>
  Effect.provide(
    Layer.merge(
      CodexTest.layerCodex(options?.codex).pipe(
        Layer.provide(tools(options)),
        Layer.provideMerge(CodexTest.layerHome(script, { config: options?.config }))
      ),
      options?.policy ?? acceptTools
    )
  )

const lookup = (args: object = { sku: "a", atLeast: "8" }) => mcpCall("effect", "lookup", args)

describe("the tools of a program", () => {
  const asked: Array<PolicyEngine.Request<"toolCall">> = []
  it.live("are there in new, forked and resumed threads, and the policy alone decides on a call", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const model = yield* MockModel.MockModel
      const thread = yield* codex.thread.start({ approvalPolicy: "untrusted", sandbox: "read-only" })
      expect((yield* thread.run("How many?")).items).toContainEqual(
        expect.objectContaining({ type: "mcpToolCall", server: "effect", tool: "lookup", status: "completed" })
      )
      expect((yield* model.request(0)).tools).toEqual(
        expect.arrayContaining(["mcp__effect.lookup", "mcp__effect.broken", "mcp__effect.slow"])
      )
      expect(yield* output(1)).toContain(JSON.stringify({ pieces: 7, enough: false }))
      const fork = yield* thread.fork()
      yield* fork.run("And in the fork?")
      yield* codex.thread.unsubscribe(thread.id)
      yield* thread.run("And again?")
      expect(asked.map(({ kind, params }) => [kind, params.tool, params.namespace, params.threadId])).toEqual([
        ["toolCall", "lookup", null, thread.id],
        ["toolCall", "lookup", null, fork.id],
        ["toolCall", "lookup", null, thread.id]
      ])
      expect(asked[0]).toMatchObject({
        params: { arguments: { sku: "a", atLeast: "8" } },
        item: { type: "mcpToolCall", tool: "lookup" }
      })
    }).pipe(
      withTools(
        ["seven", "eight", "nine"].flatMap((answer) => [reply(lookup()), reply(text(answer))]),
        { policy: recording(asked) }
      )
    )
  )

  it.live("are there in a thread that another process resumes", () =>
    Effect.gen(function* () {
      const id = yield* Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const thread = yield* codex.thread.start()
        yield* thread.run("Hello")
        return thread.id
      }).pipe(Effect.provide(CodexTest.layerCodex()))
      yield* Effect.gen(function* () {
        const codex = yield* Codex.Codex
        yield* (yield* codex.thread.resume(id)).run("How many?")
        expect(yield* output(2)).toContain("pieces")
      }).pipe(Effect.provide(CodexTest.layerCodex().pipe(Layer.provide(tools()))))
    }).pipe(
      Effect.provide(
        Layer.merge(CodexTest.layerHome([reply(text("hello")), reply(lookup()), reply(text("seven"))]), acceptTools)
      )
    )
  )

  it.live.skipIf(lacks("subAgents"))(
    "are there in the threads of sub-agents, for which the engine of the turn decides",
    () => {
      const asked: Array<PolicyEngine.Request<"toolCall">> = []
      return Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const thread = yield* codex.thread.start()
        yield* thread.run("Spawn one")
        expect(asked).toHaveLength(1)
        expect(asked[0]?.threadId).not.toBe(thread.id)
      }).pipe(
        withTools(
          [
            MockModel.when("child task", reply(lookup()), reply(text("child done"))),
            reply(MockModel.spawnAgent("child task")),
            (request) => reply(MockModel.waitAgent([JSON.parse(request.lastToolOutput?.output ?? "{}").agent_id])),
            reply(text("done"))
          ],
          { policy: recording(asked) }
        )
      )
    }
  )

  it.live("tell the model of bad arguments, failures, defects and refusals, and the turn goes on", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const thread = yield* codex.thread.start()
      expect((yield* thread.run("Try")).text).toBe("sorry")
      expect(yield* output(1)).toMatch(/lookup.*sku/s)
      expect(yield* output(2)).toContain("The tool lookup failed: no such article")
      expect(yield* output(3)).toContain("The tool broken failed unexpectedly.")
      expect(yield* output(3)).not.toContain("42")
    }).pipe(
      withTools([
        reply(lookup({ sku: 3 })),
        reply(lookup({ sku: "none" })),
        reply(mcpCall("effect", "broken", {})),
        reply(text("sorry"))
      ])
    )
  )

  it.live("run nothing that the policy declines", () => {
    const decisions: Array<ObservedDecision> = []
    return Effect.gen(function* () {
      const codex = yield* Codex.Codex
      yield* (yield* codex.thread.start()).run("Try")
      expect(yield* output(1)).toContain("declined by policy")
      expect(decisions).toMatchObject([{ kind: "toolCall", decision: "decline", by: "declineAll", itemId: "call_1" }])
    }).pipe(
      withTools([reply(lookup()), reply(text("ok"))], { policy: PolicyEngine.layerDeclineAll }),
      Effect.provideService(DecisionObserver, {
        onDecision: (decision) => decisions.push(decision),
        onNotification: () => {}
      })
    )
  })

  it.live("run within their deadline", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      yield* (yield* codex.thread.start()).run("Wait")
      expect(yield* output(1)).toContain("The tool slow did not finish within 20ms.")
    }).pipe(
      withTools([reply(mcpCall("effect", "slow", {})), reply(text("well"))], {
        slow: Effect.never,
        toolTimeout: "20 millis"
      })
    )
  )

  it.live("are interrupted with the turn", () =>
    Effect.gen(function* () {
      const running = yield* Deferred.make<void>()
      const interrupted = yield* Deferred.make<void>()
      const slow = Effect.andThen(Deferred.succeed(running, undefined), Effect.never).pipe(
        Effect.onInterrupt(() => Deferred.succeed(interrupted, undefined))
      )
      yield* Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const thread = yield* codex.thread.start()
        const fiber = yield* Effect.forkChild(thread.run("Wait"))
        yield* Deferred.await(running)
        yield* Fiber.interrupt(fiber)
        yield* Deferred.await(interrupted)
      }).pipe(withTools([reply(mcpCall("effect", "slow", {}))], { slow }))
    })
  )

  it.live("have half of a character replaced, wherever it is", () => {
    const toolkit = Toolkit.make(
      Tool.make("half", {
        description: "Half \ud83d of a smile",
        parameters: Schema.Struct({ a: Schema.optionalKey(Schema.String.annotate({ description: "\ude00" })) }),
        success: Schema.String
      }),
      Tool.make("fails", { success: Schema.String, failure: Schema.String })
    )
    const served = McpTools.layer(toolkit).pipe(
      Layer.provide(
        toolkit.toLayer({ half: () => Effect.succeed("a\ud83db"), fails: () => Effect.fail("no \ude00 here") })
      ),
      Layer.provide(loopback)
    )
    return Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const thread = yield* codex.thread.start()
      yield* thread.run("go")
      expect(yield* output(1)).toContain("a\ufffdb")
      expect(yield* output(2)).toContain("no \ufffd here")
    }).pipe(
      Effect.provide(
        Layer.merge(
          CodexTest.layerCodex().pipe(
            Layer.provide(served),
            Layer.provideMerge(
              CodexTest.layerHome([
                reply(mcpCall("effect", "half", {})),
                reply(mcpCall("effect", "fails", {})),
                reply(text("done"))
              ])
            )
          ),
          acceptTools
        )
      )
    )
  })

  it.live("can be called twice at once, and a result of three megabytes ends no turn", () => {
    const asked: Array<PolicyEngine.Request<"toolCall">> = []
    return Effect.gen(function* () {
      const codex = yield* Codex.Codex
      expect((yield* (yield* codex.thread.start()).run("Both")).text).toBe("both")
      expect(asked).toHaveLength(2)
      const { toolOutputs } = yield* Effect.flatMap(MockModel.MockModel, (model) => model.request(1))
      expect(toolOutputs.map(({ output }) => /pieces|xxx/.exec(output)?.[0])).toEqual(["pieces", "xxx"])
    }).pipe(
      withTools([reply(lookup(), mcpCall("effect", "slow", {})), reply(text("both"))], { policy: recording(asked) })
    )
  })
})

/** A request as another process would make it. */
const post = (url: string, body: unknown, headers: Record<string, string> = {}) =>
  Effect.promise(() =>
    fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json, text/event-stream", ...headers },
      body: JSON.stringify(body)
    }).then((response) =>
      response.text().then((text) => ({ status: response.status, text, headers: response.headers }))
    )
  )

const initialize = {
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "other", version: "1" } }
}

describe("the server of a program's tools", () => {
  it.live("lets nobody in without the token, which is in no argument and in no configuration", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const { home } = yield* CodexTest.Home
      const thread = yield* codex.thread.start()
      yield* thread.run("How many?")
      const pid = processesOf(home).find((pid) => /app-server/.test(readFileSync(`/proc/${pid}/cmdline`, "utf8")))
      const token = /EFFECT_CODEX_MCP_TOKEN=([^\0]+)/.exec(readFileSync(`/proc/${pid}/environ`, "utf8"))?.[1] ?? ""
      expect(token).toHaveLength(72)
      const commandLines = readdirSync("/proc").flatMap((pid) => {
        try {
          return [readFileSync(`/proc/${pid}/cmdline`, "utf8")]
        } catch {
          return []
        }
      })
      expect(commandLines.filter((line) => line.includes(token))).toEqual([])
      expect(readFileSync(path.join(home, "config.toml"), "utf8")).not.toContain(token)

      const url = /http:\/\/127[^"]*/.exec(readFileSync(`/proc/${pid}/cmdline`, "utf8"))?.[0] ?? ""
      expect((yield* post(url, initialize)).status).toBe(401)
      expect((yield* post(url, initialize, { authorization: `Bearer ${token.slice(0, -1)}` })).status).toBe(401)
      expect((yield* post(url, initialize, { authorization: `Bearer ${token}x` })).status).toBe(401)
      expect((yield* post(url.replace(/\/[^/]*$/, "/mcp"), initialize)).status).not.toBe(200)
      expect((yield* post(url, initialize, { authorization: `Bearer ${token}` })).status).toBe(200)
    }).pipe(withTools([reply(lookup()), reply(text("seven"))]))
  )

  // Only root can be somebody else.
  it.live.skipIf(process.getuid?.() !== 0)("gives another user of the machine nothing", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const { home } = yield* CodexTest.Home
      yield* codex.thread.start()
      const pid = processesOf(home).find((pid) => /app-server/.test(readFileSync(`/proc/${pid}/cmdline`, "utf8")))
      const url = /http:\/\/127[^"]*/.exec(readFileSync(`/proc/${pid}/cmdline`, "utf8"))?.[0] ?? ""
      // The other user finds the address, as arguments are public, and asks without a token.
      const script = `
        cat /proc/${pid}/environ >/dev/null 2>&1 && echo READ
        exec 3<>/dev/tcp/127.0.0.1/${new URL(url).port}
        printf 'POST ${new URL(url).pathname} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}' >&3
        head -1 <&3`
      const said = yield* Effect.callback<string>((resume) => {
        execFile("/bin/bash", ["-c", script], { uid: 65534, gid: 65534 }, (_error, stdout) =>
          resume(Effect.succeed(stdout))
        )
      })
      expect(said.trim()).toBe("HTTP/1.1 401 Unauthorized")
    }).pipe(withTools([]))
  )

  it.live("runs no call that codex has not announced, also with the token", () => {
    const asked: Array<PolicyEngine.Request<"toolCall">> = []
    return Effect.gen(function* () {
      const gate = yield* MockModel.gate
      yield* Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const { home } = yield* CodexTest.Home
        const thread = yield* codex.thread.start()
        const turn = yield* thread.turn("Wait")
        const pid = processesOf(home).find((pid) => /app-server/.test(readFileSync(`/proc/${pid}/cmdline`, "utf8")))
        const token = /EFFECT_CODEX_MCP_TOKEN=([^\0]+)/.exec(readFileSync(`/proc/${pid}/environ`, "utf8"))?.[1] ?? ""
        const url = /http:\/\/127[^"]*/.exec(readFileSync(`/proc/${pid}/cmdline`, "utf8"))?.[0] ?? ""
        const authorization = `Bearer ${token}`
        const session = (yield* post(url, initialize, { authorization })).headers.get("mcp-session-id") ?? ""
        const called = yield* post(
          url,
          {
            jsonrpc: "2.0",
            id: 2,
            method: "tools/call",
            params: {
              name: "lookup",
              arguments: { sku: "a" },
              _meta: {
                callId: "call_1",
                threadId: thread.id,
                "x-codex-turn-metadata": { thread_id: thread.id, turn_id: turn.id }
              }
            }
          },
          { authorization, "mcp-session-id": session }
        )
        expect(called.text).toContain("declined")
        expect(called.text).not.toContain("pieces")
        expect(asked).toEqual([])
        yield* gate.open
        yield* turn.result
      }).pipe(Effect.scoped, withTools([reply(text("a ", gate, "b"))], { policy: recording(asked) }))
    })
  })

  it.live("gives each codex a token of its own, which ends with it", () =>
    Effect.gen(function* () {
      const server = yield* ToolServer
      const [first, second] = yield* Effect.all([
        server?.admit ?? Effect.die("none"),
        server?.admit ?? Effect.die("none")
      ])
      expect(Redacted.value(first.token)).not.toBe(Redacted.value(second.token))
      expect(String(first.token)).not.toContain(Redacted.value(first.token))
      const old = yield* Effect.scoped(server?.admit ?? Effect.die("none"))
      const authorization = `Bearer ${Redacted.value(old.token)}`
      expect((yield* post(server?.url ?? "", initialize, { authorization })).status).toBe(401)
    }).pipe(Effect.scoped, Effect.provide(tools()))
  )
})

describe("a question of codex about one of the program's own tools", () => {
  // The user's configuration may have codex ask about every call.
  const prompting = { "mcp_servers.effect.tools.lookup.approval_mode": "prompt" }

  it.live("is answered here, and the policy decides on the call", () => {
    const asked: Array<PolicyEngine.Request<"toolCall">> = []
    return Effect.gen(function* () {
      const codex = yield* Codex.Codex
      yield* (yield* codex.thread.start()).run("Try")
      expect(yield* output(1)).toContain("pieces")
      expect(asked).toHaveLength(1)
    }).pipe(
      withTools([reply(lookup()), reply(text("ok"))], {
        policy: recording(asked),
        codex: {
          args: ["app-server", ...Object.entries(prompting).flatMap(([key, value]) => ["-c", `${key}="${value}"`])]
        }
      })
    )
  })
})

describe("a name that somebody else has", () => {
  const failureOf = (options: Options) =>
    Effect.scoped(Layer.build(CodexTest.layerCodex(options.codex).pipe(Layer.provide(tools(options))))).pipe(
      Effect.flip,
      Effect.provide(CodexTest.layerHome([], { config: options.config }))
    )

  it.live.each([
    ["a server that is a command", { config: '[mcp_servers.effect]\ncommand = "true"\n' }],
    ["a server with a URL", { config: '[mcp_servers.effect]\nurl = "http://127.0.0.1:9/"\n' }],
    ["an option of the layer", { codex: { config: { mcp_servers: { effect: { url: "http://127.0.0.1:9/" } } } } }],
    ["an option of the layer with a path", { codex: { config: { "mcp_servers.effect.enabled": false } } }]
  ] satisfies ReadonlyArray<readonly [string, Options]>)("in %s is refused", ([, options]) =>
    Effect.gen(function* () {
      expect(yield* failureOf(options)).toMatchObject({ _tag: "InvalidConfig", path: "McpTools.name" })
    })
  )

  it.live("is no trouble when the tools have another name", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      yield* (yield* codex.thread.start()).run("Try")
      expect(yield* output(1)).toContain("pieces")
    }).pipe(
      withTools([reply(mcpCall("stock", "lookup", { sku: "a" })), reply(text("ok"))], {
        name: "stock",
        config: '[mcp_servers.effect]\nurl = "http://127.0.0.1:9/"\nenabled = false\n'
      })
    )
  )
})

describe("other clients", () => {
  it.live(
    "see the tools as the protocol describes them, and hear what comes of a call: Effect's client and the official one",
    () =>
      Effect.gen(function* () {
        const server = yield* Effect.fromNullishOr(yield* ToolServer)
        const { connect, token } = yield* server.admit
        connect((params, run) => run(params))
        const headers = { authorization: `Bearer ${Redacted.value(token)}` }
        const _meta = { callId: "c", threadId: "t", "x-codex-turn-metadata": { turn_id: "u" } }

        const client = new Client({ name: "official", version: "1" })
        const transport = new StreamableHTTPClientTransport(new URL(server.url), { requestInit: { headers } })
        // The types of the package are not made for exact optional properties.
        yield* Effect.promise(() => client.connect(transport as Parameters<typeof client.connect>[0]))
        const listed = yield* Effect.promise(() => client.listTools())
        expect(listed.tools.map(({ name }) => name)).toEqual(["lookup", "broken", "slow"])
        expect(listed.tools[0]).toMatchObject({
          description: "How many pieces of an article are in stock",
          inputSchema: { type: "object", required: ["sku"] },
          annotations: { readOnlyHint: false, destructiveHint: true }
        })
        const call = (args: Record<string, unknown>) =>
          Effect.promise(() => client.callTool({ name: "lookup", arguments: args, _meta }))
        expect(yield* call({ sku: "a" })).toMatchObject({
          isError: false,
          content: [{ type: "text", text: '{"pieces":7,"enough":true}' }]
        })
        expect(yield* call({ sku: "none" })).toMatchObject({ isError: true })
        expect(yield* call({ sku: 1 })).toMatchObject({ isError: true })
        // A call that says nothing of a turn belongs to none.
        expect(yield* Effect.promise(() => client.callTool({ name: "lookup", arguments: { sku: "a" } }))).toMatchObject(
          {
            isError: true
          }
        )
        yield* Effect.promise(() => client.close())

        const ofEffect = McpClient.layerHttp({
          url: server.url,
          headers,
          name: "effect",
          version: "1",
          protocol: McpProtocol.v2025_11_25
        }).pipe(Layer.provide(FetchHttpClient.layer))
        const found = yield* Effect.provide(
          Effect.flatMap(McpClient.McpClient, (client) => client.listTools()),
          ofEffect
        )
        expect(found.map(({ name }) => name)).toEqual(["lookup", "broken", "slow"])
      }).pipe(Effect.scoped, Effect.provide(tools()))
  )
})

describe("the registrations", () => {
  it.live("run nothing for a caller that no connection stands for, in every version of the protocol", () =>
    Effect.gen(function* () {
      const bound = yield* Tools.bind(toolkit)
      const registrations = Registrations.layer(toolkit, bound, "nonce")
      for (const protocol of [McpProtocol.v2025_11_25, McpProtocol.v2025_06_18, McpProtocol.v2025_03_26]) {
        const client = yield* McpTest.makeClient(registrations, { protocols: [protocol] })
        const { tools } = yield* client.listTools({})
        expect(tools.map(({ name }) => name)).toEqual(["lookup", "broken", "slow"])
        expect(yield* client.callTool({ name: "lookup", arguments: { sku: "a" } })).toMatchObject({
          isError: true,
          content: [{ text: expect.stringContaining("belongs to no turn") }]
        })
      }
    }).pipe(Effect.scoped, Effect.provide(handlersAlone))
  )
})

describe("transports", () => {
  it.live("has the tools over a Unix socket", () =>
    Effect.gen(function* () {
      const { env, cwd } = yield* CodexTest.Home
      const socket = yield* socketPath
      yield* Effect.gen(function* () {
        const codex = yield* Codex.Codex
        yield* (yield* codex.thread.start()).run("How many?")
        expect(yield* output(1)).toContain("pieces")
      }).pipe(
        Effect.provide(
          Codex.layerUnix({ socketPath: socket, env, cwd }).pipe(Layer.provide(tools()), Layer.provide(services))
        )
      )
    }).pipe(
      Effect.scoped,
      Effect.provide(Layer.merge(CodexTest.layerHome([reply(lookup()), reply(text("seven"))]), acceptTools))
    )
  )

  it.live("refuses to connect to a server that others have started, which cannot get a token", () =>
    Effect.gen(function* () {
      const layer = Codex.layerWebSocket({ url: "ws://127.0.0.1:9" }).pipe(
        Layer.provide(tools()),
        Layer.provide(services)
      )
      expect(yield* Effect.flip(Effect.scoped(Layer.build(layer)))).toMatchObject({
        _tag: "InvalidConfig",
        path: "McpTools"
      })
    })
  )
})

describe("options", () => {
  const refused = <E>(layer: Layer.Layer<never, E>) => Effect.flip(Effect.scoped(Layer.build(layer)))

  it.live("refuses a name that is none, a hostile name of a tool, and a server that others can reach", () =>
    Effect.gen(function* () {
      expect(yield* refused(tools({ name: "a.b" }))).toMatchObject({ _tag: "InvalidConfig", path: "McpTools.name" })
      const hostile = Toolkit.make(Tool.make('x"]\nurl = "http://evil/', { success: Schema.String }))
      const evil = hostile.toLayer({ 'x"]\nurl = "http://evil/': () => Effect.succeed("") })
      expect(yield* refused(McpTools.layer(hostile).pipe(Layer.provide(evil), Layer.provide(loopback)))).toMatchObject({
        _tag: "InvalidConfig"
      })
      const open = NodeHttpServer.layer(createServer, { host: "0.0.0.0", port: 0 })
      const empty = McpTools.layer(Toolkit.empty).pipe(Layer.provide(open))
      expect(yield* refused(empty)).toMatchObject({ _tag: "InvalidConfig", path: "McpTools.HttpServer" })
    })
  )
})

describe("what an agent runs", () => {
  it.live("can see the token, which is why the token alone runs nothing", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      yield* (yield* codex.thread.start()).run("Look")
      expect(yield* output(1)).toContain("EFFECT_CODEX_MCP_TOKEN=")
    }).pipe(withTools([reply(execCommand({ cmd: "env | grep TOKEN" })), reply(text("ok"))]))
  )
})
