import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import { CodexTest } from "@effect-codex/core/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { leaveOnce, leaves, script } from "./leaving.ts"
import { transports } from "../transports.ts"

// `npm run sweep:leave` does the same at more moments and many times.
describe("law 4: when a leave returns, the turn is over", () => {
  for (const [transport, layer] of Object.entries(transports)) {
    for (const [name, leave] of Object.entries(leaves)) {
      it.live(`over ${transport}: ${name} a moment`, () =>
        Effect.gen(function* () {
          for (const at of [0, 1, 5, 20, 50]) {
            expect(yield* leaveOnce(leave, at, `at-${at}`), `at ${at}`).toEqual([])
          }
        }).pipe(
          Effect.provide(
            Layer.merge(PolicyEngine.layerDeclineAll, Layer.provideMerge(layer, CodexTest.layerHome(script)))
          )
        )
      )
    }
  }
})
