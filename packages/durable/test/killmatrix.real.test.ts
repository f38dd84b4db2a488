import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { quick, run } from "./killmatrix/matrix.ts"

// `npm run killmatrix` runs every victim at every point, with three seeds.
it.live(
  "whoever is killed, and at whichever point: each prompt reaches the model once, and nothing is lost",
  () =>
    Effect.map(Effect.forEach(quick, run, { concurrency: 3 }), (reports) =>
      expect(reports.filter(({ faults }) => faults.length > 0)).toEqual([])
    ),
  3_600_000
)
