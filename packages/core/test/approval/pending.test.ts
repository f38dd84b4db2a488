import type * as ServerRequest from "@effect-codex/core/ServerRequest"
import type { ThreadItem } from "@effect-codex/core/protocol/generated/Experimental"
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import { Deciding } from "../../src/internal/approval/deciding.ts"
import { type AnsweringOptions, makeAnswering } from "../../src/internal/approval/pending.ts"
import type { RpcError } from "../../src/internal/rpc/jsonRpc.ts"
import { eventually, nothingMore, until } from "../waiting.ts"

const approval = (id: number, about?: Partial<Record<"itemId" | "threadId" | "turnId", string>>) =>
  ({
    id,
    method: "item/commandExecution/requestApproval",
    params: { threadId: "thread", turnId: "turn", itemId: `item ${id}`, startedAtMs: 0, command: "true", ...about }
  }) satisfies ServerRequest.ServerRequest

const elicitation = (id: number, threadId = "thread") =>
  ({
    id,
    method: "mcpServer/elicitation/request",
    params: { threadId, turnId: "turn", serverName: "s", mode: "url", message: "m", url: "u", elicitationId: "e" }
  }) satisfies ServerRequest.ServerRequest

const item: ThreadItem = {
  type: "fileChange",
  id: "item 1",
  changes: [],
  status: "inProgress"
}

const accept = Effect.succeed({ decision: "accept" })

// A table with a server that answers each round trip once it is let, and handlers that wait until they are interrupted.
const make = (options?: Partial<AnsweringOptions>) =>
  Effect.gen(function* () {
    const server = yield* Latch.make(true)
    const stopped: Array<string> = []
    const interrupted: Array<number> = []
    const table = yield* makeAnswering({
      answerTimeout: Duration.minutes(1),
      acceptDelay: Duration.zero,
      roundTrip: server.await,
      stopTurn: (threadId, turnId) => Effect.sync(() => stopped.push(`${threadId}/${turnId}`)),
      ...options
    })
    const asks = (
      request: ServerRequest.ServerRequest,
      handler: Effect.Effect<unknown>,
      owner?: { threadId: string }
    ) => Effect.forkChild(table.answer(request, handler, owner), { startImmediately: true })
    const undecided = (id: number) => Effect.onInterrupt(Effect.never, () => Effect.sync(() => interrupted.push(id)))
    return { ...table, asks, interrupted, server, stopped, undecided }
  })

type Table = Effect.Success<ReturnType<typeof make>>

const nothing = { waiting: 0, approvals: 0, itemThreads: 0, answerDeadlines: 0 }

