/**
 * Candidates for rules about commands.
 *
 * A line is a program with its exact arguments. Several lines of one program and subcommand become one rule if they differ
 * only in paths and flags, or if all of them are refused.
 */
import type { Params } from "@effect-codex/core/PolicyEngine"
import * as Effect from "effect/Effect"
import type { CommandCondition } from "../../Rule.ts"
import * as ShellCommand from "../../ShellCommand.ts"
import { quote } from "../../ShellWord.ts"
import { foldersOf } from "../command/partView.ts"
import { riskOf } from "../command/risks.ts"
import { type Use, usesOf } from "../command/uses.ts"
import { baseName, runsCode } from "../command/wrapper.ts"
import { from, isWithin, normalize, type Walker } from "../files/path.ts"
import { type Candidate, type Decided, type Found, groupBy, type Line, outermost } from "./candidate.ts"

type Asked = Params["command"]

interface Exact {
  readonly program: string
  readonly args: ReadonlyArray<string>
  /** The folder in which it ran. */
  readonly folder: string
  /** The files of redirections, as absolute paths. */
  readonly redirects: ReadonlyArray<string>
  readonly networkHost: string | undefined
}

interface Piece<D> {
  readonly exact: Exact
  readonly isPart: boolean
  readonly decision: D
}

const isEmpty = (value: unknown): boolean => value === undefined || value === null

// The reason to leave a request to a person, regardless of what it runs.
const obstacleOf = ({ additionalPermissions, command, cwd, kind = "command" }: Asked): string | undefined => {
  if (kind === "writeStdin") return "it types into a terminal"
  if (kind !== "command") return "a person has to decide on it"
  if (!isEmpty(additionalPermissions)) return "it asks for more permissions"
  if (typeof command !== "string") return "it has no command"
  if (typeof cwd !== "string" || normalize(cwd) === undefined) return "the folder that it runs in is not known"
  return undefined
}

// Redirections to descriptors and /dev/null need no condition.
const isHarmless = ({ operator, target }: ShellCommand.Redirect): boolean =>
  target.value === "/dev/null" || (operator.endsWith("&") && /^(?:\d+-?|-)$/.test(target.value ?? ""))

const exactOf = (
  part: ShellCommand.Part,
  {
    folders,
    isAlone,
    networkHost
  }: { folders: ReadonlyArray<string>; isAlone: boolean; networkHost: string | undefined }
): Exact | string => {
  const [folder] = folders
  const [program, ...args] = part.words.flatMap(({ value }) => (value === undefined ? [] : [value]))
  if (part.opaque !== undefined) return part.opaque
  if (part.document !== undefined) return "it reads a here-document, and a rule cannot tell its text apart"
  if (folder === undefined || folders.length > 1) return "the folder that it runs in is not certain"
  if (program === undefined || args.length + 1 < part.words.length) return "it is only known at run time"
  if (part.assignments.length > 0) return "it sets variables, and a rule cannot tell their values apart"
  // A program that runs code takes it from its operands or, without operands, from its input.
  const isScript = runsCode(baseName(program)) && !args.some((arg) => !arg.startsWith("-"))
  if (isScript || (runsCode(baseName(program)) && !isAlone)) return `${program} runs what it is given`
  const redirects = part.redirects.filter((redirect) => !isHarmless(redirect))
  const files = redirects.flatMap(({ target }) =>
    target.value === undefined ? [] : (normalize(from(folder, target.value)) ?? [])
  )
  return { program, args, folder, redirects: [...new Set(files)].toSorted(), networkHost }
}

const subjectOf = ({ args, networkHost, program, redirects }: Exact): string =>
  [
    [program, ...args].map(quote).join(" "),
    ...redirects.map((file) => `, with the file ${file}`),
    ...(networkHost === undefined ? [] : [`, to reach ${networkHost}`])
  ].join("")

const linesOf = <D>(pieces: ReadonlyArray<Piece<D>>): ReadonlyArray<Line<D>> =>
  groupBy(pieces, ({ exact, isPart }) => JSON.stringify([subjectOf(exact), isPart])).flatMap((group) => {
    const [first] = group
    if (first === undefined) return []
    const decisions = [...new Set(group.map(({ decision }) => decision))]
    return [{ subject: subjectOf(first.exact), isPart: first.isPart, decisions }]
  })

const files: ReadonlySet<Use["effect"]> = new Set(["read", "walk", "follow", "list", "write", "folder"])

const subcommandOf = ({ args, program }: Exact): string | undefined => {
  const { subcommands, uncertain, uses } = usesOf([program, ...args])
  const [first] = args
  if (subcommands.length > 0) return subcommands[0] === first ? first : undefined
  const isFile = uncertain === undefined && uses.some(({ at, effect }) => at === 1 && files.has(effect))
  return !isFile && first !== undefined && /^[a-z][a-z0-9:-]*$/.test(first) ? first : undefined
}

