/**
 * Moves the protocol to another version of codex: `npm run protocol:update -- VERSION|latest [--dry-run]`.
 *
 * Installs that version into the cache, tells what is different in its protocol and what that asks of our API, and writes
 * the generated modules and the pinned version. A dry run only tells. What the generator can't decide stops it, with what
 * to do; nothing is written then.
 */
import { readFileSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import { codegen, describeProtocol, findBinary } from "../packages/core/scripts/codegen.ts"
import { generate } from "../packages/core/scripts/codegen/generate.ts"
import { compareEditions } from "../packages/core/scripts/update/changes.ts"
import { readFunctions, report } from "../packages/core/scripts/update/report.ts"
import { installCodex } from "./codex-version.ts"
import { must } from "./pack.ts"
import { root } from "./packages.ts"
import { writeHistory } from "./protocol-history.ts"

const [named, ...flags] = process.argv.slice(2)
if (named === undefined || flags.some((flag) => flag !== "--dry-run")) {
  process.stdout.write("npm run protocol:update -- VERSION|latest [--dry-run]\n")
  process.exit(1)
}

const version = named === "latest" ? must("npm", ["view", "@openai/codex", "version"]).trim() : named
const before = describeProtocol(findBinary())
const after = describeProtocol(installCodex(version))
const functions = readFunctions(readFileSync(path.join(root, "docs", "api.md"), "utf8"))
process.stdout.write(`${report(before.version, after.version, compareEditions(before, after), functions)}\n\n`)

try {
  generate(after)
} catch (error) {
  process.stdout.write(`The generator needs a decision before it can write this version.\n${error}\n`)
  process.exit(1)
}

if (flags.length > 0) process.stdout.write("This was a dry run: nothing was written.\n")
else {
  codegen(root, after)
  writeHistory([after.version])
  for (const file of ["package.json", "examples/starter/package.json"]) {
    const text = readFileSync(path.join(root, file), "utf8")
    writeFileSync(path.join(root, file), text.replace(/("@openai\/codex": )"[^"]+"/, `$1"${after.version}"`))
  }
  process.stdout.write(
    `Written, and pinned in package.json. Now:
  npx pnpm install    for the lockfile
  npm run check       tells which tables lack a new server request
  npm test            tells which rows docs/api.md lacks
  npm run api:update  and a changeset, with docs/compatibility.md
`
  )
}
