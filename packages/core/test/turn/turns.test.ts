import * as AppServer from "@effect-codex/core/AppServer"
import * as Codex from "@effect-codex/core/Codex"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as Telemetry from "@effect-codex/core/Telemetry"
import { MockAppServer } from "@effect-codex/core/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import { RpcError } from "../../src/internal/rpc/jsonRpc.ts"
import { connection } from "../../src/internal/connection/serve.ts"
import { tables } from "../../src/internal/thread/threads.ts"
import { endsWithin, eventually, nothingMore, received, until } from "../waiting.ts"

const hang: MockAppServer.Options = { turns: Array.from({ length: 8 }, () => [{ hang: Effect.never }]) }
const said = (...texts: ReadonlyArray<string>): MockAppServer.Options => ({
  turns: texts.map((text) => [{ say: [text] }])
})

const against = (
  options?: MockAppServer.LayerOptions,
  defaults?: Codex.Defaults,
  policy = PolicyEngine.layerDeclineAll
) =>
  Effect.provide(
    Layer.merge(Codex.layerAppServer(defaults).pipe(Layer.provideMerge(MockAppServer.layer(options))), policy)
  )

// Lets time pass until it has an end, an hour at most.
const outcome = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
  const fiber = yield* Effect.forkChild(Effect.exit(effect), { startImmediately: true })
  yield* endsWithin(fiber, 3600)
  return yield* Fiber.join(fiber)
})
const tagOf = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(outcome(effect), (exit) =>
    Exit.match(exit, {
      onSuccess: () => "Success",
      onFailure: () => {
        const error = Exit.findErrorOption(exit)
        return error._tag === "Some" ? String((error.value as { readonly _tag?: unknown })._tag) : "a defect"
      }
    })
  )

const count = (method: string) =>
  Effect.flatMap(MockAppServer.MockAppServer, (server) =>
    Effect.map(server.received, (messages) => messages.filter((message) => message.method === method).length)
  )

const paramsOf = (method: string) =>
  Effect.flatMap(MockAppServer.MockAppServer, (server) =>
    Effect.map(server.received, (messages) =>
      messages.filter((message) => message.method === method).map(({ params }) => params)
    )
  )

// What was answered to a request of the server, once there is an answer.
const answersTo = (id: number) =>
  Effect.gen(function* () {
    const server = yield* MockAppServer.MockAppServer
    const answers = Effect.map(server.received, (messages) => messages.filter((message) => message["id"] === id))
    yield* until(`the request ${id} is answered`, () => Effect.map(answers, ({ length }) => length > 0))
    return (yield* answers).map((message) => message["result"])
  })

// Drops the replies to `turn/start`.
const withoutReplies = (options: MockAppServer.Options): MockAppServer.Options => {
  return {
    ...options,
    distort: (message) => {
      const result: unknown = message["result"]
      const isReply = typeof result === "object" && result !== null && "turn" in result
      return isReply ? [] : [message]
    }
  }
}

describe("law 3: a turn whose start is never answered ends", () => {
  for (const [what, limits, tag] of [
    ["by its budget of time", { budget: { duration: "5 seconds" } }, "BudgetExceeded"],
    ["by the watchdog", { watchdog: { stallTimeout: "60 seconds" } }, "TurnStalled"]
  ] as const) {
    it.effect(what, () =>
      Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const server = yield* MockAppServer.MockAppServer
        yield* server.on("turn/start", () => Effect.never)
        expect(yield* tagOf(codex.responses.create({ prompt: "Hello", ...limits }))).toBe(tag)
        expect(codex[tables]()).toMatchObject({ routes: 0, bindings: 0, joined: 0 })
      }).pipe(against(hang))
    )
  }

  it.effect("by the budget of the layer", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const server = yield* MockAppServer.MockAppServer
      yield* server.on("turn/start", () => Effect.never)
      expect(yield* tagOf(codex.responses.create({ prompt: "Hello" }))).toBe("BudgetExceeded")
    }).pipe(against(hang, { budget: { duration: "5 seconds" } }))
  )

  it.effect("with its own result, if it was seen to begin and to end", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const response = yield* codex.responses.create({ prompt: "Hello" })
      expect(response).toMatchObject({ text: "here", status: "completed" })
    }).pipe(against(withoutReplies(said("here"))))
  )

  it.effect("with a limit on what the server may say until then", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const server = yield* MockAppServer.MockAppServer
      const { id } = yield* codex.thread.start()
      yield* server.on("turn/start", () =>
        Effect.andThen(
          Effect.forEach(
            Array.from({ length: 40 }),
            () =>
              server.notify("item/agentMessage/delta", {
                threadId: id,
                turnId: "t",
                itemId: "m",
                delta: "x".repeat(1000)
              }),
            { discard: true }
          ),
          Effect.never
        )
      )
      const exit = yield* outcome(codex.responses.create({ prompt: "Hello", threadId: id }))
      expect(Exit.findErrorOption(exit)).toMatchObject({ value: { _tag: "ProtocolViolation", method: "turn/start" } })
      expect(codex[tables]()).toMatchObject({ routes: 0 })
    }).pipe(against(hang, { bufferBytes: 20_000 }))
  )
})

