import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import * as AppServer from "@effect-codex/core/AppServer"
import * as Codex from "@effect-codex/core/Codex"
import { RpcError } from "../src/internal/rpc/jsonRpc.ts"
import { connection } from "../src/internal/connection/serve.ts"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import { MockAppServer } from "@effect-codex/core/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { endsWithin, nothingMore, received, receivedBy, until } from "./waiting.ts"
import { tables } from "../src/internal/thread/threads.ts"

type Options = Parameters<typeof MockAppServer.layer>[0]

const against = (options?: Options, policy = PolicyEngine.layerDeclineAll) =>
  Effect.provide(Layer.merge(Codex.layerAppServer().pipe(Layer.provideMerge(MockAppServer.layer(options))), policy))

const turnId = "00000000-0000-7000-8000-0000000000aa"
const say = { turns: [[{ say: ["one ", "two"] }]] }

const methods = Effect.flatMap(MockAppServer.MockAppServer, (server) =>
  Effect.map(server.received, (messages) => messages.flatMap(({ method }) => (method === undefined ? [] : [method])))
)

describe("law 3: every request ends", () => {
  it.effect("at its deadline, and is not sent again", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const server = yield* MockAppServer.MockAppServer
      yield* server.on("model/list", () => Effect.never)
      const fiber = yield* Effect.forkChild(Effect.flip(codex.request("model/list", {})))
      yield* received("model/list")
      yield* TestClock.adjust("60 seconds")
      expect(yield* Fiber.join(fiber)).toMatchObject({ _tag: "RequestTimedOut", method: "model/list", millis: 60_000 })
      expect((yield* methods).filter((method) => method === "model/list").length).toBe(1)
    }).pipe(against())
  )

  it.effect("with its own time and half a minute, where it carries one", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const server = yield* MockAppServer.MockAppServer
      yield* server.on("command/exec", () => Effect.never)
      const fiber = yield* Effect.forkChild(
        Effect.flip(codex.request("command/exec", { command: ["true"], timeoutMs: 100_000 }))
      )
      yield* received("command/exec")
      yield* TestClock.adjust("129 seconds")
      expect(fiber.pollUnsafe()).toBeUndefined()
      yield* TestClock.adjust("1 second")
      expect((yield* Fiber.join(fiber))._tag).toBe("RequestTimedOut")
    }).pipe(against())
  )

  it.effect("when the server reads nothing any more", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const server = yield* MockAppServer.MockAppServer
      yield* server.stopReading
      const fiber = yield* Effect.forkChild(Effect.flip(codex.request("model/list", {})), { startImmediately: true })
      yield* TestClock.adjust("60 seconds")
      expect((yield* Fiber.join(fiber))._tag).toBe("RequestTimedOut")
    }).pipe(against())
  )

  it.effect("in the handshake too", () =>
    Effect.gen(function* () {
      const server = yield* MockAppServer.make()
      yield* server.on("initialize", () => Effect.never)
      const fiber = yield* Effect.forkChild(Effect.flip(Effect.scoped(AppServer.make(server.transport))))
      yield* receivedBy(server, "initialize")
      yield* TestClock.adjust("30 seconds")
      expect(yield* Fiber.join(fiber)).toMatchObject({ _tag: "ConnectionFailed", reason: { _tag: "Handshake" } })
    })
  )
})

