/**
 * Whether a rule for commands matches a part of a command: for sure, for rules that accept, or possibly, for those that
 * decline.
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
import { walkedIn } from "./reach.ts"
import { short } from "../text.ts"
import { baseName } from "./wrapper.ts"

export interface CommandView extends About {
  /** What is asked for; empty for what cannot be named. */
  readonly requests: ReadonlyArray<CommandRequest>
  /** The command as the server tells it, and the script in it. */
  readonly texts: ReadonlyArray<string>
  readonly networkHost: string | undefined
  /** Where the paths of the command lead. */
  readonly places: Places
}

/** What has to hold for a match; `undefined`: no match. */
export type Match = ReadonlyArray<Demand> | undefined

export interface Matcher {
  /** Whether it matches every request for a plain command, as nearly all do. */
  readonly isPlain: boolean
  readonly matchesRequest: (view: CommandView) => boolean
  readonly matchesPart: (part: PartView, view: CommandView) => Match
  /** For a rule that accepts and names the program of the part: why it does not match. `undefined`: it does, or it is about others. */
  readonly whyNot: (part: PartView) => string | undefined
}

const yes: Match = []

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
    ...(sure ? compileSure(when) : { matchesPart: compilePossible(when), whyNot: () => undefined })
  }
}

/** Why a part does not match. */
class Miss {
  readonly reason: string
  constructor(reason: string) {
    this.reason = reason
  }
}

// A program that is given nothing to work on works on the folder that it runs in.
const placesOf = ({ args }: PartView, paths: ReadonlyArray<string | undefined>): ReadonlyArray<string | undefined> =>
  args.some((arg) => arg === undefined || !isFlag(arg)) ? paths : ["", ...paths]

const isFlag = (arg: string): boolean => arg.startsWith("-") && arg !== "-" && arg !== "--"

// Rules that accept.

const compileSure = (when: CommandCondition): Pick<Matcher, "matchesPart" | "whyNot"> => {
  const match = matchSurely(when)
  const programs = listOf(when.program)
  return {
    matchesPart: (view) => {
      const found = match(view)
      return found instanceof Miss ? undefined : found
    },
    whyNot: (view) => {
      if (view.program === undefined || programs?.includes(view.program) !== true) return undefined
      const found = match(view)
      return found instanceof Miss ? found.reason : undefined
    }
  }
}

const matchSurely = (when: CommandCondition): ((view: PartView) => ReadonlyArray<Demand> | Miss) => {
  const programs = listOf(when.program)
  const regex = regexOf(when.commandRegex, true)
  const cwdWithin = listOf(when.cwdWithin)
  const pathsWithin = listOf(when.pathsWithin)
  const redirectsWithin = listOf(when.redirectsWithin)
  const allows = allowsFlag(when)
  const { args, argsPrefix, assigns = [] } = when
  // Neither the model's words nor what the server made of them show what a command does.
  if (matchesOnUntrustedOnly(when)) {
    const untrustedOnly = new Miss("the rule only looks at what the model says")
    return () => untrustedOnly
  }

  return (view) => {
    const { args: actual, bases, folders, line, part, program, redirects } = view
    if (part.opaque !== undefined || view.evaluates)
      return new Miss(part.opaque ?? "it runs text that is made at run time")
    if (programs !== undefined && (program === undefined || !programs.includes(program)))
      return new Miss("another program")
    if (args !== undefined && (actual.length !== args.length || !startsWith(actual, args)))
      return new Miss(`the arguments are not exactly ${JSON.stringify(args)}`)
    if (argsPrefix !== undefined && !startsWith(actual, argsPrefix))
      return new Miss(`the arguments do not begin with ${JSON.stringify(argsPrefix)}`)
    const missing = when.flags?.find((flag) => !actual.some((arg) => isSurely(flag, arg)))
    if (missing !== undefined) return new Miss(`the option ${missing} is missing`)
    if (regex !== undefined && (line === undefined || !regex(line)))
      return new Miss("commandRegex does not match the whole command")
    const refused = actual.findIndex((arg) => arg === undefined || (isFlag(arg) && !allows(arg)))
    if (refused >= 0) {
      const arg = actual[refused]
      return new Miss(
        arg === undefined
          ? `argument ${refused + 1} is only known at run time`
          : `the option ${short(arg)} is not in allowedFlags`
      )
    }
    const assigned = view.variables.find((name) => !assigns.includes(name))
    if (assigned !== undefined) return new Miss(`the variable ${short(assigned)} is not in assigns`)
    if (redirectsWithin === undefined && redirects.length > 0)
      return new Miss("output is redirected to a file, and the rule has no redirectsWithin")

    // A folder bounds no script.
    if (pathsWithin !== undefined && args === undefined && regex === undefined && view.runsScript)
      return new Miss("it runs a script, and pathsWithin does not limit what that does")
    const unprotected = leavesAlone(view, when.protectedFiles ?? [], true)
    if (unprotected === undefined) return new Miss("it may write protected files, which decide what runs later")
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
      if (match === undefined) return new Miss(`not certainly within ${within.map(short).join(", ")} (${name})`)
      conditions.push(...match)
    }
    for (const path of absoluteOf(view.copied, view)) {
      if (path === undefined) return new Miss("it copies files whose names are only known at run time")
      conditions.push({ path, folders: undefined, mayBe: when.protectedFiles ?? [], contents: true })
    }
    if (pathsWithin !== undefined) {
      const followed = surelyWithin(view.followed, bases, pathsWithin)
      if (followed === undefined) return new Miss("it follows links that may lead outside pathsWithin")
      conditions.push(...followed.map((demand) => ({ ...demand, follow: true })))
    }
    return conditions
  }
}

