import type { Notification } from "@effect-codex/core/Notification"
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import { TestClock } from "effect/testing"
import type { StreamPartEncoded } from "effect/ai/Response"
import * as Conversations from "../src/internal/conversations.ts"
import type { Conversation, Opened, Request, Setting } from "../src/internal/open.ts"
import { makeMemory } from "../src/internal/parts.ts"
import { read } from "../src/internal/read.ts"
import type { Event } from "../src/internal/turn.ts"
import * as Usage from "../src/internal/usage.ts"

const output = {
  _tag: "Said",
  notification: {
    method: "item/commandExecution/outputDelta",
    params: { threadId: "t", turnId: "u", itemId: "c", delta: "talk" }
  } as Notification
} as const

describe("a response with calls", () => {
  it.effect("ends in time, while a command of codex talks without end", () =>
    Effect.gen(function* () {
      const events = yield* Queue.unbounded<Event>()
      const setting = {
        codex: { thread: { unsubscribe: () => Effect.void } },
        conversations: yield* Conversations.make<Conversation>(1),
        holdTimeout: Duration.minutes(1)
      } as unknown as Setting
      const request: Request = {
        method: "generateText",
        messages: [],
        tools: [],
        declared: new Set(),
        outputSchema: undefined
      }
      const opened = {
        thread: { id: "t" },
        turn: { id: "u", events, close: Effect.void },
        key: "",
        format: "",
        memory: makeMemory(),
        reported: Usage.none
      } as unknown as Opened
      const span = yield* Effect.makeSpan("test")
      const pull = read(setting, request, opened, { turn: undefined, thread: undefined, isKept: false }, span)
      const parts: Array<StreamPartEncoded["type"]> = []
      const reading = yield* Effect.gen(function* () {
        while (parts.at(-1) !== "finish") parts.push(...(yield* pull).map(({ type }) => type))
      }).pipe(Effect.forkChild({ startImmediately: true }))
      const call = { threadId: "t", turnId: "u", callId: "1", namespace: null, tool: "add", arguments: {} }
      yield* Queue.offer(events, { _tag: "Called", call })
      for (let millis = 0; millis < 200; millis += 10) {
        yield* Queue.offer(events, output)
        yield* TestClock.adjust("10 millis")
      }
      yield* Fiber.join(reading)
      expect(parts).toEqual(["response-metadata", "tool-call", "finish"])
    }).pipe(Effect.scoped)
  )
})
