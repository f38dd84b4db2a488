/**
 * Runs the tests on the real binary against another version of codex:
 * `npm run test:codex -- VERSION [--essential] [--optional] [vitest's arguments]`.
 *
 * The protocol stays that of the pinned version, as it does for a user who has another codex installed. `oldest` stands for the
 * oldest supported version, `--essential` for the tests that cover differences between versions. With `--optional`, a version
 * that is neither installed nor available for download is reported, but is not a failure. The test that compares the generated
 * protocol with the binary is excluded; tests of features that the version does not have, by the table of versions, are skipped.
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
  process.stdout.write(`codex ${version} is NOT TESTED, because it could not be installed: ${failure}\n`)
  process.exit(isOptional ? 0 : 1)
}
process.stdout.write(`testing ${binary}\n`)
const { status } = spawnSync(
  installed("vitest"),
  ["run", "--project", "real", "--exclude", "**/codegen.real.test.ts", ...args],
  { cwd: root, env: { ...process.env, CODEX_BINARY: binary, CODEX_TEST_VERSION: version }, stdio: "inherit" }
)
process.exitCode = status ?? 1
