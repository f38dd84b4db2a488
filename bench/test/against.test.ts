import { assert, describe, it } from "@effect/vitest"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as path from "node:path"
import { runFile } from "../../scripts/run-command.ts"
import { compare, cpuLimit, leastNoise, ownRows, resolve, type Round, tableOfComparisons } from "../against.ts"
import { sections } from "../sections.ts"

const root = path.join(import.meta.dirname, "..", "..")

const round = (ours: number, theirs: number, again: number): Round => ({ ours, theirs, again })
const time = { cpu: false, moreIsBetter: false }
const cpu = { cpu: true, moreIsBetter: false }
const rate = { cpu: false, moreIsBetter: true }

describe("compare", () => {
  it("a quiet machine: a difference beyond the least noise counts", () => {
    const quiet = (ours: number) =>
      compare(
        [1, 2, 3].map(() => round(ours, 100, 100)),
        time
      )
    assert.strictEqual(quiet(100).noise, leastNoise)
    assert.isFalse(quiet(100.9).isWorse)
    assert.isTrue(quiet(102).isWorse)
    assert.isFalse(quiet(50).isWorse)
  })

  it("a commit that differs from itself by a tenth: a tenth more is allowed", () => {
    const noisy = (ours: number) =>
      compare(
        [1, 2, 3].map(() => round(ours, 100, 110)),
        time
      )
    assert.closeTo(noisy(109).allowed, 0.1, 1e-9)
    assert.isFalse(noisy(109).isWorse)
    assert.isTrue(noisy(111).isWorse)
  })

  it("rounds that scatter: the scatter is noise, and less with more rounds", () => {
    const scatter = [80, 90, 100, 110, 120].map((again) => round(100, 100, again))
    const few = compare(scatter, time).noise
    const many = compare([...scatter, ...scatter, ...scatter, ...scatter], time).noise
    assert.isAbove(few, 0.1)
    assert.closeTo(many, few / 2, 1e-9)
  })

  it("CPU: the noise allows no more than the limit", () => {
    const noisy = (ours: number) =>
      compare(
        [1, 2, 3].map(() => round(ours, 100, 130)),
        cpu
      )
    assert.strictEqual(noisy(100).allowed, cpuLimit)
    assert.isFalse(noisy(104).isWorse)
    assert.isTrue(noisy(106).isWorse)
  })

  it("a rate: less is worse", () => {
    const rates = (ours: number) =>
      compare(
        [1, 2, 3].map(() => round(ours, 100, 100)),
        rate
      )
    assert.isTrue(rates(90).isWorse)
    assert.isFalse(rates(110).isWorse)
    assert.closeTo(rates(50).ratio, 2, 1e-9)
  })

  it("a drift of the machine within a run: ratios of a round cancel it", () => {
    const drift = [1, 2, 4].map((speed) => round(100 * speed, 100 * speed, 100 * speed))
    assert.strictEqual(compare(drift, time).ratio, 1)
  })

  for (const [what, value] of [
    ["no number", Number.NaN],
    ["infinity", Number.POSITIVE_INFINITY]
  ] as const) {
    it(`${what} is worse`, () => {
      assert.isTrue(compare([round(value, 100, 100)], time).isWorse)
    })
  }
})

describe("the rows that take part", () => {
  it("are those of this project's clients, each entrant once", () => {
    const names = sections.flatMap((section) => ownRows(section).map(({ entrant }) => `${section.name} ${entrant}`))
    assert.strictEqual(new Set(names).size, names.length)
    assert.includeMembers(names, ["burst effectCodex", "burst each", "start cli", "start bundled", "rules rules"])
    assert.deepStrictEqual(
      names.filter((name) => /raw|vscode|acp|codexSdk|checked/.test(name)),
      []
    )
    for (const section of sections) assert.isAbove(ownRows(section).length, 0, section.name)
  })

  it("a row that the commit does not have is in the table, and no failure", () => {
    const [section] = sections
    const [row] = section === undefined ? [] : ownRows(section)
    if (section === undefined || row === undefined) return assert.fail("no row")
    assert.include(tableOfComparisons([{ section, row, comparison: "missing" }]), "not in that commit")
    assert.include(tableOfComparisons([{ section, row, comparison: "failed" }]), "**failed**")
  })
})

describe("--against", () => {
  it.live("a commit by its name", () =>
    Effect.gen(function* () {
      assert.match(yield* resolve(root, "HEAD"), /^[0-9a-f]{40}$/)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  for (const [args, message] of [
    [["--against", "no-such-commit"], /There is no commit "no-such-commit"/],
    [["--against=--all"], /There is no commit "--all"/],
    [["--against="], /There is no commit ""/],
    [["--against", "HEAD:bench"], /There is no commit/],
    [["--against", "HEAD", "--quick"], /--against cannot be combined with --quick or --docs/],
    [["--against", "HEAD", "--docs"], /--against cannot be combined with --quick or --docs/],
    [["--against", "HEAD", "--only", "cost-turns"], /--against has no rows in cost-turns/],
    [["--against", "HEAD", "--rounds", "0"], /Invalid value for flag --rounds/],
    [["--rounds", "2"], /--rounds needs --against/]
  ] as const) {
    it.live(`${args.join(" ")} fails before anything is built`, () =>
      Effect.gen(function* () {
        const { code, stderr } = yield* runFile(path.join(root, "bench", "main.ts"), args)
        assert.strictEqual(code, 1)
        assert.match(stderr, message)
        assert.notMatch(stderr, /installing|compiling/)
      })
    )
  }
})
