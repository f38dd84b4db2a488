/**
 * Shows: the simulation finds the faults of two plausible programs, which are in `simulation/naive.ts`.
 *
 * It needs neither codex nor an account:   npm run example -- simulation
 */
import { Simulation } from "@effect-codex/core/testing"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { approvesByItem, onlyReads, promptsOnce, retriesAnything } from "./simulation/naive.ts"

const report = ({ runs, failure }: Effect.Success<ReturnType<typeof Simulation.explore>>) =>
  failure?.violation === undefined
    ? Console.log(`${runs} runs, and nothing found`)
    : Console.log(
        [
          `Seed ${failure.seed}: ${failure.violation.law}: ${failure.violation.text}`,
          ...failure.steps.map((step) => `  ${JSON.stringify(step)}`)
        ].join("\n")
      )

const program = Effect.gen(function* () {
  yield* Console.log("A program that tries a turn again after any error:")
  yield* report(yield* Simulation.explore({ program: retriesAnything, laws: [promptsOnce], seeds: 200 }))
  yield* Console.log("A policy that accepts by the id of the item:")
  const commands = ["git status", "rm -rf build"]
  yield* report(yield* Simulation.explore({ perRun: approvesByItem, commands, laws: [onlyReads], seeds: 200 }))
})

program.pipe(NodeRuntime.runMain)