describe("a request of the server", () => {
  it.effect("gets the answer of its handler, and nothing of it is kept once it is resolved", () =>
    Effect.gen(function* () {
      const { answer, asks, forget, sizes, undecided } = yield* make()
      expect(yield* answer(elicitation(1), Effect.succeed("said"), undefined)).toBe("said")
      expect(sizes()).toEqual(nothing)
      yield* asks(approval(2), undecided(2))
      expect(sizes()).toEqual({ ...nothing, waiting: 1, approvals: 1, answerDeadlines: 1 })
      expect(yield* answer(approval(3), accept, undefined)).toEqual({ decision: "accept" })
      expect(sizes()).toMatchObject({ waiting: 1, approvals: 2, answerDeadlines: 1 })
      forget(2)
      forget(3)
      yield* eventually(() => expect(sizes()).toEqual(nothing))
    }).pipe(Effect.scoped)
  )

  it.effect("that is withdrawn has no answer, and its handler is interrupted", () =>
    Effect.gen(function* () {
      const { asks, forget, interrupted, undecided } = yield* make()
      const first = yield* asks(approval(1), undecided(1))
      const second = yield* asks(approval(2), undecided(2))
      forget(1)
      const exit = yield* Fiber.await(first)
      expect(Exit.isFailure(exit) && Exit.hasInterrupts(exit)).toBe(true)
      expect(interrupted).toEqual([1])
      expect(second.pollUnsafe()).toBeUndefined()
    }).pipe(Effect.scoped)
  )

  it.effect("is declined when its time is up, also by a handler that can't be interrupted", () =>
    Effect.gen(function* () {
      const { asks, interrupted, undecided } = yield* make()
      const late = yield* asks(approval(1), undecided(1))
      const mayEnd = yield* Latch.make()
      const stubborn = yield* asks(elicitation(2), Effect.uninterruptible(mayEnd.await))
      yield* TestClock.adjust("59 seconds")
      expect(late.pollUnsafe()).toBeUndefined()
      yield* TestClock.adjust("1 second")
      expect(yield* Fiber.join(late)).toEqual({ decision: "decline" })
      expect(yield* Fiber.join(stubborn)).toEqual({ action: "decline", content: null, _meta: null })
      yield* mayEnd.open
      expect(interrupted).toEqual([1])
    }).pipe(Effect.scoped)
  )

  it.effect("waits for ever without a time limit", () =>
    Effect.gen(function* () {
      const { asks, sizes, undecided } = yield* make({ answerTimeout: undefined })
      const asked = yield* asks(approval(1), undecided(1))
      yield* TestClock.adjust("1000 days")
      expect(asked.pollUnsafe()).toBeUndefined()
      expect(sizes()).toMatchObject({ answerDeadlines: 0 })
      const mayEnd = yield* Latch.make()
      const other = yield* asks(elicitation(2), Effect.as(mayEnd.await, "said"))
      yield* mayEnd.open
      expect(yield* Fiber.join(other)).toBe("said")
    }).pipe(Effect.scoped)
  )

  it.effect("is declined at once if 1,024 others wait", () =>
    Effect.gen(function* () {
      const { answer, asks, forget, sizes, undecided } = yield* make()
      for (let id = 0; id < 1024; id++) yield* asks(elicitation(id), undecided(id))
      expect(yield* answer(approval(2000), accept, undefined)).toEqual({ decision: "decline" })
      expect(sizes()).toMatchObject({ waiting: 1024, approvals: 0 })
      forget(0)
      expect(yield* answer(approval(2000), accept, undefined)).toEqual({ decision: "accept" })
    }).pipe(Effect.scoped)
  )
})

describe("an accept", () => {
  it.effect("is held back for its delay and a round trip; a decline is not", () =>
    Effect.gen(function* () {
      const { answer, asks, server } = yield* make({ acceptDelay: Duration.seconds(1) })
      yield* server.close
      const asked = yield* asks(approval(1), accept)
      expect(yield* answer(approval(2), Effect.succeed({ decision: "decline" }), undefined)).toEqual({
        decision: "decline"
      })
      yield* TestClock.adjust("1 second")
      yield* nothingMore
      expect(asked.pollUnsafe()).toBeUndefined()
      yield* server.open
      expect(yield* Fiber.join(asked)).toEqual({ decision: "accept" })
    }).pipe(Effect.scoped)
  )

  it.effect("is held back for the part of its delay that the decision did not take", () =>
    Effect.gen(function* () {
      const { asks } = yield* make({ acceptDelay: Duration.millis(50) })
      const soon = yield* asks(approval(1), Effect.delay(accept, 20))
      const late = yield* asks(approval(2), Effect.delay(accept, 60))
      yield* TestClock.adjust("49 millis")
      yield* nothingMore
      expect(soon.pollUnsafe()).toBeUndefined()
      yield* TestClock.adjust("1 millis")
      expect(yield* Fiber.join(soon)).toEqual({ decision: "accept" })
      yield* TestClock.adjust("10 millis")
      expect(yield* Fiber.join(late)).toEqual({ decision: "accept" })
    }).pipe(Effect.scoped)
  )

  it.effect("that took long to decide still waits for the round trip", () =>
    Effect.gen(function* () {
      const { asks, server } = yield* make({ acceptDelay: Duration.millis(50) })
      yield* server.close
      const asked = yield* asks(approval(1), Effect.delay(accept, "30 seconds"))
      yield* TestClock.adjust("30 seconds")
      yield* nothingMore
      expect(asked.pollUnsafe()).toBeUndefined()
      yield* server.open
      expect(yield* Fiber.join(asked)).toEqual({ decision: "accept" })
    }).pipe(Effect.scoped)
  )

  it.effect("is a decline if the server does not answer", () =>
    Effect.gen(function* () {
      const { answer } = yield* make({ roundTrip: Effect.fail({ message: "no" }) })
      expect(yield* answer(approval(1), accept, undefined)).toEqual({ decision: "decline" })
    }).pipe(Effect.scoped)
  )

  it.effect("of something that the server finds by the request's own id is not held back", () =>
    Effect.gen(function* () {
      const { answer, server } = yield* make()
      yield* server.close
      expect(yield* answer(elicitation(1), accept, undefined)).toEqual({ decision: "accept" })
    }).pipe(Effect.scoped)
  )
})

