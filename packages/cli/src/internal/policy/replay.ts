/**
 * Judges the requests of recordings again.
 */
import type * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as Redaction from "@effect-codex/core/Redaction"
import * as Transcript from "@effect-codex/core/Transcript"
import type { PolicyRubric } from "@effect-codex/policy/Rubric"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"
import { open, unreadable } from "../recording/file.ts"
import { ask } from "./verdict.ts"

/** How a request ended, or would end. `judge`: the rules leave it to the judge. */
export type Verdict = "accepted" | "refused" | "judge" | "unanswered"

/** A request, judged anew. */
export interface Judged {
  readonly file: string
  readonly n: number
  readonly kind: PolicyEngine.Kind
  readonly subject: string
  readonly then: { readonly verdict: Verdict; readonly by?: string | undefined; readonly reason?: string | undefined }
  readonly now: { readonly verdict: Verdict; readonly by?: string | undefined; readonly reason?: string | undefined }
  readonly result: "same" | "flipped" | "undecidable" | "judge" | "unanswered"
}

const isFilled = (value: unknown): boolean =>
  Predicate.isReadonlyObject(value) && Object.values(value).some(Predicate.isNotNullish)

const isAccepting = (decision: unknown): boolean => {
  if (typeof decision === "string") return decision.startsWith("accept")
  if (!Predicate.isReadonlyObject(decision)) return false
  if ("applyNetworkPolicyAmendment" in decision) {
    return JSON.stringify(decision["applyNetworkPolicyAmendment"]).includes('"action":"allow"')
  }
  if ("action" in decision) return decision["action"] === "accept"
  if ("answers" in decision) return isFilled(decision["answers"])
  if ("permissions" in decision) return isFilled(decision["permissions"])
  return true
}

/** The decision on a request, as recorded. */
export const thenOf = ({ answer, by, decision, reason }: Transcript.RecordedRequest): Judged["then"] => {
  if (answer === undefined || decision === "withdrawn") return { verdict: "unanswered" }
  // Of such a decision, the word alone does not say whether it allows or denies.
  const told =
    decision === "applyNetworkPolicyAmendment" && Predicate.isReadonlyObject(answer) ? answer["decision"] : decision
  return { verdict: isAccepting(told ?? answer) ? "accepted" : "refused", by, reason }
}

const judge = (engine: PolicyEngine.Engine, hasJudge: boolean, request: Transcript.RecordedRequest["request"]) =>
  Effect.map(
    Effect.catch(ask(engine, request), ({ message }) =>
      Effect.succeed({ decision: "decline" as const, by: "the policy failed", reason: message })
    ),
    (verdict): Judged["now"] =>
      verdict === undefined
        ? { verdict: hasJudge ? "judge" : "refused" }
        : { verdict: isAccepting(verdict.decision) ? "accepted" : "refused", by: verdict.by, reason: verdict.reason }
  )

// Possible values of a redacted place, as different for a shell as possible.
const standIns = ["word", "/etc/passwd", "--force", "$(id)", "a; rm -rf /"]

const replaced = (value: unknown, standIn: string): unknown => {
  if (typeof value === "string") return value.replaceAll(Redaction.placeholder, standIn)
  if (Array.isArray(value)) return value.map((each: unknown) => replaced(each, standIn))
  if (!Predicate.isReadonlyObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, replaced(field, standIn)]))
}

const withStandIn = (entry: Transcript.Entry, standIn: string): Transcript.Entry =>
  "in" in entry ? { ...entry, in: replaced(entry.in, standIn) } : entry

/** A request, and what it might have been before redaction. */
export interface Found {
  readonly recorded: Transcript.RecordedRequest
  readonly variants: ReadonlyArray<Transcript.RecordedRequest>
}

// Finds the requests in a sequence of entries.
const makeFinder = () => {
  const own = Transcript.makeRequestFinder()
  const others = standIns.map((standIn) => ({ standIn, finder: Transcript.makeRequestFinder() }))
  const isHidden = ({ request }: Transcript.RecordedRequest) =>
    JSON.stringify([request.params, request.item]).includes(Redaction.placeholder)
  return {
    take: (entry: Transcript.Entry): ReadonlyArray<Found> => {
      const recorded = own.take(entry)
      const variants = others.flatMap(({ finder, standIn }) => finder.take(withStandIn(entry, standIn)) ?? [])
      return recorded === undefined ? [] : [{ recorded, variants: isHidden(recorded) ? variants : [] }]
    },
    rest: (): ReadonlyArray<Found> => own.rest().map((recorded) => ({ recorded, variants: [] }))
  }
}

/** The requests of a recording, each when its end is known. */
export const requestsIn = Effect.fnUntraced(function* (file: string) {
  const { entries } = yield* open(file)
  return yield* Stream.suspend(() => {
    const finder = makeFinder()
    const rest = Stream.suspend(() => Stream.fromIterable(finder.rest()))
    return Stream.concat(Stream.flattenIterable(Stream.map(entries, finder.take)), rest)
  }).pipe(Stream.runCollect, Effect.catch(unreadable(file)))
})

/** The subject of a request, on one line. */
const subjectOf = ({ item, kind, params }: Transcript.RecordedRequest["request"]): string => {
  if (kind === "command") return params.command ?? ""
  if (kind === "fileChange") return item?.type === "fileChange" ? item.changes.map(({ path }) => path).join(" ") : ""
  if (kind === "toolCall") return params.tool
  return JSON.stringify(params)
}

/** Judges one request of a recording. */
export const judgeAnew = Effect.fnUntraced(function* (
  engine: PolicyEngine.Engine,
  hasJudge: boolean,
  file: string,
  { recorded, variants }: Found
) {
  const { n, request } = recorded
  const then = thenOf(recorded)
  const now = yield* judge(engine, hasJudge, request)
  const others = yield* Effect.forEach(variants, ({ request }) => judge(engine, hasJudge, request))
  const isDecided = others.every(({ verdict }) => verdict === now.verdict)
  const result = (): Judged["result"] => {
    if (then.verdict === "unanswered") return "unanswered"
    if (!isDecided) return "undecidable"
    if (now.verdict === "judge") return "judge"
    return now.verdict === then.verdict ? "same" : "flipped"
  }
  const judged: Judged = { file, n, kind: request.kind, subject: subjectOf(request), then, now, result: result() }
  return judged
})

const ruleKeys = [
  "commandRules",
  "fileChangeRules",
  "toolInputRules",
  "toolCallRules",
  "mcpToolRules",
  "permissionsRules"
] as const

/** The names of a rubric's own rules. */
export const rulesOf = (rubric: PolicyRubric): ReadonlyArray<string> =>
  ruleKeys.flatMap((key) => (rubric[key] ?? []).map((rule, index) => rule.name ?? `${key}[${index}]`))

/** The rules that have decided nothing. */
export const unused = (rubric: PolicyRubric, judged: ReadonlyArray<Judged>): ReadonlyArray<string> => {
  const used = new Set(judged.flatMap(({ now }) => (now.by === undefined ? [] : [now.by, ...now.by.split(", ")])))
  return rulesOf(rubric).filter((name) => !used.has(name))
}
