import * as AppServer from "@effect-codex/core/AppServer"
import * as Codex from "@effect-codex/core/Codex"
import type * as CodexError from "@effect-codex/core/CodexError"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import { MockAppServer } from "@effect-codex/core/testing"
import * as Tools from "@effect-codex/core/Tools"
import * as Transport from "@effect-codex/core/Transport"
import * as WebSocketTransport from "@effect-codex/core/WebSocketTransport"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as NodeWS from "@effect/platform-node/NodeWS"
import { describe, expect, it } from "@effect/vitest"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"

// What a caller without types may pass.
const unchecked = (value: unknown): never => value as never

const Services = Layer.merge(NodeServices.layer, NodeWS.layerWebSocketConstructor)

const invalid = (path: string) => ({ _tag: "InvalidConfig", path })

// A binary that would fail in another way if it were started.
const none = { binary: "/bin/true" }

describe("law 15: an invalid option of a layer is InvalidConfig with its path, before anything is started", () => {
  const durations = ["handshakeTimeout", "requestTimeout", "answerTimeout", "acceptDelay", "shutdownGrace"]
  const cases = [
    ...durations.flatMap((name) => [Number.NaN, -1, "5 parsecs", Infinity].map((value) => [name, value] as const)),
    ...[Number.NaN, 0, -1, 1.5, "1", Infinity].map((value) => ["bufferBytes", value] as const)
  ]

  it.effect.each(cases)("%s: %s", ([name, value]) =>
    Effect.gen(function* () {
      const options = unchecked({ ...none, [name]: value })
      expect(yield* Effect.flip(Effect.scoped(Layer.build(AppServer.layer(options))))).toMatchObject(invalid(name))
      expect(yield* Effect.flip(Effect.scoped(Layer.build(Codex.layer(options))))).toMatchObject(invalid(name))
      if (name !== "shutdownGrace") {
        const socket = unchecked({ url: "ws://127.0.0.1:1", [name]: value })
        expect(yield* Effect.flip(Effect.scoped(Layer.build(AppServer.layerWebSocket(socket))))).toMatchObject(
          invalid(name)
        )
      }
    }).pipe(Effect.provide(Services))
  )

  it.effect("of a transport", () =>
    Effect.gen(function* () {
      const failure = <A, R>(effect: Effect.Effect<A, CodexError.ConnectionFailed | CodexError.InvalidConfig, R>) =>
        Effect.flip(Effect.asVoid(effect))
      const command = { command: none.binary, args: [] }
      for (const value of [Number.NaN, 0, -1]) {
        for (const name of ["maxLineLength", "writeBufferLength"]) {
          expect(yield* failure(Transport.stdio({ ...command, [name]: value }))).toMatchObject(invalid(name))
        }
        const url = "ws://127.0.0.1:1"
        for (const name of ["openTimeout", "writeBufferLength"]) {
          expect(yield* failure(WebSocketTransport.connect({ url, [name]: value }))).toMatchObject(invalid(name))
        }
        const unix = { ...command, socketPath: "/nonexistent/socket", openTimeout: value }
        expect(yield* failure(WebSocketTransport.spawnUnix(unix))).toMatchObject(invalid("openTimeout"))
      }
    }).pipe(Effect.scoped, Effect.provide(Services))
  )

  it.effect.each([
    ["budget.tokens", { budget: { tokens: Number.NaN } }],
    ["budget.turns", { budget: { turns: -1 } }],
    ["budget.duration", { budget: { duration: -1 } }],
    ["turnBudget.tokens", { turnBudget: { tokens: 1.5 } }],
    ["turnBudget.duration", { turnBudget: { duration: "soon" } }],
    ["watchdog.stallTimeout", { watchdog: { stallTimeout: 0 } }],
    ["watchdog.silenceWarning", { watchdog: { silenceWarning: Number.NaN } }],
    ["watchdog.retryWindow", { watchdog: { retryWindow: -5 } }]
  ] as const)("%s, of the defaults", ([path, defaults]) =>
    Effect.gen(function* () {
      const layer = Codex.layerAppServer(unchecked(defaults)).pipe(Layer.provide(MockAppServer.layer()))
      expect(yield* Effect.flip(Effect.scoped(Layer.build(layer)))).toMatchObject(invalid(path))
    })
  )
})

