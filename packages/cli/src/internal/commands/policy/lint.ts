/**
 * `effect-codex policy lint`: every mistake in a rubric, with its line.
 */
import * as Rubric from "@effect-codex/policy/Rubric"
import { review } from "@effect-codex/policy/RubricWarning"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import { CheckFailed } from "../../checkFailed.ts"
import { nearest } from "../../editDistance.ts"
import { json } from "../../flags.ts"
import { load } from "../../policy/verdict.ts"
import * as Print from "../../print.ts"

const flags = {
  file: Argument.String("FILE").pipe(Argument.withDescription("The rubric: YAML, JSON or TOML")),
  json
}

type Flags = Command.Command.Config.Infer<typeof flags>

/** The names of all fields of a rubric, at any depth. */
const fieldNames = (schema: unknown, names = new Set<string>()): ReadonlySet<string> => {
  if (Array.isArray(schema)) for (const part of schema) fieldNames(part, names)
  else if (Predicate.isReadonlyObject(schema)) {
    for (const [key, value] of Object.entries(schema)) {
      if (key === "properties" && Predicate.isReadonlyObject(value))
        for (const name of Object.keys(value)) names.add(name)
      fieldNames(value, names)
    }
  }
  return names
}

/** The field that an unknown one was probably meant to be. */
const suggestionFor = (path: string): string | undefined =>
  nearest(path.replace(/^.*\./, ""), fieldNames(Rubric.jsonSchema()))

const lint = Effect.fn("policy.lint")(function* ({ file, json }: Flags) {
  const { mistakes, warnings } = yield* load(file, undefined).pipe(
    Effect.map(({ rubric }) => ({ mistakes: [], warnings: review(rubric) })),
    Effect.catchTag("InvalidRubric", ({ problems }) =>
      Effect.succeed({
        mistakes: problems.map((problem) => {
          const isUnknown = problem.description === Rubric.unknownField
          const didYouMean = isUnknown ? suggestionFor(problem.path) : undefined
          return { ...problem, ...(didYouMean === undefined ? {} : { didYouMean }) }
        }),
        warnings: []
      })
    )
  )
  if (json) yield* Print.json({ file, mistakes, warnings })
  else {
    const paint = yield* Print.painter
    const place = (path: string) => (path === "" ? "" : `${Print.inline(path)}: `)
    const lines = [
      ...mistakes.map(
        ({ description, didYouMean, line, path }) =>
          `${Print.inline(file)}${line === undefined ? "" : `:${line}`}: ${paint("error", "mistake")}: ${place(path)}` +
          `${Print.inline(description)}${didYouMean === undefined ? "" : `. Did you mean ${didYouMean}?`}`
      ),
      ...warnings.map(
        ({ description, path }) =>
          `${Print.inline(file)}: ${paint("warning", "warning")}: ${place(path)}${Print.inline(description)}`
      ),
      `mistakes=${mistakes.length} warnings=${warnings.length}`
    ]
    yield* Print.lines(lines)
  }
  if (mistakes.length > 0) return yield* new CheckFailed({ description: "The rubric has mistakes." })
})

/** The command. */
export const command = Command.make("lint", flags, lint).pipe(
  Command.withDescription("List every mistake in a rubric with its line, and warnings; exits with 1 on a mistake"),
  Command.withShortDescription("List every mistake in a rubric"),
  Command.withExamples([{ command: "effect-codex policy lint rubric.yaml", description: "Before you commit it" }])
)
