import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { quick, run, type Run } from "./killmatrix/matrix.ts"
import * as Random from "./killmatrix/random.ts"
import { postgres } from "./postgres.ts"

// `npm run killmatrix -- --random 50` takes more seeds.
it.live(
  "at random moments, while two clients send, decide, interrupt and remove: the same",
  () =>
    Effect.map(Effect.forEach([1, 2], Random.run, { concurrency: 2 }), (reports) =>
      expect(reports.flatMap(({ faults }) => faults)).toEqual([])
    ),
  3_600_000
)

// `npm run killmatrix` runs every victim at every point, with three seeds.
it.live(
  "whoever is killed, and at whichever point: each prompt reaches the model once, and nothing is lost",
  () =>
    Effect.map(
      Effect.forEach(quick, (place) => run(place), { concurrency: 3 }),
      (reports) =>
        expect(
          reports.flatMap(({ faults, point, seed, victim }) =>
            faults.map((fault) => `${point}, ${victim}, ${seed}: ${fault}`)
          )
        ).toEqual([])
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
