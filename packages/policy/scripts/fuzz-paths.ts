/**
 * Runs the fuzz of paths: `npm run fuzz:paths -- --seed 1 --count 100000`. Ends with 1 if a line got around a rule.
 * `--from` starts with a later world, of 250 lines each, to see a violation again.
 */
import { parseArgs } from "node:util"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { fuzz } from "../test/pathFuzz.ts"

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    count: { type: "string", default: "10000" },
    from: { type: "string", default: "0" }
  }
})
const { violations, ...report } = await Effect.runPromise(
  fuzz({ seed: Number(values.seed), count: Number(values.count), from: Number(values.from) }).pipe(
    Effect.provide(Logger.layer([]))
  )
)
for (const violation of violations.slice(0, 20)) console.log(JSON.stringify(violation))
console.log(JSON.stringify({ ...values, ...report, violations: violations.length }))
if (violations.length > 0) process.exitCode = 1