describe("a turn that could not start leaves nothing", () => {
  const start = Effect.gen(function* () {
    const codex = yield* Codex.Codex
    return { codex, server: yield* MockAppServer.MockAppServer, thread: yield* codex.thread.start() }
  })
  const nothing = { routes: 0, pending: 0, waiting: 0, approvals: 0, idleWaiters: 0 }

  it.effect("after a refusal: a second try in the same scope runs", () =>
    Effect.gen(function* () {
      const { codex, server, thread } = yield* start
      let isFirst = true
      yield* server.on("turn/start", () => {
        if (!isFirst) return Effect.never
        isFirst = false
        return Effect.fail(new RpcError({ code: -32603, description: "no" }))
      })
      expect((yield* Effect.flip(thread.turn("one")))._tag).toBe("RequestFailed")
      expect(codex[tables]()).toMatchObject(nothing)
      const second = yield* Effect.forkChild(thread.turn("two"))
      yield* received("turn/start", 2)
      yield* Fiber.interrupt(second).pipe(
        Effect.forkChild,
        Effect.flatMap((fiber) => outcome(Fiber.join(fiber)))
      )
    }).pipe(Effect.scoped, against(hang))
  )

  it.effect("after `budget: { turns: 0 }`: it fails twice, each time at once", () =>
    Effect.gen(function* () {
      const { codex, thread } = yield* start
      for (const _ of [1, 2]) {
        expect(yield* Effect.flip(thread.turn("one"))).toMatchObject({ _tag: "BudgetExceeded", allowed: 0, used: 0 })
        expect(yield* Effect.flip(thread.run("one"))).toMatchObject({ _tag: "BudgetExceeded" })
      }
      expect(codex[tables]()).toMatchObject(nothing)
      expect(yield* count("turn/start")).toBe(0)
    }).pipe(Effect.scoped, against(hang, { budget: { turns: 0 } }))
  )

  it.effect("after an input that is none", () =>
    Effect.gen(function* () {
      const { codex, thread } = yield* start
      const failure = yield* Effect.flip(thread.turn([{ type: "localImage", path: "relative.png" }]))
      expect(failure._tag).toBe("InvalidInput")
      expect(codex[tables]()).toMatchObject(nothing)
      expect((yield* thread.run("again")).text).toBe("again")
    }).pipe(Effect.scoped, against(said("again")))
  )

  it.effect("and its span is ended, with why", () =>
    Effect.gen(function* () {
      const { server, thread } = yield* start
      const active = () => Metric.value(Telemetry.activeTurns)
      // Another one runs, so that there is something to count.
      const other = yield* Effect.flatMap(Codex.Codex, (codex) => codex.thread.start())
      const idle = yield* active()
      yield* other.turn("runs on")
      expect(yield* active()).not.toEqual(idle)
      yield* server.on("turn/start", () => Effect.fail(new RpcError({ code: -32603, description: "no" })))
      const before = yield* active()
      yield* Effect.flip(thread.turn("one"))
      expect(yield* active()).toEqual(before)
    }).pipe(Effect.scoped, against(hang))
  )
})

// All ten thousand take half a minute on a busy machine.
const times = Number(process.env["CODEX_TEST_MANY"] ?? 1000)

describe("law 14: nothing is kept that is over", () => {
  it.effect("of many one-shots: every table is as it was after the first hundred", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const many = (times: number) =>
        Effect.forEach(Array.from({ length: times }), () => codex.responses.create({ prompt: "Hello" }), {
          concurrency: 10,
          discard: true
        })
      yield* many(100)
      // The call has its result before the server has let go of its thread.
      yield* eventually(() => expect(codex[tables]()).toMatchObject({ leaving: 0, pending: 0 }))
      const { remembered, ...before } = codex[tables]()
      yield* many(times)
      yield* eventually(() => expect(codex[tables]()).toMatchObject({ leaving: 0, pending: 0 }))
      const { remembered: then, ...after } = codex[tables]()
      expect(after).toEqual(before)
      expect(after).toMatchObject({ joined: 0, routes: 0, roots: 0, children: 0, bindings: 0, active: 0, deadlines: 0 })
      expect(remembered).toBe(100)
      expect(then).toBeLessThanOrEqual(1024)
    }).pipe(against())
  )

  it.effect("of deadlines that nobody has any more: not even their lengths", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      for (let millis = 1000; millis < 2000; millis++) yield* codex.request("account/read", {}, { timeout: millis })
      expect(codex[tables]()).toMatchObject({ deadlineLines: 0, deadlines: 0 })
    }).pipe(against())
  )

  it.effect("of methods that do not exist: they are measured under one name", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const before = codex[tables]()["requestDurations"] ?? 0
      for (let n = 0; n < 100; n++) yield* Effect.flip(Effect.asVoid(codex.requestRaw(`made/up/${n}`)))
      expect(codex[tables]()["requestDurations"]).toBeLessThanOrEqual(before + 1)
      const measured = (yield* Metric.snapshot).flatMap(({ attributes, id }) =>
        id === "rpc.client.duration" ? [attributes?.["rpc.method"]] : []
      )
      expect(measured).toContain("other")
      expect(measured.filter((method) => method?.startsWith("made/up"))).toEqual([])
    }).pipe(against())
  )

  it.effect("of listeners that have gone", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const server = yield* AppServer.AppServer
      const { leftListeners, listeners } = codex[tables]()
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* server[connection].on("thread/started", () => {})
          yield* server[connection].on("thread/started", () => {})
          yield* server[connection].onLeft(() => {})
          expect(codex[tables]()).toMatchObject({
            leftListeners: (leftListeners ?? 0) + 1,
            listeners: (listeners ?? 0) + 1
          })
        })
      )
      expect(codex[tables]()).toMatchObject({ leftListeners, listeners })
    }).pipe(against())
  )

  it.effect("of calls that were left and never answered: the latest 1,024 are waited for", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const server = yield* MockAppServer.MockAppServer
      yield* server.on("thread/start", () => Effect.never)
      for (let n = 0; n < 1100; n++) {
        yield* Fiber.interrupt(yield* Effect.forkChild(codex.thread.start(), { startImmediately: true }))
      }
      expect(codex[tables]()).toMatchObject({ pending: 0, late: 1024 })
    }).pipe(against())
  )
})

