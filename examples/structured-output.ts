/**
 * Shows: an answer in the form of a schema, checked, and asked for once more when it does not fit.
 *
 * Run it with your own codex and account:   npm run example -- structured-output
 * Run it without either:                    npm run example -- structured-output --offline
 */
import * as Codex from "@effect-codex/core/Codex"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"

const Review = Schema.Struct({
  verdict: Schema.Literals(["merge", "change"]),
  confidence: Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 })),
  findings: Schema.Array(Schema.Struct({ file: Schema.String, line: Schema.Int, text: Schema.String }))
})

const program = Effect.gen(function* () {
  const codex = yield* Codex.Codex
  const { value } = yield* codex.responses.create({ prompt: "Review the newest commit.", output: Review })
  yield* Console.log(`${value.verdict}, ${Math.round(value.confidence * 100)} % sure`)
  yield* Effect.forEach(value.findings, ({ file, line, text }) => Console.log(`${file}:${line} ${text}`))
}).pipe(
  // Asked twice, and still no review: the answer and what is wrong with it are in the error.
  Effect.catchTag("OutputInvalid", (error) => Console.error(error.message))
)

const Main = Layer.merge(Codex.layer({ thread: { sandbox: "read-only" } }), PolicyEngine.layerDeclineAll).pipe(
  Layer.provide(NodeServices.layer)
)

program.pipe(Effect.provide(Main), NodeRuntime.runMain)
