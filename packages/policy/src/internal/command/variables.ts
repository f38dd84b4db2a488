/**
 * Finds the values that the variables of a script may have, for rules that decline.
 *
 * A variable that the script never sets comes from the environment, which the agent does not choose. A variable that is set to
 * text has that value. If it is set to the output of a command, or in a way that is not analyzed, it may have any value.
 */
import type { Word } from "../../ShellWord.ts"
import type { Simple, Script } from "./bash.ts"
import { baseName } from "./wrapper.ts"
import type { IsOpen } from "./operands.ts"

export interface Variables {
  readonly isOpen: IsOpen
  /** The values of variables, which a program may read and run. */
  readonly texts: ReadonlyArray<Word>
  /** The values that are known to be run. */
  readonly running: ReadonlyArray<Word>
}

export const noVariables: Variables = { isOpen: () => false, texts: [], running: [] }

/** The variables of a script within another one. */
export const both = (outer: Variables, inner: Variables): Variables => ({
  isOpen: (word) => outer.isOpen(word) || inner.isOpen(word),
  texts: inner.texts,
  running: inner.running
})

// Programs or the shell run the commands in these variables.
const runningNames =
  /PAGER|EDITOR|VISUAL|BROWSER|^GIT_|^LESS|ENV$|^PS[0-4]$|PROMPT|SHELL|COMMAND|FLAGS|OPTIONS$|OPTS$|WRAPPER|^CC$|^CXX$|^LD_|^DYLD|ASKPASS|^RSYNC_|^BASH_|^VIMINIT$|^EXINIT$/

type Loops = Extract<Script, { readonly _tag: "Commands" }>["loops"]

// These set variables, but their names or values are not analyzed.
const setsAny: ReadonlySet<string> = new Set("read mapfile readarray getopts eval source .".split(" "))
const declares: ReadonlySet<string> = new Set("declare typeset local readonly export".split(" "))

export const variablesOf = (script: string, commands: ReadonlyArray<Simple>, loops: Loops): Variables => {
  const open = new Set<string>()
  const texts: Array<Word> = []
  const running: Array<Word> = []
  let anyIsOpen = /\$\{\w+:?=/.test(script)
  // A variable may refer to earlier ones and, in a loop, to later ones.
  const sources: Array<readonly [name: string, source: string]> = []
  const set = (name: string, word: Word) => {
    sources.push([name, word.source])
    texts.push(word)
    // Arithmetic evaluates substitutions in the text of a variable.
    if (runningNames.test(name) || (word.value !== undefined && /\$\(|`/.test(word.value))) running.push(word)
  }
  for (const { assignments, words } of commands) {
    for (const { name, source, value } of assignments) {
      set(name, { source: source ?? value ?? "$_", value })
    }
    const [program, ...args] = words
    const name = baseName(program?.value ?? "")
    if (setsAny.has(name) || (name === "printf" && args.some(({ value }) => value?.startsWith("-v") !== false))) {
      anyIsOpen ||= name !== "printf" || args.some(({ value }) => value?.startsWith("-v") === true)
    } else if (declares.has(name)) {
      for (const { source, value } of args) {
        const match = /^(\w+)\+?=(.*)$/s.exec(value ?? source)
        if (match !== null)
          set(match[1] ?? "", { source: match[2] ?? "", value: value === undefined ? undefined : match[2] })
        else if (value === undefined || /^-\w*n/.test(value)) anyIsOpen = true
      }
    } else if (name === "set") {
      for (const arg of args) if (arg.value?.startsWith("-") !== true) set("@", arg)
    }
  }
  for (const { name, words } of loops) {
    if (words === undefined) anyIsOpen = true
    else for (const word of words) set(name, word)
  }
  for (let before = -1; !anyIsOpen && before < open.size;) {
    before = open.size
    for (const [name, source] of sources)
      if (!open.has(name) && isOpenSource(source, (name) => open.has(name))) open.add(name)
    if (open.size > maxOpen) anyIsOpen = true
  }
  const isSetOpen = (name: string) => anyIsOpen || open.has(name)
  return { isOpen: ({ source, value }) => value === undefined && isOpenSource(source, isSetOpen), texts, running }
}

// Each round checks all variables, so the number of rounds is limited.
const maxOpen = 32

// Substitutions whose output cannot be a command.
const tame =
  /\$\((?:pwd|nproc|whoami|id -[ug]n?|hostname|date(?: -u)?(?: '?"?\+(?:%[A-Za-z]|[-:_/.])*'?"?)?|git rev-parse --[\w-]+(?: HEAD)?)\)/g

const isOpenSource = (source: string, isSetOpen: (name: string) => boolean): boolean => {
  if (source === "…") return true
  const rest = source.replace(tame, "").replace(/\$\(\([^()`]*\)\)/g, "")
  if (/\$\(|`|\$\{!|\$\{[^}]*@|\$_|\$\{ |\$\{\|/.test(rest)) return true
  if (/\$'[^']*\\[xuUc0-7]/.test(rest)) return true
  for (const [, name = ""] of rest.matchAll(/\$\{?#?([A-Za-z_]\w*|[0-9@*])/g)) {
    if (isSetOpen(/^[0-9*]$/.test(name) ? "@" : name)) return true
  }
  return false
}
