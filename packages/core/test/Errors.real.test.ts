import { readdirSync, rmSync } from "node:fs"
import * as path from "node:path"
import * as AppServer from "@effect-codex/core/AppServer"
import * as Codex from "@effect-codex/core/Codex"
import * as CodexError from "@effect-codex/core/CodexError"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import type * as Thread from "@effect-codex/core/Thread"
import { CodexTest, MockModel } from "@effect-codex/core/testing"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, expect, expectTypeOf, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import { serverVersion } from "./server.ts"

const { error, failed, reply, text } = MockModel

const nobody = "00000000-0000-7000-8000-000000000000"

const withScript = (script: MockModel.Script, options?: CodexTest.Options) =>
  Effect.provide(Layer.merge(CodexTest.layer(script, options), PolicyEngine.layerDeclineAll))

describe("the server's errors by their cause", () => {
  it.live("come as tags", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const { thread } = yield* codex.request("thread/start", {})
      const threadId = thread.id

      const tagOf = <A>(effect: Effect.Effect<A, { readonly _tag: string }>) =>
        Effect.map(Effect.flip(Effect.asVoid(effect)), (failure): string => failure._tag)

      // A thread that nobody has, by the ways to ask for one.
      expect(yield* tagOf(codex.request("thread/read", { threadId: nobody }))).toBe("SessionNotFound")
      expect(yield* tagOf(codex.request("thread/resume", { threadId: nobody }))).toBe("SessionNotFound")
      expect(yield* tagOf(codex.request("thread/name/set", { threadId: nobody, name: "x" }))).toBe("SessionNotFound")
      expect(yield* tagOf(codex.request("turn/interrupt", { threadId: nobody, turnId: "" }))).toBe("SessionNotFound")

      // The same text of the server, about a thread that is there and has no history yet.
      expect(yield* tagOf(codex.request("thread/resume", { threadId: nobody }))).toBe("SessionNotFound")
      expect(yield* tagOf(codex.request("thread/resume", { threadId }))).toBe("NoRollout")
      const ephemeral = yield* codex.request("thread/start", { ephemeral: true })
      expect(yield* tagOf(codex.request("thread/fork", { threadId: ephemeral.thread.id }))).toBe("NoRollout")
      expect(yield* tagOf(codex.request("thread/goal/set", { threadId: ephemeral.thread.id, objective: "x" }))).toBe(
        "InvalidParams"
      )

      expect(yield* tagOf(codex.request("thread/read", { threadId: "no id" }))).toBe("InvalidParams")
      expect(yield* tagOf(codex.request("thread/resume", { threadId: "no id" }))).toBe("InvalidParams")
      expect(yield* tagOf(codex.requestRaw("thread/start", { sandbox: "no sandbox" }))).toBe("InvalidParams")
      expect(yield* tagOf(codex.requestRaw("thread/read", {}))).toBe("InvalidParams")
      expect(yield* tagOf(codex.requestRaw("thread/read", { threadId: 1 }))).toBe("InvalidParams")

      // The text of this error names every method that there is, login and all.
      const unknown = yield* Effect.flip(Effect.asVoid(codex.requestRaw("account/login/nothing", {})))
      expect(unknown).toMatchObject({
        _tag: "UnsupportedMethod",
        method: "account/login/nothing",
        serverVersion
      })

      expect(yield* tagOf(codex.request("account/rateLimits/read"))).toBe("NotAuthenticated")
      expect(yield* tagOf(codex.requestRaw("thread/start", { dynamicTools: [] }))).toBe("ExperimentalApiRequired")
    }).pipe(withScript([]))
  )

  it.live("tell an archived thread from one that is not there", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const { threadId } = yield* codex.responses.create({ prompt: "Hello" })
      yield* codex.request("thread/archive", { threadId })
      const failure = yield* Effect.flip(codex.responses.create({ prompt: "Again", threadId }))
      expect(failure).toMatchObject({ _tag: "SessionArchived", threadId })
      // Texts that the server also has for threads that nobody has.
      const renamed = yield* Effect.flip(codex.request("thread/name/set", { threadId, name: "x" }))
      expect(renamed).toMatchObject({ _tag: "SessionArchived", threadId })
      const compacted = yield* Effect.flip(codex.request("thread/compact/start", { threadId }))
      expect(compacted).toMatchObject({ _tag: "SessionArchived", threadId })
    }).pipe(withScript([reply(text("Hello"))]))
  )

  it.live("tell a thread that is stored from one that is not there", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const { threadId } = yield* codex.responses.create({ prompt: "Hello" })
      yield* codex.request("thread/archive", { threadId })
      yield* codex.request("thread/unarchive", { threadId })
      const unarchived = yield* Effect.flip(codex.request("thread/unarchive", { threadId }))
      expect(unarchived.message).toContain("is not archived")
      const compacted = yield* Effect.flip(codex.request("thread/compact/start", { threadId }))
      expect(compacted).toMatchObject({ _tag: "RequestFailed" })
      expect(compacted.message).toContain("resume it")
    }).pipe(withScript([reply(text("Hello"))]))
  )

  it.live("tell a thread without a turn", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const { thread } = yield* codex.request("thread/start", {})
      const failure = yield* Effect.flip(codex.request("thread/turns/list", { threadId: thread.id }))
      expect(failure).toMatchObject({ _tag: "NoRollout", threadId: thread.id })
    }).pipe(withScript([]))
  )
})

