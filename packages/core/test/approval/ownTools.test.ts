import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"
import { answerApproval, makeAnnounced, toResponse } from "../../src/internal/approval/ownTools.ts"
import type { ToolServer } from "../../src/ToolServer.ts"
import type { ServerRequest } from "../../src/ServerRequest.ts"
import { nothingMore } from "../waiting.ts"

const server: ToolServer = {
  name: "effect",
  url: "http://127.0.0.1:1/",
  isTool: (title) => title === "lookup nonce",
  admit: Effect.die("unused")
}

const meta = { codex_approval_kind: "mcp_tool_call", tool_name: "lookup", tool_title: "lookup nonce" }

const question = (params: object = {}): ServerRequest => ({
  id: 1,
  method: "mcpServer/elicitation/request",
  params: {
    threadId: "thread",
    turnId: "turn",
    serverName: "effect",
    mode: "form",
    message: "Allow?",
    requestedSchema: { type: "object", properties: {} },
    _meta: meta,
    ...params
  }
})

describe("a question about one of the program's own tools", () => {
  it.effect("is accepted if it is codex's, about a tool that is registered, and asked in a turn of the program", () =>
    Effect.gen(function* () {
      const answer = yield* answerApproval(question(), true, server) ?? Effect.die("not ours")
      expect(answer).toEqual({ action: "accept", content: {}, _meta: null })
    })
  )

  const forged: ReadonlyArray<readonly [string, object]> = [
    ["has another nonce", { _meta: { ...meta, tool_title: "lookup" } }],
    ["is about a tool that is not registered", { _meta: { ...meta, tool_title: "wipe nonce" } }],
    ["is about nothing", { _meta: null }],
    ["is a question of another kind", { _meta: { ...meta, codex_approval_kind: "other" } }],
    [
      "wants something filled in",
      { requestedSchema: { type: "object", properties: { password: { type: "string" } } } }
    ],
    ["is a link", { mode: "url", url: "http://evil", elicitationId: "1" }],
    ["belongs to no turn", { turnId: null }]
  ]
  it.effect.each(forged)("is declined if it %s", ([, params]) =>
    Effect.gen(function* () {
      const answer = yield* answerApproval(question(params), true, server) ?? Effect.die("not ours")
      expect(answer.action).toBe("decline")
    })
  )

  it.effect("is declined if the turn is not the program's", () =>
    Effect.gen(function* () {
      const answer = yield* answerApproval(question(), false, server) ?? Effect.die("not ours")
      expect(answer.action).toBe("decline")
    })
  )

  it("is left to the policy if it is about another server, and where there are no such tools", () => {
    expect(answerApproval(question({ serverName: "other" }), true, server)).toBeUndefined()
    expect(answerApproval(question(), true, undefined)).toBeUndefined()
  })
})

describe("a call that codex has announced", () => {
  const call = { threadId: "thread", turnId: "turn", callId: "call", tool: "lookup", arguments: { sku: ["a", 1] } }
  const item = {
    type: "mcpToolCall" as const,
    id: "call",
    server: "effect",
    tool: "lookup",
    status: "inProgress" as const,
    arguments: { sku: ["a", 1] }
  }

  it.effect("counts once", () =>
    Effect.gen(function* () {
      const announced = makeAnnounced("effect")
      announced.itemStarted("thread", item)
      expect(yield* announced.claim(call)).toBe(true)
      expect(announced.sizes()).toEqual({ announcedThreads: 0, announcedWaiters: 0 })
      const again = yield* Effect.forkChild(announced.claim(call))
      yield* TestClock.adjust("10 seconds")
      expect(yield* Fiber.join(again)).toBe(false)
    })
  )

  it.effect("is waited for, as it can come before the announcement", () =>
    Effect.gen(function* () {
      const announced = makeAnnounced("effect")
      const claim = yield* Effect.forkChild(announced.claim(call))
      yield* nothingMore
      announced.itemStarted("thread", { ...item, id: "other" })
      announced.itemStarted("thread", item)
      expect(yield* Fiber.join(claim)).toBe(true)
      expect(announced.sizes()).toEqual({ announcedThreads: 1, announcedWaiters: 0 })
    })
  )

  const others: ReadonlyArray<readonly [string, object, string, object]> = [
    ["another thread", item, "other", {}],
    ["another id", item, "thread", { callId: "other" }],
    ["another tool", item, "thread", { tool: "wipe" }],
    ["other arguments", item, "thread", { arguments: { sku: ["a", 2] } }],
    ["another server", { ...item, server: "other" }, "thread", {}]
  ]
  it.effect.each(others)("is not the one of %s", ([, announcedItem, threadId, changes]) =>
    Effect.gen(function* () {
      const announced = makeAnnounced("effect")
      announced.itemStarted(threadId, { ...item, ...announcedItem })
      const claim = yield* Effect.forkChild(announced.claim({ ...call, ...changes }))
      yield* TestClock.adjust("10 seconds")
      expect(yield* Fiber.join(claim)).toBe(false)
    })
  )

  it.effect("is over with its item and with its turn, and nothing of it is kept", () =>
    Effect.gen(function* () {
      const announced = makeAnnounced("effect")
      announced.itemStarted("thread", item)
      announced.itemCompleted("thread", item)
      announced.itemStarted("thread", item)
      announced.endTurn("thread")
      const claim = yield* Effect.forkChild(announced.claim(call))
      yield* nothingMore
      yield* Fiber.interrupt(claim)
      expect(announced.sizes()).toEqual({ announcedThreads: 0, announcedWaiters: 0 })
    })
  )

  it.effect("has a response in its own form, whatever comes", () =>
    Effect.gen(function* () {
      for (const answer of [Effect.succeed({ nonsense: 1 }), Effect.fail("no"), Effect.succeed(undefined)]) {
        expect(yield* toResponse("lookup")(answer)).toMatchObject({ success: false })
      }
    })
  )
})
