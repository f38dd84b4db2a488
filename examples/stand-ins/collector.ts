/**
 * A stand-in for an OpenTelemetry collector: takes traces and metrics as JSON on the loopback, and tells what it got.
 */
import * as Http from "node:http"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

const Traces = Schema.Struct({
  resourceSpans: Schema.Array(
    Schema.Struct({
      scopeSpans: Schema.Array(
        Schema.Struct({
          spans: Schema.Array(
            Schema.Struct({
              name: Schema.String,
              spanId: Schema.String,
              parentSpanId: Schema.optionalKey(Schema.String),
              startTimeUnixNano: Schema.String
            })
          )
        })
      )
    })
  )
})

const Metrics = Schema.Struct({
  resourceMetrics: Schema.Array(
    Schema.Struct({
      scopeMetrics: Schema.Array(Schema.Struct({ metrics: Schema.Array(Schema.Struct({ name: Schema.String })) }))
    })
  )
})

type Span = (typeof Traces.Type)["resourceSpans"][number]["scopeSpans"][number]["spans"][number]

export const make = Effect.gen(function* () {
  const spans = new Map<string, Span>()
  const metrics = new Set<string>()

  const take = (path: string | undefined, body: string) => {
    if (path === "/v1/traces") {
      for (const { scopeSpans } of Schema.decodeUnknownSync(Schema.fromJsonString(Traces))(body).resourceSpans) {
        for (const span of scopeSpans.flatMap(({ spans }) => spans)) spans.set(span.spanId, span)
      }
    } else if (path === "/v1/metrics") {
      for (const { scopeMetrics } of Schema.decodeUnknownSync(Schema.fromJsonString(Metrics))(body).resourceMetrics) {
        for (const { name } of scopeMetrics.flatMap(({ metrics }) => metrics)) metrics.add(name)
      }
    }
  }

  const server = Http.createServer((request, response) => {
    let body = ""
    request.setEncoding("utf8").on("data", (chunk: string) => (body += chunk))
    request.on("end", () => {
      take(request.url, body)
      response.end("{}")
    })
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
    () => Effect.sync(() => void server.close())
  )
  const address = server.address()

  const tree = (parent: string | undefined, indent: string): ReadonlyArray<string> =>
    Array.from(spans.values())
      .filter(
        ({ parentSpanId }) =>
          (parentSpanId !== undefined && spans.has(parentSpanId) ? parentSpanId : undefined) === parent
      )
      .toSorted((a, b) => (a.startTimeUnixNano < b.startTimeUnixNano ? -1 : 1))
      .flatMap(({ name, spanId }) => [`${indent}${name}`, ...tree(spanId, `${indent}  `)])

  return {
    url: `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`,
    report: () =>
      [
        "",
        "Spans:",
        ...tree(undefined, "  "),
        "Metrics:",
        ...Array.from(metrics, (name) => `  ${name}`).toSorted()
      ].join("\n")
  }
})
