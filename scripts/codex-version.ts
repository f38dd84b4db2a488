/** Installs a version of codex other than the pinned one, into a folder of the cache, and finds its binary. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import { findBinary } from "../packages/core/scripts/codegen.ts"
import { must } from "./pack.ts"
import { root } from "./packages.ts"

/** The tests on the real binary that meet what differs between versions: handshake, turns, approvals, errors, judge, upgrade. */
export const essential: ReadonlyArray<string> = [
  "packages/core/test/Upgrade.real.test.ts",
  "packages/core/test/conformance.real.test.ts",
  "packages/core/test/approval/approvals.real.test.ts",
  "packages/core/test/Errors.real.test.ts",
  "packages/policy/test/LlmJudgePolicy.real.test.ts"
]

export const installCodex = (version: string): string => {
  if (!/^\d+\.\d+\.\d+[\w.-]*$/.test(version)) throw new Error(`${JSON.stringify(version)} is no version of codex`)
  const folder = path.join(root, "node_modules", ".cache", "codex", version)
  const manifest = path.join(folder, "package.json")
  const installed = path.join(folder, "node_modules", "@openai", "codex", "package.json")
  if (!existsSync(installed)) {
    process.stdout.write(`installing codex ${version}\n`)
    mkdirSync(folder, { recursive: true })
    writeFileSync(manifest, JSON.stringify({ name: "codex-version", private: true }))
    must("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error", `@openai/codex@${version}`], { cwd: folder })
  }
  return findBinary(manifest)
}
