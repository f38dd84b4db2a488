import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { run } from "./cluster/chaos.ts"
import { postgres } from "./postgres.ts"

// `npm run chaos` has more sessions and more faults.
it.live(
  "a cluster settles every job once when a runner is killed, one is stopped, and Postgres crashes",
  () =>
    Effect.gen(function* () {
      const server = yield* postgres
      const report = yield* run(server, {
        sessions: 4,
        jobs: 3,
        seed: 1,
        faults: ["kill", "postgres", "stop"],
        pause: 2000
      })
      expect(report.faults).toEqual([])
    }),
  3_600_000
)

it.live(
  "a rolling restart of a cluster settles every job once, and spends no attempt",
  () =>
    Effect.gen(function* () {
      const server = yield* postgres
      const report = yield* run(server, { sessions: 4, jobs: 3, seed: 2, faults: ["drain", "drain"], pause: 3000 })
      expect(report).toMatchObject({ faults: [], settled: { completed: 12 }, spent: 0 })
    }),
  3_600_000
)
