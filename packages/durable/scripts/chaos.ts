/**
 * Runs a cluster of three runners through faults: `npm run chaos -- --sessions 60 --jobs 5 --seed 1 --faults 20`, or a rolling restart
 * with `-- --rolling`. Ends with 1 if something does not hold.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import { parseArgs } from "node:util"
import { type Fault, random, run } from "../test/cluster/chaos.ts"
import { postgres } from "../test/postgres.ts"

const { values } = parseArgs({
  options: {
    sessions: { type: "string", default: "60" },
    jobs: { type: "string", default: "5" },
    seed: { type: "string", default: "1" },
    faults: { type: "string", default: "20" },
    pause: { type: "string", default: "5000" },
    rolling: { type: "boolean", default: false }
  }
})

const next = random(Number(values.seed) + 1000)
const kinds: ReadonlyArray<Fault> = values.rolling ? ["drain"] : ["kill", "kill", "stop", "postgres"]
const faults = Array.from({ length: Number(values.faults) }, () => kinds[Math.floor(next() * kinds.length)] ?? "kill")

Effect.gen(function* () {
  const server = yield* postgres
  const report = yield* run(server, {
    sessions: Number(values.sessions),
    jobs: Number(values.jobs),
    seed: Number(values.seed),
    faults,
    pause: Number(values.pause),
    log: (line) => console.log(line)
  })
  console.log(JSON.stringify({ ...report, faults: report.faults.length }))
  for (const fault of report.faults) console.log(`FAULT ${fault}`)
  if (report.faults.length > 0 || (values.rolling && report.spent > 0)) process.exitCode = 1
}).pipe(Effect.scoped, NodeRuntime.runMain)
