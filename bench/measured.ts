/**
 * The results of a full run, as `docs/benchmarks/measured.json` stores them. The documents are generated from them, and the short
 * version compares its results with them.
 */
import type { Spread } from "./measure.ts"
import type { Curve, Section } from "./model.ts"
import { type Documented, documentedOf, judge, keyOf, type Result } from "./report.ts"
import type { Line } from "./svg.ts"

export interface About {
  readonly date: string
  readonly machine: string
  /** The load averages before the run. */
  readonly load: string
  /** The versions of Node, codex and the clients, by name. */
  readonly versions: Readonly<Record<string, string>>
}

export interface Measured extends About {
  readonly sections: ReadonlyArray<{ readonly section: Section; readonly results: ReadonlyArray<Result> }>
  readonly curves: ReadonlyArray<{ readonly curve: Curve; readonly lines: ReadonlyArray<Line> }>
}

/** The stored numbers, by the names of sections, rows and curves. */
interface Kept extends About {
  readonly sections: Readonly<Record<string, Readonly<Record<string, KeptRow>>>>
  readonly curves: Readonly<Record<string, ReadonlyArray<Line>>>
}

interface KeptRow {
  readonly value: Spread
  readonly compared?: Spread | undefined
  /** JSON has no NaN, so a missing fact is null. */
  readonly facts: ReadonlyArray<number | null>
}

export const write = ({ curves, sections, ...about }: Measured): string => {
  const kept: Kept = {
    ...about,
    sections: Object.fromEntries(
      sections.map(({ results, section }) => [
        section.name,
        Object.fromEntries(
          results.map(({ compared, facts, row, value }) => [keyOf(row), { value, compared, facts }] as const)
        )
      ])
    ),
    curves: Object.fromEntries(curves.map(({ curve, lines }) => [curve.name, lines]))
  }
  const rounded = (_: string, value: unknown) => (typeof value === "number" ? Number(value.toPrecision(6)) : value)
  // One line for each spread or list of numbers makes a diff readable.
  const innermost = /[{[][^{}[\]]*[}\]]/g
  return `${JSON.stringify(kept, rounded, 1).replaceAll(innermost, (text) => text.replaceAll(/\s+/g, " "))}\n`
}

/** Reads the stored numbers. Skips sections, rows and curves that no longer exist or have not been measured yet. */
export const read = (json: string, sections: ReadonlyArray<Section>, curves: ReadonlyArray<Curve>): Measured => {
  const kept: Kept = JSON.parse(json)
  return {
    ...kept,
    sections: sections.flatMap((section) => {
      const rows = kept.sections[section.name]
      if (rows === undefined) return []
      const results = section.rows.flatMap((row) => {
        const found = rows[keyOf(row)]
        if (found === undefined) return []
        const facts = found.facts.map((fact) => fact ?? Number.NaN)
        return [judge(section, { row, value: found.value, compared: found.compared, facts })]
      })
      return [{ section, results }]
    }),
    curves: curves.flatMap((curve) => {
      const lines = kept.curves[curve.name]
      return lines === undefined ? [] : [{ curve, lines }]
    })
  }
}

/** The earlier results, with newer ones where there are any. */
export const replaced = (before: Measured, newer: Measured): Measured => ({
  ...newer,
  sections: [
    ...before.sections.map((old) => newer.sections.find(({ section }) => section.name === old.section.name) ?? old),
    // Sections that had not been measured before.
    ...newer.sections.filter(({ section }) => !before.sections.some((old) => old.section.name === section.name))
  ],
  curves: before.curves.map((old) => newer.curves.find(({ curve }) => curve.name === old.curve.name) ?? old)
})

export const documentedIn = ({ sections }: Measured): Documented =>
  new Map(sections.map(({ results, section }) => [section.name, documentedOf(results)]))
