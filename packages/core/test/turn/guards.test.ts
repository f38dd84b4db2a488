import * as Codex from "@effect-codex/core/Codex"
import type * as Notification from "@effect-codex/core/Notification"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import { MockAppServer } from "@effect-codex/core/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { nothingMore, until } from "../waiting.ts"

const hang = { turns: Array.from({ length: 4 }, () => [{ hang: Effect.never }]) }

const against = (
  defaults?: Codex.Defaults,
  options: Parameters<typeof MockAppServer.layer>[0] = hang,
  policy = PolicyEngine.layerDeclineAll
) =>
  Effect.provide(
    Layer.merge(Codex.layerAppServer(defaults).pipe(Layer.provideMerge(MockAppServer.layer(options))), policy)
  )

// A turn that hangs, and what can be said in its name.
const begin = (input?: Omit<Codex.ResponseOptions, "prompt">) =>
  Effect.gen(function* () {
    const codex = yield* Codex.Codex
    const server = yield* MockAppServer.MockAppServer
    const thread = yield* codex.thread.start()
    const turn = yield* thread.turn({ prompt: "Hang", ...input })
    const about = { threadId: thread.id, turnId: turn.id }
    const seen: Array<Notification.Notification> = []
    yield* Effect.forkChild(
      Effect.ignore(
        Stream.runForEach(turn.notifications, (notification) => Effect.sync(() => seen.push(notification)))
      ),
      { startImmediately: true }
    )
    const result = yield* Effect.forkChild(Effect.exit(turn.result), { startImmediately: true })
    yield* until("the prompt is read", () => seen.some(({ method }) => method === "item/completed"))
    return {
      server,
      thread,
      turn,
      seen,
      result,
      delta: server.notify("item/agentMessage/delta", { ...about, itemId: "m", delta: "." }),
      error: (willRetry: boolean, message: string) =>
        server.notify("error", {
          ...about,
          willRetry,
          error: { message, codexErrorInfo: null, additionalDetails: null }
        }),
      item: (method: "item/started" | "item/completed") =>
        server.notify(method, {
          ...about,
          startedAtMs: 0,
          completedAtMs: 0,
          item: { type: "dynamicToolCall", id: "t", tool: "slow", arguments: {}, status: "inProgress" }
        }),
      usage: (turnTokens: number, before = 1000) =>
        server.notify("thread/tokenUsage/updated", {
          ...about,
          tokenUsage: { last: tokens(turnTokens), total: tokens(before + turnTokens), modelContextWindow: 100_000 }
        })
    }
  })

const tokens = (totalTokens: number) => ({
  totalTokens,
  inputTokens: totalTokens - 1,
  cachedInputTokens: 0,
  outputTokens: 1,
  reasoningOutputTokens: 0
})

const methods = Effect.flatMap(MockAppServer.MockAppServer, (server) =>
  Effect.map(server.received, (messages) => messages.flatMap(({ method }) => (method === undefined ? [] : [method])))
)

const pass = (...durations: ReadonlyArray<`${number} seconds`>) =>
  Effect.forEach(durations, (duration) => TestClock.adjust(duration), { discard: true })

