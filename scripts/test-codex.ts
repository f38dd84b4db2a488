/**
 * Runs the tests on the real binary against another version of codex:
 * `npm run test:codex -- VERSION [--essential] [--optional] [vitest's arguments]`.
 *
 * The protocol stays that of the pinned version, as it does for whoever has another codex installed. `oldest` stands for the
 * oldest version that is promised, `--essential` for the tests that meet what differs between versions. With `--optional`, it is
 * not a failure if the version can neither be found here nor downloaded: that is printed. Left out is the
 * test that the generated protocol is the binary's own; what a version does not have by the table of versions is skipped.
 */
import { spawnSync } from "node:child_process"
import { minorOf, oldest, protocol } from "../packages/core/src/protocol/Versions.ts"
import { essential, findCodex } from "./codex-version.ts"
import { installed, root } from "./packages.ts"

const [named, ...flags] = process.argv.slice(2)
const isOptional = flags.includes("--optional")
const rest = flags.filter((flag) => flag !== "--optional")
const args = rest.flatMap((arg) => (arg === "--essential" ? essential : [arg]))
if (named === undefined) {
  process.stdout.write("npm run test:codex -- VERSION|oldest [--essential] [--optional] [vitest's arguments]\n")
  process.exit(1)
}

const version = named === "oldest" ? protocol.versions.find((version) => minorOf(version) === minorOf(oldest)) : named
if (version === undefined) throw new Error(`There is no ${oldest} in the table of versions`)
const { binary, failure } = findCodex(version)
if (binary === undefined) {
  process.stdout.write(`codex ${version} is NOT TESTED, since it can't be installed: ${failure}\n`)
  process.exit(isOptional ? 0 : 1)
}
process.stdout.write(`testing ${binary}\n`)
const { status } = spawnSync(
  installed("vitest"),
  ["run", "--project", "real", "--exclude", "**/codegen.real.test.ts", ...args],
  { cwd: root, env: { ...process.env, CODEX_BINARY: binary, CODEX_TEST_VERSION: version }, stdio: "inherit" }
)
process.exitCode = status ?? 1
