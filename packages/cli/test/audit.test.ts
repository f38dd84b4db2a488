// The built command with audit trails. No codex is needed for that.
import { DecisionObserver } from "@effect-codex/core/DecisionObserver"
import * as Audit from "@effect-codex/policy/Audit"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { beforeAll, describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { runFile } from "../../../scripts/run-command.ts"
import { build, mainOf } from "./built.ts"

const main = mainOf("audit")
const files = mkdtempSync(path.join(tmpdir(), "effect-codex-audit-"))

beforeAll(() => {
  const remove = build("audit")
  return () => {
    remove()
    rmSync(files, { recursive: true })
  }
})

const audit = (...args: ReadonlyArray<string>) => runFile(main, ["audit", ...args])

// A trail of decisions on these commands, in small files.
const trail = Effect.fnUntraced(function* (name: string, ...commands: ReadonlyArray<string>) {
  const file = path.join(files, name)
  yield* Effect.gen(function* () {
    const { flush } = yield* Audit.Audit
    const observer = yield* DecisionObserver
    for (const [index, command] of commands.entries()) {
      const about = { threadId: "thread", turnId: "turn", itemId: `item_${index}` }
      observer?.onDecision({
        ...about,
        kind: "command",
        request: {
          id: index,
          method: "item/commandExecution/requestApproval",
          params: { ...about, startedAtMs: 0, command }
        },
        decision: command.startsWith("rm") ? "decline" : "accept",
        by: "rules",
        reason: undefined,
        millis: 1
      })
    }
    yield* flush
  }).pipe(
    Effect.provide(
      Audit.layerFile(file, { includeParams: true, maxBytes: 2000, keep: 100 }).pipe(Layer.provide(NodeServices.layer))
    )
  )
  return file
})

describe("audit verify", () => {
  it.effect("says that a trail of several files is whole, and gives an anchor that it takes again", () =>
    Effect.gen(function* () {
      const file = yield* trail("whole.jsonl", "ls", "rm -rf build", "make", "make test", "make all")
      const whole = yield* audit("verify", file)
      expect(whole).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/^\[PASS\] records=\d+ first=1 dropped=0\n/)
      })
      const anchor = /anchor=(\d+:[0-9a-f]{64})/.exec(whole.stdout)?.[1] ?? ""
      expect(yield* audit("verify", file, "--anchor", anchor)).toMatchObject({ code: 0 })
      const json = yield* audit("verify", file, "--json")
      const { ok, anchor: end } = JSON.parse(json.stdout)
      expect([ok, `${end.count}:${end.hash}`]).toEqual([true, anchor])
      const other = yield* audit(
        "verify",
        file,
        "--anchor",
        anchor.replace(/.$/, (last) => (last === "0" ? "1" : "0"))
      )
      expect(other).toMatchObject({ code: 1, stdout: expect.stringContaining("the anchor names") })
    })
  )

  it.effect("exits with 1 where it is not whole, and says where", () =>
    Effect.gen(function* () {
      const file = yield* trail("changed.jsonl", "ls", "rm -rf build")
      writeFileSync(file, readFileSync(file, "utf8").replace('"decline"', '"accept"'))
      const text = yield* audit("verify", file)
      expect(text).toMatchObject({ code: 1, stdout: `[FAIL] ${file}:3: it has been changed\n` })
      const json = yield* audit("verify", file, "--json")
      expect(json.code).toBe(1)
      expect(JSON.parse(json.stdout)).toEqual({ ok: false, file, line: 3, description: "it has been changed" })
    })
  )

  it.effect("exits with 2 on a file that is not there, and on an anchor that is none", () =>
    Effect.gen(function* () {
      const missing = yield* audit("verify", path.join(files, "none.jsonl"))
      expect(missing).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining("it does not exist") })
      const file = yield* trail("anchor.jsonl", "ls")
      expect(yield* audit("verify", file, "--anchor", "7")).toMatchObject({
        code: 2,
        stderr: expect.stringContaining("COUNT:HASH")
      })
    })
  )
})

describe("audit show", () => {
  it.effect("shows the newest records, those of one type alone if asked, and what a terminal obeys escaped", () =>
    Effect.gen(function* () {
      const file = yield* trail("show.jsonl", "ls", "make", "rm \u001b[2Jx")
      const all = yield* audit("show", file)
      expect(all.code).toBe(0)
      expect(all.stdout).toMatch(/^SEQ +AT +TYPE +WHAT +RESULT +BY +ABOUT\n1 .* opened/)
      expect(all.stdout).toMatch(/ decision +command +decline +rules +rm \\u\{1b\}\[2Jx\n$/)
      const last = yield* audit("show", file, "--type", "decision", "--last", "2", "--json")
      expect(JSON.parse(last.stdout)).toMatchObject([{ params: { command: "make" } }, { decision: "decline" }])
    })
  )

  it.effect("shows what comes before the place where a trail is not whole, and exits with 1", () =>
    Effect.gen(function* () {
      const file = yield* trail("broken.jsonl", "ls", "make")
      writeFileSync(file, readFileSync(file, "utf8").replace("make", "male"))
      const { code, stderr, stdout } = yield* audit("show", file)
      expect(code).toBe(1)
      expect(stdout).toContain(" ls")
      expect(stdout).not.toContain("male")
      expect(stderr).toContain(`${file}:3: it has been changed`)
    })
  )
})
