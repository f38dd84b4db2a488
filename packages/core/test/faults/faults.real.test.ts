import { beforeAll, describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { cells as all, type Result, runCell } from "./cells.ts"
import { record } from "./record.ts"
import recording from "../fixtures/recording.json" with { type: "json" }

const seed = 1

// Every kind at two moments, and every moment; `npm run faults` runs all of them.
const cells = all.filter((_, index) => (index + Math.floor(index / 8)) % 4 === 0)

describe.skipIf(process.platform === "win32")("a process that fails, in every way and at every moment", () => {
  const results = new Map<string, Result>()
  beforeAll(
    () =>
      Effect.runPromise(
        Effect.forEach(
          cells,
          ({ kind, moment }) =>
            Effect.map(runCell(kind, moment, seed), (result) => results.set(`${kind}, ${moment}`, result)),
          { concurrency: 6, discard: true }
        )
      ),
    1_200_000
  )

  for (const { kind, moment } of cells)
    it(`${kind}, ${moment}: ends as it has to, leaves nothing, and the program goes on`, () =>
      expect(results.get(`${kind}, ${moment}`)?.wrong).toEqual([]))
})

describe("the recording that the failing process plays", () => {
  it.live("has what the real codex says", () =>
    Effect.gen(function* () {
      const of = (entries: ReadonlyArray<{ readonly from: string; readonly message: object }>) =>
        new Set(entries.map(({ from, message }) => `${from} ${"method" in message ? String(message.method) : "reply"}`))
      expect(of(yield* record)).toEqual(of(recording))
    })
  )
})
