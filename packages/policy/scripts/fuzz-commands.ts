/**
 * Runs generated command lines in real Bash, with stubs, and holds what ran against what the rules said:
 * `npm run fuzz:commands -- --seed N --count N`. Exits with 1 if anything ran that was declined by nobody.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import { parseArgs } from "node:util"
import { type Found, fuzz } from "../test/commandFuzz.ts"

const { values } = parseArgs({ options: { seed: { type: "string" }, count: { type: "string" } } })
const seed = Number(values.seed ?? "1")
const count = Number(values.count ?? "200000")

const told = ({ accepted, declined, fooled, lines, missed, ran, run }: Found) =>
  `${lines} lines, seed ${seed}; ${run} were run, and ${ran} of them ran what rules decline, of which ${missed.length} were ` +
  `missed; ${declined} declined; ${accepted} accepted as reading, of which ${fooled.length} ran something else\n`

const found = await Effect.runPromise(
  fuzz(seed, count, (soFar) => {
    if (soFar.lines % 10_000 === 0) process.stderr.write(told(soFar))
  }).pipe(Effect.provide(NodeServices.layer))
)
process.stdout.write(told(found))
for (const line of [...found.missed, ...found.fooled].slice(0, 200)) process.stdout.write(`${JSON.stringify(line)}\n`)
process.exitCode = found.missed.length + found.fooled.length === 0 ? 0 : 1
