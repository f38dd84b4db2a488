/**
 * The replies of a scripted model, and their encoding as events of the Responses API.
 *
 * A reply is a list of parts: text, reasoning and tool calls, with pauses, gates, broken events or a lost connection between
 * them. This module knows the wire format that codex reads, but no sockets, scripts or requests. Ids are counters, so that the
 * same script always produces the same bytes.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Sse from "effect/encoding/Sse"
import type { ModelRequest } from "./ModelRequest.ts"
import { shorten } from "./ModelRequest.ts"

/**
 * A place in a reply where the stream waits until the test opens it. Made with {@link gate}.
 *
 * @category models
 * @since 0.1.0
 */
export interface Gate {
  readonly _tag: "Gate"
  /** Waits until a reply has reached the gate, so that everything before it was handed to the connection. */
  readonly reached: Effect.Effect<void>
  /** Opens the gate permanently. */
  readonly open: Effect.Effect<void>
  /** Run by a reply at the gate: reports that it was reached, then waits until it is open. */
  readonly pass: Effect.Effect<void>
}

/**
 * An event of the stream between the parts of a reply, or within one.
 *
 * @category models
 * @since 0.1.0
 */
export type Control =
  | Gate
  | { readonly _tag: "Delay"; readonly duration: Duration.Input }
  | { readonly _tag: "Event"; readonly type: string; readonly data: Readonly<Record<string, unknown>> }
  | { readonly _tag: "Malformed"; readonly bytes: string }
  | { readonly _tag: "Failed"; readonly code: string; readonly message: string }
  | { readonly _tag: "Disconnect" }

/**
 * The token usage that a reply reports. Defaults: `input` 100, `output` 10, the others 0. `cached` is part of `input`, and
 * `reasoning` is part of `output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Usage {
  readonly input?: number | undefined
  readonly cached?: number | undefined
  readonly output?: number | undefined
  readonly reasoning?: number | undefined
}

/**
 * One part of a reply.
 *
 * @category models
 * @since 0.1.0
 */
export type Part =
  | Control
  | {
      readonly _tag: "Text"
      readonly phase: "commentary" | "final_answer" | undefined
      readonly chunks: ReadonlyArray<string | Control>
    }
  | { readonly _tag: "Reasoning"; readonly chunks: ReadonlyArray<string | Control> }
  | {
      readonly _tag: "ToolCall"
      readonly type: "function_call" | "custom_tool_call"
      readonly name: string
      readonly namespace: string | undefined
      readonly callId: string | undefined
      readonly input: string
    }
  | { readonly _tag: "Item"; readonly item: Readonly<Record<string, unknown>> }
  | { readonly _tag: "Usage"; readonly usage: Usage }

/**
 * A condition on the request that gets a reply.
 *
 * @category models
 * @since 0.1.0
 */
export interface Check {
  readonly message: string
  readonly holds: (request: ModelRequest) => boolean
}

/**
 * The answer to one request: a stream of events, or an HTTP error.
 *
 * @category models
 * @since 0.1.0
 */
export type Reply =
  | { readonly _tag: "Stream"; readonly parts: ReadonlyArray<Part>; readonly checks: ReadonlyArray<Check> }
  | {
      readonly _tag: "HttpError"
      readonly status: number
      readonly headers: Readonly<Record<string, string>>
      readonly body: string
      readonly checks: ReadonlyArray<Check>
    }

/**
 * A reply of these parts, in order. Without parts the reply is empty and ends the turn.
 *
 * @category replies
 * @since 0.1.0
 */
export const reply = (...parts: ReadonlyArray<Part>): Reply => ({ _tag: "Stream", parts, checks: [] })

/**
 * Answers with an HTTP error and `{ error: { message, type, code } }`. The turn fails with it, since a throwaway home disables
 * retries.
 *
 * **Details**
 *
 * Codex maps the status to the reason of the failed turn: 401 to `httpConnectionFailed`; 429 to
 * `responseTooManyFailedAttempts`, or with the type `usage_limit_reached` to `usageLimitExceeded`; 500 to
 * `internalServerError`; 503 with the code `server_is_overloaded` to `serverOverloaded`; 400 to `other`. `body` replaces the
 * whole body.
 *
 * @category replies
 * @since 0.1.0
 */
