/**
 * Finds the words of a command that its program may run, for rules that decline.
 *
 * For a program that is not in the table, these are all words. The result must not be used to accept anything.
 */
import type { Word } from "../../ShellWord.ts"
import { isPossibly } from "./option.ts"
import { type Effect, type Program, programs } from "./programs.ts"

/** Whether a word may expand to any text, such as the output of a command. */
export type IsOpen = (word: Word) => boolean

const running: ReadonlySet<string> = new Set<Effect>(["run", "code", "shell", "sql"])

/** The arguments that the program may run, or that may contain a command that it runs. */
export const mayRun = (name: string, args: ReadonlyArray<Word>, isOpen: IsOpen): ReadonlyArray<Word> => {
  if (evaluating.has(name)) {
    return quietBuiltins.has(name) ? args.filter(({ value }) => value !== undefined && /[[$`]/.test(value)) : args
  }
  const entry = entryOf(name)
  if (entry === undefined) return args
  if (name === "git" && args.some(({ value }) => value?.includes("::") === true)) return args
  const found = runBy(entry, args, isOpen)
  return copying.has(name) && found.length === 0
    ? args.filter((word) =>
        word.value === undefined ? name !== "cat" && isOpen(word) : /(?:^|\/)s?bin\//.test(word.value)
      )
    : found
}

/** Whether the program may run its arguments, its environment or its input. */
export const mayRunAnything = (name: string, args: ReadonlyArray<Word>): boolean =>
  mayRun(name, [...args, probe], () => false).includes(probe)

const probe: Word = { source: "probe", value: "probe" }

/** Whether the program may pass text to a shell; `true` if it is unknown. */
export const mayRunShell = (name: string): boolean => {
  const entry = entryOf(name)
  return entry === undefined || hasShell(entry)
}

const hasShell = ({ operands = "", subcommands, values }: Program): boolean =>
  values?.run !== undefined ||
  operands.split(" ").some((effect) => effect === "run" || effect === "shell") ||
  Object.values(subcommands ?? {}).some((one) => one !== undefined && hasShell(one))

const entryOf = (name: string): Program | undefined => (Object.hasOwn(programs, name) ? programs[name] : undefined)

// Builtins that evaluate the text in brackets of an argument.
const quietBuiltins: ReadonlySet<string> = new Set(
  (
    "declare typeset local readonly export unset read getopts let wait printf test [ shift return exit break continue cd " +
    "pushd popd kill ulimit umask type"
  ).split(" ")
)

/** Builtins that evaluate an argument such as `a[$(id)]`, or run an argument. */
export const evaluating: ReadonlySet<string> = new Set([
  ...quietBuiltins,
  ..."mapfile readarray compgen complete bind fc enable caller hash".split(" ")
])

// These can copy a program, which then has another name.
const copying: ReadonlySet<string> = new Set(["cp", "mv", "ln", "install", "dd", "cat", "link"])

const runBy = (entry: Program, args: ReadonlyArray<Word>, isOpen: IsOpen): ReadonlyArray<Word> => {
  const { operands = "", quiet, style, subcommands, values = {} } = entry
  const runs = Object.entries(values).flatMap(([effect, options = ""]) =>
    running.has(effect) ? options.split(" ") : []
  )
  const valued = new Set(Object.values(values).flatMap((options = "") => options.split(" ")))
  const letters = style === "bundled" ? (args[0]?.value ?? "") : ""
  if (/^[A-Za-z]+$/.test(letters) && runs.some((flag) => isPossibly(flag, `-${letters}`))) return args
  let subcommand: number | undefined
  for (const [index, word] of args.entries()) {
    const { value } = word
    const takesValue = valued.has(args[index - 1]?.value ?? "")
    if (value === undefined) {
      if (runs.length > 0 && !takesValue && isOpen(word)) return args
    } else if (value.startsWith("-")) {
      if (runs.some((flag) => isPossibly(flag, value))) return args
    } else if (!takesValue && (subcommands !== undefined || quiet !== undefined)) {
      subcommand = index
      break
    }
  }
  if (subcommands !== undefined || quiet !== undefined) {
    const name = subcommand === undefined ? undefined : args[subcommand]?.value
    const inner = name !== undefined && Object.hasOwn(subcommands ?? {}, name) ? subcommands?.[name] : undefined
    const rest = args.slice((subcommand ?? 0) + 1)
    if (inner !== undefined) return runBy(inner, rest, isOpen)
    if (quiet !== undefined && name !== undefined && isListed(quiet, name)) {
      return rest.some(
        ({ value }) => value !== undefined && runs.some((flag) => value.startsWith("-") && isPossibly(flag, value))
      )
        ? args
        : []
    }
    // Without a subcommand there are only options.
    const isBare = args.every(({ value }) => value?.startsWith("-") === true)
    return isBare ? [] : entry.alone !== undefined && name === undefined ? runBy(entry.alone, args, isOpen) : args
  }
  if (entry.runs === "project" && entry.risks !== undefined) return args
  const effects = operands.split(" ")
  if (effects.some((effect) => running.has(effect))) return args
  if (effects.includes("sed")) return args.some(runsInSed) ? args.map(withoutAddress) : []
  if (effects.includes("awk")) return args.some(runsInAwk) ? args : []
  return []
}

const isListed = (names: string, name: string): boolean => ` ${names} `.includes(` ${name} `)

// Finds `e` after an address, or as a flag of `s`. There may be false positives, but no false negatives.
const runsInSed = ({ value }: Word): boolean =>
  value !== undefined &&
  /(?:^|[;{}\n\d$!/,\s])e|[^\w\s](?=\w*\s*(?:[;}\n]|$))\w*e/.test(value) &&
  !/^-[\w-]*$/.test(value)

const withoutAddress = (word: Word): Word =>
  word.value === undefined || !runsInSed(word)
    ? word
    : { ...word, value: word.value.replace(/(^|[;{}\n])[ \t\d$,~+!]*e/g, "$1 ") + " ; " + word.value }

const runsInAwk = ({ value }: Word): boolean => value !== undefined && /system|getline|\||@/.test(value)
