/**
 * Runs the fuzz test of paths: `npm run fuzz:paths -- --seed 1 --count 100000`. Exits with 1 if a line got around a rule.
 * `--from` starts with a later world, of 250 lines each, to reproduce a violation.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { fuzzOptions } from "../../../scripts/fuzz-options.ts"
import { fuzz } from "../test/pathFuzz.ts"

const options = fuzzOptions("fuzz:paths", { seed: 1, count: 10_000, from: 0 })

// Starts asynchronously, so that signals are handled from the first line on.
Effect.sleep(0).pipe(
  Effect.andThen(fuzz(options)),
  Effect.map(({ violations, ...report }) => {
    for (const violation of violations.slice(0, 20)) console.log(JSON.stringify(violation))
    console.log(JSON.stringify({ ...options, ...report, violations: violations.length }))
    if (violations.length > 0) process.exitCode = 1
  }),
  Effect.provide(Logger.layer([])),
  NodeRuntime.runMain
)
