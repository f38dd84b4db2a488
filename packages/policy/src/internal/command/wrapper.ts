/**
 * Finds the command that a wrapper runs: a program whose arguments are another command.
 *
 * If the options of a wrapper are known, so is the command. If not, the command may begin at any argument, which is enough for
 * a rule that declines.
 */
import { known, unknown, type Word } from "../../ShellWord.ts"
import type { Assignment } from "./bash.ts"
import { trimEnd } from "../text.ts"

export type Inner =
  | {
      readonly _tag: "Command"
      readonly words: ReadonlyArray<Word>
      readonly assignments: ReadonlyArray<Assignment>
      readonly certain: boolean
    }
  | { readonly _tag: "Script"; readonly script: string; readonly certain: boolean }
  /** Something runs that the command does not name. */
  | { readonly _tag: "Anything" }

/** The commands that a command runs in addition to its own program. */
export interface Seen {
  readonly inner: ReadonlyArray<Inner>
  /** Words that are not analyzed and may be run. If absent, they depend on the program. */
  readonly mayRun?: ReadonlyArray<Word>
}

const anything: Seen = { inner: [{ _tag: "Anything" }] }
const nothing: Seen = { inner: [], mayRun: [] }

const command = (words: ReadonlyArray<Word>, assignments: ReadonlyArray<Assignment> = []): Seen =>
  words.length === 0 ? nothing : { inner: [{ _tag: "Command", words, assignments, certain: true }], mayRun: [] }

// The words contain a command, but its beginning is not known.
const guess = (words: ReadonlyArray<Word>): Seen => ({
  inner: words.length === 0 ? [] : [{ _tag: "Command", words, assignments: [], certain: false }],
  mayRun: words
})

/** The last part of a path. Windows paths are supported too. */
export const baseName = (program: string): string =>
  program.slice(Math.max(program.lastIndexOf("/"), program.lastIndexOf("\\")) + 1)

export const shells: ReadonlySet<string> = new Set(["bash", "sh", "dash", "ash", "ksh", "mksh", "rbash"])

/** Shells with another language. */
export const foreignShells: ReadonlySet<string> = new Set(
  "zsh fish csh tcsh nu elvish xonsh pwsh pwsh.exe powershell powershell.exe cmd cmd.exe".split(" ")
)

interface Options {
  /** Options without a value, alone or as letters of a cluster. */
  readonly flags?: string
  /** Options whose value is the rest of the word or the next word. */
  readonly valued?: string
  /** Options with which the wrapper runs nothing. */
  readonly quiet?: string
  /** The number of operands before the command. */
  readonly operands?: number
  /** Whether `NAME=value` may stand before the command. */
  readonly assignments?: boolean
}

const wrappers: { readonly [K in string]?: Options } = {
  sudo: {
    flags: "-A -b -E -H -n -P -S --askpass --background --preserve-env --set-home --non-interactive --stdin",
    valued: "-u -g -h -p -C -r -t -T -U --user --group --host --prompt --close-from --role --type",
    assignments: true
  },
  doas: { flags: "-n", valued: "-u -C" },
  env: { flags: "-i - -v --ignore-environment --debug", valued: "-u --unset", assignments: true },
  nice: { valued: "-n --adjustment" },
  nohup: {},
  setsid: { flags: "-c -f -w --ctty --fork --wait" },
  timeout: { flags: "-v --foreground --preserve-status --verbose", valued: "-k -s --kill-after --signal", operands: 1 },
  stdbuf: { valued: "-i -o -e --input --output --error" },
  ionice: { flags: "-t --ignore", valued: "-c -n --class --classdata" },
  time: { flags: "-p -v -a", valued: "-f -o --format --output" },
  command: { flags: "-p", quiet: "-v -V" },
  builtin: {},
  exec: { flags: "-c -l", valued: "-a" },
  busybox: {},
  toybox: {}
}

// Wrappers whose options, or whose use of the arguments, are not known here.
const looseWrappers: ReadonlySet<string> = new Set(
  (
    "su runuser pkexec gosu su-exec flock script watch strace ltrace gdb lldb valgrind perf chroot unshare " +
    "nsenter bwrap firejail systemd-run setpriv capsh proot fakeroot caffeinate taskset chrt numactl " +
    "dbus-run-session dbus-launch xvfb-run entr fd fdfind tmux screen start-stop-daemon daemonize rlwrap " +
    "unbuffer expect torsocks proxychains proxychains4 tini dumb-init ssh-agent prlimit ld.so faketime"
  ).split(" ")
)

