/**
 * Finds out whether a rule that accepts a program also accepts a risky command, with which the program runs or writes what its
 * arguments name.
 *
 * The table of programs lists such commands, and a rule is tried on those of its programs. Nothing is looked up, and all
 * conditions on folders count as met.
 */
import * as ShellCommand from "../../ShellCommand.ts"
import type { CommandCondition } from "../../Rule.ts"
import { unknownPlace } from "../files/path.ts"
import { listOf } from "../rubric/condition.ts"
import * as CommandMatch from "./match.ts"
import { type PartView, viewOf } from "./partView.ts"
import { type Program, programs } from "./programs.ts"
import { usesOf } from "./uses.ts"

interface Risk {
  readonly line: string
  readonly view: PartView
  /** Whether it only writes files that it names. */
  readonly onlyWrites: boolean
}

const linesOf = (name: string, { risks = [], subcommands = {} }: Program): ReadonlyArray<string> => [
  ...risks.map((risk) => `${name} ${risk}`.trimEnd()),
  ...Object.entries(subcommands).flatMap(([sub, program]) =>
    program === undefined ? [] : linesOf(`${name} ${sub}`, program)
  )
]

const risksOf = (name: string): ReadonlyArray<Risk> => {
  const program = Object.hasOwn(programs, name) ? programs[name] : undefined
  return (program === undefined ? [] : linesOf(name, program)).flatMap((line): ReadonlyArray<Risk> => {
    const command = ShellCommand.parse(line)
    const part = command._tag === "Parsed" ? command.parts[0] : undefined
    if (part === undefined) return []
    const { runs, uncertain, uses } = usesOf(part.words.map(({ value }) => value))
    const onlyWrites =
      uncertain === undefined &&
      runs === undefined &&
      uses.every(({ effect }) => effect === "write" || effect === "read" || effect === "text")
    return [{ line, view: viewOf(part, ["/"]), onlyWrites }]
  })
}

const known = new Map<string, ReadonlyArray<Risk>>()

const remembered = (name: string): ReadonlyArray<Risk> => {
  const found = known.get(name) ?? risksOf(name)
  known.set(name, found)
  return found
}

/** A risky command that a rule accepts; `undefined` if none is known. */
export const riskOf = (when: CommandCondition): string | undefined => {
  const { cwdWithin: _folder, pathsWithin, program, reasonRegex: _reason, ...rest } = when
  const matcher = CommandMatch.compile(
    {
      ...rest,
      ...(program === undefined ? {} : { program }),
      ...(pathsWithin === undefined ? {} : { pathsWithin: "/" })
    },
    true
  )
  const names = listOf(program) ?? Object.keys(programs)
  return names
    .flatMap(remembered)
    .find(
      ({ line, onlyWrites, view }) =>
        !(onlyWrites && pathsWithin !== undefined) &&
        !CommandMatch.isMiss(matcher.matchesPart(view, { ...about, texts: [line] }))
    )?.line
}

const about: CommandMatch.CommandView = {
  threadId: "",
  turnId: undefined,
  cwd: "/",
  reason: undefined,
  proposesExecpolicy: undefined,
  requests: ["command"],
  texts: [],
  networkHost: undefined,
  places: { isPossiblyWithin: () => true, mayContain: () => true, of: () => unknownPlace }
}
