/**
 * `effect-codex policy suggest`: a rubric that decides as people did in recordings.
 */
import * as RubricSuggestion from "@effect-codex/policy/RubricSuggestion"
import * as RuleBasedPolicy from "@effect-codex/policy/RuleBasedPolicy"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as References from "effect/References"
import { InvalidUsage } from "../../../InvalidUsage.ts"
import { CheckFailed } from "../../checkFailed.ts"
import { json, text } from "../../flags.ts"
import { files, force } from "../../policy/flags.ts"
import { write } from "../../policy/newFile.ts"
import { type Found, judgeAnew, requestsIn, thenOf } from "../../policy/replay.ts"
import { comments, rubricText } from "../../policy/rubricText.ts"
import * as Print from "../../print.ts"

const flags = {
  files,
  by: Flag.String("by").pipe(
    Flag.withMetavar("NAME"),
    Flag.withDescription(
      "Learn only from decisions of this name, such as human; may be given again. Default: all but those of modes, defaults and accept-all"
    ),
    Flag.atLeast(0)
  ),
  output: text("output", "FILE", "The rubric to write, a .yaml or .yml file. Default: standard output").pipe(
    Flag.withAlias("o")
  ),
  force,
  json
}

type Flags = Command.Command.Config.Infer<typeof flags>

interface Recorded extends RubricSuggestion.Decided {
  readonly file: string
  readonly found: Found
}

// Only decisions of people and of rules are learned from.
const nobody: ReadonlySet<string> = new Set([
  "acceptAll",
  "declineAll",
  "defaults",
  "no engine decided",
  "the policy failed"
])

const isNobody = (by: string): boolean => by.split(", ").every((name) => nobody.has(name) || /^mode \w+$/.test(name))

const isLearned = ({ by, verdict }: ReturnType<typeof thenOf>, names: ReadonlyArray<string>): boolean => {
  if (names.length > 0) return by !== undefined && names.includes(by)
  // The client by itself never accepts.
  return by === undefined ? verdict === "accepted" : !isNobody(by)
}

/** A request as it was decided, and what it might have been before redaction. */
const decidedOf = (file: string, found: Found, names: ReadonlyArray<string>): ReadonlyArray<Recorded> => {
  const then = thenOf(found.recorded)
  if (then.verdict !== "accepted" && then.verdict !== "refused") return []
  const { reason, verdict } = then
  const isHidden = found.variants.length > 0
  const common = { file, found, verdict, reason, isEvidence: !isHidden && isLearned(then, names) }
  return (isHidden ? found.variants : [found.recorded]).map(({ request }) => ({ ...common, request }))
}

const times = (count: number): string => (count === 1 ? "once" : `${count} times`)

const maxPlaces = 5

const placesOf = (decisions: ReadonlyArray<Recorded>): string => {
  const places = decisions.map(({ file, found }) => `${file}#${found.recorded.n}`)
  const more = places.length - maxPlaces
  return `${places.slice(0, maxPlaces).join(", ")}${more > 0 ? ` and ${more} more` : ""}`
}

const aboutRule = ({
  alsoMatches,
  decision,
  lines
}: RubricSuggestion.SuggestedRule<Recorded>): ReadonlyArray<string> => [
  ...lines.map(
    ({ decisions, isPart, subject }) =>
      `${subject}: ${decision === "accept" ? "accepted" : "refused"} ${times(decisions.length)}` +
      `${isPart ? ", with others" : ""} (${placesOf(decisions)})`
  ),
  ...alsoMatches.map((also) => `Also ${decision === "accept" ? "lets in" : "refuses"}: ${also}`)
]

const subjectOf = ({ request }: Recorded): string => {
  if (request.kind === "command") return request.params.command ?? "a command"
  return request.kind === "toolCall" ? request.params.tool : request.kind
}

interface Counts {
  readonly decided: number
  readonly same: number
  readonly left: number
  readonly otherwise: number
  readonly undecidable: number
}

const sayCounts = ({ decided, left, otherwise, same, undecidable }: Counts): string =>
  `${same} of ${decided} decided the same, ${left} left to ask, ${otherwise} decided otherwise` +
  `; ${undecidable} undecidable because of redaction`

