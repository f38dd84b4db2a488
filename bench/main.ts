/**
 * Measures effect-codex against plain Node and other clients: `npm run bench`.
 *
 * The tables go to standard output, progress to standard error.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { build } from "./build.ts"
import { type Client, type Machine, rounds } from "./measure.ts"
import { fails, isBad, type Result, resultsOf, slack, table } from "./report.ts"
import { type Row, type Section, sections } from "./sections.ts"

/** What ended the bench other than well. */
class BenchFailed extends Schema.TaggedError<BenchFailed>()("BenchFailed", { description: Schema.String }) {
  override readonly [Runtime.errorExitCode] = 1
  override readonly [Runtime.errorReported] = false
  override get message(): string {
    return this.description
  }
}

// Keeps a command on one of the first two cores that this process may use, if there is something to do so.
const findPin = (): Machine["pin"] => {
  if (process.platform !== "linux") return undefined
  const allowed = /Cpus_allowed_list:\s*(\S+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? ""
  const cores = allowed.split(",").flatMap((range) => {
    const [first = 0, last = first] = range.split("-").map(Number)
    return first === last ? [first] : [first, first + 1]
  })
  const taskset = spawnSync("sh", ["-c", "command -v taskset"], { encoding: "utf8" }).stdout.trim()
  if (taskset === "" || cores[1] === undefined) return undefined
  return (core, command) => [taskset, "-c", String(cores[core]), ...command]
}

const chosen = (only: Option.Option<string>, quick: boolean): ReadonlyArray<Section> =>
  Option.match(only, {
    onNone: () => sections.filter(({ quickRounds }) => !quick || quickRounds > 0),
    onSome: (name) => sections.filter((section) => section.name === name)
  })

const clientOf = (section: Section, name: string): Client => {
  const run = section.entrants.get(name)?.run
  return run === undefined || "program" in run ? "effectCodex" : run.client
}

const isOurs = (section: Section, row: Row): boolean => clientOf(section, row.entrant) === "effectCodex"

// The short version is about us and what we are compared with there.
const isShort = (section: Section, row: Row): boolean =>
  [row.entrant, row.against ?? row.entrant].every((name) => ["effectCodex", "raw"].includes(clientOf(section, name)))

const run = Effect.fnUntraced(function* (options: { readonly quick: boolean; readonly only: Option.Option<string> }) {
  const { only, quick } = options
  yield* Effect.try({
    try: build,
    catch: (error) => new BenchFailed({ description: error instanceof Error ? error.message : String(error) })
  })
  const machine: Machine = { pin: findPin() }
  const missed: Array<string> = []
  for (const section of chosen(only, quick)) {
    const results = yield* measure(section, quick, machine)
    yield* Console.log(`\n## ${section.title.en}\n\n${table(section, results, "en")}`)
    for (const { compared, facts, row } of results) {
      const name = `${section.name}: ${row.label.en}`
      if (row.goal !== undefined && compared !== undefined && fails(row.goal, compared.median)) {
        missed.push(`${name}: ${compared.median.toFixed(2)} × ${row.against}, the target is ${row.goal.target} ×`)
      }
      for (const [index, fact] of (section.facts ?? []).entries()) {
        if (isOurs(section, row) && isBad(fact, facts[index])) missed.push(`${name}: ${fact.title.en}: ${facts[index]}`)
      }
    }
  }
  if (quick && missed.length > 0) {
    return yield* new BenchFailed({
      description: `More than ${(slack - 1) * 100} % beside the target:\n${missed.map((line) => `  ${line}`).join("\n")}`
    })
  }
})

const measure = Effect.fnUntraced(function* (
  section: Section,
  quick: boolean,
  machine: Machine
): Effect.fn.Return<
  ReadonlyArray<Result>,
  Effect.Error<ReturnType<typeof rounds>>,
  Effect.Services<ReturnType<typeof rounds>>
> {
  const rows = section.rows.filter((row) => !quick || isShort(section, row))
  const names = new Set(rows.map(({ entrant }) => entrant))
  const entrants = new Map(Array.from(section.entrants).filter(([name]) => names.has(name)))
  const count = quick ? Math.max(1, section.quickRounds) : section.rounds
  const samples = yield* rounds(entrants, count, machine, (name, round) =>
    Console.error(`${section.name}: round ${round} of ${count}, ${name}`)
  )
  return resultsOf({ ...section, rows }, samples)
})

const command = Command.make(
  "bench",
  {
    quick: Flag.Boolean("quick").pipe(
      Flag.withDescription(
        "Ours and raw alone, in two minutes; fails when a ratio misses its target by more than the slack"
      ),
      Flag.withDefault(false)
    ),
    only: Flag.Literals(
      "only",
      sections.map(({ name }) => name)
    ).pipe(Flag.withDescription("One section, and nothing is written"), Flag.optional)
  },
  (options) => Effect.tapError(run(options), (error) => Console.error(error.message))
).pipe(Command.withDescription("Measure effect-codex against plain Node and other clients"))

Command.run(command, { version: "0.0.0" }).pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain)
