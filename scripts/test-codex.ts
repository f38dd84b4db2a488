/**
 * Runs the tests on the real binary against another version of codex: `npm run test:codex -- VERSION [--essential] [vitest's arguments]`.
 *
 * The protocol stays that of the pinned version, as it does for whoever has another codex installed. `oldest` stands for the
 * oldest version that is promised, `--essential` for the tests that meet what differs between versions. Left out is the test that the generated protocol is the binary's own; what a version does
 * not have by the table of versions is skipped.
 */
import { spawnSync } from "node:child_process"
import { minorOf, oldest, protocol } from "../packages/core/src/protocol/Versions.ts"
import { essential, installCodex } from "./codex-version.ts"
import { installed, root } from "./packages.ts"

const [named, ...rest] = process.argv.slice(2)
const args = rest.flatMap((arg) => (arg === "--essential" ? essential : [arg]))
if (named === undefined) {
  process.stdout.write("npm run test:codex -- VERSION|oldest [--essential] [vitest's arguments]\n")
  process.exit(1)
}

const version = named === "oldest" ? protocol.versions.find((version) => minorOf(version) === minorOf(oldest)) : named
if (version === undefined) throw new Error(`There is no ${oldest} in the table of versions`)
const binary = installCodex(version)
process.stdout.write(`testing ${binary}\n`)
const { status } = spawnSync(
  installed("vitest"),
  ["run", "--project", "real", "--exclude", "**/codegen.real.test.ts", ...args],
  { cwd: root, env: { ...process.env, CODEX_BINARY: binary, CODEX_TEST_VERSION: version }, stdio: "inherit" }
)
process.exitCode = status ?? 1
