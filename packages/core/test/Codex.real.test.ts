import * as AppServer from "@effect-codex/core/AppServer"
import * as Codex from "@effect-codex/core/Codex"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import { CodexTest, MockModel } from "@effect-codex/core/testing"
import { describe, expect, it } from "@effect/vitest"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import { deltasUntil, isAlive, layerRecording } from "./support.ts"

const { error, execCommand, gate, reply, text, when } = MockModel

const decline = PolicyEngine.layerDeclineAll

// A real codex with this script, and nobody to accept anything.
const withScript = (script: MockModel.Script, options?: CodexTest.Options) =>
  Effect.provide(Layer.merge(CodexTest.layer(script, options), decline))

describe("a response", () => {
  it.live("has the agent's text, the thread, the turn and the usage", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const response = yield* codex.responses.create({ prompt: "Are you there?" })
      expect(response.text).toBe("READY")
      expect(response.threadId).toMatch(/^[0-9a-f-]{36}$/)
      expect(response.turnId).toMatch(/^[0-9a-f-]{36}$/)
      expect(response.status).toBe("completed")
      expect(response.usage?.last.inputTokens).toBe(100)
      expect(response.items.map((item) => item.type)).toEqual(["userMessage", "agentMessage"])
      expect(response.events).toBeUndefined()
      const model = yield* MockModel.MockModel
      expect((yield* model.request(0)).lastUserText).toBe("Are you there?")
    }).pipe(withScript([reply(text("READY"))]))
  )

  it.live("holds the events if they are asked for", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const { events } = yield* codex.responses.create({ prompt: "Hello", includeEvents: true })
      expect(events?.at(-1)?.type).toBe("turn/completed")
      expect(
        events
          ?.filter((event) => event.type === "item/agentMessage/delta")
          .map((event) => event.textDelta)
          .join("")
      ).toBe("one two three")
    }).pipe(withScript([reply(text("one two three"))]))
  )

  it.live("streams as events in the order of the wire, thread/ready first and turn/completed last", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const events = yield* Stream.runCollect(codex.responses.events({ prompt: "Count" }))
      const types = Array.from(events, (event) => event.type)
      expect(types[0]).toBe("thread/ready")
      expect(types.at(-1)).toBe("turn/completed")
      expect(types.indexOf("turn/started")).toBeLessThan(types.indexOf("item/agentMessage/delta"))
      expect(types.lastIndexOf("item/agentMessage/delta")).toBeLessThan(types.lastIndexOf("item/completed"))
      const deltas = Array.from(events, (event) => (event.phase === "assistant" ? (event.textDelta ?? "") : ""))
      expect(deltas.join("")).toBe("one two three")
      expect(new Set(Array.from(events, (event) => event.threadId)).size).toBe(1)
    }).pipe(withScript([reply(text("one ", "two ", "three"))]))
  )

  it.live("streams as the text of the assistant, without the output of commands", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const deltas = yield* Stream.runCollect(codex.responses.streamText({ prompt: "Say it" }))
      expect(Array.from(deltas)).toEqual(["STREAM", "_OK"])
    }).pipe(withScript([reply(execCommand({ cmd: "echo tool output" })), reply(text("STREAM", "_OK"))]))
  )
})

