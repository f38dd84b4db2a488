/**
 * Runs the tests on the real binary against another version of codex: `npm run test:codex -- VERSION [vitest's arguments]`.
 *
 * The protocol stays that of the pinned version, as it does for whoever has another codex installed. Left out is the test
 * that the generated protocol is the binary's own.
 */
import { spawnSync } from "node:child_process"
import { installCodex } from "./codex-version.ts"
import { installed, root } from "./packages.ts"

const [version, ...args] = process.argv.slice(2)
if (version === undefined) {
  process.stdout.write("npm run test:codex -- VERSION [vitest's arguments]\n")
  process.exit(1)
}

const binary = installCodex(version)
process.stdout.write(`testing ${binary}\n`)
const { status } = spawnSync(
  installed("vitest"),
  ["run", "--project", "real", "--exclude", "**/codegen.real.test.ts", ...args],
  { cwd: root, env: { ...process.env, CODEX_BINARY: binary }, stdio: "inherit" }
)
process.exitCode = status ?? 1
