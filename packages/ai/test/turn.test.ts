import { SlowConsumer } from "@effect-codex/core/CodexError"
import type { Notification } from "@effect-codex/core/Notification"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import type { Thread, TurnHandle } from "@effect-codex/core/Thread"
import type { ToolCallHandler } from "@effect-codex/core/ServerRequest"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import * as Turn from "../src/internal/turn.ts"

const call = { threadId: "t", turnId: "u", callId: "c", namespace: null, tool: "add", arguments: {} }
const delta = (text: string) =>
  ({
    method: "item/agentMessage/delta",
    params: { threadId: "t", turnId: "u", itemId: "m", delta: text }
  }) as Notification
const announced = {
  method: "item/started",
  params: { threadId: "t", turnId: "u", item: { type: "dynamicToolCall", id: "c", tool: "add", status: "inProgress" } }
} as Notification

/** A turn that says these notifications at once. */
const started = Effect.fnUntraced(function* (
  notifications: Stream.Stream<Notification, SlowConsumer>,
  policy: PolicyEngine.Engine = PolicyEngine.declineAll
) {
  let onToolCall: ToolCallHandler | undefined
  let engine: PolicyEngine.Engine = policy
  const handle = { id: "u", threadId: "t", notifications, result: Effect.never } as unknown as TurnHandle
  const thread = {
    id: "t",
    turn: (input: { readonly onToolCall: ToolCallHandler }) =>
      Effect.map(PolicyEngine.PolicyEngine, (given) => {
        onToolCall = input.onToolCall
        engine = given
        return handle
      })
  } as unknown as Thread
  const scope = yield* Effect.scope
  const turn = yield* Turn.start(thread, { prompt: "Hello" }, policy, scope, () => {})
  return {
    turn,
    engine: () => engine,
    calls: (params = call) => onToolCall?.(params) ?? Effect.die("no handler")
  }
})

describe("a running turn", () => {
  it.effect("tells a call after everything that codex said before it, whichever comes first", () =>
    Effect.gen(function* () {
      const said = Array.from({ length: 5000 }, (_, index) => delta(`${index} `))
      const { calls, turn } = yield* started(Stream.concat(Stream.fromArray([...said, announced]), Stream.never))
      yield* Effect.forkChild(calls(), { startImmediately: true })
      const events: Array<string> = []
      while (events.at(-1) !== "Called") events.push((yield* Queue.take(turn.events))._tag)
      expect(events).toHaveLength(5002)
    }).pipe(Effect.scoped)
  )

  it.effect("tells a call whose announcement has come already", () =>
    Effect.gen(function* () {
      const { calls, turn } = yield* started(Stream.concat(Stream.fromArray([announced]), Stream.never))
      expect((yield* Queue.take(turn.events))._tag).toBe("Said")
      const waiting = yield* Effect.forkChild(calls(), { startImmediately: true })
      expect((yield* Queue.take(turn.events))._tag).toBe("Called")
      const response = { success: true, contentItems: [] }
      expect(turn.answer("c", response)).toBe(true)
      expect(yield* Fiber.join(waiting)).toBe(response)
      expect(turn.answer("c", response)).toBe(false)
    }).pipe(Effect.scoped)
  )

  it.effect("answers every call of one id", () =>
    Effect.gen(function* () {
      const { calls, turn } = yield* started(Stream.concat(Stream.fromArray([announced, announced]), Stream.never))
      const both = yield* Effect.forkChild(Effect.all([calls(), calls()], { concurrency: 2 }), {
        startImmediately: true
      })
      while ((yield* Queue.take(turn.events))._tag !== "Called");
      const response = { success: true, contentItems: [] }
      expect(turn.answer("c", response)).toBe(true)
      expect(yield* Fiber.join(both)).toEqual([response, response])
    }).pipe(Effect.scoped)
  )

  it.effect("ends with the failure of its notifications, as something is missing then", () =>
    Effect.gen(function* () {
      const slow = new SlowConsumer({ unread: 1, unit: "bytes" })
      const { turn } = yield* started(Stream.concat(Stream.fromArray([delta("a")]), Stream.fail(slow)))
      expect((yield* Queue.take(turn.events))._tag).toBe("Said")
      const ended = yield* Queue.take(turn.events)
      expect(ended).toMatchObject({ _tag: "Ended", exit: { _tag: "Failure" } })
    }).pipe(Effect.scoped)
  )

  it.effect("is decided on by the engine that was named last", () =>
    Effect.gen(function* () {
      const { engine, turn } = yield* started(Stream.never, PolicyEngine.acceptAll)
      const request: PolicyEngine.Request<"toolCall"> = {
        kind: "toolCall",
        params: call,
        threadId: "t",
        turnId: "u",
        item: undefined,
        availableDecisions: undefined
      }
      expect(yield* engine().toolCall(request)).toMatchObject({ decision: "accept" })
      turn.decideWith(PolicyEngine.declineAll)
      expect(yield* engine().toolCall(request)).toMatchObject({ decision: "decline" })
    }).pipe(Effect.scoped)
  )
})