// These run commands from their input.
const readsCommands: ReadonlySet<string> = new Set(["at", "batch", "parallel"])

const otherWrappers = ["xargs", "find", "eval", "trap", "alias", "hash", "source", "."]

const interpreters: ReadonlySet<string> = new Set(
  (
    "python pypy node nodejs deno bun tsx ts-node perl ruby php lua luajit awk gawk mawk nawk sed tclsh wish osascript " +
    "Rscript java jshell scala groovy ghci runghc julia guile racket elixir erl vi vim nvim emacs ed ex npx pnpx bunx uvx " +
    "pipx ssh make gmake"
  ).split(" ")
)

/** Whether a program runs code from its arguments, as shells, interpreters and wrappers do. */
export const runsCode = (name: string): boolean =>
  readsCommands.has(name) ||
  shells.has(name) ||
  foreignShells.has(name) ||
  looseWrappers.has(name) ||
  otherWrappers.includes(name) ||
  Object.hasOwn(wrappers, name) ||
  interpreters.has(trimEnd(name, "0123456789.")) ||
  interpreters.has(name)

/** The commands that a command runs in addition to its own program, as far as its words show them. */
export const lookThrough = (words: ReadonlyArray<Word>): Seen => {
  const [program, ...rest] = words
  if (program?.value === undefined) return nothing
  const name = baseName(program.value)
  const options = wrappers[name]
  if (options !== undefined && Object.hasOwn(wrappers, name)) return behindOptions(rest, options)
  if (shells.has(name)) return behindShell(rest)
  if (foreignShells.has(name) || readsCommands.has(name)) return anything
  if (looseWrappers.has(name) || name.startsWith("ld-linux")) return guess(rest)
  switch (name) {
    case "xargs":
      return behindXargs(rest)
    case "find":
      return behindFind(rest)
    case "git":
      return {
        inner: rest.flatMap((word, index) => behindAlias(program, word, rest.slice(Math.max(0, index - 2), index)))
      }
    case "eval":
      return asScript(rest)
    case "trap":
      return asScript(rest.slice(rest[0]?.value === "--" ? 1 : 0).slice(0, 1))
    case "alias":
      return {
        inner: rest.flatMap(({ value }) =>
          value === undefined
            ? anything.inner
            : value.includes("=")
              ? asScript([known(`${value.slice(value.indexOf("=") + 1)} "$@"`)]).inner
              : []
        ),
        mayRun: []
      }
    case "source":
    case ".":
      return rest.some(({ value }) => value === undefined || value.startsWith("/dev/")) ? anything : { inner: [] }
    default:
      return { inner: [] }
  }
}