describe("an answer that is asked for again", () => {
  const Answer = Schema.Struct({ ok: Schema.Boolean })

  it.effect("keeps its place in the queue, has one budget, and the usage of all its attempts", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const thread = yield* codex.thread.start()
      const asking = yield* Effect.forkChild(thread.run({ prompt: "Ask", output: Answer, outputRetries: 2 }), {
        startImmediately: true
      })
      const other = yield* Effect.forkChild(thread.run("in between"), { startImmediately: true })
      const answer = yield* Fiber.join(asking)
      expect(answer.value).toEqual({ ok: true })
      expect((yield* Fiber.join(other)).text).toBe("later")
      const prompts = (yield* paramsOf("turn/start")).map((params) => JSON.stringify(params))
      expect(prompts.length).toBe(4)
      expect(prompts.findIndex((params) => params.includes("in between"))).toBe(3)
    }).pipe(against(said("no", "no", '{"ok":true}', "later")))
  )

  it.effect("ends when the attempts together have used up the budget", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const thread = yield* codex.thread.start()
      const exit = yield* outcome(
        thread.run({ prompt: "Ask", output: Answer, outputRetries: 5, budget: { tokens: 250 } })
      )
      expect(Exit.findErrorOption(exit)).toMatchObject({ value: { _tag: "BudgetExceeded", limit: "tokens" } })
      expect(yield* count("turn/start")).toBeLessThan(5)
    }).pipe(against(growing))
  )
})

// A server whose threads use 110 tokens a turn, as real ones add up.
let used = 0
const growing: MockAppServer.Options = {
  ...said("1", "2", "3", "4", "5", "6"),
  distort: (message) => {
    if (message["method"] !== "thread/tokenUsage/updated") return [message]
    used += 110
    const last = {
      totalTokens: 110,
      inputTokens: 100,
      cachedInputTokens: 0,
      outputTokens: 10,
      reasoningOutputTokens: 0
    }
    const params = message["params"]
    const total = { ...last, totalTokens: used, inputTokens: used - 10 }
    return [{ ...message, params: { ...(typeof params === "object" ? params : {}), tokenUsage: { last, total } } }]
  }
}

