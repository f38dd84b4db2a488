/**
 * Decisions of the past, the lines in them, and rules that might say the same.
 *
 * The room knows decisions of the past, and turns them into rules as narrow as they can be. It must not decide a request: whether
 * a rule says what was decided is asked of the rules themselves.
 */
import type { RecordedRequest } from "@effect-codex/core/Transcript"
import type { CommandRule, FileChangeRule, McpToolRule, ToolCallRule } from "../../Rule.ts"

/** A request, and what came of it. */
export interface Decided {
  readonly request: RecordedRequest["request"]
  readonly verdict: "accepted" | "refused"
  /** Told beside the decision. A rule that declines has it if all its lines do. */
  readonly reason?: string | undefined
  /** Whether a rule may stand on it. If not, it only limits the rules. Default: true. */
  readonly isEvidence?: boolean | undefined
}

/** Decisions that a rule stands on. */
export interface Line<D> {
  /** A command, a file, or a tool behind its server or namespace. */
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

/** A rule that might be suggested. */
export interface Candidate<D> {
  readonly suggested: Rule
  readonly name: string
  readonly accepts: boolean
  readonly lines: ReadonlyArray<Line<D>>
  /** Its other matches, in words. */
  readonly alsoMatches: ReadonlyArray<string>
  /** Rules that say less, for the case that this one says too much. Together they have the same lines. */
  readonly narrower: ReadonlyArray<Candidate<D>>
}

/** Rules that decisions may become, and decisions that no rule can say. */
export interface Found<D> {
  readonly candidates: ReadonlyArray<Candidate<D>>
  readonly left: ReadonlyMap<D, string>
}

/** Things by a key, in the order in which the first of each came. */
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

/** The folders of these that lie in no other one of them. */
export const outermost = (
  folders: ReadonlyArray<string>,
  isWithin: (path: string, folder: string) => boolean
): ReadonlyArray<string> => {
  const all = [...new Set(folders)]
  return all.filter((one) => all.every((other) => other === one || !isWithin(one, other))).toSorted()
}
