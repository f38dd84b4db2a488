/**
 * What real Bash makes of a script, without running anything: no builtin, no program and no path is there, and what cannot
 * be found is written down with its arguments. Only `cat` without a file prints what it is given.
 */
import * as ShellCommand from "@effect-codex/policy/ShellCommand"
import { quote } from "@effect-codex/policy/ShellWord"
import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { afterAll } from "vitest"

const directory = mkdtempSync(path.join(tmpdir(), "effect-codex-oracle-"))
// Workers of the test runner end without an exit event.
afterAll(() => rmSync(directory, { recursive: true, force: true }))
let runs = 0
const work = path.join(directory, "work")
const prelude = path.join(directory, "prelude")

writeFileSync(
  prelude,
  `ulimit -t 1
PATH=/nonexistent
command_not_found_handle() { /usr/bin/printf '%s\\0' "$#" "$@" >> "$ORACLE_LOG" 2>/dev/null; case "$1$#" in cat1) /bin/cat;; esac; /bin/STATUS; }
names=$(compgen -b)
enable -n $names
`
)

/** The commands that the stubs have logged, each as JSON of its words: a count of words, then the words, ended by zero bytes. */
export const commandsIn = (log: string): Array<string> => {
  const fields = readFileSync(log, "utf8").split("\0").slice(0, -1)
  const commands: Array<string> = []
  for (let at = 0; at < fields.length;) {
    const count = Number(fields[at])
    commands.push(JSON.stringify(fields.slice(at + 1, at + 1 + count)))
    at += count + 1
  }
  return commands
}

/** Without a slash there is no way out of an empty `PATH`, and none into another folder. */
export const harmless = (script: string): string =>
  script.replaceAll("/dev/null", "\u0001").replaceAll("/", "_").replaceAll("\u0001", "/dev/null")

/** The argument lists of the commands that Bash would run, sorted. `status`: how each of them would end. */
export const run = (script: string, status: "true" | "false"): ReadonlyArray<string> => {
  rmSync(work, { recursive: true, force: true })
  mkdirSync(work)
  // A loop in the background of an earlier script may go on for a while.
  const log = path.join(directory, `log-${runs++}`)
  writeFileSync(log, "")
  const env = path.join(directory, status)
  writeFileSync(env, readFileSync(prelude, "utf8").replace("STATUS", status))
  const { error } = spawnSync("/bin/bash", ["--norc", "--noprofile", "-c", "--", script], {
    cwd: work,
    env: { BASH_ENV: env, LC_ALL: "C.UTF-8", ORACLE_LOG: log },
    stdio: "ignore",
    timeout: 10_000
  })
  if (error !== undefined) throw error
  const commands = commandsIn(log)
  rmSync(log)
  return commands.toSorted()
}

/** Whether Bash takes it for a script; nothing is run. */
export const takes = (script: string): boolean =>
  spawnSync("/bin/bash", ["--norc", "--noprofile", "-n", "-c", "--", script], { stdio: "ignore", timeout: 10_000 })
    .status === 0

/** The argument lists that the analysis is certain of, sorted; `undefined`: it is not certain of all. */
export const analysed = (script: string): ReadonlyArray<string> | undefined => {
  const command = ShellCommand.parse(`/bin/bash -c ${quote(script)}`)
  if (command._tag === "Unparseable" || command.parts.length === 0) return undefined
  if (command.parts.some(({ opaque }) => opaque !== undefined)) return undefined
  return command.parts
    .filter(({ words }) => words.length > 0)
    .map(({ words }) => JSON.stringify(words.map(({ value }) => value)))
    .toSorted()
}
