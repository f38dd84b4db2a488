import * as path from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { runFile } from "../../../scripts/run-command.ts"

const main = path.join(import.meta.dirname, "..", "src", "main.ts")

describe("effect-codex demo", () => {
  it.live("passes every case offline, and shows the thread, the text and the approval", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* runFile(main, ["demo", "--mode", "smoke", "--offline"])
      expect(stderr).toBe("")
      expect(code).toBe(0)
      expect(stdout).toMatch(/^ {2}thread [0-9a-f-]{36}\n {2}READY$/m)
      expect(stdout).toContain("STREAM_OK")
      expect(stdout).toMatch(/approval of a command .*touch demo\.txt.*: "accept"/)
      expect(stdout).toContain("total=3 passed=3 failed=0")
    })
  )

  it.live("without codex says how to get it, in one line, and exits with 4", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* runFile(main, ["demo", "--offline"], {
        env: { CODEX_BINARY: "/nowhere" }
      })
      expect(code).toBe(4)
      expect(stderr).toContain("npm install @openai/codex")
      expect(stdout + stderr).not.toMatch(/^ +at /m)
    })
  )

  it.live("reports each case that fails, and exits with 1", () =>
    Effect.gen(function* () {
      // A codex that dies after the handshake fails every case.
      const { code, stdout } = yield* runFile(main, ["demo"], {
        env: { CODEX_BINARY: path.join(import.meta.dirname, "fixtures", "dies-after-handshake.mjs") }
      })
      expect(code).toBe(1)
      expect(stdout).toContain("[FAIL] create")
      expect(stdout).toContain("failed=3")
    })
  )

  it.live("ends at once on Ctrl-C, with the code of an interruption", () =>
    Effect.gen(function* () {
      const { code } = yield* runFile(main, ["demo", "--offline"], {
        onStdout: (piece, pid) => {
          if (piece.includes("Connected")) process.kill(pid, "SIGINT")
        }
      })
      expect(code).toBe(130)
    })
  )

  it.live("refuses a flag that it does not have", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* runFile(main, ["demo", "--ofline"])
      expect(code).not.toBe(0)
      expect(stdout + stderr).toContain("--offline")
    })
  )
})
