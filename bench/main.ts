/**
 * Measures effect-codex against plain Node and other clients: `npm run bench`.
 *
 * The tables go to standard output, progress to standard error. The full version also writes the documents; the short version
 * compares its results with them.
 */
import * as CodexBinary from "@effect-codex/core/CodexBinary"
import { codexVersion } from "@effect-codex/core/protocol/generated/Methods"
import * as CodexHome from "@effect-codex/core/testing/CodexHome"
import * as MockModel from "@effect-codex/core/testing/MockModel"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { checkout, measureAgainst, ownRows, resolve } from "./against.ts"
import { build } from "./build.ts"
import { curves } from "./curves.ts"
import { filesOf, measuredFile } from "./document.ts"
import { type Client, type Entrant, type Machine, type Rounds, rounds, spread } from "./measure.ts"
import { documentedIn, type Measured, read, replaced } from "./measured.ts"
import type { Curve, Row, Section } from "./model.ts"
import { alwaysFails, type Documented, fails, isBad, keyOf, limitOf, resultsOf, summary, table } from "./report.ts"
import { sections } from "./sections.ts"
import type { Line } from "./svg.ts"

/** The bench failed. */
class BenchFailed extends Schema.TaggedError<BenchFailed>()("BenchFailed", { description: Schema.String }) {
  override readonly [Runtime.errorExitCode] = 1
  override readonly [Runtime.errorReported] = false
  override get message(): string {
    return this.description
  }
}

const root = path.dirname(import.meta.dirname)

// Pins a command to one of the first two cores that this process may use, if `taskset` exists.
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

const realServer = Effect.gen(function* () {
  const command = yield* CodexBinary.resolve()
  const model = yield* MockModel.make(() => MockModel.reply(MockModel.text("READY")))
  const { cwd, env } = yield* CodexHome.make({ url: model.url })
  return { command, args: ["app-server"], cwd, env }
})

const take = (name: string, entrants: ReadonlyMap<string, Entrant>, count: number, machine: Machine) =>
  rounds(entrants, count, machine, (entrant, round) => Console.error(`${name}: round ${round} of ${count}, ${entrant}`))

const clientOf = (section: Section, name: string): Client => {
  const run = section.entrants.get(name)?.run
  return run === undefined || "cli" in run ? "effectCodex" : run.client
}

// The clients of effect-codex, and the baseline: without a complete result of these the bench fails.
const isVital = (section: Section, entrant: string): boolean =>
  ["effectCodex", "raw", "durable", "rules", "worst"].includes(clientOf(section, entrant))

// Whether the short version measures this row.
const isShort = (section: Section, { against, entrant }: Row): boolean =>
  isVital(section, entrant) && (against === undefined || isVital(section, against))

const measure = Effect.fnUntraced(function* (section: Section, count: number, machine: Machine) {
  const names = new Set(section.rows.flatMap(({ against, entrant }) => [entrant, ...(against ? [against] : [])]))
  const entrants = new Map(Array.from(section.entrants).filter(([name]) => names.has(name)))
  const server = section.real === true ? { server: yield* realServer } : {}
  const results = resultsOf(section, yield* take(section.name, entrants, count, { ...machine, ...server }))
  yield* Console.log(`\n## ${section.title.en}\n\n${table(section, results, "en")}`)
  const wrong = results.flatMap(({ facts, row }) =>
    (section.facts ?? []).flatMap((fact, index) =>
      isVital(section, row.entrant) && isBad(fact, facts[index]) ? [`${row.label.en}: ${fact.title.en}`] : []
    )
  )
  if (wrong.length > 0) {
    return yield* new BenchFailed({ description: `${section.name} did not do all of its work: ${wrong.join(", ")}` })
  }
  return { section, results }
}, Effect.scoped)

// A row that exceeds its limit is measured again, for longer, and then has to exceed it in every round: another program may have
// used the machine.
const measureQuickly = Effect.fnUntraced(function* (whole: Section, documented: Documented, machine: Machine) {
  const count = Math.max(1, whole.quickRounds)
  const first = yield* measure({ ...whole, rows: whole.rows.filter((row) => isShort(whole, row)) }, count, machine)
  const doubtful = first.results.filter((result) => fails(whole, result, documented)).map(({ row }) => row)
  if (doubtful.length === 0) return { ...first, beyond: [] }
  yield* Console.error(`${whole.name}: once more, with more rounds`)
  const second = yield* measure({ ...whole, rows: doubtful }, count * 2 + 1, machine)
  return { ...first, beyond: second.results.filter((result) => alwaysFails(whole, result, documented)) }
})

