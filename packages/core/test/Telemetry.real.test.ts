import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import * as Codex from "@effect-codex/core/Codex"
import type { Frame } from "@effect-codex/core/AppServer"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as Telemetry from "@effect-codex/core/Telemetry"
import { CodexTest, MockModel } from "@effect-codex/core/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"

const { execCommand, reply, text, usage } = MockModel

const script = [
  reply(
    execCommand({ cmd: "echo out", escalate: "May I?" }),
    usage({ input: 100, cached: 40, output: 10, reasoning: 4 })
  ),
  reply(text("done"), usage({ input: 120, cached: 100, output: 5 }))
]

const accept = Layer.succeed(PolicyEngine.PolicyEngine)(
  PolicyEngine.make({
    command: () => Effect.withSpan(Effect.succeed({ decision: "accept" as const, by: "the test" }), "thinking it over")
  })
)

// A tracer that keeps what it is told.
const recorder = () => {
  const spans: Array<Tracer.NativeSpan> = []
  const layer = Layer.succeed(Tracer.Tracer)(
    Tracer.make({
      span: (options) => {
        const span = new Tracer.NativeSpan(options)
        spans.push(span)
        return span
      }
    })
  )
  const parentOf = (span: Tracer.NativeSpan | undefined) =>
    spans.find(({ spanId }) => spanId === Option.getOrUndefined(span?.parent ?? Option.none())?.spanId)
  return { spans, layer, parentOf, find: (name: string) => spans.find((span) => span.name === name) }
}

const Exported = Schema.Struct({
  resourceSpans: Schema.Array(
    Schema.Struct({
      scopeSpans: Schema.Array(
        Schema.Struct({
          spans: Schema.Array(
            Schema.Struct({
              name: Schema.String,
              traceId: Schema.String,
              spanId: Schema.String,
              parentSpanId: Schema.optionalKey(Schema.String)
            })
          )
        })
      )
    })
  )
})

// Somebody to whom codex itself sends its spans.
const collector = Effect.acquireRelease(
  Effect.callback<{ readonly url: string; readonly bodies: Array<string>; readonly close: () => void }>((resume) => {
    const bodies: Array<string> = []
    const server = createServer((request, response) => {
      let body = ""
      request.setEncoding("utf8").on("data", (chunk) => (body += chunk))
      request.on("end", () => {
        bodies.push(body)
        response.end("{}")
      })
    })
    server.listen(0, "127.0.0.1", () => {
      const { port }: AddressInfo = server.address() as AddressInfo
      resume(Effect.succeed({ url: `http://127.0.0.1:${port}/v1/traces`, bodies, close: () => void server.close() }))
    })
  }),
  ({ close }) => Effect.sync(close)
)

describe("the trace of a real turn", () => {
  it.live("holds together from the caller down to the request that codex makes to the model", () =>
    Effect.gen(function* () {
      const { find, layer, parentOf, spans } = recorder()
      const otel = yield* collector
      const config = `[otel]\nenvironment = "test"\ntrace_exporter = { otlp-http = { endpoint = "${otel.url}", protocol = "json" } }\n`
      const traceparent = yield* Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const model = yield* MockModel.MockModel
        yield* codex.responses.create({ prompt: "Go on" }).pipe(Effect.withSpan("caller"))
        return (yield* model.request(0)).headers["traceparent"] ?? ""
      }).pipe(Effect.provide(Layer.merge(CodexTest.layer(script, { config }), accept).pipe(Layer.provideMerge(layer))))

      const turn = find("invoke_agent codex")
      const approval = find("codex.approval command")
      const command = find("execute_tool exec_command")
      expect(parentOf(find("initialize"))?.name).toBe("codex.connect")
      expect(parentOf(find("thread/start"))?.name).toBe("caller")
      expect(parentOf(turn)?.name).toBe("caller")
      expect(parentOf(find("turn/start"))).toBe(turn)
      expect(parentOf(approval)).toBe(turn)
      expect(parentOf(find("thinking it over"))).toBe(approval)
      expect(parentOf(command)).toBe(turn)
      expect(parentOf(find("codex.item agentMessage"))).toBe(turn)
      for (const span of spans) expect([span.name, span.status._tag]).toEqual([span.name, "Ended"])

      expect(Object.fromEntries(turn?.attributes ?? [])).toMatchObject({
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.provider.name": "mock",
        "gen_ai.conversation.id": expect.stringMatching(/^[0-9a-f-]{36}$/),
        "codex.turn.id": expect.stringMatching(/^[0-9a-f-]{36}$/),
        "codex.turn.status": "completed",
        "gen_ai.usage.input_tokens": 220,
        "gen_ai.usage.output_tokens": 15
      })
      expect(Object.fromEntries(approval?.attributes ?? [])).toMatchObject({
        "codex.request.kind": "command",
        "codex.decision": "accept",
        "codex.decided_by": "the test"
      })
      expect(Object.fromEntries(command?.attributes ?? [])).toMatchObject({
        "gen_ai.operation.name": "execute_tool",
        "codex.item.status": "completed",
        "process.exit.code": 0
      })
      const told = JSON.stringify(spans.map(({ attributes }) => Array.from(attributes)))
      for (const said of ["Go on", "echo out", "May I?", "done"]) expect(told).not.toContain(said)

      // Codex exports its own spans when it ends: they hang below those of our requests.
      const exported = otel.bodies.flatMap((body) =>
        Schema.decodeUnknownSync(Schema.fromJsonString(Exported))(body).resourceSpans.flatMap(({ scopeSpans }) =>
          scopeSpans.flatMap(({ spans }) => spans)
        )
      )
      const [, traceId, modelSpan] = traceparent.split("-")
      expect(traceId).toBe(turn?.traceId)
      let above = exported.find(({ spanId }) => spanId === modelSpan)
      const path: Array<string> = []
      while (above !== undefined) {
        path.push(above.name)
        const { parentSpanId } = above
        const ours = spans.find(({ spanId }) => spanId === parentSpanId)
        if (ours !== undefined) {
          expect(ours.name).toBe("turn/start")
          break
        }
        above = exported.find(({ spanId }) => spanId === parentSpanId)
      }
      expect(above, path.join(" < ")).toBeDefined()
    }).pipe(Effect.scoped)
  )

  it.live("says how a turn ended that did not end well", () =>
    Effect.gen(function* () {
      const { find, layer } = recorder()
      yield* Effect.gen(function* () {
        const codex = yield* Codex.Codex
        yield* Effect.flip(codex.responses.create({ prompt: "Fail" }))
      }).pipe(
        Effect.provide(
          Layer.merge(CodexTest.layer([MockModel.error(500, "broken")]), accept).pipe(Layer.provideMerge(layer))
        )
      )
      const turn = find("invoke_agent codex")
      expect(turn?.attributes.get("error.type")).toBe("TurnFailed")
      expect(turn?.status._tag === "Ended" && Exit.isFailure(turn.status.exit)).toBe(true)
    })
  )
})