const sameReason = (lines: ReadonlyArray<Line<Decided>>) => {
  const reasons = new Set(lines.flatMap(({ decisions }) => decisions.map(({ reason }) => reason)))
  const [reason, ...others] = reasons
  return reason === undefined || reason.trim() === "" || others.length > 0 ? {} : { reason }
}

const isSpecial = ({ networkHost, redirects }: Exact): boolean => redirects.length > 0 || networkHost !== undefined

const common = ({ networkHost, redirects }: Exact): CommandCondition => ({
  ...(redirects.length === 0 ? {} : { redirectsWithin: redirects }),
  ...(networkHost === undefined ? {} : { request: ["networkApproval"], networkHost })
})

const exactRule = <D extends Decided>(
  group: ReadonlyArray<Piece<D>>,
  accepts: boolean
): ReadonlyArray<Candidate<D>> => {
  const [first] = group
  if (first === undefined) return []
  const { exact } = first
  const lines = linesOf(group)
  const folders = outermost(
    group.map(({ exact }) => exact.folder),
    isWithin
  )
  const when: CommandCondition = { program: exact.program, args: exact.args, ...common(exact) }
  const also = [
    `the same in folders below ${folders.join(" and ")}`,
    ...(exact.redirects.length === 0 ? [] : ["these files read or written, whichever it was"]),
    ...(exact.networkHost === undefined ? [] : ["any port and protocol of this host"])
  ]
  return [
    {
      suggested: {
        list: "commandRules",
        rule: accepts
          ? { when: { ...when, cwdWithin: folders }, decision: "accept" }
          : { when, decision: "decline", ...sameReason(lines) }
      },
      name: `${accepts ? "" : "no "}${subjectOf({ ...exact, redirects: [] })}`,
      accepts,
      lines,
      alsoMatches: accepts ? also : ["the same in any folder, and where it is only possible that it runs"],
      narrower: []
    }
  ]
}

// Operands of git's other subcommands may name commits and branches.
const gitOnFiles: ReadonlySet<string> = new Set(["add", "mv", "rm", "restore"])

// The paths of a line that consists only of paths and flags.
const pathsOf = ({ args, folder, program }: Exact): ReadonlyArray<string> | undefined => {
  const { runs, subcommands, uncertain, uses } = usesOf([program, ...args])
  const isKnown = uncertain === undefined && runs !== "project" && subcommands.every((sub, at) => args[at] === sub)
  if (!isKnown || !uses.every(({ effect }) => files.has(effect)) || args.some((arg) => /^-.*=/.test(arg)))
    return undefined
  if (baseName(program) === "git" && !gitOnFiles.has(subcommands[0] ?? "")) return undefined
  const named = uses.filter(({ at }) => at > 0)
  const words = args.slice(subcommands.length).filter((arg) => !isFlag(arg) && arg !== "--")
  // Every word must be exactly one path: none is the value of another kind of flag, or joined to a flag.
  if (named.length !== words.length || named.some(({ at, value }) => args[at - 1] !== value)) return undefined
  const paths = uses.map(({ value }) => (value === undefined ? undefined : normalize(from(folder, value))))
  return paths.length === 0 || !paths.every((path) => path !== undefined) ? undefined : paths
}

const isFlag = (arg: string): boolean => arg.startsWith("-") && arg !== "-" && arg !== "--"

const commonFolder = (paths: ReadonlyArray<string>): string => {
  const [first = [], ...others] = paths.map((path) => path.split("/"))
  const length = first.findIndex((name, at) => others.some((names) => names[at] !== name))
  return (length === -1 ? first : first.slice(0, length)).join("/")
}

// Lines of one program and subcommand as one rule; `undefined` if they differ in more than paths and flags.
const widened = <D extends Decided>(
  group: ReadonlyArray<Piece<D>>,
  narrower: ReadonlyArray<Candidate<D>>
): Candidate<D> | undefined => {
  const [first] = group
  if (first === undefined || narrower.length < 2 || runsCode(baseName(first.exact.program))) return undefined
  if (group.some(({ exact }) => isSpecial(exact))) return undefined
  const paths = group.map(({ exact }) => pathsOf(exact))
  if (!paths.every((path) => path !== undefined)) return undefined
  const { program } = first.exact
  const { subcommands } = usesOf([program, ...first.exact.args])
  const folders = outermost(
    group.map(({ exact }) => exact.folder),
    isWithin
  )
  // A rule may also take a subcommand for a path.
  const within = commonFolder([
    ...paths.flat(),
    ...group.flatMap(({ exact }) => subcommands.map((sub) => from(exact.folder, sub)))
  ])
  if (!folders.some((folder) => isWithin(within, folder))) return undefined
  const flags = [...new Set(group.flatMap(({ exact }) => exact.args.filter(isFlag)))].toSorted()
  const when: CommandCondition = {
    program,
    ...(subcommands.length === 0 ? {} : { argsPrefix: subcommands }),
    ...(flags.length === 0 ? {} : { allowedFlags: flags }),
    pathsWithin: [within],
    cwdWithin: folders
  }
  if (riskOf(when) !== undefined) return undefined
  return {
    suggested: { list: "commandRules", rule: { when, decision: "accept" } },
    name: [program, ...subcommands, "in", within].join(" "),
    accepts: true,
    lines: linesOf(group),
    alsoMatches: [
      `any other path operands within ${within}`,
      ...(flags.length === 0 ? [] : [`the flags ${flags.join(", ")} in any combination`]),
      `the same in folders below ${folders.join(" and ")}`
    ],
    narrower
  }
}