// Git runs the value of an alias. A value that begins with `!` is a shell command, and is found in the word itself.
const behindAlias = (git: Word, { value = "" }: Word, before: ReadonlyArray<Word>): ReadonlyArray<Inner> => {
  const match = /^(-c|--config-env=)?alias\.[^=]*(?:=(.*))?$/is.exec(value)
  if (match === null) return []
  const [, glued, plain] = match
  const isSetting =
    glued !== undefined || before.some(({ value }) => /^(?:-c|--config-env|config|--\S+)$/.test(value ?? ""))
  if (!isSetting || plain?.startsWith("!") === true) return []
  const words = glued === "--config-env=" ? [] : (plain ?? "").split(/\s+/).filter((word) => word !== "")
  return [
    {
      _tag: "Command",
      words: [git, ...words.map((word) => known(word.replace(/['"\\]/g, ""))), unknown("…")],
      assignments: [],
      certain: false
    }
  ]
}

const asScript = (words: ReadonlyArray<Word>): Seen => {
  const values = words.flatMap(({ value }) => (value === undefined ? [] : [value]))
  if (values.length < words.length) return anything
  return values.length === 0
    ? nothing
    : { inner: [{ _tag: "Script", script: values.join(" "), certain: true }], mayRun: [] }
}

const behindOptions = (words: ReadonlyArray<Word>, options: Options): Seen => {
  const flags = new Set(options.flags?.split(" "))
  const valued = new Set(options.valued?.split(" "))
  const quiet = new Set(options.quiet?.split(" "))
  let at = 0
  for (; at < words.length; at++) {
    const value = words[at]?.value
    // The unknown word may be the program.
    if (value === undefined) return { ...guess(words.slice(at)), mayRun: words }
    if (quiet.has(value)) return nothing
    if (value === "--") {
      at++
      break
    }
    if (!value.startsWith("-") || (value === "-" && !flags.has("-"))) break
    if (flags.has(value) || (valued.has(value.replace(/=.*$/s, "")) && value.includes("="))) continue
    if (valued.has(value)) {
      at++
      if (words[at]?.value === undefined) return guess(words)
    } else if (!value.startsWith("--") && valued.has(value.slice(0, 2))) continue
    else if (/^-[A-Za-z0]{2,}$/.test(value) && Array.from(value.slice(1)).every((letter) => flags.has(`-${letter}`)))
      continue
    else return guess(words)
  }
  const assignments: Array<Assignment> = []
  for (; options.assignments === true && at < words.length; at++) {
    const match = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s.exec(words[at]?.value ?? "")
    if (match === null) break
    assignments.push({ name: match[1] ?? "", value: match[2] })
  }
  return command(words.slice(at + (options.operands ?? 0)), assignments)
}

// xargs appends the words of its input, or replaces a mark with them.
const behindXargs = (words: ReadonlyArray<Word>): Seen => {
  const marks = words.flatMap(({ value }, index) =>
    value === "-I" ? (words[index + 1]?.value ?? []) : value?.startsWith("-I") === true ? value.slice(2) : []
  )
  const isMarked = (value: string) => value.includes("{}") || marks.some((mark) => mark !== "" && value.includes(mark))
  const seen = behindOptions(words, { valued: "-I -n -P -L -d -E -s -a", flags: "-0 -r -t -p -x -o" })
  return {
    ...seen,
    inner: seen.inner.map((inner) =>
      inner._tag === "Command"
        ? {
            ...inner,
            words: [
              ...inner.words.map((word) => (word.value !== undefined && isMarked(word.value) ? unknown("…") : word)),
              unknown("…")
            ]
          }
        : inner
    )
  }
}

const behindShell = (words: ReadonlyArray<Word>): Seen => {
  let script = false
  let at = 0
  for (; at < words.length; at++) {
    const value = words[at]?.value
    if (value === undefined) return anything
    if (value === "--" || value === "-") {
      at++
      break
    }
    if (!/^[-+]/.test(value)) break
    if (value === "--rcfile" || value === "--init-file") at++
    else if (/^[-+][A-Za-z]+$/.test(value)) {
      script ||= value.startsWith("-") && value.includes("c")
      if (/[oO]/.test(value)) at++
    }
  }
  const operand = words[at]
  // Without a file, the shell reads the script from its input.
  if (operand === undefined) return anything
  const rest = words.slice(at + 1)
  if (script) return { inner: asScript([operand]).inner, mayRun: rest }
  return operand.value === undefined || operand.value.startsWith("/dev/") ? anything : { inner: [], mayRun: rest }
}

const behindFind = (words: ReadonlyArray<Word>): Seen => {
  const inner: Array<Inner> = []
  const others: Array<Word> = []
  for (let at = 0; at < words.length; at++) {
    const word = words[at]
    if (word?.value === undefined && word !== undefined) others.push(word)
    if (!/^-(?:exec|execdir|ok|okdir)$/.test(word?.value ?? "")) continue
    const start = at + 1
    // A plus ends the command only right after the mark.
    const isEnd = () => words[at]?.value === ";" || (words[at]?.value === "+" && words[at - 1]?.value === "{}")
    while (at < words.length && !isEnd()) at++
    inner.push(
      ...command(
        words
          .slice(start, at)
          .map((word) =>
            word.value?.includes("{}") === true ? unknown(word.value === "{}" ? "{}" : word.source) : word
          )
      ).inner
    )
  }
  return { inner, mayRun: others }
}
