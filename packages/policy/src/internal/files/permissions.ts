/**
 * Applies the rules of a rubric to requests for more permissions. A request is granted as a whole, and only if one rule covers
 * everything in it.
 */
import type { Params } from "@effect-codex/core/PolicyEngine"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type { PermissionsCondition, PermissionsDecision, PermissionsRule } from "../../Rule.ts"
import { type About, allWithin, compileCommon, listOf } from "../rubric/condition.ts"
import { ordered } from "../rubric/ordered.ts"
import type { Demand } from "./demand.ts"
import { walker as startWalking } from "./path.ts"
import { lookUp, type Places } from "./places.ts"
import { protectedByName } from "./protectedFiles.ts"

export interface PermissionsConclusion {
  /** `undefined` abstains. */
  readonly decision: PermissionsDecision | undefined
  readonly by: string
  readonly reason: string | undefined
  readonly conditions: ReadonlyArray<Demand>
}

interface Asked {
  readonly read: ReadonlyArray<string>
  readonly write: ReadonlyArray<string>
  readonly network: boolean
  /** Whether the three fields above cover the whole request. Patterns and special folders are not in them. */
  readonly complete: boolean
}

export const compile = (
  rules: ReadonlyArray<PermissionsRule> | undefined,
  fallback: { readonly decision: "decline" | undefined; readonly by: string }
): ((params: Params["permissions"]) => Effect.Effect<PermissionsConclusion, never, FileSystem.FileSystem>) => {
  const compiled = ordered(rules, "permissionsRules").map((rule) => {
    const decision = rule.decision ?? fallback.decision
    const sure = decision !== "decline"
    const when = rule.when ?? {}
    return { rule, decision, common: compileCommon(when, sure), matches: sure ? surely(when) : possibly(when), when }
  })
  const folders = compiled.flatMap(({ decision, when }) =>
    decision === "decline" ? [when.readWithin, when.writeWithin].flatMap((some) => listOf(some) ?? []) : []
  )
  return Effect.fnUntraced(function* (params) {
    const about = getSubject(params)
    const asked = askedFor(params)
    const places = yield* lookUp(
      folders,
      folders.length === 0 ? [] : [...asked.read, ...asked.write],
      yield* startWalking
    )
    for (const { common, decision, matches, rule, when } of compiled) {
      if (when.commandRegex !== undefined || !common(about)) continue
      const within = listOf(when.cwdWithin)
      const inCwd = within === undefined ? [] : allWithin([params.cwd], within)
      const conditions = inCwd === undefined ? undefined : matches(asked, places)
      if (inCwd === undefined || conditions === undefined) continue
      return { decision, by: rule.name, reason: rule.reason, conditions: [...inCwd, ...conditions] }
    }
    return { decision: fallback.decision, by: fallback.by, reason: undefined, conditions: [] }
  })
}

const getSubject = (params: Params["permissions"]): About => ({
  threadId: params.threadId,
  turnId: params.turnId,
  cwd: params.cwd,
  reason: params.reason ?? undefined,
  proposesExecpolicy: undefined
})

const askedFor = ({ permissions: { fileSystem, network } }: Params["permissions"]): Asked => {
  const entries = fileSystem?.entries ?? []
  const pathsWith = (access: "read" | "write") =>
    entries.flatMap((entry) => (entry.access === access && entry.path.type === "path" ? [entry.path.path] : []))
  return {
    read: [...(fileSystem?.read ?? []), ...pathsWith("read")],
    write: [...(fileSystem?.write ?? []), ...pathsWith("write")],
    network: network?.enabled === true,
    complete: entries.every(({ access, path }) => path.type === "path" && (access === "read" || access === "write"))
  }
}

type Matches = (asked: Asked, places: Places) => ReadonlyArray<Demand> | undefined

const surely = (when: PermissionsCondition): Matches => {
  const readWithin = listOf(when.readWithin) ?? []
  const writeWithin = listOf(when.writeWithin) ?? []
  const mayBe = when.protectedFiles ?? []
  return ({ complete, network, read, write }) => {
    if (!complete || (network && when.network !== true)) return undefined
    if (!network && read.length === 0 && write.length === 0) return undefined
    if (!write.every((path) => protectedByName(path).every((kind) => mayBe.includes(kind)))) return undefined
    const readable = allWithin(read, [...readWithin, ...writeWithin])
    const writable = allWithin(write, writeWithin)
    return readable === undefined || writable === undefined
      ? undefined
      : [...readable, ...writable.map((demand) => ({ ...demand, mayBe }))]
  }
}

const possibly = (when: PermissionsCondition): Matches => {
  const readWithin = listOf(when.readWithin)
  const writeWithin = listOf(when.writeWithin)
  const { protectedFiles } = when
  return ({ complete, network, read, write }, places) => {
    // A grant of a folder includes everything below it.
    const some = (paths: ReadonlyArray<string>, folders: ReadonlyArray<string> | undefined) =>
      folders === undefined ||
      !complete ||
      paths.some((path) => places.isPossiblyWithin(path, folders) || places.mayContain(path, folders))
    return some([...read, ...write], readWithin) &&
      some(write, writeWithin) &&
      (protectedFiles === undefined ||
        !complete ||
        write.some((path) => protectedByName(path).some((kind) => protectedFiles.includes(kind)))) &&
      (when.network === undefined || when.network === network)
      ? []
      : undefined
  }
}
