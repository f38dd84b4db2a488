/**
 * Answers one request of `effect/ai` with a turn, or refuses what codex cannot express.
 *
 * The module checks a request and owns what its response uses. Which turn answers and how it is read is not known here.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { Span } from "effect/Tracer"
import type * as AiError from "effect/ai/AiError"
import type * as LanguageModel from "effect/ai/LanguageModel"
import * as OpenAiStructuredOutput from "effect/ai/OpenAiStructuredOutput"
import type * as Response from "effect/ai/Response"
import * as Telemetry from "effect/ai/Telemetry"
import * as Tool from "effect/ai/Tool"
import * as CodexTools from "../CodexTools.ts"
import { refused, unsupportedSchema } from "./errors.ts"
import { giveUp, open, type Owned, type Request, type Setting } from "./open.ts"
import { read } from "./read.ts"

/** The parts of the response, as they come. */
export const respond = (
  setting: Setting,
  method: string,
  options: LanguageModel.ProviderOptions
): Stream.Stream<Response.StreamPartEncoded, AiError.AiError> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const request = yield* check(method, options)
      annotate(setting, options.span)
      const owned: Owned = { turn: undefined, thread: undefined, isKept: false }
      yield* Effect.addFinalizer(() => giveUp(setting, owned))
      const opened = yield* open(setting, request, owned)
      return Stream.fromPull(Effect.succeed(read(setting, request, opened, owned, options.span)))
    })
  )

// Requests that codex cannot express are refused, never ignored.
const check = Effect.fnUntraced(function* (
  method: string,
  { prompt, responseFormat, toolChoice, tools }: LanguageModel.ProviderOptions
) {
  const isForced =
    toolChoice === "required" ||
    (typeof toolChoice === "object" && ("tool" in toolChoice || toolChoice.mode === "required"))
  if (isForced) return yield* refused(method, "toolChoice", "codex cannot be made to call a tool")
  if (prompt.content.length === 0) return yield* refused(method, "prompt", "the prompt is empty")
  const own = toolChoice === "none" ? [] : tools.filter((tool) => !isOfCodex(tool))
  const foreign = own.find(Tool.isProviderDefined)
  if (foreign !== undefined) {
    return yield* refused(method, "toolkit", `codex has no tool ${foreign.name}: use those of CodexTools`)
  }
  const outputSchema = responseFormat.type === "json" ? yield* schemaOf(method, responseFormat.schema) : undefined
  const declared = new Set(tools.filter(isOfCodex).map(({ name }) => name))
  return { method, messages: prompt.content, tools: own, declared, outputSchema } satisfies Request
})

const codexTools: ReadonlyMap<string, string> = new Map(
  Object.values(CodexTools.toolkit.tools).map(({ id, name }) => [name, id])
)

// A tool of the caller can have the same name.
const isOfCodex = (tool: Tool.Any): boolean => Tool.isProviderDefined(tool) && codexTools.get(tool.name) === tool.id

const schemaOf = (method: string, schema: Schema.Top) =>
  Effect.fromResult(
    Result.try({
      try: () => OpenAiStructuredOutput.toCodecOpenAI(schema).jsonSchema,
      catch: (error) => unsupportedSchema(method, error instanceof Error ? error.message : String(error))
    })
  )

const annotate = ({ model }: Setting, span: Span) => {
  Telemetry.addGenAIAnnotations(span, {
    provider: { name: "codex" },
    operation: { name: "chat" },
    request: { model }
  })
}
