/**
 * Shows: an HTTP endpoint that streams an agent's answer as server-sent events. A client that disconnects stops the turn.
 *
 * Run it with your own codex and account:   npm run example -- sse
 * Run it without either:                    npm run example -- sse --offline
 * Ask it something:                         curl -N 'http://127.0.0.1:3000/ask?prompt=hello'
 */
import { createServer } from "node:http"
import * as Codex from "@effect-codex/core/Codex"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Sse from "effect/encoding/Sse"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"

const event = (name: string, data: string): string =>
  Sse.encoder.write({ _tag: "Event", event: name, id: undefined, data })

const routes = HttpRouter.use((router) =>
  Effect.gen(function* () {
    const codex = yield* Codex.Codex
    const policy = yield* PolicyEngine.PolicyEngine
    yield* router.add(
      "GET",
      "/ask",
      Effect.gen(function* () {
        const { prompt } = yield* HttpServerRequest.schemaSearchParams(Schema.Struct({ prompt: Schema.NonEmptyString }))
        const events = codex.responses.streamText({ prompt }).pipe(
          Stream.map((text) => event("text", text)),
          Stream.concat(Stream.make(event("done", ""))),
          Stream.catch((error) => Stream.make(event("error", error.message))),
          Stream.provideService(PolicyEngine.PolicyEngine, policy),
          Stream.encodeText
        )
        return HttpServerResponse.stream(events, { contentType: "text/event-stream" })
      }).pipe(
        Effect.catchTag("SchemaError", () =>
          Effect.succeed(HttpServerResponse.text("Give a prompt: /ask?prompt=hello\n", { status: 400 }))
        )
      )
    )
  })
)

const Main = HttpRouter.serve(routes).pipe(
  Layer.provide(NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: Number(process.env["PORT"] ?? 3000) })),
  Layer.provide(Layer.merge(Codex.layer({ thread: { sandbox: "read-only" } }), PolicyEngine.layerDeclineAll)),
  Layer.provide(NodeServices.layer)
)

Layer.launch(Main).pipe(NodeRuntime.runMain)