describe("two approvals under one item id", () => {
  const twin = approval(2, { itemId: "item 1" })

  it.effect("are both cancelled while the first one waits", () =>
    Effect.gen(function* () {
      const { answer, asks, interrupted, stopped, undecided } = yield* make()
      const first = yield* asks(approval(1), undecided(1))
      expect(yield* answer(twin, accept, undefined)).toEqual({ decision: "cancel" })
      expect(yield* Fiber.join(first)).toEqual({ decision: "cancel" })
      expect([interrupted, stopped]).toEqual([[1], []])
    }).pipe(Effect.scoped)
  )

  it.effect("stop the turn if the accept of the first one may be under way", () =>
    Effect.gen(function* () {
      const { answer, stopped } = yield* make()
      expect(yield* answer(approval(1), accept, undefined)).toEqual({ decision: "accept" })
      expect(yield* answer(twin, accept, undefined)).toEqual({ decision: "cancel" })
      yield* eventually(() => expect(stopped).toEqual(["thread/turn"]))
    }).pipe(Effect.scoped)
  )

  it.effect.each([
    ["the first one was resolved", ({ forget }: Table) => forget(1)],
    ["its turn is over", ({ endTurn }: Table) => endTurn("thread", "turn")],
    ["some turn on its thread is over", ({ endTurn }: Table) => endTurn("thread", undefined)],
    ["its thread was left", ({ forgetThread }: Table) => forgetThread("thread")],
    [
      "its item is over",
      ({ itemCompleted, itemStarted }: Table) => {
        itemStarted("thread", item)
        itemCompleted("thread", item)
      }
    ]
  ] as const)("are none once %s", ([, between]) =>
    Effect.gen(function* () {
      const table = yield* make()
      yield* table.answer(approval(1), accept, undefined)
      between(table)
      expect(table.sizes()).toEqual(nothing)
      expect(yield* table.answer(twin, accept, undefined)).toEqual({ decision: "accept" })
      expect(table.stopped).toEqual([])
    }).pipe(Effect.scoped)
  )

  it.effect("are two still when another thread, turn or item is over", () =>
    Effect.gen(function* () {
      const { answer, endTurn, forget, forgetThread, itemCompleted, itemStarted } = yield* make()
      yield* answer(approval(1), accept, undefined)
      forget(7)
      endTurn("thread", "other")
      endTurn("other", "turn")
      forgetThread("other")
      for (const other of [{ ...item, id: "other" }, item]) itemStarted("thread", other)
      itemStarted("other", item)
      itemCompleted("thread", { ...item, id: "other" })
      itemCompleted("other", item)
      itemStarted("thread", item)
      itemCompleted("thread", item)
      itemCompleted("thread", { type: "agentMessage", id: "item 1", text: "" })
      expect(yield* answer(twin, accept, undefined)).toEqual({ decision: "cancel" })
    }).pipe(Effect.scoped)
  )
})