export const error = (
  status: number,
  message: string,
  options?: {
    readonly type?: string | undefined
    readonly code?: string | undefined
    readonly headers?: Readonly<Record<string, string>> | undefined
    readonly body?: string | undefined
  }
): Reply => ({
  _tag: "HttpError",
  status,
  headers: options?.headers ?? {},
  body:
    options?.body ??
    JSON.stringify({
      error: { message, type: options?.type ?? "mock_error", code: options?.code ?? null, param: null }
    }),
  checks: []
})

/**
 * Gives the reply only to a request for which `holds` returns true. If it returns false or throws, the request gets an HTTP
 * error that ends the turn, and the report quotes `message` and the thrown value.
 *
 * @category replies
 * @since 0.1.0
 */
export const expect = (message: string, holds: (request: ModelRequest) => boolean, reply: Reply): Reply => ({
  ...reply,
  checks: [...reply.checks, { message, holds }]
})

/**
 * An assistant message without a phase. A single string is sent as one delta per word. Several strings are the deltas
 * themselves, and may have controls between them.
 *
 * @category parts
 * @since 0.1.0
 */
export const text = (...chunks: ReadonlyArray<string | Control>): Part => message(undefined, chunks)

/**
 * A message that the model marks as commentary, in deltas like {@link text}.
 *
 * @category parts
 * @since 0.1.0
 */
export const commentary = (...chunks: ReadonlyArray<string | Control>): Part => message("commentary", chunks)

/**
 * A message that the model marks as the final answer, in deltas like {@link text}.
 *
 * @category parts
 * @since 0.1.0
 */
export const finalAnswer = (...chunks: ReadonlyArray<string | Control>): Part => message("final_answer", chunks)

const message = (phase: "commentary" | "final_answer" | undefined, chunks: ReadonlyArray<string | Control>): Part => ({
  _tag: "Text",
  phase,
  chunks: byWord(chunks)
})

/**
 * Reasoning with a summary, in deltas like {@link text}.
 *
 * @category parts
 * @since 0.1.0
 */
export const reasoning = (...chunks: ReadonlyArray<string | Control>): Part => ({
  _tag: "Reasoning",
  chunks: byWord(chunks)
})

const byWord = (chunks: ReadonlyArray<string | Control>): ReadonlyArray<string | Control> => {
  const [only] = chunks
  return chunks.length === 1 && typeof only === "string" ? (only.match(/\s*\S+(?:\s+$)?/g) ?? chunks) : chunks
}

/**
 * A call of a function tool. A string as `args` is sent unchanged, so that a script can also send arguments that are not JSON.
 *
 * @category parts
 * @since 0.1.0
 */
export const functionCall = (
  name: string,
  args: unknown,
  options?: { readonly callId?: string | undefined; readonly namespace?: string | undefined }
): Part => ({
  _tag: "ToolCall",
  type: "function_call",
  name,
  namespace: options?.namespace,
  callId: options?.callId,
  input: typeof args === "string" ? args : JSON.stringify(args)
})

/**
 * A call of a custom tool, whose input is free text.
 *
 * @category parts
 * @since 0.1.0
 */
export const customToolCall = (
  name: string,
  input: string,
  options?: { readonly callId?: string | undefined; readonly namespace?: string | undefined }
): Part => ({
  _tag: "ToolCall",
  type: "custom_tool_call",
  name,
  namespace: options?.namespace,
  callId: options?.callId,
  input
})

/**
 * A raw output item, including its `type` and `id`.
 *
 * @category parts
 * @since 0.1.0
 */
export const item = (item: Readonly<Record<string, unknown>>): Part => ({ _tag: "Item", item })

/**
 * The usage that the end of the reply reports, regardless of the position of this part.
 *
 * @category parts
 * @since 0.1.0
 */
