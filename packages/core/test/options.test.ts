import type * as CodexError from "@effect-codex/core/CodexError"
import { describe, expect, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as options from "../src/internal/options.ts"

// What a caller without types may pass.
const unchecked = (value: unknown): never => value as never

const notDurations: ReadonlyArray<unknown> = [
  Number.NaN,
  -1,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  -1n,
  "Infinity",
  "-Infinity",
  "-1 seconds",
  "5 parsecs",
  "soon",
  "",
  null,
  true,
  [Number.NaN, 0],
  [1],
  [-1, 0],
  ["1", "2"],
  { seconds: Number.NaN },
  { seconds: -1 },
  { seconds: "5" },
  { seconds: Number.POSITIVE_INFINITY },
  { second: 5 },
  Duration.infinity,
  Duration.millis(-5),
  () => 5
]

const notCounts: ReadonlyArray<unknown> = [
  Number.NaN,
  -1,
  1.5,
  Number.POSITIVE_INFINITY,
  2 ** 60,
  "5",
  null,
  5n,
  [],
  {}
]

const failureOf = <A>(check: Effect.Effect<A, CodexError.InvalidConfig>) => Effect.runSync(Effect.flip(check))

describe("options", () => {
  it.each(notDurations.map((value) => [value]))("a duration of %s is InvalidConfig with the path", (value) => {
    for (const check of [options.duration, options.timeout]) {
      expect(failureOf(check("a.path", unchecked(value)))).toMatchObject({ _tag: "InvalidConfig", path: "a.path" })
    }
  })

  it("a timeout of no time is InvalidConfig, a duration of no time is not", () => {
    for (const zero of [0, "0 seconds", Duration.zero, 0n, {}] as const) {
      expect(failureOf(options.timeout("a.path", zero))).toMatchObject({ _tag: "InvalidConfig" })
      expect(Effect.runSync(options.duration("a.path", zero))).toEqual(Duration.zero)
    }
  })

  it("every form of a duration is read", () => {
    for (const two of [2000, "2 seconds", [2, 0], 2_000_000_000n, { seconds: 2 }, Duration.seconds(2)] as const) {
      expect(Duration.toMillis(Effect.runSync(options.duration("a.path", two)))).toBe(2000)
    }
  })

  it.each(notCounts.map((value) => [value]))("a count of %s is InvalidConfig with the path", (value) => {
    expect(failureOf(options.count("a.path", unchecked(value)))).toMatchObject({
      _tag: "InvalidConfig",
      path: "a.path"
    })
  })

  it("a count may be as small as it says", () => {
    expect(Effect.runSync(options.count("a.path", 0))).toBe(0)
    expect(failureOf(options.count("a.path", 0, 1)).message).toBe(
      "The option a.path is invalid: 0 is not a whole number of at least 1."
    )
  })

  it.prop(
    "whatever is passed, the answer is a finite duration or InvalidConfig",
    [Schema.Union([Schema.Unknown, Schema.Number, Schema.BigInt])],
    ([value]) => {
      const result = Effect.runSync(Effect.result(options.timeout("a.path", unchecked(value))))
      if (result._tag === "Success") expect(Duration.toMillis(result.success)).toBeGreaterThan(0)
      else expect(result.failure.path).toBe("a.path")
    }
  )

  it("a budget names the part that is invalid", () => {
    const layer = (value: object) => options.layerBudget("budget", unchecked(value))
    expect(failureOf(layer({ tokens: Number.NaN }))).toMatchObject({ path: "budget.tokens" })
    expect(failureOf(layer({ turns: -1 }))).toMatchObject({ path: "budget.turns" })
    expect(failureOf(layer({ duration: "5 parsecs" }))).toMatchObject({ path: "budget.duration" })
    expect(Effect.runSync(layer({ turns: 0, duration: "1 second" }))).toEqual({
      turns: 0,
      tokens: Number.POSITIVE_INFINITY,
      duration: 1000
    })
    expect(Effect.runSync(options.budget("budget", undefined))).toEqual({
      tokens: Number.POSITIVE_INFINITY,
      duration: Number.POSITIVE_INFINITY
    })
  })

  it("a watchdog names the part that is invalid, and may be off in part or whole", () => {
    const check = (value: unknown) => options.watchdog("watchdog", unchecked(value))
    for (const part of ["silenceWarning", "stallTimeout", "retryWindow"]) {
      for (const value of [Number.NaN, 0, -1, "off!"]) {
        expect(failureOf(check({ [part]: value }))).toMatchObject({ path: `watchdog.${part}` })
      }
    }
    expect(Effect.runSync(check({ stallTimeout: "off" }))).toEqual({
      silenceWarning: 60_000,
      stallTimeout: Number.POSITIVE_INFINITY,
      retryWindow: 120_000
    })
    expect(Object.values(Effect.runSync(check("off")))).toEqual(Array.from({ length: 3 }, () => Infinity))
    expect(failureOf(check(5))).toMatchObject({ path: "watchdog" })
    expect(failureOf(options.budget("budget", unchecked(5)))).toMatchObject({ path: "budget" })
  })
})
