/**
 * Runs generated command lines in real Bash with stubs, and compares the programs that ran with the decisions of the rules:
 * `npm run fuzz:commands -- --seed 1 --count 200000`. Prints each line that got around the rules at once, and its progress to
 * standard error. `--from` skips lines, to continue an earlier run. Exits with 1 if any line got around the rules.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import { fuzzOptions } from "../../../scripts/fuzz-options.ts"
import { type Found, fuzz } from "../test/commandFuzz.ts"

const { count, from, seed } = fuzzOptions("fuzz:commands", { seed: 1, count: 200_000, from: 0 })

const told = ({ accepted, declined, fooled, lines, missed, ran, run }: Found) =>
  `seed ${seed}, lines ${from} to ${from + lines}; ${run} were run, and ${ran} of them ran what rules decline, of which ` +
  `${missed.length} were missed; ${declined} declined; ${accepted} accepted as reading, of which ${fooled.length} ran ` +
  "something else\n"

const onBatch = (soFar: Found, wrong: ReadonlyArray<string>) => {
  for (const line of wrong) process.stdout.write(`${JSON.stringify(line)}\n`)
  if (soFar.lines % 1_000 === 0) process.stderr.write(told(soFar))
}

// Starts asynchronously, so that signals are handled from the first line on.
Effect.sleep(0).pipe(
  Effect.andThen(fuzz({ seed, count, from }, onBatch)),
  Effect.map((found) => {
    process.stdout.write(told(found))
    process.exitCode = found.missed.length + found.fooled.length === 0 ? 0 : 1
  }),
  Effect.scoped,
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain
)
