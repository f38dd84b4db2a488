import { describe, expect, it } from "@effect/vitest"
import type { Entrant } from "../measure.ts"
import type { Goal, Section } from "../model.ts"
import { alwaysFails, fails, keyOf, limitOf, resultsOf, verdictOf } from "../report.ts"

const entrant: Entrant = { run: { client: "raw", work: { kind: "start" } } }
const both = (text: string) => ({ en: text, zh: text })

const section = (goal: Goal, options?: Partial<Section>): Section => ({
  name: "section",
  title: both("title"),
  about: both("about"),
  unit: both("ms"),
  digits: 1,
  entrants: new Map([
    ["raw", entrant],
    ["ours", entrant]
  ]),
  value: ({ wall = Number.NaN }) => wall,
  facts: [{ title: both("lost"), of: ({ lost = Number.NaN }) => lost, show: "none" }],
  compare: "ratio",
  rows: [
    { label: both("raw"), entrant: "raw" },
    { label: both("ours"), entrant: "ours", against: "raw", goal }
  ],
  rounds: 3,
  quickRounds: 3,
  ...options
})

const samples = (raw: ReadonlyArray<number>, ours: ReadonlyArray<number>) =>
  new Map([
    ["raw", raw.map((wall) => ({ wall, lost: 0 }))],
    ["ours", ours.map((wall, round) => ({ wall, lost: round }))]
  ])

const most = (target: number): Goal => ({ bound: "most", target })
const least = (target: number): Goal => ({ bound: "least", target })

describe("the summary of samples", () => {
  it("is the median of the ratios within the rounds, and not the ratio of the medians", () => {
    // The machine is slow in the second round, for both.
    const [, ours] = resultsOf(section(most(2)), samples([1, 10, 1], [2, 20, 3]))
    expect(ours).toMatchObject({ value: { median: 3, min: 2, max: 20 }, compared: { median: 2, min: 2, max: 3 } })
    expect(ours).toMatchObject({ judged: 2, verdict: "met" })
  })

  it("is a difference where a section says so", () => {
    const [, ours] = resultsOf(section(most(2), { compare: "difference" }), samples([1, 10, 1], [2, 20, 4]))
    expect(ours).toMatchObject({ compared: { median: 3 }, verdict: "missed" })
  })

  it("keeps the worst of what must not happen", () => {
    const results = resultsOf(section(most(2)), samples([1, 1, 1], [1, 1, 1]))
    expect(results.map(({ facts }) => facts)).toEqual([[0], [2]])
  })

  it("misses the target if it is not a number", () => {
    expect(verdictOf(most(2), Number.NaN)).toBe("missed")
    expect(verdictOf({ ...least(2), stretch: 3 }, 3)).toBe("stretch")
  })
})

describe("the limit of the short version", () => {
  const limit = (goal: Goal, known?: number, options?: Partial<Section>) => {
    const whole = section(goal, options)
    const [, row] = whole.rows
    if (row === undefined) throw new Error("no row")
    return limitOf(whole, row, new Map([["section", new Map(known === undefined ? [] : [[keyOf(row), known]])]]))
  }

  it("is a quarter beyond the target, and never less than twice raw", () => {
    expect(limit(most(1.5))).toBe(2)
    expect(limit(most(1.8))).toBe(2.25)
    expect(limit(least(0.75))).toBe(0.5)
  })

  it("is a quarter beyond what is documented where that misses the target, and as much again beyond twice raw", () => {
    expect(limit(most(1.5), 1.8)).toBe(2.25)
    expect(limit(most(2), 4)).toBe(8)
    expect(limit(most(2), 1)).toBe(2.5)
    expect(limit(least(1.5), 0.25)).toBeCloseTo(1 / 8)
  })

  it("is for ratios and for what means the same on another machine", () => {
    expect(limit(most(110), 200, { compare: "none" })).toBeUndefined()
    expect(limit(most(110), 200, { compare: "none", portable: true })).toBe(250)
  })

  it("fails a result that exceeds it, or is not a number", () => {
    const whole = section(most(1.5))
    const failing = (raw: ReadonlyArray<number>, ours: ReadonlyArray<number>) =>
      resultsOf(whole, samples(raw, ours)).map((result) => fails(whole, result, new Map()))
    expect(failing([1, 1, 1], [2, 2, 2])).toEqual([false, false])
    expect(failing([1, 1, 1], [2, 2.1, 2.1])).toEqual([false, true])
    expect(failing([1, 1, 1], [Number.NaN, Number.NaN, Number.NaN])).toEqual([false, true])
  })

  it("fails a second time only if every round exceeds it", () => {
    const failing = (goal: Goal, raw: ReadonlyArray<number>, ours: ReadonlyArray<number>) => {
      const whole = section(goal)
      return resultsOf(whole, samples(raw, ours)).map((result) => alwaysFails(whole, result, new Map()))
    }
    expect(failing(most(1.5), [1, 1, 1], [1.9, 3, 3])).toEqual([false, false])
    expect(failing(most(1.5), [1, 1, 1], [2.1, 3, 3])).toEqual([false, true])
    expect(failing(least(0.75), [1, 1, 1], [0.1, 0.1, 0.6])).toEqual([false, false])
    expect(failing(least(0.75), [1, 1, 1], [0.1, 0.1, 0.4])).toEqual([false, true])
    expect(failing(most(1.5), [1, 1, 1], [Number.NaN, Number.NaN, Number.NaN])).toEqual([false, true])
  })
})