describe("a turn that does not move", () => {
  it.effect("is warned about once a silence, and again after it has moved", () =>
    Effect.gen(function* () {
      const { delta, seen } = yield* begin()
      const warnings = () =>
        seen.flatMap((notification) => (notification.method === "turn/silent" ? [notification.params.silentMs] : []))
      yield* pass("59 seconds")
      expect(warnings()).toEqual([])
      yield* pass("1 seconds", "100 seconds")
      expect(warnings()).toEqual([60_000])
      yield* delta
      yield* pass("60 seconds")
      expect(warnings()).toEqual([60_000, 60_000])
    }).pipe(Effect.scoped, against())
  )

  it.effect("is interrupted after six minutes of silence, and says what it did last", () =>
    Effect.gen(function* () {
      const { delta, result, turn } = yield* begin()
      yield* delta
      yield* pass("359 seconds")
      expect(result.pollUnsafe()).toBeUndefined()
      yield* pass("1 seconds")
      const failure = yield* Effect.flip(turn.result)
      expect(failure).toMatchObject({
        _tag: "TurnStalled",
        reason: { _tag: "Silence", millis: 360_000 },
        lastEvent: "item/agentMessage/delta",
        threadStatus: "active",
        response: { text: ".", turnId: turn.id }
      })
      expect((yield* methods).slice(-2)).toEqual(["thread/read", "turn/interrupt"])
      expect(yield* Effect.flip(Stream.runDrain(turn.events))).toBe(failure)
    }).pipe(Effect.scoped, against())
  )

  it.effect("is given up even if the server does not answer any more", () =>
    Effect.gen(function* () {
      const { result, server } = yield* begin({ watchdog: { stallTimeout: "60 seconds" } })
      yield* server.stopReading
      yield* pass("60 seconds", "5 seconds", "10 seconds")
      expect(result.pollUnsafe()).toMatchObject({ _tag: "Success" })
      const exit = yield* Fiber.join(result)
      expect(Exit.findErrorOption(exit)).toMatchObject({ value: { _tag: "TurnStalled" } })
    }).pipe(Effect.scoped, against())
  )

  it.effect("is left alone with the watchdog off", () =>
    Effect.gen(function* () {
      const { result, seen } = yield* begin({ watchdog: "off" })
      yield* pass("86400 seconds")
      expect(result.pollUnsafe()).toBeUndefined()
      expect(seen.some(({ method }) => method === "turn/silent")).toBe(false)
    }).pipe(Effect.scoped, against())
  )

  it.effect("is left alone while a tool runs, and the clock begins anew when it is done", () =>
    Effect.gen(function* () {
      const { item, result, seen } = yield* begin()
      yield* pass("300 seconds")
      yield* item("item/started")
      yield* pass("3600 seconds")
      expect(result.pollUnsafe()).toBeUndefined()
      expect(seen.filter(({ method }) => method === "turn/silent").length).toBe(1)
      yield* item("item/completed")
      yield* pass("359 seconds")
      expect(result.pollUnsafe()).toBeUndefined()
      yield* pass("1 seconds")
      expect(result.pollUnsafe()).toBeDefined()
    }).pipe(Effect.scoped, against())
  )

  for (const [what, says] of [
    ["says nothing any more", () => Effect.never],
    ["says that the thread is idle", (thread: object) => Effect.succeed({ thread })]
  ] as const) {
    it.effect(`is given up while a tool runs, if the server ${what}`, () =>
      Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const { item, result, server, thread, turn } = yield* begin()
        const read = yield* codex.request("thread/read", { threadId: thread.id })
        yield* item("item/started")
        yield* server.on("thread/read", () => says({ ...read.thread, status: { type: "idle" } }))
        yield* server.on("turn/interrupt", () => Effect.never)
        yield* pass("359 seconds")
        expect(result.pollUnsafe()).toBeUndefined()
        yield* pass("1 seconds", "60 seconds", "5 seconds", "10 seconds")
        expect(result.pollUnsafe()).toBeDefined()
        expect(yield* Effect.flip(turn.result)).toMatchObject({ _tag: "TurnStalled", reason: { _tag: "Silence" } })
      }).pipe(Effect.scoped, against())
    )
  }

  it.effect(
    "is given up while a command runs, if the server goes on waiting for the answer to a request that never arrived",
    () =>
      Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const { item, result, server, thread, turn } = yield* begin()
        const read = yield* codex.request("thread/read", { threadId: thread.id })
        const waiting = { type: "active", activeFlags: ["waitingOnApproval"] }
        yield* item("item/started")
        yield* server.on("thread/read", () => Effect.succeed({ thread: { ...read.thread, status: waiting } }))
        yield* pass("360 seconds")
        // It could be on its way.
        expect(result.pollUnsafe()).toBeUndefined()
        yield* pass("359 seconds")
        expect(result.pollUnsafe()).toBeUndefined()
        yield* pass("1 seconds", "5 seconds", "10 seconds")
        expect(yield* Effect.flip(turn.result)).toMatchObject({ _tag: "TurnStalled", reason: { _tag: "Silence" } })
      }).pipe(Effect.scoped, against())
  )

  it.effect("is left alone while somebody decides", () =>
    Effect.gen(function* () {
      const asked = yield* Deferred.make<void>()
      const decided = yield* Deferred.make<void>()
      yield* Effect.gen(function* () {
        const { result } = yield* begin()
        yield* Deferred.await(asked)
        yield* pass("1800 seconds")
        expect(result.pollUnsafe()).toBeUndefined()
        yield* Deferred.succeed(decided, undefined)
        yield* pass("1 seconds", "358 seconds")
        expect(result.pollUnsafe()).toBeUndefined()
        yield* pass("10 seconds")
        expect(result.pollUnsafe()).toBeDefined()
      }).pipe(
        Effect.scoped,
        against(
          undefined,
          { turns: [[{ command: "sleep 1" }, { hang: Effect.never }]] },
          Layer.succeed(PolicyEngine.PolicyEngine)(
            PolicyEngine.make({
              command: () =>
                Deferred.succeed(asked, undefined).pipe(
                  Effect.andThen(Deferred.await(decided)),
                  Effect.as({ decision: "decline", by: "somebody" })
                )
            })
          )
        )
      )
    })
  )

  it.effect("takes attempts to reach the model for events, not for progress", () =>
    Effect.gen(function* () {
      const { error, seen, turn } = yield* begin()
      yield* pass("200 seconds")
      yield* error(true, "Reconnecting... 1/5")
      yield* pass("60 seconds")
      yield* error(true, "Reconnecting... 2/5")
      yield* pass("59 seconds")
      expect(seen.filter(({ method }) => method === "error").length).toBe(2)
      yield* pass("1 seconds")
      expect(yield* Effect.flip(turn.result)).toMatchObject({
        _tag: "TurnStalled",
        reason: { _tag: "Retries", millis: 120_000, description: "Reconnecting... 2/5" },
        lastEvent: "error"
      })
    }).pipe(Effect.scoped, against())
  )

  it.effect("that goes on after such attempts is out of danger", () =>
    Effect.gen(function* () {
      const { delta, error, result } = yield* begin()
      yield* error(true, "Reconnecting... 1/5")
      yield* pass("119 seconds")
      yield* delta
      yield* pass("300 seconds")
      expect(result.pollUnsafe()).toBeUndefined()
    }).pipe(Effect.scoped, against())
  )
})