describe("law 10: only what never ran is sent again", () => {
  it.effect("after a pause, until it runs", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const server = yield* MockAppServer.MockAppServer
      let tries = 0
      yield* server.on("model/list", () =>
        Effect.suspend(() =>
          ++tries < 3
            ? Effect.fail(new RpcError({ code: -32001, description: "Server overloaded; retry later." }))
            : Effect.succeed({ data: [], nextCursor: null })
        )
      )
      const fiber = yield* Effect.forkChild(codex.request("model/list", {}))
      yield* endsWithin(fiber, 10)
      expect((yield* Fiber.join(fiber)).data).toEqual([])
      expect(tries).toBe(3)
    }).pipe(against())
  )

  for (const refusal of [
    "thread a is closing; retry thread/resume after the thread is closed",
    "thread a is closing; retry after the thread is closed"
  ]) {
    it.effect(`such as what is refused because the thread is on its way out: ${refusal}`, () =>
      Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const server = yield* MockAppServer.MockAppServer
        let tries = 0
        yield* server.on("thread/name/set", () =>
          Effect.suspend(() =>
            ++tries < 3 ? Effect.fail(new RpcError({ code: -32600, description: refusal })) : Effect.succeed({})
          )
        )
        const fiber = yield* Effect.forkChild(codex.request("thread/name/set", { threadId: "a", name: "x" }))
        yield* endsWithin(fiber, 10)
        expect(yield* Fiber.join(fiber)).toEqual({})
        expect(tries).toBe(3)
      }).pipe(against())
    )
  }

  it.effect("and not for ever", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const server = yield* MockAppServer.MockAppServer
      yield* server.on("model/list", () => Effect.fail(new RpcError({ code: -32001, description: "busy" })))
      const fiber = yield* Effect.forkChild(Effect.flip(codex.request("model/list", {})))
      yield* endsWithin(fiber, 30)
      expect((yield* Fiber.join(fiber))._tag).toBe("Overloaded")
      expect((yield* methods).filter((method) => method === "model/list").length).toBe(6)
    }).pipe(against())
  )
})

describe("law 8: subscribe, then send", () => {
  it.effect("what comes before the reply to turn/start is not missed", () => {
    // The reply is held back until the turn is over.
    const held: Array<MockAppServer.Message> = []
    const distort = (message: MockAppServer.Message) => {
      if (JSON.stringify(message["result"] ?? "").startsWith('{"turn"')) {
        held.push(message)
        return []
      }
      return message["method"] === "turn/completed" ? [message, ...held] : [message]
    }
    return Effect.gen(function* () {
      const codex = yield* Codex.Codex
      expect(yield* Stream.mkString(codex.responses.streamText({ prompt: "Say it" }))).toBe("one two")
    }).pipe(against({ ...say, distort }))
  })
})