describe("a thread", () => {
  it.live("goes on with a second turn", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const first = yield* codex.responses.create({ prompt: "My name is Ada" })
      const second = yield* codex.responses.create({ prompt: "What is my name?", threadId: first.threadId })
      expect(second.threadId).toBe(first.threadId)
      expect(second.turnId).not.toBe(first.turnId)
      expect(second.text).toBe("Ada")
      const model = yield* MockModel.MockModel
      expect((yield* model.request(1)).userTexts).toContain("My name is Ada")
    }).pipe(withScript([reply(text("Hello")), reply(text("Ada"))]))
  )

  it.live("goes on in a second process", () =>
    Effect.gen(function* () {
      const run = (prompt: string, threadId?: string) =>
        Effect.gen(function* () {
          const codex = yield* Codex.Codex
          return yield* codex.responses.create({ prompt, threadId })
        }).pipe(Effect.provide(Layer.merge(CodexTest.layerCodex(), decline)))
      const first = yield* run("My name is Ada")
      const second = yield* run("What is my name?", first.threadId)
      expect(second.threadId).toBe(first.threadId)
      const model = yield* MockModel.MockModel
      expect((yield* model.request(1)).userTexts).toContain("My name is Ada")
    }).pipe(Effect.provide(CodexTest.layerHome([reply(text("Hello")), reply(text("Ada"))])))
  )

  it.live("that was started without a turn can be given one", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const { thread } = yield* codex.request("thread/start", {})
      const response = yield* codex.responses.create({ prompt: "Hello", threadId: thread.id })
      expect(response.threadId).toBe(thread.id)
    }).pipe(withScript([reply(text("Hello"))]))
  )

  it.live("has its turns one after the other", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const { threadId } = yield* codex.responses.create({ prompt: "first" })
      const responses = yield* Effect.all(
        [codex.responses.create({ prompt: "second", threadId }), codex.responses.create({ prompt: "third", threadId })],
        { concurrency: "unbounded" }
      )
      expect(responses.map((response) => response.text)).toEqual(["2", "3"])
    }).pipe(
      withScript([when("first", reply(text("1"))), when("second", reply(text("2"))), when("third", reply(text("3")))])
    )
  )

  it.live("does not wait for turns on other threads", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const names = ["a", "b", "c", "d", "e"]
      const responses = yield* Effect.forEach(names, (name) => codex.responses.create({ prompt: `turn ${name}` }), {
        concurrency: "unbounded"
      })
      expect(responses.map((response) => response.text)).toEqual(names)
      expect(new Set(responses.map((response) => response.threadId)).size).toBe(names.length)
    }).pipe(withScript(["a", "b", "c", "d", "e"].map((name) => when(`turn ${name}`, reply(text(name))))))
  )

  it.live("that nobody has is SessionNotFound", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const threadId = "00000000-0000-7000-8000-000000000000"
      const failure = yield* Effect.flip(codex.responses.create({ prompt: "Hello", threadId }))
      expect(failure).toMatchObject({ _tag: "SessionNotFound", threadId })
    }).pipe(withScript([]))
  )

  it.live("with an id that is none is InvalidParams", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const failure = yield* Effect.flip(codex.responses.create({ prompt: "Hello", threadId: "no id" }))
      expect(failure._tag).toBe("InvalidParams")
    }).pipe(withScript([]))
  )

  it.live("that is loaded refuses thread parameters instead of dropping them", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const { threadId } = yield* codex.responses.create({ prompt: "Hello" })
      const failure = yield* Effect.flip(
        codex.responses.create({ prompt: "Again", threadId, thread: { sandbox: "read-only" } })
      )
      expect(failure._tag).toBe("InvalidParams")
    }).pipe(withScript([reply(text("Hello"))]))
  )
})

describe("a turn that fails", () => {
  const failureOf = (prompt: string) =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      return yield* Effect.flip(codex.responses.create({ prompt }))
    })

  it.live("because the account was refused is NotAuthenticated", () =>
    Effect.gen(function* () {
      expect((yield* failureOf("Hello"))._tag).toBe("NotAuthenticated")
    }).pipe(withScript([error(401, "bad key")]))
  )

  it.live("because of too many requests says so in its reason", () =>
    Effect.gen(function* () {
      expect(yield* failureOf("Hello")).toMatchObject({ _tag: "TurnFailed", reason: { _tag: "RateLimited" } })
    }).pipe(withScript([error(429, "slow down")]))
  )

  it.live("carries what there was of the response", () =>
    Effect.gen(function* () {
      const failure = yield* failureOf("Hello")
      expect(failure).toMatchObject({
        _tag: "TurnFailed",
        reason: { _tag: "ContextWindowExceeded" },
        response: { status: "failed", text: "so far" }
      })
    }).pipe(withScript([reply(text("so far"), MockModel.failed("context_length_exceeded", "too long"))]))
  )

  it.live("emits its terminal event before the stream fails", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const seen: Array<string> = []
      const failure = yield* codex.responses.events({ prompt: "Hello" }).pipe(
        Stream.runForEach((event) => Effect.sync(() => seen.push(event.type))),
        Effect.flip
      )
      expect(failure._tag).toBe("TurnFailed")
      expect(seen.at(-1)).toBe("turn/completed")
    }).pipe(withScript([error(500, "broken")]))
  )

  it.live("for want of an account does so before the model is asked", () =>
    Effect.gen(function* () {
      expect((yield* failureOf("Hello"))._tag).toBe("NotAuthenticated")
      const model = yield* MockModel.MockModel
      expect(yield* model.requests).toEqual([])
    }).pipe(withScript([], { codex: { args: ["app-server", "-c", 'model_provider="openai"'] } }))
  )
})

