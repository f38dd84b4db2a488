/**
 * Optional fields of a rubric, for all schemas of rules. It knows no kind of rule.
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SafeRegex from "../../SafeRegex.ts"

/** An optional field, with the description that an editor shows. */
export const optional = <S extends Schema.Top>(schema: S, description: string) =>
  Schema.optionalKey(schema.annotate({ description }))

/** An optional field for a pattern. */
export const optionalRegex = (description: string) =>
  Schema.optionalKey(
    Schema.String.annotate({ description }).check(
      Schema.makeFilter((pattern) =>
        Result.match(SafeRegex.compile(pattern), { onFailure: (problem) => problem, onSuccess: () => true })
      )
    )
  )