export const usage = (usage: Usage): Part => ({ _tag: "Usage", usage })

/**
 * Makes a gate: put it between parts or chunks, wait for `reached`, then `open` it.
 *
 * @category controls
 * @since 0.1.0
 */
export const gate: Effect.Effect<Gate> = Effect.sync(() => {
  const reached = Deferred.makeUnsafe<void>()
  const opened = Deferred.makeUnsafe<void>()
  return {
    _tag: "Gate",
    reached: Deferred.await(reached),
    open: Effect.asVoid(Deferred.succeed(opened, undefined)),
    pass: Effect.andThen(Deferred.succeed(reached, undefined), Deferred.await(opened))
  }
})

/**
 * A pause of the stream, measured by the `Clock` that the server was started with.
 *
 * @category controls
 * @since 0.1.0
 */
export const delay = (duration: Duration.Input): Control => ({ _tag: "Delay", duration })

/**
 * Any server-sent event, given by its type and its other fields.
 *
 * @category controls
 * @since 0.1.0
 */
export const event = (type: string, data: Readonly<Record<string, unknown>> = {}): Control => ({
  _tag: "Event",
  type,
  data
})

/**
 * Raw bytes instead of an event. Default: an event whose data is not JSON.
 *
 * @category controls
 * @since 0.1.0
 */
export const malformed = (bytes = "event: response.output_text.delta\ndata: {not json\n\n"): Control => ({
  _tag: "Malformed",
  bytes
})

/**
 * Fails the response with the error `code` after its stream has begun, and ends it.
 *
 * **Details**
 *
 * Codex maps the code to the reason of the failed turn: `context_length_exceeded` to `contextWindowExceeded`;
 * `insufficient_quota` and `usage_not_included` to `usageLimitExceeded`; `server_is_overloaded` to `serverOverloaded`;
 * `rate_limit_exceeded` to `rateLimitExceeded`; `cyber_policy` to `cyberPolicy`; any other code to `other`.
 *
 * @category controls
 * @since 0.1.0
 */
export const failed = (code: string, message: string): Control => ({ _tag: "Failed", code, message })

/**
 * Cuts the connection in the middle of the response.
 *
 * @category controls
 * @since 0.1.0
 */
export const disconnect: Control = { _tag: "Disconnect" }

/**
 * Describes a reply in one line, for a report.
 *
 * @category formatting
 * @since 0.1.0
 */
export const describe = (reply: Reply): string => {
  if (reply._tag === "HttpError") return `HTTP ${reply.status} ${shorten(reply.body)}`
  const parts = reply.parts.flatMap(describePart)
  return parts.length === 0 ? "an empty reply" : shorten(parts.join(", "))
}

const describePart = (part: Part): ReadonlyArray<string> => {
  switch (part._tag) {
    case "Text":
    case "Reasoning":
      return [`${part._tag.toLowerCase()} ${JSON.stringify(joinChunks(part.chunks))}`]
    case "ToolCall":
      return [`${part.name} ${part.input}`]
    case "Item":
      return [`item ${JSON.stringify(part.item)}`]
    case "Event":
      return [`event ${part.type}`]
    case "Failed":
      return [`failed ${part.code}`]
    case "Malformed":
      return ["malformed bytes"]
    case "Disconnect":
      return ["disconnect"]
    default:
      return []
  }
}

const joinChunks = (chunks: ReadonlyArray<string | Control>): string =>
  chunks.filter((chunk) => typeof chunk === "string").join("")

/**
 * The next action of the connection for a reply: write, wait, or disconnect.
 *
 * @category encoding
 * @since 0.1.0
 */
export type Frame =
  | { readonly _tag: "Write"; readonly text: string }
  | { readonly _tag: "Wait"; readonly wait: Effect.Effect<void> }
  | { readonly _tag: "Disconnect" }

/**
 * The frames of a reply, from `response.created` to `response.completed`, or to the point where the reply fails or
 * disconnects. `nextId` returns the next id of a kind, such as `msg` or `call`.
 *
 * @category encoding
 * @since 0.1.0
 */
