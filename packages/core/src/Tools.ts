/**
 * Effect's toolkits as tools of an agent.
 *
 * A thread declares its tools when it starts; codex keeps the declarations with the thread and asks us to run a call when the
 * agent makes one. What a handler needs is taken from the context when the toolkit is bound, arguments and results go
 * through the tools' schemas, and whatever goes wrong is told to the model as a failed call: a turn does not end because a
 * tool did not work. Whether a call may run at all is the policy engine's to say, and not known here.
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
 * Tools by name, as a toolkit holds them.
 *
 * @category models
 * @since 0.1.0
 */
export type Tools = Record<string, Tool.Any>

/**
 * What the handlers of a toolkit need: the handlers themselves, and the services of the tools.
 *
 * @category models
 * @since 0.1.0
 */
export type Requirements<T extends Tools> = Tool.HandlersFor<T> | Tool.HandlerServices<T[keyof T]>

/**
 * A toolkit whose handlers need nothing more.
 *
 * @category models
 * @since 0.1.0
 */
export interface Bound {
  /** The declarations for `thread/start`. */
  readonly specs: ReadonlyArray<DynamicToolSpec>
  readonly has: (name: string) => boolean
  /** Runs a call, and answers with text in any case. */
  readonly onToolCall: ToolCallHandler
}

/**
 * How the calls of a thread's tools are run.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** How long a call may take before it is interrupted and the model is told that it failed. Default: 5 minutes. */
  readonly toolTimeout?: Duration.Input | undefined
}

// The tools of codex 0.171.0, with those of its features and those that it has with an MCP server: it drops a declaration of the
// same name without a word, and runs its own.
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
 * Refuses declarations that have the name of one of codex's own tools: calls of those would not come to us.
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
          description: "codex has a tool of this name and would run that one: choose another name"
        })
      )
}

/**
 * Takes what the handlers need from the context.
 *
 * **Details**
 *
 * A result that is a string goes to the model as it is, anything else as JSON; what a tool maps with `toModelOutput` goes as
 * its texts and images. Preliminary results are dropped: the protocol has no place for them. Handlers are interrupted with
 * their turn.
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
      // The toolkit decodes the arguments before it uses them, and yet wants their type: the one cast of this package.
      // oxlint-disable-next-line typescript/consistent-type-assertions
      const args = params.arguments as Tool.ParametersEncoded<T[keyof T]>
      const results = yield* unannotated(handle(tool, args, callId))
      const last = yield* Stream.runLast(Stream.filter(results, ({ preliminary }) => !preliminary))
      return Option.match(last, {
        onNone: () => failed(`The tool ${tool} gave no result.`),
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

// The model can do something about an error that was foreseen. A defect is ours, and may say more than a model should know.
const explain = (tool: string, cause: Cause.Cause<unknown>): string => {
  const error = Option.getOrUndefined(Cause.findErrorOption(cause))
  if (error === undefined) return `The tool ${tool} failed unexpectedly.`
  return `The tool ${tool} failed: ${error instanceof Error ? error.message : asText(error)}`
}

/**
 * The result of a call as the model gets it: the output of the tool's `toModelOutput`, else the encoded result, a string as it
 * is and anything else as JSON.
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
  // The server fetches nothing, and passes on what it does not know.
  if (data instanceof URL && data.protocol !== "data:") return textItem(`[a file of type ${mediaType} at ${data.href}]`)
  if (/^image\//i.test(mediaType)) return { type: "inputImage", imageUrl: url }
  return /^audio\//i.test(mediaType)
    ? { type: "inputAudio", audioUrl: url }
    : { type: "inputText", text: `[a file of type ${mediaType}]` }
}

// A toolkit notes the arguments of a call on the current span. What a call says does not belong there, so it gets one that
// takes no notes.
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
