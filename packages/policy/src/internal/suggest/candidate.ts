/**
 * Past decisions, the lines in them, and candidates for rules that decide the same.
 *
 * The room knows past decisions, and turns them into rules that are as narrow as possible. It must not decide a request: to
 * find out whether a rule decides as before, it asks the rules themselves.
 */
import type { RecordedRequest } from "@effect-codex/core/Transcript"
import type { CommandRule, FileChangeRule, McpToolRule, ToolCallRule } from "../../Rule.ts"

/** A request and its outcome. */
export interface Decided {
  readonly request: RecordedRequest["request"]
  readonly verdict: "accepted" | "refused"
  /** The reason given with the decision. A rule that declines takes it over if all its lines have the same one. */
  readonly reason?: string | undefined
  /** Whether a rule may be based on it. If not, it only limits the rules. Default: true. */
  readonly isEvidence?: boolean | undefined
}

/** A command, file or tool, and the decisions on it that a rule is based on. */
export interface Line<D> {
  /** A command, a file, or a tool after its server or namespace. */
  readonly subject: string
  /** Whether it is one part of a longer command, or one file of several. */
  readonly isPart: boolean
  readonly decisions: ReadonlyArray<D>
}

/** A rule without a name. */
export type Rule =
  | { readonly list: "commandRules"; readonly rule: CommandRule }
  | { readonly list: "fileChangeRules"; readonly rule: FileChangeRule }
  | { readonly list: "toolCallRules"; readonly rule: ToolCallRule }
  | { readonly list: "mcpToolRules"; readonly rule: McpToolRule }

/** A candidate for a suggested rule. */
export interface Candidate<D> {
  readonly suggested: Rule
  readonly name: string
  readonly accepts: boolean
  readonly lines: ReadonlyArray<Line<D>>
  /** Descriptions of what else it matches. */
  readonly alsoMatches: ReadonlyArray<string>
  /** Narrower rules, in case this one matches too much. Together they cover the same lines. */
  readonly narrower: ReadonlyArray<Candidate<D>>
}

/** The candidates, and the decisions that no rule can express, each with the reason. */
export interface Found<D> {
  readonly candidates: ReadonlyArray<Candidate<D>>
  readonly left: ReadonlyMap<D, string>
}

/** Groups values by a key, in the order in which each key first occurs. */
export const groupBy = <A>(all: ReadonlyArray<A>, keyOf: (one: A) => string): ReadonlyArray<ReadonlyArray<A>> => {
  const groups = new Map<string, Array<A>>()
  for (const one of all) {
    const key = keyOf(one)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [one])
    else group.push(one)
  }
  return [...groups.values()]
}

/** The folders that do not lie in another one of the list. */
export const outermost = (
  folders: ReadonlyArray<string>,
  isWithin: (path: string, folder: string) => boolean
): ReadonlyArray<string> => {
  const all = [...new Set(folders)]
  return all.filter((one) => all.every((other) => other === one || !isWithin(one, other))).toSorted()
}
