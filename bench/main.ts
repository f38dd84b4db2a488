/**
 * Measures effect-codex against plain Node and other clients: `npm run bench`.
 *
 * The tables go to standard output, progress to standard error; the full version writes `docs/benchmarks.md` as well.
 */
import * as CodexBinary from "@effect-codex/core/CodexBinary"
import { codexVersion } from "@effect-codex/core/protocol/generated/Methods"
import * as CodexHome from "@effect-codex/core/testing/CodexHome"
import * as MockModel from "@effect-codex/core/testing/MockModel"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import { spawnSync } from "node:child_process"
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { build } from "./build.ts"
import { curves } from "./curves.ts"
import { documentOf, type Measured } from "./document.ts"
import { type Client, type Entrant, type Machine, type Rounds, rounds, spread } from "./measure.ts"
import type { Curve, Row, Section } from "./model.ts"
import { fails, isBad, nameOf, type Result, resultsOf, slack, table } from "./report.ts"
import { sections } from "./sections.ts"
import { draw, type Line } from "./svg.ts"

/** What ended the bench other than well. */
class BenchFailed extends Schema.TaggedError<BenchFailed>()("BenchFailed", { description: Schema.String }) {
  override readonly [Runtime.errorExitCode] = 1
  override readonly [Runtime.errorReported] = false
  override get message(): string {
    return this.description
  }
}

const root = path.dirname(import.meta.dirname)

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

const isOurs = (section: Section, { entrant }: Row): boolean => clientOf(section, entrant) === "effectCodex"

// The short version is about us and what we are compared with there.
const isShort = (section: Section, { against, entrant }: Row): boolean =>
  [entrant, against ?? entrant].every((name) => ["effectCodex", "raw"].includes(clientOf(section, name)))

const measure = Effect.fnUntraced(function* (section: Section, quick: boolean, machine: Machine) {
  const rows = section.rows.filter((row) => !quick || isShort(section, row))
  const names = new Set(rows.map(({ entrant }) => entrant))
  const entrants = new Map(Array.from(section.entrants).filter(([name]) => names.has(name)))
  const count = quick ? Math.max(1, section.quickRounds) : section.rounds
  const server = section.real === true ? yield* realServer : undefined
  const samples = yield* take(section.name, entrants, count, {
    ...machine,
    ...(server === undefined ? {} : { server })
  })
  const results = resultsOf({ ...section, rows }, samples)
  yield* Console.log(`\n## ${section.title.en}\n\n${table(section, results, "en")}`)
  return { section, results }
}, Effect.scoped)

const measureCurve = Effect.fnUntraced(function* (curve: Curve, machine: Machine) {
  const key = (name: string, x: number) => `${name}, ${x}`
  const entrants = new Map(
    curve.points.flatMap((x) => curve.series.map(({ entrant, name }) => [key(name, x), entrant(x)] as const))
  )
  const samples: Rounds = yield* take(curve.name, entrants, curve.rounds, machine)
  const lines = curve.series.map(({ entrant, name, value }): Line => ({
    name,
    points: curve.points.map((x) => ({
      x,
      ...spread((samples.get(key(name, x)) ?? []).map((sample) => value(sample, entrant(x))))
    }))
  }))
  const medians = Object.fromEntries(lines.map(({ name, points }) => [name, points.map(({ median }) => median)]))
  yield* Console.log(`\n## ${curve.title.en}\n\n${curve.sentence(medians).en}`)
  return { curve, medians, lines }
})

// What is worse than the short version lets pass.
const complaints = ({ results, section }: { readonly section: Section; readonly results: ReadonlyArray<Result> }) =>
  results.flatMap(({ compared, facts, row }) => {
    const name = `${section.name}: ${row.label.en}`
    const { against, goal } = row
    const missed =
      goal !== undefined && against !== undefined && compared !== undefined && fails(section, goal, compared.median)
        ? [`${name}: ${compared.median.toFixed(2)} × ${nameOf(section, against, "en")}, the target is ${goal.target} ×`]
        : []
    const bad = (section.facts ?? []).flatMap((fact, index) =>
      isOurs(section, row) && isBad(fact, facts[index]) ? [`${name}: ${fact.title.en}: ${facts[index]}`] : []
    )
    return [...missed, ...bad]
  })

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

const write = (
  measured: Measured,
  drawn: ReadonlyArray<{ readonly curve: Curve; readonly lines: ReadonlyArray<Line> }>
) => {
  const docs = path.join(root, "docs")
  mkdirSync(path.join(docs, "benchmarks"), { recursive: true })
  for (const { curve, lines } of drawn) {
    const { logarithmicY = false, title, x, y } = curve
    writeFileSync(
      path.join(docs, "benchmarks", `${curve.name}.svg`),
      draw({ title: title.en, x, y, logarithmicY, lines })
    )
  }
  writeFileSync(path.join(docs, "benchmarks.md"), documentOf(measured, "en"))
  writeFileSync(path.join(docs, "zh", "benchmarks.md"), documentOf(measured, "zh"))
}

const run = Effect.fnUntraced(function* (options: { readonly quick: boolean; readonly only: Option.Option<string> }) {
  const { quick } = options
  const only = Option.getOrUndefined(options.only)
  yield* Effect.tryPromise({
    try: build,
    catch: (error) => new BenchFailed({ description: error instanceof Error ? error.message : String(error) })
  })
  const machine: Machine = { pin: findPin() }
  if (machine.pin === undefined) yield* Console.error("No taskset here: processes run on whatever core they get")

  const measured = yield* Effect.forEach(
    sections.filter(({ name, quickRounds }) => (only === undefined ? !quick || quickRounds > 0 : name === only)),
    (section) => measure(section, quick, machine)
  )
  const drawn = yield* Effect.forEach(
    curves.filter(({ name }) => (only === undefined ? !quick : name === only)),
    (curve) => measureCurve(curve, machine)
  )
  const bad = measured.flatMap(complaints)
  if (quick && bad.length > 0) {
    const list = bad.map((line) => `  ${line}`).join("\n")
    return yield* new BenchFailed({ description: `More than ${(slack - 1) * 100} % beside the target:\n${list}` })
  }
  if (quick || only !== undefined) return
  const date = DateTime.formatIsoDateUtc(yield* DateTime.now)
  write({ date, machine: machineName(), versions: versions(), sections: measured, curves: drawn }, drawn)
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
      [...sections, ...curves].map(({ name }) => name)
    ).pipe(Flag.withDescription("One section or one curve; writes nothing"), Flag.optional)
  },
  (options) => Effect.tapError(run(options), (error) => Console.error(error.message))
).pipe(Command.withDescription("Measure effect-codex against plain Node and other clients"))

Command.run(command, { version: "0.0.0" }).pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain)
