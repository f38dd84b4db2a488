/**
 * A prompt of `effect/ai` in codex's terms: instructions, items of the model's API, and the input of a turn; and the keys by
 * which the same conversation is found again.
 *
 * The module converts and compares. It starts nothing, and knows no thread.
 */
import * as Input from "@effect-codex/core/Input"
import * as Effect from "effect/Effect"
import * as Base64 from "effect/encoding/Base64"
import * as Hex from "effect/encoding/Hex"
import type * as AiError from "effect/ai/AiError"
import type * as Prompt from "effect/ai/Prompt"
import { refused } from "./errors.ts"

/** A message as one string: the same for what means the same. Ids name a call better than its arguments, which may have been decoded. */
const normalize = (message: Prompt.Message): string => {
  switch (message.role) {
    case "system":
      return JSON.stringify(["system", message.content])
    case "user":
      return JSON.stringify(["user", ...message.content.map(normalizePart)])
    case "assistant":
    case "tool":
      return JSON.stringify([message.role, ...message.content.flatMap((part) => normalizeAnswer(part))])
  }
}

const normalizePart = (part: Prompt.TextPart | Prompt.FilePart) =>
  part.type === "text" ? part.text : [part.mediaType, dataOf(part)]

const normalizeAnswer = (part: Prompt.AssistantMessagePart | Prompt.ToolMessagePart): ReadonlyArray<unknown> => {
  switch (part.type) {
    case "text":
    case "file":
      return [normalizePart(part)]
    case "tool-call":
      return [["call", part.id, part.name]]
    case "tool-result":
      return [["result", part.id, part.name, part.isFailure, part.result]]
    // Reasoning and approvals are not sent again.
    case "reasoning":
    case "tool-approval-request":
    case "tool-approval-response":
      return []
  }
}

const encoder = new TextEncoder()

const digest = (text: string): Effect.Effect<string> =>
  Effect.map(
    Effect.promise(() => globalThis.crypto.subtle.digest("SHA-256", encoder.encode(text))),
    (bytes) => Hex.encode(new Uint8Array(bytes))
  )

/** The key of each prefix of the messages, the empty one first. */
export const keysOf = Effect.fnUntraced(function* (seed: string, messages: ReadonlyArray<Prompt.Message>) {
  const keys = [yield* digest(seed)]
  for (const message of messages) keys.push(yield* digest(`${keys.at(-1)}${normalize(message)}`))
  return keys
})

/** The key of a conversation after these messages. */
export const extendKey = Effect.fnUntraced(function* (key: string, messages: ReadonlyArray<Prompt.Message>) {
  let extended = key
  for (const message of messages) extended = yield* digest(`${extended}${normalize(message)}`)
  return extended
})

/** The first messages of the system, which are the instructions of a thread, and what follows them. */
export const splitInstructions = (messages: ReadonlyArray<Prompt.Message>) => {
  const end = messages.findIndex(({ role }) => role !== "system")
  const count = end === -1 ? messages.length : end
  return {
    instructions: messages.slice(0, count).flatMap((message) => (message.role === "system" ? [message.content] : [])),
    rest: messages.slice(count)
  }
}

/** The messages before a turn, and the input of the turn: the last message, if it is the user's. */
export const splitInput = (
  messages: ReadonlyArray<Prompt.Message>
): { readonly before: ReadonlyArray<Prompt.Message>; readonly input: ReadonlyArray<Prompt.UserMessagePart> } => {
  const last = messages.at(-1)
  return last?.role === "user"
    ? { before: messages.slice(0, -1), input: last.content }
    : { before: messages, input: [] }
}

const dataOf = ({ data, mediaType }: Pick<Prompt.FilePart, "data" | "mediaType">): string => {
  if (data instanceof URL) return data.href
  if (typeof data === "string" && data.startsWith("data:")) return data
  return `data:${mediaType};base64,${typeof data === "string" ? data : Base64.encode(data)}`
}

/** The user's message as the input of a turn. */
export const toInput = (
  method: string,
  parts: ReadonlyArray<Prompt.UserMessagePart>
): Effect.Effect<ReadonlyArray<Input.Part>, AiError.AiError> =>
  Effect.forEach(parts, (part): Effect.Effect<Input.Part, AiError.AiError> => {
    if (part.type === "text") return Effect.succeed({ type: "text", text: part.text })
    const kind = kindOf(part.mediaType)
    return kind === undefined
      ? Effect.fail(refused(method, "prompt", `codex takes images and audio, not files of the type ${part.mediaType}`))
      : Effect.succeed({ type: kind, url: dataOf(part) })
  }).pipe(
    Effect.tap((input) =>
      Effect.mapError(Input.checkParts(input), ({ description }) => refused(method, "prompt", description))
    )
  )

const kindOf = (mediaType: string): "image" | "audio" | undefined =>
  mediaType.startsWith("image/") ? "image" : mediaType.startsWith("audio/") ? "audio" : undefined

/** Messages as items of the model's API, as `thread/inject_items` takes them. */
export const toItems = (
  method: string,
  messages: ReadonlyArray<Prompt.Message>
): Effect.Effect<ReadonlyArray<Record<string, unknown>>, AiError.AiError> =>
  Effect.map(
    Effect.forEach(messages, (message) => itemsOf(method, message)),
    (items) => items.flat()
  )

const itemsOf = (method: string, message: Prompt.Message) => {
  switch (message.role) {
    case "system":
      return Effect.succeed([messageItem("developer", [{ type: "input_text", text: message.content }])])
    case "user":
      return Effect.map(toInput(method, message.content), (parts) => [
        messageItem(
          "user",
          parts.map((part) =>
            part.type === "text"
              ? { type: "input_text", text: part.text }
              : part.type === "audio"
                ? { type: "input_audio", audio_url: part.url }
                : { type: "input_image", image_url: "url" in part ? part.url : "" }
          )
        )
      ])
    case "assistant":
    case "tool":
      return Effect.succeed(message.content.flatMap(answerItems))
  }
}

const messageItem = (role: string, content: ReadonlyArray<unknown>): Record<string, unknown> => ({
  type: "message",
  role,
  content
})

const answerItems = (
  part: Prompt.AssistantMessagePart | Prompt.ToolMessagePart
): ReadonlyArray<Record<string, unknown>> => {
  switch (part.type) {
    case "text":
      return part.text === "" ? [] : [messageItem("assistant", [{ type: "output_text", text: part.text }])]
    case "tool-call":
      return [
        { type: "function_call", name: part.name, arguments: JSON.stringify(part.params ?? {}), call_id: part.id }
      ]
    case "tool-result":
      return [{ type: "function_call_output", call_id: part.id, output: textOf(part.result) }]
    default:
      return []
  }
}

/** A result as the model reads it. */
export const textOf = (value: unknown): string =>
  typeof value === "string" ? value : (JSON.stringify(value) ?? "null")

/** The results that messages bring, by the id of their call. */
export const resultsIn = (messages: ReadonlyArray<Prompt.Message>): ReadonlyMap<string, Prompt.ToolResultPart> =>
  new Map(
    messages.flatMap((message) =>
      message.role === "tool"
        ? message.content.flatMap((part) => (part.type === "tool-result" ? [[part.id, part] as const] : []))
        : []
    )
  )
