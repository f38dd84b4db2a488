/**
 * What a command of an agent runs: its parts, each with a program and arguments, seen through the shell around them.
 *
 * The analysis tells two things apart: what runs for certain, and what may run. It runs nothing, looks at no file and knows
 * no rules. What a name means when it runs, such as a program found through the `PATH`, it cannot know.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Bash from "./internal/command/bash.ts"
import * as Grammar from "./internal/command/grammar.ts"
import { short } from "./internal/text.ts"
import * as Wrapper from "./internal/command/wrapper.ts"
import { evaluating, mayRun, mayRunAnything, mayRunShell } from "./internal/command/operands.ts"
import { both, noVariables, type Variables, variablesOf } from "./internal/command/variables.ts"
import { known, unknown, type Word } from "./ShellWord.ts"

/**
 * A variable that a command sets.
 *
 * @category models
 * @since 0.1.0
 */
export type Assignment = Bash.Assignment

/**
 * A file that a command reads from or writes to by a redirection.
 *
 * @category models
 * @since 0.1.0
 */
export type Redirect = Bash.Redirect

/**
 * A change of the folder, for certain or perhaps.
 *
 * @category models
 * @since 0.1.0
 */
export interface Move {
  readonly folder: string
  readonly certain: boolean
}

/**
 * One program with its arguments: a member of a list or pipeline, what a wrapper such as `sudo` runs, or a command within a
 * substitution.
 *
 * @category models
 * @since 0.1.0
 */
export interface Part {
  readonly source: string
  /** The program, then its arguments. Empty for a construct around commands, or assignments alone. */
  readonly words: ReadonlyArray<Word>
  readonly redirects: ReadonlyArray<Redirect>
  /** Variables that are set for this part. */
  readonly assignments: ReadonlyArray<Assignment>
  /** What `cd` did before this part, in order; `undefined`: it may have led anywhere. Empty: it runs where the command does. */
  readonly moves: ReadonlyArray<Move> | undefined
  /** Why it isn't certain that exactly this runs; `undefined`: it is. */
  readonly opaque: string | undefined
  /**
   * Text that may be, or hold, a command which runs: operands of a program that is not known to leave them alone, and
   * variables. Rules that decline look for commands in it. Absent: there is none.
   */
  readonly mayRun?: ReadonlyArray<Word>
  /**
   * The here-document that the program reads, where that is text for it and nothing else: the message of `git commit -F -`.
   * Absent: there is none. Any other here-document makes the part opaque.
   */
  readonly document?: string
}

/**
 * A command line as its parts, or why it can't be read.
 *
 * @category models
 * @since 0.1.0
 */
export type ShellCommand =
  | {
      readonly _tag: "Parsed"
      /** The script that the shell gets. */
      readonly script: string
      readonly parts: ReadonlyArray<Part>
      /** How much was read to find that out: characters and words, also those that were read again. */
      readonly steps: number
    }
  | { readonly _tag: "Unparseable"; readonly reason: string }

const unparseable = (reason: string): ShellCommand => ({ _tag: "Unparseable", reason })

// Where a shell that is trusted to be one can be. The model names the shell, and a file of any name can be one.
const trustedShells = /^(?:(?:\/usr|\/usr\/local|\/opt\/homebrew|\/run\/current-system\/sw)?\/bin\/)?(bash|sh|zsh)$/

/**
 * Analyses a command as codex tells of it, which is a program and its arguments in shell quotes; for most commands the
 * program is a shell, and the third word the script.
 *
 * **Details**
 *
 * `bash -c` and `bash -lc` (or `sh`, or `zsh` where it reads the script as Bash does), by bare name or in a system folder, with exactly one more word, are seen through.
 * Everything else that runs commands, wrappers and inner shells too, is a part of its own beside what it runs.
 *
 * @category constructors
 * @since 0.1.0
 */
