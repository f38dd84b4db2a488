/**
 * Whether a rule for commands matches a part of a command: for sure, for rules that accept, or possibly, for those that
 * decline.
 */
import { from as pathFrom } from "../../PathWithin.ts"
import type { CommandCondition, CommandRequest } from "../../Rule.ts"
import {
  type About,
  allWithin,
  compileCommon,
  type InFolders,
  isWithinSome,
  listOf,
  regexOf
} from "../rubric/condition.ts"
import type { PartView } from "./partView.ts"
import { baseName } from "./wrapper.ts"

export interface CommandView extends About {
  /** What is asked for; empty for what cannot be named. */
  readonly requests: ReadonlyArray<CommandRequest>
  /** The command as the server tells it, and the script in it. */
  readonly texts: ReadonlyArray<string>
  readonly networkHost: string | undefined
}

/** What has to hold for a match; `undefined`: no match. */
export type Match = ReadonlyArray<InFolders> | undefined

export interface Matcher {
  readonly matchesRequest: (view: CommandView) => boolean
  readonly matchesPart: (part: PartView, view: CommandView) => Match
}

const yes: Match = []

export const compile = (when: CommandCondition, sure: boolean): Matcher => {
  const common = compileCommon(when, sure)
  const requests = when.request ?? ["command"]
  const hosts = listOf(when.networkHost)?.map((host) => host.toLowerCase())
  return {
    matchesRequest: (view) =>
      common(view) &&
      (sure
        ? view.requests.length > 0 && view.requests.every((request) => requests.includes(request))
        : view.requests.some((request) => requests.includes(request))) &&
      (hosts === undefined || (view.networkHost !== undefined && hosts.includes(view.networkHost.toLowerCase()))),
    matchesPart: sure ? compileSure(when) : compilePossible(when)
  }
}

// A program that is given nothing to work on works on the folder that it runs in.
const placesOf = ({ args, paths }: PartView): ReadonlyArray<string | undefined> =>
  args.some((arg) => arg === undefined || !isFlag(arg)) ? paths : ["", ...paths]

const isFlag = (arg: string): boolean => arg.startsWith("-") && arg !== "-" && arg !== "--"

// Rules that accept.

const compileSure = (when: CommandCondition): Matcher["matchesPart"] => {
  const programs = listOf(when.program)
  const regex = regexOf(when.commandRegex, true)
  const cwdWithin = listOf(when.cwdWithin)
  const pathsWithin = listOf(when.pathsWithin)
  const redirectsWithin = listOf(when.redirectsWithin)
  const allows = allowsFlag(when)
  const { args, argsPrefix, assigns = [] } = when
  // Neither the model's words nor what the server made of them show what a command does.
  if (Object.keys(when).length > 0 && Object.keys(when).every((key) => untrusted.has(key))) return () => undefined

  return (view) => {
    const { args: actual, folders, line, part, program, redirects } = view
    if (part.opaque !== undefined || view.evaluates) return undefined
    if (programs !== undefined && (program === undefined || !programs.includes(program))) return undefined
    if (args !== undefined && (actual.length !== args.length || !startsWith(actual, args))) return undefined
    if (argsPrefix !== undefined && !startsWith(actual, argsPrefix)) return undefined
    if (when.flags !== undefined && !when.flags.every((flag) => actual.some((arg) => isSurely(flag, arg))))
      return undefined
    if (regex !== undefined && (line === undefined || !regex(line))) return undefined
    if (!actual.every((arg) => arg !== undefined && (!isFlag(arg) || allows(arg)))) return undefined
    if (!view.variables.every((name) => assigns.includes(name))) return undefined
    if (redirectsWithin === undefined && redirects.length > 0) return undefined

    const conditions: Array<InFolders> = []
    const demands: ReadonlyArray<readonly [ReadonlyArray<string | undefined>, ReadonlyArray<string> | undefined]> = [
      [[""], cwdWithin],
      [placesOf(view), pathsWithin],
      [redirects.map(({ target }) => target.value), redirectsWithin]
    ]
    for (const [paths, within] of demands) {
      if (within === undefined) continue
      const match = surelyWithin(paths, folders, within)
      if (match === undefined) return undefined
      conditions.push(...match)
    }
    return conditions
  }
}

const untrusted: ReadonlySet<string> = new Set(["reasonRegex", "hasProposedExecpolicy"])

const startsWith = (actual: ReadonlyArray<string | undefined>, expected: ReadonlyArray<string>): boolean =>
  expected.every((arg, index) => actual[index] === arg)

const alternatives = (flag: string): ReadonlyArray<string> => flag.split("|")

const isSurely = (flag: string, arg: string | undefined): boolean =>
  arg !== undefined &&
  alternatives(flag).some(
    (flag) =>
      arg === flag ||
      (flag.startsWith("--") && arg.startsWith(`${flag}=`)) ||
      (/^-[A-Za-z]$/.test(flag) && /^-[A-Za-z]+$/.test(arg) && arg.includes(flag.slice(1)))
  )

