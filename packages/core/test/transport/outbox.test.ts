import { ConnectionFailed } from "@effect-codex/core/CodexError"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { makeOutbox } from "../../src/internal/transport/outbox.ts"
import { nothingMore } from "../waiting.ts"

const gone = new ConnectionFailed({ reason: { _tag: "Closed", description: "gone" }, stderr: [] })

describe("the outbox", () => {
  it.effect("hands over the lines of one moment in one piece, to a writer that was waiting too", () =>
    Effect.gen(function* () {
      const outbox = makeOutbox(100)
      const fiber = yield* Effect.forkChild(outbox.pull, { startImmediately: true })
      for (const line of ["a", "b", "c"]) outbox.write(line)
      expect(yield* Fiber.join(fiber)).toEqual(["a", "b", "c"])
      outbox.write("d")
      expect(yield* outbox.pull).toEqual(["d"])
    })
  )

  it.effect("has room until the limit is passed, and again when what was queued is taken", () =>
    Effect.gen(function* () {
      const outbox = makeOutbox(10)
      yield* outbox.room
      outbox.write("x".repeat(11))
      const waiting = yield* Effect.forEach([1, 2, 3], () => Effect.forkChild(outbox.room))
      yield* nothingMore
      expect(waiting.every((fiber) => fiber.pollUnsafe() === undefined)).toBe(true)
      yield* outbox.pull
      for (const fiber of waiting) yield* Fiber.join(fiber)
    })
  )

  it.effect("tells whether there is room without waiting for it", () =>
    Effect.gen(function* () {
      const outbox = makeOutbox(10)
      outbox.write("x".repeat(10))
      expect(outbox.hasRoom()).toBe(true)
      yield* outbox.room
      outbox.write("x")
      expect(outbox.hasRoom()).toBe(false)
      yield* outbox.pull
      expect(outbox.hasRoom()).toBe(true)
      outbox.end(gone)
      expect(outbox.hasRoom()).toBe(false)
    })
  )

  it.effect("ends for a writer that was waiting too", () =>
    Effect.gen(function* () {
      const outbox = makeOutbox(10)
      const waiting = yield* Effect.forkChild(Effect.flip(Effect.asVoid(outbox.pull)), { startImmediately: true })
      outbox.end(gone)
      expect(Cause.isDone(yield* Fiber.join(waiting))).toBe(true)
    })
  )

  it.effect("gives out what was queued before its end, and nothing after it", () =>
    Effect.gen(function* () {
      const outbox = makeOutbox(10)
      outbox.write("last")
      outbox.end(gone)
      outbox.write("late")
      expect(yield* outbox.pull).toEqual(["last"])
      expect(Cause.isDone(yield* Effect.flip(Effect.asVoid(outbox.pull)))).toBe(true)
      expect(yield* Effect.flip(outbox.room)).toBe(gone)
    })
  )

  it.effect("drops what was queued when there is nobody to read it, and tells those who wait for room", () =>
    Effect.gen(function* () {
      const outbox = makeOutbox(1)
      outbox.write("long line")
      const waiting = yield* Effect.forkChild(Effect.flip(outbox.room), { startImmediately: true })
      outbox.fail(gone)
      expect(yield* Fiber.join(waiting)).toBe(gone)
      expect(Cause.isDone(yield* Effect.flip(Effect.asVoid(outbox.pull)))).toBe(true)
    })
  )
})