export const parse = (command: string): ShellCommand => {
  const outer = Bash.parse(command, "bash")
  if (outer._tag === "Unparseable") return outer
  const [only, ...others] = outer.commands
  const values = only?.words.map(({ value }) => value) ?? []
  const plain =
    only !== undefined &&
    others.length === 0 &&
    only.opaque === undefined &&
    only.redirects.length === 0 &&
    only.assignments.length === 0
  const [program, option, script] = values
  const shell = program === undefined ? null : trustedShells.exec(program)
  if (
    plain &&
    program !== undefined &&
    (shell?.[1] !== "zsh" || values.length !== 3 || !/^-l?c$/.test(option ?? "")) &&
    Wrapper.foreignShells.has(Wrapper.baseName(program).toLowerCase())
  ) {
    return unparseable(`${Wrapper.baseName(program)} is not Bash`)
  }
  if (
    !plain ||
    values.length !== 3 ||
    shell === null ||
    script === undefined ||
    /^[-+]/.test(script) ||
    !/^-l?c$/.test(option ?? "")
  ) {
    return analyse(command, outer)
  }
  if (shell[1] === "zsh") {
    // Only what both shells read alike.
    const reading = Grammar.parse(script, "zsh")
    if (reading._tag === "Refused") return unparseable(`zsh may read it in a way of its own: ${reading.reason}`)
  }
  const inner = Bash.parse(script, shell[1] === "sh" ? "sh" : "bash")
  return inner._tag === "Unparseable" ? inner : analyse(script, inner)
}

// Beyond these, what runs counts as not known.
const maxDepth = 8
const maxParts = 400
// Words of all parts together, also those that are in several.
const maxWords = 1_500
// For each character of a command, and of a short one as if it had so many, so many steps are taken at most.
const maxSteps = 5
const shortest = 12 * 1024

type Parsed = Extract<Bash.Script, { readonly _tag: "Commands" }>

interface Context {
  readonly depth: number
  readonly variables: Variables
}

const analyse = (script: string, parsed: Parsed): ShellCommand => {
  const parts: Array<Part> = []
  const running: Array<Word> = []
  const texts: Array<Word> = []
  let moves: ReadonlyArray<Moved> | undefined = []
  let runsUnknown = false
  let steps = script.length
  const limit = maxSteps * Math.max(script.length, shortest)
  let words = 0

  const isTooMuch = () => parts.length > maxParts || words > maxWords || steps > limit

  const add = (simple: Bash.Simple, context: Context): void => {
    steps += simple.source.length + 1
    words += simple.words.length + simple.redirects.length + simple.assignments.length
    if (isTooMuch()) return
    const { chain } = simple
    const seen = Wrapper.lookThrough(simple.words)
    const found = findRunning(simple, seen, context.variables)
    runsUnknown ||= found.isLoud
    const { chain: _chain, input: _input, ...rest } = simple
    parts.push({
      ...rest,
      moves: moves?.map((move) => ({ folder: move.folder, certain: chain !== undefined && move.chain === chain })),
      ...(found.words.length === 0 ? {} : { mayRun: found.words })
    })
    moves = moved(moves, simple)
    const inner = { ...context, depth: context.depth + 1 }
    if (found.isOpen) addInner({ _tag: "Anything" }, simple, inner)
    for (const one of seen.inner) addInner(one, simple, inner)
  }

  const addInner = (inner: Wrapper.Inner, outer: Bash.Simple, context: Context): void => {
    const uncertain = (why: string) => outer.opaque ?? `what ${short(outer.source)} runs ${why}`
    const addUnknown = (why: string) => void parts.push(anything(outer, uncertain(why)))
    if (inner._tag === "Anything" || context.depth > maxDepth) return addUnknown("is not known")
    const opaque = inner.certain ? outer.opaque : uncertain("is not certain")
    if (inner._tag === "Command") return add(ofWords(inner, opaque), context)
    steps += inner.script.length
    if (isTooMuch()) return
    const read = Bash.parse(inner.script, "sh")
    if (read._tag === "Unparseable") return addUnknown("cannot be read")
    addScript(inner.script, read, context, opaque)
  }

  const addScript = (text: string, read: Parsed, { depth, variables }: Context, opaque: string | undefined): void => {
    const own = variablesOf(text, read.commands, read.loops)
    texts.push(...own.texts)
    running.push(...own.running)
    const context = { depth, variables: both(variables, own) }
    for (const simple of read.commands) {
      add(depth === 0 ? simple : { ...simple, opaque: opaque ?? simple.opaque, chain: undefined }, context)
    }
  }

  addScript(script, parsed, { depth: 0, variables: noVariables }, undefined)
  if (words > maxWords) return unparseable(`it has more than ${maxWords} words`)
  if (steps > limit) return unparseable("it takes too much work to read")
  if (parts.length > maxParts) return unparseable(`it has more than ${maxParts} parts`)
  const loose = runsUnknown ? texts : running
  if (loose.some(isStartedOpen)) parts.push(anything({ source: script }, "what it sets a variable to may run"))
  // What stands behind such a text when it runs is not known.
  const [first, ...others] = withMeaning(parts)
  return {
    _tag: "Parsed",
    script,
    parts:
      first === undefined
        ? []
        : loose.length === 0
          ? [first, ...others]
          : [
              { ...first, mayRun: [...(first.mayRun ?? []), ...loose.flatMap((word) => [word, unknown("$@")])] },
              ...others
            ],
    steps
  }
}