describe("a server that ignores interrupts", () => {
  const ignoring = Effect.gen(function* () {
    const codex = yield* Codex.Codex
    const server = yield* MockAppServer.MockAppServer
    yield* server.on("turn/interrupt", () => Effect.succeed({}))
    return { codex, server, thread: yield* codex.thread.start() }
  })
  const messageOf = <A, E extends { readonly message: string }, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.map(outcome(effect), (exit) => {
      const error = Exit.findErrorOption(exit)
      return error._tag === "Some" ? error.value.message : "no error"
    })

  for (const [what, limits] of [
    ["a budget", { budget: { duration: "5 seconds" } }],
    ["the watchdog", { watchdog: { stallTimeout: "60 seconds" } }]
  ] as const) {
    it.effect(`is not said to have stopped by ${what}, and its thread counts as busy`, () =>
      Effect.gen(function* () {
        const { thread } = yield* ignoring
        const logged: Array<string> = []
        const logger = Logger.make<unknown, void>(({ message }) => logged.push(String(message)))
        const message = yield* messageOf(
          Effect.provideService(thread.run({ prompt: "Hang", ...limits }), Logger.CurrentLoggers, new Set([logger]))
        )
        expect(logged).toContainEqual(expect.stringContaining("did not end within"))
        expect(message).toContain("may still be running")
        expect(message).not.toContain("is intact")
        expect(yield* Effect.flip(thread.run({ prompt: "Next", whenBusy: "fail" }))).toMatchObject({
          _tag: "ThreadBusy",
          delivered: false
        })
      }).pipe(against(hang))
    )
  }

  it.effect("has `interrupt` fail with TurnNotStopped, and the turn may still end", () =>
    Effect.gen(function* () {
      const { server, thread } = yield* ignoring
      const turn = yield* thread.turn("Hang")
      const exit = yield* outcome(turn.interrupt)
      expect(Exit.findErrorOption(exit)).toMatchObject({
        value: { _tag: "TurnNotStopped", turnId: turn.id, millis: 3000 }
      })
      yield* server.notify("turn/completed", {
        threadId: thread.id,
        turn: { id: turn.id, items: [], itemsView: "notLoaded", status: "interrupted", error: null }
      })
      expect(yield* Effect.flip(turn.result)).toMatchObject({ _tag: "TurnInterrupted" })
      yield* turn.interrupt
    }).pipe(Effect.scoped, against(hang, { stopTimeout: "3 seconds" }))
  )

  it.effect.each(["before", "after"])(
    "is not asked to stop the turn of another client that a late reply names, if that began %s ours was given up",
    (when) =>
      Effect.gen(function* () {
        const reply = yield* Deferred.make<void>()
        const turn = { id: "o", items: [], itemsView: "notLoaded", status: "inProgress", error: null }
        yield* Effect.gen(function* () {
          const codex = yield* Codex.Codex
          const server = yield* MockAppServer.MockAppServer
          const thread = yield* codex.thread.start()
          yield* server.on("turn/start", () => Effect.as(Deferred.await(reply), { turn }))
          yield* server.on("turn/interrupt", () => Effect.succeed({}))
          const fiber = yield* Effect.forkChild(thread.run("mine"), { startImmediately: true })
          yield* nothingMore
          const item = { type: "userMessage", id: "m", clientId: "somebody else", content: [] }
          const begin = Effect.andThen(
            server.notify("turn/started", { threadId: thread.id, turn }),
            server.notify("item/started", { threadId: thread.id, turnId: "o", item, startedAtMs: 0 })
          )
          if (when === "before") yield* begin
          yield* outcome(Fiber.interrupt(fiber))
          if (when === "after") yield* begin
          yield* Deferred.succeed(reply, undefined)
          yield* nothingMore
          expect(yield* paramsOf("turn/interrupt")).not.toContainEqual({ threadId: thread.id, turnId: "o" })
        }).pipe(against(hang, { stopTimeout: "3 seconds" }))
      })
  )

  it.effect("is asked with the id of the moment when it was too busy to take the first interrupt", () =>
    Effect.gen(function* () {
      const activation = yield* Deferred.make<void>()
      yield* Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const server = yield* MockAppServer.MockAppServer
        const thread = yield* codex.thread.start()
        const fiber = yield* Effect.forkChild(thread.run("Hang"), { startImmediately: true })
        yield* nothingMore
        yield* server.on("turn/interrupt", () => Effect.fail(new RpcError({ code: -32001, description: "busy" })))
        const left = yield* Effect.forkChild(Fiber.interrupt(fiber), { startImmediately: true })
        yield* nothingMore
        yield* Deferred.succeed(activation, undefined)
        yield* nothingMore
        yield* outcome(Fiber.join(left))
        const ids = (yield* paramsOf("turn/interrupt")).map((params) => JSON.stringify(params))
        expect(ids.length).toBeGreaterThanOrEqual(5)
        expect(ids.filter((params) => params.includes('"turnId":""')).length).toBe(1)
      }).pipe(against({ ...hang, activation: Deferred.await(activation) }, { stopTimeout: "3 seconds" }))
    })
  )

  it.effect("is waited for no longer than `stopTimeout` when the owner leaves", () =>
    Effect.gen(function* () {
      const { codex, thread } = yield* ignoring
      const fiber = yield* Effect.forkChild(thread.run("Hang"), { startImmediately: true })
      yield* received("turn/start")
      const left = yield* outcome(Fiber.interrupt(fiber))
      expect(left._tag).toBe("Success")
      expect(codex[tables]()).toMatchObject({ routes: 0, active: 1 })
    }).pipe(against(hang, { stopTimeout: "3 seconds" }))
  )
  it.effect("is busy with a turn that was left before anything was heard of it", () =>
    Effect.gen(function* () {
      const { codex, server, thread } = yield* ignoring
      const turn = { id: "silent", items: [], itemsView: "notLoaded", status: "inProgress", error: null }
      yield* server.on("turn/start", () => Effect.succeed({ turn }))
      yield* outcome(Effect.scoped(thread.turn("Hang")))
      expect(codex[tables]()).toMatchObject({ routes: 0, active: 1 })
      expect(yield* Effect.flip(thread.run({ prompt: "Next", whenBusy: "fail" }))).toMatchObject({
        _tag: "ThreadBusy",
        turnId: turn.id
      })
    }).pipe(against(hang, { stopTimeout: "3 seconds" }))
  )
})

