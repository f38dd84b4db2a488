/**
 * Runs an example on Bun, offline, with the real codex: `npm run bun`.
 *
 * Bun is installed into a folder of the cache, as other versions of codex are. It has 100 MB, and nothing else needs it.
 */
import { existsSync, mkdirSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import { must } from "./pack.ts"
import { root } from "./packages.ts"

const version = "1.4.5"
const folder = path.join(root, "node_modules", ".cache", "bun", version)
const bun = path.join(folder, "node_modules", ".bin", "bun")

if (!existsSync(bun)) {
  process.stdout.write(`installing bun ${version}\n`)
  mkdirSync(folder, { recursive: true })
  writeFileSync(path.join(folder, "package.json"), JSON.stringify({ name: "bun-version", private: true }))
  must("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error", `bun@${version}`], { cwd: folder })
}
process.stdout.write(must(bun, [path.join(root, "examples", "run.ts"), "quickstart", "--offline"], { cwd: root }))