// One more app-server on the home of the test, until the scope closes.
const another = Effect.map(Layer.build(Layer.fresh(CodexTest.layerCodex())), Context.get(Codex.Codex))

describe("a thread that another app-server has open", () => {
  it.live("is ThreadLocked for what would write to it, until that one is gone", () =>
    Effect.gen(function* () {
      const first = yield* Effect.scoped(
        Effect.gen(function* () {
          const codex = yield* another
          const { threadId } = yield* codex.responses.create({ prompt: "Hello" })
          const other = yield* another
          const locked = { _tag: "ThreadLocked", threadId }
          expect(yield* Effect.flip(other.thread.resume(threadId))).toMatchObject(locked)
          expect(yield* Effect.flip(other.thread.archive(threadId))).toMatchObject(locked)
          expect(yield* Effect.flip(other.thread.delete(threadId))).toMatchObject(locked)
          expect(yield* Effect.flip(other.request("thread/unarchive", { threadId }))).toMatchObject(locked)
          // It can be read.
          expect((yield* other.request("thread/read", { threadId })).thread.id).toBe(threadId)
          return threadId
        })
      )
      const codex = yield* another
      expect((yield* codex.thread.resume(first)).id).toBe(first)
    }).pipe(
      Effect.scoped,
      Effect.provide(Layer.merge(CodexTest.layerHome([reply(text("Hello"))]), PolicyEngine.layerDeclineAll))
    )
  )
})

describe("a thread whose rollout was deleted", () => {
  const rolloutOf = (home: string, threadId: string) => {
    const name = readdirSync(home, { recursive: true, encoding: "utf8" }).find((name) =>
      name.endsWith(`${threadId}.jsonl`)
    )
    return path.join(home, name ?? "none")
  }

  it.live("is SessionNotFound", () =>
    Effect.gen(function* () {
      const { env } = yield* CodexTest.Home
      const { threadId } = yield* Effect.scoped(
        Effect.flatMap(another, (codex) => codex.responses.create({ prompt: "Hello" }))
      )
      rmSync(rolloutOf(env["CODEX_HOME"] ?? "", threadId))
      const { request, thread } = yield* another
      const notFound = { _tag: "SessionNotFound", threadId }
      expect(yield* Effect.flip(thread.resume(threadId))).toMatchObject(notFound)
      expect(yield* Effect.flip(thread.fork(threadId))).toMatchObject(notFound)
      expect(yield* Effect.flip(request("thread/read", { threadId, includeTurns: true }))).toMatchObject(notFound)
      expect(yield* Effect.flip(request("thread/turns/list", { threadId }))).toMatchObject(notFound)
      expect(yield* Effect.flip(request("thread/archive", { threadId }))).toMatchObject(notFound)
      expect(yield* Effect.flip(request("turn/start", { threadId, input: [] }))).toMatchObject(notFound)
    }).pipe(
      Effect.scoped,
      Effect.provide(Layer.merge(CodexTest.layerHome([reply(text("Hello"))]), PolicyEngine.layerDeclineAll))
    )
  )

  it.live("is SessionNotFound for the server that has it loaded, too", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const { env } = yield* CodexTest.Home
      const { threadId } = yield* codex.responses.create({ prompt: "Hello" })
      rmSync(rolloutOf(env["CODEX_HOME"] ?? "", threadId))
      expect(yield* Effect.flip(codex.thread.fork(threadId))).toMatchObject({ _tag: "SessionNotFound", threadId })
      expect(yield* Effect.flip(codex.request("thread/resume", { threadId }))).toMatchObject({
        _tag: "SessionNotFound"
      })
    }).pipe(withScript([reply(text("Hello"))]))
  )
})

