/**
 * Suggests a rubric from earlier decisions: the narrowest rules that reproduce which requests were accepted and refused.
 *
 * A rule never covers more than a program with its subcommand, a folder of files, or a tool. No accept rule matches a refused
 * request, and no decline rule matches an accepted one. This module reads no recordings and writes no files; a person should
 * review and edit each suggestion.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Display from "@effect-codex/core/Display"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Predicate from "effect/Predicate"
import * as CommandPolicy from "./internal/command/policy.ts"
import { problemOf } from "./internal/files/demand.ts"
import { isWithin, walker as startWalking } from "./internal/files/path.ts"
import * as FilePolicy from "./internal/files/policy.ts"
import { conclude } from "./internal/rubric/conclude.ts"
import { listOf } from "./internal/rubric/condition.ts"
import * as ToolPolicy from "./internal/rubric/toolPolicy.ts"
import * as Candidate from "./internal/suggest/candidate.ts"
import type { Decided, Line } from "./internal/suggest/candidate.ts"
import { commandCandidates } from "./internal/suggest/commands.ts"
import { fileCandidates, mcpCandidates, toolCandidates } from "./internal/suggest/others.ts"
import type { PolicyRubric } from "./Rubric.ts"

export type {
  /** A request, as returned by `Transcript.requests` for a recording, and whether it was accepted. */
  Decided,
  /** The decisions that support a rule. */
  Line
} from "./internal/suggest/candidate.ts"

/**
 * A suggested rule, the decisions that support it, and its other effects.
 *
 * @category models
 * @since 0.1.0
 */
export interface SuggestedRule<D> {
  /** The path of the rule in the rubric, such as `commandRules[2]`. */
  readonly path: string
  readonly name: string
  readonly decision: "accept" | "decline"
  readonly lines: ReadonlyArray<Line<D>>
  /** Descriptions of other requests that the rule matches. */
  readonly alsoMatches: ReadonlyArray<string>
}

/**
 * A suggested rubric in the `strict` mode, and the reasons for its rules.
 *
 * @category models
 * @since 0.1.0
 */
export interface Suggestion<D> {
  readonly rubric: PolicyRubric
  readonly rules: ReadonlyArray<SuggestedRule<D>>
  /** The decisions that no rule reproduces, and the reason. */
  readonly left: ReadonlyArray<{ readonly decision: D; readonly reason: string }>
}

type Verdict = "accepted" | "refused" | undefined

interface Judged {
  readonly verdict: Verdict
  /** The numbers of the rules that decided. */
  readonly by: ReadonlyArray<number>
  /** Whether the verdict also holds with the current links and files. */
  readonly holds: boolean
}

type Asked = Decided["request"]

const verdictOf = (decision: unknown): Verdict => {
  if (decision === undefined) return undefined
  const word = Predicate.isReadonlyObject(decision) ? decision["action"] : decision
  return word === "accept" ? "accepted" : "refused"
}

const rulesOf = (suggested: ReadonlyArray<Candidate.Rule>, nameOf: (index: number) => string) => ({
  commandRules: suggested.flatMap((one, index) =>
    one.list === "commandRules" ? [{ name: nameOf(index), ...one.rule }] : []
  ),
  fileChangeRules: suggested.flatMap((one, index) =>
    one.list === "fileChangeRules" ? [{ name: nameOf(index), ...one.rule }] : []
  ),
  toolCallRules: suggested.flatMap((one, index) =>
    one.list === "toolCallRules" ? [{ name: nameOf(index), ...one.rule }] : []
  ),
  mcpToolRules: suggested.flatMap((one, index) =>
    one.list === "mcpToolRules" ? [{ name: nameOf(index), ...one.rule }] : []
  )
})

