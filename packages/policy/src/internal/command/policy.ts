/**
 * Applies the rules of a rubric to a command. If a rule needs the targets of its paths, they are looked up first.
 *
 * Each part of the command gets the decision of the first rule that matches it. A single declined part declines the whole
 * command; it is accepted only if every part is accepted.
 *
 * The room knows shells, programs, and what a command may do. It must not know the protocol beyond the request, other kinds
 * of requests, or who asks.
 */
import type { Params } from "@effect-codex/core/PolicyEngine"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type { CommandCondition, CommandDecision, CommandRequest, CommandRule } from "../../Rule.ts"
import * as ShellCommand from "../../ShellCommand.ts"
import * as CommandMatch from "./match.ts"
import type { Demand } from "../files/demand.ts"
import { from, walker as startWalking, type Walker } from "../files/path.ts"
import { lookUp } from "../files/places.ts"
import { type LookBelow, lookBelow } from "../files/tree.ts"
import { inRoots, isPermissive } from "../rubric/bounds.ts"
import { listOf } from "../rubric/condition.ts"
import { ordered } from "../rubric/ordered.ts"
import { foldersOf, type PartView, viewOf } from "./partView.ts"
import { extentOf } from "./pieces.ts"
import * as Reading from "./reading.ts"
import { quote } from "../../ShellWord.ts"
import { short } from "../text.ts"

/** The decision on a part that no rule matches. */
export type Fallback =
  | { readonly _tag: "Decide"; readonly decision: CommandDecision; readonly by: string }
  | {
      readonly _tag: "ReadOnly"
      readonly roots: ReadonlyArray<string>
      readonly by: string
      /** Whether reading programs other than git are accepted. */
      readonly programs: boolean
      /** Whether reading git commands are accepted. */
      readonly git: boolean
      readonly otherwise: { readonly decision: CommandDecision; readonly by: string }
    }
  | { readonly _tag: "Abstain" }

/** The decision on one part, and the rule that made it. */
export interface Decided {
  readonly part: ShellCommand.Part
  /** `undefined`: no rule matches, and there is no fallback. */
  readonly decision: CommandDecision | undefined
  readonly by: string
  /** Whether a rule decided, not the fallback. */
  readonly byRule: boolean
  readonly reason: string | undefined
  /** The reason why the first rule that accepts this program does not match. Only set if no rule decided. */
  readonly whyNot?: string | undefined
  /** The demands on the file system. If one does not hold, the command is declined. */
  readonly conditions: ReadonlyArray<Demand>
  /** Further checks of the file system. If one fails, the command is declined. */
  readonly checks: ReadonlyArray<Reading.Check>
}

export interface Evaluation {
  readonly command: ShellCommand.ShellCommand | undefined
  readonly decided: ReadonlyArray<Decided>
  /** The walker for all lookups of the request, so that they share one limit. */
  readonly walker: Walker
}

interface Compiled {
  readonly rule: CommandRule & { readonly name: string }
  readonly matcher: CommandMatch.Matcher
  /** The folders in the conditions of a rule that declines. */
  readonly folders: ReadonlyArray<string>
  /** Whether the rule declines by the paths of a command, which include the links that it follows. */
  readonly asksForPaths: boolean
}

