/**
 * Moves the project to another version of codex: `npm run protocol:update -- VERSION|latest [--dry-run | --no-tests]`.
 *
 * Installs that version into the cache and prints the differences in its protocol and their consequences for our API. Then it
 * writes the generated modules, the table of versions, the pins, the lockfile, the rows of methods, the recorded transcript, the
 * public API as text and a changeset, type-checks, and runs the tests. The steps that are left to a person are counted and listed
 * at the end. A dry run only prints. If the generator cannot decide something, it stops before anything is written and says what
 * to do.
 */
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import { codegen, describeProtocol, findBinary } from "../packages/core/scripts/codegen.ts"
import { generate, leftovers } from "../packages/core/scripts/codegen/generate.ts"
import { compareEditions } from "../packages/core/scripts/update/changes.ts"
import * as Documents from "../packages/core/scripts/update/documents.ts"
import { readFunctions, report } from "../packages/core/scripts/update/report.ts"
import { installCodex } from "./codex-version.ts"
import { must } from "./pack.ts"
import { installed, root } from "./packages.ts"
import { writeHistory } from "./protocol-history.ts"

const [named, ...flags] = process.argv.slice(2)
if (named === undefined || flags.some((flag) => flag !== "--dry-run" && flag !== "--no-tests")) {
  process.stdout.write("npm run protocol:update -- VERSION|latest [--dry-run | --no-tests]\n")
  process.exit(1)
}

const say = (text: string) => process.stdout.write(`${text}\n`)
const version = named === "latest" ? must("npm", ["view", "@openai/codex", "version"]).trim() : named
const before = describeProtocol(findBinary())
const after = describeProtocol(installCodex(version))
const comparison = compareEditions(before, after)
const functions = readFunctions(readFileSync(path.join(root, "docs", "api.md"), "utf8"))
say(`${report(before.version, after.version, comparison, functions)}\n`)

try {
  generate(after)
} catch (error) {
  say(`The generator needs a decision before it can write this version.\n${error}`)
  process.exit(1)
}

if (flags.includes("--dry-run")) {
  say("This was a dry run: nothing was written.")
  process.exit(0)
}

const steps = [...Documents.decisions(comparison), ...leftovers(after)]

const edit = (file: string, change: (text: string) => string | undefined) => {
  const text = readFileSync(path.join(root, file), "utf8")
  const changed = change(text)
  if (changed === undefined) steps.push(`Bring the transcript in ${file} up to date: npm run record:protocol`)
  else writeFileSync(path.join(root, file), changed)
}

// The type checker also gives advice, in which a failure would be hard to find.
const isAdvice = (line: string) => /: suggestion TS\d+: /.test(line)

// Runs one of the checks and prints the output of a failed one.
const check = (what: string, command: string, args: ReadonlyArray<string>): string => {
  say(`\n${what} …`)
  const { status, stderr, stdout } = spawnSync(command, args, { cwd: root, encoding: "utf8" })
  if (status === 0) return ""
  const output = `${stdout}${stderr}`.split("\n").filter((line) => !isAdvice(line))
  say(output.join("\n"))
  return output.join("\n")
}

codegen(root, after)
writeHistory([after.version])
const translated = (name: string) => [`docs/${name}.md`, `docs/zh/${name}.md`]
for (const file of [
  "package.json",
  "examples/starter/package.json",
  ...translated("compatibility"),
  ...translated("limits"),
  ...translated("protocol")
]) {
  edit(file, (text) => Documents.repin(text, before.version, after.version))
}
const methodsOf = (edition: "experimental" | "stable") => after[edition].clientRequests.map(({ method }) => method)
for (const file of translated("api")) {
  edit(file, (text) => Documents.reconcile(text, methodsOf("stable"), methodsOf("experimental")))
}
writeFileSync(
  path.join(root, ".changeset", `codex-${after.version.replaceAll(".", "-")}.md`),
  Documents.changeset(before.version, after.version, comparison)
)

const { packageManager } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"))
must("npx", ["-y", packageManager, "install", "--no-frozen-lockfile", "--reporter=append-only"])

const transcript = must(process.execPath, ["scripts/record-protocol.ts"]).trim().split("\n")
for (const file of translated("protocol")) edit(file, (text) => Documents.rerecord(text, transcript))

const compiled = check("Types", installed("tsc"), ["-b", "tsconfig.json"])
for (const file of new Set(Array.from(compiled.matchAll(/^(\S+\.ts)\(\d+,\d+\): error/gm), ([, file = ""]) => file))) {
  steps.push(`Make ${file} compile`)
}
if (check("The public API", process.execPath, ["scripts/api-surface.ts", "--update"]) !== "") {
  steps.push("Write the public API: npm run api:update")
}

if (!flags.includes("--no-tests")) {
  const file = path.join(root, "node_modules", ".cache", "protocol-update.json")
  mkdirSync(path.dirname(file), { recursive: true })
  rmSync(file, { force: true })
  say("\nTests …")
  const vitest = ["run", "--reporter=json", `--outputFile=${file}`]
  spawnSync(installed("vitest"), vitest, { cwd: root, stdio: ["ignore", "ignore", "inherit"] })
  const { testResults } = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : { testResults: [] }
  if (testResults.length === 0) steps.push("Run the tests: npm test")
  for (const { assertionResults, message, name, status } of testResults) {
    const failed = assertionResults.filter(({ status }: { readonly status: string }) => status === "failed")
    for (const { fullName } of failed) steps.push(`Look at the test "${fullName}" in ${path.relative(root, name)}`)
    if (status === "failed" && failed.length === 0) steps.push(`Load ${path.relative(root, name)}: ${message}`)
  }
} else steps.push("Run the tests: npm test")
steps.push(`Add the row of ${after.version} to the table of versions: npm run matrix -- --essential ${after.version}`)
steps.push("Read the diff of packages/*/api.txt, and put into the changeset what users will notice")

say(`\nThe project is on codex ${after.version}. ${steps.length} steps are left:`)
for (const [index, step] of steps.entries()) say(`${index + 1}. ${step}`)
