/**
 * What codex asked the model, read out of one `POST /responses`.
 *
 * A test wants to know the prompt, the thread, the outputs of earlier tool calls and the tools on offer, and codex buries
 * them in some 45 kB of JSON. This module reads them and drops nothing: `body` is the request as it came. It never fails on
 * a shape it does not know, and it does not decide what to answer.
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
  /** Whose message it is: `user`, `assistant`, `developer`. */
  readonly role: string | undefined
  /** A message's text parts, or a tool call's output, joined. Empty for other kinds. */
  readonly text: string
  /** Which tool call this is, or whose output. */
  readonly callId: string | undefined
  /** The item as it came. */
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
 * One request for a response of the model.
 *
 * @category models
 * @since 0.1.0
 */
export interface ModelRequest {
  /** Position among the requests that this server got, from 0, in order of arrival. */
  readonly index: number
  /** Path of the URL, for instance `/v1/responses`. */
  readonly path: string
  /** Header names are in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** The whole request. Not JSON: an empty object. */
  readonly body: Readonly<Record<string, unknown>>
  readonly model: string
  /** The thread that asks; a sub-agent has its own. */
  readonly threadId: string | undefined
  /** The turn that asks. */
  readonly turnId: string | undefined
  readonly input: ReadonlyArray<InputItem>
  /** The texts of all messages of the user, oldest first, without the context that codex adds in the user's name. */
  readonly userTexts: ReadonlyArray<string>
  /** The text of the last message of the user: the turn's prompt, also after tool calls, or what it was steered with. */
  readonly lastUserText: string
  /** The outputs of all tool calls in the thread, oldest first. */
  readonly toolOutputs: ReadonlyArray<ToolOutput>
  /** The output of a tool call that this request brings: the last one since the model's last words, if there is one. */
  readonly lastToolOutput: ToolOutput | undefined
  /** Names of the tools on offer; tools in a namespace, such as those of MCP servers, as `namespace.name`. */
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

// Some models get their tools in an item of the input.
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
 * Reads a request. A body that is not a JSON object gives a request without a model, an input or tools.
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
 * One line about a request, for a report: what it brings, shortened.
 *
 * @category formatting
 * @since 0.1.0
 */
export const describe = (request: ModelRequest): string =>
  request.lastToolOutput === undefined
    ? `prompt ${shorten(JSON.stringify(request.lastUserText))}`
    : `output of ${request.lastToolOutput.callId} ${shorten(JSON.stringify(request.lastToolOutput.output))}`

/**
 * Cuts a text for one line of a report.
 *
 * @category formatting
 * @since 0.1.0
 */
export const shorten = (text: string): string => (text.length <= 80 ? text : `${text.slice(0, 79)}…`)
