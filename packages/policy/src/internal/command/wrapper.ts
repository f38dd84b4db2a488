/**
 * Programs whose arguments are another command, and that command.
 *
 * Where the options of a wrapper are known, what it runs is certain. Where they are not, every argument may be the beginning
 * of what it runs, which is enough for a rule that declines.
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
  /** Something runs, and the command does not tell what. */
  | { readonly _tag: "Anything" }

const anything: ReadonlyArray<Inner> = [{ _tag: "Anything" }]

const command = (words: ReadonlyArray<Word>, certain = true): ReadonlyArray<Inner> =>
  words.length === 0 ? [] : [{ _tag: "Command", words, assignments: [], certain }]

/** The last part of a path, also of one of Windows. */
export const baseName = (program: string): string =>
  program.slice(Math.max(program.lastIndexOf("/"), program.lastIndexOf("\\")) + 1)

export const shells: ReadonlySet<string> = new Set(["bash", "sh", "dash", "ash", "ksh", "mksh", "rbash"])

/** Shells of other languages. */
export const foreignShells: ReadonlySet<string> = new Set(
  "zsh fish csh tcsh nu elvish xonsh pwsh pwsh.exe powershell powershell.exe cmd cmd.exe".split(" ")
)

interface Options {
  /** Options without a value, whole or as letters of a cluster. */
  readonly flags?: string
  /** Options whose value is the rest of the word, or the next one. */
  readonly valued?: string
  /** How many operands stand before the command. */
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
  command: { flags: "-p" },
  builtin: {},
  exec: { flags: "-c -l", valued: "-a" },
  busybox: {},
  toybox: {}
}

// Their options are not known here, or what they do with their arguments is not.
const looseWrappers: ReadonlySet<string> = new Set(
  (
    "su runuser pkexec gosu su-exec flock script watch parallel strace ltrace gdb lldb valgrind perf chroot unshare " +
    "nsenter bwrap firejail systemd-run setpriv capsh proot fakeroot caffeinate arch taskset chrt numactl " +
    "dbus-run-session dbus-launch xvfb-run entr fd fdfind tmux screen start-stop-daemon daemonize at batch rlwrap " +
    "unbuffer expect torsocks proxychains proxychains4 tini dumb-init ssh-agent prlimit ld.so faketime"
  ).split(" ")
)

const otherWrappers = ["xargs", "find", "eval", "trap", "alias", "hash", "source", "."]

const interpreters: ReadonlySet<string> = new Set(
  (
    "python pypy node nodejs deno bun tsx ts-node perl ruby php lua luajit awk gawk mawk nawk sed tclsh wish osascript " +
    "Rscript java jshell scala groovy ghci runghc julia guile racket elixir erl vi vim nvim emacs ed ex npx pnpx bunx uvx " +
    "pipx ssh make gmake"
  ).split(" ")
)

/** Whether a program runs what it is told to in its arguments, as shells, interpreters and wrappers do. */
export const runsCode = (name: string): boolean =>
  shells.has(name) ||
  foreignShells.has(name) ||
  looseWrappers.has(name) ||
  otherWrappers.includes(name) ||
  Object.hasOwn(wrappers, name) ||
  interpreters.has(trimEnd(name, "0123456789.")) ||
  interpreters.has(name)

/** What a command runs besides its own program. Empty for a program that is no wrapper, or that is not known. */
export const lookThrough = (words: ReadonlyArray<Word>): ReadonlyArray<Inner> => {
  const [program, ...rest] = words
  if (program?.value === undefined) return []
  const name = baseName(program.value)
  const options = wrappers[name]
  if (options !== undefined && Object.hasOwn(wrappers, name)) return behindOptions(rest, options)
  if (shells.has(name)) return behindShell(rest)
  if (foreignShells.has(name)) return anything
  if (looseWrappers.has(name) || name.startsWith("ld-linux")) return guesses(rest)
  switch (name) {
    case "xargs":
      // What is read from the input comes after, or in the place of a mark.
      return [
        ...guesses(rest),
        ...behindOptions(rest, { valued: "-I -n -P -L -d -E -s -a", flags: "-0 -r -t -p -x -o" }).map((inner) =>
          inner._tag === "Command" ? { ...inner, words: [...inner.words, unknown("…")] } : inner
        )
      ]
    case "find":
      return behindFind(rest)
    case "eval":
      return asScript(rest)
    case "trap":
      return asScript(rest.slice(rest[0]?.value === "--" ? 1 : 0).slice(0, 1))
    case "alias":
      return rest.flatMap(({ value }) =>
        value === undefined ? anything : asScript([known(value.slice(value.indexOf("=") + 1))])
      )
    case "hash":
      return guesses(rest)
    case "source":
    case ".":
      return rest.some(({ value }) => value === undefined || value.startsWith("/dev/")) ? anything : []
    default:
      return []
  }
}

