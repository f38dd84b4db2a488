/**
 * Effect's toolkits as tools of an agent.
 *
 * A thread declares its tools when it starts. Codex stores the declarations with the thread and asks this client to run each
 * call of the agent. The handlers' requirements are taken from the context when the toolkit is bound, and the tools' schemas
 * check arguments and results. Every failure is reported to the model as a failed call: a failing tool does not end the turn.
 * The policy engine decides whether a call may run; this module does not know the policy.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Base64 from "effect/encoding/Base64"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import type * as Prompt from "effect/ai/Prompt"
import * as Tool from "effect/ai/Tool"
import type * as Toolkit from "effect/ai/Toolkit"
import { InvalidConfig } from "./CodexError.ts"
import * as CheckedOptions from "./internal/options.ts"
import type {
  KnownDynamicToolCallOutputContentItem,
  DynamicToolCallParams,
  DynamicToolCallResponse,
  DynamicToolSpec
} from "./protocol/generated/Stable.ts"
import type { ToolCallHandler } from "./ServerRequest.ts"

/**
 * The tools of a toolkit, by name.
 *
 * @category models
 * @since 0.1.0
 */
export type Tools = Record<string, Tool.Any>

/**
 * The requirements of a toolkit: its handlers, and the services of the tools.
 *
 * @category models
 * @since 0.1.0
 */
export type Requirements<T extends Tools> = Tool.HandlersFor<T> | Tool.HandlerServices<T[keyof T]>

/**
 * A toolkit whose handlers have no more requirements.
 *
 * @category models
 * @since 0.1.0
 */
export interface Bound {
  /** The declarations for `thread/start`. */
  readonly specs: ReadonlyArray<DynamicToolSpec>
  readonly has: (name: string) => boolean
  /** Runs a call. A failed call is answered with a text too. */
  readonly onToolCall: ToolCallHandler
}

/**
 * Options for running the tool calls of a thread.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** How long a call may take before it is interrupted and reported to the model as failed. Default: 5 minutes. */
  readonly toolTimeout?: Duration.Input | undefined
}

// The tools of codex 0.171.0, including those of its features and those that it adds for MCP servers. It silently drops a
// declaration with the same name, and runs its own tool.
const builtIn: ReadonlySet<string> = new Set([
  "apply_patch",
  "create_goal",
  "exec",
  "exec_command",
  "get_context_remaining",
  "get_goal",
  "list_mcp_resource_templates",
  "list_mcp_resources",
  "multi_env_copy_file",
  "new_context",
  "read_mcp_resource",
  "request_permissions",
  "request_user_input",
  "send_message_to_user_async",
  "shell_command",
  "tool_search",
  "update_goal",
  "update_plan",
  "view_image",
  "wait",
  "wait_for_environment",
  "write_stdin"
])

/**
 * Rejects declarations with the name of one of codex's own tools: their calls would not reach this client.
 *
 * @category validation
 * @since 0.1.0
 */
export const checkNames = (specs: ReadonlyArray<DynamicToolSpec>): Effect.Effect<void, InvalidConfig> => {
  const taken = specs.find(({ name, type }) => type === "function" && builtIn.has(name))
  return taken === undefined
    ? Effect.void
    : Effect.fail(
        new InvalidConfig({
          path: `tools.${taken.name}`,
          description: "codex has a tool with this name and would run that one: choose another name"
        })
      )
}

/**
 * Takes the requirements of the handlers from the context.
 *
 * **Details**
 *
 * The model gets a string result as it is, and any other result as JSON. The output of a tool's `toModelOutput` is sent as
 * texts and images. Preliminary results are dropped, because the protocol does not support them. Handlers are interrupted
 * together with their turn.
 *
 * @category constructors
 * @since 0.1.0
 */
