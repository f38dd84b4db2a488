/**
 * Measures the cost of installing and importing the packages: their sizes, and the modules that an import loads.
 *
 * Both are compared with `budget.json`. Times are only printed, because they depend on the machine.
 */
import { execFileSync } from "node:child_process"
import { readFileSync, statSync, writeFileSync } from "node:fs"
import * as path from "node:path"

const budgetFile = path.join(import.meta.dirname, "budget.json")

/** Entries that stand for how the packages are used. */
const entries = [
  "@effect-codex/core",
  "@effect-codex/core/Codex",
  "@effect-codex/core/PolicyEngine",
  "@effect-codex/core/testing",
  "@effect-codex/policy",
  "@effect-codex/policy/RuleBasedPolicy",
  "@effect-codex/ai",
  "@effect-codex/durable"
]

/** The result of each measurement: a size in kilobytes, or a number of loaded modules. */
export type Costs = Readonly<Record<string, number>>

export const sizesOf = (name: string, tarball: string, files: ReadonlyArray<{ readonly size: number }>): Costs => ({
  [`${name}: packed, kB`]: Math.ceil(statSync(tarball).size / 1000),
  [`${name}: unpacked, kB`]: Math.ceil(files.reduce((total, { size }) => total + size, 0) / 1000)
})

// Records each import as it is resolved, then prints the number of modules that each entry reaches.
const counter = (names: ReadonlyArray<string>) => `
import { registerHooks } from "node:module"
const edges = new Map()
registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context)
    if (!resolved.url.startsWith("node:")) {
      const of = edges.get(context.parentURL) ?? new Set()
      edges.set(context.parentURL, of.add(resolved.url))
    }
    return resolved
  }
})
const counts = {}
for (const name of ${JSON.stringify(names)}) {
  await import(name)
  const reached = new Set([import.meta.resolve(name)])
  for (const url of reached) for (const other of edges.get(url) ?? []) reached.add(other)
  counts[name + ": modules"] = reached.size
}
console.log(JSON.stringify(counts))
`

const evaluate = (cwd: string, code: string) =>
  execFileSync(process.execPath, ["--input-type=module", "-e", code], { cwd, encoding: "utf8" })

/** Modules that each entry loads, in a project that has the packages. */
export const modulesOf = (project: string): Costs => JSON.parse(evaluate(project, counter(entries)))

/** How long Node takes to start and import, as a multiple of a start without any import; the shortest of three. */
export const timesOf = (project: string): ReadonlyArray<readonly [name: string, ratio: number]> => {
  const least = (code: string) =>
    Math.min(
      ...[1, 2, 3].map(() => {
        const begin = performance.now()
        evaluate(project, code)
        return performance.now() - begin
      })
    )
  const empty = least("")
  return entries.map((name) => [name, least(`import ${JSON.stringify(name)}`) / empty])
}

/** The costs that exceed the budget, one line each. */
export const compare = (costs: Costs): ReadonlyArray<string> => {
  const budget: Costs = JSON.parse(readFileSync(budgetFile, "utf8"))
  return Object.entries(costs).flatMap(([name, cost]) => {
    const most = budget[name]
    if (most === undefined) return [`${name} is ${cost} and has no budget`]
    return cost > most ? [`${name} is ${cost}, and its budget is ${most}`] : []
  })
}

/** Writes a new budget: the current costs plus 5 %. */
export const rebudget = (costs: Costs): void =>
  writeFileSync(
    budgetFile,
    `${JSON.stringify(Object.fromEntries(Object.entries(costs).map(([name, cost]) => [name, Math.ceil(cost * 1.05)])), null, 2)}\n`
  )
