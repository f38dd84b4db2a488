import { CodexTest } from "@effect-codex/core/testing"
import { beforeAll, describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { readdirSync } from "node:fs"
import * as path from "node:path"
import { runFile } from "../../../scripts/run-command.ts"
import { defaultPrompts } from "../src/internal/demo/case.ts"
import { script } from "../src/internal/demo/script.ts"
import { build, mainOf } from "./built.ts"

const main = mainOf("demo")
beforeAll(() => build("demo"))

const demo = (...args: ReadonlyArray<string>) => runFile(main, ["demo", ...args])

const fixture = (name: string) => path.join(import.meta.dirname, "fixtures", name)

describe("effect-codex demo", () => {
  it.live("passes every case offline, and shows the thread, the text and the approval", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* demo("--mode", "smoke", "--offline")
      expect(stderr).toBe("")
      expect(code).toBe(0)
      expect(stdout).toMatch(/^ {2}thread [0-9a-f-]{36}\n\[PASS\] thread start \(\d+ ms\)$/m)
      expect(stdout).toMatch(/^ {2}READY$/m)
      expect(stdout).toMatch(/^ {2}STREAM_OK$/m)
      expect(stdout).toMatch(/approval of a command .*touch demo\.txt.*: "accept"/)
      expect(stdout).toMatch(/=== SUMMARY ===\nmode=smoke total=4 passed=4 failed=0 skipped=0\n$/)
    })
  )

  it.live("passes everything in the mode full, and skips what is declared", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* demo("--mode", "full", "--offline", "--strict")
      expect(stderr).toBe("")
      expect(code).toBe(0)
      expect(stdout).toContain("mode=full total=24 passed=22 failed=0 skipped=2")
      expect(Array.from(stdout.matchAll(/^\[SKIP\] (.*)$/gm), ([, skipped]) => skipped)).toEqual([
        "skills remote: the protocol has no skills/remote any more",
        "rate limits: there is no account whose limits could be read"
      ])
    })
  )

  it.live("runs the same cases with what the user has, and leaves no thread there", () =>
    Effect.gen(function* () {
      const { cwd, env, home } = yield* CodexTest.Home
      const { code, stdout } = yield* runFile(main, ["demo", "--mode", "full", "--strict"], { cwd, env })
      expect(stdout).toContain("mode full: online")
      expect(stdout).toContain("passed=22 failed=0 skipped=2")
      expect(code).toBe(0)
      expect(readdirSync(cwd)).toEqual([])
      const { stdout: left } = yield* runFile(main, ["threads", "list", "--all", "--codex-home", home], { cwd, env })
      expect(left).toBe("")
    }).pipe(Effect.provide(CodexTest.layerHome(script(defaultPrompts), { model: "gpt-5.5", verifyOnClose: false })))
  )

  it.live("takes the model and prompts of one's own, and shows the events of a turn", () =>
    Effect.gen(function* () {
      const { code, stdout } = yield* demo(
        "--mode=demo",
        "--offline",
        "--strict",
        "--model=gpt-6-sol",
        "--prompt-create=Greet me.",
        "--prompt-stream=Sing.",
        "--prompt-events=Look around.",
        "--show-events"
      )
      expect(stdout).toMatch(/^ {2}turn\/started$/m)
      expect(stdout).toMatch(/^ {2}turn\/completed$/m)
      expect(stdout).toContain("mode=demo total=19 passed=17 failed=0 skipped=2")
      expect(code).toBe(0)
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
      const { code, stderr, stdout } = yield* demo("--codex", fixture("dies-after-handshake.mjs"))
      expect(code).toBe(1)
      expect(stderr).toBe("")
      expect(stdout).toContain("[FAIL] create")
      expect(stdout).toMatch(
        /total=4 passed=0 failed=4 skipped=0\nfailed: thread start, create, stream text, approval\n$/
      )
    })
  )

  it.live("stops at the first failure with --strict", () =>
    Effect.gen(function* () {
      const { code, stdout } = yield* demo("--strict", "--codex", fixture("dies-after-handshake.mjs"))
      expect(code).toBe(1)
      expect(stdout).toMatch(/total=1 passed=0 failed=1 skipped=0\nfailed: thread start\n$/)
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

  it.live("stops quietly when nobody reads any more", () =>
    Effect.gen(function* () {
      const { code, stderr } = yield* runFile(main, ["demo", "--offline", "--mode", "full"], {
        onStdout: (piece, _pid, close) => {
          if (piece.includes("Connected")) close()
        }
      })
      expect(code).toBe(141)
      expect(stderr).toBe("")
    })
  )

  it.live("refuses a flag that it does not have", () =>
    Effect.gen(function* () {
      const { code, stderr } = yield* demo("--ofline")
      expect(code).toBe(2)
      expect(stderr).toContain("--offline")
    })
  )
})
