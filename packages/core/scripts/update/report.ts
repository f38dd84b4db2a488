/**
 * Reports the differences between two versions of the protocol, and the required changes of this package's API. Runs nothing and
 * reads nothing.
 */
import { deadlineOf } from "../codegen/methods.ts"
import type { Affected, Changes, Comparison } from "./changes.ts"

/** The functions of each method, according to the tables in `docs/api.md`. */
export type Functions = ReadonlyMap<string, ReadonlyArray<string>>

export const readFunctions = (document: string): Functions => {
  const codeIn = (cell = "") => Array.from(cell.matchAll(/`([^`]+)`/g), ([, code = ""]) => code)
  return new Map(
    document
      .split("\n")
      .filter((line) => line.startsWith("| `"))
      .map((line) => {
        const [, method, functions] = line.split("|")
        return [codeIn(method)[0] ?? "", codeIn(functions)]
      })
  )
}

const plural = (count: number, noun: string) => `${count} ${noun}${count === 1 ? "" : "s"}`

const list = (title: string, changes: ReadonlyArray<Changes>): ReadonlyArray<string> => [
  `\n## ${title}`,
  ...(changes.length === 0 ? ["\nNone."] : []),
  ...changes.flatMap(({ changes, name }) => [`\n${name}`, ...changes.map(({ sign, text }) => `  ${sign} ${text}`)])
]

const some = (names: ReadonlyArray<string>) =>
  names.length <= 4 ? names.join(", ") : `${names.slice(0, 4).join(", ")} and ${names.length - 4} more`

const hasDeadline = (method: string) => {
  try {
    deadlineOf(method)
    return true
  } catch {
    return false
  }
}

const ofApi = (affected: ReadonlyArray<Affected>, functions: Functions): ReadonlyArray<string> => {
  const because = (cause: string) => affected.filter(({ causes }) => causes.includes(cause))
  const added = because("added").map(
    ({ method }) => `  + ${method}${hasDeadline(method) ? "" : "; it needs a deadline class in codegen/methods.ts"}`
  )
  // A method without a function is called by its name, with `request`.
  const called = (method: string) => {
    const [first = method, ...others] = functions.get(method) ?? []
    return first.startsWith("request") ? `${first}("${method}")` : [first, ...others].join(", ")
  }
  const removed = because("removed").map(({ method }) => `  - ${called(method)}`)
  const changed = affected
    .filter(({ causes }) => !causes.includes("added") && !causes.includes("removed"))
    .map(({ causes, method }) => `  ~ ${called(method)}: ${some(causes)}`)
  const section = (title: string, lines: ReadonlyArray<string>) => (lines.length === 0 ? [] : [`\n${title}`, ...lines])
  return [
    "\n## Our API",
    ...(affected.length === 0 ? ["\nNothing changes."] : []),
    ...section("Methods to give a function, or `request`, in docs/api.md and docs/zh/api.md", added),
    ...section("Functions whose method was removed", removed),
    ...section("Functions whose parameters or answers change, and why", changed)
  ]
}

export const report = (
  before: string,
  after: string,
  { affected, methods, shapes }: Comparison,
  functions: Functions
): string =>
  [
    `# codex ${before} → ${after}`,
    ...list("Methods", methods),
    ...list("Shapes", shapes),
    ...ofApi(affected, functions),
    "",
    `${plural(methods.flatMap(({ changes }) => changes).length, "change")} of methods, ${plural(shapes.length, "changed shape")}, ${plural(affected.length, "affected method")}`
  ].join("\n")
