/**
 * Updates the documents for another codex version, and lists the remaining manual steps. Works only on texts: runs nothing and
 * reads nothing.
 */
import type { Changes, Comparison } from "./changes.ts"

/** Replaces the pinned codex version wherever a document names it. */
export const repin = (text: string, before: string, after: string): string =>
  [
    ["codex ", " |"],
    ["Connected to codex ", "."],
    ["recorded from codex ", ","],
    ["录自 codex ", "，"],
    ["Made from codex ", "."],
    ["由 codex ", " 生成"],
    ['"@openai/codex": "', '"']
  ].reduce((text, [left, right]) => text.replaceAll(`${left}${before}${right}`, `${left}${after}${right}`), text)

/**
 * Updates the tables of methods, so that they have exactly one row for each method: the first table the stable ones, the second
 * the experimental ones. A new method is listed with `request` until it gets a function.
 */
export const reconcile = (
  document: string,
  stable: ReadonlyArray<string>,
  experimental: ReadonlyArray<string>
): string => {
  const tables = [
    { call: "request", methods: stable },
    { call: "requestExperimental", methods: experimental.filter((method) => !stable.includes(method)) }
  ]
  const isRow = (line: string | undefined) => line?.startsWith("| `") === true
  const methodOf = (row: string) => /^\| `([^`]+)`/.exec(row)?.[1] ?? ""
  const lines: Array<string> = []
  let rows: Array<string> = []
  let table = 0
  for (const line of [...document.split("\n"), undefined]) {
    if (isRow(line)) rows.push(line ?? "")
    else {
      const { call, methods } = tables[table] ?? { call: "", methods: [] }
      if (rows.length > 0) {
        const known = new Map(rows.map((row) => [methodOf(row), row]))
        lines.push(...methods.toSorted().map((method) => known.get(method) ?? `| \`${method}\` | \`${call}\` |  |`))
        table++
      }
      rows = []
      if (line !== undefined) lines.push(line)
    }
  }
  return lines.join("\n")
}

/** Replaces the messages of a document's transcript, and keeps the text between; `undefined` if their number differs. */
export const rerecord = (document: string, transcript: ReadonlyArray<string>): string | undefined => {
  const isLine = (line: string) => /^[<>] \{/.test(line)
  const lines = document.split("\n")
  if (lines.filter(isLine).length !== transcript.length) return undefined
  let next = 0
  return lines.map((line) => (isLine(line) ? (transcript[next++] ?? line) : line)).join("\n")
}

const added = (changes: ReadonlyArray<Changes>, name: string): ReadonlyArray<string> =>
  changes
    .filter((shape) => shape.name === name)
    .flatMap(({ changes }) => changes.filter(({ sign }) => sign === "+").map(({ text }) => text))

/** A changelog entry. */
export const changeset = (before: string, after: string, { affected, methods, shapes }: Comparison): string => {
  const because = (cause: string) => affected.filter(({ causes }) => causes.includes(cause)).map(({ method }) => method)
  const named = (title: string, names: ReadonlyArray<string>) =>
    names.length === 0 ? [] : [`${title}: ${names.map((name) => `\`${name}\``).join(", ")}.`]
  return `---
"@effect-codex/core": minor
---

${[
  `The protocol is that of codex ${after}; it was that of ${before}.`,
  ...named("New methods", because("added")),
  ...named("Removed methods", because("removed")),
  ...named(
    "New notifications",
    added(methods, "Notifications").map((text) => text.split(":")[0] ?? text)
  ),
  `Changed shapes: ${shapes.length}.`
].join(" ")}
`
}

/** The decisions that a person must make, one line each. */
export const decisions = ({ affected, methods, shapes }: Comparison): ReadonlyArray<string> => [
  ...added(methods, "Server requests").map(
    (text) => `Say who decides on ${text} and how it is declined, in internal/approval/answer.ts`
  ),
  ...added(shapes, "CodexErrorInfo").map(
    (text) => `Name the reason ${text} of a failed turn, in CodexError.ts, wireErrors.ts and docs/errors.md`
  ),
  ...added(shapes, "ThreadItem").map((text) => `Say what the item ${text} is to events, policies and the judge`),
  ...affected.flatMap(({ causes, method }) =>
    causes.includes("added") ? [`Give ${method} a function in api/, or leave it to \`request\``] : []
  )
]
