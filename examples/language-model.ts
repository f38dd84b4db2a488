/**
 * Shows: a program of `effect/ai` on codex: text, a value of a schema, and a chat with tools. Only the layer is codex's.
 *
 * Run it with your own codex and account:   npm run example -- language-model
 * Run it without either:                    npm run example -- language-model --offline
 */
import * as CodexLanguageModel from "@effect-codex/ai/CodexLanguageModel"
import * as Codex from "@effect-codex/core/Codex"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Chat from "effect/ai/Chat"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"

const Plan = Schema.Struct({ audience: Schema.String, highlights: Schema.Array(Schema.String) })

const Stock = Tool.make("stock", {
  description: "How many pieces of an article there are",
  parameters: Schema.Struct({ article: Schema.String }),
  success: Schema.Int
})
const warehouse = Toolkit.make(Stock)
const handlers = warehouse.toLayer({ stock: ({ article }) => Effect.succeed(article === "chair" ? 7 : 0) })

const program = Effect.gen(function* () {
  const haiku = yield* LanguageModel.generateText({ prompt: "Write a line about types" })
  yield* Console.log(haiku.text)

  const { value } = yield* LanguageModel.generateObject({ prompt: "Plan the launch of Effect", schema: Plan })
  yield* Console.log(`for ${value.audience}: ${value.highlights.join(", ")}`)

  // Each response ends where the model calls a tool. The next prompt brings the results.
  const chat = yield* Chat.empty
  let response = yield* chat.generateText({ prompt: "How many chairs do we have?", toolkit: warehouse })
  while (response.finishReason === "tool-calls") {
    response = yield* chat.generateText({ prompt: [], toolkit: warehouse })
  }
  yield* Console.log(response.text)
})

const policy = PolicyEngine.layer({
  toolCall: ({ params }) =>
    Effect.succeed(params.tool === "stock" ? { decision: "accept", by: "it only reads" } : undefined)
})

const Main = Layer.merge(
  CodexLanguageModel.layer().pipe(Layer.provide(Layer.merge(Codex.layer({ experimentalApi: true }), policy))),
  handlers
).pipe(Layer.provide(NodeServices.layer))

program.pipe(Effect.provide(Main), NodeRuntime.runMain)