describe("law 1: nothing is lost silently", () => {
  it.effect("duplicated messages do no harm", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const response = yield* codex.responses.create({ prompt: "Say it" })
      expect(response.text).toBe("one two")
    }).pipe(against({ ...say, distort: (message) => (message["id"] === undefined ? [message] : [message, message]) }))
  )

  it.effect("lines that are no message do none either, and are counted", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      expect((yield* codex.responses.create({ prompt: "Say it" })).text).toBe("one two")
      expect(yield* codex.malformed).toBeGreaterThan(20)
    }).pipe(against({ ...say, distort: (message) => ["plain text", message, "{"] }))
  )

  it.effect("what the server said before it died is delivered, and then the stream fails", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const server = yield* MockAppServer.MockAppServer
      const seen: Array<string> = []
      const fiber = yield* codex.responses.streamText({ prompt: "Say it" }).pipe(
        Stream.runForEach((text) => Effect.sync(() => seen.push(text))),
        Effect.flip,
        Effect.forkChild
      )
      yield* until("it has said something", () => seen.length > 0)
      yield* server.die({ _tag: "Exited", code: 3 }, ["fatal error: out of luck"])
      const failure = yield* Fiber.join(fiber)
      expect(failure).toMatchObject({ _tag: "ConnectionFailed", reason: { code: 3 } })
      expect(failure.message).toContain("out of luck")
      expect(seen.join("")).toBe("one two")
    }).pipe(against({ turns: [[{ say: ["one ", "two"] }, { hang: Effect.never }]] }))
  )

  it.effect("an end of a turn that can't be read is an end", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const failure = yield* Effect.flip(codex.responses.create({ prompt: "Say it" }))
      expect(failure).toMatchObject({ _tag: "ProtocolViolation", method: "turn/completed" })
    }).pipe(
      against({
        ...say,
        distort: (message) => {
          if (message["method"] !== "turn/completed") return [message]
          return [JSON.stringify(message).replace(/"status":"\w+"/, '"status":5')]
        }
      })
    )
  )

  it.effect("a field that can't be read costs neither its item nor the turn", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const thread = yield* codex.thread.start()
      const turn = yield* thread.turn("Say it")
      const seen = yield* Stream.runCollect(turn.notifications)
      const spoiled = seen.filter((notification) => "unreadable" in notification)
      expect(spoiled).toMatchObject([
        { params: { item: { type: "agentMessage", text: "text" } }, unreadable: ["item.phase"] },
        { params: { item: { type: "unknown", raw: { type: "plan", id: "p" } } }, unreadable: ["item.text"] },
        { params: { turn: { items: [{ type: "unknown" }] } }, unreadable: ["turn.items[0].id"] }
      ])
      const { items, text } = yield* turn.result
      expect(text).toBe("text")
      expect(items.map(({ type }) => type)).toEqual(["userMessage", "agentMessage", "unknown"])
      const metrics = yield* Metric.snapshot
      expect(metrics.filter(({ id }) => id === "codex.leaves.unreadable").length).toBeGreaterThan(0)
    }).pipe(
      Effect.scoped,
      against({
        turns: [[{ say: ["text"] }]],
        distort: (message) => {
          const text = JSON.stringify(message)
          if (message["method"] === "turn/completed") {
            return [text.replace('"items":[]', '"items":[{"type":"agentMessage","id":5}]')]
          }
          if (message["method"] !== "item/completed") return [message]
          return [
            text.replace('"type":"agentMessage"', '"type":"agentMessage","phase":{}'),
            text.replace(/"item":{.*?}/, '"item":{"type":"plan","id":"p","text":[]}')
          ]
        }
      })
    )
  )

  it.effect("an unread stream merges deltas and keeps all of their text", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const thread = yield* codex.thread.start()
      const turn = yield* thread.turn("Flood")
      yield* turn.result
      const texts = yield* Stream.runCollect(turn.text)
      expect(texts.join("").length).toBe(200_000)
      expect(texts.length).toBeLessThan(1_100)
    }).pipe(Effect.scoped, against({ turns: [[{ say: Array.from({ length: 20_000 }, () => "ten chars.") }]] }))
  )
})

describe("the account", () => {
  const reads = Effect.map(methods, (all) => all.filter((method) => method === "account/read").length)
  const create = Effect.flatMap(Codex.Codex, (codex) => codex.responses.create({ prompt: "Hello" }))

  it.effect("is read once, and again when the server says that it has changed", () =>
    Effect.gen(function* () {
      const server = yield* MockAppServer.MockAppServer
      yield* create
      yield* create
      expect(yield* reads).toBe(1)
      yield* server.notify("account/updated", { authMode: null, planType: null })
      yield* server.on("account/read", () => Effect.succeed({ account: null, requiresOpenaiAuth: true }))
      yield* server.on("config/read", () => Effect.succeed({ config: { model_provider: "mock" }, origins: {} }))
      expect((yield* Effect.flip(create))._tag).toBe("NotAuthenticated")
      expect(yield* reads).toBe(2)
    }).pipe(against())
  )

  it.effect("is not asked for by a thread whose provider is another than the default one", () =>
    Effect.gen(function* () {
      const server = yield* MockAppServer.MockAppServer
      yield* server.on("account/read", () => Effect.succeed({ account: null, requiresOpenaiAuth: true }))
      yield* server.on("config/read", () => Effect.succeed({ config: {}, origins: {} }))
      expect((yield* create).status).toBe("completed")
    }).pipe(against())
  )
})

