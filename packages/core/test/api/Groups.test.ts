import * as Codex from "@effect-codex/core/Codex"
import type * as CodexError from "@effect-codex/core/CodexError"
import type { ExperimentalApi } from "@effect-codex/core/ExperimentalApi"
import { RpcError } from "../../src/internal/rpc/jsonRpc.ts"
import { MockAppServer } from "@effect-codex/core/testing"
import { describe, expect, expectTypeOf, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Base64 from "effect/encoding/Base64"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { endsWithin, nothingMore, received } from "../waiting.ts"

const { MockAppServer: Server } = MockAppServer

const against = (options?: MockAppServer.LayerOptions, defaults?: Codex.Defaults) =>
  Effect.provide(Codex.layerAppServer(defaults).pipe(Layer.provideMerge(MockAppServer.layer(options))))

/** What was sent of one method. */
const sent = (method: string) =>
  Effect.flatMap(Server, (server) =>
    Effect.map(server.received, (messages) =>
      messages.flatMap((message) => (message["method"] === method ? [message["params"]] : []))
    )
  )

const refuse = (description: string) => Effect.fail(new RpcError({ code: -32600, description }))

describe("a list that comes page by page", () => {
  const pages: {
    readonly [K in string]: { readonly data: ReadonlyArray<string>; readonly nextCursor: string | null }
  } = {
    first: { data: ["a", "b"], nextCursor: "second" },
    second: { data: [], nextCursor: "third" },
    third: { data: ["c"], nextCursor: null },
    round: { data: ["d"], nextCursor: "back" },
    back: { data: ["e"], nextCursor: "round" }
  }
  const serve = Effect.flatMap(Server, (server) =>
    server.on("thread/loaded/list", (params) =>
      Effect.succeed(pages[(params as { readonly cursor?: string }).cursor ?? "first"])
    )
  )

  it.effect("is read to its end, past pages on which nothing is", () =>
    Effect.gen(function* () {
      yield* serve
      const { thread } = yield* Codex.Codex
      expect(yield* Stream.runCollect(thread.loadedList({ limit: 2 }))).toEqual(["a", "b", "c"])
      expect(yield* sent("thread/loaded/list")).toEqual([
        { limit: 2 },
        { limit: 2, cursor: "second" },
        { limit: 2, cursor: "third" }
      ])
    }).pipe(against())
  )

  it.effect("is asked for no further than it is read", () =>
    Effect.gen(function* () {
      yield* serve
      const { thread } = yield* Codex.Codex
      expect(yield* Stream.runCollect(Stream.take(thread.loadedList(), 2))).toEqual(["a", "b"])
      expect((yield* sent("thread/loaded/list")).length).toBe(1)
    }).pipe(against())
  )

  it.effect("fails when its cursors go round, after all that came before", () =>
    Effect.gen(function* () {
      yield* serve
      const { thread } = yield* Codex.Codex
      const read: Array<string> = []
      const failure = yield* thread.loadedList({ cursor: "round" }).pipe(
        Stream.runForEach((id) => Effect.sync(() => read.push(id))),
        Effect.flip
      )
      expect(failure).toMatchObject({ _tag: "ProtocolViolation", method: "thread/loaded/list" })
      expect(read).toEqual(["d", "e"])
    }).pipe(against())
  )
})

describe("parameters that are left out", () => {
  it.effect("have the defaults of the documents", () =>
    Effect.gen(function* () {
      const { config, fuzzyFileSearch, thread } = yield* Codex.Codex
      yield* Effect.exit(thread.listPage())
      expect(yield* sent("thread/list")).toEqual([{ limit: 50, sortKey: "updated_at" }])
      yield* Effect.exit(thread.listPage({ limit: null, sortKey: undefined }))
      expect((yield* sent("thread/list"))[1]).toEqual({ limit: null, sortKey: "updated_at" })
      yield* Effect.exit(thread.read("some-thread"))
      expect(yield* sent("thread/read")).toEqual([{ threadId: "some-thread", includeTurns: false }])
      yield* Effect.exit(config.valueWrite({ keyPath: "a", value: 1 }))
      expect(yield* sent("config/value/write")).toEqual([{ keyPath: "a", value: 1, mergeStrategy: "upsert" }])
      yield* Effect.exit(
        config.batchWrite({
          edits: [
            { keyPath: "a", value: 1 },
            { keyPath: "b", value: 2, mergeStrategy: "replace" }
          ]
        })
      )
      expect(yield* sent("config/batchWrite")).toEqual([
        {
          edits: [
            { keyPath: "a", value: 1, mergeStrategy: "upsert" },
            { keyPath: "b", value: 2, mergeStrategy: "replace" }
          ]
        }
      ])
      // This server was not started here, so its folders are not known.
      expect(yield* Effect.flip(fuzzyFileSearch({ query: "x" }))).toMatchObject({ _tag: "InvalidParams" })
      expect(yield* sent("fuzzyFileSearch")).toEqual([])
    }).pipe(against())
  )
})

describe("a command", () => {
  const started = Effect.gen(function* () {
    const server = yield* Server
    const exit = yield* Deferred.make<number>()
    yield* server.on("command/exec", () =>
      Effect.map(Deferred.await(exit), (exitCode) => ({ exitCode, stdout: "", stderr: "" }))
    )
    return { server, exit }
  })
  const processIds = Effect.map(sent("command/exec"), (all) =>
    all.map((params) => (params as { readonly processId: string }).processId)
  )

  it.effect("is terminated with its scope, which waits for its end", () =>
    Effect.gen(function* () {
      const { exit, server } = yield* started
      yield* server.on("command/exec/terminate", () => Effect.as(Deferred.succeed(exit, 137), {}))
      const { command } = yield* Codex.Codex
      const scope = yield* Scope.make()
      const { exitCode, stdout } = yield* Scope.provide(command.start({ command: ["sleep"] }), scope)
      yield* Scope.close(scope, Exit.void)
      expect(yield* sent("command/exec/terminate")).toEqual([{ processId: (yield* processIds)[0] }])
      expect(yield* exitCode).toBe(137)
      expect(yield* Stream.runCollect(stdout)).toEqual([])
    }).pipe(against())
  )

  it.effect("that ended by itself is not terminated", () =>
    Effect.gen(function* () {
      const { exit } = yield* started
      const { command } = yield* Codex.Codex
      yield* Effect.gen(function* () {
        const { exitCode } = yield* command.start({ command: ["true"] })
        yield* Deferred.succeed(exit, 0)
        expect(yield* exitCode).toBe(0)
      }).pipe(Effect.scoped)
      expect(yield* sent("command/exec/terminate")).toEqual([])
    }).pipe(against())
  )

  it.effect("does not keep its scope open for long, even if the server says nothing", () =>
    Effect.gen(function* () {
      const { server } = yield* started
      yield* server.on("command/exec/terminate", () => Effect.never)
      const { command } = yield* Codex.Codex
      const scope = yield* Scope.make()
      yield* Scope.provide(command.start({ command: ["sleep"] }), scope)
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void))
      yield* endsWithin(closing, 10)
    }).pipe(against())
  )

  it.effect("has no time limit and no cut of its output unless it is given one", () =>
    Effect.gen(function* () {
      yield* started
      const { command } = yield* Codex.Codex
      yield* command.start({ command: ["a"] })
      yield* command.start({ command: ["b"], timeoutMs: 1000, outputBytesCap: 10 })
      const [first, second] = yield* sent("command/exec")
      expect(first).toMatchObject({ disableTimeout: true, disableOutputCap: true })
      expect(second).not.toHaveProperty("disableTimeout")
      expect(second).not.toHaveProperty("disableOutputCap")
      const server = yield* Server
      yield* server.die()
    }).pipe(Effect.scoped, against())
  )

  it.effect("has half a minute more than its own time, and is then terminated", () =>
    Effect.gen(function* () {
      const { server } = yield* started
      yield* server.on("command/exec/terminate", () => Effect.succeed({}))
      const { command } = yield* Codex.Codex
      const late = yield* Effect.forkChild(Effect.flip(command.exec({ command: ["sleep"], timeoutMs: 1000 })))
      yield* received("command/exec")
      yield* TestClock.adjust("31 seconds")
      expect(yield* Fiber.join(late)).toMatchObject({ _tag: "RequestTimedOut", millis: 31_000 })
      const patient = yield* Effect.forkChild(command.exec({ command: ["sleep"] }))
      yield* received("command/exec", 2)
      yield* TestClock.adjust("1 day")
      expect(patient.pollUnsafe()).toBeUndefined()
      yield* Fiber.interrupt(patient)
      expect(yield* sent("command/exec/terminate")).toEqual((yield* processIds).map((processId) => ({ processId })))
    }).pipe(against())
  )

  it.effect("gets what is its own of the output, which ends with it", () =>
    Effect.gen(function* () {
      const { exit, server } = yield* started
      const { command } = yield* Codex.Codex
      const { stderr, stdout } = yield* command.start({ command: ["a"] })
      const other = yield* command.start({ command: ["b"] })
      const [mine = "", others = ""] = yield* processIds
      const say = (processId: string, stream: string, text: string) =>
        server.notify("command/exec/outputDelta", {
          processId,
          stream,
          deltaBase64: Base64.encode(text),
          capReached: false
        })
      yield* say(mine, "stdout", "one ")
      yield* say(others, "stdout", "not mine")
      yield* say(mine, "stderr", "oh")
      yield* say(mine, "stdout", "two")
      yield* Deferred.succeed(exit, 0)
      expect(yield* Stream.mkString(Stream.decodeText(stdout))).toBe("one two")
      expect(yield* Stream.mkString(Stream.decodeText(stderr))).toBe("oh")
      expect(yield* Stream.mkString(Stream.decodeText(other.stdout))).toBe("not mine")
    }).pipe(Effect.scoped, against())
  )

  it.effect("that nobody reads fails its own output alone, and only past the limit", () =>
    Effect.gen(function* () {
      const { exit, server } = yield* started
      const { command } = yield* Codex.Codex
      const { exitCode, stderr, stdout } = yield* command.start({ command: ["a"] })
      const [processId] = yield* processIds
      yield* server.notify("command/exec/outputDelta", {
        processId,
        stream: "stdout",
        deltaBase64: Base64.encode("x".repeat(11)),
        capReached: false
      })
      yield* Deferred.succeed(exit, 0)
      expect(yield* Effect.flip(Stream.runDrain(stdout))).toMatchObject({
        _tag: "SlowConsumer",
        unread: 11,
        unit: "bytes"
      })
      yield* Stream.runDrain(stderr)
      expect(yield* exitCode).toBe(0)
    }).pipe(Effect.scoped, against({}, { bufferBytes: 10 }))
  )

  it.effect("whose output can't be read says so", () =>
    Effect.gen(function* () {
      const { exit, server } = yield* started
      const { command } = yield* Codex.Codex
      const { stdout } = yield* command.start({ command: ["a"] })
      const [processId] = yield* processIds
      yield* server.notify("command/exec/outputDelta", {
        processId,
        stream: "stdout",
        deltaBase64: "no base64!",
        capReached: false
      })
      expect(yield* Effect.flip(Stream.runDrain(stdout))).toMatchObject({ _tag: "ProtocolViolation" })
      yield* Deferred.succeed(exit, 0)
    }).pipe(Effect.scoped, against())
  )

  it.effect("ends with the connection", () =>
    Effect.gen(function* () {
      const { server } = yield* started
      const { command } = yield* Codex.Codex
      const { exitCode, stdout } = yield* command.start({ command: ["a"] })
      yield* server.die()
      expect(yield* Effect.flip(exitCode)).toMatchObject({ _tag: "ConnectionFailed" })
      expect(yield* Effect.flip(Stream.runDrain(stdout))).toMatchObject({ _tag: "ConnectionFailed" })
    }).pipe(Effect.scoped, against())
  )
})