// Which options a rule accepts: those that it spells out. Without a word about the program, it is about all that it does.
const allowsFlag = (when: CommandCondition): ((arg: string) => boolean) => {
  const { allowedFlags = [], args = [], argsPrefix = [], commandRegex, flags = [] } = when
  const spelled = new Set([...allowedFlags, ...flags.flatMap(alternatives), ...args, ...argsPrefix])
  const names = when.program ?? when.args ?? when.argsPrefix ?? when.commandRegex ?? when.flags ?? when.allowedFlags
  if (names === undefined || spelled.has("*")) return () => true
  if (when.allowedFlags === undefined) for (const flag of flagsSpelledIn(commandRegex ?? "")) spelled.add(flag)
  return (arg) => {
    const name = arg.startsWith("--") ? arg.replace(/=.*$/s, "") : arg
    if (spelled.has(arg) || spelled.has(name)) return true
    if (spelled.has("-NUM") && /^-\d+$/.test(arg)) return true
    const cluster = /^-([A-Za-z]+)\d*$/.exec(arg)?.[1]
    return cluster !== undefined && [...cluster].every((letter) => spelled.has(`-${letter}`))
  }
}

const flagsSpelledIn = (pattern: string): ReadonlyArray<string> =>
  pattern
    .replace(/\\[A-Za-z]/g, " ")
    .replaceAll("\\", "")
    .match(/(?<![\w-])--?[A-Za-z0-9][\w-]*/g) ?? []

export const surelyWithin = (
  paths: ReadonlyArray<string | undefined>,
  folders: ReadonlyArray<string> | undefined,
  within: ReadonlyArray<string>
): Match => {
  const absolute: Array<string> = []
  for (const path of paths) {
    if (path === undefined) return undefined
    if (path.startsWith("/")) absolute.push(path)
    else if (folders === undefined) return undefined
    else absolute.push(...folders.map((folder) => pathFrom(folder, path)))
  }
  return allWithin(absolute, within)
}

// Rules that decline.

const compilePossible = (when: CommandCondition): Matcher["matchesPart"] => {
  const programs = listOf(when.program)?.map(programKey)
  const regex = regexOf(when.commandRegex, false)
  const cwdWithin = listOf(when.cwdWithin)
  const pathsWithin = listOf(when.pathsWithin)
  const redirectsWithin = listOf(when.redirectsWithin)
  const { allowedFlags, args, argsPrefix, assigns, flags } = when

  return (view, { cwd, texts }) => {
    const { args: actual, folders, part, program } = view
    const mayBe = (paths: ReadonlyArray<string | undefined>, within: ReadonlyArray<string>) =>
      paths.some((path) => possiblyWithin(path, folders, within))
    if (
      programs !== undefined &&
      !view.programIsUnknown &&
      (program === undefined || !programs.includes(programKey(program)))
    )
      return undefined
    if (regex !== undefined && !view.programIsUnknown && ![...view.lines, ...texts].some(regex)) return undefined
    // What an unknown program is given is not known either: it may be a word that becomes several.
    if (!view.programIsUnknown) {
      const unknown = actual.includes(undefined)
      if (args !== undefined && !unknown && (actual.length !== args.length || !startsWith(actual, args)))
        return undefined
      if (argsPrefix !== undefined && !possiblyBegins(actual, argsPrefix)) return undefined
      if (flags !== undefined && !unknown && !flags.every((flag) => actual.some((arg) => isPossibly(flag, arg))))
        return undefined
      if (
        allowedFlags !== undefined &&
        !unknown &&
        actual.some((arg) => arg !== undefined && isFlag(arg) && !allowedFlags.includes(arg))
      )
        return undefined
      if (pathsWithin !== undefined && !mayBe(placesOf(view), pathsWithin)) return undefined
    }
    if (cwdWithin !== undefined && (cwd === undefined || !mayBe([""], cwdWithin))) return undefined
    if (
      redirectsWithin !== undefined &&
      !mayBe(
        part.redirects.map(({ target }) => target.value),
        redirectsWithin
      )
    )
      return undefined
    if (assigns !== undefined && !view.variables.some((name) => assigns.includes(name))) return undefined
    return yes
  }
}

// `/bin/rm`, `./rm` and, where a file system does not tell them apart, `RM`.
const programKey = (program: string): string => baseName(program).toLowerCase()

const possiblyWithin = (
  path: string | undefined,
  folders: ReadonlyArray<string> | undefined,
  within: ReadonlyArray<string>
): boolean =>
  path === undefined ||
  (path.startsWith("/")
    ? isWithinSome(path, within)
    : folders === undefined || folders.some((folder) => isWithinSome(pathFrom(folder, path), within)))

// Options, and a value after each, may stand before and between the words.
const possiblyBegins = (actual: ReadonlyArray<string | undefined>, expected: ReadonlyArray<string>): boolean => {
  let found = 0
  let afterFlag = false
  for (const arg of actual) {
    if (found === expected.length || arg === undefined) return true
    if (arg === expected[found]) {
      found++
      afterFlag = false
    } else if (isFlag(arg) || arg === "--") afterFlag = true
    else if (afterFlag) afterFlag = false
    else return false
  }
  return found === expected.length
}

// Also an abbreviation, a value behind it, and a letter among others.
const isPossibly = (flag: string, arg: string | undefined): boolean =>
  arg === undefined ||
  alternatives(flag).some(
    (flag) =>
      arg === flag ||
      arg.startsWith(`${flag}=`) ||
      (flag.startsWith("--") && arg.length > 2 && flag.startsWith(arg.replace(/=.*$/s, ""))) ||
      (/^-.$/s.test(flag) && /^-[^-]/.test(arg) && arg.includes(flag.slice(1)))
  )
