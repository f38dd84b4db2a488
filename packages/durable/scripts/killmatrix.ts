/**
 * Runs the kill matrix: `npm run killmatrix`, or a part with `-- --quick`, `-- --point NAME`, `-- --victim NAME`, over Postgres with `-- --store postgres`.
 * Prints the table of the documents at the end. `-- --random 50 --seed 1` kills at random moments instead, so many times. Ends with
 * 1 if something does not hold.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import { parseArgs } from "node:util"
import * as Random from "../test/killmatrix/random.ts"
import { places, quick, type Report, run } from "../test/killmatrix/matrix.ts"
import { type Point, points, type Victim, victims } from "../test/killmatrix/points.ts"
import { postgres } from "../test/postgres.ts"

const { values } = parseArgs({
  options: {
    store: { type: "string", default: "sqlite" },
    quick: { type: "boolean", default: false },
    point: { type: "string" },
    victim: { type: "string" },
    seeds: { type: "string", default: "3" },
    jobs: { type: "string", default: "3" },
    random: { type: "string" },
    seed: { type: "string", default: "1" }
  }
})

const all = (values.quick ? quick : places(Number(values.seeds))).filter(
  ({ point, victim }) =>
    (values.point === undefined || point === values.point) && (values.victim === undefined || victim === values.victim)
)

let faulty = 0
const reports: Array<Report> = []

/** How often the attempts of a job ended in a way, for each victim. */
const table = (): string => {
  const cell = (point: Point, victim: Victim) => {
    const counts = new Map<string, number>()
    for (const report of reports.filter((one) => one.point === point && one.victim === victim)) {
      const shown = report.isPromptUncertain ? ", twice" : ""
      const text = report.faults.length > 0 ? "FAULT" : `${report.ends.join(", ")}${shown}`
      counts.set(text, (counts.get(text) ?? 0) + 1)
    }
    return Array.from(counts, ([text, count]) => `${count} × ${text}`).join("; ")
  }
  return [
    `| point | ${victims.join(" | ")} |`,
    `|---|${victims.map(() => "---|").join("")}`,
    ...points.map((point) => `| \`${point}\` | ${victims.map((victim) => cell(point, victim)).join(" | ")} |`)
  ].join("\n")
}
const atRandom = Effect.forEach(
  Array.from({ length: Number(values.random ?? 0) }, (_, index) => Number(values.seed) + index),
  (seed) =>
    Effect.map(Random.run(seed), ({ attempts, faults, kills, outcomes }) => {
      if (faults.length > 0) faulty++
      const ends = Object.entries(outcomes).map(([how, count]) => `${count} ${how}`)
      const how = `${kills} kills, ${attempts} attempts: ${ends.join(", ")}`
      console.log(`${faults.length === 0 ? "ok   " : "FAULT"} seed ${seed}: ${how}`)
      for (const fault of faults) console.log(`      ${fault}`)
    }),
  { concurrency: Number(values.jobs) }
).pipe(Effect.map(({ length }) => length))

const host = values.store === "postgres" ? Effect.map(postgres, ({ host }) => host) : Effect.undefined
const onStore = (host: string | undefined) =>
  Effect.forEach(
    all,
    (place) =>
      Effect.map(run(place, host), (report) => {
        const { ends, faults, isPromptUncertain, point, seed, victim } = report
        reports.push(report)
        if (faults.length > 0) faulty++
        const shown = isPromptUncertain ? ", the prompt may stand twice in the history" : ""
        console.log(
          `${faults.length === 0 ? "ok   " : "FAULT"} ${point}, ${victim}, seed ${seed}: ${ends.join(" → ")}${shown}`
        )
        for (const fault of faults) console.log(`      ${fault}`)
      }),
    { concurrency: Number(values.jobs), discard: true }
  )
const matrix = Effect.flatMap(host, onStore).pipe(
  Effect.scoped,
  Effect.andThen(Effect.sync(() => console.log(`\n${table()}\n`))),
  Effect.as(all.length)
)

const chosen: Effect.Effect<number, { readonly message: string }> = values.random === undefined ? matrix : atRandom
Effect.flatMap(chosen, (length) =>
  Effect.sync(() => {
    console.log(`${length} runs, ${faulty} with faults`)
    if (faulty > 0) process.exitCode = 1
  })
).pipe(NodeRuntime.runMain)