describe("a consumer that falls behind", () => {
  it.effect("has its stream fail with SlowConsumer, its turn stopped, and nobody else harmed", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const server = yield* MockAppServer.MockAppServer
      const failure = yield* codex.responses.events({ prompt: "Flood" }).pipe(
        Stream.runForEach((event) =>
          event.type === "turn/started"
            ? Effect.forEach(Array.from({ length: 100 }), () =>
                server.notify("thread/name/updated", { threadId: event.threadId, threadName: "x".repeat(100) })
              )
            : Effect.void
        ),
        Effect.flip
      )
      expect(failure._tag).toBe("SlowConsumer")
      expect(yield* methods).toContain("turn/interrupt")
      expect((yield* codex.request("account/read", {})).requiresOpenaiAuth).toBe(false)
    }).pipe(
      Effect.provide(
        Layer.merge(
          Codex.layerAppServer({ bufferBytes: 5_000 }).pipe(
            Layer.provideMerge(MockAppServer.layer({ turns: [[{ hang: Effect.never }]] }))
          ),
          PolicyEngine.layerDeclineAll
        )
      )
    )
  )
})

describe("law 7: the future is data", () => {
  it.effect("in notifications that nobody knows, or that have another form", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const server = yield* MockAppServer.MockAppServer
      const fiber = yield* codex.notifications.pipe(
        Stream.take(3),
        Stream.runCollect,
        Effect.forkChild({ startImmediately: true })
      )
      yield* server.notify("thread/dreamt", { threadId: "t", dream: "sheep" })
      yield* server.notify("thread/closed", { threadId: 5 })
      yield* server.notify("thread/closed", { threadId: "t", why: "tired" })
      expect(yield* Fiber.join(fiber)).toMatchObject([
        { method: "unknown", raw: { method: "thread/dreamt", params: { dream: "sheep" } } },
        { method: "unknown", raw: { method: "thread/closed" }, reason: expect.stringContaining("threadId") },
        { method: "thread/closed", params: { threadId: "t", why: "tired" } }
      ])
    }).pipe(against())
  )

  it.effect("in requests that nobody knows: they get -32601", () =>
    Effect.gen(function* () {
      yield* Codex.Codex
      const server = yield* MockAppServer.MockAppServer
      const failure = yield* Effect.flip(Effect.asVoid(server.ask("tool/requestUserInput", {})))
      expect(failure).toMatchObject({
        code: -32601,
        description: "Unsupported server request method: tool/requestUserInput"
      })
    }).pipe(against())
  )
})

describe("law 4: an owner that leaves stops its turn", () => {
  it.effect("also one whose start was not answered yet", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const server = yield* MockAppServer.MockAppServer
      yield* server.on("turn/start", () => Effect.never)
      const fiber = yield* Effect.forkChild(codex.responses.create({ prompt: "Hello" }))
      yield* received("turn/start")
      const interrupting = yield* Effect.forkChild(Fiber.interrupt(fiber))
      yield* endsWithin(interrupting, 3600)
      const sent = (yield* server.received).find(({ method }) => method === "turn/interrupt")
      expect(sent?.["params"]).toMatchObject({ turnId: "" })
    }).pipe(against())
  )

  it.effect("and a thread that nobody waits for is unsubscribed from", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const server = yield* MockAppServer.MockAppServer
      const reply = yield* Deferred.make<void>()
      const thread = (yield* codex.request("thread/start", {})).thread
      yield* server.on("thread/start", () =>
        Effect.as(Deferred.await(reply), {
          approvalPolicy: "never",
          approvalsReviewer: "user",
          cwd: "/",
          model: "m",
          modelProvider: "mock",
          sandbox: { type: "readOnly" },
          thread
        })
      )
      const fiber = yield* Effect.forkChild(codex.responses.create({ prompt: "Hello" }))
      yield* received("thread/start", 2)
      yield* Fiber.interrupt(fiber)
      yield* Deferred.succeed(reply, undefined)
      yield* received("thread/unsubscribe")
      expect(yield* methods).toContain("thread/unsubscribe")
    }).pipe(against())
  )
})

