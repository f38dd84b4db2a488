/**
 * What the rules of a rubric say about a command, without a look at the file system.
 *
 * Each part of the command gets the decision of the first rule that matches it. One part that is declined declines the
 * command, and it is accepted only if every part is.
 */
import type { Params } from "@effect-codex/core/PolicyEngine"
import type { CommandDecision, CommandRequest, CommandRule } from "../../Rule.ts"
import * as ShellCommand from "../../ShellCommand.ts"
import * as CommandMatch from "./match.ts"
import type { InFolders } from "../rubric/condition.ts"
import { ordered } from "../rubric/ordered.ts"
import { type PartView, viewOf } from "./partView.ts"
import * as Reading from "./reading.ts"
import { quote } from "../../ShellWord.ts"
import { short } from "../text.ts"

/** What is decided where no rule matches. */
export type Fallback =
  | { readonly _tag: "Decide"; readonly decision: CommandDecision; readonly by: string }
  | { readonly _tag: "ReadOnly"; readonly roots: ReadonlyArray<string>; readonly by: string }
  | { readonly _tag: "Abstain" }

/** What was decided for one part, and by which rule. */
export interface Decided {
  readonly part: ShellCommand.Part
  /** `undefined`: no rule matches, and nothing else decides. */
  readonly decision: CommandDecision | undefined
  readonly by: string
  /** Whether a rule decided, and not what stands where none matches. */
  readonly byRule: boolean
  readonly reason: string | undefined
  /** What has to hold in the file system, or else it is declined. */
  readonly conditions: ReadonlyArray<InFolders>
  /** What else has to be looked up there, or else it is declined. */
  readonly checks: ReadonlyArray<Reading.Check>
}

export interface Evaluation {
  readonly command: ShellCommand.ShellCommand | undefined
  readonly decided: ReadonlyArray<Decided>
}

interface Compiled {
  readonly rule: CommandRule & { readonly name: string }
  readonly matcher: CommandMatch.Matcher
}

/** Whether a decision lets something happen, so that it needs certainty. */
export const lets = (decision: CommandDecision): boolean => {
  if (decision === "decline" || decision === "cancel") return false
  return typeof decision === "string" || !("applyNetworkPolicyAmendment" in decision)
    ? true
    : decision.applyNetworkPolicyAmendment.action === "allow"
}

export const compile = (
  rules: ReadonlyArray<CommandRule> | undefined,
  fallback: Fallback
): ((params: Params["command"]) => Evaluation) => {
  const letsByFallback = fallback._tag !== "Decide" || lets(fallback.decision)
  const compiled = ordered(rules, "commandRules").map((rule): Compiled => ({
    rule,
    matcher: CommandMatch.compile(rule.when ?? {}, rule.decision === undefined ? letsByFallback : lets(rule.decision))
  }))
  return (params) => {
    const command = typeof params.command === "string" ? ShellCommand.parse(params.command) : undefined
    const view = commandView(params, command)
    const applicable = compiled.filter(({ matcher }) => matcher.matchesRequest(view))
    const parts = partsOf(params, view.requests, command)
    let whole: Reading.Verdict | undefined
    const readsWhole = (roots: ReadonlyArray<string>) =>
      (whole ??= Reading.analyse(params.command ?? "", view.cwd === undefined ? [] : [view.cwd], roots))
    return {
      command,
      decided: parts.map((part) => {
        for (const { matcher, rule } of applicable) {
          const conditions = matcher.matchesPart(part, view)
          if (conditions === undefined) continue
          const { decision, name: by, reason } = rule
          if (decision !== undefined) {
            return { part: part.part, decision, by, byRule: true, reason, conditions, checks: [] }
          }
          const decided = fall(part, view, fallback, readsWhole)
          return {
            ...decided,
            by,
            byRule: true,
            reason: reason ?? decided.reason,
            conditions: [...conditions, ...decided.conditions]
          }
        }
        return fall(part, view, fallback, readsWhole)
      })
    }
  }
}

// What was not asked for in so many words is not decided by a mode or a default.
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
  const plain = requests.length === 1 && requests[0] === "command"
  if (fallback._tag === "Decide") {
    return plain || !lets(fallback.decision)
      ? because(fallback.by, fallback.decision)
      : because(fallback.by, "decline", `no rule is about ${requests.join(" and ") || "such a request"}`)
  }
  if (!plain) return because(fallback.by, "decline", "the mode decides on nothing but plain commands")
  // A part that is certain is looked at by itself, so that the others may be those of rules.
  const alone = readsAlone(view, fallback.roots)
  const found = alone?._tag === "Reads" ? alone : readsWhole(fallback.roots)
  return found._tag === "Reads"
    ? { ...because(fallback.by, "accept"), conditions: found.conditions, checks: found.checks }
    : because(
        fallback.by,
        "decline",
        `it is not certain that ${short(part.source)} only reads in the allowed roots: ${found.reason}`
      )
}

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
): CommandMatch.CommandView => ({
  threadId: params.threadId,
  turnId: params.turnId,
  cwd: params.cwd ?? undefined,
  reason: params.reason ?? undefined,
  proposesExecpolicy: (params.proposedExecpolicyAmendment?.length ?? 0) > 0,
  requests: requestsOf(params),
  networkHost: params.networkApprovalContext?.host,
  texts: [
    ...(typeof params.command === "string" ? [params.command] : []),
    ...(command?._tag === "Parsed" ? [command.script] : [])
  ]
})

const requestsOf = (params: Params["command"]): ReadonlyArray<CommandRequest> => {
  const { additionalPermissions, command, kind = "command", networkApprovalContext } = params
  if (kind !== "command" && kind !== "writeStdin") return []
  const requests: Array<CommandRequest> = []
  if (kind === "writeStdin") requests.push("writeStdin")
  if (networkApprovalContext != null) requests.push("networkApproval")
  if (additionalPermissions != null) requests.push("additionalPermissions")
  return requests.length > 0 || typeof command !== "string" ? requests : ["command"]
}

const partsOf = (
  params: Params["command"],
  requests: ReadonlyArray<CommandRequest>,
  command: ShellCommand.ShellCommand | undefined
): ReadonlyArray<PartView> => {
  const cwd = params.cwd ?? undefined
  if (command?._tag === "Parsed" && command.parts.length > 0 && !requests.includes("writeStdin")) {
    return command.parts.map((part) => viewOf(part, cwd))
  }
  const source = params.command ?? ""
  // What is typed into a terminal is no command, and it is all that there is to see.
  const opaque =
    command === undefined || requests.includes("writeStdin")
      ? undefined
      : command._tag === "Unparseable"
        ? command.reason
        : "there is no command in it"
  const words = command?._tag === "Parsed" ? [] : [{ source, value: undefined }]
  const view = viewOf({ source, words, redirects: [], assignments: [], moves: undefined, opaque }, cwd)
  return [{ ...view, line: requests.includes("writeStdin") && /^[\x20-\x7e\n]*$/.test(source) ? source : undefined }]
}
