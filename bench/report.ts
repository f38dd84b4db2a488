/**
 * Summarizes the samples of a section in a table with its goals, and judges whether they are met.
 */
import { median } from "./clients/workload.ts"
import { type Rounds, type Spread, spread } from "./measure.ts"
import type { Fact, Goal, Language, Row, Section, Text } from "./model.ts"

/** `missed`, `met` or, beyond that, `stretch`. */
export type Verdict = "missed" | "met" | "stretch"

/** The summary of a row's samples. */
export interface Outcome {
  readonly row: Row
  readonly value: Spread
  /** The comparison with the other entrant, taken within each round. */
  readonly compared: Spread | undefined
  /** The facts of the section, in its order. */
  readonly facts: ReadonlyArray<number>
}

export interface Result extends Outcome {
  /** The value that the goal applies to. */
  readonly judged: number | undefined
  readonly verdict: Verdict | undefined
}

const holds = ({ bound }: Goal, limit: number, value: number): boolean =>
  bound === "most" ? value <= limit : value >= limit

export const verdictOf = (goal: Goal, value: number): Verdict =>
  goal.stretch !== undefined && holds(goal, goal.stretch, value)
    ? "stretch"
    : holds(goal, goal.target, value)
      ? "met"
      : "missed"

/**
 * How much worse the short version allows a result to be, because CI machines are noisy. Results above twice raw get more: they
 * depend on the garbage collector and the caches, which differ most between machines.
 */
export const slack = { small: 1.25, large: 2 }

/** The name of a row within its section. */
export const keyOf = ({ against, entrant }: Row): string =>
  against === undefined ? entrant : `${entrant} / ${against}`

/** The judged values of the last full run, by section and row. */
export type Documented = ReadonlyMap<string, ReadonlyMap<string, number>>

export const documentedOf = (results: ReadonlyArray<Result>): ReadonlyMap<string, number> =>
  new Map(results.flatMap(({ judged, row }) => (judged === undefined ? [] : [[keyOf(row), judged] as const])))

/**
 * The limit of the short version: the target or, if that is missed, the documented value, plus slack, and at least twice raw.
 * Times depend on the machine and have no limit.
 */
export const limitOf = (section: Section, row: Row, documented: Documented): number | undefined => {
  const { goal } = row
  if (goal === undefined || (section.compare !== "ratio" && section.portable !== true)) return undefined
  const known = documented.get(section.name)?.get(keyOf(row)) ?? goal.target
  // If more is better, the inverse is the cost.
  const least = goal.bound === "least"
  const cost = least ? 1 / Math.min(goal.target, known) : Math.max(goal.target, known)
  const limit =
    section.compare === "ratio" ? Math.max(2, cost * (cost > 2 ? slack.large : slack.small)) : cost * slack.small
  return least ? 1 / limit : limit
}

/** Whether a result exceeds its limit. A result that is not a number does. */
export const fails = (section: Section, { judged, row }: Result, documented: Documented): boolean => {
  const limit = limitOf(section, row, documented)
  return limit !== undefined && row.goal !== undefined && !holds(row.goal, limit, judged ?? Number.NaN)
}

/** Whether every round of a result exceeds its limit, and not only their median. */
export const alwaysFails = (section: Section, result: Result, documented: Documented): boolean => {
  const rounds = judgedOf(section, result)
  const best = result.row.goal?.bound === "least" ? rounds?.max : rounds?.min
  return fails(section, { ...result, judged: best }, documented)
}

const valuesOf = (section: Section, rounds: Rounds, name: string): ReadonlyArray<number> => {
  const entrant = section.entrants.get(name)
  return entrant === undefined ? [] : (rounds.get(name) ?? []).map((sample) => section.value(sample, entrant))
}

// The numbers that the goal applies to.
const judgedOf = ({ compare }: Section, { compared, value }: Outcome): Spread | undefined =>
  compare === "none" ? value : compared

export const judge = (section: Section, outcome: Outcome): Result => {
  const { row } = outcome
  const judged = row.goal === undefined ? undefined : judgedOf(section, outcome)?.median
  const verdict = row.goal === undefined || judged === undefined ? undefined : verdictOf(row.goal, judged)
  return { ...outcome, judged, verdict }
}

export const resultsOf = (section: Section, rounds: Rounds): ReadonlyArray<Result> =>
  section.rows.map((row) => {
    const values = valuesOf(section, rounds, row.entrant)
    const others = row.against === undefined ? [] : valuesOf(section, rounds, row.against)
    const pairs = others.map((other, index) => {
      const value = values[index] ?? Number.NaN
      return section.compare === "difference" ? value - other : value / other
    })
    return judge(section, {
      row,
      value: spread(values),
      compared: pairs.length === 0 || section.compare === "none" ? undefined : spread(pairs),
      facts: (section.facts ?? []).map(({ of, show }) => {
        const all = (rounds.get(row.entrant) ?? []).map(of)
        return show === "median" ? median(all) : show === "yes" ? Math.min(...all) : Math.max(...all)
      })
    })
  })