const untrusted: ReadonlySet<string> = new Set(["reasonRegex", "hasProposedExecpolicy"])

/** Whether nothing but the model's words and the server's proposal decide. The folder, which the model picks too, is no more. */
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

const maxWritten = 1_000

/**
 * What has to hold for a part to write no protected file but those of these kinds; `undefined`: by its names, it may.
 * `certain` also asks for what isn't known.
 */
export const leavesAlone = (
  view: PartView,
  mayBe: ReadonlyArray<ProtectedFiles>,
  certain: boolean
): ReadonlyArray<Demand> | undefined => {
  // Nobody writes a command with so many, and one that was made to take long is not accepted.
  if (view.written.length > maxWritten) return undefined
  // What it unpacks may be any of them.
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

const compilePossible = (when: CommandCondition): Matcher["matchesPart"] => {
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

  const expected = [...(args ?? []), ...(argsPrefix ?? [])].map((word) => tokensOf(asWord(word)))
  // Every part is tried on the same texts.
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

  // Within what the program may run. Less is asked for there, as nobody knows where a command ends.
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
        // A text that was made to take long counts as a match.
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

  return (view, about) => {
    const { possible } = view
    if (cwdWithin !== undefined && (about.cwd === undefined || !mayLieIn([""], cwdWithin, view, about.places)))
      return undefined
    // What an unknown program is given is not known either: it may be a word that becomes several.
    if (view.programIsUnknown || matchesWords(view, about)) return yes
    return asksForCommand && possible !== undefined && matchesText(possible, view, about) ? yes : undefined
  }
}

const maxWork = 1 << 18

const mentionsAssignment = (text: string, name: string): boolean => {
  for (let at = text.indexOf(`${name}=`); at !== -1; at = text.indexOf(`${name}=`, at + 1)) {
    if (at === 0 || !/\w/.test(text.charAt(at - 1))) return true
  }
  return false
}

// `/bin/rm`, `./rm` and, where a file system does not tell them apart, `RM`.
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

const targetsOf = ({ redirects }: Pick<PartView, "redirects">): Paths => redirects.map(({ target }) => target.value)

/** The absolute paths that a rule which declines may ask about. */
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

const hasPossibly = (args: ReadonlyArray<string | undefined>, flag: string): boolean =>
  args.some((arg) => alternatives(flag).some((flag) => isPossibly(flag, arg)))