const asScript = (words: ReadonlyArray<Word>): ReadonlyArray<Inner> => {
  const values = words.flatMap(({ value }) => (value === undefined ? [] : [value]))
  if (values.length < words.length) return anything
  return values.length === 0 ? [] : [{ _tag: "Script", script: values.join(" "), certain: true }]
}

// Every argument begins what may run, as words or, if it could be one, as a script; so does the value of an option.
const guesses = (words: ReadonlyArray<Word>): ReadonlyArray<Inner> =>
  words.flatMap((word, index): ReadonlyArray<Inner> => [
    { _tag: "Command", words: words.slice(index), assignments: [], certain: false },
    ...(word.value === undefined ? [] : scriptsIn(word.value)).map(
      (script) => ({ _tag: "Script", script, certain: false }) as const
    )
  ])

const scriptsIn = (word: string): ReadonlyArray<string> => {
  const value = /^(?:--[^=]*=|-[^-])(.+)$/s.exec(word)?.[1]
  return [...(/\s/.test(word) ? [word] : []), ...(value === undefined ? [] : [value])]
}

const behindOptions = (words: ReadonlyArray<Word>, options: Options): ReadonlyArray<Inner> => {
  const flags = new Set(options.flags?.split(" "))
  const valued = new Set(options.valued?.split(" "))
  let at = 0
  for (; at < words.length; at++) {
    const value = words[at]?.value
    if (value === undefined) return guesses(words)
    if (value === "--") {
      at++
      break
    }
    if (!value.startsWith("-") || (value === "-" && !flags.has("-"))) break
    if (flags.has(value) || (valued.has(value.replace(/=.*$/s, "")) && value.includes("="))) continue
    if (valued.has(value)) {
      at++
      if (words[at]?.value === undefined) return guesses(words)
    } else if (!value.startsWith("--") && valued.has(value.slice(0, 2))) continue
    else if (/^-[A-Za-z0]{2,}$/.test(value) && Array.from(value.slice(1)).every((letter) => flags.has(`-${letter}`)))
      continue
    else return guesses(words)
  }
  const assignments: Array<Assignment> = []
  for (; options.assignments === true && at < words.length; at++) {
    const match = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s.exec(words[at]?.value ?? "")
    if (match === null) break
    assignments.push({ name: match[1] ?? "", value: match[2] })
  }
  const inner = words.slice(at + (options.operands ?? 0))
  return inner.length === 0 ? [] : [{ _tag: "Command", words: inner, assignments, certain: true }]
}

const behindShell = (words: ReadonlyArray<Word>): ReadonlyArray<Inner> => {
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
  // Without a file, the script is what comes through the pipe.
  if (operand === undefined) return anything
  return script ? asScript([operand]) : operand.value === undefined || operand.value.startsWith("/dev/") ? anything : []
}

const behindFind = (words: ReadonlyArray<Word>): ReadonlyArray<Inner> =>
  words.flatMap(({ value }, index) => {
    if (value === undefined || !/^-(?:exec|execdir|ok|okdir)$/.test(value)) return []
    const rest = words.slice(index + 1)
    const end = rest.findIndex(({ value }) => value === ";" || value === "+")
    return command(
      (end === -1 ? rest : rest.slice(0, end)).map((word) =>
        word.value?.includes("{}") === true ? unknown(word.source) : word
      )
    )
  })
