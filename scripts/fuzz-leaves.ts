/**
 * Spoils leaves of everything that the server says and asks: `npm run fuzz:leaves -- [--count N] [--seed N]`.
 *
 * Ends at the first leaf that costs more than it may, with the seed that finds it again. The tests do the same with fewer.
 */
import { fuzzLeaves } from "../packages/core/test/protocol/leaves.ts"
import { fuzzOptions } from "./fuzz-options.ts"

const { count, seed } = fuzzOptions("fuzz:leaves", { count: 100_000, seed: Date.now() % 1_000_000 })

const began = performance.now()
process.stdout.write(`seed ${seed}\n`)
const { declined, items, leaves, notifications, requests } = fuzzLeaves({ seed, count })
const seconds = Math.round((performance.now() - began) / 1000)
process.stdout.write(
  `${leaves} leaves of ${notifications} notifications and ${requests} requests in ${seconds} s: nothing lost, ${items} file changes whole, ${declined} requests declined\n`
)