describe("an owner that leaves stops its turn", () => {
  // A turn that hangs in the middle of the model's answer, and the model's word on how its stream ended.
  const whileHanging = <A, E, R>(use: (hanging: Effect.Effect<void>) => Effect.Effect<A, E, R>) =>
    Effect.gen(function* () {
      const held = yield* gate
      yield* Effect.gen(function* () {
        const model = yield* MockModel.MockModel
        yield* use(held.reached)
        expect(yield* model.ended(0)).toBe("left")
      }).pipe(withScript([reply(text("so ", "far", held, " more"))]))
    })

  it.live("by interruption", () =>
    whileHanging((hanging) =>
      Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const fiber = yield* Effect.forkChild(codex.responses.create({ prompt: "Hello" }))
        yield* hanging
        yield* Fiber.interrupt(fiber)
      })
    )
  )

  it.live("by taking a part of the stream", () =>
    whileHanging(() =>
      Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const part = yield* codex.responses.streamText({ prompt: "Hello" }).pipe(Stream.take(1), Stream.runCollect)
        expect(Array.from(part)).toEqual(["so "])
      })
    )
  )

  it.live("by closing the layer", () =>
    Effect.gen(function* () {
      const held = yield* gate
      yield* Effect.gen(function* () {
        const fiber = yield* Effect.gen(function* () {
          const codex = yield* Codex.Codex
          return yield* codex.responses.create({ prompt: "Hello" })
        }).pipe(Effect.provide(Layer.merge(CodexTest.layerCodex(), decline)), Effect.forkChild)
        yield* held.reached
        yield* Fiber.interrupt(fiber)
        const model = yield* MockModel.MockModel
        expect(yield* model.ended(0)).toBe("left")
      }).pipe(Effect.provide(CodexTest.layerHome([reply(text("so ", "far", held))])))
    })
  )

  it.live("and the thread can go on", () =>
    Effect.gen(function* () {
      const held = yield* gate
      yield* Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const { thread } = yield* codex.request("thread/start", {})
        const fiber = yield* Effect.forkChild(codex.responses.create({ prompt: "Hello", threadId: thread.id }))
        yield* held.reached
        yield* Fiber.interrupt(fiber)
        const next = yield* codex.responses.create({ prompt: "Again", threadId: thread.id })
        expect(next.text).toBe("next")
      }).pipe(withScript([reply(text("so ", "far", held)), reply(text("next"))]))
    })
  )

  it.live("but a turn that somebody else interrupts fails with what there was of it", () =>
    Effect.gen(function* () {
      const held = yield* gate
      yield* Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const { thread } = yield* codex.request("thread/start", {})
        const second = yield* Effect.forkChild(deltasUntil("far"))
        const fiber = yield* Effect.forkChild(codex.responses.create({ prompt: "Hello", threadId: thread.id }))
        yield* Fiber.join(second)
        yield* codex.request("turn/interrupt", { threadId: thread.id, turnId: "" })
        const failure = yield* Effect.flip(Fiber.join(fiber))
        expect(failure).toMatchObject({ _tag: "TurnInterrupted", response: { status: "interrupted", text: "so far" } })
      }).pipe(withScript([reply(text("so ", "far", held))]))
    })
  )
})

