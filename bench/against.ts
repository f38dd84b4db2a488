/**
 * Compares this checkout with another commit: `npm run bench -- --against COMMIT`.
 *
 * The commit is unpacked into a temporary folder with an installation of its own, which is removed at the end. Both builds take
 * their samples in turn, and the commit's build takes part twice: how much it differs from itself is the noise, and only what is
 * worse than that counts. Only clients of this project take part. The server is that of this checkout for both.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as ChildProcess from "effect/process/ChildProcess"
import type { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { median, type Sample } from "./clients/workload.ts"
import { type Entrant, type Machine, sample } from "./measure.ts"
import type { Row, Section } from "./model.ts"
import { isBad, tableOf } from "./report.ts"

/** The comparison with the commit failed. */
export class AgainstFailed extends Schema.TaggedError<AgainstFailed>()("AgainstFailed", {
  description: Schema.String
}) {
  override get message(): string {
    return this.description
  }
}

/** The most that a row of CPU may be worse, whatever the noise is. */
export const cpuLimit = 0.05

/** Smaller differences always count as noise. */
export const leastNoise = 0.01

/** One round of a row: this checkout, the commit, and the commit again. */
export interface Round {
  readonly ours: number
  readonly theirs: number
  readonly again: number
}

export interface Comparison {
  readonly ours: number
  readonly theirs: number
  /** The cost relative to the commit: the median of the rounds. */
  readonly ratio: number
  /** How much the commit differs from itself, as a fraction. */
  readonly noise: number
  /** How much worse the row may be, as a fraction. */
  readonly allowed: number
  readonly isWorse: boolean
}

const quantile = (values: ReadonlyArray<number>, at: number): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const place = (sorted.length - 1) * at
  const low = sorted[Math.floor(place)] ?? Number.NaN
  const high = sorted[Math.ceil(place)] ?? Number.NaN
  return low + (high - low) * (place - Math.floor(place))
}

/**
 * Summarizes the rounds of a row. The noise is how far the commit is from itself, or the 95 % interval of that median as box
 * plots draw it (1.57 interquartile ranges divided by the square root of the count), whichever is larger.
 */
export const compare = (
  rounds: ReadonlyArray<Round>,
  { cpu, moreIsBetter }: { readonly cpu: boolean; readonly moreIsBetter: boolean }
): Comparison => {
  const cost = (value: number, base: number) => (moreIsBetter ? base / value : value / base)
  const ratio = median(rounds.map(({ ours, theirs }) => cost(ours, theirs)))
  const self = rounds.map(({ again, theirs }) => cost(again, theirs))
  const notch = (1.57 * (quantile(self, 0.75) - quantile(self, 0.25))) / Math.sqrt(self.length)
  const noise = Math.max(leastNoise, Math.abs(median(self) - 1), notch)
  const allowed = cpu ? Math.min(cpuLimit, noise) : noise
  return {
    ours: median(rounds.map(({ ours }) => ours)),
    theirs: median(rounds.map(({ theirs }) => theirs)),
    ratio,
    noise,
    allowed,
    // A ratio that is not a number fails too.
    isWorse: !(ratio - 1 <= allowed)
  }
}

const ownClients = ["effectCodex", "bundled", "durable", "rules", "worst"]

/** The rows of a section that measure this project's own clients, one per entrant. */
export const ownRows = ({ entrants, rows }: Section): ReadonlyArray<Row> => {
  const seen = new Set<string>()
  return rows.filter(({ entrant }) => {
    const run = entrants.get(entrant)?.run
    if (run === undefined || seen.has(entrant)) return false
    seen.add(entrant)
    return "cli" in run || ownClients.includes(run.client)
  })
}

const fail = (description: string) => new AgainstFailed({ description })

// Runs a program to its end. Interrupting it ends its whole process group.
const run = Effect.fnUntraced(
  function* (what: string, [file = "", ...args]: ReadonlyArray<string>, cwd: string) {
    const handle = yield* ChildProcess.make(file, args, { cwd, stdin: "ignore", forceKillAfter: "5 seconds" })
    const [stdout, stderr] = yield* Effect.all(
      [handle.stdout, handle.stderr].map((stream) => Stream.mkString(Stream.decodeText(stream))),
      { concurrency: "unbounded" }
    )
    const code = yield* handle.exitCode
    if (code === 0) return stdout ?? ""
    return yield* fail(`${what} failed:\n${[stderr, stdout].join("\n").trim().slice(-2000)}`)
  },
  Effect.scoped,
  (effect, what) =>
    Effect.catchTag(effect, "PlatformError", ({ message }) => Effect.fail(fail(`${what} failed: ${message}`)))
)

