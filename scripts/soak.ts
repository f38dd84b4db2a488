/**
 * Uses the real codex for a long time, and looks whether anything grows:
 *
 *     npm run soak [-- --turns 10000] [--cycles 1000] [--samples 20] [--exact]
 *
 * First turns of every kind over one connection, then connections that are opened and closed in every way. Samples are taken
 * while nothing is under way: fibers, handles, files, processes, temporary folders and entries of tables must not grow at all.
 * Memory is measured after a collection and judged by its slope, unless `--exact` leaves it out, as a short soak does.
 * Ctrl-C prints the table so far.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import * as Codex from "@effect-codex/core/Codex"
import { CodexTest } from "@effect-codex/core/testing"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as References from "effect/References"
import * as Schedule from "effect/Schedule"
import { tables } from "../packages/core/src/internal/thread/threads.ts"
import { held, isAtMost, judge, makeFiberCount, memory, type Sample } from "../packages/core/test/soak/measure.ts"
import { cycles, kinds, layerHandlers, layerHome, type Work } from "../packages/core/test/soak/work.ts"

const argument = (name: string, otherwise: number): number => {
  const index = process.argv.indexOf(`--${name}`)
  const value = index < 0 ? otherwise : Number(process.argv[index + 1])
  if (!Number.isInteger(value) || value < 0) throw new Error(`--${name} takes a number of 0 or more`)
  return value
}
const wantedTurns = argument("turns", 10_000)
const wantedCycles = argument("cycles", 1000)
const samples = Math.max(2, argument("samples", 20))
const exactOnly = process.argv.includes("--exact")

/**
 * The most that memory may grow: MB for each thousand of turns, or of connections. V8 goes on compiling for the first 800
 * connections or so, whose heap grows by 2 to 4 MB for that; after them it grows by less than 0.3 MB for each thousand.
 */
const limits: Readonly<Record<string, Readonly<Record<"heap" | "rss", number>>>> = {
  turns: { heap: 0.3, rss: 2 },
  connections: { heap: 1.5, rss: 6 }
}

// All temporary folders of the soak are in one of its own, where those of other programs do not count.
const temporary = mkdtempSync(path.join(tmpdir(), "effect-codex-soak-"))
process.env["TMPDIR"] = temporary
process.on("exit", () => rmSync(temporary, { recursive: true, force: true }))

const fibers = makeFiberCount()
const began = performance.now()
const failures = new Map<string, number>()
const failed = () => Array.from(failures.values()).reduce((sum, times) => sum + times, 0)

interface Phase {
  readonly what: string
  readonly rows: Array<Sample>
}
const phases: Array<Phase> = []

// Tables that remember what is over, up to a bound that a short soak does not get to.
const bounds: Readonly<Record<string, number>> = { remembered: 1024, leftRoots: 256 }
const remembered = (tables: Readonly<Record<string, number>>) =>
  Object.keys(bounds).reduce((sum, name) => sum + (tables[name] ?? 0), 0)
const unbounded = (tables: Readonly<Record<string, number>>) =>
  Object.fromEntries(Object.entries(tables).filter(([name, size]) => size > (bounds[name] ?? -1)))

// Waits until what was under way has ended, when no more is held than at the first sample. With a leak that never comes.
const sample = Effect.fnUntraced(function* (
  phase: Phase,
  done: number,
  home: string,
  sizes: () => Readonly<Record<string, number>>
) {
  const read = Effect.sync(() => held(home, fibers.active(), unbounded(sizes())))
  const first = phase.rows[0]
  const now = yield* read.pipe(
    Effect.repeat({
      until: (now) => first === undefined || isAtMost(now, first),
      schedule: Schedule.spaced("50 millis"),
      times: 200
    }),
    Effect.andThen(read)
  )
  const row: Sample = {
    ...now,
    ...(yield* memory(path.join(home, "codex"))),
    tables: unbounded(sizes()),
    remembered: remembered(sizes()),
    done,
    seconds: (performance.now() - began) / 1000,
    failed: failed()
  }
  phase.rows.push(row)
  process.stderr.write(
    `${done} ${phase.what}, ${row.seconds.toFixed(0)} s, heap ${row.heap.toFixed(1)} MB, ${row.failed} failed\n`
  )
})

