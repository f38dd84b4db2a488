/**
 * What the rules of a rubric say about a change of files.
 *
 * Each path gets the decision of the first rule that matches it. One that is declined declines the change, and it is accepted
 * only if every path is. The paths are those of the item that the request is about, as the request itself has none.
 */
import type { Request } from "@effect-codex/core/PolicyEngine"
import * as PathWithin from "../../PathWithin.ts"
import type { FileChangeCondition, FileChangeDecision, FileChangeRule, ProtectedFiles } from "../../Rule.ts"
import { type About, compileCommon, isWithinSome, listOf, regexOf } from "../rubric/condition.ts"
import { ordered } from "../rubric/ordered.ts"
import { protectedBy } from "./protectedFiles.ts"
import { short } from "../text.ts"

/** What has to hold of where a path really leads, or else the change is declined. */
export interface Lead {
  readonly path: string
  /** `undefined`: anywhere. */
  readonly folders: ReadonlyArray<string> | undefined
  readonly protectedFiles: ReadonlyArray<ProtectedFiles>
}

export interface FileConclusion {
  /** `undefined`: nobody decided on some path, and nobody declined any. */
  readonly decision: FileChangeDecision | undefined
  readonly by: string
  readonly reason: string | undefined
  readonly leads: ReadonlyArray<Lead>
}

export interface FileFallback {
  /** `undefined` abstains. */
  readonly decision: FileChangeDecision | undefined
  readonly by: string
}

/** One path of a change. */
interface Change {
  readonly path: string
  readonly change: "add" | "update" | "move" | "delete" | "grant" | undefined
}

interface Decided {
  readonly decision: FileChangeDecision | undefined
  readonly by: string
  readonly reason: string | undefined
  readonly lead: Lead
}

const lets = (decision: FileChangeDecision | undefined): boolean =>
  decision === "accept" || decision === "acceptForSession"

export const compile = (
  rules: ReadonlyArray<FileChangeRule> | undefined,
  fallback: FileFallback
): ((request: Request<"fileChange">) => FileConclusion) => {
  const compiled = ordered(rules, "fileChangeRules").map((rule) => {
    const decision = rule.decision ?? fallback.decision
    const sure = decision === undefined || lets(decision)
    const when = rule.when ?? {}
    return { rule, decision, when, common: compileCommon(when, sure), matches: compileMatch(when, sure) }
  })
  return (request) => {
    const about = aboutOf(request)
    const changes = changesOf(request)
    if (changes === undefined) return refusal(fallback.by, "the change that it is about is not known")
    const applicable = compiled.filter(({ common }) => common(about))
    const decided = changes.map((change): Decided => {
      const found = applicable.find(({ matches }) => matches(change, request.params.grantRoot != null))
      const decision = found === undefined ? fallback.decision : found.decision
      const by = found?.rule.name ?? fallback.by
      const lead = {
        path: change.path,
        folders: listOf(found?.when.pathsWithin),
        protectedFiles: found?.when.protectedFiles ?? []
      }
      return lets(decision) && found === undefined && change.change === "grant"
        ? { decision: "decline", by, reason: "no rule is about writing for the rest of the session", lead }
        : { decision, by, reason: found?.rule.reason, lead }
    })
    return conclude(decided, fallback)
  }
}

const refusal = (by: string, reason: string | undefined): FileConclusion => ({
  decision: "decline",
  by,
  reason,
  leads: []
})

const conclude = (decided: ReadonlyArray<Decided>, fallback: FileFallback): FileConclusion => {
  const refusing =
    decided.find(({ decision }) => decision === "cancel") ?? decided.find(({ decision }) => decision === "decline")
  if (refusing?.decision !== undefined) {
    return { ...refusal(refusing.by, refusing.reason), decision: refusing.decision }
  }
  const [first] = decided
  const by = [...new Set(decided.map(({ by }) => by))].join(", ")
  if (first === undefined) return refusal(fallback.by, "the change has no paths")
  if (decided.some(({ decision }) => decision === undefined)) {
    return { decision: undefined, by, reason: undefined, leads: [] }
  }
  const same = decided.every(({ decision }) => decision === first.decision)
  return {
    decision: same ? first.decision : "accept",
    by,
    reason: first.reason,
    leads: decided.map(({ lead }) => lead)
  }
}

/** Why a path may not be changed, seeing where it really leads. */
export const problemOf = (lead: Lead, leadsTo: string | undefined): string | undefined => {
  const belongsTo = [lead.path, leadsTo ?? ""].flatMap(protectedBy)
  const forbidden = belongsTo.find((kind) => !lead.protectedFiles.includes(kind))
  if (forbidden !== undefined) return `${short(lead.path)} belongs to ${forbidden}, which no rule names`
  return leadsTo === undefined ? `where ${short(lead.path)} leads cannot be found out` : undefined
}

const aboutOf = ({ params }: Request<"fileChange">): About => ({
  threadId: params.threadId,
  turnId: params.turnId,
  cwd: undefined,
  reason: params.reason ?? undefined,
  proposesExecpolicy: undefined
})

const changesOf = ({ item, params }: Request<"fileChange">): ReadonlyArray<Change> | undefined => {
  if (item?.type !== "fileChange" || item.status !== "inProgress") return undefined
  const changes = item.changes.flatMap(({ kind, path }): ReadonlyArray<Change> => {
    if (kind.type === "unknown") return [{ path, change: undefined }]
    if (kind.type !== "update" || kind.move_path == null) return [{ path, change: kind.type }]
    return [
      { path, change: "move" },
      { path: kind.move_path, change: "move" }
    ]
  })
  // The root is listed last, so that a change of nothing stays one.
  return changes.length === 0 || params.grantRoot == null
    ? changes
    : [...changes, { path: params.grantRoot, change: "grant" }]
}

const compileMatch = (when: FileChangeCondition, sure: boolean): ((change: Change, grantsRoot: boolean) => boolean) => {
  const regex = regexOf(when.pathRegex, sure)
  const folders = listOf(when.pathsWithin)
  const { changes, protectedFiles } = when
  // A rule for commands in the place of one for files.
  const never = when.commandRegex !== undefined || when.cwdWithin !== undefined
  // The model's own words alone show nothing.
  const blind = sure && Object.keys(when).length > 0 && Object.keys(when).every((key) => key === "reasonRegex")
  return ({ change, path }, grantsRoot) => {
    const normal = PathWithin.normalize(path)
    if (never || blind) return false
    if (when.grantRootPresent !== undefined && when.grantRootPresent !== grantsRoot) return false
    if (normal === undefined) return !sure
    const belongsTo = protectedBy(normal)
    if (folders !== undefined && !isWithinSome(normal, folders)) return false
    if (regex !== undefined && !regex(normal)) return false
    if (!sure) {
      return (
        (changes === undefined || change === undefined || (change !== "grant" && changes.includes(change))) &&
        (protectedFiles === undefined || belongsTo.some((kind) => protectedFiles.includes(kind)))
      )
    }
    if (change === undefined || (grantsRoot && when.grantRootPresent !== true)) return false
    if (changes !== undefined && change !== "grant" && !changes.includes(change)) return false
    return belongsTo.every((kind) => protectedFiles?.includes(kind) === true)
  }
}
