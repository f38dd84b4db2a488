/**
 * Matches the rules for commands with the parts of a command. A rule that accepts must match for certain; a rule that declines
 * matches any plausible reading.
 */
import type { CommandCondition, CommandRequest, ProtectedFiles } from "../../Rule.ts"
import { known as asWord } from "../../ShellWord.ts"
import type { Demand } from "../files/demand.ts"
import { from as pathFrom } from "../files/path.ts"
import type { Places } from "../files/places.ts"
import { kinds, protectedByName } from "../files/protectedFiles.ts"
import { type About, allWithin, compileCommon, hasCommon, listOf, regexOf } from "../rubric/condition.ts"
import { isPossibly } from "./option.ts"
import type { PartView } from "./partView.ts"
import { type Possible, tokensOf } from "./possible.ts"
import { isBetweenDescriptors, walkedIn } from "./reach.ts"
import { short } from "../text.ts"
import { baseName } from "./wrapper.ts"

export interface CommandView extends About {
  /** The kinds of approval that are requested; empty for an unknown kind. */
  readonly requests: ReadonlyArray<CommandRequest>
  /** The command as the server reports it, and the script in it. */
  readonly texts: ReadonlyArray<string>
  readonly networkHost: string | undefined
  /** The places of the paths of the command. */
  readonly places: Places
}

/** Tells why a part does not match. A rule that declines does not say why. */
export class Miss {
  readonly reason: ((when: CommandCondition) => string) | undefined
  constructor(reason: Miss["reason"]) {
    this.reason = reason
  }
}

/** The demands that must hold for a match, or why there is none. */
export type Match = ReadonlyArray<Demand> | Miss

export const isMiss = (match: Match): match is Miss => match instanceof Miss

export interface Matcher {
  /** Whether it matches every request for a plain command, as nearly all rules do. */
  readonly isPlain: boolean
  /** Whether it can match a part that runs this program and nothing else. */
  readonly isAbout: (program: string) => boolean
  readonly matchesRequest: (view: CommandView) => boolean
  readonly matchesPart: (part: PartView, view: CommandView) => Match
  /**
   * The reason why a rule that accepts the program of the part does not match. `undefined` if it matches, or if the rule
   * declines or is about other programs.
   */
  readonly whyNot: (part: PartView) => string | undefined
}

const yes: Match = []
const no: Match = new Miss(undefined)

export const compile = (when: CommandCondition, sure: boolean): Matcher => {
  const common = compileCommon(when, sure)
  const requests = when.request ?? ["command"]
  const isNamed = (request: CommandRequest) => requests.includes(request)
  const hosts = listOf(when.networkHost)?.map((host) => host.toLowerCase())
  return {
    isPlain: !hasCommon(when) && hosts === undefined && isNamed("command"),
    matchesRequest: (view) =>
      common(view) &&
      (sure ? view.requests.length > 0 && view.requests.every(isNamed) : view.requests.some(isNamed)) &&
      (hosts === undefined || (view.networkHost !== undefined && hosts.includes(view.networkHost.toLowerCase()))),
    ...(sure ? compileSure(when) : compilePossible(when))
  }
}

// A program without operands works on its current folder.
const placesOf = ({ args }: PartView, paths: ReadonlyArray<string | undefined>): ReadonlyArray<string | undefined> =>
  args.some((arg) => arg === undefined || !isFlag(arg)) ? paths : ["", ...paths]

const isFlag = (arg: string): boolean => arg.startsWith("-") && arg !== "-" && arg !== "--"

// Rules that accept.

/** Compiles the conditions on a part for a rule that accepts. They look at nothing but the part. */
export const compileSure = (
  when: CommandCondition
): Pick<Matcher, "isAbout" | "whyNot"> & { readonly matchesPart: (part: PartView) => Match } => {
  const match = matchSurely(when)
  const programs = listOf(when.program)
  return {
    isAbout: (program) => programs === undefined || programs.includes(program),
    matchesPart: match,
    whyNot: (view) => {
      if (view.program === undefined || programs?.includes(view.program) !== true) return undefined
      const found = match(view)
      return isMiss(found) ? found.reason?.(when) : undefined
    }
  }
}

// Nearly all rules of a long rubric miss for one of these reasons, so the sentences are made only when they are asked for.
const otherProgram = new Miss(() => "another program")
const otherArgs = new Miss(({ args }) => `the arguments are not exactly ${JSON.stringify(args)}`)
const otherBeginning = new Miss(({ argsPrefix }) => `the arguments do not begin with ${JSON.stringify(argsPrefix)}`)
const otherText = new Miss(() => "commandRegex does not match the whole command")

