/**
 * Shows: traces, metrics and logs of turns on their way to OpenTelemetry, with nothing but Effect's own exporter.
 *
 * Run it with your own codex, account and collector:
 *   OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 npm run example -- otlp
 * Run it without any, and see what a collector would get:
 *   npm run example -- otlp --offline
 */
import * as Codex from "@effect-codex/core/Codex"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Layer from "effect/Layer"
import * as Otlp from "effect/observability/Otlp"

const program = Effect.gen(function* () {
  const codex = yield* Codex.Codex
  const { text } = yield* codex.responses.create({ prompt: "Which files are here?" })
  yield* Console.log(text)
}).pipe(Effect.withSpan("nightly report"))

const policy = Layer.succeed(PolicyEngine.PolicyEngine)(
  PolicyEngine.make({ command: () => Effect.succeed({ decision: "decline", by: "nothing runs at night" }) })
)

const telemetry = Layer.unwrap(
  Effect.map(Config.String("OTEL_EXPORTER_OTLP_ENDPOINT"), (baseUrl) =>
    Otlp.layerJson({ baseUrl, resource: { serviceName: "nightly" } })
  )
).pipe(Layer.provide(FetchHttpClient.layer))

// Below the rest, so that starting and ending the app-server is traced too.
const Main = Layer.merge(Codex.layer({ thread: { approvalPolicy: "untrusted" } }), policy).pipe(
  Layer.provide(NodeServices.layer),
  Layer.provideMerge(telemetry)
)

program.pipe(Effect.provide(Main), NodeRuntime.runMain)