// Takes the kinds one after the other until they weigh so much.
const taking = <R>(kinds: Readonly<Record<string, Work<R>>>) => {
  const all = Object.entries(kinds)
  let next = 0
  return Effect.fnUntraced(function* (count: number, concurrency: number) {
    let done = 0
    const worker = Effect.gen(function* () {
      while (done < count) {
        const [name, work] = all[next++ % all.length] ?? []
        if (work === undefined) return
        done += work.weight
        const wrong = yield* work.run
        if (wrong === undefined) continue
        // Ids differ from time to time.
        const what = `${name}: ${wrong.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, "…")}`
        failures.set(what, (failures.get(what) ?? 0) + 1)
      }
    })
    yield* Effect.all(
      Array.from({ length: concurrency }, () => worker),
      { concurrency, discard: true }
    )
    return done
  })
}

const soak = Effect.fnUntraced(function* <R>(
  what: string,
  total: number,
  kinds: Readonly<Record<string, Work<R>>>,
  sizes: () => Readonly<Record<string, number>>
) {
  const { home } = yield* CodexTest.Home
  const phase: Phase = { what, rows: [] }
  phases.push(phase)
  const take = taking(kinds)
  const step = Math.ceil(total / samples)
  // By then everything is made that is made only once.
  let done = yield* take(Object.keys(kinds).length * 2, 4)
  yield* sample(phase, done, path.dirname(home), sizes)
  while (done < total) {
    done += yield* take(Math.min(step, total - done), 4)
    yield* sample(phase, done, path.dirname(home), sizes)
  }
})

const turns = Effect.flatMap(Codex.Codex, (codex) => soak("turns", wantedTurns, kinds, codex[tables])).pipe(
  // On a busy machine the server takes long to start, resume and delete threads, which is not a fault.
  Effect.provide(CodexTest.layerCodex({ experimentalApi: true, requestTimeout: "10 minutes" }))
)
const connections = soak("connections", wantedCycles, cycles, () => ({}))

const columns = [
  ["s", (row: Sample) => row.seconds.toFixed(0)],
  ["heap MB", (row: Sample) => row.heap.toFixed(2)],
  ["RSS MB", (row: Sample) => row.rss.toFixed(0)],
  ["server MB", (row: Sample) => row.server.toFixed(0)],
  ["fibers", (row: Sample) => row.fibers],
  ["handles", (row: Sample) => row.handles],
  ["files", (row: Sample) => row.files],
  ["processes", (row: Sample) => row.processes],
  ["folders", (row: Sample) => row.folders],
  ["entries", (row: Sample) => row.entries],
  ["remembered", (row: Sample) => row.remembered],
  ["failed", (row: Sample) => row.failed]
] as const

const report = (isComplete: boolean) => {
  const wrong: Array<string> = []
  for (const phase of phases) {
    process.stdout.write(`\n| ${phase.what} | ${columns.map(([title]) => title).join(" | ")} |\n`)
    process.stdout.write(`|${"---|".repeat(columns.length + 1)}\n`)
    for (const row of phase.rows)
      process.stdout.write(`| ${row.done} | ${columns.map(([, cell]) => cell(row)).join(" | ")} |\n`)
    process.stdout.write("\n")
    const { lines, wrong: grown } = judge(phase.what, phase.rows, exactOnly ? undefined : limits[phase.what])
    for (const line of lines) process.stdout.write(`${line}\n`)
    wrong.push(...grown)
  }
  for (const [what, times] of failures) wrong.push(`${times} times failed: ${what}`)
  for (const line of wrong) process.stdout.write(`${line}\n`)
  process.stdout.write(`${wrong.length === 0 ? "Nothing grows." : `${wrong.length} things are wrong.`}\n`)
  if (!isComplete) process.stdout.write("It was stopped before its end.\n")
  process.exitCode = wrong.length === 0 && isComplete ? 0 : 1
}

Effect.andThen(wantedTurns > 0 ? turns : Effect.void, wantedCycles > 0 ? connections : Effect.void).pipe(
  Effect.onExit((exit) => Effect.sync(() => report(Exit.isSuccess(exit)))),
  Effect.provide(Layer.mergeAll(layerHandlers, layerHome, NodeServices.layer)),
  Effect.provideService(Metric.FiberRuntimeMetrics, fibers.metrics),
  // Each decline and stop would be a line.
  Effect.provideService(References.MinimumLogLevel, "Error"),
  NodeRuntime.runMain({ teardown: (exit, onExit) => onExit(Exit.isSuccess(exit) ? Number(process.exitCode ?? 0) : 1) })
)
