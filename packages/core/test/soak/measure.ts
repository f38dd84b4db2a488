/**
 * What a soak looks at: all that this process holds, and whether it grows.
 */
import { readdirSync, readFileSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import * as v8 from "node:v8"
import { runInNewContext } from "node:vm"
import * as Effect from "effect/Effect"
import type * as Metric from "effect/Metric"
import { processesOf } from "../support.ts"

v8.setFlagsFromString("--expose-gc")
const collectGarbage: () => void = runInNewContext("gc")

/** How many fibers are alive, of all that are started with this service. */
export const makeFiberCount = () => {
  let active = 0
  const metrics: Metric.FiberRuntimeMetricsService = {
    recordFiberStart: () => active++,
    recordFiberEnd: () => active--
  }
  return { metrics, active: () => active }
}

/** What must not grow between two moments at which nothing is under way. */
export interface Held {
  readonly fibers: number
  readonly handles: number
  readonly files: number
  readonly processes: number
  readonly folders: number
  /** Entries of all tables of the client. */
  readonly entries: number
}

/** One line of the table. */
export interface Sample extends Held {
  readonly done: number
  readonly seconds: number
  readonly heap: number
  readonly rss: number
  /** The memory of the server, which is not ours. */
  readonly server: number
  readonly tables: Readonly<Record<string, number>>
  /** Entries of tables that remember what is over, up to a bound. */
  readonly remembered: number
  readonly failed: number
}

const megabyte = 1024 * 1024

// On Linux alone.
const count = (folder: string) => (process.platform === "linux" ? readdirSync(folder).length : 0)

const rssOf = (pid: string): number => {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024
  } catch {
    return 0
  }
}

/** Reads what is held now. `home` is the folder that all processes of the soak have in their environment. */
export const held = (home: string, fibers: number, tables: Readonly<Record<string, number>>): Held => ({
  fibers,
  // Timers belong to sleeping fibers, which are counted. The timer of a deadline stays for a while after its request.
  handles: process.getActiveResourcesInfo().filter((name) => name !== "Timeout").length,
  files: count("/proc/self/fd"),
  processes: process.platform === "linux" ? processesOf(home).length : 0,
  folders:
    readdirSync(tmpdir()).filter((name) => name.startsWith("effect-codex-")).length + count(path.join(home, "tmp")),
  entries: Object.entries(tables).reduce((sum, [name, size]) => (name === "remembered" ? sum : sum + size), 0)
})

/** Reads the memory after the garbage is gone, in MB: of this process, and of the servers in `home`. */
export const memory = (home: string) =>
  Effect.gen(function* () {
    for (let round = 0; round < 3; round++) {
      collectGarbage()
      // What the collection has found to be over is let go of in turns of the event loop.
      yield* Effect.callback<void>((resume) => {
        setImmediate(() => resume(Effect.void))
      })
    }
    const { heapUsed, rss } = process.memoryUsage()
    const servers = process.platform === "linux" ? processesOf(`CODEX_HOME=${home}`) : []
    return {
      heap: heapUsed / megabyte,
      rss: rss / megabyte,
      server: Math.max(0, ...servers.map(rssOf))
    }
  })

/** The median of the slopes between all pairs of points: a few outliers do not move it. */
export const slope = (points: ReadonlyArray<{ readonly x: number; readonly y: number }>): number => {
  const slopes = points.flatMap((from, index) =>
    points.slice(index + 1).flatMap((to) => (to.x === from.x ? [] : [(to.y - from.y) / (to.x - from.x)]))
  )
  return slopes.toSorted((a, b) => a - b)[Math.floor(slopes.length / 2)] ?? 0
}

const heldKeys = ["fibers", "handles", "files", "processes", "folders", "entries"] as const

/** Whether no more is held than at another moment. */
export const isAtMost = (now: Held, then: Held): boolean => heldKeys.every((key) => now[key] <= then[key])

/**
 * Judges the samples of one kind of work. What is held may never grow; memory may grow so many MB for each thousand, unless
 * it is not judged. Returns what was found out about memory, and what is wrong.
 */
export const judge = (
  what: string,
  rows: ReadonlyArray<Sample>,
  limits: Readonly<Record<"heap" | "rss", number>> | undefined
) => {
  const lines: Array<string> = []
  const wrong: Array<string> = []
  const [first, ...later] = rows
  if (first === undefined) return { lines, wrong }
  for (const key of heldKeys) {
    const other = later.findLast((row) => row[key] > first[key])
    if (other === undefined) continue
    const tables = Object.entries(other.tables).filter(([name, size]) => size > (first.tables[name] ?? 0))
    const which = key === "entries" ? `: ${tables.map(([name, size]) => `${name} ${size}`).join(", ")}` : ""
    wrong.push(`${key} grew from ${first[key]} to ${other[key]} after ${other.done} ${what}${which}`)
  }
  if (limits === undefined) return { lines, wrong }
  // Until then the heap grows with what is remembered.
  const full = rows.at(-1)?.remembered
  const settled = rows.slice(Math.floor(rows.length / 4)).filter(({ remembered }) => remembered === full)
  if (settled.length < 5) {
    lines.push(`Memory is not judged: there are ${settled.length} samples of ${what} after all tables were full`)
    return { lines, wrong }
  }
  for (const key of ["heap", "rss"] as const) {
    const perThousand = slope(settled.map((row) => ({ x: row.done, y: row[key] }))) * 1000
    const line = `${key} grows by ${perThousand.toFixed(3)} MB for each 1,000 ${what}; the limit is ${limits[key]}`
    lines.push(line)
    if (perThousand > limits[key]) wrong.push(line)
  }
  return { lines, wrong }
}
