/**
 * For a scheduled job: moves the project to the newest codex on a branch of its own and writes that branch as a patch file:
 * `npm run protocol:schedule -- [VERSION] [--out FOLDER] [--no-tests]`.
 *
 * Asks the npm registry for the newest version and for its packages, and no other host: it pushes
 * nothing and reports to no service. The branch is `codex-VERSION`, the patch `codex-VERSION.patch` in the folder, by default the repository's own. The
 * message of its commit has the differences and the steps that are left. The working tree stays as it is. If the newest
 * version is the pinned one, or has its branch, nothing is done.
 */
import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { parseArgs } from "node:util"
import { codexVersion } from "../packages/core/src/protocol/generated/Methods.ts"
import { must } from "./pack.ts"
import { root } from "./packages.ts"

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { out: { type: "string", default: root }, "no-tests": { type: "boolean", default: false } }
})

const version = positionals[0] ?? must("npm", ["view", "@openai/codex", "version"]).trim()
const branch = `codex-${version}`
const isThere =
  spawnSync("git", ["rev-parse", "--verify", "--quiet", `refs/heads/${branch}`], { cwd: root }).status === 0

if (version === codexVersion) process.stdout.write(`codex ${version} is the pinned one already\n`)
else if (isThere) process.stdout.write(`The branch ${branch} is there already\n`)
else {
  const temporary = mkdtempSync(path.join(tmpdir(), "effect-codex-update-"))
  const tree = path.join(temporary, "tree")
  try {
    must("git", ["worktree", "add", "--quiet", "-b", branch, tree, "HEAD"])
    must(process.execPath, ["scripts/setup.mjs"], { cwd: tree })
    const args = ["scripts/update-protocol.ts", version, ...(values["no-tests"] ? ["--no-tests"] : [])]
    const { status, stdout } = spawnSync(process.execPath, args, {
      cwd: tree,
      encoding: "utf8",
      maxBuffer: 64 * 1024 * 1024,
      stdio: ["ignore", "pipe", "inherit"]
    })
    const title = status === 0 ? `The protocol is that of codex ${version}` : `Codex ${version} needs a decision`
    const message = path.join(temporary, "message")
    // Git would take the headings of the report for comments.
    writeFileSync(message, `${title}\n\n${stdout}`)
    must("git", ["add", "--all"], { cwd: tree })
    must("git", ["commit", "--quiet", "--allow-empty", "--cleanup=verbatim", "--no-verify", "--file", message], {
      cwd: tree
    })
    mkdirSync(values.out, { recursive: true })
    const patch = path.join(values.out, `${branch}.patch`)
    const format = ["format-patch", "--quiet", "-1", "--always", `--output=${path.resolve(patch)}`]
    must("git", format, { cwd: tree })
    process.stdout.write(`${stdout}\nThe branch ${branch} and ${patch} are written\n`)
    process.exitCode = status ?? 1
  } finally {
    spawnSync("git", ["worktree", "remove", "--force", tree], { cwd: root })
    rmSync(temporary, { recursive: true, force: true })
  }
}
