/**
 * What the balanced mode takes for a script that only reads, against what Bash and zsh really run of it.
 *
 * No program and no builtin is there: what a shell would run is written down with its arguments instead; only `cat` without a
 * file prints what it is given. Each of these has to
 * be a command that the balanced mode accepts by itself, and no file may have been made. `FUZZ_RUNS` sets how many scripts are
 * tried; the same number tries the same ones.
 */
import { describe, expect, it } from "@effect/vitest"
import { quote } from "@effect-codex/policy/ShellWord"
import * as ShellCommand from "@effect-codex/policy/ShellCommand"
import { spawnSync } from "node:child_process"
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import { analyse } from "../src/internal/command/reading.ts"
import type { Dialect } from "../src/internal/command/grammar.ts"
import { makeFolder } from "./folders.ts"

const runs = Number(process.env["FUZZ_RUNS"] ?? 400)

const directory = makeFolder("reading")
const work = path.join(directory, "work")
const log = path.join(directory, "log")
const files = ["a", "b", "ab"]

writeFileSync(
  path.join(directory, "bash"),
  `ulimit -t 1
PATH=/nonexistent
command_not_found_handle() { /usr/bin/printf '%s\\0' "$#" "$@" >> "$ORACLE_LOG" 2>/dev/null; case "$1$#" in cat1) /bin/cat;; esac; /bin/$ORACLE_STATUS; }
names=$(compgen -b)
enable -n $names
`
)
writeFileSync(
  path.join(directory, ".zshenv"),
  `ulimit -t 1
PATH=/nonexistent
command_not_found_handler() { /usr/bin/printf '%s\\0' "$#" "$@" >> "$ORACLE_LOG" 2>/dev/null; case "$1$#" in cat1) /bin/cat;; esac; /bin/$ORACLE_STATUS }
disable -m '*'
`
)

const prepare = () => {
  rmSync(work, { recursive: true, force: true })
  mkdirSync(work)
  for (const file of files) writeFileSync(path.join(work, file), "")
  writeFileSync(log, "")
}

const run = (shell: "bash" | "zsh", script: string, status: string): ReadonlyArray<ReadonlyArray<string>> => {
  prepare()
  const options = shell === "bash" ? ["--norc", "--noprofile", "-c", "--", script] : ["-c", script]
  const { error } = spawnSync(`/bin/${shell}`, options, {
    cwd: work,
    env: {
      BASH_ENV: path.join(directory, "bash"),
      ZDOTDIR: directory,
      LC_ALL: "C.UTF-8",
      ORACLE_LOG: log,
      ORACLE_STATUS: status
    },
    stdio: "ignore",
    timeout: 10_000
  })
  if (error !== undefined) throw error
  const fields = readFileSync(log, "utf8").split("\0").slice(0, -1)
  const commands: Array<ReadonlyArray<string>> = []
  for (let at = 0; at < fields.length;) {
    const count = Number(fields[at])
    commands.push(fields.slice(at + 1, at + 1 + count))
    at += count + 1
  }
  return commands
}