const forbidden = <D extends Decided>(
  group: ReadonlyArray<Piece<D>>,
  narrower: ReadonlyArray<Candidate<D>>
): Candidate<D> | undefined => {
  const [first] = group
  if (first === undefined || narrower.length < 2 || group.some(({ exact }) => isSpecial(exact))) return undefined
  const { program } = first.exact
  const sub = subcommandOf(first.exact)
  const lines = linesOf(group)
  const name = [program, ...(sub === undefined ? [] : [sub])].join(" ")
  return {
    suggested: {
      list: "commandRules",
      rule: {
        when: { program, ...(sub === undefined ? {} : { argsPrefix: [sub] }) },
        decision: "decline",
        ...sameReason(lines)
      }
    },
    name: `no ${name}`,
    accepts: false,
    lines,
    alsoMatches: [`${name} with any arguments, in any folder, and where it is only possible that it runs`],
    narrower
  }
}

const candidatesOf = <D extends Decided>(
  pieces: ReadonlyArray<Piece<D>>,
  accepts: boolean
): ReadonlyArray<Candidate<D>> =>
  groupBy(pieces, ({ exact }) => JSON.stringify([exact.program, subcommandOf(exact)])).flatMap((group) => {
    const narrower = groupBy(group, ({ exact: { args, networkHost, redirects } }) =>
      JSON.stringify([args, redirects, networkHost])
    ).flatMap((same) => exactRule(same, accepts))
    if (!accepts) {
      const wide = forbidden(group, narrower)
      return wide === undefined ? narrower : [wide]
    }
    // Lines that differ in more than paths and flags keep their own rules. The others of the group are widened.
    const [alike = [], others = []] = [true, false].map((isAlike) =>
      group.filter(({ exact }) => (pathsOf(exact) !== undefined) === isAlike)
    )
    const isOf = (some: ReadonlyArray<Piece<D>>) => {
      const subjects = new Set(some.map(({ exact }) => subjectOf(exact)))
      return narrower.filter(({ lines }) => lines.every(({ subject }) => subjects.has(subject)))
    }
    const wide = widened(alike, isOf(alike))
    return wide === undefined ? narrower : [wide, ...isOf(others)]
  })

/** Candidates for the commands that were decided. */
export const commandCandidates = Effect.fnUntraced(function* <D extends Decided>(
  decisions: ReadonlyArray<readonly [D, Asked]>,
  walker: Walker
): Effect.fn.Return<Found<D>> {
  const left = new Map<D, string>()
  const accepted: Array<Piece<D>> = []
  const refused: Array<ReadonlyArray<Piece<D>>> = []
  for (const [decision, params] of decisions) {
    const obstacle = obstacleOf(params)
    const parsed = ShellCommand.parse(params.command ?? "")
    if (obstacle !== undefined || parsed._tag === "Unparseable" || parsed.parts.length === 0) {
      left.set(decision, obstacle ?? (parsed._tag === "Unparseable" ? parsed.reason : "there is no command in it"))
      continue
    }
    const isAlone = parsed.parts.length === 1
    const networkHost = params.networkApprovalContext?.host
    const found = yield* Effect.forEach(parsed.parts, (part) =>
      Effect.map(foldersOf(part, params.cwd ?? undefined, walker), (folders = []) =>
        exactOf(part, { folders, isAlone, networkHost })
      )
    )
    const unclear = found.find((exact) => typeof exact === "string")
    const pieces = found.flatMap((exact) => (typeof exact === "string" ? [] : [{ exact, isPart: !isAlone, decision }]))
    if (unclear !== undefined) left.set(decision, unclear)
    else if (decision.verdict === "accepted") accepted.push(...pieces)
    else refused.push(pieces)
  }
  // A refused command of several parts counts against the one part that was never accepted, if there is exactly one.
  const known = new Set(accepted.map(({ exact }) => subjectOf(exact)))
  const blamed = refused.flatMap((pieces) => {
    const suspects = pieces.length === 1 ? pieces : pieces.filter(({ exact }) => !known.has(subjectOf(exact)))
    const [suspect, ...others] = suspects
    if (suspect !== undefined && others.length === 0) return [suspect]
    for (const { decision } of pieces) left.set(decision, "it is not certain which part was refused")
    return []
  })
  return { candidates: [...candidatesOf(blamed, false), ...candidatesOf(accepted, true)], left }
})