describe("law 15: an invalid option of a call is InvalidConfig with its path, and nothing is sent", () => {
  const toolkit = Toolkit.make(Tool.make("nothing", { success: Schema.Void }))
  const against = Effect.provide(
    Layer.mergeAll(
      Codex.layerAppServer().pipe(Layer.provideMerge(MockAppServer.layer({ connection: { experimentalApi: true } }))),
      PolicyEngine.layerDeclineAll,
      toolkit.toLayer({ nothing: () => Effect.void })
    )
  )

  const limits = [
    ["budget.tokens", { budget: { tokens: Number.NaN } }],
    ["budget.duration", { budget: { duration: "-1 seconds" } }],
    ["watchdog.stallTimeout", { watchdog: { stallTimeout: Infinity } }]
  ] as const

  it.effect.each(limits)("%s of a turn", ([path, options]) =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const server = yield* MockAppServer.MockAppServer
      const thread = yield* codex.thread.start()
      const before = (yield* server.received).length
      const input = { prompt: "Hello", ...options } as const
      expect(yield* Effect.flip(codex.responses.create(input))).toMatchObject(invalid(path))
      expect(yield* Effect.flip(Stream.runDrain(codex.responses.events(input)))).toMatchObject(invalid(path))
      expect(yield* Effect.flip(Stream.runDrain(codex.responses.streamText(input)))).toMatchObject(invalid(path))
      expect(yield* Effect.flip(thread.run(input))).toMatchObject(invalid(path))
      expect(yield* Effect.flip(thread.turn(input))).toMatchObject(invalid(path))
      expect(yield* Effect.flip(thread.review({ type: "uncommittedChanges" }, options))).toMatchObject(invalid(path))
      expect((yield* server.received).length).toBe(before)
      // The connection is none the worse for it.
      expect((yield* thread.run("Hello")).status).toBe("completed")
    }).pipe(Effect.scoped, against)
  )

  it.effect("outputRetries", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const server = yield* MockAppServer.MockAppServer
      const thread = yield* codex.thread.start()
      const before = (yield* server.received).length
      for (const outputRetries of [Number.NaN, -1, Infinity, 0.5]) {
        const input = { prompt: "Hello", output: Schema.Finite, outputRetries }
        expect(yield* Effect.flip(codex.responses.create(input))).toMatchObject(invalid("outputRetries"))
        expect(yield* Effect.flip(thread.run(input))).toMatchObject(invalid("outputRetries"))
      }
      expect((yield* server.received).length).toBe(before)
    }).pipe(against)
  )

  it.effect("toolTimeout", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const { id } = yield* codex.thread.start()
      for (const toolTimeout of [Number.NaN, 0, -1, Infinity]) {
        const bound = yield* Effect.flip(Tools.bind(toolkit, { toolTimeout }))
        expect(bound).toMatchObject(invalid("toolTimeout"))
        const failures = [
          codex.thread.start({ toolTimeout }),
          codex.thread.start({ toolTimeout, tools: toolkit }),
          codex.thread.resume(id, { toolTimeout }),
          codex.thread.resume(id, { toolTimeout, tools: toolkit }),
          codex.thread.fork(id, { toolTimeout }),
          codex.thread.fork(id, { toolTimeout, tools: toolkit })
        ]
        for (const call of failures) {
          expect(yield* Effect.flip(Effect.asVoid(call))).toMatchObject(invalid("toolTimeout"))
        }
      }
    }).pipe(against)
  )

  it.effect("the timeout of a request is InvalidParams", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const server = yield* MockAppServer.MockAppServer
      const before = (yield* server.received).length
      for (const timeout of [Number.NaN, 0, -1, Infinity]) {
        const failure = yield* Effect.flip(codex.request("model/list", {}, { timeout }))
        expect(failure).toMatchObject({ _tag: "InvalidParams", method: "model/list" })
        expect(failure.message).toContain("timeout")
      }
      expect((yield* server.received).length).toBe(before)
    }).pipe(against)
  )
})