describe("a thread that is left while its turn runs", () => {
  const asks = (id: string) =>
    Effect.flatMap(MockAppServer.MockAppServer, (server) =>
      server.ask("item/commandExecution/requestApproval", {
        threadId: id,
        turnId: "the server's own",
        itemId: "c",
        kind: "command",
        command: "true",
        cwd: "/",
        startedAtMs: 0,
        availableDecisions: ["accept", "decline"]
      })
    )

  it.effect("has its queue, its policy and its parameters again", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const policy = PolicyEngine.make({ command: () => Effect.succeed({ decision: "accept", by: "the thread" }) })
      const thread = yield* codex.thread.start({ policy, sandbox: "read-only" })
      const first = yield* Effect.forkChild(thread.run("one"), { startImmediately: true })
      yield* received("turn/start")
      yield* codex.thread.unsubscribe(thread.id)
      yield* received("thread/resume")
      expect(yield* paramsOf("thread/resume")).toMatchObject([{ threadId: thread.id, sandbox: "read-only" }])
      const second = yield* Effect.forkChild(thread.run("two"), { startImmediately: true })
      yield* nothingMore
      // It waits for the first one.
      expect(yield* count("turn/start")).toBe(1)
      expect(yield* asks(thread.id)).toEqual({ decision: "accept" })
      yield* outcome(Effect.all([Fiber.interrupt(first), Fiber.interrupt(second)]))
    }).pipe(against(hang))
  )

  it.effect("is not given a turn while nothing says whether another one runs on it", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const server = yield* MockAppServer.MockAppServer
      const thread = yield* codex.thread.start()
      const input = [{ type: "text", text: "somebody else's", text_elements: [] }]
      yield* server.requestAsOther("turn/start", { threadId: thread.id, input })
      yield* nothingMore
      yield* server.on("thread/read", () => Effect.never)
      expect(yield* tagOf(thread.run("mine"))).toBe("RequestTimedOut")
      expect(yield* count("turn/start")).toBe(0)
    }).pipe(against(hang))
  )

  it.effect("and resumed by the program, still has its turns one after the other", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const server = yield* MockAppServer.MockAppServer
      const thread = yield* codex.thread.start()
      const first = yield* Effect.forkChild(Effect.exit(thread.run("one")), { startImmediately: true })
      yield* nothingMore
      const left = yield* Deferred.make<void>()
      yield* server.on("thread/unsubscribe", () => Effect.as(Deferred.await(left), { status: "unsubscribed" }))
      yield* Effect.forkChild(codex.thread.unsubscribe(thread.id), { startImmediately: true })
      const resumed = yield* Effect.forkChild(codex.thread.resume(thread.id), { startImmediately: true })
      yield* nothingMore
      yield* Deferred.succeed(left, undefined)
      yield* Fiber.join(resumed)
      const second = yield* Effect.forkChild(Effect.exit(thread.run("two")), { startImmediately: true })
      yield* nothingMore
      expect(yield* count("turn/start")).toBe(1)
      yield* server.die()
      for (const fiber of [first, second]) {
        const exit = yield* Fiber.join(fiber)
        expect(Exit.findErrorOption(exit)).toMatchObject({ value: { _tag: "ConnectionFailed" } })
      }
      expect(codex[tables]()["queues"] ?? 0).toBe(0)
    }).pipe(against(hang))
  )

  it.effect("is joined again by the turn that waits for it, before that is sent", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      yield* Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const server = yield* MockAppServer.MockAppServer
        const thread = yield* codex.thread.start()
        const input = [{ type: "text", text: "somebody else's", text_elements: [] }]
        yield* server.requestAsOther("turn/start", { threadId: thread.id, input })
        yield* nothingMore
        const waiting = yield* Effect.forkChild(thread.run("mine"), { startImmediately: true })
        yield* nothingMore
        yield* codex.thread.unsubscribe(thread.id)
        yield* nothingMore
        expect([yield* count("thread/resume"), yield* count("turn/start")]).toEqual([1, 0])
        yield* Deferred.succeed(gate, undefined)
        yield* nothingMore
        expect((yield* Fiber.join(waiting)).text).toBe("mine")
      }).pipe(against({ turns: [[{ hang: Deferred.await(gate) }], [{ say: ["mine"] }]] }))
    })
  )

  it.effect("is joined again once the server has let go of it", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const server = yield* MockAppServer.MockAppServer
      const thread = yield* codex.thread.start()
      yield* thread.run("first")
      const reply = yield* codex.request("thread/resume", { threadId: thread.id })
      yield* server.notify("thread/closed", { threadId: thread.id })
      // The reply comes after the notification.
      yield* codex.request("thread/loaded/list", {})
      const locked = new RpcError({ code: -32600, description: `thread ${thread.id} already has an active writer` })
      let refusals = 0
      yield* server.on("thread/resume", () => (refusals++ < 4 ? Effect.fail(locked) : Effect.succeed(reply)))
      const run = yield* Effect.forkChild(thread.run("mine"), { startImmediately: true })
      yield* endsWithin(run, 10)
      expect((yield* Fiber.join(run)).text).toBe("mine")
      yield* server.on("thread/resume", () => Effect.fail(locked))
      yield* server.notify("thread/closed", { threadId: thread.id })
      yield* codex.request("thread/loaded/list", {})
      const refused = yield* Effect.forkChild(Effect.flip(thread.run("mine")), { startImmediately: true })
      yield* endsWithin(refused, 10)
      expect(yield* Fiber.join(refused)).toMatchObject({ _tag: "ThreadLocked" })
    }).pipe(against({ turns: [[{ say: ["first"] }], [{ say: ["mine"] }]] }))
  )

  it.effect("is stopped with its turn if it can't be joined again", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const server = yield* MockAppServer.MockAppServer
      const thread = yield* codex.thread.start()
      const turn = yield* thread.turn("Hang")
      yield* nothingMore
      yield* server.on("thread/resume", () => Effect.never)
      yield* codex.thread.unsubscribe(thread.id)
      expect(yield* tagOf(turn.result)).toBe("RequestTimedOut")
      expect(yield* count("turn/interrupt")).toBeGreaterThan(0)
      expect((yield* codex.request("thread/read", { threadId: thread.id })).thread.status.type).toBe("idle")
    }).pipe(Effect.scoped, against(hang))
  )

  for (const [method, tag] of [
    ["thread/archived", "SessionArchived"],
    ["thread/deleted", "SessionNotFound"]
  ] as const) {
    it.effect(`fails the turn at once on ${method}`, () =>
      Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const server = yield* MockAppServer.MockAppServer
        const thread = yield* codex.thread.start()
        const turn = yield* thread.turn("Hang")
        yield* server.notify(method, { threadId: thread.id })
        expect(yield* Effect.flip(turn.result)).toMatchObject({ _tag: tag })
        yield* eventually(() => expect(codex[tables]()).toMatchObject({ routes: 0, joined: 0, bindings: 0 }))
      }).pipe(Effect.scoped, against(hang))
    )
  }
})

