import { existsSync, readFileSync } from "node:fs"
import * as path from "node:path"
import { CodexTest, MockModel } from "@effect-codex/core/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { runFile } from "../../../../scripts/run-command.ts"
import { processesOf } from "../support.ts"

const { execCommand, reply } = MockModel

const until = (holds: () => boolean) =>
  Effect.sync(holds).pipe(Effect.repeat({ until: (held) => held, schedule: Schedule.spaced("20 millis") }))

// Each command writes down when it began. There are more of them than the turn lives to run.
const commands = (also: string) =>
  Arr.makeBy(100, () => reply(execCommand({ cmd: `date +%s%3N >> begun; ${also} sleep 0.1` })))

const signals = ["SIGKILL", "SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGABRT", "SIGSEGV"] as const

describe.skipIf(process.platform !== "linux")("law 5: a program that dies takes its server with it", () => {
  for (const transport of ["a Unix socket", "standard input and output"]) {
    for (const work of ["idle", "turn"]) {
      // Over standard input the server sees our end by itself, and the signal makes no difference.
      for (const signal of transport === "a Unix socket" ? signals : (["SIGKILL"] as const)) {
        it.live(`over ${transport}, by ${signal}, ${work === "turn" ? "with a turn that runs commands" : "idle"}`, () =>
          Effect.gen(function* () {
            const { cwd, env, home } = yield* CodexTest.Home
            const root = path.dirname(home)
            const begun = path.join(cwd, "begun")
            const times = () => (existsSync(begun) ? readFileSync(begun, "utf8").trim().split("\n").map(Number) : [])
            const socketPath = transport === "a Unix socket" ? path.join(root, "socket") : ""
            let diedAt = 0
            let ready = ""
            const died = yield* Effect.raceFirst(
              runFile(path.join(import.meta.dirname, "..", "fixtures", "owner-of-a-server.ts"), [socketPath, work], {
                env,
                cwd,
                onStdout: (piece, pid) => {
                  ready += piece
                  if (!ready.includes("READY")) return
                  const kill = () => {
                    if (work === "turn" && times().length < 3) return setTimeout(kill, 10)
                    diedAt = Date.now()
                    return process.kill(pid, signal)
                  }
                  kill()
                }
              }),
              Effect.never
            )
            expect(died.signal).toBe(signal)
            yield* until(() => processesOf(`CODEX_HOME=${home}`).length === 0)
            const latest = Math.max(diedAt, ...times())
            expect(latest - diedAt).toBeLessThan(5000)
            expect(times().length >= 3).toBe(work === "turn")
          }).pipe(
            Effect.provide(
              CodexTest.layerHome(
                work === "turn" ? commands(transport === "a Unix socket" ? "setsid sleep 300 &" : "") : [],
                { verifyOnClose: false }
              )
            )
          )
        )
      }
    }
  }
})
