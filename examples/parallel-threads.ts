/**
 * Shows: ten threads at once on one process, and what they used together.
 *
 * Run it with your own codex and account:   npm run example -- parallel-threads
 * Run it without either:                    npm run example -- parallel-threads --offline
 */
import * as Codex from "@effect-codex/core/Codex"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

const modules = ["auth", "billing", "cache", "docs", "events", "files", "graph", "http", "index", "jobs"]

const program = Effect.gen(function* () {
  const codex = yield* Codex.Codex
  const responses = yield* Effect.forEach(
    modules,
    (name) => codex.responses.create({ prompt: `Summarize the module ${name} in one line.` }),
    // Each call has a thread of its own. Interrupting the whole stops all of them on the server.
    { concurrency: "unbounded" }
  )
  yield* Effect.forEach(responses, ({ text }) => Console.log(text))
  const tokens = responses.reduce((sum, { usage }) => sum + (usage?.turn.totalTokens ?? 0), 0)
  yield* Console.log(`${responses.length} threads, ${tokens} tokens`)
})

const Main = Layer.merge(Codex.layer({ thread: { sandbox: "read-only" } }), PolicyEngine.layerDeclineAll).pipe(
  Layer.provide(NodeServices.layer)
)

program.pipe(Effect.provide(Main), NodeRuntime.runMain)