const because = (reason: string) => new Miss(() => reason)

const matchSurely = (when: CommandCondition): ((view: PartView) => Match) => {
  const programs = listOf(when.program)
  const regex = regexOf(when.commandRegex, true)
  const cwdWithin = listOf(when.cwdWithin)
  const pathsWithin = listOf(when.pathsWithin)
  const redirectsWithin = listOf(when.redirectsWithin)
  const allows = allowsFlag(when)
  const { args, argsPrefix, assigns = [] } = when
  // Neither the model's words nor the server's proposal from them show what a command does.
  if (matchesOnUntrustedOnly(when)) {
    const untrustedOnly = because("the rule only looks at what the model says")
    return () => untrustedOnly
  }

  return (view) => {
    const { args: actual, bases, folders, line, part, program, redirects } = view
    if (part.opaque !== undefined || view.evaluates)
      return because(part.opaque ?? "it runs text that is made at run time")
    if (programs !== undefined && (program === undefined || !programs.includes(program))) return otherProgram
    if (args !== undefined && (actual.length !== args.length || !startsWith(actual, args))) return otherArgs
    if (argsPrefix !== undefined && !startsWith(actual, argsPrefix)) return otherBeginning
    const missing = when.flags?.find((flag) => !actual.some((arg) => isSurely(flag, arg)))
    if (missing !== undefined) return because(`the option ${missing} is missing`)
    if (regex !== undefined && (line === undefined || !regex(line))) return otherText
    const refused = actual.findIndex((arg) => arg === undefined || (isFlag(arg) && !allows(arg)))
    if (refused >= 0) {
      const arg = actual[refused]
      return because(
        arg === undefined
          ? `argument ${refused + 1} is only known at run time`
          : `the option ${short(arg)} is not in allowedFlags`
      )
    }
    const assigned = view.variables.find((name) => !assigns.includes(name))
    if (assigned !== undefined) return because(`the variable ${short(assigned)} is not in assigns`)
    if (redirectsWithin === undefined && redirects.length > 0)
      return because("output is redirected to a file, and the rule has no redirectsWithin")

    // A condition on folders does not limit a script.
    if (pathsWithin !== undefined && args === undefined && regex === undefined && view.runsScript)
      return because("it runs a script, and pathsWithin does not limit what that does")
    const unprotected = leavesAlone(view, when.protectedFiles ?? [], true)
    if (unprotected === undefined) return because("it may write protected files, which decide what runs later")
    const conditions: Array<Demand> = [...unprotected]
    const demands: ReadonlyArray<
      readonly [name: string, Paths, ReadonlyArray<string> | undefined, PartView["folders"]]
    > = [
      ["cwdWithin or allowedRoots", [""], cwdWithin, folders],
      ["pathsWithin", placesOf(view, view.paths), pathsWithin, bases],
      ["redirectsWithin", targetsOf(view), redirectsWithin, folders]
    ]
    for (const [name, paths, within, seenFrom] of demands) {
      if (within === undefined) continue
      const match = surelyWithin(paths, seenFrom, within)
      if (match === undefined) return because(`not certainly within ${within.map(short).join(", ")} (${name})`)
      conditions.push(...match)
    }
    for (const path of absoluteOf(view.copied, view)) {
      if (path === undefined) return because("it copies files whose names are only known at run time")
      conditions.push({ path, folders: undefined, mayBe: when.protectedFiles ?? [], contents: true })
    }
    if (pathsWithin !== undefined) {
      const followed = surelyWithin(view.followed, bases, pathsWithin)
      if (followed === undefined) return because("it follows links that may lead outside pathsWithin")
      conditions.push(...followed.map((demand) => ({ ...demand, follow: true })))
    }
    return conditions
  }
}

const untrusted: ReadonlySet<string> = new Set(["reasonRegex", "hasProposedExecpolicy"])

/**
 * Whether a rule depends only on the model's words and the server's proposal. A condition on the folder does not count, since
 * the model picks the folder too.
 */
export const matchesOnUntrustedOnly = (when: CommandCondition): boolean => {
  const keys = Object.keys(when).filter((key) => key !== "cwdWithin" && key !== "anywhere")
  return keys.length > 0 && keys.every((key) => untrusted.has(key))
}

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