// Evaluates the candidate rules on a request.
const engineOf = (candidates: ReadonlyArray<{ readonly suggested: Candidate.Rule }>) => {
  const rules = rulesOf(
    candidates.map(({ suggested }) => suggested),
    String
  )
  const nobody = { decision: undefined, by: "" }
  const command = CommandPolicy.compile(rules.commandRules, [], { _tag: "Abstain" })
  const fileChange = FilePolicy.compile(rules.fileChangeRules, nobody)
  const toolCall = ToolPolicy.compileToolCall(rules.toolCallRules, nobody)
  const mcpTool = ToolPolicy.compileMcpTool(rules.mcpToolRules, nobody)
  const judged = (
    found: { readonly decision?: unknown; readonly by: string } | undefined,
    problem?: string | undefined
  ): Judged => ({
    verdict: verdictOf(found?.decision),
    by: (found?.by ?? "").split(", ").flatMap((name) => (name === "" ? [] : [Number(name)])),
    holds: problem === undefined
  })
  return Effect.fnUntraced(function* (request: Asked): Effect.fn.Return<Judged, never, FileSystem.FileSystem> {
    switch (request.kind) {
      case "command": {
        if (request.params.kind === "humanCommand") return judged(undefined)
        const evaluation = yield* command(request.params)
        const found = conclude(request.params, evaluation)
        return judged(found, yield* problemOf(found.conditions, evaluation.walker))
      }
      case "fileChange": {
        const found = yield* fileChange(request)
        return judged(found, yield* problemOf(found.conditions, yield* startWalking))
      }
      case "toolCall":
        return judged(toolCall(request.params))
      case "elicitation":
        return judged(mcpTool(request.params))
      default:
        return judged(undefined)
    }
  })
}

// The key of a request. Requests with the same key cannot be distinguished by a rule.
const keyOf = ({ item, kind, params }: Asked): string =>
  JSON.stringify([
    kind,
    { ...params, threadId: "", turnId: "", itemId: "", startedAtMs: 0, reason: null },
    item?.type === "fileChange" ? item.changes : null
  ])

const judgeAll = <D extends Decided>(
  candidates: ReadonlyArray<Candidate.Candidate<D>>,
  decisions: ReadonlyArray<readonly [key: string, D]>
) => {
  const judge = engineOf(candidates)
  const known = new Map<string, Judged>()
  return Effect.forEach(decisions, ([key, decision]) => {
    const found = known.get(key)
    return found === undefined
      ? Effect.tap(judge(decision.request), (judged) => Effect.sync(() => known.set(key, judged)))
      : Effect.succeed(found)
  })
}

const countOf = ({ lines }: Candidate.Candidate<unknown>): number =>
  lines.reduce((sum, { decisions }) => sum + decisions.length, 0)

// Chooses which of the rules that decided a request differently than before to narrow or drop: every rule that can be narrowed,
// or else the one with the least evidence.
const giveUp = <D>(
  candidates: ReadonlyArray<Candidate.Candidate<D>>,
  by: ReadonlyArray<number>
): ReadonlyArray<number> => {
  const found = by.flatMap((index) => {
    const candidate = candidates[index]
    return candidate === undefined ? [] : [{ index, candidate }]
  })
  const wide = found.filter(({ candidate }) => candidate.narrower.length > 0)
  if (wide.length > 0) return wide.map(({ index }) => index)
  const [least] = found.toSorted((one, other) => countOf(one.candidate) - countOf(other.candidate))
  return least === undefined ? [] : [least.index]
}

const without = <D>(
  candidates: ReadonlyArray<Candidate.Candidate<D>>,
  wrong: ReadonlySet<number>
): ReadonlyArray<Candidate.Candidate<D>> =>
  candidates.flatMap((candidate, index) => (wrong.has(index) ? candidate.narrower : [candidate]))