export const bind = <T extends Tools>(
  toolkit: Toolkit.Toolkit<T>,
  options?: Options
): Effect.Effect<Bound, InvalidConfig, Requirements<T>> =>
  Effect.gen(function* () {
    const { handle, tools } = yield* toolkit
    const context = yield* Effect.context<Tool.HandlerServices<T[keyof T]>>()
    const timeout = yield* CheckedOptions.timeout("toolTimeout", options?.toolTimeout ?? Duration.minutes(5))
    const has = (name: PropertyKey): name is keyof T => Object.hasOwn(tools, name)

    const run = Effect.fnUntraced(function* ({ callId, tool, ...params }: DynamicToolCallParams) {
      if (!has(tool)) return failed(`There is no tool ${tool}.`)
      // The toolkit decodes the arguments before it uses them, but requires their type: the only cast of this package.
      // oxlint-disable-next-line typescript/consistent-type-assertions
      const args = params.arguments as Tool.ParametersEncoded<T[keyof T]>
      const results = yield* unannotated(handle(tool, args, callId))
      const last = yield* Stream.runLast(Stream.filter(results, ({ preliminary }) => !preliminary))
      return Option.match(last, {
        onNone: () => failed(`The tool ${tool} returned no result.`),
        onSome: ({ encodedResult, isFailure, modelOutput }): DynamicToolCallResponse => ({
          success: !isFailure,
          contentItems: toContentItems(encodedResult, modelOutput)
        })
      })
    })

    const onToolCall: ToolCallHandler = (params) =>
      run(params).pipe(
        Effect.provideContext(context),
        Effect.timeoutOrElse({
          duration: timeout,
          orElse: () =>
            Effect.succeed(failed(`The tool ${params.tool} did not finish within ${Duration.format(timeout)}.`))
        }),
        Effect.catchCause((cause) =>
          Cause.hasInterruptsOnly(cause)
            ? Effect.interrupt
            : Effect.as(Effect.logDebug(`The tool ${params.tool} failed`, cause), failed(explain(params.tool, cause)))
        )
      )

    return { specs: Object.values(tools).map(specOf), has, onToolCall }
  })

const specOf = (tool: Tool.Any): DynamicToolSpec => ({
  type: "function",
  name: tool.name,
  description: Tool.getDescription(tool) ?? tool.name,
  inputSchema: Tool.getJsonSchema(tool)
})

const failed = (text: string): DynamicToolCallResponse => ({
  success: false,
  contentItems: [{ type: "inputText", text }]
})

// The model can react to an expected error. A defect is a bug of this program, and may contain more than a model should know.
const explain = (tool: string, cause: Cause.Cause<unknown>): string => {
  const error = Option.getOrUndefined(Cause.findErrorOption(cause))
  if (error === undefined) return `The tool ${tool} failed unexpectedly.`
  return `The tool ${tool} failed: ${error instanceof Error ? error.message : asText(error)}`
}

/**
 * Converts the result of a call for the model: the output of the tool's `toModelOutput`, else the encoded result, where a string
 * stays as it is and anything else becomes JSON.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toContentItems = (
  encodedResult: unknown,
  modelOutput?: ReadonlyArray<Prompt.ToolModelOutputPart>
): ReadonlyArray<KnownDynamicToolCallOutputContentItem> =>
  modelOutput === undefined ? [textItem(encodedResult)] : modelOutput.map(itemOf)

const asText = (value: unknown): string => (typeof value === "string" ? value : (JSON.stringify(value) ?? "null"))

const textItem = (value: unknown): KnownDynamicToolCallOutputContentItem => ({ type: "inputText", text: asText(value) })

const itemOf = (part: Prompt.ToolModelOutputPart): KnownDynamicToolCallOutputContentItem => {
  if (part.type === "text") return textItem(part.text)
  const { data, mediaType } = part
  const url =
    data instanceof URL
      ? data.toString()
      : `data:${mediaType};base64,${typeof data === "string" ? data : Base64.encode(data)}`
  // The server does not fetch URLs, and passes on unknown media types unchecked.
  if (data instanceof URL && data.protocol !== "data:") return textItem(`[a file of type ${mediaType} at ${data.href}]`)
  if (/^image\//i.test(mediaType)) return { type: "inputImage", imageUrl: url }
  return /^audio\//i.test(mediaType)
    ? { type: "inputAudio", audioUrl: url }
    : { type: "inputText", text: `[a file of type ${mediaType}]` }
}

// A toolkit records the arguments of a call on the current span. They are content and do not belong there, so it gets a span
// that records nothing.
const unannotated = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(Effect.option(Effect.currentParentSpan), (span) =>
    Option.isNone(span)
      ? effect
      : Effect.provideService(
          effect,
          Tracer.ParentSpan,
          Tracer.externalSpan({
            traceId: span.value.traceId,
            spanId: span.value.spanId,
            sampled: span.value.sampled
          })
        )
  )
