import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { fuzz } from "./commandFuzz.ts"

describe("whatever real Bash runs of a generated line", () => {
  it.live(
    "rules that decline it have declined the line, and the balanced mode accepts readers and commits alone",
    () =>
      Effect.gen(function* () {
        const { accepted, fooled, missed, ran } = yield* fuzz({ seed: 1, count: 1_000 })
        expect(missed).toEqual([])
        expect(fooled).toEqual([])
        expect(ran).toBeGreaterThan(20)
        expect(accepted).toBeGreaterThan(0)
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
    { timeout: 120_000 }
  )
})
