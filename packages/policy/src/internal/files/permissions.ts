/**
 * What the rules of a rubric say about wider permissions. They are granted as asked for, and only where a rule speaks of all
 * that is asked for.
 */
import type { Params } from "@effect-codex/core/PolicyEngine"
import type { PermissionsCondition, PermissionsDecision, PermissionsRule } from "../../Rule.ts"
import { type About, allWithin, compileCommon, type InFolders, isWithinSome, listOf } from "../rubric/condition.ts"
import { ordered } from "../rubric/ordered.ts"

export interface PermissionsConclusion {
  /** `undefined` abstains. */
  readonly decision: PermissionsDecision | undefined
  readonly by: string
  readonly reason: string | undefined
  readonly conditions: ReadonlyArray<InFolders>
}

interface Asked {
  readonly read: ReadonlyArray<string>
  readonly write: ReadonlyArray<string>
  readonly network: boolean
  /** Whether the three above are all of it: patterns and special folders are not among them. */
  readonly complete: boolean
}

export const compile = (
  rules: ReadonlyArray<PermissionsRule> | undefined,
  fallback: { readonly decision: "decline" | undefined; readonly by: string }
): ((params: Params["permissions"]) => PermissionsConclusion) => {
  const compiled = ordered(rules, "permissionsRules").map((rule) => {
    const decision = rule.decision ?? fallback.decision
    const sure = decision !== "decline"
    const when = rule.when ?? {}
    return { rule, decision, common: compileCommon(when, sure), matches: sure ? surely(when) : possibly(when), when }
  })
  return (params) => {
    const about = aboutOf(params)
    const asked = askedFor(params)
    for (const { common, decision, matches, rule, when } of compiled) {
      if (when.commandRegex !== undefined || !common(about)) continue
      const folders = listOf(when.cwdWithin)
      const inCwd = folders === undefined ? [] : allWithin([params.cwd], folders)
      const conditions = inCwd === undefined ? undefined : matches(asked)
      if (inCwd === undefined || conditions === undefined) continue
      return { decision, by: rule.name, reason: rule.reason, conditions: [...inCwd, ...conditions] }
    }
    return { decision: fallback.decision, by: fallback.by, reason: undefined, conditions: [] }
  }
}

const aboutOf = (params: Params["permissions"]): About => ({
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

const surely = (when: PermissionsCondition) => {
  const readWithin = listOf(when.readWithin) ?? []
  const writeWithin = listOf(when.writeWithin) ?? []
  return ({ complete, network, read, write }: Asked): ReadonlyArray<InFolders> | undefined => {
    if (!complete || (network && when.network !== true)) return undefined
    if (!network && read.length === 0 && write.length === 0) return undefined
    const readable = allWithin(read, [...readWithin, ...writeWithin])
    const writable = allWithin(write, writeWithin)
    return readable === undefined || writable === undefined ? undefined : [...readable, ...writable]
  }
}

const possibly = (when: PermissionsCondition) => {
  const readWithin = listOf(when.readWithin)
  const writeWithin = listOf(when.writeWithin)
  return ({ complete, network, read, write }: Asked): ReadonlyArray<InFolders> | undefined => {
    const some = (paths: ReadonlyArray<string>, folders: ReadonlyArray<string> | undefined) =>
      folders === undefined || !complete || paths.some((path) => isWithinSome(path, folders))
    return some([...read, ...write], readWithin) &&
      some(write, writeWithin) &&
      (when.network === undefined || when.network === network)
      ? []
      : undefined
  }
}