describe("laws 6 and 12: requests of the server", () => {
  const params = (threadId: string, over?: object) => ({
    threadId,
    turnId,
    itemId: "item",
    startedAtMs: 0,
    command: "true",
    cwd: "/",
    availableDecisions: ["accept"],
    ...over
  })
  const command = "item/commandExecution/requestApproval"

  it.effect("are declined when they belong to no turn of ours", () =>
    Effect.gen(function* () {
      yield* Codex.Codex
      const server = yield* MockAppServer.MockAppServer
      expect(yield* server.ask(command, params("nobody"))).toEqual({ decision: "decline" })
      expect(yield* server.ask("item/tool/requestUserInput", { threadId: 1 })).toEqual({ answers: {} })
      expect(yield* server.ask("applyPatchApproval", {})).toMatchObject({ decision: { denied: {} } })
    }).pipe(against(undefined, PolicyEngine.layerAcceptAll))
  )

  it.effect("wait for the reply to turn/start, and then go to that turn alone", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const server = yield* MockAppServer.MockAppServer
      const { thread } = yield* codex.request("thread/start", {})
      const reply = yield* Deferred.make<void>()
      yield* server.on("turn/start", () =>
        Effect.as(Deferred.await(reply), { turn: { id: turnId, items: [], status: "inProgress" } })
      )
      const fiber = yield* Effect.forkChild(codex.responses.create({ prompt: "Hello", threadId: thread.id }))
      yield* received("turn/start")
      const ours = yield* Effect.forkChild(server.ask(command, params(thread.id)))
      const others = yield* Effect.forkChild(server.ask(command, params(thread.id, { turnId: "another", itemId: "b" })))
      yield* nothingMore
      expect(ours.pollUnsafe()).toBeUndefined()
      yield* Deferred.succeed(reply, undefined)
      expect(yield* Fiber.join(ours)).toEqual({ decision: "accept" })
      expect(yield* Fiber.join(others)).toEqual({ decision: "decline" })
      yield* server.notify("turn/completed", {
        threadId: thread.id,
        turn: { id: turnId, items: [], status: "completed" }
      })
      yield* Fiber.join(fiber)
    }).pipe(against(undefined, PolicyEngine.layerAcceptAll))
  )

  it.effect("that name no turn go to the one that runs on their thread", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const server = yield* MockAppServer.MockAppServer
      const thread = yield* codex.thread.start()
      yield* thread.turn("Hang")
      const question = { threadId: thread.id, turnId: null, serverName: "s", mode: "form", message: "Color?" }
      const requestedSchema = { type: "object", properties: {} }
      expect(yield* server.ask("mcpServer/elicitation/request", { ...question, requestedSchema })).toEqual({
        action: "accept",
        content: { color: "red" },
        _meta: null
      })
    }).pipe(
      Effect.scoped,
      against(
        { turns: [[{ hang: Effect.never }]] },
        Layer.succeed(PolicyEngine.PolicyEngine)(
          PolicyEngine.make({
            elicitation: () =>
              Effect.succeed({ decision: { action: "accept", content: { color: "red" }, _meta: null }, by: "test" })
          })
        )
      )
    )
  )

  it.effect("are declined after an hour, and hold up nothing until then", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const server = yield* MockAppServer.MockAppServer
      const fiber = yield* Effect.forkChild(codex.responses.create({ prompt: "Run it" }))
      yield* until("it is asked", () => codex[tables]()["waiting"] === 1)
      expect((yield* codex.request("account/read", {})).requiresOpenaiAuth).toBe(false)
      yield* TestClock.adjust("1 hour")
      const response = yield* Fiber.join(fiber)
      expect(response.items.find((item) => item.type === "commandExecution")).toMatchObject({ status: "declined" })
      expect((yield* server.received).some(({ result }) => JSON.stringify(result) === '{"decision":"decline"}')).toBe(
        true
      )
    }).pipe(
      against(
        { turns: [[{ command: "true" }, { say: ["done"] }]] },
        Layer.succeed(PolicyEngine.PolicyEngine)(PolicyEngine.make({ command: () => Effect.never }))
      )
    )
  )
})