const measureCurve = Effect.fnUntraced(function* (curve: Curve, machine: Machine) {
  const key = (name: string, x: number) => `${name}, ${x}`
  const entrants = new Map(
    curve.points.flatMap((x) => curve.series.map(({ entrant, name }) => [key(name, x), entrant(x)] as const))
  )
  const samples: Rounds = yield* take(curve.name, entrants, curve.rounds, machine)
  for (const [name, taken] of samples) {
    if (taken.some(({ lost = Number.NaN }) => Math.round(lost) !== 0)) {
      return yield* new BenchFailed({ description: `${curve.name}: ${name} lost text` })
    }
  }
  const lines = curve.series.map(({ entrant, name, value }): Line => ({
    name,
    points: curve.points.map((x) => ({
      x,
      ...spread((samples.get(key(name, x)) ?? []).map((sample) => value(sample, entrant(x))))
    }))
  }))
  const heads = lines.map(({ name }) => name).join(", ")
  const points = curve.points.map((x, at) => {
    const values = lines.map(({ points }) => (points[at]?.median ?? Number.NaN).toFixed(3))
    return `${x}: ${values.join(", ")}`
  })
  yield* Console.log([`\n## ${curve.title.en}\n`, `${curve.x}: ${curve.y} of ${heads}`, ...points].join("\n"))
  return { curve, lines }
})

const docs = path.join(root, "docs")

const readMeasured = (): Measured | undefined => {
  const file = path.join(docs, measuredFile)
  return existsSync(file) ? read(readFileSync(file, "utf8"), sections, curves) : undefined
}

const toFixed = (value: number | undefined) => (value ?? Number.NaN).toFixed(2)

const versions = (): Readonly<Record<string, string>> => {
  const { devDependencies } = JSON.parse(readFileSync(path.join(import.meta.dirname, "package.json"), "utf8"))
  const peers = ["effect", "vscode-jsonrpc", "@agentclientprotocol/sdk", "@openai/codex-sdk"]
  return {
    node: process.versions.node,
    codex: codexVersion,
    ...Object.fromEntries(peers.map((name) => [name, devDependencies[name]]))
  }
}

const machineName = (): string => {
  const cpus = os.cpus()
  const memory = Math.round(os.totalmem() / 2 ** 30)
  return `${cpus.length} × ${cpus[0]?.model.trim()}, ${memory} GB, ${os.type()} ${os.release()}`
}

const write = (measured: Measured) => {
  for (const [name, text] of filesOf(measured)) {
    const file = path.join(docs, name)
    mkdirSync(path.dirname(file), { recursive: true })
    writeFileSync(file, text)
  }
}

// The short version.
const compare = Effect.fnUntraced(function* (
  chosen: ReadonlyArray<Section>,
  before: Measured | undefined,
  machine: Machine
) {
  const documented: Documented = before === undefined ? new Map() : documentedIn(before)
  const measured = yield* Effect.forEach(chosen, (section) => measureQuickly(section, documented, machine))
  yield* Console.log(`\n${summary(measured, "en")}`)
  const beyond = measured.flatMap(({ beyond, section }) =>
    beyond.map(({ judged, row }) => {
      const limit = toFixed(limitOf(section, row, documented))
      return `  ${section.name}, ${keyOf(row)}: ${toFixed(judged)}, the limit is ${limit}`
    })
  )
  if (beyond.length === 0) return
  return yield* new BenchFailed({ description: `Worse than docs/benchmarks.md allows:\n${beyond.join("\n")}` })
})

const buildHere = Effect.tryPromise({
  try: build,
  catch: (error) => new BenchFailed({ description: error instanceof Error ? error.message : String(error) })
})

const findMachine = Effect.gen(function* () {
  const machine: Machine = { pin: findPin() }
  if (machine.pin === undefined) yield* Console.error("taskset was not found: processes are not pinned to cores")
  return machine
})

