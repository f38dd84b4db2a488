// Brings a fresh clone to a working state, and does nothing on one that already is.
//
// Runs on whatever Node the machine has (20 or newer), before any dependency exists, so it uses Node's own modules only.
// The stamp holds a hash of everything that decides what is installed; it is written last, so an interrupted
// installation starts again.
import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import { fileURLToPath } from "node:url"

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const stampFile = path.join(root, "node_modules", ".effect-codex-setup")

const inputs = [
  "package.json",
  "pnpm-lock.yaml",
  "pnpm-workspace.yaml",
  "bench/package.json",
  ...["core", "policy", "ai", "durable", "cli"].map((name) => `packages/${name}/package.json`)
]
const hash = createHash("sha256").update(`${process.platform}-${process.arch}`)
for (const file of inputs) hash.update(file).update(readFileSync(path.join(root, file)))
const stamp = hash.digest("hex")

if (existsSync(stampFile) && readFileSync(stampFile, "utf8") === stamp) process.exit(0)

const { packageManager } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"))

const run = (what, command, args) => {
  process.stderr.write(`[setup] ${what}\n`)
  const { error, signal, status } = spawnSync(command, args, {
    cwd: root,
    // `npm run --silent` hands its silence on, and an installation without a sign of life looks stuck.
    env: { ...process.env, npm_config_loglevel: "notice" },
    stdio: ["ignore", 2, 2],
    shell: process.platform === "win32"
  })
  if (status !== 0) {
    process.stderr.write(
      `[setup] failed: ${command} ${args.join(" ")} (${error?.message ?? signal ?? `exit ${status}`})\n`
    )
    process.exit(status ?? 1)
  }
}

run("installing dependencies (about half a minute the first time)", "npx", [
  "-y",
  packageManager,
  "install",
  "--frozen-lockfile",
  "--reporter=append-only"
])
run("adding Effect's diagnostics to the type checker", path.join(root, "node_modules", ".bin", "effect-tsgo"), [
  "patch"
])

mkdirSync(path.dirname(stampFile), { recursive: true })
writeFileSync(stampFile, stamp)
process.stderr.write("[setup] done\n")
