/** Installs a version of codex other than the pinned one, into a folder of the cache, and finds its binary. */
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import { findBinary } from "../packages/core/scripts/codegen.ts"
import { root } from "./packages.ts"

/** The tests on the real binary that cover differences between versions: handshake, turns, approvals, errors, judge, upgrade. */
export const essential: ReadonlyArray<string> = [
  "packages/core/test/Upgrade.real.test.ts",
  "packages/core/test/conformance.real.test.ts",
  "packages/core/test/approval/approvals.real.test.ts",
  "packages/core/test/Errors.real.test.ts",
  "packages/policy/test/LlmJudgePolicy.real.test.ts"
]

/** The binary of a version, downloaded if necessary. If that fails, prints npm's error and exits. */
export const installCodex = (version: string): string => {
  const { binary, failure } = findCodex(version)
  if (binary !== undefined) return binary
  process.stdout.write(`codex ${version} can't be installed: ${failure}\n`)
  process.exit(1)
}

/**
 * The binary of a version, or why it is not available. An earlier download is reused from the cache folder, or from npm's own
 * cache, without asking the registry.
 */
export const findCodex = (
  version: string
):
  | { readonly binary: string; readonly failure?: undefined }
  | { readonly binary?: undefined; readonly failure: string } => {
  if (!/^\d+\.\d+\.\d+[\w.-]*$/.test(version)) throw new Error(`${JSON.stringify(version)} is not a version of codex`)
  const cache = path.join(root, "node_modules", ".cache", "codex")
  const folder = path.join(cache, version)
  const found = binaryIn(folder)
  if (found !== undefined) return { binary: found }
  process.stdout.write(`installing codex ${version}\n`)
  mkdirSync(cache, { recursive: true })
  // Moved into place when it is complete, so that an interrupted download leaves nothing there.
  const temporary = mkdtempSync(path.join(cache, `${version}-`))
  try {
    writeFileSync(path.join(temporary, "package.json"), JSON.stringify({ name: "codex-version", private: true }))
    const { status, stderr } = spawnSync("npm", [...install, `@openai/codex@${version}`], {
      cwd: temporary,
      encoding: "utf8",
      shell: process.platform === "win32"
    })
    if (status !== 0) return { failure: stderr.trim() }
    // npm is content without the binary, which is an optional dependency.
    const binary = binaryIn(temporary)
    if (binary === undefined) return { failure: `it has no binary for ${process.platform}-${process.arch}` }
    const moved = path.join(folder, path.relative(realpathSync(temporary), binary))
    rmSync(folder, { recursive: true, force: true })
    renameSync(temporary, folder)
    return { binary: moved }
  } finally {
    rmSync(temporary, { recursive: true, force: true })
  }
}

const install = [
  "install",
  "--no-audit",
  "--no-fund",
  "--loglevel=error",
  "--prefer-offline",
  // A registry that is down costs seconds, not minutes.
  "--fetch-retries=2",
  "--fetch-retry-mintimeout=1000",
  "--fetch-retry-maxtimeout=5000",
  "--fetch-timeout=60000"
]

const binaryIn = (folder: string): string | undefined => {
  // Node would find the pinned one above it, and remember that.
  if (!existsSync(path.join(folder, "node_modules", "@openai", "codex", "package.json"))) return undefined
  try {
    const binary = findBinary(path.join(folder, "package.json"))
    return existsSync(binary) ? binary : undefined
  } catch {
    return undefined
  }
}