export const compile = (
  rules: ReadonlyArray<CommandRule> | undefined,
  roots: ReadonlyArray<string>,
  fallback: Fallback
): ((params: Params["command"]) => Effect.Effect<Evaluation, never, FileSystem.FileSystem>) => {
  const isFallbackPermissive = fallback._tag !== "Decide" || isPermissive(fallback.decision)
  const compiled = ordered(rules, "commandRules").map((rule): Compiled => {
    const sure = rule.decision === undefined ? isFallbackPermissive : isPermissive(rule.decision)
    const { when = {} } = rule
    const bounded = rule.decision !== undefined && sure ? inRoots(when, roots) : when
    return {
      rule,
      matcher: CommandMatch.compile(bounded, sure),
      folders: sure ? [] : foldersIn(when),
      asksForPaths: !sure && when.pathsWithin !== undefined
    }
  })
  const folders = [...new Set(compiled.flatMap(({ folders }) => folders))]
  const arePlain = compiled.every(({ matcher }) => matcher.isPlain)
  // The rules for parts that only run one program, by its name: a long rubric is mostly about others.
  const rulesOf = new Map<string, ReadonlyArray<Compiled>>()
  const rulesFor = ({ possible, program, programIsUnknown }: PartView): ReadonlyArray<Compiled> => {
    if (program === undefined || programIsUnknown || possible !== undefined) return compiled
    const known = rulesOf.get(program)
    if (known !== undefined) return known
    const rules = compiled.filter(({ matcher }) => matcher.isAbout(program))
    if (rulesOf.size === maxRemembered) rulesOf.clear()
    rulesOf.set(program, rules)
    return rules
  }
  return Effect.fnUntraced(function* (params: Params["command"]) {
    const command = typeof params.command === "string" ? ShellCommand.parse(params.command) : undefined
    const walker = yield* startWalking
    const requests = requestsOf(params)
    const parts = unsettled(yield* partsOf(params, requests, command, walker))
    const about = { ...commandView(params, command), requests }
    const lookAt = (parts: ReadonlyArray<PartView>) =>
      Effect.map(
        lookUp(
          folders,
          folders.length === 0 ? [] : parts.flatMap((part) => [...part.unsettled, ...CommandMatch.lookedAt(part)]),
          walker
        ),
        (places): CommandMatch.CommandView => ({ ...about, places })
      )
    const view = yield* lookAt(parts)
    const filtered =
      arePlain && isPlain(requests) ? undefined : compiled.filter(({ matcher }) => matcher.matchesRequest(view))
    let whole: Reading.Verdict | undefined
    const readsWhole = (roots: ReadonlyArray<string>) =>
      (whole ??= Reading.analyse(params.command ?? "", view.cwd === undefined ? [] : [view.cwd], roots))
    // Whether the targets of links decide which rule matches first. Finding the links takes long.
    const dependsOnLinks = (part: PartView): boolean => {
      if (part.followed.length === 0) return false
      const anywhere = { ...part, possiblePaths: [...part.possiblePaths, undefined] }
      for (const { asksForPaths, matcher } of filtered ?? rulesFor(part)) {
        if (!CommandMatch.isMiss(matcher.matchesPart(part, view))) return false
        if (asksForPaths && !CommandMatch.isMiss(matcher.matchesPart(anywhere, view))) return true
      }
      return false
    }
    const decide = (part: PartView, seen: CommandMatch.CommandView): Decided => {
      const applicable = filtered ?? rulesFor(part)
      for (const { matcher, rule } of applicable) {
        const conditions = matcher.matchesPart(part, seen)
        if (CommandMatch.isMiss(conditions)) continue
        const { decision, name: by, reason } = rule
        if (decision !== undefined)
          return { part: part.part, decision, by, byRule: true, reason, conditions, checks: [] }
        const decided = fall(part, seen, fallback, readsWhole)
        return {
          ...decided,
          by,
          byRule: true,
          reason: reason ?? decided.reason,
          conditions: [...conditions, ...decided.conditions]
        }
      }
      const misses = applicable.flatMap(({ matcher, rule }) => {
        const why = matcher.whyNot(part)
        return why === undefined ? [] : [`${rule.name}: ${why}`]
      })
      return { ...fall(part, seen, fallback, readsWhole), whyNot: misses[0] }
    }
    const asked = new Set(parts.filter(dependsOnLinks))
    const followed = asked.size === 0 ? parts : yield* followLinks(parts, asked, walker)
    const seen = asked.size === 0 ? view : yield* lookAt(followed)
    return {
      command,
      walker,
      decided: followed.map((part) => {
        const decided = decide(part, seen)
        // Another part may change these files after the check.
        if (part.unsettled.length > 0 && decided.checks.length > 0) {
          return { ...decided, decision: "decline", reason: "another part may change what this one reads", checks: [] }
        }
        return part.unsettled.length === 0
          ? decided
          : { ...decided, conditions: decided.conditions.map((demand) => ({ ...demand, unsettled: part.unsettled })) }
      })
    }
  })
}

/** The programs whose rules are remembered, at most. */
const maxRemembered = 64

const foldersIn = ({ cwdWithin, pathsWithin, redirectsWithin }: CommandCondition): ReadonlyArray<string> =>
  [cwdWithin, pathsWithin, redirectsWithin].flatMap((folders) => listOf(folders) ?? [])

