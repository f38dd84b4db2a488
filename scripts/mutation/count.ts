/**
 * Counts the mutants of a module that tests notice, in one process that switches them one after the other.
 *
 *     npm run mutation:count -- MODULE --tests NAME[,NAME…] [--sample N] [--seed N] [--isolate]
 *
 * The mutants are those of Stryker. A test runs with the mutants that it reaches, until one test has noticed them. Mutants of what is
 * evaluated when the module loads, or kept from then on, run in an instance of the module of their own. So do all mutants with
 * `--isolate`, for a module with a state of its own, such as a lock.
 */
import { Instrumenter } from "@stryker-mutator/instrumenter"
import { readFileSync } from "node:fs"
import * as path from "node:path"
import { parseArgs } from "node:util"
import { createVitest } from "vitest/node"
import type { RunnerTask, RunnerTestFile } from "vitest"
import { numbers } from "../../packages/policy/test/numbers.ts"

const root = path.join(import.meta.dirname, "..", "..")
const usage = "Usage: npm run mutation:count -- MODULE --tests NAME[,NAME…] [--sample N] [--seed N] [--isolate]"

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    tests: { type: "string" },
    sample: { type: "string" },
    seed: { type: "string" },
    isolate: { type: "boolean", default: false }
  }
})
const [module] = positionals
if (module === undefined || values.tests === undefined) {
  process.stderr.write(`${usage}\n`)
  process.exit(2)
}

const file = path.resolve(root, module)
const source = readFileSync(file, "utf8")
const package_ = path.relative(root, file).split(path.sep).slice(0, 2).join("/")
const tests = values.tests.split(",").map((name) => path.join(root, package_, "test", `${name}.test.ts`))

const silent = () => {}
const no = () => false
const logger = {
  isTraceEnabled: no,
  isDebugEnabled: no,
  isInfoEnabled: no,
  isWarnEnabled: no,
  isErrorEnabled: no,
  isFatalEnabled: no,
  trace: silent,
  debug: silent,
  info: silent,
  warn: silent,
  error: silent,
  fatal: silent
}
const { files, mutants } = await new Instrumenter(logger).instrument([{ name: file, content: source, mutate: true }], {
  plugins: null,
  excludedMutations: [],
  ignorers: []
})
const code = files[0]?.content ?? ""

// Stands for the module, and gives on what the instance in use exports, also to a module that keeps a function of it.
const exported = [...source.matchAll(/^export (?:const|function|class|let) (\w+)/gm)].map(([, name = ""]) => name)
const facade = `import * as first from ${JSON.stringify(`${file}?mutant=none`)}
let current = first
const follow = (name) =>
  typeof current[name] !== "function" || /^class\\b/.test(Function.prototype.toString.call(current[name]))
    ? current[name]
    : new Proxy(current[name], { apply: (_, self, args) => Reflect.apply(current[name], self, args) })
${exported.map((name) => `export let ${name} = follow("${name}")`).join("\n")}
globalThis.__instance__ = {
  first,
  use: (instance) => {
    current = instance
    ${exported.map((name) => `${name} = follow("${name}")`).join("\n    ")}
  }
}
`

const seed = Number(values.seed ?? 1)
const random = numbers(seed)
const chosen = mutants
  .map((mutant) => ({ mutant, at: random() }))
  .sort((a, b) => a.at - b.at)
  .slice(0, values.sample === undefined ? undefined : Number(values.sample))
  .map(({ mutant }) => mutant)

const vitest = await createVitest(
  {
    root,
    config: false,
    watch: false,
    include: tests.map((test) => path.relative(root, test)),
    runner: path.join(import.meta.dirname, "runner.ts"),
    reporters: [{}],
    pool: "forks",
    maxWorkers: 1,
    // It would hand the mutants on to other runs.
    fsModuleCache: false,
    bail: 1,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    onConsoleLog: () => false
  },
  {
    plugins: [
      {
        name: "mutants",
        enforce: "pre",
        load: (id) => {
          if (id === file) return { code: facade, map: null }
          return id.startsWith(`${file}?mutant=`) ? { code, map: null } : null
        }
      }
    ]
  }
)

const tasksOf = (task: RunnerTask): ReadonlyArray<RunnerTask> =>
  "tasks" in task ? [task, ...task.tasks.flatMap(tasksOf)] : [task]

const living = new Set(chosen.map(({ id }) => id))
const reached = new Set<string>()
for (const test of tests) {
  vitest.provide("mutation", { file, living: [...living], isolate: values.isolate })
  vitest.state.filesMap.clear()
  await vitest.start([test])
  const tasks = vitest.state.getFiles().flatMap((file: RunnerTestFile) => tasksOf(file))
  // A file and its groups also fail if a test in them does.
  const failed = tasks.findLast(({ result }) => result?.state === "fail")
  const errors = [...vitest.state.errorsSet].map(String)
  if (failed !== undefined || errors.length > 0 || !tasks.some(({ type }) => type === "test")) {
    const why = failed?.result?.errors?.map(({ stack, message }) => stack ?? message).join("\n") ?? errors.join("\n")
    process.stderr.write(`${path.relative(root, test)} does not pass without a mutant: ${failed?.name}\n${why}\n`)
    process.exit(1)
  }
  for (const { meta } of tasks) {
    for (const id of meta.mutation?.noticed ?? []) living.delete(id)
    for (const id of meta.mutation?.reached ?? []) reached.add(id)
  }
  process.stderr.write(`${path.basename(test)}: ${chosen.length - living.size} of ${chosen.length} noticed\n`)
}
await vitest.close()

const lines = source.split("\n")
const shorten = (text: string) => {
  const line = text.replace(/\s+/g, " ").trim()
  return line.length > 100 ? `${line.slice(0, 99)}…` : line
}
for (const { id, location, replacement } of chosen.toSorted((a, b) => Number(a.id) - Number(b.id))) {
  if (!living.has(id)) continue
  const { end, start } = location
  const original = lines.slice(start.line, end.line + 1).join("\n")
  const cut = original.slice(start.column, original.length - ((lines[end.line] ?? "").length - end.column))
  console.log(
    `${start.line + 1}:${start.column + 1} ${shorten(cut)}\n    → ${shorten(replacement)}${reached.has(id) ? "" : " (no test reaches it)"}`
  )
}
const noticed = chosen.length - living.size
const of =
  chosen.length === mutants.length ? `${mutants.length}` : `${chosen.length} of ${mutants.length}, seed ${seed}`
console.log(`${path.relative(root, file)}: ${of}: ${noticed} noticed, ${Math.floor((100 * noticed) / chosen.length)} %`)
