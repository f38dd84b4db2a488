import * as Codex from "@effect-codex/core/Codex"
import type { ExperimentalApi } from "@effect-codex/core/ExperimentalApi"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import { CodexTest, MockModel } from "@effect-codex/core/testing"
import type * as Thread from "@effect-codex/core/Thread"
import { describe, expect, expectTypeOf, it } from "@effect/vitest"
import type * as Tool from "effect/ai/Tool"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { handlers, output, stock, type Stock, toolkit } from "./stock.ts"

const { reply, text, toolCall } = MockModel

const acceptTools = Layer.succeed(PolicyEngine.PolicyEngine)(
  PolicyEngine.make({ toolCall: () => Effect.succeed({ decision: "accept", by: "test" }) })
)

const withTools = (
  script: MockModel.Script,
  options?: { readonly policy?: Layer.Layer<PolicyEngine.PolicyEngine>; readonly slow?: Effect.Effect<string> }
) =>
  Effect.provide(
    Layer.mergeAll(
      CodexTest.layer(script, { codex: { experimentalApi: true } }),
      options?.policy ?? acceptTools,
      handlers(options?.slow),
      stock
    )
  )

describe("a toolkit bound to a thread", () => {
  it.live("is declared with its schemas, and its handlers run with what they need", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const model = yield* MockModel.MockModel
      const thread = yield* codex.thread.start({ tools: toolkit })
      expect((yield* thread.run("How many?")).text).toBe("seven")
      const request = yield* model.request(0)
      expect(request.tools).toEqual(expect.arrayContaining(["lookup", "broken", "slow"]))
      expect(JSON.stringify(request.body["tools"])).toContain("How many pieces of an article are in stock")
      expect(JSON.parse(yield* output(1))).toEqual({ pieces: 7, enough: false })
    }).pipe(withTools([reply(toolCall("lookup", { sku: "a", atLeast: "8" })), reply(text("seven"))]))
  )

  it.live("is there again after the thread was left", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const thread = yield* codex.thread.start({ tools: toolkit })
      expect((yield* thread.run("How many?")).text).toBe("seven")
      yield* codex.thread.unsubscribe(thread.id)
      expect((yield* thread.run("And now?")).text).toBe("still seven")
      expect(JSON.parse(yield* output(3))).toEqual({ pieces: 7, enough: true })
      yield* codex.thread.archive(thread.id)
      yield* codex.thread.unarchive(thread.id)
      expect((yield* thread.run("And from the archive?")).text).toBe("always seven")
      expect(JSON.parse(yield* output(5))).toEqual({ pieces: 7, enough: true })
    }).pipe(
      withTools(
        ["seven", "still seven", "always seven"].flatMap((answer) => [
          reply(toolCall("lookup", { sku: "a" })),
          reply(text(answer))
        ])
      )
    )
  )

  it.live("tells the model of bad arguments, failures and defects, and the turn goes on", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const thread = yield* codex.thread.start({ tools: toolkit })
      const response = yield* thread.run("Try")
      expect(response.text).toBe("sorry")
      expect(yield* output(1)).toMatch(/lookup.*sku/s)
      expect(yield* output(2)).toBe("The tool lookup failed: no such article")
      expect(yield* output(3)).toBe("The tool broken failed unexpectedly.")
      expect(response.items.filter(({ type }) => type === "dynamicToolCall")).toMatchObject([
        { status: "failed" },
        { status: "failed" },
        { status: "failed" }
      ])
    }).pipe(
      withTools([
        reply(toolCall("lookup", { sku: 3 })),
        reply(toolCall("lookup", { sku: "none" })),
        reply(toolCall("broken", {})),
        reply(text("sorry"))
      ])
    )
  )

  it.live("tells the model that a call took too long", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const thread = yield* codex.thread.start({ tools: toolkit, toolTimeout: "20 millis" })
      yield* thread.run("Wait")
      expect(yield* output(1)).toBe("The tool slow did not finish within 20ms.")
    }).pipe(withTools([reply(toolCall("slow", {})), reply(text("well"))]))
  )

  it.live("tells the model of a call that nobody handles, after it was asked for by policy", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const thread = yield* codex.thread.start({
        tools: toolkit,
        dynamicTools: [{ type: "function", name: "unbound", description: "Nobody's", inputSchema: { type: "object" } }]
      })
      yield* thread.run("Try")
      expect(yield* output(1)).toBe("No handler is bound for the tool unbound.")
    }).pipe(withTools([reply(toolCall("unbound", {})), reply(text("well"))]))
  )

  it.live("leaves other tools to a raw handler", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const thread = yield* codex.thread.start({
        tools: toolkit,
        dynamicTools: [{ type: "function", name: "raw", description: "Raw", inputSchema: { type: "object" } }],
        onToolCall: ({ arguments: args, tool }) =>
          Effect.succeed({
            success: true,
            contentItems: [{ type: "inputText", text: `${tool} ${JSON.stringify(args)}` }]
          })
      })
      yield* thread.run("Try")
      expect(yield* output(1)).toBe('raw {"n":1}')
      expect(JSON.parse(yield* output(2))).toEqual({ pieces: 7, enough: true })
    }).pipe(withTools([reply(toolCall("raw", { n: 1 })), reply(toolCall("lookup", { sku: "a" })), reply(text("ok"))]))
  )

  it.live("runs nothing that the policy declines", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const thread = yield* codex.thread.start({ tools: toolkit })
      yield* thread.run("Try")
      expect(yield* output(1)).toContain("declined by policy")
    }).pipe(
      withTools([reply(toolCall("lookup", { sku: "a" })), reply(text("ok"))], { policy: PolicyEngine.layerDeclineAll })
    )
  )

  it.live("has its handlers interrupted with the turn", () =>
    Effect.gen(function* () {
      const running = yield* Deferred.make<void>()
      const interrupted = yield* Deferred.make<void>()
      const slow = Effect.andThen(Deferred.succeed(running, undefined), Effect.never).pipe(
        Effect.onInterrupt(() => Deferred.succeed(interrupted, undefined))
      )
      yield* Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const thread = yield* codex.thread.start({ tools: toolkit })
        const fiber = yield* Effect.forkChild(thread.run("Wait"))
        yield* Deferred.await(running)
        yield* Fiber.interrupt(fiber)
        yield* Deferred.await(interrupted)
      }).pipe(withTools([reply(toolCall("slow", {}))], { slow }))
    })
  )

  it.live("is bound again when the thread is resumed by another process, which declares nothing", () =>
    Effect.gen(function* () {
      const started = yield* Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const thread = yield* codex.thread.start({ tools: toolkit })
        yield* thread.run("Hello")
        return thread.id
      }).pipe(Effect.provide(CodexTest.layerCodex({ experimentalApi: true })))
      yield* Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const thread = yield* codex.thread.resume(started, { tools: toolkit })
        expect((yield* thread.run("How many?")).text).toBe("seven")
        expect(JSON.parse(yield* output(2))).toEqual({ pieces: 7, enough: true })
      }).pipe(Effect.provide(CodexTest.layerCodex()))
    }).pipe(
      Effect.provide(
        Layer.mergeAll(
          CodexTest.layerHome([reply(text("hello")), reply(toolCall("lookup", { sku: "a" })), reply(text("seven"))]),
          acceptTools,
          handlers(),
          stock
        )
      )
    )
  )

  it("says in its types what it needs", () => {
    type Requires<T> = T extends Effect.Effect<infer _A, infer _E, infer R> ? R : never
    const start = (codex: Codex.Codex["Service"]) => codex.thread.start({ tools: toolkit })
    const resume = (codex: Codex.Codex["Service"]) => codex.thread.resume("id", { tools: toolkit })
    const plain = (codex: Codex.Codex["Service"]) => codex.thread.start({ model: "m" })
    const declared = (codex: Codex.Codex["Service"]) => codex.thread.start({ dynamicTools: [] })
    type Handlers = Tool.Handler<"lookup"> | Tool.Handler<"broken"> | Tool.Handler<"slow">
    expectTypeOf<Requires<ReturnType<typeof start>>>().toEqualTypeOf<Handlers | Stock | ExperimentalApi>()
    expectTypeOf<Requires<ReturnType<typeof resume>>>().toEqualTypeOf<Handlers | Stock>()
    expectTypeOf<Requires<ReturnType<typeof plain>>>().toEqualTypeOf<never>()
    expectTypeOf<Requires<ReturnType<typeof declared>>>().toEqualTypeOf<ExperimentalApi>()
    expectTypeOf<Requires<ReturnType<Thread.Thread["review"]>>>().not.toEqualTypeOf<never>()
    expectTypeOf<Stream.Services<Thread.TurnHandle["events"]>>().toEqualTypeOf<never>()
  })
})
