/**
 * What `effect-codex policy explain` and `policy schema` do.
 */
import * as Rubric from "@effect-codex/policy/Rubric"
import { review } from "@effect-codex/policy/RubricWarning"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import type { Flags } from "../../PolicyCommand.ts"
import * as Print from "../print.ts"
import { load } from "./verdict.ts"
import { inWords } from "./words.ts"

export const schema = () => Print.json(Rubric.jsonSchema())

export const explain = Effect.fn("PolicyCommand.explain")(function* (flags: Flags["explain"]) {
  const { rubric } = yield* load(flags.policy, undefined)
  const warnings = review(rubric)
  if (flags.json) return yield* Print.json({ rubric, words: inWords(rubric), warnings })
  const paint = yield* Print.painter
  yield* Console.log(
    [
      // What belongs to a rule is moved in.
      ...inWords(rubric).map((line) => (line.startsWith("  ") ? `  ${Print.inline(line)}` : Print.inline(line))),
      ...(warnings.length === 0 ? [] : ["", paint("warning", "Worth a second look")]),
      ...warnings.map(({ description, path }) => `  ${Print.inline(path)}: ${Print.inline(description)}`)
    ].join("\n")
  )
})