// A generator of its own, so that a number gives the same script everywhere.
const random = (seed: number) => {
  let state = seed
  return (below: number): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

const programs = [
  "ls",
  "cat",
  "echo",
  "head",
  "grep a",
  "true",
  "sort",
  "wc",
  "printf '%s'",
  "test -n",
  "rm",
  "touch",
  "xargs cat"
]
const words = (
  'a b -n \'a|b\' "$x" $x ${x} "${x}" * a* ? [ab] "*" \'*\' \\* - -- {} [ ] x=1 =a a=b ~ a~1 #c a#c ! 2>&1 >/dev/null 2>/dev/null <a >out ' +
  '>>out &>out 2> <<<a <<<$x `id` $((1)) $\'a\' {a,b} {a} a^ ^ @ % : , + $? $# $@ $1 $PATH "$PATH" "$(cat a)" $(cat a) $(rm) <(cat a) <(rm) ' +
  '"a$" "a\'b" \'a"b\' a\\ b "\\$x" "\\`id\\`" \'\' "" $x[1] "$x[1]" $x:h ${x:-a} ${x/a/b} *(e:id:) **/a a/../b =ls .. $HOME 1>a 3<a'
).split(" ")
const joins = ["; ", " && ", " || ", " | ", "\n", " & ", " |& ", ";; ", " ", ";\n", " \\\n", "\n\n", " # c\n", ";;"]
const noise = [
  "'",
  '"',
  "`",
  "$",
  "(",
  ")",
  "{",
  "}",
  ";",
  "&",
  "|",
  "<",
  ">",
  "\\",
  "\n",
  " ",
  "#",
  "!",
  "=",
  "~",
  "*",
  "[",
  "]",
  "if ",
  "do ",
  "done",
  "fi",
  "then ",
  "in ",
  "[[ ",
  " ]]",
  "\t",
  "<<E\n",
  "\nE\n",
  "é",
  "\r"
]

const scriptOf = (seed: number): string => {
  const next = random(seed)
  const pick = (list: ReadonlyArray<string>): string => list[next(list.length)] ?? ""
  const simple = (): string => {
    const count = next(4)
    const prefix = next(12) === 0 ? pick(["x=a ", "y= ", "x=$(cat a) ", "LC_ALL=C ", "PATH=. ", "x=* "]) : ""
    return [prefix + pick(programs), ...Array.from({ length: count }, () => pick(words))].join(" ")
  }
  const script = (depth: number): string => {
    const count = 1 + next(3)
    let text = command(depth)
    for (let index = 1; index < count; index++)
      text += (next(4) === 0 ? pick(joins) : pick(joins.slice(0, 5))) + command(depth)
    return text
  }
  const command = (depth: number): string => {
    if (depth > 2 || next(2) === 0) return simple()
    switch (next(14)) {
      case 0:
        return `for x in ${pick(words)} ${pick(words)}; do ${script(depth + 1)}; done`
      case 1:
        return `if ${script(depth + 1)}; then ${script(depth + 1)}; else ${script(depth + 1)}; fi`
      case 2:
        return `(${script(depth + 1)})`
      case 3:
        return `{ ${script(depth + 1)}; }`
      case 4:
        return `! ${command(depth + 1)}`
      case 5:
        return `time ${command(depth + 1)}`
      case 6:
        return `[[ ${pick(["-n", "-f", "!", "-v"])} ${pick(words)} ]]`
      case 7:
        return `[[ ${pick(words)} ${pick(["==", "!=", "=~", "-eq", "<", "&&"])} ${pick(words)} ]]`
      case 8:
        return `x=${pick(words)}${pick(joins)}${simple()}`
      case 9:
        return `cat <<${pick(["'E'", "E", "-E", '"E"', "\\E"])}${pick(["", " | cat", "; echo a"])}\n${pick(words)}\nE\n`
      case 10:
        return `while ${simple()}; do ${script(depth + 1)}; done`
      case 11:
        return `echo "$(${script(depth + 1)})"`
      case 12:
        return `x=$(${script(depth + 1)}); ${simple()}`
      default:
        return `${command(depth + 1)} ${pick(["> /dev/null", "2>&1", "< a", "> out", "2>out"])}`
    }
  }
  let text = script(0)
  for (let times = next(3) === 0 ? 1 + next(2) : 0; times > 0; times--) {
    const at = next(text.length + 1)
    text = text.slice(0, at) + (next(3) === 0 ? "" : pick(noise)) + text.slice(at + next(2))
  }
  return text
}

const reads = (script: string, dialect: Dialect) => analyse(script, [work], [work], dialect)._tag === "Reads"

describe("a script that only reads, as the balanced mode has it", () => {
  for (const shell of ["bash", "zsh"] as const) {
    it(`runs nothing else in ${shell}`, { timeout: 60_000 + runs * 60 }, () => {
      let accepted = 0
      let seen = 0
      const wrong: Array<string> = []
      for (let seed = 1; seed <= runs; seed++) {
        const script = scriptOf(seed)
        if (!reads(script, shell)) continue
        accepted++
        const hasLoop = /while|until/.test(script)
        for (const status of hasLoop ? ["false"] : ["true", "false"]) {
          for (const command of run(shell, script, status)) {
            seen++
            // A program that gets no more than the files that are there reads them, whatever else it may be.
            const line = command.map(quote).join(" ")
            if (!reads(line, "bash") && !(command[0] === "xargs")) wrong.push(`${seed}: ${script} runs ${line}`)
          }
          const made = readdirSync(work).filter((name) => !files.includes(name))
          if (made.length > 0) wrong.push(`${seed}: ${script} makes ${made.join(" ")}`)
        }
      }
      expect(wrong).toEqual([])
      expect(accepted).toBeGreaterThan(runs / 50)
      expect(seen).toBeGreaterThan(accepted)
    })
  }
})

describe("a script that zsh and Bash read alike", () => {
  it("has no time behind another one, which zsh takes for a program", () => {
    const read = (script: string) => ShellCommand.parse(`/bin/zsh -c ${quote(script)}`)._tag
    expect(["time echo a", "! time echo a"].map(read)).toEqual(["Parsed", "Parsed"])
    expect(["time time echo a", "! time time echo a", "time ! time echo a"].map(read)).toEqual([
      "Unparseable",
      "Unparseable",
      "Unparseable"
    ])
  })

  it("runs in zsh what the analysis tells of", { timeout: 60_000 + runs * 60 }, () => {
    let certain = 0
    const wrong: Array<string> = []
    for (let seed = 1; seed <= runs; seed++) {
      const script = scriptOf(seed)
      const command = ShellCommand.parse(`/bin/zsh -c ${quote(script)}`)
      if (command._tag === "Unparseable" || command.parts.some(({ opaque }) => opaque !== undefined)) continue
      certain++
      const told = command.parts.map(({ words }) => JSON.stringify(words.map(({ value }) => value)))
      for (const status of ["true", "false"]) {
        for (const found of run("zsh", script, status)) {
          if (!told.includes(JSON.stringify(found))) wrong.push(`${seed}: ${script} runs ${JSON.stringify(found)}`)
        }
      }
    }
    expect(wrong).toEqual([])
    expect(certain).toBeGreaterThan(runs / 50)
  })
})