describe("a failed turn has the reason", () => {
  const statuses = [402, 403, 404, 405, 409, 410, 413, 415, 422, 426, 451, 501, 408, 502, 503, 504]

  it.live("and can be tried again only if the provider may answer otherwise the next time", () =>
    Effect.gen(function* () {
      const retried: Array<number> = []
      const codex = yield* Codex.Codex
      for (const status of statuses) {
        const failure = yield* Effect.flip(codex.responses.create({ prompt: "Hello" }))
        expect(failure).toMatchObject({ _tag: "TurnFailed" })
        expect(failure.message).toContain(CodexError.isRetryable(failure) ? "Try again after a pause" : "check its")
        if (CodexError.isRetryable(failure)) retried.push(status)
      }
      expect(retried).toEqual([408, 502, 503, 504])
    }).pipe(withScript(statuses.map((status) => error(status, "no"))))
  )

  const reasons = [
    [error(429, "slow down"), "RateLimited"],
    [error(429, "used up", { type: "usage_limit_reached" }), "UsageLimitExceeded"],
    [error(500, "broken"), "InternalServerError"],
    [error(503, "busy", { code: "server_is_overloaded" }), "ServerOverloaded"],
    [reply(failed("context_length_exceeded", "too long")), "ContextWindowExceeded"],
    [reply(failed("rate_limit_exceeded", "slow down")), "RateLimited"],
    [reply(failed("something_new", "who knows")), "Other"]
  ] as const

  for (const [answer, reason] of reasons) {
    it.live(
      `${reason}, when the model answers ${answer._tag === "HttpError" ? answer.status : "with a failed response"}`,
      () =>
        Effect.gen(function* () {
          const codex = yield* Codex.Codex
          const failure = yield* Effect.flip(codex.responses.create({ prompt: "Hello" }))
          expect(failure).toMatchObject({
            _tag: "TurnFailed",
            reason: { _tag: reason },
            response: { status: "failed" }
          })
        }).pipe(withScript([answer]))
    )
  }

  it.live("that Effect.catchReason recovers from", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const recovered = yield* codex.responses.create({ prompt: "Hello" }).pipe(
        Effect.map((response) => response.text),
        Effect.catchReason("TurnFailed", "ContextWindowExceeded", () => Effect.succeed("compact first"))
      )
      expect(recovered).toBe("compact first")
    }).pipe(withScript([reply(failed("context_length_exceeded", "too long"))]))
  )
})

describe("the types list what can fail, and no more", () => {
  type Service = Codex.Codex["Service"]
  type ErrorOf<T> = T extends Effect.Effect<infer _A, infer E, infer _R> ? E : never

  it("for requests, raw requests, responses and streams", () => {
    expectTypeOf<ErrorOf<ReturnType<Service["requestRaw"]>>>().toEqualTypeOf<CodexError.RawRequestError>()
    expectTypeOf<
      Exclude<CodexError.RequestError, CodexError.RawRequestError>
    >().toEqualTypeOf<CodexError.ProtocolViolation>()
    type TurnTag =
      | CodexError.RequestError["_tag"]
      | "InvalidConfig"
      | "InvalidInput"
      | "ThreadBusy"
      | "TurnFailed"
      | "TurnInterrupted"
      | "TurnStalled"
      | "BudgetExceeded"
    const plain = (codex: Service) => codex.responses.create({ prompt: "Hello" })
    const formed = (codex: Service) => codex.responses.create({ prompt: "Hello", output: Schema.Finite })
    expectTypeOf<ErrorOf<ReturnType<typeof plain>>["_tag"]>().toEqualTypeOf<TurnTag>()
    expectTypeOf<ErrorOf<ReturnType<typeof formed>>["_tag"]>().toEqualTypeOf<TurnTag | "OutputInvalid">()
    expectTypeOf<Stream.Error<ReturnType<Service["responses"]["events"]>>["_tag"]>().toEqualTypeOf<
      TurnTag | "SlowConsumer"
    >()
    expectTypeOf<ErrorOf<ReturnType<Thread.Thread["turn"]>>["_tag"]>().toEqualTypeOf<
      CodexError.TurnStartError["_tag"]
    >()
    expectTypeOf<ErrorOf<Service["closed"]>>().toEqualTypeOf<CodexError.ConnectionFailed>()
    expectTypeOf<Layer.Error<ReturnType<typeof Codex.layer>>>().toEqualTypeOf<
      CodexError.CodexNotFound | CodexError.ConnectionFailed | CodexError.InvalidConfig
    >()
  })
})

describe("what is no app-server", () => {
  it.live("fails to start when it cannot be executed", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(
        Effect.provide(
          AppServer.AppServer,
          AppServer.layer({ binary: import.meta.filename }).pipe(Layer.provide(NodeServices.layer))
        )
      )
      expect(failure).toMatchObject({ _tag: "ConnectionFailed", reason: { _tag: "Spawn" } })
    })
  )

  it.live("fails the handshake when it answers something else", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(
        Effect.provide(
          AppServer.AppServer,
          AppServer.layer({
            binary: process.execPath,
            args: ["-e", `process.stdin.once("data", () => console.log('{"id":1,"result":{"codexHome":1}}'))`]
          }).pipe(Layer.provide(NodeServices.layer))
        )
      )
      expect(failure).toMatchObject({ _tag: "ConnectionFailed", reason: { _tag: "Handshake" } })
      expect(failure.message).toContain("codexHome")
    })
  )
})