const settle = Effect.fnUntraced(function* <D extends Decided>(
  all: ReadonlyArray<Candidate.Candidate<D>>,
  decisions: ReadonlyArray<readonly [key: string, D]>
) {
  let refusing = all.filter(({ accepts }) => !accepts)
  let accepting = all.filter(({ accepts }) => accepts)
  for (;;) {
    const refused = yield* judgeAll(refusing, decisions)
    const accepted = yield* judgeAll(accepting, decisions)
    const wrongToRefuse = new Set<number>()
    const wrongToAccept = new Set<number>()
    const useful = { refusing: new Set<number>(), accepting: new Set<number>() }
    const same = new Set<D>()
    for (const [index, [, decision]] of decisions.entries()) {
      const { by: refusers = [], verdict: refusal } = refused[index] ?? {}
      const { by: accepters = [], holds = false, verdict: acceptance } = accepted[index] ?? {}
      const isRefused = refusal === "refused" && refusers.length > 0
      if (decision.verdict === "refused") {
        if (acceptance === "accepted") for (const one of giveUp(accepting, accepters)) wrongToAccept.add(one)
        if (!isRefused || decision.isEvidence === false) continue
        same.add(decision)
        for (const one of refusers) useful.refusing.add(one)
      } else {
        if (isRefused) for (const one of giveUp(refusing, refusers)) wrongToRefuse.add(one)
        if (isRefused || acceptance !== "accepted" || !holds || decision.isEvidence === false) continue
        same.add(decision)
        for (const one of accepters) useful.accepting.add(one)
      }
    }
    if (wrongToRefuse.size + wrongToAccept.size === 0) {
      const isUnused = (used: ReadonlySet<number>) => (_: unknown, index: number) => !used.has(index)
      // A rule that misses its own lines is too wide, or has no effect.
      const missesLines = ({ lines, narrower }: Candidate.Candidate<D>) =>
        narrower.length > 0 && lines.some(({ decisions }) => decisions.some((decision) => !same.has(decision)))
      const indexesOf = (
        candidates: ReadonlyArray<Candidate.Candidate<D>>,
        is: (candidate: Candidate.Candidate<D>, index: number) => boolean
      ) => candidates.flatMap((candidate, index) => (is(candidate, index) ? [index] : []))
      for (const index of indexesOf(refusing, missesLines)) wrongToRefuse.add(index)
      for (const index of indexesOf(accepting, missesLines)) wrongToAccept.add(index)
      if (wrongToRefuse.size + wrongToAccept.size === 0) {
        const unusedToRefuse = new Set(indexesOf(refusing, isUnused(useful.refusing)))
        const unusedToAccept = new Set(indexesOf(accepting, isUnused(useful.accepting)))
        const used = (some: ReadonlyArray<Candidate.Candidate<D>>, unused: ReadonlySet<number>) =>
          some.filter((_, index) => !unused.has(index))
        return { candidates: [...used(refusing, unusedToRefuse), ...used(accepting, unusedToAccept)], same }
      }
    }
    refusing = [...without(refusing, wrongToRefuse)]
    accepting = [...without(accepting, wrongToAccept)]
  }
})

const maxName = 60

const namesOf = (names: ReadonlyArray<string>): ReadonlyArray<string> => {
  const taken = new Set<string>()
  return names.map((name) => {
    // Verdicts list names separated by commas.
    const short = Display.line(name.replaceAll(/[\s,]+/g, " ").trim(), { max: maxName }) || "rule"
    let own = short
    for (let number = 2; taken.has(own); number++) own = `${short} (${number})`
    taken.add(own)
    return own
  })
}

const boundedBy = (roots: ReadonlyArray<string>, suggested: Candidate.Rule): Candidate.Rule => {
  if (suggested.list !== "commandRules") return suggested
  const { cwdWithin, ...when } = suggested.rule.when ?? {}
  const isSame = Array.isArray(cwdWithin) && cwdWithin.join("\0") === roots.join("\0")
  return isSame ? { ...suggested, rule: { ...suggested.rule, when } } : suggested
}