describe("a login", () => {
  const loginId = "the-login"
  const begins = (answer: Effect.Effect<unknown> = Effect.void) =>
    Effect.flatMap(Server, (server) =>
      server.on("account/login/start", () => Effect.as(answer, { type: "chatgpt", loginId, authUrl: "https://x" }))
    )
  const completed = (success: boolean, error: string | null = null, id: string | null = loginId) =>
    Effect.flatMap(Server, (server) => server.notify("account/login/completed", { loginId: id, success, error }))
  const login = Effect.flatMap(Codex.Codex, ({ account }) => account.login({ type: "chatgpt" }))

  it.effect("waits for its own end", () =>
    Effect.gen(function* () {
      yield* begins()
      const { wait } = yield* login
      const waiting = yield* Effect.forkChild(wait, { startImmediately: true })
      yield* completed(false, "another one", "other")
      yield* nothingMore
      expect(waiting.pollUnsafe()).toBeUndefined()
      yield* completed(true)
      yield* Fiber.join(waiting)
    }).pipe(Effect.scoped, against())
  )

  it.effect("hears of an end that comes before the answer", () =>
    Effect.gen(function* () {
      yield* begins(Effect.provideService(completed(false, "refused"), Server, yield* Server))
      const { wait } = yield* login
      expect(yield* Effect.flip(wait)).toMatchObject({ _tag: "LoginFailed", description: "refused" })
    }).pipe(Effect.scoped, against())
  )

  it.effect("that is left before its answer is cancelled when that comes", () =>
    Effect.gen(function* () {
      const answer = yield* Deferred.make<void>()
      yield* begins(Deferred.await(answer))
      const beginning = yield* Effect.forkChild(Effect.scoped(login))
      yield* received("account/login/start")
      yield* Fiber.interrupt(beginning)
      expect(yield* sent("account/login/cancel")).toEqual([])
      yield* Deferred.succeed(answer, undefined)
      yield* received("account/login/cancel")
      expect(yield* sent("account/login/cancel")).toEqual([{ loginId }])
    }).pipe(against())
  )

  it.effect("that is over is not cancelled", () =>
    Effect.gen(function* () {
      yield* begins()
      yield* Effect.scoped(Effect.andThen(login, completed(true)))
      expect(yield* sent("account/login/cancel")).toEqual([])
    }).pipe(against())
  )

  it.effect("ends with the connection", () =>
    Effect.gen(function* () {
      yield* begins()
      const { wait } = yield* login
      const server = yield* Server
      yield* server.die()
      expect(yield* Effect.flip(wait)).toMatchObject({ _tag: "ConnectionFailed" })
    }).pipe(Effect.scoped, against())
  )

  it.effect("by another way than was asked for is a violation", () =>
    Effect.gen(function* () {
      const server = yield* Server
      yield* server.on("account/login/start", () => Effect.succeed({ type: "apiKey" }))
      expect(yield* Effect.flip(login)).toMatchObject({ _tag: "ProtocolViolation" })
    }).pipe(Effect.scoped, against())
  )

  it.effect("by a key that is refused does not quote the key", () =>
    Effect.gen(function* () {
      const server = yield* Server
      const { account, requestRaw } = yield* Codex.Codex
      const apiKey = "the-secret-key"
      const attempts: ReadonlyArray<Effect.Effect<void, CodexError.RequestError, Scope.Scope>> = [
        Effect.asVoid(account.login({ type: "apiKey", apiKey: Redacted.make(apiKey) })),
        Effect.asVoid(requestRaw("account/login/start", { type: "apiKey", apiKey }))
      ]
      for (const text of [`the key ${apiKey} is not valid`, `Invalid request: bad value ${apiKey}`]) {
        yield* server.on("account/login/start", () => refuse(text))
        for (const attempt of attempts) {
          const failure = yield* Effect.flip(attempt)
          expect(failure.message).toContain("[redacted]")
          expect(JSON.stringify(failure)).not.toContain(apiKey)
        }
      }
    }).pipe(Effect.scoped, against())
  )

  it.effect("to an MCP server waits for half a minute more than its time", () =>
    Effect.gen(function* () {
      const server = yield* Server
      const { mcpServer } = yield* Codex.Codex
      yield* server.on("mcpServer/oauth/login", () => Effect.succeed({ authorizationUrl: "https://x", loginId }))
      const tell = (params: object) => server.notify("mcpServer/oauthLogin/completed", { success: true, ...params })
      const { wait } = yield* mcpServer.oauthLogin({ name: "docs", timeoutSecs: 60 })
      const waiting = yield* Effect.forkChild(Effect.flip(wait))
      yield* tell({ name: "other", loginId })
      yield* tell({ name: "docs", loginId: "another attempt" })
      yield* nothingMore
      yield* TestClock.adjust("90 seconds")
      expect(yield* Fiber.join(waiting)).toMatchObject({ _tag: "RequestTimedOut", millis: 90_000 })
      yield* tell({ name: "docs", loginId, success: false, error: "denied" })
      expect(yield* Effect.flip(wait)).toMatchObject({ _tag: "LoginFailed", target: "docs", description: "denied" })
    }).pipe(Effect.scoped, against())
  )
})

