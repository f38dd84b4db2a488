/**
 * Runs the kill matrix: `npm run killmatrix`, or a part with `-- --quick`, `-- --point NAME`, over Postgres with `-- --store postgres`. Ends with 1 if something does not
 * hold.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import { parseArgs } from "node:util"
import { postgres } from "../test/postgres.ts"
import { places, quick, run } from "../test/killmatrix/matrix.ts"

const { values } = parseArgs({
  options: {
    store: { type: "string", default: "sqlite" },
    quick: { type: "boolean", default: false },
    point: { type: "string" },
    seeds: { type: "string", default: "3" },
    jobs: { type: "string", default: "2" }
  }
})

const all = (values.quick ? quick : places(Number(values.seeds))).filter(
  ({ point }) => values.point === undefined || point === values.point
)

let faulty = 0
const host = values.store === "postgres" ? Effect.map(postgres, ({ host }) => host) : Effect.undefined
Effect.flatMap(host, (host) =>
  Effect.forEach(
    all,
    (place) =>
      Effect.map(run(place, host), ({ ends, faults, isPromptUncertain, point, seed, victim }) => {
        if (faults.length > 0) faulty++
        const shown = isPromptUncertain ? ", the prompt may stand twice in the history" : ""
        console.log(
          `${faults.length === 0 ? "ok   " : "FAULT"} ${point}, ${victim}, seed ${seed}: ${ends.join(" → ")}${shown}`
        )
        for (const fault of faults) console.log(`      ${fault}`)
      }),
    { concurrency: Number(values.jobs), discard: true }
  )
).pipe(
  Effect.scoped,
  Effect.andThen(
    Effect.sync(() => {
      console.log(`${all.length} runs, ${faulty} with faults`)
      if (faulty > 0) process.exitCode = 1
    })
  ),
  NodeRuntime.runMain
)