describe("the end of a turn", () => {
  it.effect("interrupts its handlers at once, and declines when the server has had time to withdraw", () =>
    Effect.gen(function* () {
      const { asks, endTurn, interrupted, server, undecided } = yield* make()
      const first = yield* asks(approval(1), undecided(1))
      const other = yield* asks(approval(2, { turnId: "other" }), undecided(2))
      yield* server.close
      endTurn("thread", "turn")
      yield* until("the handler is interrupted", () => interrupted.length > 0)
      expect(first.pollUnsafe()).toBeUndefined()
      yield* server.open
      expect(yield* Fiber.join(first)).toEqual({ decision: "decline" })
      expect(other.pollUnsafe()).toBeUndefined()
      expect(interrupted).toEqual([1])
    }).pipe(Effect.scoped)
  )

  it.effect("by its route declines what that route was asked on its own thread", () =>
    Effect.gen(function* () {
      const { asks, endRoute, undecided } = yield* make()
      const [route, other] = [{ threadId: "thread" }, { threadId: "thread" }]
      const mine = yield* asks(approval(1), undecided(1), route)
      const child = yield* asks(approval(2, { threadId: "child" }), undecided(2), route)
      const theirs = yield* asks(approval(3), undecided(3), other)
      endRoute(route)
      expect(yield* Fiber.join(mine)).toEqual({ decision: "decline" })
      yield* nothingMore
      expect([child.pollUnsafe(), theirs.pollUnsafe()]).toEqual([undefined, undefined])
    }).pipe(Effect.scoped)
  )

  it.effect("that the handler itself brings about declines its request", () =>
    Effect.gen(function* () {
      const { answer, endTurn, sizes } = yield* make()
      const handler = Effect.andThen(
        Effect.sync(() => endTurn("thread", "turn")),
        Effect.never
      )
      expect(yield* answer(approval(1), handler, undefined)).toEqual({ decision: "decline" })
      expect(sizes()).toEqual(nothing)
    }).pipe(Effect.scoped)
  )
})

describe("the end of the connection", () => {
  it.effect("waits for handlers that are on their way out, and not longer than two seconds", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { asks, forget } = yield* Scope.provide(make(), scope)
      const isLeaving = yield* Deferred.make<void>()
      const mayLeave = yield* Latch.make()
      const slow = Effect.onInterrupt(Effect.never, () =>
        Effect.andThen(Deferred.succeed(isLeaving, undefined), mayLeave.await)
      )
      yield* asks(approval(1), slow)
      forget(1)
      yield* Deferred.await(isLeaving)
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
      yield* nothingMore
      expect(closing.pollUnsafe()).toBeUndefined()
      yield* mayLeave.open
      yield* Fiber.join(closing)

      const other = yield* Scope.make()
      const table = yield* Scope.provide(make(), other)
      yield* table.asks(approval(1), Effect.uninterruptible(Effect.never))
      const late = yield* Effect.forkChild(Scope.close(other, Exit.void), { startImmediately: true })
      yield* TestClock.adjust("1999 millis")
      expect(late.pollUnsafe()).toBeUndefined()
      yield* TestClock.adjust("1 millis")
      yield* Fiber.join(late)
    })
  )
})

