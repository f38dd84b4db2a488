/**
 * Follows the documents for newcomers to the letter: `npm run docs:follow`.
 *
 * Of each page it runs the lines of every `sh` block with Bash, saves a block whose introduction ends with a file name and a
 * colon as that file, and compares the output of a command with the `text` block after it. It skips blocks that log in. The
 * pages begin in one empty folder, with a home of their own and the Node of the machine. `git clone` gets this checkout, or with `-- --clone` a clone of it.
 * With `-- --cold` nothing that was downloaded before is used again.
 */
import { execFileSync, spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { homedir, tmpdir } from "node:os"
import * as path from "node:path"
import { parseArgs } from "node:util"
import { type Block, blocksOf, fileNameOf } from "./documents.ts"
import { root } from "./packages.ts"

const { values } = parseArgs({ options: { clone: { type: "boolean" }, cold: { type: "boolean" } } })

/** The pages in the order in which they are followed, and the folder that the reader is in, if it is not that of all pages. */
const pages: ReadonlyArray<readonly [page: string, folder: string]> = [
  // Makes the tarballs that the others install, and the copy of the starter.
  ["docs/quickstart.md", "."],
  ["examples/starter/README.md", "my-agent"],
  ["README.md", "effect-codex"],
  ["docs/tutorial.md", "."],
  ["docs/promises.md", "."]
]

// A person logs in, in a browser.
const needsAccount = /^npx codex login$/m

// The introduction of a block that only an older Node needs.
const forOlderNode = /^If `node --version`/

const temporary = mkdtempSync(path.join(tmpdir(), "effect-codex-follow-"))
process.on("exit", () => rmSync(temporary, { recursive: true, force: true }))

const {
  npm_config_cache: cache = path.join(homedir(), ".npm"),
  // The store of pnpm is below it, from which this checkout was installed.
  XDG_DATA_HOME: data = path.join(homedir(), ".local", "share")
} = process.env

const home = path.join(temporary, "home")
const work = path.join(temporary, "work")
for (const folder of [home, work]) mkdirSync(folder)

/** As in a terminal that was just opened: no account, no codex, nothing of this checkout on the `PATH`. */
const env: NodeJS.ProcessEnv = {
  PATH: (process.env["PATH"] ?? "")
    .split(path.delimiter)
    .filter((folder) => !folder.includes("node_modules") && !folder.includes("node-gyp-bin"))
    .join(path.delimiter),
  HOME: home,
  LANG: "C.UTF-8",
  npm_config_audit: "false",
  npm_config_fund: "false",
  npm_config_update_notifier: "false",
  ...(values.cold === true ? {} : { XDG_DATA_HOME: data, npm_config_cache: cache, npm_config_prefer_offline: "true" })
}

const isOlderNode = () => {
  const version = execFileSync("node", ["--version"], { encoding: "utf8", env })
  const [major = 0, minor = 0] = version.slice(1).split(".").map(Number)
  return major < 22 || (major === 22 && minor < 19)
}

interface Ran {
  readonly code: number | null
  readonly output: string
  /** The folder that the shell has ended in. */
  readonly cwd: string
}

const bash = (script: string, cwd: string) =>
  new Promise<Ran>((resolve) => {
    const folder = path.join(temporary, "folder")
    // The shell may change the folder for the blocks after it. Its exit code is that of its last command.
    const child = spawn("bash", ["-ec", `${script}\npwd > ${folder}`], { cwd, env, stdio: ["ignore", "pipe", "pipe"] })
    let output = ""
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (piece: string) => (output += piece))
    }
    child.on("close", (code) => resolve({ code, output, cwd: code === 0 ? readFileSync(folder, "utf8").trim() : cwd }))
  })

// `…` stands for anything within a line.
const matches = (expected: string, line: string): boolean =>
  new RegExp(
    `^${expected
      .split("…")
      .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"))
      .join(".*")}$`
  ).test(line)

/** The first expected line that the output does not have, in its order. */
const missingIn = (output: string, expected: string): string | undefined => {
  const lines = output.split("\n").map((line) => line.trim())
  for (const wanted of expected.split("\n").map((line) => line.trim())) {
    if (wanted === "" || wanted === "…") continue
    const at = lines.findIndex((line) => matches(wanted, line))
    if (at < 0) return wanted
    lines.splice(0, at + 1)
  }
  return undefined
}

const follow = async (page: string, folder: string): Promise<ReadonlyArray<string>> => {
  let cwd = path.join(work, folder)
  let last: { readonly block: Block; readonly ran: Ran } | undefined
  const begin = performance.now()

  for (const block of blocksOf(root, page)) {
    const file = fileNameOf(block)
    if (block.language === "sh") {
      if (needsAccount.test(block.code)) continue
      if (forOlderNode.test(block.introduction) && !isOlderNode()) continue
      const script = block.code.replace(/^git clone .*$/m, () =>
        values.clone === true ? `git clone --quiet ${root} effect-codex` : `ln -s ${root} effect-codex`
      )
      const start = performance.now()
      const ran = await bash(script, cwd)
      const seconds = ((performance.now() - start) / 1000).toFixed(1)
      process.stdout.write(`${page}:${block.line}: ${block.code.split("\n").join("; ")} (${seconds} s)\n`)
      if (ran.code !== 0) return [`${page}:${block.line}: exited with ${ran.code}\n${ran.output}`]
      cwd = ran.cwd
      last = { block, ran }
    } else if (file !== undefined) {
      mkdirSync(path.dirname(path.join(cwd, file)), { recursive: true })
      writeFileSync(path.join(cwd, file), `${block.code}\n`)
    } else if (block.language === "text" && last !== undefined) {
      const missing = missingIn(last.ran.output, block.code)
      if (missing !== undefined) {
        return [`${page}:${block.line}: the output does not have ${JSON.stringify(missing)}\n${last.ran.output}`]
      }
    }
  }
  process.stdout.write(`${page}: followed (${((performance.now() - begin) / 1000).toFixed(0)} s)\n`)
  return []
}

const findings: Array<string> = []
for (const [page, folder] of pages) if (findings.length === 0) findings.push(...(await follow(page, folder)))
for (const finding of findings) process.stdout.write(`${finding}\n`)
process.stdout.write(`${pages.length} pages followed, ${findings.length} findings\n`)
process.exitCode = findings.length === 0 ? 0 : 1