// The options that a rule accepts: those that it spells out. A rule without any condition on the words accepts all options.
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
): ReadonlyArray<Demand> | undefined => {
  const absolute: Array<string> = []
  for (const path of paths) {
    if (path === undefined) return undefined
    if (path.startsWith("/")) absolute.push(path)
    else if (folders === undefined) return undefined
    else absolute.push(...folders.map((folder) => pathFrom(folder, path)))
  }
  return allWithin(absolute, within)
}

const maxWritten = 1_000

/**
 * The demands under which a part writes no protected files except those of the given kinds; `undefined` if it may write one by
 * its names alone. With `certain`, unknown paths count as protected files.
 */
export const leavesAlone = (
  view: PartView,
  mayBe: ReadonlyArray<ProtectedFiles>,
  certain: boolean
): ReadonlyArray<Demand> | undefined => {
  // Ordinary commands write fewer files. A command that is made to take long is not accepted.
  if (view.written.length > maxWritten) return undefined
  // An archive or patch may contain any of the protected files.
  if (certain && view.unpacks && !kinds.every((kind) => mayBe.includes(kind))) return undefined
  const isAllowed = (path: string) => protectedByName(path).every((kind) => mayBe.includes(kind))
  if (!view.writtenSources.every(isAllowed)) return undefined
  const demands: Array<Demand> = []
  for (const path of view.written) {
    if (path === undefined) {
      if (certain) return undefined
      continue
    }
    if (!isAllowed(path)) return undefined
    const folders = path.startsWith("/") ? [""] : view.bases
    if (folders === undefined && certain) return undefined
    for (const folder of folders ?? []) {
      demands.push({ path: pathFrom(folder, path), folders: undefined, mayBe, certain })
    }
  }
  return demands
}

// Rules that decline.

const compilePossible = (when: CommandCondition): Pick<Matcher, "isAbout" | "matchesPart" | "whyNot"> => {
  const programs = listOf(when.program)?.map(programKey)
  const regex = regexOf(when.commandRegex, false)
  const cwdWithin = listOf(when.cwdWithin)
  const pathsWithin = listOf(when.pathsWithin)
  const redirectsWithin = listOf(when.redirectsWithin)
  const { allowedFlags, args, argsPrefix, assigns, flags } = when

  const matchesWords = (view: PartView, { places, texts }: CommandView): boolean => {
    const { args: actual, program } = view
    const isUnknown = actual.includes(undefined)
    return (
      (programs === undefined || (program !== undefined && programs.includes(programKey(program)))) &&
      (regex === undefined || isInTexts(texts) || view.lines.some(regex)) &&
      (args === undefined || isUnknown || (actual.length === args.length && startsWith(actual, args))) &&
      (argsPrefix === undefined || possiblyBegins(actual, argsPrefix)) &&
      (flags === undefined || isUnknown || flags.every((flag) => hasPossibly(actual, flag))) &&
      (allowedFlags === undefined ||
        isUnknown ||
        actual.every((arg) => arg === undefined || !isFlag(arg) || allowedFlags.includes(arg))) &&
      (pathsWithin === undefined ||
        mayLieIn([...placesOf(view, view.possiblePaths), ...targetsOf(view)], pathsWithin, view, places) ||
        mayReach(view.walked, pathsWithin, view, places)) &&
      (redirectsWithin === undefined || mayLieIn(targetsOf(view.part), redirectsWithin, view, places)) &&
      (assigns === undefined || view.variables.some((name) => assigns.includes(name)))
    )
  }

  const expected = [args, argsPrefix].flatMap((words = []) => {
    const tokens = words.flatMap((word) => tokensOf(asWord(word)))
    return tokens.length === 0 ? [] : [tokens]
  })
  // All parts share the same texts, so the result is cached.
  const known = new WeakMap<ReadonlyArray<string>, boolean>()
  const isInTexts = (texts: ReadonlyArray<string>): boolean => {
    const found = known.get(texts) ?? (regex !== undefined && texts.some(regex))
    known.set(texts, found)
    return found
  }
  const asksForCommand = [programs, args, argsPrefix, flags, regex, redirectsWithin, assigns].some(
    (condition) => condition !== undefined
  )
  const isAnchored = /\^|\\A/.test(when.commandRegex ?? "")

  // Matches the commands that the program may run. Fewer conditions apply, since the end of such a command is not known.
  const matchesText = ({ sequences, text }: Possible, view: PartView, { places }: CommandView): boolean => {
    if (assigns !== undefined && !assigns.some((name) => mentionsAssignment(text, name))) return false
    if (redirectsWithin !== undefined && !/[<>]/.test(text)) return false
    const isNamed = (words: ReadonlyArray<string | undefined>, within: ReadonlyArray<string>) =>
      mayLieIn(words, within, view, places)
    return sequences.some((sequence) => {
      const { line, starts, words } = sequence
      if (redirectsWithin !== undefined && !isNamed(words, redirectsWithin)) return false
      if (regex !== undefined && !isAnchored && !regex(line) && !regex(text)) return false
      const found = programs === undefined ? starts.map((_, at) => at) : programs.map(sequence.find)
      const begins = found.flat()
      if (begins.includes(undefined)) return true
      if (begins.length === 0) return false
      if (expected.length + (flags?.length ?? 0) === 0 && regex === undefined && pathsWithin === undefined) return true
      let work = 0
      for (const place of begins) {
        if (place === undefined) continue
        // A text that is made to take long counts as a match.
        if ((work += words.length - place) > maxWork) return true
        const rest = words.slice(place + 1)
        if (expected.some((words) => !possiblyBegins(rest, words))) continue
        if (flags?.some((flag) => !hasPossibly(rest, flag)) === true) continue
        if (
          pathsWithin !== undefined &&
          !isNamed(rest.length === 0 ? [""] : rest, pathsWithin) &&
          !mayReach(walkedIn(words.slice(place)), pathsWithin, view, places)
        )
          continue
        if (regex !== undefined && isAnchored && !regex(line.slice(starts[place]))) continue
        return true
      }
      return false
    })
  }

  return {
    isAbout: (program) => programs === undefined || programs.includes(programKey(program)),
    matchesPart: (view, about) => {
      const { possible } = view
      if (cwdWithin !== undefined && (about.cwd === undefined || !mayLieIn([""], cwdWithin, view, about.places)))
        return no
      // If the program is unknown, so are its arguments: the first word may expand to several.
      if (view.programIsUnknown || matchesWords(view, about)) return yes
      return asksForCommand && possible !== undefined && matchesText(possible, view, about) ? yes : no
    },
    whyNot: () => undefined
  }
}