describe("a watch", () => {
  it.effect("tells what is its own, and ends at the server when it is left", () =>
    Effect.gen(function* () {
      const server = yield* Server
      const { fs } = yield* Codex.Codex
      yield* server.on("fs/watch", () => Effect.succeed({ path: "/a" }))
      yield* server.on("fs/unwatch", () => Effect.succeed({}))
      const seen = yield* Effect.forkChild(Stream.runCollect(Stream.take(fs.watch("/a"), 2)))
      yield* received("fs/watch")
      const [params] = yield* sent("fs/watch")
      const { watchId } = params as { readonly watchId: string }
      yield* server.notify("fs/changed", { watchId, changedPaths: ["/a/1"] })
      yield* server.notify("fs/changed", { watchId: "other", changedPaths: ["/b"] })
      yield* server.notify("fs/changed", { watchId, changedPaths: ["/a/2", "/a/3"] })
      expect(yield* Fiber.join(seen)).toEqual([["/a/1"], ["/a/2", "/a/3"]])
      expect(yield* sent("fs/unwatch")).toEqual([{ watchId }])
    }).pipe(against())
  )

  it.effect("that can't begin fails, and one whose server is gone too", () =>
    Effect.gen(function* () {
      const server = yield* Server
      const { fs } = yield* Codex.Codex
      yield* server.on("fs/watch", () => refuse("no"))
      expect(yield* Effect.flip(Stream.runDrain(fs.watch("/a")))).toMatchObject({ _tag: "RequestFailed" })
      yield* server.on("fs/watch", () => Effect.succeed({ path: "/a" }))
      const watching = yield* Effect.forkChild(Effect.flip(Stream.runDrain(fs.watch("/a"))))
      yield* received("fs/watch", 2)
      yield* server.die()
      expect(yield* Fiber.join(watching)).toMatchObject({ _tag: "ConnectionFailed" })
    }).pipe(against())
  )
})

