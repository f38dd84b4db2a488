/**
 * Reads the requests that codex sends to the model (`POST /responses`).
 *
 * Tests check the prompt, the thread, the outputs of earlier tool calls and the offered tools, which codex buries in about
 * 45 kB of JSON. This module extracts them and drops nothing: `body` is the complete request. It never fails on an unknown
 * shape, and it does not choose the reply.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

/**
 * One item of a request's input: a message (with its `role`), a tool call, a tool call's output, or another kind.
 *
 * @category models
 * @since 0.1.0
 */
export interface InputItem {
  /** For instance `message`, `function_call`, `function_call_output`, `reasoning`. */
  readonly type: string
  /** The author of a message: `user`, `assistant` or `developer`. */
  readonly role: string | undefined
  /** The joined text parts of a message or of a tool call's output. Empty for other kinds. */
  readonly text: string
  /** The id of the tool call, for a call and for its output. */
  readonly callId: string | undefined
  /** The unprocessed item. */
  readonly raw: unknown
}

/**
 * The output of a tool call, as codex reports it to the model.
 *
 * @category models
 * @since 0.1.0
 */
export interface ToolOutput {
  readonly callId: string
  readonly output: string
}

/**
 * One request for a model response.
 *
 * @category models
 * @since 0.1.0
 */
export interface ModelRequest {
  /** The index of the request in order of arrival at this server, from 0. */
  readonly index: number
  /** The path of the URL, such as `/v1/responses`. */
  readonly path: string
  /** Header names are in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** The whole request; an empty object if it is not JSON. */
  readonly body: Readonly<Record<string, unknown>>
  readonly model: string
  /** The thread that sent the request; a sub-agent has its own. */
  readonly threadId: string | undefined
  /** The turn that sent the request. */
  readonly turnId: string | undefined
  readonly input: ReadonlyArray<InputItem>
  /** The texts of all user messages, oldest first, without the context that codex adds in the user's name. */
  readonly userTexts: ReadonlyArray<string>
  /** The text of the last user message: the turn's prompt, even after tool calls, or the input that steered the turn. */
  readonly lastUserText: string
  /** The outputs of all tool calls in the thread, oldest first. */
  readonly toolOutputs: ReadonlyArray<ToolOutput>
  /** The tool call output that this request adds: the last one since the model's last message, if there is one. */
  readonly lastToolOutput: ToolOutput | undefined
  /** The names of the offered tools; those in a namespace, such as MCP tools, as `namespace.name`. */
  readonly tools: ReadonlyArray<string>
}

const Body = Schema.Record(Schema.String, Schema.Unknown)
const decodeBody = Schema.decodeUnknownOption(Schema.fromJsonString(Body))

const Known = Schema.Struct({
  model: Schema.optionalKey(Schema.String),
  input: Schema.optionalKey(Schema.Union([Schema.Array(Schema.Unknown), Schema.String])),
  tools: Schema.optionalKey(Schema.Array(Schema.Unknown)),
  client_metadata: Schema.optionalKey(Body)
})
const decodeKnown = Schema.decodeUnknownOption(Known)

const Texts = Schema.Union([Schema.String, Schema.Array(Schema.Struct({ text: Schema.optionalKey(Schema.String) }))])
const decodeItem = Schema.decodeUnknownOption(
  Schema.Struct({
    type: Schema.optionalKey(Schema.String),
    role: Schema.optionalKey(Schema.String),
    call_id: Schema.optionalKey(Schema.String),
    content: Schema.optionalKey(Schema.NullOr(Texts)),
    output: Schema.optionalKey(Texts)
  })
)

const Named = Schema.Struct({ name: Schema.String })
const decodeTool = Schema.decodeUnknownOption(
  Schema.Struct({ name: Schema.String, tools: Schema.optionalKey(Schema.Array(Named)) })
)
const decodeToolType = Schema.decodeUnknownOption(Schema.Struct({ type: Schema.String }))

