/**
 * Fields of a rubric that may be left out, for all schemas of rules. It knows no kind of rule.
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SafeRegex from "../../SafeRegex.ts"

/** A field that may be left out, with what an editor says about it. */
export const optional = <S extends Schema.Top>(schema: S, description: string) =>
  Schema.optionalKey(schema.annotate({ description }))

/** A field for a pattern, which may be left out. */
export const optionalRegex = (description: string) =>
  Schema.optionalKey(
    Schema.String.annotate({ description }).check(
      Schema.makeFilter((pattern) =>
        Result.match(SafeRegex.compile(pattern), { onFailure: (problem) => problem, onSuccess: () => true })
      )
    )
  )
