import { createServer } from "node:http"
import * as Codex from "@effect-codex/core/Codex"
import * as McpTools from "@effect-codex/core/McpTools"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import { CodexTest, MockModel } from "@effect-codex/core/testing"
import * as Tools from "@effect-codex/core/Tools"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { handlers, stock, toolkit } from "./stock.ts"

const { reply, text } = MockModel

// Some are there only if codex has an MCP server.
const mcpTools = McpTools.layer(toolkit).pipe(
  Layer.provide([handlers(), stock, NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 })])
)

it.live("every function that codex offers the model by itself is refused as the name of a declared tool", () =>
  Effect.gen(function* () {
    const codex = yield* Codex.Codex
    const model = yield* MockModel.MockModel
    yield* codex.responses.create({ prompt: "Hello" })
    const { body } = yield* model.request(0)
    const tools = body["tools"] as ReadonlyArray<{ readonly type: string; readonly name?: string }>
    const names = tools.flatMap(({ name, type }) => (type === "function" && name !== undefined ? [name] : []))
    expect(names).toEqual(expect.arrayContaining(["exec_command", "read_mcp_resource"]))
    for (const name of names) {
      const spec = { type: "function", name, description: name, inputSchema: { type: "object" } } as const
      expect(yield* Effect.flip(Tools.checkNames([spec]))).toMatchObject({ path: `tools.${name}` })
    }
  }).pipe(
    Effect.provide(
      Layer.merge(
        CodexTest.layerCodex({ config: { features: { code_mode: true, request_permissions_tool: true } } }).pipe(
          Layer.provide(mcpTools),
          Layer.provideMerge(CodexTest.layerHome([reply(text("Hello"))]))
        ),
        PolicyEngine.layerDeclineAll
      )
    )
  )
)
