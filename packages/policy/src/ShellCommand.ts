/**
 * Analyses a command of an agent: looks through the surrounding shell, and finds the programs that run, with their arguments.
 *
 * The analysis distinguishes the programs that certainly run from text that may run. It runs nothing, reads no files and knows no
 * rules. It cannot know what a name means at run time, such as a program found through the `PATH`.
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
 * A redirection: a file that a command reads from or writes to.
 *
 * @category models
 * @since 0.1.0
 */
export type Redirect = Bash.Redirect

/**
 * A certain or possible change of the working directory.
 *
 * @category models
 * @since 0.1.0
 */
export interface Move {
  readonly folder: string
  readonly certain: boolean
}

/**
 * One program with its arguments: a member of a list or pipeline, the command of a wrapper such as `sudo`, or a command in a
 * substitution.
 *
 * @category models
 * @since 0.1.0
 */
export interface Part {
  readonly source: string
  /** The program, then its arguments. Empty for a construct around commands, and for assignments without a command. */
  readonly words: ReadonlyArray<Word>
  readonly redirects: ReadonlyArray<Redirect>
  /** The variables that are set for this part. */
  readonly assignments: ReadonlyArray<Assignment>
  /** The changes of directory before this part, in order; empty if there are none, `undefined` if they may lead anywhere. */
  readonly moves: ReadonlyArray<Move> | undefined
  /** The reason that it is uncertain whether exactly this runs; `undefined` if it is certain. */
  readonly opaque: string | undefined
  /**
   * Text that may be, or contain, a command that runs: the values of variables, and operands unless the program is known not to
   * run them. Decline rules search it for commands. Absent if there is none.
   */
  readonly mayRun?: ReadonlyArray<Word>
  /**
   * The here-document that the program reads as plain text, such as the message of `git commit -F -`. Absent if there is none.
   * Any other here-document makes the part opaque.
   */
  readonly document?: string
}

/**
 * The parts of a command line, or the reason that it cannot be parsed.
 *
 * @category models
 * @since 0.1.0
 */
export type ShellCommand =
  | {
      readonly _tag: "Parsed"
      /** The script that the shell runs. */
      readonly script: string
      readonly parts: ReadonlyArray<Part>
      /** The work that the analysis took: the number of characters and words read, including repeated reads. */
      readonly steps: number
    }
  | { readonly _tag: "Unparseable"; readonly reason: string }

const unparseable = (reason: string): ShellCommand => ({ _tag: "Unparseable", reason })

// The paths of trusted shells. The model names the shell, and a file with a shell's name may be any program.
const trustedShells = /^(?:(?:\/usr|\/usr\/local|\/opt\/homebrew|\/run\/current-system\/sw)?\/bin\/)?(bash|sh|zsh)$/

/**
 * Analyses a command as codex reports it: a program and its arguments, in shell quotes. Usually the program is a shell, and the
 * third word is the script.
 *
 * **Details**
 *
 * The analysis replaces `bash -c SCRIPT` and `bash -lc SCRIPT` with the parts of the script, if the shell is a bare name or in a
 * system folder. The same applies to `sh`, and to `zsh` if it reads the script like Bash. Everything else that runs commands,
 * including wrappers and inner shells, is a separate part in addition to the commands that it runs.
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
    // Accepts only scripts that both shells read alike.
    const reading = Grammar.parse(script, "zsh")
    if (reading._tag === "Refused") return unparseable(`zsh may read it differently: ${reading.reason}`)
  }
  const inner = Bash.parse(script, shell[1] === "sh" ? "sh" : "bash")
  return inner._tag === "Unparseable" ? inner : analyse(script, inner)
}

// The limits of the analysis. Beyond them, the command counts as unknown.
const maxDepth = 8
const maxParts = 400
// The words of all parts together; a word counts once for each part that contains it.
const maxWords = 1_500
// The maximum number of steps per character of a command. A shorter command counts as `shortest` characters long.
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
    const uncertain = (why: string) => outer.opaque ?? `the command that ${short(outer.source)} runs ${why}`
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
  if (loose.some(isStartedOpen))
    parts.push(anything({ source: script }, "a value that it assigns to a variable may run"))
  // The arguments that follow such a text at run time are unknown.
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

// Finds the text that a command may run. With `isOpen` that may be anything, and with `isLoud` any other text of the script.
const findRunning = (simple: Bash.Simple, seen: Wrapper.Seen, { isOpen }: Variables) => {
  const [program, ...args] = simple.words
  if (program === undefined) {
    // Bash evaluates the text in these brackets.
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

// Matches a script with a command whose first word is the output of another command.
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

// Whether this part may change the meaning of later names.
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
