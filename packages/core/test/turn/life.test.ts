import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { makeLife } from "../../src/internal/turn/life.ts"

describe("who waits for a change of a turn's life", () => {
  it.effect("and waits again at once, is told of each change once", () =>
    Effect.gen(function* () {
      const life = makeLife("mine", { onNamed: () => {}, onEnded: () => {} })
      const seen: Array<string> = []
      yield* Effect.gen(function* () {
        while (seen.length < 100) {
          yield* life.nextChange
          seen.push(life.state().phase)
        }
      }).pipe(Effect.forkChild({ startImmediately: true }))
      life.apply({ _tag: "Sent" })
      expect(seen).toEqual(["starting"])
      life.apply({ _tag: "Replied", turnId: "o" })
      expect(seen).toEqual(["starting", "running"])
    })
  )
})
