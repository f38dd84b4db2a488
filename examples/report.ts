/**
 * Shows: a tool of the program together with an answer of a fixed form, in one turn with a budget.
 *
 * Run it with your own codex and account:   npm run example -- report
 * Run it without either:                    npm run example -- report --offline
 */
import { createServer } from "node:http"
import * as Codex from "@effect-codex/core/Codex"
import * as McpTools from "@effect-codex/core/McpTools"
import * as RuleBasedPolicy from "@effect-codex/policy/RuleBasedPolicy"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"

const Owner = Tool.make("owner", {
  description: "The owner of a module",
  parameters: Schema.Struct({ module: Schema.String }),
  success: Schema.Struct({ name: Schema.String })
})
const people = Toolkit.make(Owner)

const tools = McpTools.layer(people).pipe(
  Layer.provide(
    people.toLayer({
      owner: ({ module }) => Effect.succeed({ name: module === "billing" ? "Ada" : "unknown" })
    })
  ),
  Layer.provide(NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 }))
)

const Report = Schema.Struct({
  risks: Schema.Array(Schema.Struct({ module: Schema.String, owner: Schema.String, text: Schema.String }))
})

const program = Effect.gen(function* () {
  const codex = yield* Codex.Codex
  const { value } = yield* codex.responses.create({
    prompt: "Find the greatest risk in each module, and name the owner of the module.",
    output: Report,
    budget: { tokens: 200_000, duration: "10 minutes" },
    thread: { sandbox: "read-only" }
  })
  for (const { module, owner, text } of value.risks) yield* Console.log(`${module} (${owner}): ${text}`)
}).pipe(
  Effect.catchTags({
    NotAuthenticated: (error) => Console.error(error.message),
    BudgetExceeded: (error) => Console.error(error.message),
    OutputInvalid: (error) => Console.error(error.message)
  })
)

const policy = RuleBasedPolicy.layer({
  mode: "strict",
  toolCallRules: [{ name: "owners", when: { tool: "owner" }, decision: "accept" }]
})

const Main = Layer.merge(Codex.layer().pipe(Layer.provide(tools)), policy).pipe(Layer.provide(NodeServices.layer))

program.pipe(Effect.provide(Main), NodeRuntime.runMain)