describe("whatever the server says twice, late or never", () => {
  // By its seed: what is dropped, doubled, and held back behind what comes next.
  const distorted = (seed: number): MockAppServer.Options => {
    let random = seed
    const next = (below: number) => {
      random = (random * 48_271) % 2_147_483_647
      return random % below
    }
    let heldBack: Array<MockAppServer.Message> = []
    return {
      turns: Array.from({ length: 12 }, (_, n) => [{ say: [`answer ${n}`] }]),
      distort: (message) => {
        const method = message["method"]
        const isOfTurns = typeof method === "string" && /^(turn|item|thread\/status)/.test(method)
        const result: unknown = message["result"]
        const isReply = typeof result === "object" && result !== null && "turn" in result
        if (!isOfTurns && !isReply) return [message]
        const released = heldBack
        heldBack = []
        switch (next(8)) {
          case 0:
            return [message, message, ...released]
          case 1:
            heldBack = [message, ...released]
            return []
          case 2:
            return method === "turn/completed" || isReply ? [message, ...released] : released
          default:
            return [message, ...released]
        }
      }
    }
  }

  it.effect(
    "each call ends, none has another one's answer, and nothing is left",
    () =>
      Effect.forEach(
        Array.from({ length: 300 }, (_, index) => index + 1),
        (seed) =>
          Effect.gen(function* () {
            const codex = yield* Codex.Codex
            const thread = yield* codex.thread.start()
            const calls = yield* Effect.forEach(["a", "b", "c"], (prompt) =>
              Effect.forkChild(Effect.exit(thread.run({ prompt, watchdog: { stallTimeout: "30 seconds" } })), {
                startImmediately: true
              })
            )
            yield* outcome(Effect.forEach(calls, Fiber.join))
            const texts: Array<string> = []
            for (const call of calls) {
              const exit = yield* Fiber.join(call)
              if (Exit.isSuccess(exit) && exit.value.text !== "") texts.push(exit.value.text)
            }
            expect(new Set(texts).size, `seed ${seed}`).toBe(texts.length)
            expect(codex[tables](), `seed ${seed}`).toMatchObject({ routes: 0, pending: 0, waiting: 0 })
          }).pipe(against(distorted(seed))),
        { discard: true }
      ),
    120_000
  )
})

