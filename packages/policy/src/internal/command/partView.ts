/**
 * What the conditions of rules ask about one part of a command, worked out once for all rules.
 */
import type { Part, Redirect } from "../../ShellCommand.ts"
import * as PathWithin from "../../PathWithin.ts"
import { quote } from "../../ShellWord.ts"
import { evaluating } from "./operands.ts"
import { type Possible, possibleOf } from "./possible.ts"

export interface PartView {
  readonly part: Part
  /** The first word; `undefined` if there is none or it is not known. */
  readonly program: string | undefined
  readonly programIsUnknown: boolean
  readonly args: ReadonlyArray<string | undefined>
  /** What the arguments may name as paths; `undefined` among them: something that is not known. */
  readonly paths: ReadonlyArray<string | undefined>
  /** The words as one line, if all are known and of printable ASCII: what a pattern that accepts is matched with. */
  readonly line: string | undefined
  /** The forms that a pattern that declines is looked for in. */
  readonly lines: ReadonlyArray<string>
  /** The folders that it may run in; `undefined`: not known. */
  readonly folders: ReadonlyArray<string> | undefined
  /** Names of variables that it sets, for itself or for what follows. */
  readonly variables: ReadonlyArray<string>
  /** Redirections other than to /dev/null and between descriptors. */
  readonly redirects: ReadonlyArray<Redirect>
  /** Whether Bash itself would run what stands in the brackets of an argument such as `a[$(id)]`. */
  readonly evaluates: boolean
  /** What may run of what it is given, for rules that decline. */
  readonly possible: Possible | undefined
}

const isPrintable = (text: string): boolean => /^[\x20-\x7e]*$/.test(text)

const isHarmless = ({ operator, target }: Redirect): boolean => operator.endsWith("&") || target.value === "/dev/null"

const declares: ReadonlySet<string> = new Set(["export", "declare", "typeset", "readonly", "local"])

export const viewOf = (part: Part, cwd: string | undefined): PartView => {
  const [first, ...rest] = part.words
  const args = rest.map(({ value }) => value)
  const program = first?.value
  const values = part.words.flatMap(({ value }) => (value === undefined ? [] : [value]))
  const line = values.map(quote).join(" ")
  return {
    part,
    program,
    programIsUnknown: first !== undefined && program === undefined,
    args,
    paths: args.flatMap((arg): ReadonlyArray<string | undefined> => (arg === undefined ? [arg] : pathsOf(arg))),
    line: part.words.length > 0 && values.length === part.words.length && isPrintable(line) ? line : undefined,
    lines: [
      part.source,
      part.words.map(({ source, value }) => value ?? source).join(" "),
      part.words.map(({ source, value }) => (value === undefined ? source : quote(value))).join(" ")
    ],
    folders: foldersOf(part, cwd),
    variables: [
      ...part.assignments.map(({ name }) => name),
      ...(program !== undefined && declares.has(program)
        ? args.flatMap((arg) => /^([A-Za-z_][A-Za-z0-9_]*)(?:=|$)/.exec(arg ?? "")?.[1] ?? [])
        : [])
    ],
    redirects: part.redirects.filter((redirect) => !isHarmless(redirect)),
    evaluates:
      program !== undefined && evaluating.has(program) && args.some((arg) => arg === undefined || /[[$`]/.test(arg)),
    possible: possibleOf(part)
  }
}

// `cd` goes by names: from /repo/link it goes up to /repo, wherever the link leads.
const foldersOf = ({ moves }: Part, cwd: string | undefined): ReadonlyArray<string> | undefined => {
  const start = cwd === undefined ? undefined : PathWithin.normalize(cwd)
  if (start === undefined || moves === undefined) return undefined
  let folders = [start]
  for (const { certain, folder } of moves) {
    const next = folders.flatMap((from) => PathWithin.normalize(PathWithin.from(from, folder)) ?? [])
    folders = certain ? next : [...new Set([...folders, ...next])]
  }
  return folders
}

// All that an argument may name as a path: the whole of it, what comes after a separator, and what may be the value of an
// option. `undefined`: that cannot be said.
const pathsOf = (arg: string): ReadonlyArray<string | undefined> => {
  if (arg === "" || arg === "-" || arg === "--") return []
  if (!arg.startsWith("-")) return piecesOf(arg)
  if (arg.startsWith("--")) {
    const equals = arg.indexOf("=")
    const name = equals === -1 ? arg : arg.slice(0, equals)
    if (!/^--[A-Za-z0-9][A-Za-z0-9_-]*$/.test(name)) return [undefined]
    return equals === -1 ? [] : piecesOf(arg.slice(equals + 1))
  }
  // Which letters of a cluster are options and where the value of the last one begins, only the program knows.
  if (arg.length > maxOptionLength) return [undefined]
  return Array.from(arg.slice(2), (_, index) => withTilde(arg.slice(index + 2)))
}

const maxOptionLength = 64
const maxPieces = 64

const piecesOf = (text: string): ReadonlyArray<string | undefined> => {
  const starts = [0, ...Array.from(text.matchAll(/[=:,@]/g), ({ index }) => index + 1)]
  if (starts.length > maxPieces) return [undefined]
  const pieces = starts.map((start) => text.slice(start)).filter((piece) => piece !== "")
  return pieces.map(withTilde)
}

// A program may take a tilde for a home by itself.
const withTilde = (path: string): string | undefined => (path.startsWith("~") ? undefined : path)