/** Resolves a commit to its full hash. */
export const resolve = Effect.fnUntraced(function* (root: string, commit: string) {
  const name = `${commit}^{commit}`
  const found = yield* Effect.mapError(
    run("git", ["git", "rev-parse", "--verify", "--quiet", "--end-of-options", name], root),
    () => fail(`There is no commit ${JSON.stringify(commit)} in ${root}. In a shallow clone, fetch it first.`)
  )
  return found.trim()
})

/** Checks out a commit and builds it, in a folder that is removed with the scope. */
export const checkout = Effect.fnUntraced(function* (root: string, commit: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const folder = yield* fs.makeTempDirectoryScoped({ prefix: "effect-codex-bench-" })
  const archive = path.join(folder, "commit.tar")
  const tree = path.join(folder, "tree")
  yield* fs.makeDirectory(tree)
  // An archive leaves nothing behind in the repository, even if this process is killed.
  yield* run("git archive", ["git", "archive", "--format=tar", `--output=${archive}`, commit], root)
  yield* run("tar", ["tar", "-xf", archive, "-C", tree], root)
  if (!(yield* fs.exists(path.join(tree, "bench", "build.ts")))) {
    return yield* fail(`${commit} has no bench: compare with a later commit.`)
  }
  yield* Console.error(`installing ${commit.slice(0, 12)} in ${tree}`)
  yield* run("The installation of the commit", [process.execPath, path.join("scripts", "setup.mjs")], tree)
  yield* Console.error(`building ${commit.slice(0, 12)}`)
  const build = 'import("./bench/build.ts").then(({ build }) => build())'
  yield* run("The build of the commit", [process.execPath, "--input-type=module", "--eval", build], tree)
  return tree
})

const minutes = (millis: number): string =>
  millis < 90_000 ? `${Math.ceil(millis / 1000)} s` : `${Math.round(millis / 60_000)} min`

interface Job {
  readonly section: Section
  readonly row: Row
  readonly entrant: Entrant
  readonly rounds: number
  readonly machine: Machine
}

/** Estimates the remaining time from the average of the samples so far. */
export interface Progress {
  readonly begin: (what: string) => Effect.Effect<void>
  readonly skip: (count: number) => void
}

export const makeProgress = (samples: number, now: () => number): Progress => {
  const start = now()
  let left = samples
  let done = 0
  return {
    begin: (what) =>
      Effect.suspend(() => {
        const rest = done === 0 ? "" : `; about ${minutes(((now() - start) / done) * left)} left`
        done++
        left--
        return Console.error(`${what}${rest}`)
      }),
    skip: (count) => {
      left -= count
    }
  }
}

type Who = keyof Round

const turns: ReadonlyArray<ReadonlyArray<Who>> = [
  ["ours", "theirs", "again"],
  ["theirs", "again", "ours"],
  ["again", "ours", "theirs"]
]

// `undefined` if the commit cannot do this yet.
const roundsOf = Effect.fnUntraced(function* (
  { entrant, machine, row, rounds, section }: Job,
  tree: string,
  progress: Progress
) {
  const trees = { ours: undefined, theirs: tree, again: tree }
  const take = Effect.fnUntraced(function* (who: Who, round: number) {
    const name = `${section.name}, ${row.entrant}, ${who === "ours" ? "this checkout" : "the commit"}`
    yield* progress.begin(`${name}, round ${round} of ${rounds}`)
    const taken: Sample = yield* sample(name, { ...entrant, tree: trees[who] }, machine)
    const wrong = (section.facts ?? []).find((fact) => isBad(fact, fact.of(taken)))
    if (wrong !== undefined) return yield* fail(`${name} did not do all of its work: ${wrong.title.en}`)
    return section.value(taken, entrant)
  })
  // Warms up the file caches, and fails if the commit does not know the workload.
  const first = yield* Effect.result(take("theirs", 0))
  if (first._tag === "Failure") {
    progress.skip(rounds * 3)
    yield* Console.error(`${section.name}, ${row.entrant}: the commit cannot run this: ${first.failure.message}`)
    return undefined
  }
  yield* take("ours", 0)
  const all: Array<Round> = []
  for (let round = 1; round <= rounds; round++) {
    const values: Record<Who, number> = { ours: Number.NaN, theirs: Number.NaN, again: Number.NaN }
    for (const who of turns[round % turns.length] ?? []) values[who] = yield* take(who, round)
    all.push(values)
  }
  return all
})