describe("law 12: who answers", () => {
  const accepting = Layer.succeed(PolicyEngine.PolicyEngine)(
    PolicyEngine.make({ command: () => Effect.succeed({ decision: "accept", by: "its engine" }) })
  )
  const undecided = Layer.succeed(PolicyEngine.PolicyEngine)(PolicyEngine.make({ command: () => Effect.never }))
  const params = (threadId: string, turnId: string, itemId = "c") => ({
    threadId,
    turnId,
    itemId,
    kind: "command",
    command: "true",
    cwd: "/",
    startedAtMs: 0,
    availableDecisions: ["accept", "decline"]
  })
  const command = "item/commandExecution/requestApproval"
  const start = Effect.gen(function* () {
    const codex = yield* Codex.Codex
    return { codex, server: yield* MockAppServer.MockAppServer }
  })

  it.effect("closing the scope of a finished turn leaves the approvals of the next one alone", () =>
    Effect.gen(function* () {
      const { codex, server } = yield* start
      const thread = yield* codex.thread.start()
      const scope = yield* Scope.make()
      const first = yield* Scope.provide(thread.turn("one"), scope)
      yield* first.result
      const second = yield* Effect.provide(thread.turn("two"), undecided)
      const asked = yield* Effect.forkChild(server.ask(command, params(thread.id, second.id)), {
        startImmediately: true
      })
      yield* until("the approval waits", () => codex[tables]()["waiting"] === 1)
      yield* Scope.close(scope, Exit.void)
      yield* nothingMore
      expect(asked.pollUnsafe()).toBeUndefined()
      expect(codex[tables]()).toMatchObject({ waiting: 1 })
      yield* Fiber.interrupt(asked)
    }).pipe(Effect.scoped, against({ turns: [[{ say: ["1"] }], [{ hang: Effect.never }]] }))
  )

  it.effect("giving up a turn that waits for its thread leaves the approvals of the turn that runs there alone", () =>
    Effect.gen(function* () {
      const { codex, server } = yield* start
      const policy = PolicyEngine.make({ command: () => Effect.never })
      const thread = yield* codex.thread.start({ policy })
      const turnId = "the server's own"
      yield* server.notify("turn/started", {
        threadId: thread.id,
        turn: { id: turnId, items: [], itemsView: "notLoaded", status: "inProgress", error: null }
      })
      const asked = yield* Effect.forkChild(server.ask(command, params(thread.id, turnId)), { startImmediately: true })
      const waiting = yield* Effect.forkChild(thread.run("mine"), { startImmediately: true })
      yield* eventually(() => expect(codex[tables]()).toMatchObject({ routes: 1, waiting: 1 }))
      yield* Fiber.interrupt(waiting)
      yield* nothingMore
      expect(asked.pollUnsafe()).toBeUndefined()
      expect(codex[tables]()).toMatchObject({ routes: 0, waiting: 1 })
      yield* Fiber.interrupt(asked)
    }).pipe(against())
  )

  it.effect("the engine of a finished turn answers nothing more, though its scope is open", () =>
    Effect.gen(function* () {
      const { codex, server } = yield* start
      const thread = yield* codex.thread.start()
      const turn = yield* Effect.provide(thread.turn("one"), accepting)
      yield* turn.result
      expect(yield* server.ask(command, params(thread.id, turn.id))).toEqual({ decision: "decline" })
      expect(yield* server.ask(command, params(thread.id, "the server's own"))).toEqual({ decision: "decline" })
    }).pipe(Effect.scoped, against(said("1")))
  )

  it.effect("the policy of the thread answers for the sub-agents of turns that the server started", () =>
    Effect.gen(function* () {
      const { codex, server } = yield* start
      const policy = PolicyEngine.make({ command: () => Effect.succeed({ decision: "accept", by: "the thread" }) })
      const { id } = yield* codex.thread.start({ policy })
      const begin = (threadId: string, turnId: string) =>
        server.notify("turn/started", {
          threadId,
          turn: { id: turnId, rootTurnId: "root", items: [], itemsView: "notLoaded", status: "inProgress", error: null }
        })
      yield* begin(id, "root")
      yield* begin("child", "below")
      expect(yield* server.ask(command, params("child", "below"))).toEqual({ decision: "accept" })
      expect(yield* server.ask(command, params("stranger", "other"))).toEqual({ decision: "decline" })
    }).pipe(against())
  )

  it.effect("an approval that the server never resolves cancels none of a later turn under its id", () =>
    Effect.gen(function* () {
      const { codex, server } = yield* start
      const thread = yield* codex.thread.start()
      const decided = (id: number, turnId: string) =>
        Effect.gen(function* () {
          yield* server.send(JSON.stringify({ id, method: command, params: params(thread.id, turnId, "same") }))
          const [answer] = yield* answersTo(id)
          return answer
        })
      for (const [id, prompt] of [
        [9001, "one"],
        [9002, "two"]
      ] as const) {
        const decision = yield* Effect.scoped(
          Effect.gen(function* () {
            const turn = yield* thread.turn(prompt)
            return yield* decided(id, turn.id)
          })
        ).pipe(Effect.provide(accepting))
        expect(decision).toEqual({ decision: "accept" })
      }
      expect(codex[tables]()).toMatchObject({ waiting: 0, approvals: 0 })
    }).pipe(against(hang))
  )

  describe("an approval that the server never resolves, within one turn,", () => {
    // Decides on a second approval under the id of a first one, of which the server has told something in between.
    const second = (...between: ReadonlyArray<"item/started" | "item/completed">) =>
      Effect.gen(function* () {
        const { codex, server } = yield* start
        const thread = yield* codex.thread.start()
        const turn = yield* thread.turn("one")
        const about = { threadId: thread.id, turnId: turn.id }
        const item = { type: "commandExecution", id: "same", command: "true", commandActions: [], cwd: "/" }
        const tell = (method: string) =>
          method === "item/started"
            ? server.notify(method, { ...about, item: { ...item, status: "inProgress" }, startedAtMs: 0 })
            : server.notify(method, { ...about, item: { ...item, status: "completed" }, completedAtMs: 0 })
        const decided = (id: number) =>
          Effect.gen(function* () {
            yield* server.send(JSON.stringify({ id, method: command, params: params(thread.id, turn.id, "same") }))
            return yield* answersTo(id)
          })
        yield* tell("item/started")
        expect(yield* decided(9001)).toEqual([{ decision: "accept" }])
        for (const method of between) yield* tell(method)
        const decision = yield* decided(9002)
        yield* tell("item/completed")
        yield* server.notify("turn/completed", {
          threadId: thread.id,
          turn: { id: turn.id, items: [], itemsView: "notLoaded", status: "completed", error: null }
        })
        yield* Effect.exit(turn.result)
        expect(codex[tables]()).toMatchObject({ waiting: 0, approvals: 0, itemThreads: 0 })
        return decision
      }).pipe(Effect.scoped, Effect.provide(accepting))

    it.effect("cancels none of a later item with its id", () =>
      Effect.gen(function* () {
        expect(yield* second("item/completed", "item/started")).toEqual([{ decision: "accept" }])
      }).pipe(against(hang))
    )

    it.effect("cancels one that comes before its item is over", () =>
      Effect.gen(function* () {
        expect(yield* second()).toEqual([{ decision: "cancel" }])
      }).pipe(against(hang))
    )

    it.effect("cancels one of a second item with its id, while the first one is under way", () =>
      Effect.gen(function* () {
        expect(yield* second("item/started")).toEqual([{ decision: "cancel" }])
      }).pipe(against(hang))
    )

    it.effect("cancels one that comes while one of two items with its id is under way", () =>
      Effect.gen(function* () {
        expect(yield* second("item/started", "item/completed")).toEqual([{ decision: "cancel" }])
      }).pipe(against(hang))
    )
  })

  // An approval that waits, and what the server says when its turn is interrupted.
  const waiting = Effect.gen(function* () {
    const { codex, server } = yield* start
    const thread = yield* codex.thread.start()
    const turn = yield* thread.turn("one")
    yield* server.send(JSON.stringify({ id: 9001, method: command, params: params(thread.id, turn.id) }))
    yield* until("the approval waits", () => codex[tables]()["waiting"] === 1)
    const done = { id: turn.id, items: [], itemsView: "notLoaded", status: "interrupted", error: null }
    return {
      codex,
      server,
      completed: JSON.stringify({ method: "turn/completed", params: { threadId: thread.id, turn: done } }),
      resolved: JSON.stringify({ method: "serverRequest/resolved", params: { threadId: thread.id, requestId: 9001 } })
    }
  })

  it.effect("law 6: what the server withdraws right after the turn's end is not answered", () =>
    Effect.gen(function* () {
      const { codex, completed, resolved, server } = yield* waiting
      // As with a real one, what the server sent before comes before its next reply.
      yield* server.on("thread/loaded/list", () => Effect.as(Effect.yieldNow, { data: [] }))
      yield* server.send(completed, resolved)
      yield* nothingMore
      const answers = (yield* server.received).filter((message) => message["id"] === 9001)
      expect(answers).toEqual([])
      expect(codex[tables]()).toMatchObject({ waiting: 0 })
    }).pipe(Effect.scoped, against(hang, undefined, undecided))
  )

  it.effect("law 6: nor is what it withdraws in the chunk that has the reply that the answer waited for", () =>
    Effect.gen(function* () {
      const { completed, resolved, server } = yield* waiting
      yield* server.on("thread/loaded/list", () => Effect.never)
      yield* server.send(completed)
      yield* received("thread/loaded/list")
      const asked = (yield* server.received).find(({ method }) => method === "thread/loaded/list")
      yield* server.send(JSON.stringify({ id: asked?.["id"], result: { data: [] } }), resolved)
      yield* nothingMore
      expect((yield* server.received).filter((message) => message["id"] === 9001)).toEqual([])
    }).pipe(Effect.scoped, against(hang, undefined, undecided))
  )
})