describe("law 2: the reader waits for nobody", () => {
  it.effect("not for a handler, while the server floods and other turns go on", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const server = yield* MockAppServer.MockAppServer
      const answer = yield* Deferred.make<void>()
      const policy = PolicyEngine.make({
        command: () => Effect.as(Deferred.await(answer), { decision: "accept" as const, by: "test" })
      })
      const waiting = yield* codex.responses
        .create({ prompt: "Run it" })
        .pipe(Effect.provideService(PolicyEngine.PolicyEngine, policy), Effect.forkChild)
      yield* until("it is asked", () => codex[tables]()["waiting"] === 1)
      for (let index = 0; index < 20_000; index++) {
        yield* server.notify("item/agentMessage/delta", { threadId: `t${index}`, turnId, itemId: "i", delta: "x" })
      }
      const other = yield* codex.responses.create({ prompt: "Say it" })
      expect(other.text).toBe("one two")
      expect(waiting.pollUnsafe()).toBeUndefined()
      yield* Deferred.succeed(answer, undefined)
      expect((yield* Fiber.join(waiting)).text).toBe("done")
    }).pipe(against({ turns: [[{ command: "true" }, { say: ["done"] }], [{ say: ["one ", "two"] }]] }))
  )

  it.effect("and lets so many requests wait, and no more", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const server = yield* MockAppServer.MockAppServer
      const thread = yield* codex.thread.start()
      const turn = yield* thread.turn("Hang")
      const ask = (index: number) =>
        server.ask("item/tool/requestUserInput", {
          threadId: thread.id,
          turnId: turn.id,
          itemId: `i${index}`,
          questions: [],
          isBlocking: true
        })
      for (let index = 0; index < 1024; index++) yield* Effect.forkChild(Effect.ignore(ask(index)))
      yield* until("all are waiting", () => codex[tables]()["waiting"] === 1024)
      expect(yield* ask(1024)).toEqual({ answers: {} })
    }).pipe(
      Effect.scoped,
      against(
        { turns: [[{ hang: Effect.never }]] },
        Layer.succeed(PolicyEngine.PolicyEngine)(PolicyEngine.make({ userInput: () => Effect.never }))
      )
    )
  )

  it.effect("not for a listener that throws", () =>
    Effect.gen(function* () {
      const server = yield* AppServer.AppServer
      const mock = yield* MockAppServer.MockAppServer
      yield* server[connection].on("thread/closed", () => {
        throw new Error("mine")
      })
      yield* mock.notify("thread/closed", { threadId: "t" })
      expect((yield* server.request("account/read", {})).requiresOpenaiAuth).toBe(false)
    }).pipe(Effect.scoped, Effect.provide(MockAppServer.layer()))
  )
})

describe("law 5: closing leaves nothing", () => {
  it.effect("in a thousand connections: neither handles nor memory", () =>
    Effect.gen(function* () {
      setFlagsFromString("--expose-gc")
      const collectGarbage: unknown = runInNewContext("gc")
      const heap = () => {
        if (typeof collectGarbage === "function") collectGarbage()
        return process.memoryUsage().heapUsed
      }
      const once = Effect.flatMap(Codex.Codex, (codex) => codex.responses.create({ prompt: "Say it" })).pipe(
        against(say)
      )
      yield* Effect.repeat(once, { times: 199 })
      const before = { handles: process.getActiveResourcesInfo().length, heap: heap() }
      yield* Effect.repeat(once, { times: 799 })
      expect(process.getActiveResourcesInfo().length).toBeLessThanOrEqual(before.handles + 2)
      // A connection that stayed would cost tens of kilobytes.
      expect((heap() - before.heap) / 800).toBeLessThan(4_000)
    })
  )
})
