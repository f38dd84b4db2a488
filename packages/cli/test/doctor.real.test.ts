import * as Doctor from "@effect-codex/cli/Doctor"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Schema from "effect/Schema"
import * as path from "node:path"
import { runFile } from "../../../scripts/run-command.ts"
import { isPinned } from "../../core/test/server.ts"

const main = path.join(import.meta.dirname, "..", "src", "main.ts")

const readReport = Schema.decodeEffect(Schema.fromJsonString(Doctor.Report))

const of = (report: Doctor.Report, check: Doctor.Finding["check"]) =>
  report.findings.filter((finding) => finding.check === check)

describe("effect-codex doctor", () => {
  it.live("finds everything in order offline, and says so in one JSON document", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* runFile(main, ["doctor", "--offline", "--json"])
      const report = yield* readReport(stdout)
      expect(stderr).toBe("")
      expect(code).toBe(0)
      expect(report.ok).toBe(true)
      for (const check of Doctor.Check.literals) {
        // Another codex has another protocol.
        const status = check === "protocol" && !isPinned ? "warn" : "ok"
        expect(of(report, check)[0], check).toMatchObject({ status })
      }
    })
  )

  it.live("prints a line a finding for people", () =>
    Effect.gen(function* () {
      const { code, stdout } = yield* runFile(main, ["doctor", "--offline"])
      expect(code).toBe(0)
      expect(stdout).toMatch(/^ok {4}binary {5}codex \d+\.\d+\.\d+ at \//m)
      expect(stdout).toMatch(/^ok {4}sandbox /m)
    })
  )

  it.live("says how to get a codex where there is none, and exits with 1", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* runFile(main, ["doctor", "--codex", "/nowhere", "--json"])
      const report = yield* readReport(stdout)
      expect(code).toBe(1)
      expect(stderr).toBe("")
      expect(of(report, "binary")).toMatchObject([{ status: "fail", advice: expect.stringContaining("npm install") }])
      expect(of(report, "connection")).toEqual([])
    })
  )

  it.live("says that a program which is no codex is none", () =>
    Effect.gen(function* () {
      const { code, stdout } = yield* runFile(main, ["doctor", "--codex", "/bin/true", "--json"])
      const report = yield* readReport(stdout)
      expect(code).toBe(1)
      expect(of(report, "binary")).toMatchObject([
        { status: "fail", summary: "/bin/true does not say that it is a codex" }
      ])
    })
  )

  it.live("finds what is wrong in config.toml, and where; and that there is no account", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const home = yield* fs.makeTempDirectoryScoped()
      yield* fs.writeFileString(path.join(home, "config.toml"), "model =\n")
      const { code, stdout } = yield* runFile(main, ["doctor", "--codex-home", home, "--json"])
      const report = yield* readReport(stdout)
      expect(code).toBe(1)
      expect(of(report, "config")).toMatchObject([
        {
          status: "fail",
          summary: "Invalid configuration; using defaults.",
          advice: expect.stringContaining(path.join(home, "config.toml"))
        }
      ])
      expect(of(report, "account")).toMatchObject([{ status: "fail", advice: "Run `effect-codex login`." }])
    }).pipe(Effect.provide(NodeServices.layer), Effect.scoped)
  )

  it.live("warns of a setting that codex does not know", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const home = yield* fs.makeTempDirectoryScoped()
      yield* fs.writeFileString(path.join(home, "config.toml"), 'modell = "x"\n')
      const { stdout } = yield* runFile(main, ["doctor", "--codex-home", home, "--json"])
      const [finding] = of(yield* readReport(stdout), "config")
      expect(finding?.status).toBe("warn")
      expect(finding?.details?.join()).toContain("modell")
    }).pipe(Effect.provide(NodeServices.layer), Effect.scoped)
  )
})