describe("the process", () => {
  it.live("is gone when the scope has closed", () =>
    Effect.gen(function* () {
      const pids: Array<number> = []
      yield* Effect.gen(function* () {
        const codex = yield* Codex.Codex
        yield* codex.request("account/read", {})
        expect(isAlive(pids[0] ?? 0)).toBe(true)
      }).pipe(Effect.provide(layerRecording(pids)))
      expect(pids.length).toBe(1)
      expect(isAlive(pids[0] ?? 0)).toBe(false)
    }).pipe(Effect.provide(CodexTest.layerHome([])))
  )

  it.live("that is killed in the middle of a turn fails the turn, and whatever is asked after it", () =>
    Effect.gen(function* () {
      const pids: Array<number> = []
      const held = yield* gate
      yield* Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const seen = yield* Ref.make("")
        const second = yield* Effect.forkChild(deltasUntil("far"))
        const fiber = yield* codex.responses.streamText({ prompt: "Hello" }).pipe(
          Stream.runForEach((delta) => Ref.update(seen, (text) => text + delta)),
          Effect.forkChild
        )
        yield* Fiber.join(second)
        process.kill(pids[0] ?? 0, "SIGKILL")
        const failure = yield* Effect.flip(Fiber.join(fiber))
        expect(failure).toMatchObject({ _tag: "ConnectionFailed", reason: { _tag: "Exited", signal: "SIGKILL" } })
        expect(yield* Ref.get(seen)).toBe("so far")
        const later = yield* Effect.flip(codex.request("account/read", {}))
        expect(later._tag).toBe("ConnectionFailed")
        expect((yield* Effect.flip(codex.closed))._tag).toBe("ConnectionFailed")
      }).pipe(
        Effect.provide(
          Layer.merge(layerRecording(pids), decline).pipe(
            Layer.provide(CodexTest.layerHome([reply(text("so ", "far", held))]))
          )
        )
      )
    })
  )

  it.live("that is no app-server fails the handshake with what it wrote", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(
        Effect.provide(Codex.Codex, CodexTest.layer([], { codex: { args: ["no-such-command", "--no-such-flag"] } }))
      )
      expect(failure).toMatchObject({ _tag: "ConnectionFailed", reason: { _tag: "Exited" } })
      expect(failure.message).toContain("no-such")
    })
  )

  it.live("that is not there is CodexNotFound, with what was tried", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(
        Effect.provide(
          AppServer.AppServer,
          AppServer.layer({ binary: "/nowhere/codex" }).pipe(Layer.provide(NodeServices.layer))
        )
      )
      expect(failure).toMatchObject({ _tag: "CodexNotFound" })
      expect(failure.message).toContain("/nowhere/codex")
      expect(failure.message).toContain("npm install @openai/codex")
    })
  )
})

describe("a handler", () => {
  it.live(
    "may call the server while the turn waits for it, and start a turn on another thread, but not on its own",
    () =>
      Effect.gen(function* () {
        const results = yield* Deferred.make<ReadonlyArray<unknown>>()
        const ask = Effect.gen(function* () {
          const codex = yield* Codex.Codex
          const policy = Layer.succeed(PolicyEngine.PolicyEngine)(
            PolicyEngine.make({
              command: ({ threadId }) =>
                Effect.gen(function* () {
                  const read = yield* codex.request("thread/read", { threadId })
                  const other = yield* codex.responses.create({ prompt: "other thread" })
                  const own = yield* Effect.flip(codex.responses.create({ prompt: "own thread", threadId }))
                  yield* Deferred.succeed(results, [read.thread.id === threadId, other.text, own._tag])
                  return { decision: "accept" as const, by: "test" }
                }).pipe(Effect.provide(decline), Effect.orDie)
            })
          )
          return yield* codex.responses
            .create({ prompt: "run it", thread: { sandbox: "workspace-write" } })
            .pipe(Effect.provide(policy))
        })
        const response = yield* ask.pipe(
          Effect.provide(
            CodexTest.layer([
              when("run it", reply(execCommand({ cmd: "echo hi", escalate: true })), reply(text("done"))),
              when("other thread", reply(text("other")))
            ])
          )
        )
        expect(yield* Deferred.await(results)).toEqual([true, "other", "InvalidParams"])
        expect(response.text).toBe("done")
        expect(response.items.find((item) => item.type === "commandExecution")).toMatchObject({ status: "completed" })
      })
  )
})
