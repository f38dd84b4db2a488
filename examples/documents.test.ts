import { symlinkSync } from "node:fs"
import * as path from "node:path"
import { CodexTest, MockModel } from "@effect-codex/core/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { processesOf } from "../packages/core/test/support.ts"
import { blocksOf, fileNameOf } from "../scripts/documents.ts"
import { runFile } from "../scripts/run-command.ts"

const { execCommand, reply, text } = MockModel
const root = path.dirname(import.meta.dirname)

/** A home whose folder has a program of a document as `main.ts`, and the packages. */
const withProgram = (program: string | undefined, script: MockModel.Script) =>
  CodexTest.layerHome(script, {
    files: { "main.ts": program ?? "", "package.json": '{"type":"module","scripts":{"test":"echo tides failed"}}' }
  })

const main = Effect.map(CodexTest.Home, ({ cwd }) => {
  symlinkSync(path.join(root, "node_modules"), path.join(cwd, "node_modules"))
  return path.join(cwd, "main.ts")
})

describe.each(["README.md", "README.zh-CN.md"])("the program of %s", (file) => {
  const program = blocksOf(root, file).find(({ language }) => language === "ts")?.code

  it.live("runs as it is, and its policy allows the tests", () =>
    Effect.gen(function* () {
      const { cwd, env } = yield* CodexTest.Home
      expect(yield* runFile(yield* main, [], { cwd, env })).toMatchObject({
        code: 0,
        stdout: "The test of tides fails.\n",
        stderr: ""
      })
      const model = yield* MockModel.MockModel
      expect((yield* model.request(1)).lastToolOutput?.output).toContain("tides failed")
    }).pipe(
      Effect.provide(
        withProgram(program, [
          reply(execCommand({ cmd: "npm test", escalate: true })),
          reply(text("The test of tides fails."))
        ])
      )
    )
  )
})

describe("the server of docs/deployment.md", () => {
  const program = blocksOf(root, "docs/deployment.md").find((block) => fileNameOf(block) === "server.ts")?.code
  const withServer = (script: MockModel.Script) => Effect.provide(withProgram(program, script))

  /** Starts it, and calls `use` when it listens. */
  const serve = Effect.fnUntraced(function* (use: (address: string, pid: number) => void) {
    const { cwd, env } = yield* CodexTest.Home
    let said = ""
    let isListening = false
    return yield* runFile(yield* main, [], {
      cwd,
      env: { ...env, PORT: "0", NO_COLOR: "1" },
      onStdout: (piece, pid) => {
        const port = /Listening on http:\/\/\S+:(\d+)/.exec((said += piece))?.[1]
        if (port === undefined || isListening) return
        isListening = true
        use(`http://127.0.0.1:${port}`, pid)
      }
    })
  })

  it.live("is healthy and answers; a signal ends it and its app-server", () =>
    Effect.gen(function* () {
      const answers: Array<readonly [status: number, body: string]> = []
      const ask = async (address: string, path: string, method: string) => {
        const response = await fetch(address + path, { method })
        answers.push([response.status, await response.text()])
      }
      const { code, stderr } = yield* serve((address, pid) => {
        void ask(address, "/health", "GET")
          .then(() => ask(address, "/report", "POST"))
          .finally(() => process.kill(pid, "SIGTERM"))
      })
      expect(answers).toEqual([
        [200, "ok\n"],
        [200, "About tides."]
      ])
      expect({ code, stderr }).toEqual({ code: 130, stderr: "" })
      expect(processesOf((yield* CodexTest.Home).home)).toEqual([])
    }).pipe(withServer([reply(text("About tides."))]))
  )

  it.live("exits with 1 when its app-server dies", () =>
    Effect.gen(function* () {
      const { home } = yield* CodexTest.Home
      const { code, stdout } = yield* serve((_, pid) => {
        for (const other of processesOf(home)) if (Number(other) !== pid) process.kill(Number(other), "SIGKILL")
      })
      expect(stdout).toContain("ConnectionFailed")
      expect(code).toBe(1)
    }).pipe(withServer([]))
  )
})