export const frames = (parts: ReadonlyArray<Part>, nextId: (kind: string) => string): ReadonlyArray<Frame> => {
  const out: Array<Frame> = []
  const responseId = nextId("resp")
  let outputIndex = 0
  let spent: Usage = {}

  const write = (text: string) => {
    const last = out.at(-1)
    if (last?._tag === "Write") out[out.length - 1] = { _tag: "Write", text: last.text + text }
    else out.push({ _tag: "Write", text })
  }
  const send = (type: string, data: Readonly<Record<string, unknown>>) =>
    write(Sse.encoder.write({ _tag: "Event", event: type, id: undefined, data: JSON.stringify({ type, ...data }) }))

  // Returns whether the stream continues.
  const control = (control: Control): boolean => {
    switch (control._tag) {
      case "Gate":
        out.push({ _tag: "Wait", wait: control.pass })
        return true
      case "Delay":
        out.push({ _tag: "Wait", wait: Effect.sleep(control.duration) })
        return true
      case "Event":
        send(control.type, control.data)
        return true
      case "Malformed":
        write(control.bytes)
        return true
      case "Failed":
        send("response.failed", {
          response: { id: responseId, status: "failed", error: { code: control.code, message: control.message } }
        })
        return false
      case "Disconnect":
        out.push({ _tag: "Disconnect" })
        return false
    }
  }

  const chunks = (all: ReadonlyArray<string | Control>, delta: (text: string) => void): boolean =>
    all.every((chunk) => (typeof chunk === "string" ? (delta(chunk), true) : control(chunk)))

  const output = (item: Readonly<Record<string, unknown>>) => {
    send("response.output_item.done", { output_index: outputIndex++, item })
    return true
  }

  const part = (part: Part): boolean => {
    switch (part._tag) {
      case "Text": {
        const id = nextId("msg")
        const phase = part.phase === undefined ? {} : { phase: part.phase }
        const item = { type: "message", role: "assistant", id, ...phase }
        send("response.output_item.added", { output_index: outputIndex, item: { ...item, content: [] } })
        return (
          chunks(part.chunks, (delta) =>
            send("response.output_text.delta", { item_id: id, output_index: outputIndex, content_index: 0, delta })
          ) && output({ ...item, content: [{ type: "output_text", text: joinChunks(part.chunks), annotations: [] }] })
        )
      }
      case "Reasoning": {
        const id = nextId("rs")
        const item = { type: "reasoning", id, encrypted_content: null }
        const at = { item_id: id, output_index: outputIndex, summary_index: 0 }
        send("response.output_item.added", { output_index: outputIndex, item: { ...item, summary: [] } })
        send("response.reasoning_summary_part.added", { ...at, part: { type: "summary_text", text: "" } })
        return (
          chunks(part.chunks, (delta) => send("response.reasoning_summary_text.delta", { ...at, delta })) &&
          output({ ...item, summary: [{ type: "summary_text", text: joinChunks(part.chunks) }] })
        )
      }
      case "ToolCall":
        return output({
          type: part.type,
          id: nextId(part.type === "function_call" ? "fc" : "ctc"),
          call_id: part.callId ?? nextId("call"),
          name: part.name,
          ...(part.namespace === undefined ? {} : { namespace: part.namespace }),
          ...(part.type === "function_call" ? { arguments: part.input } : { input: part.input })
        })
      case "Item":
        return output(part.item)
      case "Usage":
        spent = part.usage
        return true
      default:
        return control(part)
    }
  }

  send("response.created", { response: { id: responseId, status: "in_progress", output: [] } })
  if (parts.every(part)) {
    const { cached = 0, input = 100, output = 10, reasoning = 0 } = spent
    send("response.completed", {
      response: {
        id: responseId,
        status: "completed",
        usage: {
          input_tokens: input,
          input_tokens_details: { cached_tokens: cached },
          output_tokens: output,
          output_tokens_details: { reasoning_tokens: reasoning },
          total_tokens: input + output
        }
      }
    })
  }
  return out
}
