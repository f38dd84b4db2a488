/**
 * Starts a process that fails on command instead of codex, and looks what becomes of the program, for each kind of fault at each
 * moment:
 *
 *     npm run faults -- [--seeds 1] [--only WORDS] [--record]
 *
 * Prints a table, and exits with 1 if anything is not as it has to be. `--record` writes down anew how codex behaves
 * without a fault.
 */
import { writeFileSync } from "node:fs"
import * as Effect from "effect/Effect"
import { cells, kinds, moments, recording, type Result, runCell } from "../packages/core/test/faults/cells.ts"
import { record } from "../packages/core/test/faults/record.ts"

const after = (name: string): string | undefined => {
  const index = process.argv.indexOf(`--${name}`)
  return index < 0 ? undefined : process.argv[index + 1]
}

if (process.argv.includes("--record")) {
  const entries = await Effect.runPromise(record)
  writeFileSync(recording, `${JSON.stringify(entries, undefined, 2)}\n`)
}

const seeds = Number(after("seeds") ?? 1)
const only = after("only")
const chosen = Array.from({ length: seeds }, (_, index) => index + 1).flatMap((seed) =>
  cells
    .filter(({ kind, moment }) => only === undefined || `${kind}, ${moment}`.includes(only))
    .map((cell) => ({ ...cell, seed }))
)

const began = performance.now()
const results: Array<Result> = []
// The streams of this process itself are handles as soon as they are used.
process.stdout.write("")
process.stderr.write("")
const handles = process.getActiveResourcesInfo()
await Effect.runPromise(
  Effect.forEach(
    chosen,
    ({ kind, moment, seed }) =>
      Effect.map(runCell(kind, moment, seed), (result) => {
        results.push(result)
        for (const what of result.wrong)
          process.stderr.write(`${result.kind}, ${result.moment}, seed ${result.seed}: ${what}\n`)
      }),
    { concurrency: Number(after("concurrency") ?? 6), discard: true }
  )
)

console.log(`| | ${moments.join(" | ")} |\n|${"---|".repeat(moments.length + 1)}`)
for (const kind of Object.keys(kinds)) {
  const row = moments.map((moment) => {
    const own = results.filter((result) => result.kind === kind && result.moment === moment)
    const wrong = own.filter((result) => result.wrong.length > 0).length
    return own.length === 0 ? "" : wrong === 0 ? `${own.length} ok` : `${wrong} of ${own.length} wrong`
  })
  if (row.some((cell) => cell !== "")) console.log(`| ${kind} | ${row.join(" | ")} |`)
}
const wrong = results.filter((result) => result.wrong.length > 0).length
const leftNow = () => {
  const left = process.getActiveResourcesInfo()
  for (const handle of handles) if (left.includes(handle)) left.splice(left.indexOf(handle), 1)
  return left
}
// Node closes the handles of an ended process in later turns of its event loop. A handle that is leaked stays.
const closing = leftNow()
for (let waited = 0; leftNow().length > 0 && waited < 200; waited++) await new Promise((done) => setTimeout(done, 50))
const left = leftNow()
const slowest = results.toSorted((a, b) => b.millis - a.millis)[0]
console.log(
  `\n${results.length} runs, ${wrong} wrong, ${closing.length} handles closing, ${left.length} left${left.length === 0 ? "" : ` (${left.join(", ")})`}, in ${((performance.now() - began) / 1000).toFixed(0)} s` +
    (slowest === undefined
      ? ""
      : `; the slowest ${slowest.kind}, ${slowest.moment}: ${(slowest.millis / 1000).toFixed(1)} s`)
)
process.exitCode = wrong === 0 && left.length === 0 ? 0 : 1