const percent = (fraction: number) => `${(fraction * 100).toFixed(1)} %`

/** A row with its comparison, or the reason that there is none. */
export interface Compared {
  readonly section: Section
  readonly row: Row
  readonly comparison: Comparison | "missing" | "failed"
}

const isWorse = ({ comparison }: Compared): boolean => typeof comparison !== "string" && comparison.isWorse

/** The comparisons as a table. */
export const tableOfComparisons = (compared: ReadonlyArray<Compared>): string =>
  tableOf(
    ["", "old", "new", "cost, new / old", "noise", "allowed", "result"],
    compared.map(({ comparison, row, section }) => {
      const what = `${section.title.en}: ${row.label.en}`
      if (comparison === "missing") return [what, "", "", "", "", "", "not in that commit"]
      if (comparison === "failed") return [what, "", "", "", "", "", "**failed**"]
      const { allowed, isWorse, noise, ours, ratio, theirs } = comparison
      const value = (number: number) => `${number.toFixed(section.digits)} ${section.unit.en}`
      return [
        what,
        value(theirs),
        value(ours),
        ratio.toFixed(3),
        percent(noise),
        percent(allowed),
        isWorse ? "**worse**" : ratio + allowed < 1 ? "better" : "same"
      ]
    })
  )

/**
 * Compares the rows of the sections. A row that is worse is measured again with twice the rounds; if it is still worse, this
 * fails.
 */
export const measureAgainst = Effect.fnUntraced(function* (options: {
  readonly tree: string
  readonly sections: ReadonlyArray<{ readonly section: Section; readonly machine: Machine }>
  /** Rounds of each row. Default: those of the section. */
  readonly rounds: number | undefined
  readonly now: () => number
}) {
  const { now, rounds, sections, tree } = options
  const jobs = sections.flatMap(({ machine, section }) =>
    ownRows(section).flatMap((row): ReadonlyArray<Job> => {
      const entrant = section.entrants.get(row.entrant)
      return entrant === undefined ? [] : [{ section, row, entrant, rounds: rounds ?? section.rounds, machine }]
    })
  )
  const count = jobs.reduce((total, job) => total + job.rounds * 3 + 2, 0)
  yield* Console.error(`${jobs.length} rows, ${count} samples of 1 to 10 seconds each`)
  const progress = makeProgress(count, now)
  // A row that fails does not stop the others: the table at the end reports it.
  const measure = Effect.fnUntraced(function* (job: Job, progress: Progress) {
    const { row, section } = job
    const taken = yield* roundsOf(job, tree, progress)
    const moreIsBetter = row.goal?.bound === "least"
    const comparison = taken === undefined ? "missing" : compare(taken, { cpu: section.cpu === true, moreIsBetter })
    const compared: Compared = { section, row, comparison }
    return compared
  })
  const attempt = (job: Job, progress: Progress): Effect.Effect<Compared, never, ChildProcessSpawner> =>
    Effect.catch(measure(job, progress), ({ message }) =>
      Effect.as(Console.error(message), { section: job.section, row: job.row, comparison: "failed" })
    )
  const first = yield* Effect.forEach(jobs, (job) => attempt(job, progress))
  const doubtful = jobs.filter((_, index) => first[index] !== undefined && isWorse(first[index]))
  if (doubtful.length > 0) yield* Console.error(`${doubtful.length} rows look worse: once more, with twice the rounds`)
  const more = makeProgress(
    doubtful.reduce((total, job) => total + job.rounds * 6 + 2, 0),
    now
  )
  const second = yield* Effect.forEach(doubtful, (job) => attempt({ ...job, rounds: job.rounds * 2 }, more))
  const compared = first.map(
    (one) => second.find(({ row, section }) => row === one.row && section === one.section) ?? one
  )
  yield* Console.log(`\n${tableOfComparisons(compared)}`)
  const named = (rows: ReadonlyArray<Compared>) => rows.map(({ row, section }) => `\n  ${section.name}, ${row.entrant}`)
  const failed = compared.filter(({ comparison }) => comparison === "failed")
  const worse = compared.filter(isWorse)
  const problems = [
    ...(failed.length === 0 ? [] : [`These rows failed:${named(failed).join("")}`]),
    ...(worse.length === 0 ? [] : [`These rows are worse than the noise allows:${named(worse).join("")}`]),
    ...(compared.every(({ comparison }) => comparison === "missing") ? ["The commit has none of these rows."] : [])
  ]
  if (problems.length > 0) return yield* fail(problems.join("\n"))
})
