import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { report } from "../src/internal/report.ts"

const reported = Effect.fnUntraced(function* (
  fields: object,
  options?: { readonly json?: boolean; readonly command?: string }
) {
  const lines: Array<unknown> = []
  const take = (...args: ReadonlyArray<unknown>) => void lines.push(...args)
  const console: Console.Console = { ...globalThis.console, error: take, log: take }
  const cause = Cause.fail(Object.assign(new Error("No session x."), fields))
  yield* report(cause, { debug: false, json: options?.json ?? false }, options?.command).pipe(
    Effect.provideService(Console.Console, console)
  )
  return lines
})

describe("report", () => {
  it.effect("prints an object on standard output where JSON is asked for, and the line", () =>
    Effect.gen(function* () {
      const error = { _tag: "SessionNotFound" }
      const [object, line] = yield* reported(error, { json: true, command: "threads" })
      assert.deepStrictEqual(JSON.parse(String(object)), {
        exitCode: 2,
        error: { tag: "SessionNotFound", message: "No session x." }
      })
      assert.strictEqual(line, "effect-codex: No session x.")
      const [result] = yield* reported(error, { json: true, command: "run" })
      assert.include(JSON.parse(String(result)), { type: "result", status: "failed", text: "", declined: 0 })
    })
  )

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
