/**
 * `effect-codex policy replay`: compares the decisions of recordings with those of a rubric.
 */
import * as RuleBasedPolicy from "@effect-codex/policy/RuleBasedPolicy"
import * as Command from "effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { CheckFailed } from "../../checkFailed.ts"
import { json, toggle } from "../../flags.ts"
import { files, policy, root } from "../../policy/flags.ts"
import { type Judged, judgeAnew, requestsIn, unused } from "../../policy/replay.ts"
import { load } from "../../policy/verdict.ts"
import * as Print from "../../print.ts"

const flags = {
  files,
  policy,
  root,
  all: toggle("all", "List every request, and not only those that flip or can't be decided"),
  json
}

type Flags = Command.Command.Config.Infer<typeof flags>

const results = ["same", "flipped", "undecidable", "judge", "unanswered"] as const

const sayVerdict = ({ by, verdict }: Judged["now"]): string => (by === undefined ? verdict : `${verdict} by ${by}`)

const rowOf = ({ file, kind, n, now, result, subject, then }: Judged): ReadonlyArray<string> => [
  result,
  `${file}#${n}`,
  kind,
  sayVerdict(then),
  sayVerdict(now),
  subject
]

const replay = Effect.fn("policy.replay")(function* (flags: Flags) {
  const { baseDirectory, rubric } = yield* load(flags.policy, flags.root)
  const hasJudge = rubric.useLlmJudge === true
  const engine = yield* RuleBasedPolicy.make(rubric, {
    baseDirectory,
    unmatched: hasJudge ? "abstain" : "decide"
  })
  const judged = yield* Effect.forEach(flags.files, (file) =>
    Effect.flatMap(requestsIn(file), (found) => Effect.forEach(found, (one) => judgeAnew(engine, hasJudge, file, one)))
  ).pipe(Effect.map((all) => all.flat()))
  const neverHit = unused(rubric, judged)
  const counts = results.map((name) => [name, judged.filter(({ result }) => result === name).length] as const)
  const ok = judged.every(({ result }) => result !== "flipped")
  const listed = flags.all
    ? judged
    : judged.filter(({ result }) => result === "flipped" || result === "undecidable" || result === "judge")
  if (flags.json) {
    yield* Print.json({ ok, counts: Object.fromEntries(counts), neverHit, requests: listed })
  } else {
    if (listed.length > 0) {
      yield* Print.table(
        [
          { title: "RESULT" },
          { title: "REQUEST" },
          { title: "KIND" },
          { title: "THEN", least: 10 },
          { title: "NOW", least: 10 },
          { title: "ABOUT", least: 12 }
        ],
        listed.map(rowOf),
        Print.exact
      )
    }
    yield* Console.log(counts.map(([name, count]) => `${name}=${count}`).join(" "))
    if (neverHit.length > 0) yield* Console.log(`never hit: ${neverHit.map(Print.exact).join(", ")}`)
  }
  if (!ok) return yield* new CheckFailed({ description: "The rubric decides otherwise." })
})

/** The command. */
export const command = Command.make("replay", flags, replay).pipe(
  Command.withDescription(
    "Judge the requests of recordings again, by the rules of a rubric; exits with 1 if a decision flips"
  ),
  Command.withShortDescription("Judge the requests of recordings again"),
  Command.withExamples([
    {
      command: "effect-codex policy replay --policy rubric.yaml runs/*.jsonl",
      description: "The effect of a new rubric on past runs"
    }
  ])
)
