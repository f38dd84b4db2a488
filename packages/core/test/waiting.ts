/**
 * Waits in tests without a clock: for what happened, and not for a number of turns of the scheduler.
 */
import { MockAppServer } from "@effect-codex/core/testing"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import { TestClock } from "effect/testing"

/** Gives way to the other fibers until a condition holds, and fails when it does not after very many turns. */
export const until = (what: string, condition: () => boolean | Effect.Effect<boolean>): Effect.Effect<void> =>
  Effect.gen(function* () {
    for (let turns = 0; turns < maxTurns; turns++) {
      const holds = condition()
      if (typeof holds === "boolean" ? holds : yield* holds) return
      yield* Effect.yieldNow
    }
    return yield* Effect.die(new Error(`Waited in vain until ${what}`))
  })

/** Gives way to the other fibers until an assertion holds, and fails as the assertion does when it does not. */
export const eventually = (assertion: () => void): Effect.Effect<void> =>
  Effect.gen(function* () {
    for (let turns = 0; turns < maxTurns; turns++) {
      const result = Result.try(assertion)
      if (Result.isSuccess(result)) return
      yield* Effect.yieldNow
    }
    assertion()
  })

const maxTurns = 10_000

/**
 * Gives the other fibers as many turns as anything here takes several times over: for what must not happen, which cannot be
 * waited for.
 */
export const nothingMore: Effect.Effect<void> = Effect.asVoid(Effect.repeat(Effect.yieldNow, { times: 50 }))

/** Waits until the server in memory has received a request so many times. */
export const received = (method: string, times = 1) =>
  Effect.flatMap(MockAppServer.MockAppServer, (server) => receivedBy(server, method, times))

export const receivedBy = (server: MockAppServer.MockAppServer["Service"], method: string, times = 1) =>
  until(`${method} has arrived ${times} times`, () =>
    Effect.map(server.received, (messages) => messages.filter((message) => message.method === method).length >= times)
  )

/** Lets seconds of the test's clock pass until a fiber ends, and fails when so many are not enough. */
export const endsWithin = <A, E>(fiber: Fiber.Fiber<A, E>, seconds: number): Effect.Effect<void> =>
  Effect.gen(function* () {
    for (let second = 0; second < seconds && fiber.pollUnsafe() === undefined; second++) {
      yield* nothingMore
      yield* TestClock.adjust("1 second")
    }
    yield* until(`the fiber ends within ${seconds} s`, () => fiber.pollUnsafe() !== undefined)
  })