// Which text of a command may be run, and whether that may be anything or is to be found elsewhere.
const findRunning = (simple: Bash.Simple, seen: Wrapper.Seen, { isOpen }: Variables) => {
  const [program, ...args] = simple.words
  if (program === undefined) {
    // Bash evaluates what stands in brackets there.
    const evaluates = /^(?:\[\[|\(\(|for\s*\(\()/.test(simple.source) && /\$\(|`/.test(simple.source)
    const words = evaluates ? [known(simple.source)] : []
    return { words, isOpen: words.some(isStartedOpen), isLoud: false }
  }
  const name = Wrapper.baseName(program.value ?? "")
  const isLoud = seen.mayRun === undefined ? mayRunAnything(name, args) : Wrapper.shells.has(name)
  const words = [
    ...(seen.mayRun ?? mayRun(name, args, isOpen)),
    ...(isLoud ? (simple.input ?? []).map((text) => known(text)) : [])
  ]
  const runsShell = mayRunShell(name) || evaluating.has(name)
  return {
    words,
    isLoud,
    isOpen: words.some((word) => isOpen(word) || (runsShell && isStartedOpen(word)))
  }
}

// A script whose first word is the output of a command.
const startsOpen = /(?:^(?:-[\w-]*=?)?|[;&|(\n])[ \t]*(?:\w+=\S*[ \t]+)*"?(?:\$\(|`)/
const isStartedOpen = ({ value }: Word): boolean => value !== undefined && startsOpen.test(value)

const ofWords = (
  { assignments, words }: Pick<Bash.Simple, "assignments" | "words">,
  opaque: string | undefined
): Bash.Simple => {
  const unknown = words.find(({ value }) => value === undefined)
  return {
    source: words.map(({ source }) => source).join(" "),
    words,
    redirects: [],
    assignments,
    opaque: opaque ?? (unknown === undefined ? undefined : `${short(unknown.source)} is only known at run time`),
    chain: undefined
  }
}

const anything = ({ source }: Pick<Bash.Simple, "source">, opaque: string): Part => ({
  source,
  words: [unknown("…")],
  redirects: [],
  assignments: [],
  moves: undefined,
  opaque
})

interface Moved {
  readonly folder: string
  readonly chain: number | undefined
}

const maxMoves = 4

const moved = (
  moves: ReadonlyArray<Moved> | undefined,
  { chain, words }: Bash.Simple
): ReadonlyArray<Moved> | undefined => {
  const [program, ...rest] = words
  if (moves === undefined || program === undefined) return moves
  switch (program.value) {
    case undefined:
    case "pushd":
    case "popd":
    case "source":
    case ".":
      return undefined
    case "cd": {
      const [folder, ...others] = rest[0]?.value === "--" ? rest.slice(1) : rest
      const known = others.length === 0 && folder?.value !== undefined && !/^(?:-|$)/.test(folder.value)
      return known && moves.length < maxMoves ? [...moves, { folder: folder.value, chain }] : undefined
    }
    default:
      return moves
  }
}

const changers: ReadonlySet<string> = new Set(
  (
    "alias unalias hash enable shopt set export declare typeset local readonly read mapfile readarray getopts unset let " +
    "printf source . exec"
  ).split(" ")
)

// Whether later names may mean something else after this part.
const changesMeaning = ({ assignments, words }: Part): boolean => {
  const [program, ...rest] = words.map(({ value }) => value)
  if (program === undefined) return assignments.length > 0
  if (program === "set") return !rest.every((word) => word !== undefined && /^(?:-[eux]*o?|pipefail)$/.test(word))
  if (program === "printf") return rest.some((word) => word === undefined || word.startsWith("-"))
  if (program === "exec") return rest.length === 0
  return changers.has(program)
}

const withMeaning = (parts: ReadonlyArray<Part>): ReadonlyArray<Part> => {
  const first = parts.findIndex(changesMeaning)
  return parts.map((part, index) =>
    first === -1 || index <= first || part.opaque !== undefined
      ? part
      : { ...part, opaque: `${short(parts[first]?.source ?? "")} may change what ${short(part.source)} means` }
  )
}
