/**
 * Shows: functions of your program as tools of an agent: typed, run while the turn waits, allowed by the policy.
 *
 * Run it with your own codex and account:   npm run example -- tools
 * Run it without either:                    npm run example -- tools --offline
 */
import { createServer } from "node:http"
import * as Codex from "@effect-codex/core/Codex"
import * as McpTools from "@effect-codex/core/McpTools"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"

const Stock = Tool.make("stock", {
  description: "How many pieces of an article there are",
  parameters: Schema.Struct({ article: Schema.String }),
  success: Schema.Struct({ pieces: Schema.Int }),
  failure: Schema.String
})
const warehouse = Toolkit.make(Stock)

const tools = McpTools.layer(warehouse).pipe(
  Layer.provide(
    warehouse.toLayer({
      stock: ({ article }) =>
        article === "chair" ? Effect.succeed({ pieces: 7 }) : Effect.fail(`no article ${article}`)
    })
  ),
  Layer.provide(NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 }))
)

const program = Effect.gen(function* () {
  const codex = yield* Codex.Codex
  const thread = yield* codex.thread.start()
  const { text } = yield* thread.run("How many chairs do we have, and how many tables?")
  yield* Console.log(text)
})

const policy = Layer.succeed(PolicyEngine.PolicyEngine)(
  PolicyEngine.make({
    toolCall: ({ params }) =>
      Effect.succeed(params.tool === "stock" ? { decision: "accept", by: "it only reads" } : undefined)
  })
)

// Every thread of this codex has the tools.
const Main = Layer.merge(Codex.layer().pipe(Layer.provide(tools)), policy).pipe(Layer.provide(NodeServices.layer))

program.pipe(Effect.provide(Main), NodeRuntime.runMain)
