import { assert, describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { makeLife } from "../../src/internal/turn/life.ts"

describe("who waits for the next change of a turn", () => {
  it.effect("waits for one change each time, though it waits again as soon as it is woken", () =>
    Effect.gen(function* () {
      const life = makeLife("m", { onNamed: () => {}, onEnded: () => {} })
      let changes = 0
      const waiting = yield* Effect.forkChild(
        Effect.gen(function* () {
          for (;;) {
            yield* life.nextChange
            changes++
            assert(changes < 10, "it was woken by a change that it had seen")
          }
        }),
        { startImmediately: true }
      )
      life.apply({ _tag: "Sent" })
      expect(changes).toBe(1)
      life.apply({ _tag: "Replied", turnId: "t" })
      expect(changes).toBe(2)
      yield* Fiber.interrupt(waiting)
    })
  )
})
