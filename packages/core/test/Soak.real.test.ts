import * as path from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { runFile } from "../../../scripts/run-command.ts"

// In a process of its own, where all that is held is the soak's.
const soak = path.join(import.meta.dirname, "..", "..", "..", "scripts", "soak.ts")

describe("law 14: nothing is kept that is over, in turns and connections of every kind", () => {
  it.live(
    "no fiber, handle, file, process, folder or entry of a table; `npm run soak` looks at memory as well",
    () =>
      Effect.gen(function* () {
        const { code, stdout } = yield* runFile(soak, ["--turns", "32", "--cycles", "18", "--samples", "2", "--exact"])
        expect(stdout).toContain("Nothing grows.")
        expect(code).toBe(0)
      }),
    600_000
  )
})
