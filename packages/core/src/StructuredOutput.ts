/**
 * Typed answers: an Effect schema for the agent's answer, and the answer decoded with it.
 *
 * Models accept a strict subset of JSON Schema. A schema is adapted to that subset when it is sent, but the answer is decoded
 * with the full schema, so constraints that the model does not see are enforced too.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as OpenAiStructuredOutput from "effect/ai/OpenAiStructuredOutput"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

/**
 * A schema for an answer.
 *
 * @category models
 * @since 0.1.0
 */
export type Output<A, RD = never> = Schema.ConstraintCodec<A, unknown, RD, unknown>

/**
 * A schema adapted to the subset that models accept, and its decoder.
 *
 * @category models
 * @since 0.1.0
 */
export interface Adapted<out A, out RD> {
  /** The JSON Schema for `outputSchema`: an object, closed, all properties required. */
  readonly jsonSchema: unknown
  /** Decodes an answer. The failure says where it differs from the schema. */
  readonly decode: (answer: string) => Effect.Effect<A, string, RD>
}

/**
 * Adapts a schema. If its values are not objects (arrays, unions, strings), it is wrapped in an object with the field `value`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const adapt = <A, RD>(output: Output<A, RD>): Adapted<A, RD> =>
  // Throws if the root of the schema is not an object.
  Result.getOrElse(
    Result.try(() => adaptObject(output)),
    () => {
      const { decode, jsonSchema } = adaptObject(Schema.Struct({ value: output }))
      return { jsonSchema, decode: (answer) => Effect.map(decode(answer), ({ value }) => value) }
    }
  )

const adaptObject = <A, RD>(output: Output<A, RD>): Adapted<A, RD> => {
  const { codec, jsonSchema } = OpenAiStructuredOutput.toCodecOpenAI(output)
  const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(codec))
  return {
    jsonSchema,
    decode: (answer) => Effect.mapError(decode(answer), (error) => error.message.replaceAll(/\s+/g, " "))
  }
}

/**
 * The prompt that asks the agent again after an answer that does not match the schema.
 *
 * @category utils
 * @since 0.1.0
 */
export const askAgain = (description: string): string =>
  `Your last answer does not have the form that was asked for: ${description}. ` +
  "Answer again with JSON that has it, and nothing else."