const textOf = (
  { left, rubric, rules }: RubricSuggestion.Suggestion<Recorded>,
  counts: Counts,
  from: ReadonlyArray<string>
): string =>
  [
    ...comments([
      `Suggested from the decisions in ${from.join(", ")}. Read each rule before you use it.`,
      "The rest is declined, or asked with `run --ask`. Accepted commands may also be combined."
    ]),
    ...rubricText(rubric, Object.fromEntries(rules.map((rule) => [rule.path, aboutRule(rule)]))),
    ...comments([
      sayCounts(counts),
      ...left.map(
        ({ decision, reason }) =>
          `Left: ${subjectOf(decision)}: ${decision.verdict} (${placesOf([decision])}), ${reason}`
      )
    ]),
    ""
  ].join("\n")

const suggest = Effect.fn("policy.suggest")(function* (flags: Flags) {
  if (flags.output !== undefined && !/\.ya?ml$/i.test(flags.output)) {
    return yield* new InvalidUsage({ description: "The rubric is YAML: name a file that ends in .yaml or .yml." })
  }
  const found = yield* Effect.forEach(flags.files, (file) =>
    Effect.map(requestsIn(file), (all) => all.map((one) => ({ file, one })))
  ).pipe(Effect.map((all) => all.flat()))
  const decisions = found.flatMap(({ file, one }) => decidedOf(file, one, flags.by))
  const suggestion = yield* RubricSuggestion.suggest(decisions)
  const { left, rubric, rules } = suggestion

  // The rules are asked once more, as `policy replay` asks them.
  const engine = yield* RuleBasedPolicy.make(rubric, { unmatched: "abstain" }).pipe(
    Effect.provideService(References.MinimumLogLevel, "Error")
  )
  const judged = yield* Effect.forEach(found, ({ file, one }) => judgeAnew(engine, true, file, one))
  const hidden = found.filter(({ one }) => one.variants.length > 0).length
  const decided = judged.filter(
    ({ result }, index) => result !== "unanswered" && (found[index]?.one.variants.length ?? 0) === 0
  )
  const count = (is: (typeof judged)[number]["result"]) => decided.filter(({ result }) => result === is).length
  const counts: Counts = {
    decided: decided.length,
    same: count("same"),
    left: count("judge"),
    otherwise: count("flipped"),
    undecidable: hidden
  }
  const isContradicted = judged.some(
    ({ now, result, then }) => result === "flipped" && then.verdict === "refused" && now.verdict === "accepted"
  )
  const written = textOf(suggestion, counts, flags.files)
  if (flags.output !== undefined && !isContradicted) yield* write(flags.output, written, flags.force)
  if (flags.json) {
    yield* Print.json({
      rubric,
      rules: rules.map(({ alsoMatches, decision, lines, name, path }) => ({
        path,
        name,
        decision,
        alsoMatches,
        lines: lines.map(({ decisions, isPart, subject }) => ({
          subject,
          isPart,
          requests: decisions.map(({ file, found }) => ({ file, n: found.recorded.n }))
        }))
      })),
      left: left.map(({ decision, reason }) => ({
        file: decision.file,
        n: decision.found.recorded.n,
        subject: subjectOf(decision),
        verdict: decision.verdict,
        reason
      })),
      counts
    })
  } else yield* Console.log(flags.output === undefined ? written.trimEnd() : sayCounts(counts))
  if (isContradicted) {
    yield* Console.error("effect-codex: The suggestion accepts a request that was refused, so it is not to be used.")
    return yield* new CheckFailed({ description: "The suggestion contradicts a decision." })
  }
})

/** The command. */
export const command = Command.make("suggest", flags, suggest).pipe(
  Command.withDescription(
    "Suggest the smallest rules that would have decided as people did in recordings, as a rubric to be edited. No rule accepts what was refused"
  ),
  Command.withShortDescription("Suggest rules from the decisions of recordings"),
  Command.withExamples([
    { command: "effect-codex policy suggest runs/*.jsonl --by human", description: "Print a rubric" },
    { command: "effect-codex policy suggest runs/*.jsonl -o rubric.yaml", description: "Write it" }
  ])
)
