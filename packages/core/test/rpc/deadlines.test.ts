import { describe, expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { makeDeadlines } from "../../src/internal/rpc/deadlines.ts"
import { watch, type Watched } from "../../src/internal/turn/watchdog.ts"

const hour = 3_600_000

// A clock whose hands somebody moves. What really passes is the time of `base`.
const withMovableHands = Effect.map(Clock.Clock, (base) => {
  let moved = 0
  const clock: Clock.Clock = {
    ...base,
    sleep: (duration) => base.sleep(duration),
    monotonicTimeNanosUnsafe: () => base.monotonicTimeNanosUnsafe(),
    currentTimeMillisUnsafe: () => base.currentTimeMillisUnsafe() + moved,
    currentTimeMillis: Effect.sync(() => base.currentTimeMillisUnsafe() + moved),
    currentTimeNanosUnsafe: () => base.currentTimeNanosUnsafe() + BigInt(moved) * 1_000_000n,
    currentTimeNanos: Effect.sync(() => base.currentTimeNanosUnsafe() + BigInt(moved) * 1_000_000n)
  }
  return {
    clock,
    move: (millis: number) => {
      moved += millis
    }
  }
})

// A clock on which this process is suspended in its next sleep: more time passes than was asked for.
const withSuspension = (millis: number) =>
  Effect.map(Clock.Clock, (base) => {
    let suspended = 0n
    let next = BigInt(millis) * 1_000_000n
    const clock: Clock.Clock = {
      ...base,
      monotonicTimeNanosUnsafe: () => base.monotonicTimeNanosUnsafe() + suspended,
      currentTimeMillisUnsafe: () => base.currentTimeMillisUnsafe() + Number(suspended / 1_000_000n),
      sleep: (duration) =>
        Effect.tap(base.sleep(duration), () =>
          Effect.sync(() => {
            suspended += next
            next = 0n
          })
        )
    }
    return clock
  })

describe("deadlines", () => {
  for (const [where, by] of [
    ["an hour back", -hour],
    ["an hour forward", hour]
  ] as const) {
    it.effect(`are kept when the clock on the wall is set ${where}`, () =>
      Effect.gen(function* () {
        const { clock, move } = yield* withMovableHands
        const expired: Array<string> = []
        const deadlines = yield* Effect.provideService(makeDeadlines, Clock.Clock, clock)
        deadlines.add(3000, () => expired.push("first"))
        move(by)
        deadlines.add(3000, () => expired.push("second"))
        deadlines.add(1000, () => expired.push("third"))
        yield* TestClock.adjust(999)
        expect(expired).toEqual([])
        yield* TestClock.adjust(1)
        expect(expired).toEqual(["third"])
        yield* TestClock.adjust(1999)
        expect(expired).toEqual(["third"])
        yield* TestClock.adjust(1)
        expect(expired).toEqual(["third", "first", "second"])
      })
    )
  }

  it.effect("do not pass while this process is suspended, so that what came in the meantime is read first", () =>
    Effect.gen(function* () {
      const clock = yield* withSuspension(hour)
      const expired: Array<string> = []
      const deadlines = yield* Effect.provideService(makeDeadlines, Clock.Clock, clock)
      deadlines.add(1000, () => expired.push("due"))
      deadlines.add(3000, () => expired.push("later"))
      yield* TestClock.adjust(1000)
      expect(expired).toEqual(["due"])
      yield* TestClock.adjust(1999)
      expect(expired).toEqual(["due"])
      yield* TestClock.adjust(1)
      expect(expired).toEqual(["due", "later"])
    })
  )
})

describe("the watchdog", () => {
  const times = { silenceWarning: 1000, stallTimeout: 3000, retryWindow: 3000 }
  const quiet = (onSilent: (millis: number) => void = () => {}): Watched => ({
    movedAt: 0,
    retryingSince: undefined,
    isWaiting: () => false,
    isBusy: () => false,
    isAsked: () => false,
    onSilent,
    wake: undefined
  })

  it.effect("takes a silent turn for stalled in its own time when the clock on the wall is set back", () =>
    Effect.gen(function* () {
      const { clock, move } = yield* withMovableHands
      const stalled = yield* Deferred.make<string>()
      yield* watch(times, quiet(), Effect.succeed("runs")).pipe(
        Effect.flatMap(({ _tag }) => Deferred.succeed(stalled, _tag)),
        Effect.provideService(Clock.Clock, clock),
        Effect.forkChild
      )
      move(-hour)
      yield* TestClock.adjust(2999)
      expect(yield* Deferred.isDone(stalled)).toBe(false)
      yield* TestClock.adjust(1)
      expect(yield* Deferred.await(stalled)).toBe("Silence")
    })
  )

  it.effect("does not count the time in which this process was suspended", () =>
    Effect.gen(function* () {
      const silences: Array<number> = []
      const fiber = yield* watch(
        times,
        quiet((millis) => silences.push(millis)),
        Effect.succeed("runs")
      ).pipe(Effect.provideService(Clock.Clock, yield* withSuspension(hour)), Effect.forkChild)
      yield* TestClock.adjust(1000)
      expect(silences).toEqual([1000])
      yield* TestClock.adjust(1999)
      expect(fiber.pollUnsafe()).toBeUndefined()
      yield* TestClock.adjust(1)
      expect(yield* Fiber.join(fiber)).toEqual({ _tag: "Silence", millis: 3000 })
    })
  )
})
