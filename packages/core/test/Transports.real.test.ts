import * as Codex from "@effect-codex/core/Codex"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import { CodexTest, MockModel } from "@effect-codex/core/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { listening, services, socketPath, token, type TransportLayer, transports } from "./transports.ts"

const { execCommand, gate, reply, text, when } = MockModel

for (const [name, transport] of Object.entries<TransportLayer>(transports)) {
  describe(`over ${name}`, () => {
    it.live("a turn streams its text", () =>
      Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const deltas = yield* Stream.runCollect(codex.responses.streamText({ prompt: "Say it" }))
        expect(deltas).toEqual(["STREAM", "_OK"])
      }).pipe(
        Effect.provide(
          Layer.merge(transport, PolicyEngine.layerDeclineAll).pipe(
            Layer.provide(CodexTest.layerHome([reply(text("STREAM", "_OK"))]))
          )
        )
      )
    )

    it.live("an approval handler may call the server before it answers", () =>
      Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const read: Array<string> = []
        const policy = PolicyEngine.make({
          command: ({ threadId }) =>
            codex.request("thread/read", { threadId }).pipe(
              Effect.map(({ thread }) => {
                read.push(thread.id)
                return { decision: "accept" as const, by: "test" }
              }),
              Effect.orDie
            )
        })
        const response = yield* codex.responses
          .create({ prompt: "Run it" })
          .pipe(Effect.provideService(PolicyEngine.PolicyEngine, policy))
        expect(read).toEqual([response.threadId])
        expect(response.items.find((item) => item.type === "commandExecution")).toMatchObject({ status: "completed" })
      }).pipe(
        Effect.provide(
          transport.pipe(
            Layer.provide(
              CodexTest.layerHome([reply(execCommand({ cmd: "true", escalate: true })), reply(text("done"))])
            )
          )
        )
      )
    )

    it.live("law 15: text with half of a surrogate pair arrives, with U+FFFD in its place", () =>
      Effect.gen(function* () {
        const half = "status 😀".slice(0, 8)
        const codex = yield* Codex.Codex
        const model = yield* MockModel.MockModel
        const thread = yield* codex.thread.start()
        const response = yield* thread.run(half)
        expect(response.text).toBe("fine")
        expect(JSON.stringify((yield* model.requests)[0])).toContain("status \ufffd")
        yield* codex.request("thread/name/set", { threadId: thread.id, name: half })
        expect((yield* codex.request("thread/read", { threadId: thread.id })).thread.name).toBe("status \ufffd")
        // An id with a character in the place of a half would be another id.
        const failure = yield* Effect.flip(codex.request("thread/read", { threadId: half }))
        expect(failure).toMatchObject({ _tag: "InvalidParams", method: "thread/read" })
      }).pipe(
        Effect.provide(
          Layer.merge(transport, PolicyEngine.layerDeclineAll).pipe(
            Layer.provideMerge(CodexTest.layerHome([reply(text("fine"))]))
          )
        )
      )
    )

    it.live("leaving a turn stops it", () =>
      Effect.gen(function* () {
        const held = yield* gate
        yield* Effect.gen(function* () {
          const model = yield* MockModel.MockModel
          yield* Effect.gen(function* () {
            const codex = yield* Codex.Codex
            const fiber = yield* Effect.forkChild(codex.responses.create({ prompt: "Hang" }))
            yield* held.reached
            yield* Fiber.interrupt(fiber)
            expect(yield* model.ended(0)).toBe("left")
          }).pipe(Effect.provide(Layer.merge(transport, PolicyEngine.layerDeclineAll)))
        }).pipe(Effect.provide(CodexTest.layerHome([reply(text("so far", held))])))
      })
    )
  })
}

describe("a server that others can join", () => {
  it.live("serves two clients, and the second one's end is not the first one's", () =>
    Effect.gen(function* () {
      const first = yield* Codex.Codex
      const url = `ws+unix://${yield* socketPath}:/`
      const threadId = yield* Effect.gen(function* () {
        const second = yield* Codex.Codex
        const response = yield* second.responses.create({ prompt: "from the second" })
        expect(response.text).toBe("2")
        return response.threadId
      }).pipe(Effect.provide(Layer.provide(Codex.layerWebSocket({ url }), services)))
      const response = yield* first.responses.create({ prompt: "from the first", threadId })
      expect(response.text).toBe("1")
    }).pipe(
      Effect.provide(
        Layer.merge(transports["a Unix socket"], PolicyEngine.layerDeclineAll).pipe(
          Layer.provideMerge(
            CodexTest.layerHome([when("from the first", reply(text("1"))), when("from the second", reply(text("2")))])
          )
        )
      )
    )
  )

  it.live("tells both clients of a thread that both have joined", () =>
    Effect.gen(function* () {
      const first = yield* Codex.Codex
      const url = `ws+unix://${yield* socketPath}:/`
      const thread = yield* first.thread.start()
      yield* thread.run("from the first")
      const heard = yield* Effect.gen(function* () {
        const second = yield* Codex.Codex
        const told = yield* second.subscribe
        expect((yield* second.thread.resume(thread.id)).id).toBe(thread.id)
        yield* thread.run("from the first")
        return yield* told.pipe(
          Stream.takeUntil(({ method }) => method === "turn/completed"),
          Stream.map(({ method }) => method),
          Stream.runCollect
        )
      }).pipe(Effect.scoped, Effect.provide(Layer.provide(Codex.layerWebSocket({ url }), services)))
      expect(heard).toContain("item/agentMessage/delta")
      expect(heard.at(-1)).toBe("turn/completed")
    }).pipe(
      Effect.provide(
        Layer.merge(transports["a Unix socket"], PolicyEngine.layerDeclineAll).pipe(
          Layer.provideMerge(CodexTest.layerHome([reply(text("1")), reply(text("2"))]))
        )
      )
    )
  )

  it.live("that is killed ends the connection", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { pid, url } = yield* listening
        yield* Effect.gen(function* () {
          const codex = yield* Codex.Codex
          process.kill(pid, "SIGKILL")
          const failure = yield* Effect.flip(codex.closed)
          expect(failure).toMatchObject({ _tag: "ConnectionFailed", reason: { _tag: "Closed" } })
        }).pipe(Effect.provide(Layer.provide(Codex.layerWebSocket({ url, token: Redacted.make(token) }), services)))
      })
    ).pipe(Effect.provide(Layer.merge(CodexTest.layerHome([]), services)))
  )

  it.live("law 11: turns away who has the wrong token, and the token is not in the error", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { url } = yield* listening
        const wrong = "a wrong token"
        const failure = yield* Effect.flip(
          Effect.provide(
            Codex.Codex,
            Layer.provide(Codex.layerWebSocket({ url, token: Redacted.make(wrong) }), services)
          )
        )
        expect(failure).toMatchObject({ _tag: "ConnectionFailed", reason: { _tag: "Connect", status: 401 } })
        expect(JSON.stringify(failure) + failure.message).not.toContain(wrong)
      })
    ).pipe(Effect.provide(Layer.merge(CodexTest.layerHome([]), services)))
  )

  it.live("that is not there is ConnectionFailed, with where it was looked for", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(
        Effect.provide(
          Codex.Codex,
          Layer.provide(Codex.layerWebSocket({ url: "ws://user:secret@127.0.0.1:9/?token=secret" }), services)
        )
      )
      expect(failure).toMatchObject({ _tag: "ConnectionFailed", reason: { _tag: "Connect" } })
      expect(failure.message).toContain("ws://127.0.0.1:9/")
      expect(failure.message).not.toContain("secret")
    })
  )
})