// Both builds of the library in one run.
const runAgainst = Effect.fnUntraced(function* (
  commit: string,
  only: string | undefined,
  rounds: Option.Option<number>
) {
  const chosen = sections.filter(
    (section) => ownRows(section).length > 0 && (only === undefined || section.name === only)
  )
  if (chosen.length === 0) return yield* new BenchFailed({ description: `--against has no rows in ${only}` })
  const begin = yield* Clock.currentTimeMillis
  const name = yield* resolve(root, commit)
  const tree = yield* checkout(root, name)
  yield* buildHere
  const machine = yield* findMachine
  const machines = yield* Effect.forEach(chosen, (section) =>
    section.real === true
      ? Effect.map(realServer, (server) => ({ section, machine: { ...machine, server } }))
      : Effect.succeed({ section, machine })
  )
  yield* measureAgainst({
    tree,
    sections: machines,
    rounds: Option.getOrUndefined(rounds),
    now: performance.now.bind(performance)
  })
  const took = (yield* Clock.currentTimeMillis) - begin
  yield* Console.log(`\nThis checkout against ${name}, in ${Math.ceil(took / 60_000)} min`)
}, Effect.scoped)

const run = Effect.fnUntraced(function* (options: {
  readonly quick: boolean
  readonly only: Option.Option<string>
  readonly docs: boolean
  readonly against: Option.Option<string>
  readonly rounds: Option.Option<number>
}) {
  const { quick } = options
  if (Option.isSome(options.against)) {
    if (quick || options.docs)
      return yield* new BenchFailed({ description: "--against cannot be combined with --quick or --docs" })
    return yield* runAgainst(options.against.value, Option.getOrUndefined(options.only), options.rounds)
  }
  if (Option.isSome(options.rounds)) return yield* new BenchFailed({ description: "--rounds needs --against" })
  const load = os
    .loadavg()
    .map((value) => value.toFixed(2))
    .join(", ")
  const only = Option.getOrUndefined(options.only)
  const before = readMeasured()
  if (options.docs && before === undefined) {
    return yield* new BenchFailed({ description: `docs/${measuredFile} does not exist yet: run the whole bench first` })
  }
  if (options.docs && only === undefined && before !== undefined) return write(before)
  yield* buildHere
  const machine = yield* findMachine

  const chosen = sections.filter(({ name, quickRounds }) =>
    only === undefined ? !quick || quickRounds > 0 : name === only
  )
  if (quick) return yield* compare(chosen, before, machine)
  const measured = yield* Effect.forEach(chosen, (section) => measure(section, section.rounds, machine))
  const drawn = yield* Effect.forEach(
    curves.filter(({ name }) => only === undefined || name === only),
    (curve) => measureCurve(curve, machine)
  )
  if (only !== undefined && !options.docs) return
  yield* Console.log(`\n${summary(measured, "en")}`)
  const date = DateTime.formatIsoDateUtc(yield* DateTime.now)
  const now = { date, machine: machineName(), load, versions: versions(), sections: measured, curves: drawn }
  write(only === undefined || before === undefined ? now : replaced(before, now))
})

const command = Command.make(
  "bench",
  {
    quick: Flag.Boolean("quick").pipe(
      Flag.withDescription(
        "Measure only effect-codex and raw, in two minutes; fail if a result exceeds its limit; write nothing"
      ),
      Flag.withDefault(false)
    ),
    only: Flag.Literals(
      "only",
      [...sections, ...curves].map(({ name }) => name)
    ).pipe(Flag.withDescription("Measure one section or one curve; write nothing, unless with --docs"), Flag.optional),
    docs: Flag.Boolean("docs").pipe(
      Flag.withDescription("Regenerate the documents from the last numbers; with --only, measure that section first"),
      Flag.withDefault(false)
    ),
    against: Flag.String("against").pipe(
      Flag.withMetavar("COMMIT"),
      Flag.withDescription(
        "Compare this checkout with a commit, in about 25 minutes without --only; fail if it is worse by more than the commit differs from itself"
      ),
      Flag.optional
    ),
    rounds: Flag.Int("rounds").pipe(
      Flag.withDescription("With --against: rounds of each row. Default: those of the section, 3 to 15"),
      Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1000 }))),
      Flag.optional
    )
  },
  (options) =>
    run(options).pipe(
      Effect.mapError(({ message }) => new BenchFailed({ description: message })),
      Effect.tapError(({ message }) => Console.error(message))
    )
).pipe(Command.withDescription("Measure effect-codex against plain Node and other clients"))

Command.run(command, { version: "0.0.0" }).pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain)