const joinTexts = (texts: typeof Texts.Type | null | undefined): string =>
  texts === undefined || texts === null
    ? ""
    : typeof texts === "string"
      ? texts
      : texts.map((part) => part.text ?? "").join("")

const toItem = (raw: unknown): InputItem =>
  Option.match(decodeItem(raw), {
    onNone: () => ({ type: "unknown", role: undefined, text: "", callId: undefined, raw }),
    onSome: (item) => ({
      type: item.type ?? "message",
      role: item.role,
      text: joinTexts(item.content ?? item.output),
      callId: item.call_id,
      raw
    })
  })

const toolNames = (raw: unknown): ReadonlyArray<string> =>
  Option.match(decodeTool(raw), {
    onNone: () => Option.toArray(Option.map(decodeToolType(raw), (tool) => tool.type)),
    onSome: (tool) => tool.tools?.map((inner) => `${tool.name}.${inner.name}`) ?? [tool.name]
  })

// For some models, codex sends the tools as an item of the input.
const decodeOffer = Schema.decodeUnknownOption(
  Schema.Struct({ type: Schema.Literal("additional_tools"), tools: Schema.Array(Schema.Unknown) })
)

const offeredTools = (item: InputItem): ReadonlyArray<unknown> =>
  Option.match(decodeOffer(item.raw), { onNone: () => [], onSome: (offer) => offer.tools })

const isContext = (text: string): boolean => /^\s*<(environment_context|subagent_notification|turn_aborted)>/.test(text)

const toToolOutput = (item: InputItem): ToolOutput | undefined =>
  item.callId !== undefined && item.type.endsWith("_output") ? { callId: item.callId, output: item.text } : undefined

const stringAt = (record: Readonly<Record<string, unknown>> | undefined, key: string): string | undefined => {
  const value = record?.[key]
  return typeof value === "string" ? value : undefined
}

/**
 * Reads a request. If the body is not a JSON object, the request has no model, no input and no tools.
 *
 * @category constructors
 * @since 0.1.0
 */
export const parse = (options: {
  readonly index: number
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}): ModelRequest => {
  const body = Option.getOrElse(decodeBody(options.body), () => ({}))
  const known: typeof Known.Type = Option.getOrElse(decodeKnown(body), () => ({}))
  const input =
    typeof known.input === "string"
      ? [{ type: "message", role: "user", text: known.input, callId: undefined, raw: known.input }]
      : (known.input ?? []).map(toItem)
  const userTexts = input.filter((item) => item.role === "user" && !isContext(item.text)).map((item) => item.text)
  const sinceModel = input.slice(
    input.findLastIndex((item) => item.role === "assistant" || item.type.endsWith("_call")) + 1
  )
  return {
    index: options.index,
    path: options.path,
    headers: options.headers,
    body,
    model: known.model ?? "",
    threadId: stringAt(known.client_metadata, "thread_id"),
    turnId: stringAt(known.client_metadata, "turn_id"),
    input,
    userTexts,
    lastUserText: userTexts.at(-1) ?? "",
    toolOutputs: input.flatMap((item) => toToolOutput(item) ?? []),
    lastToolOutput: sinceModel.flatMap((item) => toToolOutput(item) ?? []).at(-1),
    tools: [...(known.tools ?? []), ...input.flatMap(offeredTools)].flatMap(toolNames)
  }
}

/**
 * Describes a request in one line, for a report: its prompt or its tool call output, shortened.
 *
 * @category formatting
 * @since 0.1.0
 */
export const describe = (request: ModelRequest): string =>
  request.lastToolOutput === undefined
    ? `prompt ${shorten(JSON.stringify(request.lastUserText))}`
    : `output of ${request.lastToolOutput.callId} ${shorten(JSON.stringify(request.lastToolOutput.output))}`

/**
 * Shortens a text for one line of a report.
 *
 * @category formatting
 * @since 0.1.0
 */
export const shorten = (text: string): string => (text.length <= 80 ? text : `${text.slice(0, 79)}…`)
