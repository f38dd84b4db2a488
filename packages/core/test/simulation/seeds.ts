/**
 * The simulation of the client over many seeds. It is split into files, so that they run side by side.
 */
import { Simulation } from "@effect-codex/core/testing"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { workload } from "./workload.ts"

/** As many in one test, so that a slow machine has time for each. */
const each = 100

/** No seed violates a law. A failure is shrunk, and has its seed and its steps. */
export const seeds = (first: number, count: number): void => {
  for (let seed = first; seed < first + count; seed += each) {
    it.live(
      `seeds ${seed} to ${seed + each - 1} violate no law`,
      () =>
        Effect.gen(function* () {
          const { failure } = yield* Simulation.explore({ ...workload, seed, seeds: each, steps: 60 })
          expect(failure && { seed: failure.seed, violation: failure.violation, steps: failure.steps }).toBeUndefined()
        }),
      120_000
    )
  }
}
