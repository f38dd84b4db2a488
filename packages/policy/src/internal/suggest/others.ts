/**
 * Candidates for rules about file changes and tool calls.
 *
 * A line is a file, or a tool with its server or namespace. Several files of one folder become one rule if their changes were
 * accepted.
 */
import type { Params, Request } from "@effect-codex/core/PolicyEngine"
import { isWithin, normalize } from "../files/path.ts"
import { claimOf } from "../rubric/toolPolicy.ts"
import { type Candidate, type Decided, type Found, groupBy, type Rule } from "./candidate.ts"

type Change = "add" | "update" | "move" | "delete"

interface Changed<D> {
  readonly path: string
  readonly change: Change
  readonly isPart: boolean
  readonly decision: D
}

const changesOf = <D>(decision: D, { item, params }: Request<"fileChange">): ReadonlyArray<Changed<D>> | string => {
  if (params.grantRoot != null) return "it asks to write for the rest of the session"
  if (item?.type !== "fileChange") return "the change is not known"
  const found = item.changes.flatMap(({ kind, path }): ReadonlyArray<readonly [string, Change | undefined]> => {
    if (kind.type === "unknown") return [[path, undefined]]
    if (kind.type !== "update" || kind.move_path == null) return [[path, kind.type]]
    return [
      [path, "move"],
      [kind.move_path, "move"]
    ]
  })
  const isPart = found.length > 1
  const changes = found.flatMap(([name, change]) => {
    const path = normalize(name)
    return path === undefined || change === undefined ? [] : [{ path, change, isPart, decision }]
  })
  return changes.length === 0 || changes.length < found.length ? "the change is not known" : changes
}

const fileRule = <D extends Decided>(
  group: ReadonlyArray<Changed<D>>,
  folder: string,
  accepts: boolean,
  narrower: ReadonlyArray<Candidate<D>>
): Candidate<D> => {
  const changes = [...new Set(group.map(({ change }) => change))].toSorted()
  const isWide = narrower.length > 0
  return {
    suggested: {
      list: "fileChangeRules",
      rule: accepts
        ? { when: { pathsWithin: [folder], changes }, decision: "accept" }
        : { when: { pathsWithin: [folder] }, decision: "decline" }
    },
    name: `${accepts ? "change" : "do not change"} ${folder}`,
    accepts,
    lines: groupBy(group, ({ isPart, path }) => JSON.stringify([path, isPart])).flatMap((same) => {
      const [first] = same
      const decisions = [...new Set(same.map(({ decision }) => decision))]
      return first === undefined ? [] : [{ subject: first.path, isPart: first.isPart, decisions }]
    }),
    alsoMatches: [
      ...(isWide ? [`any other file in ${folder} and below`] : []),
      accepts ? `any content, by ${changes.join(", ")}` : "any change of it"
    ],
    narrower
  }
}

/** Candidates for the file changes that were decided. */
export const fileCandidates = <D extends Decided>(
  decisions: ReadonlyArray<readonly [D, Request<"fileChange">]>
): Found<D> => {
  const left = new Map<D, string>()
  const accepted: Array<Changed<D>> = []
  const refused: Array<ReadonlyArray<Changed<D>>> = []
  for (const [decision, request] of decisions) {
    const found = changesOf(decision, request)
    if (typeof found === "string") left.set(decision, found)
    else if (decision.verdict === "accepted") accepted.push(...found)
    else refused.push(found)
  }
  const known = new Set(accepted.map(({ path }) => path))
  const blamed = refused.flatMap((changes) => {
    const suspects = changes.length === 1 ? changes : changes.filter(({ path }) => !known.has(path))
    if (new Set(suspects.map(({ path }) => path)).size === 1) return suspects
    for (const { decision } of changes) left.set(decision, "it is not certain which file was refused")
    return []
  })
  const exact = (changes: ReadonlyArray<Changed<D>>, accepts: boolean) =>
    groupBy(changes, ({ path }) => path).flatMap((group) =>
      group[0] === undefined ? [] : [fileRule(group, group[0].path, accepts, [])]
    )
  const parentOf = (path: string) => path.slice(0, path.lastIndexOf("/"))
  const inFolders = groupBy(accepted, ({ path }) => parentOf(path))
    .toSorted(([a], [b]) => (a?.path.split("/").length ?? 0) - (b?.path.split("/").length ?? 0))
    .flatMap((group): ReadonlyArray<Candidate<D>> => {
      const narrower = exact(group, true)
      const folder = parentOf(group[0]?.path ?? "")
      const isWide = narrower.length > 1 && folder !== "" && isWithin(folder, "/")
      return isWide ? [fileRule(group, folder, true, narrower)] : narrower
    })
  return { candidates: [...exact(blamed, false), ...inFolders], left }
}

const toolRules = <D extends Decided>(
  tools: ReadonlyArray<{
    readonly subject: string
    readonly suggested: Rule
    readonly also: string
    readonly decision: D
  }>
): ReadonlyArray<Candidate<D>> =>
  groupBy(tools, ({ decision, subject }) => JSON.stringify([decision.verdict, subject])).flatMap((group) => {
    const [first] = group
    if (first === undefined) return []
    const { also, decision, subject, suggested } = first
    const decisions = [...new Set(group.map(({ decision }) => decision))]
    const accepts = decision.verdict === "accepted"
    return [
      {
        suggested,
        name: accepts ? subject : `no ${subject}`,
        accepts,
        lines: [{ subject, isPart: false, decisions }],
        alsoMatches: [also],
        narrower: []
      }
    ]
  })

/** Candidates for the calls of the program's own tools that were decided. */
export const toolCandidates = <D extends Decided>(
  decisions: ReadonlyArray<readonly [D, Params["toolCall"]]>
): Found<D> => {
  const left = new Map<D, string>()
  const tools = decisions.flatMap(([decision, { namespace, tool }]) => {
    if (tool === "" || namespace === "") {
      left.set(decision, "the tool has no name")
      return []
    }
    const suggested: Rule = {
      list: "toolCallRules",
      rule: {
        when: { tool, ...(namespace == null ? {} : { namespace }) },
        decision: decision.verdict === "accepted" ? "accept" : "decline"
      }
    }
    const also = namespace == null ? "any arguments, and the tool of this name in any namespace" : "any arguments"
    return [{ subject: namespace == null ? tool : `${namespace} ${tool}`, suggested, also, decision }]
  })
  return { candidates: toolRules(tools), left }
}

const literally = (text: string): string => `^${text.replaceAll(/[\\^$.|?*+()[\]{}]/g, String.raw`\$&`)}$`

/** Candidates for the approvals of MCP tools that were decided. */
export const mcpCandidates = <D extends Decided>(
  decisions: ReadonlyArray<readonly [D, Params["elicitation"]]>
): Found<D> => {
  const left = new Map<D, string>()
  const tools = decisions.flatMap(([decision, params]) => {
    const tool = claimOf(params)?.tool
    if (tool === undefined || params.serverName === "") {
      left.set(decision, "it is a question, and not the approval of a tool")
      return []
    }
    const suggested: Rule = {
      list: "mcpToolRules",
      rule: {
        when: { server: params.serverName, claimedToolRegex: literally(tool) },
        decision: decision.verdict === "accepted" ? "accept" : "decline"
      }
    }
    const also = "any arguments, and whatever the server calls by this name"
    return [{ subject: `${params.serverName} ${tool}`, suggested, also, decision }]
  })
  return { candidates: toolRules(tools), left }
}
