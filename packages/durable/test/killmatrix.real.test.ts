import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { quick, run, type Run } from "./killmatrix/matrix.ts"
import { postgres } from "./postgres.ts"

// `npm run killmatrix` runs every victim at every point, with three seeds.
it.live(
  "whoever is killed, and at whichever point: each prompt reaches the model once, and nothing is lost",
  () =>
    Effect.map(
      Effect.forEach(quick, (place) => run(place), { concurrency: 3 }),
      (reports) => expect(reports.filter(({ faults }) => faults.length > 0)).toEqual([])
    ),
  3_600_000
)

// All of them: `npm run killmatrix -- --store postgres`.
const overPostgres: ReadonlyArray<Run> = [
  { point: "promptSent", victim: "owner", seed: 0 },
  { point: "midStream", victim: "server", seed: 1 },
  { point: "verdictUsed", victim: "both", seed: 0 }
]

it.live(
  "over Postgres too",
  () =>
    Effect.gen(function* () {
      const { host } = yield* postgres
      const reports = yield* Effect.forEach(overPostgres, (place) => run(place, host), { concurrency: 3 })
      expect(reports.filter(({ faults }) => faults.length > 0)).toEqual([])
    }),
  3_600_000
)
