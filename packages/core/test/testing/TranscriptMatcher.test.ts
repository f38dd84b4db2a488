// The matcher in a vitest of its own, as it compares, fails and renews there.
import { afterAll, beforeEach, describe, expect, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"

const root = path.join(import.meta.dirname, "..", "..", "..", "..")
const folder = realpathSync(mkdtempSync(path.join(tmpdir(), "effect-codex-matcher-")))
const golden = path.join(folder, "golden", "run.json")

afterAll(() => rmSync(folder, { recursive: true, force: true }))

writeFileSync(path.join(folder, "vitest.config.mjs"), "export default { test: { include: ['*.test.ts'] } }\n")
symlinkSync(path.join(root, "node_modules"), path.join(folder, "node_modules"), "junction")
writeFileSync(
  path.join(folder, "run.test.ts"),
  `import * as TranscriptMatcher from "@effect-codex/core/testing/TranscriptMatcher"
import { expect, it } from "vitest"
import { readFileSync } from "node:fs"

expect.extend(TranscriptMatcher.matchers)

it("is the same", async () => {
  const [header, ...entries] = readFileSync(new URL("run.jsonl", import.meta.url), "utf8").trimEnd().split("\\n").map((line) => JSON.parse(line))
  await expect({ header, entries }).toMatchTranscript("golden/run.json")
})
`
)

// Ids, times and paths are those of one run, and the answer is what a test looks at.
const record = (run: number, answer: string, cwd: string) => {
  const threadId = `0199b6f2-5f2a-7b11-8f3e-6f0a2f1c9d${run}`
  const about = { threadId, turnId: `turn-${run}` }
  const lines = [
    { transcript: 1, recording: "r", part: 1, at: run, codex: "0.171.0", cwd },
    { n: 1, ms: run, out: { id: run, method: "turn/start", params: { threadId, cwd } } },
    { n: 2, ms: 2 * run, in: { id: run, result: { turn: { id: about.turnId, startedAt: run } } } },
    {
      n: 3,
      ms: 3 * run,
      in: { method: "item/completed", params: { ...about, item: { type: "agentMessage", id: "a", text: answer } } }
    },
    {
      n: 4,
      ms: 3 * run,
      in: { method: "warning", params: { message: `${cwd}/x, /tmp/run-${run}/y, 2026-11-27T09:00:${run}Z` } }
    }
  ]
  writeFileSync(path.join(folder, "run.jsonl"), lines.map((line) => `${JSON.stringify(line)}\n`).join(""))
}

const vitest = (args: ReadonlyArray<string> = [], env: Readonly<Record<string, string>> = {}) => {
  const own = Object.entries(process.env).filter(([name]) => !/^(VITEST|NODE_V8_COVERAGE|CI|GITHUB_)/.test(name))
  const bin = path.join(root, "node_modules", "vitest", "vitest.mjs")
  const { status, stderr, stdout } = spawnSync(process.execPath, [bin, "run", "--root", folder, ...args], {
    cwd: folder,
    encoding: "utf8",
    env: { ...Object.fromEntries(own), NO_COLOR: "1", ...env }
  })
  return { status, output: `${stdout}${stderr}` }
}

describe("toMatchTranscript", () => {
  beforeEach(() => {
    rmSync(path.dirname(golden), { recursive: true, force: true })
    mkdirSync(path.dirname(golden))
    record(10, "Hello, Ada", "/srv/one")
  })

  it("writes a file that is missing, and takes a run with other ids, times and paths as the same", () => {
    expect(vitest()).toMatchObject({ status: 0 })
    const written = readFileSync(golden, "utf8")
    expect(written).toContain('"text": "Hello, Ada"')
    expect(written).toContain('"<cwd>/x, <tmp>/y, <time>"')
    expect(written).not.toMatch(/0199b6f2|turn-10|\/srv/)
    record(20, "Hello, Ada", "/srv/two")
    expect(vitest()).toMatchObject({ status: 0 })
    expect(readFileSync(golden, "utf8")).toBe(written)
  })

  it("fails at a planted change, names the message and the field, and leaves the file alone; -u renews it", () => {
    expect(vitest()).toMatchObject({ status: 0 })
    const written = readFileSync(golden, "utf8")
    record(20, "Hello, Eve", "/srv/two")
    const { output, status } = vitest()
    expect(status).toBe(1)
    expect(output).toContain("The recording differs from golden/run.json:")
    expect(output).toContain('received 2 (item/completed) params.item.text: golden "Hello, Ada", now "Hello, Eve"')
    expect(readFileSync(golden, "utf8")).toBe(written)
    expect(vitest(["-u"])).toMatchObject({ status: 0 })
    expect(readFileSync(golden, "utf8")).toContain('"text": "Hello, Eve"')
    expect(vitest()).toMatchObject({ status: 0 })
  })

  it("names a message that is missing, and writes nothing on a CI", () => {
    expect(vitest([], { CI: "true" }).status).toBe(1)
    expect(existsSync(golden)).toBe(false)
    expect(vitest()).toMatchObject({ status: 0 })
    const file = path.join(folder, "run.jsonl")
    writeFileSync(file, readFileSync(file, "utf8").trimEnd().split("\n").slice(0, -1).join("\n"))
    expect(vitest().output).toMatch(/received 3 \(warning\): golden .*, now nothing/)
    writeFileSync(golden, "not JSON")
    expect(vitest().status).toBe(1)
  })
})