// Adds the links that are followed to the paths, for rules that decline.
const followLinks = Effect.fnUntraced(function* (
  parts: ReadonlyArray<PartView>,
  asked: ReadonlySet<PartView>,
  walker: Walker
): Effect.fn.Return<ReadonlyArray<PartView>> {
  const entriesBelow = lookBelow(walker)
  return yield* Effect.forEach(parts, (part) =>
    asked.has(part)
      ? Effect.map(linksBelow(part, entriesBelow, walker), (links) => ({
          ...part,
          possiblePaths: [...part.possiblePaths, ...(links ?? [undefined])]
        }))
      : Effect.succeed(part)
  )
})

// More links take too long.
const maxLinks = 100

// `undefined` if the links may lead anywhere.
const linksBelow = Effect.fnUntraced(function* (
  { bases = [], followed }: PartView,
  entriesBelow: LookBelow,
  { isFolder, placeOf }: Walker
): Effect.fn.Return<ReadonlyArray<string> | undefined> {
  const found: Array<string> = []
  for (const path of followed) {
    for (const base of path === undefined ? [] : path.startsWith("/") ? [""] : bases) {
      const below = yield* entriesBelow(from(base, path ?? ""))
      if (below === undefined || found.length + below.links.length > maxLinks) return undefined
      for (const link of below.links) {
        const { real } = yield* placeOf(link)
        // A linked folder may contain more links.
        if (real === undefined || (yield* isFolder(real))) return undefined
        found.push(link)
      }
    }
  }
  return found
})

// Ordinary commands replace fewer paths. Each one is compared with each path of the other parts.
const maxReplaced = 32

// Adds to each part the paths that the other parts replace.
const unsettled = (parts: ReadonlyArray<PartView>): ReadonlyArray<PartView> => {
  const replaced = parts.map(({ bases: folders, replaced }) =>
    replaced.flatMap((path) => {
      if (path === undefined || (folders === undefined && !path.startsWith("/"))) return ["/"]
      return path.startsWith("/") ? [path] : (folders ?? []).map((folder) => from(folder, path))
    })
  )
  if (replaced.every((paths) => paths.length === 0)) return parts
  const tooMany = replaced.reduce((sum, paths) => sum + paths.length, 0) > maxReplaced
  return parts.map((part, index) => ({
    ...part,
    unsettled: tooMany ? ["/"] : [...new Set(replaced.flatMap((paths, other) => (other === index ? [] : paths)))]
  }))
}

// Applies the fallback. A mode or a default accepts only plain commands; other requests need a rule.
const fall = (
  view: PartView,
  { requests }: CommandMatch.CommandView,
  fallback: Fallback,
  readsWhole: (roots: ReadonlyArray<string>) => Reading.Verdict
): Decided => {
  const { part } = view
  const because = (by: string, decision: CommandDecision | undefined, reason?: string): Decided => ({
    part,
    decision,
    by,
    byRule: false,
    reason,
    conditions: [],
    checks: []
  })
  if (fallback._tag === "Abstain") return because("", undefined)
  const plain = isPlain(requests)
  if (fallback._tag === "Decide") {
    if (!isPermissive(fallback.decision)) return because(fallback.by, fallback.decision)
    if (!plain) return because(fallback.by, "decline", `no rule covers ${requests.join(" and ") || "such a request"}`)
    const conditions = CommandMatch.leavesAlone(view, [], false)
    return conditions === undefined
      ? because(fallback.by, "decline", `${short(part.source)} may write protected files, which decide what runs later`)
      : { ...because(fallback.by, fallback.decision), conditions }
  }
  const { otherwise } = fallback
  if (!plain)
    return because(otherwise.by, otherwise.decision, "only a plain command can be accepted because it only reads")
  // A part that is certain is analyzed alone, so that rules may decide the other parts.
  const alone = readsAlone(view, fallback.roots)
  const found = alone?._tag === "Reads" ? alone : readsWhole(fallback.roots)
  const isCertain = found._tag === "Reads" && isMeant(fallback, found, found === alone && view.program === "git")
  return isCertain
    ? { ...because(fallback.by, "accept"), conditions: found.conditions, checks: found.checks }
    : because(
        otherwise.by,
        otherwise.decision,
        `it is not certain that ${short(part.source)} only reads in the allowed roots${found._tag === "Reads" ? "" : `: ${found.reason}`}`
      )
}

const isMeant = (
  { git, programs }: Extract<Fallback, { readonly _tag: "ReadOnly" }>,
  { checks }: Extract<Reading.Verdict, { readonly _tag: "Reads" }>,
  isGit: boolean
): boolean => (programs || isGit) && (git || !checks.some(({ _tag }) => _tag === "Repository"))

