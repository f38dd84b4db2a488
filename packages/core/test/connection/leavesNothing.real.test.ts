import { existsSync } from "node:fs"
import * as path from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { runFile } from "../../../../scripts/run-command.ts"
import { processesOf } from "../support.ts"

// Ends a program that hangs in a turn of a test's codex, once it hangs, and says what it lived in.
const endWith = (signal: NodeJS.Signals) => {
  let home = ""
  let processes: ReadonlyArray<string> = []
  return Effect.map(
    runFile(path.join(import.meta.dirname, "..", "fixtures", "hanging-turn.ts"), [], {
      onStdout: (piece, pid) => {
        home = /^HOME (.*)$/m.exec(piece)?.[1] ?? home
        if (home === "") return
        processes = processesOf(path.dirname(home))
        process.kill(pid, signal)
      }
    }),
    (result) => ({ ...result, root: path.dirname(home), processes })
  )
}

// Nobody tells when a process that is not ours is gone: this looks until it is, and the test's own limit bounds it.
const until = (holds: () => boolean) =>
  Effect.sync(holds).pipe(Effect.repeat({ until: (held) => held, schedule: Schedule.spaced("20 millis") }))

describe.skipIf(process.platform !== "linux")("a test leaves no process and no folder behind", () => {
  for (const signal of ["SIGINT", "SIGTERM", "SIGKILL"] as const) {
    it.live(`when its runner gets ${signal}`, () =>
      Effect.gen(function* () {
        const { code, processes, root, signal: ended } = yield* endWith(signal)
        expect(processes.length).toBeGreaterThan(0)
        expect(ended ?? code).toBe(signal === "SIGKILL" ? "SIGKILL" : 130)
        yield* until(() => processesOf(root).length === 0)
        expect(existsSync(root)).toBe(false)
      })
    )
  }
})
