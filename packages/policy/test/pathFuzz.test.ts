import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { fuzz } from "./pathFuzz.ts"

describe("lines with links, dots and missing parts, as Bash and the kernel take them", () => {
  it.live(
    "read and write nothing outside, no protected file, and nothing that a rule declines",
    () =>
      Effect.gen(function* () {
        const { accepted, effective, inside, lines, secret, violations } = yield* fuzz({ seed: 20_261, count: 750 })
        expect(violations).toEqual([])
        // It is worth something only if many lines do something, and many of them are accepted.
        expect([lines, effective > 120, accepted > inside / 3, secret > 10]).toEqual([750, true, true, true])
      }).pipe(Effect.provide(Logger.layer([]))),
    { timeout: 300_000 }
  )
})
