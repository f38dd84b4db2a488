/**
 * Builds the site of the documents into `site/`: `npm run docs:build`.
 *
 * The dependencies of the site are installed into this folder when the build runs, so that using or testing the packages does not
 * need them.
 */
import { spawnSync } from "node:child_process"
import { readFileSync, rmSync } from "node:fs"
import * as path from "node:path"
import { unlisted } from "./contents.ts"
import { brokenLinks } from "./links.ts"

const here = import.meta.dirname
const root = path.dirname(here)

const run = (what: string, command: string, args: ReadonlyArray<string>) => {
  process.stdout.write(`${what}\n`)
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: here, encoding: "utf8" })
  if (status === 0) return
  process.stdout.write(`${stdout}${stderr}failed: ${what}\n`)
  process.exit(1)
}

const { packageManager } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as {
  readonly packageManager: string
}
run("installing the dependencies of the site", "npx", [
  "-y",
  packageManager,
  "install",
  "--ignore-workspace",
  "--frozen-lockfile"
])
const installed = (name: string) => path.join(here, "node_modules", ".bin", name)

run("checking the types of the site", installed("tsc"), ["-p", here])

// These import the dependencies that were just installed.
const { writePages } = await import("./pages.ts")
const { wrongAnswers } = await import("./search.ts")
rmSync(path.join(here, "pages"), { recursive: true, force: true })
process.stdout.write("writing the pages\n")
await writePages()

run("building the site", installed("vitepress"), ["build", here])

const site = path.join(root, "site")
const base = process.env["SITE_BASE"] ?? "/"
const broken = [
  ...unlisted().map((document) => `${document}: is not in docs/README.md or docs/zh/README.md`),
  ...brokenLinks(site, base),
  ...(await wrongAnswers(site, base))
]
for (const line of broken) process.stdout.write(`${line}\n`)
if (broken.length > 0) process.exit(1)
process.stdout.write("site/ is built; npm run docs:preview shows it\n")
