/**
 * `effect-codex policy schema`: the JSON Schema of rubrics.
 */
import * as Rubric from "@effect-codex/policy/Rubric"
import * as Command from "effect/cli/Command"
import * as Print from "../../print.ts"

/** The command. */
export const command = Command.make("schema", {}, () => Print.json(Rubric.jsonSchema())).pipe(
  Command.withDescription("Print the JSON Schema of rubrics, for editors"),
  Command.withExamples([{ command: "effect-codex policy schema > rubric.schema.json", description: "Keep it" }])
)
