/**
 * What a command of an agent runs: its parts, each with a program and arguments, seen through the shell around them.
 *
 * The analysis tells two things apart: what runs for certain, and what may run. It runs nothing, looks at no file and knows
 * no rules. What a name means when it runs, such as a program found through the `PATH`, it cannot know.
 *
 * @since 0.1.0
 */
import * as Bash from "./internal/command/bash.ts"
import { short } from "./internal/text.ts"
import * as Wrapper from "./internal/command/wrapper.ts"
import { unknown, type Word } from "./ShellWord.ts"

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
    }
  | { readonly _tag: "Unparseable"; readonly reason: string }

const unparseable = (reason: string): ShellCommand => ({ _tag: "Unparseable", reason })

// Where a shell that is trusted to be one can be. The model names the shell, and a file of any name can be one.
const trustedShells = /^(?:(?:\/usr|\/usr\/local|\/opt\/homebrew|\/run\/current-system\/sw)?\/bin\/)?(bash|sh)$/

/**
 * Analyses a command as codex tells of it, which is a program and its arguments in shell quotes; for most commands the
 * program is a shell, and the third word the script.
 *
 * **Details**
 *
 * `bash -c` and `bash -lc` (or `sh`), by bare name or in a system folder, with exactly one more word, are seen through.
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
  if (plain && program !== undefined && Wrapper.foreignShells.has(Wrapper.baseName(program).toLowerCase())) {
    return unparseable(`${Wrapper.baseName(program)} is not Bash`)
  }
  const shell = program === undefined ? null : trustedShells.exec(program)
  if (
    !plain ||
    values.length !== 3 ||
    shell === null ||
    script === undefined ||
    /^[-+]/.test(script) ||
    !/^-l?c$/.test(option ?? "")
  ) {
    return analyse(command, outer.commands)
  }
  const inner = Bash.parse(script, shell[1] === "sh" ? "sh" : "bash")
  return inner._tag === "Unparseable" ? inner : analyse(script, inner.commands)
}

// Beyond these, what runs counts as not known.
const maxDepth = 8
const maxParts = 1_000

const analyse = (script: string, commands: ReadonlyArray<Bash.Simple>): ShellCommand => {
  const parts: Array<Part> = []
  let moves: ReadonlyArray<Moved> | undefined = []

  const add = (simple: Bash.Simple, depth: number): void => {
    if (parts.length > maxParts) return
    const { chain } = simple
    parts.push({
      ...simple,
      moves: moves?.map((move) => ({ folder: move.folder, certain: chain !== undefined && move.chain === chain }))
    })
    moves = moved(moves, simple)
    for (const inner of Wrapper.lookThrough(simple.words)) addInner(inner, simple, depth + 1)
  }

  const addInner = (inner: Wrapper.Inner, outer: Bash.Simple, depth: number): void => {
    const uncertain = (why: string) => outer.opaque ?? `what ${short(outer.source)} runs ${why}`
    if (inner._tag === "Anything" || depth > maxDepth) return add(anything(outer, uncertain("is not known")), depth)
    const opaque = inner.certain ? outer.opaque : uncertain("is not certain")
    if (inner._tag === "Command") return add(ofWords(inner, opaque), depth)
    const parsed = Bash.parse(inner.script, "sh")
    if (parsed._tag === "Unparseable") return add(anything(outer, uncertain("cannot be read")), depth)
    for (const simple of parsed.commands) add({ ...simple, opaque: opaque ?? simple.opaque, chain: undefined }, depth)
  }

  for (const simple of commands) add(simple, 0)
  return parts.length > maxParts
    ? unparseable(`it has more than ${maxParts} parts`)
    : { _tag: "Parsed", script, parts: withMeaning(parts) }
}

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
    opaque: opaque ?? (unknown === undefined ? undefined : `${short(unknown.source)} is known only when it runs`),
    chain: undefined
  }
}

const anything = ({ source }: Bash.Simple, opaque: string): Bash.Simple => ({
  source,
  words: [unknown("…")],
  redirects: [],
  assignments: [],
  opaque,
  chain: undefined
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
