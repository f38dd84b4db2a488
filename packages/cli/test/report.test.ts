import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { report } from "../src/internal/report.ts"

const reported = Effect.fnUntraced(function* (fields: object) {
  const lines: Array<unknown> = []
  const console: Console.Console = { ...globalThis.console, error: (...args) => void lines.push(...args) }
  yield* report(Cause.fail(Object.assign(new Error("No session x."), fields)), false).pipe(
    Effect.provideService(Console.Console, console)
  )
  return lines
})

describe("report", () => {
  const cases: ReadonlyArray<readonly [what: string, fields: object, end: string]> = [
    ["no fields", {}, ""],
    ["a file", { docs: "docs/policy.md#x", version: "0.1.0" }, " (docs/policy.md#x, version 0.1.0)"],
    ["a URL", { docs: "https://example.org/errors#x" }, " (https://example.org/errors#x)"],
    ["a version", { version: "0.1.0" }, " (version 0.1.0)"],
    ["fields of other types", { docs: 7, version: null }, ""],
    ["empty fields", { docs: "", version: "" }, ""],
    ["control characters", { version: "1\n\u001b[31m" }, " (version 1 \\u{1b}[31m)"]
  ]
  for (const [what, fields, end] of cases) {
    it.effect(`an error with ${what} is one line`, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* reported(fields), [`effect-codex: No session x.${end}`])
      })
    )
  }
})
