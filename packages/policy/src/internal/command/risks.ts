/**
 * Finds out whether a rule that accepts a program also accepts a risky command, with which the program runs or writes what its
 * arguments name.
 *
 * The table of programs lists such commands, and a rule is tried on those of its programs. Nothing is looked up, and all
 * conditions on folders count as met.
 */
import * as ShellCommand from "../../ShellCommand.ts"
import type { CommandCondition } from "../../Rule.ts"
import { listOf } from "../rubric/condition.ts"
import * as CommandMatch from "./match.ts"
import { type PartView, viewOf } from "./partView.ts"
import { type Program, programs } from "./programs.ts"
import { programOf, usesOf } from "./uses.ts"

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

const risksOf = (name: string): ReadonlyArray<Risk> =>
  linesOf(name, programOf(name) ?? {}).flatMap((line) => {
    const command = ShellCommand.parse(line)
    // Any further part is the command that it would run.
    const parts = command._tag === "Parsed" ? command.parts.slice(0, 1) : []
    return parts.map((part): Risk => {
      const { runs, uncertain, uses } = usesOf(part.words.map(({ value }) => value))
      const onlyWrites =
        uncertain === undefined &&
        runs === undefined &&
        uses.every(({ effect }) => effect === "write" || effect === "read" || effect === "text")
      // It runs in no folder, so a condition on folders has nothing to compare.
      return { line, view: viewOf(part, []), onlyWrites }
    })
  })

const known = new Map<string, ReadonlyArray<Risk>>()

const remembered = (name: string): ReadonlyArray<Risk> => {
  const found = known.get(name) ?? risksOf(name)
  known.set(name, found)
  return found
}

/** A risky command that a rule accepts; `undefined` if none is known. */
export const riskOf = (when: CommandCondition): string | undefined => {
  const { matchesPart } = CommandMatch.compileSure(when)
  const names = listOf(when.program) ?? Object.keys(programs)
  return names
    .flatMap(remembered)
    .find(
      ({ onlyWrites, view }) =>
        !(onlyWrites && when.pathsWithin !== undefined) && !CommandMatch.isMiss(matchesPart(view))
    )?.line
}