describe("a table of what waits", () => {
  const command = (id: string): ThreadItem =>
    ({
      type: "commandExecution",
      id,
      command: "true",
      cwd: "/",
      processId: null,
      source: "agent",
      status: "inProgress",
      commandActions: [],
      aggregatedOutput: null,
      exitCode: null,
      durationMs: null
    }) as ThreadItem

  it.effect("forgets a request whose asker is interrupted, and interrupts its handler", () =>
    Effect.gen(function* () {
      const { asks, interrupted, sizes, undecided } = yield* make()
      const asked = yield* asks(elicitation(1), undecided(1))
      yield* Fiber.interrupt(asked)
      yield* eventually(() => expect(interrupted).toEqual([1]))
      expect(sizes()).toEqual(nothing)
    }).pipe(Effect.scoped)
  )

  it.effect("forgets it also when its handler can't be interrupted", () =>
    Effect.gen(function* () {
      const { asks, sizes } = yield* make()
      const mayEnd = yield* Latch.make()
      const asked = yield* asks(elicitation(1), Effect.uninterruptible(mayEnd.await))
      yield* Fiber.interrupt(asked)
      expect(sizes()).toEqual(nothing)
      yield* mayEnd.open
    }).pipe(Effect.scoped)
  )

  it.effect("keeps a request whose id another one had that is answered after it", () =>
    Effect.gen(function* () {
      const { asks, forget, sizes, undecided } = yield* make()
      const mayEnd = yield* Latch.make()
      const first = yield* asks(elicitation(1), Effect.as(mayEnd.await, "first"))
      const second = yield* asks(elicitation(1), undecided(2))
      yield* mayEnd.open
      expect(yield* Fiber.join(first)).toBe("first")
      expect(sizes()).toMatchObject({ waiting: 1 })
      forget(1)
      yield* Fiber.await(second)
      expect(sizes()).toEqual(nothing)
    }).pipe(Effect.scoped)
  )

  it.effect(
    "keeps an approval that waits when its item or its thread is gone, as another one must not have its id",
    () =>
      Effect.gen(function* () {
        for (const leave of [
          ({ forgetThread }: Table) => forgetThread("thread"),
          ({ itemCompleted, itemStarted }: Table) => {
            itemStarted("thread", item)
            itemCompleted("thread", item)
          }
        ]) {
          const table = yield* make()
          const first = yield* table.asks(approval(1), table.undecided(1))
          leave(table)
          expect(table.sizes()).toMatchObject({ waiting: 1, approvals: 1, itemThreads: 0 })
          expect(yield* table.answer(approval(2, { itemId: "item 1" }), accept, undefined)).toEqual({
            decision: "cancel"
          })
          expect(yield* Fiber.join(first)).toEqual({ decision: "cancel" })
        }
      }).pipe(Effect.scoped)
  )

  it.effect("frees an approval when the last of the commands under its id is over", () =>
    Effect.gen(function* () {
      const { answer, itemCompleted, itemStarted, sizes } = yield* make()
      const approvals = () => sizes()["approvals"]
      yield* answer(approval(1), accept, undefined)
      yield* answer(approval(2), accept, undefined)
      yield* answer(approval(3, { itemId: "item 1", threadId: "other" }), accept, undefined)
      for (const _ of [1, 2]) itemStarted("thread", command("item 1"))
      itemStarted("thread", { type: "agentMessage", id: "item 1", text: "" })
      itemStarted("thread", command("item 2"))
      itemCompleted("thread", command("item 1"))
      expect([approvals(), sizes()["itemThreads"]]).toEqual([3, 1])
      itemCompleted("thread", command("item 1"))
      expect([approvals(), sizes()["itemThreads"]]).toEqual([2, 1])
      // Once more than it began.
      itemCompleted("thread", command("item 1"))
      itemCompleted("elsewhere", command("item 1"))
      itemCompleted("thread", command("item 2"))
      expect([approvals(), sizes()["itemThreads"]]).toEqual([1, 0])
    }).pipe(Effect.scoped)
  )

  it.effect("keeps an approval when an item under its id is over that was not seen to begin", () =>
    Effect.gen(function* () {
      const { answer, itemCompleted, itemStarted } = yield* make()
      yield* answer(approval(1), accept, undefined)
      itemStarted("thread", { ...item, id: "another" })
      itemCompleted("thread", item)
      expect(yield* answer(approval(2, { itemId: "item 1" }), accept, undefined)).toEqual({ decision: "cancel" })
    }).pipe(Effect.scoped)
  )

  it.effect("forgets the items of a turn that is over, and of a thread that was left", () =>
    Effect.gen(function* () {
      const { endTurn, forgetThread, itemStarted, sizes } = yield* make()
      for (const thread of ["a", "b", "c"]) itemStarted(thread, item)
      endTurn("a", "turn")
      forgetThread("b")
      expect(sizes()).toEqual({ ...nothing, itemThreads: 1 })
    }).pipe(Effect.scoped)
  )

  it.effect("declines at the end of a turn though the server does not answer", () =>
    Effect.gen(function* () {
      const { asks, endRoute, endTurn, undecided } = yield* make({ roundTrip: Effect.fail({ message: "no" }) })
      const route = { threadId: "thread" }
      const byTurn = yield* asks(elicitation(1), undecided(1))
      endTurn("thread", "turn")
      expect(yield* Fiber.join(byTurn)).toMatchObject({ action: "decline" })
      const byRoute = yield* asks(approval(2), undecided(2), route)
      endRoute(route)
      expect(yield* Fiber.join(byRoute)).toEqual({ decision: "decline" })
    }).pipe(Effect.scoped)
  )

  it.effect("declines what its handler accepts after it has ended the turn", () =>
    Effect.gen(function* () {
      const { answer, endTurn } = yield* make()
      const handler = Effect.sync(() => {
        endTurn("thread", undefined)
        return { action: "accept" }
      })
      expect(yield* answer(elicitation(1), handler, undefined)).toMatchObject({ action: "decline" })
    }).pipe(Effect.scoped)
  )

  it.effect("tells of its own answers in the log, and to whoever observes the decision", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const logger = Logger.make<unknown, void>(({ logLevel, message }) => {
        lines.push(`${logLevel}: ${Array.isArray(message) ? message[0] : message}`)
      })
      const deciding: Deciding = { by: undefined, reason: undefined, accepted: false }
      const told = (what: Effect.Effect<unknown, RpcError, Scope.Scope>) =>
        what.pipe(
          Effect.scoped,
          Effect.map(() => [deciding.reason, ...lines.splice(0)]),
          Effect.provideService(Deciding, deciding),
          Effect.provide(Logger.layer([logger]))
        )

      const late = Effect.gen(function* () {
        const { asks, undecided } = yield* make()
        const asked = yield* asks(approval(1), undecided(1))
        yield* TestClock.adjust("1 minute")
        yield* Fiber.join(asked)
      })
      expect(yield* told(late)).toEqual([
        "it was not answered in time",
        "Warn: Declined a request item/commandExecution/requestApproval that was not answered in time"
      ])

      const silent = Effect.flatMap(make({ roundTrip: Effect.fail({ message: "no" }) }), ({ answer }) =>
        answer(approval(1), accept, undefined)
      )
      expect(yield* told(silent)).toEqual([
        "the server did not answer in time",
        "Warn: Declined item/commandExecution/requestApproval: the server does not answer"
      ])

      const twins = Effect.gen(function* () {
        const { answer } = yield* make()
        yield* answer(approval(1), accept, undefined)
        yield* answer(approval(2, { itemId: "item 1" }), accept, undefined)
      })
      expect(yield* told(twins)).toEqual([
        "two approvals were open under one item id",
        "Error: Cancelled two approvals that were open under one item id"
      ])

      const over = Effect.gen(function* () {
        const { asks, endTurn, undecided } = yield* make()
        const asked = yield* asks(approval(1), undecided(1))
        endTurn("thread", "turn")
        yield* Fiber.join(asked)
      })
      expect(yield* told(over)).toEqual(["its turn was over"])

      const crowd = Effect.gen(function* () {
        const { answer, asks, undecided } = yield* make()
        for (let id = 0; id < 1024; id++) yield* asks(elicitation(id), undecided(id))
        yield* answer(approval(2000), accept, undefined)
      })
      expect(yield* told(crowd)).toEqual([
        "too many others wait for an answer",
        "Warn: Declined a request item/commandExecution/requestApproval: 1024 others wait for an answer"
      ])
    })
  )
})
