/**
 * Registers a toolkit with an MCP server: descriptions of its tools, calls with the turn that they belong to, and results.
 *
 * The module knows MCP and tools. It must not know how the server is reached, or who has access.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Base64 from "effect/encoding/Base64"
import * as Layer from "effect/Layer"
import * as McpSchema from "effect/ai/McpSchema"
import * as McpServer from "effect/ai/McpServer"
import * as Tool from "effect/ai/Tool"
import type * as Toolkit from "effect/ai/Toolkit"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { InvalidConfig } from "../CodexError.ts"
import type {
  DynamicToolCallOutputContentItem,
  DynamicToolCallResponse,
  DynamicToolSpec
} from "../protocol/generated/Stable.ts"
import { encode } from "./rpc/encode.ts"
import type { ToolCallHandler } from "../ServerRequest.ts"
import type { Bound, Tools } from "../Tools.ts"
import type { CallTool } from "../ToolServer.ts"

/** The codex process that calls a tool. Without a `callTool`, its calls are refused. */
export interface Caller {
  callTool: CallTool | undefined
}

/** The caller of the current request. */
export const CurrentCaller = Context.Reference<Caller | undefined>("@effect-codex/core/internal/mcpCaller", {
  defaultValue: () => undefined
})

/** Registers the tools of a toolkit. Names and parameters that MCP cannot express fail with `InvalidConfig`. */
export const layer = <T extends Tools>(
  toolkit: Toolkit.Toolkit<T>,
  { onToolCall, specs }: Pick<Bound, "onToolCall" | "specs">,
  nonce: string
): Layer.Layer<never, InvalidConfig, McpServer.McpServer> =>
  Layer.effectDiscard(
    Effect.forEach(
      specs,
      (spec) => register(spec, toolkit.tools[spec.name]?.annotations ?? Context.empty(), nonce, onToolCall),
      { discard: true }
    )
  )

/** The title of a tool, which only a codex with access knows. */
export const titleOf = (tool: string, nonce: string): string => `${tool} ${nonce}`

const register = Effect.fnUntraced(function* (
  spec: DynamicToolSpec,
  annotations: Context.Context<never>,
  nonce: string,
  run: ToolCallHandler
) {
  if (spec.type !== "function") return
  const refuse = (description: string) => new InvalidConfig({ path: `tools.${spec.name}`, description })
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(spec.name)) {
    return yield* refuse("the name of a tool has up to 64 letters, digits, `_` and `-`")
  }
  const { description, inputSchema: parameters } = yield* Effect.mapError(
    repair({ description: spec.description, inputSchema: spec.inputSchema }),
    refuse
  )
  const inputSchema = yield* Schema.decodeUnknownEffect(McpSchema.ToolJson)(parameters).pipe(
    Effect.mapError(() => refuse("the parameters of a tool have to be an object"))
  )
  const registry = yield* McpServer.McpServer
  const services = yield* Effect.context()
  yield* registry.addTool({
    tool: new McpSchema.Tool({
      name: spec.name,
      title: titleOf(spec.name, nonce),
      description,
      inputSchema,
      annotations: {
        readOnlyHint: Context.get(annotations, Tool.Readonly),
        destructiveHint: Context.get(annotations, Tool.Destructive),
        idempotentHint: Context.get(annotations, Tool.Idempotent),
        openWorldHint: Context.get(annotations, Tool.OpenWorld)
      }
    }),
    annotations: Context.empty(),
    services,
    handle: (args: unknown) => Effect.map(call(spec.name, args, run), toResult)
  })
})

// Encodes a definition like a message of the connection: codex rejects a whole response with an unpaired surrogate in it.
const repair = (definition: { readonly description: string; readonly inputSchema?: unknown }) =>
  Effect.flatMap(Effect.fromResult(encode(definition)), (line) => Effect.orDie(decodeDefinition(line)))

const decodeDefinition = Schema.decodeEffect(
  Schema.fromJsonString(Schema.Struct({ description: Schema.String, inputSchema: Schema.optionalKey(Schema.Unknown) }))
)

// Codex names the thread and the turn of a call in its metadata.
const call = Effect.fnUntraced(function* (tool: string, args: unknown, run: ToolCallHandler) {
  const caller = yield* CurrentCaller
  const { requestMetadata } = yield* McpSchema.McpRequestContext
  const about = callerIn(requestMetadata)
  if (caller?.callTool === undefined || about === undefined) return refused
  return yield* caller.callTool({ ...about, tool, namespace: null, arguments: args ?? {} }, run)
})

// Codex names the thread, the turn and the call since 0.162 at the latest.
const callerIn = (
  meta: unknown
): { readonly threadId: string; readonly turnId: string; readonly callId: string } | undefined => {
  if (!Predicate.isReadonlyObject(meta)) return undefined
  const { callId, threadId, "x-codex-turn-metadata": turn } = meta
  const turnId = Predicate.isReadonlyObject(turn) ? turn["turn_id"] : undefined
  return typeof threadId === "string" && typeof turnId === "string" && typeof callId === "string"
    ? { threadId, turnId, callId }
    : undefined
}

const refused: DynamicToolCallResponse = {
  success: false,
  contentItems: [{ type: "inputText", text: "The call was refused: it belongs to no turn of this program." }]
}

const toResult = ({ contentItems, success }: DynamicToolCallResponse): McpSchema.CallToolResult =>
  new McpSchema.CallToolResult({ isError: !success, content: contentItems.map(toContent) })

const toContent = (item: DynamicToolCallOutputContentItem): McpSchema.ContentBlock => {
  if (item.type === "inputText") return { type: "text", text: item.text.toWellFormed() }
  const url = item.type === "inputImage" ? item.imageUrl : item.type === "inputAudio" ? item.audioUrl : ""
  const [, mimeType = "", encoded = ""] = /^data:([^,;]*);base64,(.*)$/s.exec(url.toWellFormed()) ?? []
  const data = Option.getOrUndefined(Result.getSuccess(Base64.decode(encoded)))
  if (data === undefined) return { type: "text", text: `[${item.type}]` }
  return { type: item.type === "inputAudio" ? "audio" : "image", data, mimeType }
}
