/**
 * Runs generated command lines in real Bash, with stubs, and holds what ran against what the rules said:
 * `npm run fuzz:commands -- --seed 1 --count 200000`. A line that ran although nothing declined it is told at once, and how
 * far it is goes to standard error. `--from` skips lines, to go on where it was ended. Exits with 1 if there was such a line.
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

// Signals are listened to once it has begun.
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
