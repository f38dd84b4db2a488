/**
 * Runs the tests on the real binary against the newest patch of each minor version of codex, and writes the table in
 * `docs/compatibility.md`: `npm run matrix -- [--essential] [--failed | --fresh | --write] [VERSION…]`.
 *
 * The result of a version is kept, so a stopped run continues with the next version; `--failed` runs the files again in which
 * something failed, `--fresh` begins anew, and `--write` only writes the table. A failed test is run once more by itself: a
 * second failure counts, the rest is counted as flaky.
 * `--essential` runs only the tests that meet what differs between versions; the table says which ones a row is of.
 */
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import {
  behaviors,
  describe,
  has,
  isOlder,
  minorOf,
  oldest,
  protocol,
  type Span
} from "../packages/core/src/protocol/Versions.ts"
import { codexVersion } from "../packages/core/src/protocol/generated/Methods.ts"
import { essential, installCodex } from "./codex-version.ts"
import { installed, root } from "./packages.ts"

/** Of one file of tests, run at one commit. */
interface FileOutcome {
  readonly commit: string
  readonly passed: number
  readonly skipped: number
  /** Passed at the second try. */
  readonly flaky: ReadonlyArray<string>
  readonly failed: ReadonlyArray<string>
}

interface Outcome {
  readonly tests: "all" | "essential"
  readonly version: string
  readonly files: { readonly [file: string]: FileOutcome }
}

interface Report {
  readonly testResults: ReadonlyArray<{
    readonly name: string
    readonly status: string
    readonly assertionResults: ReadonlyArray<{
      readonly status: string
      readonly fullName: string
      readonly title: string
    }>
  }>
}

const cache = path.join(root, "node_modules", ".cache", "matrix")

const run = (version: string, ...args: ReadonlyArray<string>): Report => {
  const file = path.join(cache, `${version}.report.json`)
  rmSync(file, { force: true })
  // A slow machine is not the fault of a version.
  const patience = ["--testTimeout=150000", "--hookTimeout=150000"]
  const reporter = ["--reporter=json", `--outputFile=${file}`, ...patience]
  spawnSync(
    installed("vitest"),
    ["run", "--project", "real", "--exclude", "**/codegen.real.test.ts", ...reporter, ...args],
    {
      cwd: root,
      env: { ...process.env, CODEX_BINARY: installCodex(version), CODEX_TEST_VERSION: version },
      stdio: ["ignore", "ignore", "inherit"]
    }
  )
  if (!existsSync(file)) throw new Error(`The tests of codex ${version} wrote no report`)
  const report: Report = JSON.parse(readFileSync(file, "utf8"))
  return report
}

const testsOf = ({ testResults }: Report) =>
  testResults.flatMap(({ assertionResults, name, status }) => {
    const file = path.relative(root, name)
    // A file that can't even be loaded.
    if (status === "failed" && assertionResults.length === 0) return [{ file, name: file, title: "", status }]
    return assertionResults.map(({ fullName, status, title }) => ({ file, name: fullName, title, status }))
  })

const quoted = (text: string) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")

const test = (version: string, which: Outcome["tests"], files: ReadonlyArray<string>): Outcome => {
  const tests = testsOf(run(version, ...files))
  const flaky = tests.filter(({ file, name, status, title }) => {
    if (status !== "failed") return false
    const second = testsOf(run(version, file, "-t", quoted(title)))
    return second.some((again) => again.name === name && again.status === "passed")
  })
  const { stdout } = spawnSync("git", ["rev-parse", "--short", "HEAD"], { cwd: root, encoding: "utf8" })
  const outcomeOf = (file: string): FileOutcome => {
    const own = tests.filter((test) => test.file === file)
    const namesOf = (found: typeof tests) => found.map(({ name }) => name)
    const failed = own.filter((test) => test.status === "failed" && !flaky.includes(test))
    return {
      commit: stdout.trim(),
      passed: own.filter((test) => test.status === "passed" || flaky.includes(test)).length,
      skipped: own.filter(({ status }) => status !== "passed" && status !== "failed").length,
      flaky: namesOf(own.filter((test) => flaky.includes(test))),
      failed: namesOf(failed)
    }
  }
  return {
    tests: which,
    version,
    files: Object.fromEntries([...new Set(tests.map(({ file }) => file))].map((file) => [file, outcomeOf(file)]))
  }
}

const totalOf = ({ files, version }: Outcome) => {
  const all = Object.entries(files)
  const count = (of: (outcome: FileOutcome) => number) => all.reduce((sum, [, outcome]) => sum + of(outcome), 0)
  const names = (of: (outcome: FileOutcome) => ReadonlyArray<string>) =>
    all.flatMap(([file, outcome]) => of(outcome).map((name) => `${file}: ${name}`))
  return {
    version,
    passed: count(({ passed }) => passed),
    skipped: count(({ skipped }) => skipped),
    // The versions that the skipped tests ask for, and `other` for those that something else keeps from running.
    skippedFor: skippedFor(
      version,
      all.flatMap(([file, { skipped }]) => (skipped === 0 ? [] : [file]))
    ),
    flaky: names(({ flaky }) => flaky),
    failed: names(({ failed }) => failed)
  }
}