/**
 * Suggests the narrowest rules that would have made the same decisions.
 *
 * **Details**
 *
 * A command becomes a rule for its program with exactly its arguments. Several commands with the same program and subcommand
 * become one rule if they differ only in paths and flags, or if all of them were refused. A file becomes a rule for that file,
 * or for its folder if several files were accepted there. Decisions on permissions and questions, and contradictory decisions,
 * are left to a person.
 *
 * Folders in the rubric are absolute. Links are followed in their current state, only to omit rules that would not hold.
 *
 * @category constructors
 * @since 0.1.0
 */
export const suggest: <D extends Decided>(
  decisions: ReadonlyArray<D>
) => Effect.Effect<Suggestion<D>, never, FileSystem.FileSystem> = Effect.fn("RubricSuggestion.suggest")(function* <
  D extends Decided
>(decisions: ReadonlyArray<D>) {
  const evidence = decisions.filter(({ isEvidence }) => isEvidence !== false)
  const commands = evidence.flatMap((decision) =>
    decision.request.kind === "command" ? [[decision, decision.request.params] as const] : []
  )
  const found: ReadonlyArray<Candidate.Found<D>> = [
    yield* commandCandidates(commands, yield* startWalking),
    fileCandidates(
      evidence.flatMap((decision) =>
        decision.request.kind === "fileChange" ? [[decision, decision.request] as const] : []
      )
    ),
    toolCandidates(
      evidence.flatMap((decision) =>
        decision.request.kind === "toolCall" ? [[decision, decision.request.params] as const] : []
      )
    ),
    mcpCandidates(
      evidence.flatMap((decision) =>
        decision.request.kind === "elicitation" ? [[decision, decision.request.params] as const] : []
      )
    )
  ]
  const keyed = decisions.map((decision) => [keyOf(decision.request), decision] as const)
  const { candidates, same } = yield* settle(
    found.flatMap(({ candidates }) => candidates),
    keyed
  )
  const roots = Candidate.outermost(
    candidates.flatMap(({ accepts, suggested }) =>
      accepts && suggested.list === "commandRules" ? (listOf(suggested.rule.when?.cwdWithin) ?? []) : []
    ),
    isWithin
  )
  const names = namesOf(candidates.map(({ name }) => name))
  const rules = rulesOf(
    candidates.map(({ suggested }) => boundedBy(roots, suggested)),
    (index) => names[index] ?? ""
  )
  const places = new Map<Candidate.Rule["list"], number>()
  const described = candidates.map(({ accepts, alsoMatches, lines, suggested }, index): SuggestedRule<D> => {
    const at = places.get(suggested.list) ?? 0
    places.set(suggested.list, at + 1)
    return {
      path: `${suggested.list}[${at}]`,
      name: names[index] ?? "",
      decision: accepts ? "accept" : "decline",
      lines,
      alsoMatches
    }
  })
  const verdicts = new Map<string, Set<string>>()
  for (const [key, { verdict }] of keyed) verdicts.set(key, (verdicts.get(key) ?? new Set()).add(verdict))
  const reasonOf = (decision: D): string =>
    (verdicts.get(keyOf(decision.request))?.size ?? 0) > 1
      ? "it was accepted and refused"
      : (found.flatMap(({ left }) => left.get(decision) ?? [])[0] ??
        (decision.request.kind === "permissions" || decision.request.kind === "userInput"
          ? "a person has to decide on it"
          : "no rule says it alone, or without contradicting another decision"))
  const suggestion: Suggestion<D> = {
    rubric: {
      mode: "strict",
      ...(roots.length === 0 ? {} : { allowedRoots: roots }),
      ...Object.fromEntries(Object.entries(rules).filter(([, list]) => list.length > 0))
    },
    rules: described,
    left: evidence.flatMap((decision) => (same.has(decision) ? [] : [{ decision, reason: reasonOf(decision) }]))
  }
  return suggestion
})
