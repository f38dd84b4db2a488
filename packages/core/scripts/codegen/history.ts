/**
 * Derives the additions and removals of each protocol version from the outlines of all versions. Runs nothing.
 */
import type { Outline } from "../../../cli/src/Compatibility.ts"
import { type History, minorOf, type Span } from "../../src/protocol/Versions.ts"

type Spans = Readonly<Record<string, Span>>

const spansOf = (
  outlines: ReadonlyArray<Outline>,
  namesOf: (outline: Outline) => ReadonlySet<string>,
  isPossible: (outline: Outline, name: string) => boolean = () => true
): Spans => {
  const all = outlines.map((outline) => ({ outline, names: namesOf(outline) }))
  const names = new Set(all.flatMap(({ names }) => [...names]))
  const spans = [...names].toSorted().flatMap((name): ReadonlyArray<readonly [string, Span]> => {
    const first = all.findIndex(({ names }) => names.has(name))
    const last = all.findLastIndex(({ names }) => names.has(name))
    const before = all[first - 1]
    const after = all[last + 1]
    const span = {
      ...(before !== undefined && isPossible(before.outline, name)
        ? { since: minorOf(all[first]?.outline.version ?? "") }
        : {}),
      ...(after !== undefined && isPossible(after.outline, name) ? { until: minorOf(after.outline.version) } : {})
    }
    return Object.keys(span).length === 0 ? [] : [[name, span]]
  })
  return Object.fromEntries(spans)
}

const methodsOf = (kind: string) => (outline: Outline) =>
  new Set(Object.entries(outline.methods).flatMap(([method, what]) => (isKind(what, kind) ? [method] : [])))

const isKind = (what: string, kind: string) => what === kind || what.startsWith(`${kind} `)

const fieldsOf = (outline: Outline) =>
  new Set(
    Object.entries(outline.methods).flatMap(([method, what]) => {
      if (!isKind(what, "request")) return []
      const shape = outline.shapes[what.slice("request ".length)] ?? []
      return shape.flatMap((fact) => {
        const [, field] = /^\.(\w+)\?/.exec(fact) ?? []
        return field === undefined ? [] : [`${method}.${field}`]
      })
    })
  )

export const historyOf = (outlines: ReadonlyArray<Outline>): History => ({
  versions: outlines.map(({ version }) => version),
  requests: spansOf(outlines, methodsOf("request")),
  serverRequests: spansOf(outlines, methodsOf("server request")),
  notifications: spansOf(outlines, methodsOf("notification")),
  // A field of a new method is not listed, because the method is.
  fields: spansOf(outlines, fieldsOf, (outline, name) => {
    const method = name.slice(0, name.lastIndexOf("."))
    return outline.methods[method] !== undefined
  })
})

export const printHistory = (history: History): string => {
  const rows = (spans: Spans) =>
    Object.entries(spans)
      .map(([name, span]) => `\n    ${JSON.stringify(name)}: ${JSON.stringify(span)}`)
      .join(",")
  const table = (name: keyof Omit<History, "versions">) => `  ${name}: {${rows(history[name])}\n  }`
  return `// Written by \`npm run protocol:history\`. Do not edit.

import type { History } from "./spans.ts"

export const history: History = {
  versions: ${JSON.stringify(history.versions)},
${(["requests", "serverRequests", "notifications", "fields"] as const).map(table).join(",\n")}
}
`
}