// A file names what its tests need of a version by the rows of the table.
const needsOf = (version: string, file: string): ReadonlyArray<string> => {
  const lines = readFileSync(path.join(root, file), "utf8").split("\n")
  const skips = lines.filter((line) => line.includes("skipIf(")).join("\n")
  const rows: ReadonlyArray<readonly [string, Span]> = [
    ...Object.entries<Span>(behaviors).map(([name, span]) => [`lacks("${name}")`, span] as const),
    ...Object.entries(protocol.requests).map(([name, span]) => [`lacksMethod("${name}")`, span] as const)
  ]
  return rows.flatMap(([call, span]) =>
    skips.includes(call) && !has(version, span) ? [minorOf(span.since ?? span.until ?? "")] : []
  )
}

const skippedFor = (version: string, files: ReadonlyArray<string>): ReadonlyArray<string> => {
  const needs = files.flatMap((file) => {
    const found = needsOf(version, file)
    return found.length === 0 ? ["other"] : found
  })
  return [...new Set(needs)].toSorted()
}

const words = {
  en: {
    head: ["codex", "tests", "passed", "skipped", "failed"],
    all: "all",
    essential: "essential",
    none: "0",
    needs: "needs",
    other: "something else",
    pinned: "the pinned one",
    oldest: "the oldest promised"
  },
  zh: {
    head: ["codex", "测试", "通过", "跳过", "失败"],
    all: "全部",
    essential: "关键",
    none: "0",
    needs: "需要",
    other: "其他条件",
    pinned: "锁定的版本",
    oldest: "承诺的最老版本"
  }
} as const

const table = (outcomes: ReadonlyArray<Outcome>, language: keyof typeof words): string => {
  const { head, needs, none, oldest: oldestWord, other, pinned, ...kinds } = words[language]
  const shortOf = (minor: string) => (minor === "other" ? other : minor.replace(/\.0$/, ""))
  const lines = outcomes.map((outcome) => {
    const { tests, version } = outcome
    const { failed, passed, skipped, skippedFor } = totalOf(outcome)
    const isOldest = minorOf(version) === minorOf(oldest)
    const note = version === codexVersion ? ` (${pinned})` : isOldest ? ` (${oldestWord})` : ""
    const why = skipped === 0 ? none : `${skipped} (${needs} ${skippedFor.map(shortOf).join(", ")})`
    return `| ${version}${note} | ${kinds[tests]} | ${passed} | ${why} | ${failed.length === 0 ? none : `${failed.length}: ${failed.join("; ")}`} |`
  })
  return [`| ${head.join(" | ")} |`, `|${head.map(() => "---").join("|")}|`, ...lines].join("\n")
}

const begin = "<!-- matrix -->"
const end = "<!-- /matrix -->"

const write = (file: string, text: string) => {
  const document = readFileSync(file, "utf8")
  const [before, rest = ""] = document.split(`${begin}\n`)
  const [, after] = rest.split(end)
  if (before === undefined || after === undefined) throw new Error(`${file} has no place for the matrix`)
  writeFileSync(file, `${before}${begin}\n\n${text}\n\n${end}${after}`)
}

const args = process.argv.slice(2)
const named = args.filter((arg) => !arg.startsWith("--"))
const versions = named.length > 0 ? named : protocol.versions
mkdirSync(cache, { recursive: true })
const which = args.includes("--essential") ? "essential" : "all"
const fileOf = (version: string, tests: Outcome["tests"] = which) => path.join(cache, `${version}.${tests}.json`)
if (args.includes("--fresh")) for (const version of versions) rmSync(fileOf(version), { force: true })

const read = (file: string): Outcome => JSON.parse(readFileSync(file, "utf8"))

for (const version of args.includes("--write") ? [] : versions) {
  const kept = existsSync(fileOf(version)) ? read(fileOf(version)) : undefined
  const red = Object.entries(kept?.files ?? {}).flatMap(([file, { failed }]) => (failed.length === 0 ? [] : [file]))
  if (kept !== undefined && (red.length === 0 || !args.includes("--failed"))) continue
  const began = performance.now()
  const { files } = test(version, which, kept !== undefined ? red : which === "essential" ? essential : [])
  const outcome: Outcome = { tests: which, version, files: { ...kept?.files, ...files } }
  writeFileSync(fileOf(version), JSON.stringify(outcome, undefined, 2))
  const { failed, flaky, passed, skipped } = totalOf(outcome)
  process.stdout.write(
    `${version}: ${passed} passed, ${skipped} skipped, ${failed.length} failed, ${flaky.length} flaky, ${Math.round((performance.now() - began) / 1000)} s\n${failed.map((name) => `  ${name}\n`).join("")}`
  )
}

const outcomes = protocol.versions.flatMap((version): ReadonlyArray<Outcome> => {
  const file = [fileOf(version, "all"), fileOf(version, "essential")].find((file) => existsSync(file))
  return file === undefined ? [] : [read(file)]
})
write(path.join(root, "docs", "compatibility.md"), table(outcomes, "en"))
write(path.join(root, "docs", "zh", "compatibility.md"), table(outcomes, "zh"))
for (const { version } of outcomes) {
  process.stdout.write(
    `\n${version}\n${describe(version)
      .map((row) => `  ${row}\n`)
      .join("")}`
  )
}
const red = outcomes.map(totalOf).filter(({ failed, version }) => failed.length > 0 && !isOlder(version, oldest))
process.exitCode = red.length === 0 ? 0 : 1