describe("the metrics of a connection", () => {
  it.live("count requests, turns, tokens and approvals", () =>
    Effect.gen(function* () {
      yield* Effect.gen(function* () {
        const codex = yield* Codex.Codex
        yield* codex.responses.create({ prompt: "Go on" })
        yield* Effect.flip(codex.request("thread/read", { threadId: "no id" }))
      }).pipe(Effect.provide(Layer.merge(CodexTest.layer(script), accept)))
      const value = <Input, State>(metric: Metric.Metric<Input, State>, attributes: Record<string, string> = {}) =>
        Metric.value(Metric.withAttributes(metric, attributes))
      const ok = { "rpc.method": "turn/start", outcome: "ok" }
      const refused = { "rpc.method": "thread/read", outcome: "InvalidParams" }
      expect((yield* value(Telemetry.requestDuration, ok)).count).toBe(1)
      expect((yield* value(Telemetry.requestDuration, refused)).count).toBe(1)
      expect((yield* value(Telemetry.turnDuration, { outcome: "ok" })).count).toBe(1)
      expect((yield* value(Telemetry.turnTokens, { "gen_ai.token.type": "input" })).sum).toBe(220)
      expect((yield* value(Telemetry.turnTokens, { "gen_ai.token.type": "output" })).sum).toBe(15)
      const accepted = { "codex.request.kind": "command", "codex.decision": "accept" }
      expect((yield* value(Telemetry.approvalDuration, accepted)).count).toBe(1)
      expect((yield* value(Telemetry.activeTurns)).count).toBe(0)
      expect((yield* value(Telemetry.pendingApprovals)).count).toBe(0)
    }).pipe(
      Effect.provideServiceEffect(
        Metric.MetricRegistry,
        Effect.sync(() => new Map())
      )
    )
  )
})

describe("the frame tap", () => {
  it.live("tells of every line in both directions, without secrets", () =>
    Effect.gen(function* () {
      const frames: Array<Frame> = []
      yield* Effect.gen(function* () {
        const codex = yield* Codex.Codex
        yield* Effect.forkChild(
          Effect.ignore(Stream.runForEach(codex.frames, (frame) => Effect.sync(() => frames.push(frame)))),
          { startImmediately: true }
        )
        yield* codex.responses.create({ prompt: "The key is sk-abcdefghijklmnopqrstuvwx" })
        yield* codex.requestRaw("account/login/start", { type: "apiKey", apiKey: "plainly-a-secret" })
      }).pipe(Effect.provide(Layer.merge(CodexTest.layer(script), accept)))
      const all = frames.map(({ text }) => text).join("\n")
      expect(all).toContain("The key is [redacted]")
      expect(all).toContain('"apiKey":"[redacted]"')
      expect(all).not.toMatch(/sk-abc|plainly-a-secret/)
      const sent = frames.flatMap(({ direction, text }) => (direction === "out" ? [JSON.parse(text)] : []))
      const read = frames.flatMap(({ direction, text }) => (direction === "in" ? [JSON.parse(text)] : []))
      expect(sent.find(({ method }) => method === "turn/start")).toBeDefined()
      expect(read.find(({ method }) => method === "turn/completed")).toBeDefined()
      expect(read.filter(({ method }) => method === "item/commandExecution/requestApproval").length).toBe(1)
      expect(sent.find(({ result }) => result?.decision === "accept")).toBeDefined()
    })
  )
})
