/**
 * The scripts that run the fuzzes for longer: what they say of wrong options, and what they leave behind when they are ended.
 */
import { describe, expect, it } from "@effect/vitest"
import { spawn, spawnSync } from "node:child_process"
import { mkdtempSync, readdirSync, rmSync, watch } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"

const root = path.join(import.meta.dirname, "..", "..", "..")
const scripts = {
  "fuzz:commands": "packages/policy/scripts/fuzz-commands.ts",
  "fuzz:paths": "packages/policy/scripts/fuzz-paths.ts",
  "fuzz:leaves": "scripts/fuzz-leaves.ts"
}

describe("a script of a fuzz", () => {
  for (const [name, file] of Object.entries(scripts)) {
    it(
      `${name} tells how it is used if an option is unknown, lacks its value or is no number`,
      { timeout: 120_000 },
      () => {
        for (const options of [["--sed", "1"], ["--seed"], ["--seed", "x"], ["--count", "-1"], ["1"]]) {
          const { status, stderr, stdout } = spawnSync(process.execPath, [file, ...options], {
            cwd: root,
            encoding: "utf8"
          })
          expect([options, status, stdout]).toEqual([options, 2, ""])
          expect(stderr).toMatch(new RegExp(`^Usage: npm run ${name} -- (\\[--\\w+ NUMBER\\] ?)+\\n$`))
        }
      }
    )
  }

  for (const name of ["fuzz:commands", "fuzz:paths"] as const) {
    it(`${name} leaves no folder behind when it is ended from the keyboard`, { timeout: 120_000 }, async () => {
      const folder = mkdtempSync(path.join(tmpdir(), "effect-codex-interrupt-"))
      const made = new Promise<void>((resolve) => {
        const watcher = watch(folder, () => {
          if (!readdirSync(folder).some((entry) => entry.startsWith("effect-codex-"))) return
          watcher.close()
          resolve()
        })
      })
      // A terminal tells all processes of the group.
      const child = spawn(process.execPath, [scripts[name], "--count", "100000"], {
        cwd: root,
        env: { ...process.env, TMPDIR: folder },
        stdio: "ignore",
        detached: true
      })
      const ended = new Promise((resolve) => child.once("exit", resolve))
      await Promise.race([made, ended])
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGINT")
      await ended
      expect(readdirSync(folder)).toEqual([])
      rmSync(folder, { recursive: true, force: true })
    })
  }
})
