/**
 * Simulates the client of this package: `npm run sim -- [--seeds N] [--seed S] [--steps M]`, and `--replay FILE` for a run that
 * an earlier one has written.
 *
 * Each seed is a run of its own. The first violation of a law is shrunk, written to a file, and printed with its trace; then
 * the exit code is 1.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { parseArgs } from "node:util"
import * as Simulation from "@effect-codex/core/testing/Simulation"
import { Step } from "@effect-codex/core/testing/SimulationStep"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { workload } from "../packages/core/test/simulation/workload.ts"

const Replay = Schema.Struct({ seed: Schema.Int, steps: Schema.Array(Step) })
const folder = "node_modules/.cache/simulation"

const print = (text: string) => process.stdout.write(`${text}\n`)
const usage = (): never => {
  process.stderr.write("Usage: npm run sim -- [--seeds NUMBER] [--seed NUMBER] [--steps NUMBER] | --replay FILE\n")
  return process.exit(2)
}
const read = () => {
  try {
    const options = { seeds: { type: "string" }, seed: { type: "string" }, steps: { type: "string" } } as const
    return parseArgs({ options: { ...options, replay: { type: "string" } } }).values
  } catch {
    return usage()
  }
}
const count = (text: string | undefined, byDefault: number): number => {
  if (text === undefined) return byDefault
  return /^[1-9]\d{0,8}$/.test(text) ? Number(text) : usage()
}

const told = ({ seed, steps, violation }: Simulation.Report) =>
  print(`seed ${seed}: ${violation?.law ?? "no law is violated"}\n${violation?.text ?? ""}\n${steps.length} steps`)

const replay = Effect.fn("replay")(function* (file: string) {
  const { seed, steps } = yield* Schema.decodeUnknownEffect(Schema.fromJsonString(Replay))(readFileSync(file, "utf8"))
  const report = yield* Simulation.run({ ...workload, seed, steps, trace: true })
  for (const line of report.trace) print(line)
  told(report)
  return report.violation === undefined
})

const explore = Effect.fn("explore")(function* (options: { seeds: number; seed: number; steps: number }) {
  const began = performance.now()
  const sums = { steps: 0, turns: 0, approvals: 0, calls: 0, messages: 0, virtualMillis: 0 }
  const { failure, runs } = yield* Simulation.explore({
    ...workload,
    ...options,
    onReport: ({ approvals, calls, messages, ran, seed, turns, virtualMillis }) => {
      sums.steps += ran
      sums.turns += turns
      sums.approvals += approvals
      sums.calls += calls
      sums.messages += messages
      sums.virtualMillis += virtualMillis
      if ((seed - options.seed + 1) % 1000 === 0) print(`${seed - options.seed + 1} runs`)
    }
  })
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  const hours = Math.round(sums.virtualMillis / 3_600_000)
  print(`| seeds | steps | turns | approvals | calls | messages | virtual time | time |`)
  print(`|---|---|---|---|---|---|---|---|`)
  const { approvals, calls, messages, steps, turns } = sums
  print(`| ${runs} | ${steps} | ${turns} | ${approvals} | ${calls} | ${messages} | ${hours} h | ${seconds} s |`)
  if (failure === undefined) {
    print("No law is violated.")
    return true
  }
  mkdirSync(folder, { recursive: true })
  const file = `${folder}/seed-${failure.seed}.json`
  writeFileSync(file, `${JSON.stringify({ seed: failure.seed, steps: failure.steps }, undefined, 2)}\n`)
  yield* replay(file)
  print(`Again: npm run sim -- --replay ${file}`)
  return false
})

const values = read()
const isFine = await Effect.runPromise(
  values.replay === undefined
    ? explore({ seeds: count(values.seeds, 300), seed: count(values.seed, 1), steps: count(values.steps, 60) })
    : replay(values.replay)
)
// Not an exit at once: a pipe may still have to take the trace.
process.exitCode = isFine ? 0 : 1
