/**
 * An Effect schema as the form of an agent's answer, and the answer as a value of it.
 *
 * Models take a strict subset of JSON Schema. A schema is adapted to that subset when it is sent, and the answer is decoded
 * by the whole of it, so constraints that the model is not told of are held to all the same.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as OpenAiStructuredOutput from "effect/ai/OpenAiStructuredOutput"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

/**
 * A schema that an answer can be asked in.
 *
 * @category models
 * @since 0.1.0
 */
export type Output<A, RD = never> = Schema.ConstraintCodec<A, unknown, RD, unknown>

/**
 * A schema in the form that a model can be held to, and the way back.
 *
 * @category models
 * @since 0.1.0
 */
export interface Adapted<out A, out RD> {
  /** The JSON Schema for `outputSchema`: an object, closed, all properties required. */
  readonly jsonSchema: unknown
  /** Reads an answer. The failure says where it differs from the schema. */
  readonly decode: (answer: string) => Effect.Effect<A, string, RD>
}

/**
 * Adapts a schema. One whose values are no objects (an array, a union, a string) is asked for as the field `value` of one.
 *
 * @category constructors
 * @since 0.1.0
 */
export const adapt = <A, RD>(output: Output<A, RD>): Adapted<A, RD> =>
  // What throws is that the root is no object.
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
 * What the agent is told when its answer could not be read.
 *
 * @category utils
 * @since 0.1.0
 */
export const askAgain = (description: string): string =>
  `Your last answer does not have the form that was asked for: ${description}. ` +
  "Answer again with JSON that has it, and nothing else."