describe("the spans of an answer that is asked for again", () => {
  it.effect("have each the tokens of its own attempt", () =>
    Effect.gen(function* () {
      const spans: Array<Tracer.NativeSpan> = []
      const tracer = Tracer.make({
        span: (options) => {
          const span = new Tracer.NativeSpan(options)
          spans.push(span)
          return span
        }
      })
      used = 0
      const codex = yield* Codex.Codex
      const failure = yield* codex.responses
        .create({ prompt: "Ask", output: Schema.Struct({ ok: Schema.Boolean }), outputRetries: 2 })
        .pipe(Effect.flip, Effect.withTracer(tracer))
      expect(failure._tag).toBe("OutputInvalid")
      expect(failure).toMatchObject({ response: { usage: { turn: { totalTokens: 330 } } } })
      const turns = spans.filter(({ name }) => name === "invoke_agent codex")
      expect(turns.map(({ attributes }) => attributes.get("gen_ai.usage.input_tokens"))).toEqual([100, 110, 110])
    }).pipe(against(growing))
  )
})

describe("whatever is done with a turn, and when", () => {
  const randomOf = (seed: number) => {
    let random = seed * 7919
    return (below: number) => {
      random = (random * 48_271) % 2_147_483_647
      return random % below
    }
  }

  it.effect("ends, and the thread can go on", () =>
    Effect.forEach(
      Array.from({ length: 200 }, (_, index) => index + 1),
      (seed) =>
        Effect.gen(function* () {
          const next = randomOf(seed)
          const codex = yield* Codex.Codex
          const thread = yield* codex.thread.start()
          const scope = yield* Scope.make()
          const starting = yield* Effect.forkChild(Effect.exit(Scope.provide(thread.turn("one"), scope)), {
            startImmediately: true
          })
          const others: Array<Fiber.Fiber<unknown>> = []
          const interrupt = Effect.flatMap(Fiber.join(starting), (exit) =>
            Exit.isSuccess(exit) ? exit.value.interrupt : Effect.void
          )
          const actions: ReadonlyArray<Effect.Effect<unknown, never, PolicyEngine.PolicyEngine>> = [
            Effect.exit(interrupt),
            Effect.exit(Effect.all([interrupt, interrupt], { concurrency: "unbounded" })),
            Scope.close(scope, Exit.void),
            Effect.exit(codex.thread.unsubscribe(thread.id)),
            Fiber.interrupt(starting),
            Effect.exit(thread.run("two")),
            Effect.exit(codex.responses.create({ prompt: "three", threadId: thread.id })),
            Effect.exit(Effect.timeout(thread.run("four"), "1 second"))
          ]
          for (let count = 0; count < 4; count++) {
            yield* Effect.repeat(Effect.yieldNow, { times: next(12) })
            const action = actions[next(actions.length)] ?? Effect.void
            others.push(yield* Effect.forkChild(action, { startImmediately: true }))
          }
          const all = Effect.forEach(others, Fiber.join, { discard: true })
          yield* outcome(Effect.andThen(Effect.sleep("2 seconds"), Scope.close(scope, Exit.void)))
          yield* outcome(all)
          yield* outcome(Fiber.join(starting))
          expect((yield* outcome(thread.run("at last")))._tag, `seed ${seed}`).toBe("Success")
          const { active, idleWaiters, routes, waiting } = codex[tables]()
          expect({ active, idleWaiters, routes, waiting, seed }).toEqual({
            active: 0,
            idleWaiters: 0,
            routes: 0,
            waiting: 0,
            seed
          })
        }).pipe(
          against({
            turns: [
              [{ hang: Effect.sleep("30 seconds") }, { say: ["1"] }],
              ...Array.from({ length: 9 }, (_, n) => [{ hang: Effect.sleep("5 seconds") }, { say: [`${n}`] }])
            ]
          })
        ),
      { discard: true }
    )
  )
})
