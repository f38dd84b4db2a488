/**
 * Writes what was added to and removed from the protocol in each version: `npm run protocol:history -- [VERSION…]`.
 *
 * Reads the known versions again, and the ones that are named.
 */
import { execFileSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { historyOf, printHistory } from "../packages/core/scripts/codegen/history.ts"
import { outline, type Outline } from "../packages/cli/src/Compatibility.ts"
import { isOlder, protocol } from "../packages/core/src/protocol/Versions.ts"
import { installCodex } from "./codex-version.ts"
import { installed, root } from "./packages.ts"

const outlineOf = (version: string): Outline => {
  const temporary = mkdtempSync(path.join(tmpdir(), "effect-codex-history-"))
  try {
    const home = path.join(temporary, "home")
    mkdirSync(home)
    execFileSync(installCodex(version), ["app-server", "generate-json-schema", "--experimental", "--out", temporary], {
      env: { ...process.env, CODEX_HOME: home },
      stdio: "pipe"
    })
    const file = path.join(temporary, "codex_app_server_protocol.schemas.json")
    const found = outline(version, JSON.parse(readFileSync(file, "utf8")))
    if (found === undefined) throw new Error(`codex ${version} does not describe its protocol as expected`)
    return found
  } finally {
    rmSync(temporary, { recursive: true, force: true })
  }
}

export const writeHistory = (more: ReadonlyArray<string>): ReadonlyArray<string> => {
  const versions = [...new Set([...protocol.versions, ...more])].toSorted((a, b) => (isOlder(a, b) ? -1 : 1))
  const file = path.join(root, "packages", "core", "src", "protocol", "internal", "history.ts")
  writeFileSync(file, printHistory(historyOf(versions.map(outlineOf))))
  execFileSync(installed("oxfmt"), [file], { cwd: root })
  return versions
}

if (import.meta.main) process.stdout.write(`Written for ${writeHistory(process.argv.slice(2)).join(", ")}\n`)