const maxWork = 1 << 18

const mentionsAssignment = (text: string, name: string): boolean => {
  for (let at = text.indexOf(`${name}=`); at !== -1; at = text.indexOf(`${name}=`, at + 1)) {
    if (at === 0 || !/\w/.test(text.charAt(at - 1))) return true
  }
  return false
}

// The same key for `/bin/rm`, `./rm` and `RM`, since some file systems ignore case.
const programKey = (program: string): string => baseName(program).toLowerCase()

type Paths = ReadonlyArray<string | undefined>

const absoluteOf = (paths: Paths, { bases }: PartView): Paths =>
  paths.flatMap((path): Paths => {
    if (path === undefined || path.startsWith("/")) return [path]
    return bases === undefined ? [undefined] : bases.map((folder) => pathFrom(folder, path))
  })

const mayLieIn = (paths: Paths, within: ReadonlyArray<string>, view: PartView, places: Places): boolean =>
  absoluteOf(paths, view).some((path) => path === undefined || places.isPossiblyWithin(path, within, view.unsettled))

const mayReach = (paths: Paths, within: ReadonlyArray<string>, view: PartView, places: Places): boolean =>
  absoluteOf(paths, view).some((path) => path === undefined || places.mayContain(path, within, view.unsettled))

const targetsOf = ({ redirects }: Pick<PartView, "redirects">): Paths =>
  redirects.flatMap((redirect) => (isBetweenDescriptors(redirect) ? [] : [redirect.target.value]))

/** The absolute paths that a rule that declines may look at. */
export const lookedAt = (view: PartView): ReadonlyArray<string> =>
  absoluteOf(
    [
      ...placesOf(view, view.possiblePaths),
      ...targetsOf(view.part),
      ...view.walked,
      "",
      ...(view.possible?.sequences ?? []).flatMap(({ words }) => [...words, "."])
    ],
    view
  ).flatMap((path) => path ?? [])

// Options, each with a value, may stand before and between the words.
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

const hasPossibly = (args: ReadonlyArray<string | undefined>, flag: string): boolean =>
  args.some((arg) => alternatives(flag).some((flag) => isPossibly(flag, arg)))
