/**
 * Applies the rules of a rubric to a file change.
 *
 * Each path gets the decision of the first rule that matches it. A single declined path declines the whole change; it is
 * accepted only if every path is accepted. The paths come from the item of the request, since the request itself has none.
 *
 * The room knows paths, links, protected files and permissions. It must not know commands or shells, and it decides only what
 * its rules say.
 */
import type { Request } from "@effect-codex/core/PolicyEngine"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type { FileChangeCondition, FileChangeDecision, FileChangeRule, ProtectedFiles } from "../../Rule.ts"
import { type About, compileCommon, isWithinSome, listOf, regexOf } from "../rubric/condition.ts"
import { ordered } from "../rubric/ordered.ts"
import type { Demand } from "./demand.ts"
import { isPossiblyWithin, mayContain, type Place, walker as startWalking } from "./path.ts"
import { protectedBy, protectedByName } from "./protectedFiles.ts"

export interface FileConclusion {
  /** `undefined`: some path was not decided on, and none was declined. */
  readonly decision: FileChangeDecision | undefined
  readonly by: string
  readonly reason: string | undefined
  /** The demands on the file system. If one does not hold, the change is declined. */
  readonly conditions: ReadonlyArray<Demand>
}

export interface FileFallback {
  /** `undefined` abstains. */
  readonly decision: FileChangeDecision | undefined
  readonly by: string
}

/** One path of a change, and its place in the file system. */
interface Change extends Named {
  readonly place: Place
  /** The protected files that it may be, by its name or its target. */
  readonly belongsTo: ReadonlyArray<ProtectedFiles>
}

interface Named {
  readonly path: string
  readonly change: "add" | "update" | "move" | "delete" | "grant" | undefined
}

interface Decided {
  readonly decision: FileChangeDecision | undefined
  readonly by: string
  readonly reason: string | undefined
  readonly condition: Demand
}

const isPermissive = (decision: FileChangeDecision | undefined): boolean =>
  decision === "accept" || decision === "acceptForSession"

export const compile = (
  rules: ReadonlyArray<FileChangeRule> | undefined,
  fallback: FileFallback
): ((request: Request<"fileChange">) => Effect.Effect<FileConclusion, never, FileSystem.FileSystem>) => {
  const compiled = ordered(rules, "fileChangeRules").map((rule) => {
    const decision = rule.decision ?? fallback.decision
    const sure = decision === undefined || isPermissive(decision)
    const when = rule.when ?? {}
    return { rule, decision, when, common: compileCommon(when, sure), matches: compileMatch(when, sure) }
  })
  const folders = [...new Set(compiled.flatMap(({ when }) => listOf(when.pathsWithin) ?? []))]
  return Effect.fnUntraced(function* (request) {
    const about = getSubject(request)
    const named = changesOf(request)
    if (named === undefined) return refusal(fallback.by, "the file change is not known")
    const walker = yield* startWalking
    const changes = yield* Effect.forEach(named, (change) =>
      Effect.gen(function* () {
        const place = yield* walker.placeOf(change.path)
        return { ...change, place, belongsTo: yield* protectedBy(place, walker) }
      })
    )
    const placeOf = new Map<string, Place>()
    for (const folder of folders) placeOf.set(folder, yield* walker.placeOf(folder))
    const applicable = compiled.filter(({ common }) => common(about))
    const decided = changes.map((change): Decided => {
      const found = applicable.find(({ matches }) => matches(change, request.params.grantRoot != null, placeOf))
      const decision = found === undefined ? fallback.decision : found.decision
      const by = found?.rule.name ?? fallback.by
      const condition: Demand = {
        path: change.path,
        folders: listOf(found?.when.pathsWithin),
        mayBe: found?.when.protectedFiles ?? [],
        certain: true
      }
      return isPermissive(decision) && found === undefined && change.change === "grant"
        ? { decision: "decline", by, reason: "no rule covers writing for the rest of the session", condition }
        : { decision, by, reason: found?.rule.reason, condition }
    })
    return conclude(decided, fallback)
  })
}

const refusal = (by: string, reason: string | undefined): FileConclusion => ({
  decision: "decline",
  by,
  reason,
  conditions: []
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
    return { decision: undefined, by, reason: undefined, conditions: [] }
  }
  const same = decided.every(({ decision }) => decision === first.decision)
  return {
    decision: same ? first.decision : "accept",
    by,
    reason: first.reason,
    conditions: decided.map(({ condition }) => condition)
  }
}

const getSubject = ({ params }: Request<"fileChange">): About => ({
  threadId: params.threadId,
  turnId: params.turnId,
  cwd: undefined,
  reason: params.reason ?? undefined,
  proposesExecpolicy: undefined
})

const changesOf = ({ item, params }: Request<"fileChange">): ReadonlyArray<Named> | undefined => {
  if (item?.type !== "fileChange" || item.status !== "inProgress") return undefined
  const changes = item.changes.flatMap(({ kind, path }): ReadonlyArray<Named> => {
    if (kind.type === "unknown") return [{ path, change: undefined }]
    if (kind.type !== "update" || kind.move_path == null) return [{ path, change: kind.type }]
    return [
      { path, change: "move" },
      { path: kind.move_path, change: "move" }
    ]
  })
  // The granted root comes last. It is added only to a change that has paths, so an empty change stays empty.
  return changes.length === 0 || params.grantRoot == null
    ? changes
    : [...changes, { path: params.grantRoot, change: "grant" }]
}

type Matches = (change: Change, grantsRoot: boolean, placeOf: ReadonlyMap<string, Place>) => boolean

const compileMatch = (when: FileChangeCondition, sure: boolean): Matches => {
  const regex = regexOf(when.pathRegex, sure)
  const folders = listOf(when.pathsWithin)
  const { changes, protectedFiles } = when
  // Conditions for commands make a rule for files invalid.
  const never = when.commandRegex !== undefined || when.cwdWithin !== undefined
  // The model's own words alone prove nothing.
  const matchesOnUntrustedOnly =
    sure && Object.keys(when).length > 0 && Object.keys(when).every((key) => key === "reasonRegex")
  const isGrantMet = (grantsRoot: boolean) =>
    when.grantRootPresent === undefined || when.grantRootPresent === grantsRoot
  if (never || matchesOnUntrustedOnly) return () => false
  if (sure) {
    return ({ change, place: { name } }, grantsRoot) =>
      name !== undefined &&
      isGrantMet(grantsRoot) &&
      (folders === undefined || isWithinSome(name, folders)) &&
      (regex === undefined || regex(name)) &&
      change !== undefined &&
      (!grantsRoot || when.grantRootPresent === true) &&
      (changes === undefined || change === "grant" || changes.includes(change)) &&
      protectedByName(name).every((kind) => protectedFiles?.includes(kind) === true)
  }
  return ({ belongsTo, change, place }, grantsRoot, placeOf) => {
    if (!isGrantMet(grantsRoot)) return false
    const { certain, locations, name } = place
    if (name === undefined) return true
    const outer = folders?.flatMap((folder) => placeOf.get(folder) ?? [])
    return (
      (outer === undefined ||
        isPossiblyWithin(place, outer) ||
        // A session grant, a move or a deletion of a folder includes everything below it.
        ((change === "grant" || change === "move" || change === "delete") && mayContain(place, outer))) &&
      (regex === undefined || !certain || [name, ...locations].some(regex)) &&
      (changes === undefined || change === undefined || (change !== "grant" && changes.includes(change))) &&
      (protectedFiles === undefined || !certain || belongsTo.some((kind) => protectedFiles.includes(kind)))
    )
  }
}