const readsAlone = (
  { folders, part, redirects, variables }: PartView,
  roots: ReadonlyArray<string>
): Reading.Verdict | undefined => {
  const words = part.words.flatMap(({ value }) => (value === undefined ? [] : [quote(value)]))
  const isCertain =
    part.opaque === undefined &&
    folders !== undefined &&
    redirects.length === 0 &&
    variables.length === 0 &&
    words.length > 0 &&
    words.length === part.words.length
  return isCertain ? Reading.analyse(words.join(" "), folders, roots) : undefined
}

const commandView = (
  params: Params["command"],
  command: ShellCommand.ShellCommand | undefined
): Omit<CommandMatch.CommandView, "places" | "requests"> => ({
  threadId: params.threadId,
  turnId: params.turnId,
  cwd: params.cwd ?? undefined,
  reason: params.reason ?? undefined,
  proposesExecpolicy: (params.proposedExecpolicyAmendment?.length ?? 0) > 0,
  networkHost: params.networkApprovalContext?.host,
  texts: [
    ...(typeof params.command === "string" ? [params.command] : []),
    ...(command?._tag === "Parsed" ? [command.script] : [])
  ]
})

const isPlain = (requests: ReadonlyArray<CommandRequest>): boolean => requests.length === 1 && requests[0] === "command"

const requestsOf = (params: Params["command"]): ReadonlyArray<CommandRequest> => {
  const { additionalPermissions, command, kind = "command", networkApprovalContext } = params
  if (kind !== "command" && kind !== "writeStdin") return []
  const requests: Array<CommandRequest> = []
  if (kind === "writeStdin") requests.push("writeStdin")
  if (networkApprovalContext != null) requests.push("networkApproval")
  if (additionalPermissions != null) requests.push("additionalPermissions")
  return requests.length > 0 || typeof command !== "string" ? requests : ["command"]
}

// Limits for the names of all parts, counted once for each base folder: their number and their total length.
const maxNames = 2_000
const maxNamesLength = 256 * 1024

// `undefined`: there are more names than can be looked up. They are counted before the lookup.
const viewsOf = Effect.fnUntraced(function* (
  parts: ReadonlyArray<ShellCommand.Part>,
  cwd: string | undefined,
  walker: Walker
): Effect.fn.Return<ReadonlyArray<PartView> | undefined> {
  const views: Array<PartView> = []
  let names = 0
  let length = 0
  for (const part of parts) {
    const folders = yield* foldersOf(part, cwd, walker)
    for (const { value = "" } of part.words) {
      const extent = extentOf(value)
      names += extent.names * (folders?.length ?? 1)
      length += extent.length * (folders?.length ?? 1)
    }
    if (names > maxNames || length > maxNamesLength) return undefined
    const view = viewOf(part, folders)
    // The program itself may change to further folders.
    const others = (view.bases?.length ?? 0) - (folders?.length ?? 0)
    names += view.paths.length * Math.max(0, others)
    views.push(view)
  }
  return names > maxNames ? undefined : views
})

const partsOf = Effect.fnUntraced(function* (
  params: Params["command"],
  requests: ReadonlyArray<CommandRequest>,
  command: ShellCommand.ShellCommand | undefined,
  walker: Walker
): Effect.fn.Return<ReadonlyArray<PartView>> {
  const cwd = params.cwd ?? undefined
  const isRead = command?._tag === "Parsed" && command.parts.length > 0 && !requests.includes("writeStdin")
  const views = isRead ? yield* viewsOf(command.parts, cwd, walker) : undefined
  if (views !== undefined) return views
  const source = params.command ?? ""
  // Input that is typed into a terminal is not a command. Only its text can be matched.
  const opaque =
    command === undefined || requests.includes("writeStdin")
      ? undefined
      : command._tag === "Unparseable"
        ? command.reason
        : isRead
          ? "it names more paths than can be checked"
          : "there is no command in it"
  const words = command?._tag === "Parsed" && !isRead ? [] : [{ source, value: undefined }]
  const part = { source, words, redirects: [], assignments: [], moves: undefined, opaque }
  const view = viewOf(part, undefined)
  return [{ ...view, line: requests.includes("writeStdin") && /^[\x20-\x7e\n]*$/.test(source) ? source : undefined }]
})