/** Whether a fact reports a failure, such as lost text or an unanswered request. */
export const isBad = ({ show }: Fact, fact: number | undefined): boolean =>
  (show === "none" && fact !== 0) || (show === "yes" && fact !== 1)

const words = {
  measured: { en: "measured", zh: "实测" },
  median: { en: "median", zh: "中位数" },
  range: { en: "min … max", zh: "最小 … 最大" },
  compared: { en: "compared", zh: "对比" },
  target: { en: "target", zh: "目标" },
  stretch: { en: "stretch", zh: "更高目标" },
  result: { en: "result", zh: "结果" },
  yes: { en: "yes", zh: "是" },
  no: { en: "no", zh: "否" }
} satisfies Record<string, Text>

const marks = {
  comma: { en: ", ", zh: "，" },
  colon: { en: ": ", zh: "：" }
} satisfies Record<string, Text>

const verdicts = {
  missed: { en: "**missed**", zh: "**未达到**" },
  met: { en: "met", zh: "达到" },
  stretch: { en: "stretch met", zh: "达到更高目标" }
} satisfies Record<Verdict, Text>

const thousands = (value: number, digits: number): string =>
  value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits })

const limit = ({ compare, unit }: Section, { bound }: Goal, value: number | undefined, language: Language): string => {
  if (value === undefined) return ""
  const sign = bound === "most" ? "≤" : "≥"
  if (compare === "ratio") return `${sign} ${value} ×`
  return `${sign} ${compare === "difference" ? "+" : ""}${value} ${unit[language]}`
}

// The label of the entrant that a row is compared with.
const nameOf = (section: Section, entrant: string, language: Language): string =>
  section.rows.find((row) => row.entrant === entrant)?.label[language] ?? entrant

const comparison = (section: Section, { compared, row }: Result, language: Language): string => {
  if (compared === undefined || row.against === undefined) return ""
  const name = nameOf(section, row.against, language)
  if (section.compare === "ratio") return `${compared.median.toFixed(2)} × ${name}`
  const sign = compared.median < 0 ? "" : "+"
  const more = `${sign}${thousands(compared.median, section.digits)} ${section.unit[language]}`
  return language === "en" ? `${more} over ${name}` : `${more}（对比 ${name}）`
}

/** A table in Markdown. */
export const tableOf = (heads: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const line = (cells: ReadonlyArray<string>) => `| ${cells.join(" | ")} |`
  return [line(heads), line(heads.map((_, index) => (index === 0 ? "---" : "---:"))), ...rows.map(line)].join("\n")
}

/** A section's results as a table. */
export const table = (section: Section, results: ReadonlyArray<Result>, language: Language): string => {
  const facts = section.facts ?? []
  const heads = [
    "",
    `${section.unit[language]}${marks.comma[language]}${words.median[language]}`,
    words.range[language],
    words.compared[language],
    words.target[language],
    words.stretch[language],
    words.result[language],
    ...facts.map(({ title }) => title[language])
  ]
  const rows = results.map((result) => {
    const { row, value, verdict } = result
    const { goal } = row
    return [
      row.label[language],
      thousands(value.median, section.digits),
      `${thousands(value.min, section.digits)} … ${thousands(value.max, section.digits)}`,
      comparison(section, result, language),
      goal === undefined ? "" : limit(section, goal, goal.target, language),
      goal === undefined ? "" : limit(section, goal, goal.stretch, language),
      verdict === undefined ? "" : verdicts[verdict][language],
      ...facts.map(({ show }, index) => {
        const fact = result.facts[index] ?? Number.NaN
        return show === "yes" ? words[fact === 1 ? "yes" : "no"][language] : thousands(fact, show === "none" ? 0 : 1)
      })
    ]
  })
  return tableOf(heads, rows)
}

/** The title and the outcome of a result, as shown outside its section. */
export const describe = (section: Section, result: Result, language: Language) => ({
  what: `${section.title[language]}${marks.colon[language]}${result.row.label[language]}`,
  outcome:
    comparison(section, result, language) ||
    `${thousands(result.value.median, section.digits)} ${section.unit[language]}`
})

/** All results that have a goal, in one table. */
export const summary = (
  measured: ReadonlyArray<{ readonly section: Section; readonly results: ReadonlyArray<Result> }>,
  language: Language
): string => {
  const heads = ["", ...[words.measured, words.target, words.stretch, words.result].map((word) => word[language])]
  const rows = measured.flatMap(({ results, section }) =>
    results.flatMap((result) => {
      const { row, verdict } = result
      const { goal } = row
      if (goal === undefined || verdict === undefined) return []
      const { outcome, what } = describe(section, result, language)
      const limits = [goal.target, goal.stretch].map((value) => limit(section, goal, value, language))
      return [[what, outcome, ...limits, verdicts[verdict][language]]]
    })
  )
  return tableOf(heads, rows)
}