describe("a function fails with what it can fail with", () => {
  it.effect("which is what the server said, as it said it", () =>
    Effect.gen(function* () {
      const server = yield* Server
      const { account, model, thread } = yield* Codex.Codex
      // Of a method that names no thread these say nothing about one.
      for (const text of [
        "thread not loaded: x",
        "no rollout found for thread id x",
        "session x is archived",
        "thread x already has an active writer"
      ]) {
        const error = new RpcError({ code: -32099, description: text })
        yield* server.on("model/list", () => Effect.fail(error))
        expect(yield* Effect.flip(model.listPage())).toMatchObject({
          _tag: "RequestFailed",
          method: "model/list",
          code: -32099,
          description: text
        })
      }
      for (const [text, tag] of [
        ["codex account authentication required to list", "NotAuthenticated"],
        ["x requires experimentalApi capability", "ExperimentalApiRequired"]
      ] as const) {
        yield* server.on("model/list", () => refuse(text))
        expect(yield* Effect.flip(model.listPage())).toMatchObject({ _tag: tag })
        yield* server.on("thread/turns/list", () => refuse(text))
        expect(yield* Effect.flip(thread.turnsListPage("x"))).toMatchObject({ _tag: tag })
      }
      yield* server.on("account/rateLimits/read", () => refuse("chatgpt authentication required to read rate limits"))
      expect(yield* Effect.flip(account.rateLimitsRead())).toMatchObject({ _tag: "NotAuthenticated" })
    }).pipe(against())
  )

  it("by its type", () => {
    type Service = Codex.Codex["Service"]
    type Failure<F> = F extends (...args: never) => infer E
      ? Failure<E>
      : F extends Effect.Effect<infer _A, infer E, infer _R>
        ? E
        : F extends Stream.Stream<infer _A, infer E, infer _R>
          ? E
          : never
    type Needs<F> = F extends (...args: never) => infer E
      ? Needs<E>
      : F extends Effect.Effect<infer _A, infer _E, infer R>
        ? R
        : F extends Stream.Stream<infer _A, infer _E, infer R>
          ? R
          : never
    type Call =
      | CodexError.ConnectionFailed
      | CodexError.ExperimentalApiRequired
      | CodexError.InvalidParams
      | CodexError.NotAuthenticated
      | CodexError.Overloaded
      | CodexError.ProtocolViolation
      | CodexError.RequestFailed
      | CodexError.RequestTimedOut
      | CodexError.UnsupportedMethod
    type OfThread =
      | Call
      | CodexError.NoRollout
      | CodexError.SessionArchived
      | CodexError.SessionNotFound
      | CodexError.ThreadLocked

    expectTypeOf<Failure<Service["model"]["list"]>>().toEqualTypeOf<Call>()
    expectTypeOf<Failure<Service["thread"]["list"]>>().toEqualTypeOf<Call>()
    expectTypeOf<Failure<Service["thread"]["read"]>>().toEqualTypeOf<OfThread>()
    expectTypeOf<Failure<Service["thread"]["rollback"]>>().toEqualTypeOf<OfThread>()
    expectTypeOf<Failure<Service["account"]["rateLimitsRead"]>>().toEqualTypeOf<Call>()
    expectTypeOf<Failure<Service["command"]["start"]>>().toEqualTypeOf<never>()
    expectTypeOf<Failure<Service["fs"]["watch"]>>().toEqualTypeOf<Call | CodexError.SlowConsumer>()
    expectTypeOf<Failure<Service["thread"]["queueList"]>>().toEqualTypeOf<OfThread>()

    expectTypeOf<Needs<Service["thread"]["read"]>>().toEqualTypeOf<never>()
    expectTypeOf<Needs<Service["thread"]["queueList"]>>().toEqualTypeOf<ExperimentalApi>()
    expectTypeOf<Needs<Service["fuzzyFileSearchSession"]>>().toEqualTypeOf<ExperimentalApi | Scope.Scope>()
    expectTypeOf<Needs<Service["account"]["login"]>>().toEqualTypeOf<Scope.Scope>()
  })
})

it.effect("a thread is loaded for what works on loaded threads, with the defaults of the layer, once", () =>
  Effect.gen(function* () {
    const server = yield* Server
    const { request, thread } = yield* Codex.Codex
    const { id: threadId } = (yield* request("thread/start", {})).thread
    yield* request("turn/start", { threadId, input: [] })
    yield* server.on("thread/compact/start", () => Effect.succeed({}))
    yield* thread.compactStart(threadId)
    expect(yield* sent("thread/resume")).toEqual([])

    yield* server.notify("thread/closed", { threadId })
    yield* thread.compactStart(threadId)
    yield* thread.compactStart(threadId)
    expect(yield* sent("thread/resume")).toEqual([{ threadId, excludeTurns: true, model: "some-model" }])
    expect((yield* sent("thread/compact/start")).length).toBe(3)
  }).pipe(against({}, { thread: { model: "some-model" } }))
)