describe("a budget", () => {
  it.effect("of tokens stops the turn that reaches it, counting this turn alone", () =>
    Effect.gen(function* () {
      const { turn, usage } = yield* begin({ budget: { tokens: 100 } })
      yield* usage(99)
      yield* usage(100)
      const failure = yield* Effect.flip(turn.result)
      expect(failure).toMatchObject({ _tag: "BudgetExceeded", limit: "tokens", scope: "turn", allowed: 100 })
      expect(failure).toMatchObject({ used: 100, response: { usage: { turn: { totalTokens: 100 } } } })
      expect((yield* methods).at(-1)).toBe("turn/interrupt")
    }).pipe(Effect.scoped, against())
  )

  it.effect("of time stops the turn that is still running then", () =>
    Effect.gen(function* () {
      const { result, turn } = yield* begin()
      yield* pass("29 seconds")
      expect(result.pollUnsafe()).toBeUndefined()
      yield* pass("1 seconds")
      expect(yield* Effect.flip(turn.result)).toMatchObject({
        _tag: "BudgetExceeded",
        limit: "duration",
        scope: "turn",
        allowed: 30_000,
        used: 30_000
      })
    }).pipe(Effect.scoped, against({ turnBudget: { duration: "30 seconds" } }))
  )

  it.effect("of a layer counts the tokens of all its turns, stops those that run, and lets no other begin", () =>
    Effect.gen(function* () {
      const first = yield* begin()
      const second = yield* begin()
      yield* first.usage(60)
      yield* nothingMore
      expect(first.result.pollUnsafe()).toBeUndefined()
      yield* second.usage(40, 0)
      for (const { turn } of [first, second]) {
        expect(yield* Effect.flip(turn.result)).toMatchObject({
          _tag: "BudgetExceeded",
          limit: "tokens",
          scope: "layer",
          allowed: 100,
          used: 100
        })
      }
      const sent = (yield* methods).length
      expect(yield* Effect.flip(first.thread.run("One more"))).toMatchObject({ _tag: "BudgetExceeded", used: 100 })
      expect((yield* methods).slice(sent)).not.toContain("turn/start")
    }).pipe(Effect.scoped, against({ budget: { tokens: 100 } }))
  )

  it.effect("of a layer counts turns", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      yield* codex.responses.create({ prompt: "one" })
      yield* codex.responses.create({ prompt: "two" })
      expect(yield* Effect.flip(codex.responses.create({ prompt: "three" }))).toMatchObject({
        _tag: "BudgetExceeded",
        limit: "turns",
        scope: "layer",
        allowed: 2,
        used: 2
      })
    }).pipe(against({ budget: { turns: 2 } }, { turns: [[{ say: ["1"] }], [{ say: ["2"] }], [{ say: ["3"] }]] }))
  )

  it.effect("of a layer adds up the time of turns side by side", () =>
    Effect.gen(function* () {
      const first = yield* begin()
      yield* pass("40 seconds")
      const second = yield* begin()
      yield* pass("29 seconds")
      expect(first.result.pollUnsafe()).toBeUndefined()
      yield* pass("1 seconds")
      for (const { turn } of [first, second]) {
        expect(yield* Effect.flip(turn.result)).toMatchObject({ limit: "duration", scope: "layer", used: 100_000 })
      }
    }).pipe(Effect.scoped, against({ budget: { duration: "100 seconds" } }))
  )
})
