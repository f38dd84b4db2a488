import { describe, expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import * as Conversations from "../src/internal/conversations.ts"

/** A table, and which of its entries were released. */
const table = Effect.fnUntraced(function* (capacity = 10) {
  const released: Array<string> = []
  const conversations = yield* Conversations.make<string>(capacity)
  const entry = (value: string, wait: Effect.Effect<void> = Effect.void) => ({
    value,
    release: Effect.andThen(
      wait,
      Effect.sync(() => {
        released.push(value)
      })
    )
  })
  return { conversations, entry, released }
})

describe("the table of conversations", () => {
  it.effect("gives up all but one of those with the same key that are put in at once", () =>
    Effect.gen(function* () {
      const { conversations, entry, released } = yield* table()
      const gate = yield* Deferred.make<void>()
      const put = yield* Effect.forkChild(
        Effect.forEach(
          ["a", "b", "c", "d", "e"],
          (name) => conversations.put("key", entry(name, Deferred.await(gate))),
          { concurrency: "unbounded" }
        ),
        { startImmediately: true }
      )
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(put)
      yield* Effect.yieldNow
      const kept = conversations.take("key")
      expect([...released, kept].toSorted()).toEqual(["a", "b", "c", "d", "e"])
    }).pipe(Effect.scoped)
  )

  it.effect("lets nobody wait for the release of another conversation", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { conversations, entry } = yield* Scope.provide(table(1), scope)
      const gate = yield* Deferred.make<void>()
      yield* conversations.put("key", entry("a", Deferred.await(gate)))
      yield* conversations.put("key", entry("b", Deferred.await(gate)))
      yield* conversations.put("other", entry("c"))
      expect([conversations.peek("key"), conversations.peek("other")]).toEqual([undefined, "c"])
      yield* Deferred.succeed(gate, undefined)
      yield* Scope.close(scope, Exit.void)
    })
  )

  it.effect("keeps no timer of a conversation that was taken", () =>
    Effect.gen(function* () {
      const { conversations, entry, released } = yield* table()
      let running = 0
      const lifetime = Duration.minutes(1)
      const clock = yield* TestClock.make()
      const counting: typeof clock = {
        ...clock,
        sleep: (duration) => {
          running++
          return Effect.ensuring(
            clock.sleep(duration),
            Effect.sync(() => running--)
          )
        }
      }
      yield* Effect.gen(function* () {
        for (let index = 0; index < 1000; index++) {
          yield* conversations.put("key", entry("a"), lifetime)
          yield* Effect.yieldNow
          expect(conversations.take("key")).toBe("a")
        }
        yield* conversations.put("last", entry("last"), lifetime)
        yield* Effect.yieldNow
      }).pipe(Effect.provideService(Clock.Clock, counting))
      expect(running).toBe(1)
      yield* clock.adjust(lifetime)
      expect(released).toEqual(["last"])
      expect(conversations.size()).toBe(0)
    }).pipe(Effect.scoped)
  )

  it.effect("releases at once what comes after it has closed", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { conversations, entry, released } = yield* Scope.provide(table(), scope)
      yield* conversations.put("a", entry("a"))
      yield* Scope.close(scope, Exit.void)
      yield* conversations.put("b", entry("b"))
      expect(released).toEqual(["a", "b"])
      expect(conversations.size()).toBe(0)
    })
  )
})
