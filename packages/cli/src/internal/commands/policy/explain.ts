/**
 * `effect-codex policy explain`: a rubric in words.
 */
import { review } from "@effect-codex/policy/RubricWarning"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { json } from "../../flags.ts"
import { policy } from "../../policy/flags.ts"
import { load } from "../../policy/verdict.ts"
import { inWords } from "../../policy/words.ts"
import * as Print from "../../print.ts"

const flags = { policy, json }

type Flags = Command.Command.Config.Infer<typeof flags>

const explain = Effect.fn("policy.explain")(function* (flags: Flags) {
  const { rubric } = yield* load(flags.policy, undefined)
  const warnings = review(rubric)
  if (flags.json) return yield* Print.json({ rubric, words: inWords(rubric), warnings })
  const paint = yield* Print.painter
  yield* Print.lines([
    // Lines of a rule are indented.
    ...inWords(rubric).map((line) => (line.startsWith("  ") ? `  ${Print.inline(line)}` : Print.inline(line))),
    ...(warnings.length === 0 ? [] : ["", paint("warning", "Warnings")]),
    ...warnings.map(({ description, path }) => `  ${Print.inline(path)}: ${Print.inline(description)}`)
  ])
})

/** The command. */
export const command = Command.make("explain", flags, explain).pipe(
  Command.withDescription("Explain a rubric in plain words, with warnings"),
  Command.withShortDescription("Explain a rubric in plain words"),
  Command.withExamples([{ command: "effect-codex policy explain --policy rubric.yaml", description: "Review it" }])
)
