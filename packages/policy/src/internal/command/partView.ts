/**
 * The properties of one part of a command that the conditions of rules look at, computed once for all rules.
 */
import type { Part, Redirect } from "../../ShellCommand.ts"
import * as Effect from "effect/Effect"
import { from, normalize, type Walker } from "../files/path.ts"
import { quote } from "../../ShellWord.ts"
import { evaluating } from "./operands.ts"
import { pathsIn } from "./pieces.ts"
import { type Possible, possibleOf } from "./possible.ts"
import type { Effect as Use } from "./programs.ts"
import { isBetweenDescriptors, type Reach, reachOf } from "./reach.ts"
import { doubtOf } from "./scripts.ts"
import { usesOf } from "./uses.ts"

export interface PartView extends Omit<Reach, "texts"> {
  readonly part: Part
  /** The first word; `undefined` if it is missing or not known. */
  readonly program: string | undefined
  readonly programIsUnknown: boolean
  readonly args: ReadonlyArray<string | undefined>
  /** The paths that the arguments may name. An `undefined` one is not known. */
  readonly paths: ReadonlyArray<string | undefined>
  /** The same without arguments that certainly do not name files. */
  readonly possiblePaths: ReadonlyArray<string | undefined>
  /**
   * The words as one line, for the patterns of rules that accept; `undefined` if a word is not known. Words that certainly do
   * not name files may have letters of any language and several lines; all other words must be printable ASCII. A here-document
   * follows the words, after ` << `.
   */
  readonly line: string | undefined
  /** The forms of the line for the patterns of rules that decline. */
  readonly lines: ReadonlyArray<string>
  /** The folders that it may run in; `undefined` if they are not known. */
  readonly folders: ReadonlyArray<string> | undefined
  /** The base folders of its operands: `folders`, and those that the program itself changes to. */
  readonly bases: ReadonlyArray<string> | undefined
  /** The names of the variables that it sets, for itself or for later commands. */
  readonly variables: ReadonlyArray<string>
  /** Redirections other than to /dev/null and between descriptors. */
  readonly redirects: ReadonlyArray<Redirect>
  /** Absolute paths where other parts of the command may put a link, so that their current state proves nothing. */
  readonly unsettled: ReadonlyArray<string>
  /** Whether Bash itself would run the text in the brackets of an argument such as `a[$(id)]`. */
  readonly evaluates: boolean
  /** Whether its arguments contain a script in a language of its own that may do more than print. */
  readonly runsScript: boolean
  /** The commands that its arguments may contain, for rules that decline. */
  readonly possible: Possible | undefined
}

const isPrintable = (text: string): boolean => /^[\x20-\x7e]*$/.test(text)

// Allows the letters of all languages, but no characters that a terminal or an editor hides or moves.
const isLegible = (text: string): boolean => !/(?![\t\n\u200d])[\p{C}\p{Zl}\p{Zp}]/u.test(text)

const isHarmless = (redirect: Redirect): boolean =>
  redirect.target.value === "/dev/null" || isBetweenDescriptors(redirect)

const declares: ReadonlySet<string> = new Set(["export", "declare", "typeset", "readonly", "local"])

export const viewOf = (part: Part, folders: ReadonlyArray<string> | undefined): PartView => {
  const [first, ...rest] = part.words
  const args = rest.map(({ value }) => value)
  const program = first?.value
  const values = part.words.flatMap(({ value }) => (value === undefined ? [] : [value]))
  const { texts, ...reach } = reachOf(part)
  const { document } = part
  const isLine =
    values.length > 0 &&
    isLegible(document ?? "") &&
    part.words.every(
      ({ value }, at) => value !== undefined && (isPrintable(value) || (texts.has(at) && isLegible(value)))
    )
  const pathsOf = (arg: string | undefined): ReadonlyArray<string | undefined> =>
    arg === undefined ? [arg] : pathsIn(arg)
  return {
    ...reach,
    unsettled: [],
    part,
    program,
    programIsUnknown: first !== undefined && program === undefined,
    args,
    paths: args.flatMap(pathsOf),
    possiblePaths: args.flatMap((arg, index) => (texts.has(index + 1) ? [] : pathsOf(arg))),
    line: isLine
      ? [...values.map(quote), ...(document === undefined ? [] : ["<<", quote(document)])].join(" ")
      : undefined,
    lines: [
      part.source,
      part.words.map(({ source, value }) => value ?? source).join(" "),
      part.words.map(({ source, value }) => (value === undefined ? source : quote(value))).join(" ")
    ],
    folders,
    bases: basesOf(folders, reach.goesTo),
    variables: [
      ...part.assignments.map(({ name }) => name),
      ...(program !== undefined && declares.has(program)
        ? args.flatMap((arg) => /^([A-Za-z_][A-Za-z0-9_]*)(?:=|$)/.exec(arg ?? "")?.[1] ?? [])
        : [])
    ],
    redirects: part.redirects.filter((redirect) => !isHarmless(redirect)),
    evaluates:
      program !== undefined && evaluating.has(program) && args.some((arg) => arg === undefined || /[[$`]/.test(arg)),
    runsScript: usesOf(part.words.map(({ value }) => value)).uses.some(
      ({ effect, value }) => inline.has(effect) && (value === undefined || doubtOf(effect, value) !== undefined)
    ),
    possible: possibleOf(part)
  }
}

const inline: ReadonlySet<Use> = new Set(["sed", "awk", "jq", "sql"])

// With more folders, the place where a part runs counts as unknown.
const maxFolders = 16

const basesOf = (
  folders: ReadonlyArray<string> | undefined,
  goesTo: ReadonlyArray<string | undefined>
): ReadonlyArray<string> | undefined => {
  let bases = folders
  for (const folder of goesTo) {
    if (bases === undefined || folder === undefined || bases.length > maxFolders) return undefined
    bases = [...new Set([...bases, ...bases.map((base) => from(base, folder))])]
  }
  return bases
}

/**
 * The folders that a part may run in. `cd` resolves `..` by name or, if there is no such folder, through links: from /repo/link,
 * `cd ..` leads to /repo or to the parent of the link's target.
 */
export const foldersOf = Effect.fnUntraced(function* (
  { moves }: Part,
  cwd: string | undefined,
  walker: Walker
): Effect.fn.Return<ReadonlyArray<string> | undefined> {
  const start = cwd === undefined ? undefined : normalize(cwd)
  if (start === undefined || moves === undefined) return undefined
  let folders: ReadonlyArray<string> = [start]
  for (const { certain, folder } of moves) {
    const next: Array<string> = []
    for (const base of folders) {
      const { name, real } = yield* walker.placeOf(from(base, folder))
      if (name === undefined || real === undefined) return undefined
      next.push(name, real)
    }
    folders = [...new Set(certain ? next : [...folders, ...next])]
    if (folders.length > maxFolders) return undefined
  }
  return folders
})
