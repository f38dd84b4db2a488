import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, utimesSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import * as readline from "node:readline"
import { fileURLToPath } from "node:url"
import * as Audit from "@effect-codex/policy/Audit"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

const writer = fileURLToPath(new URL("fixtures/audit-writer.ts", import.meta.url))

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(path.join(tmpdir(), "effect-codex-audit-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)

const verify = (file: string) => Effect.provide(Audit.verify(file), NodeServices.layer)

const startWriter = (file: string, before = "") =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn("bash", ["-c", `${before} exec "$0" "$@"`, process.execPath, writer, file], {
        stdio: ["pipe", "pipe", "ignore"]
      })
      const lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]()
      const nextLine = async () => {
        while (true) {
          const { done, value } = await lines.next()
          if (done === true || value.startsWith("written")) return done === true ? "" : value
        }
      }
      const add = (count: number | "kill") =>
        Effect.promise(() => {
          child.stdin.write(`${count}\n`)
          return nextLine()
        })
      const end = Effect.promise(async () => {
        const exited = once(child, "exit")
        child.stdin.end()
        await exited
      })
      return { add, child, end }
    }),
    ({ child }) => Effect.sync(() => child.kill("SIGKILL"))
  )

it.live(
  "a process that is killed while it writes 2,000 decisions has written many of them, and the trail goes on",
  () =>
    Effect.gen(function* () {
      const file = path.join(yield* folder, "audit.jsonl")
      const first = yield* startWriter(file)
      yield* first.add("kill")
      const lines = readFileSync(file, "utf8").split("\n").length
      expect(lines).toBeGreaterThan(100)
      expect(lines).toBeLessThan(1900)
      // What it has left of its lock is taken over once it is old.
      expect(existsSync(`${file}.lock`)).toBe(true)
      utimesSync(`${file}.lock`, new Date(0), new Date(0))
      const second = yield* startWriter(file)
      expect(yield* second.add(1)).toBe("written 1")
      yield* second.end
      expect(yield* verify(file)).toMatchObject({ dropped: 0 })
      expect(existsSync(`${file}.lock`)).toBe(false)
    })
)

// A limit on the size of files is a full disk to who writes: a part is written, and then nothing is. It is about each file, so
// there is room again once the full one is out of the way.
it.live("a disk that was full for a while costs the records of that while, and the trail says how many", () =>
  Effect.gen(function* () {
    const file = path.join(yield* folder, "audit.jsonl")
    const { add, end } = yield* startWriter(file, "ulimit -Sf 16;")
    yield* add(5)
    const before = yield* verify(file)
    expect(before).toMatchObject({ records: 6, dropped: 0 })
    for (const count of [100, 1, 50]) yield* add(count)
    expect(statSync(file).size).toBeLessThanOrEqual(16 * 1024)
    yield* verify(file)
    renameSync(file, `${file}.1`)
    yield* add(2)
    yield* end
    const after = yield* verify(file)
    expect(after.dropped).toBeGreaterThan(100)
    const records = yield* Effect.provide(Stream.runCollect(Audit.read(file)), NodeServices.layer)
    expect(records.filter(({ type }) => type === "decision").length + after.dropped).toBe(5 + 151 + 2)
  })
)

it.live("a disk that stays full leaves a trail that a new process can go on with", () =>
  Effect.gen(function* () {
    const file = path.join(yield* folder, "audit.jsonl")
    const first = yield* startWriter(file, "ulimit -Sf 8;")
    yield* first.add(100)
    yield* first.end
    const before = yield* verify(file)
    const second = yield* startWriter(file)
    yield* second.add(1)
    yield* second.end
    expect(yield* verify(file)).toMatchObject({ records: before.records + 2 })
  })
)
