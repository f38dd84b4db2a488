/**
 * Leaves turns of the real codex in every way, at many moments, over every transport, and counts what went on afterwards.
 *
 *     npm run sweep:leave -- --count 200 [--transport Unix]
 */
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import { CodexTest } from "@effect-codex/core/testing"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { leaveOnce, leaves, script } from "../packages/core/test/turn/leaving.ts"
import { transports } from "../packages/core/test/transports.ts"

const count = Number(process.argv[process.argv.indexOf("--count") + 1] || 5)
const moments = [0, 1, 2, 5, 10, 20, 50, 100]
const events = Array.from({ length: 16 }, (_, index) => index + 1)

let failed = 0
const only = process.argv.includes("--transport") ? process.argv[process.argv.indexOf("--transport") + 1] : undefined

for (const [transport, layer] of Object.entries(transports)) {
  if (only !== undefined && !transport.includes(only)) continue
  console.log(`\n${transport}, ${count} times each\n`)
  console.log("| left | at | went on |\n|---|---|---|")
  // A server of its own for each row: one that has thousands of threads is slow.
  const provided = Layer.merge(PolicyEngine.layerDeclineAll, Layer.provideMerge(layer, CodexTest.layerHome(script)))
  for (const [name, leave] of Object.entries(leaves)) {
    for (const at of name.includes("event") ? events : moments) {
      const row = Effect.forEach(Array.from({ length: count }), (_, index) => leaveOnce(leave, at, `${at}-${index}`))
      const wrong = (await Effect.runPromise(Effect.provide(row, Layer.fresh(provided)))).flat()
      failed += wrong.length
      console.log(
        `| ${name} | ${at}${name.includes("event") ? "" : " ms"} | ${wrong.length} ${[...new Set(wrong)].join(", ")} |`
      )
    }
  }
}
console.log(`\n${failed} times something went on.`)
process.exitCode = failed === 0 ? 0 : 1
