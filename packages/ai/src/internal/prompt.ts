/**
 * A prompt of `effect/ai` in codex's terms: instructions, items of the model's API, and the input of a turn; and the keys by
 * which the same conversation is found again.
 *
 * The module converts and compares. It starts nothing, and knows no thread.
 */
import * as Input from "@effect-codex/core/Input"
import { toContentItems } from "@effect-codex/core/Tools"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Base64 from "effect/encoding/Base64"
import * as Hex from "effect/encoding/Hex"
import type * as AiError from "effect/ai/AiError"
import type * as Prompt from "effect/ai/Prompt"
import { refused } from "./errors.ts"

/** The content of a message: the same for the same meaning. Ids name a call better than its arguments, which may have been decoded. */
const normalize = (message: Prompt.Message): ReadonlyArray<unknown> => {
  switch (message.role) {
    case "system":
      return ["system", message.content]
    case "user":
      return ["user", ...message.content.map(normalizePart)]
    case "assistant":
    case "tool":
      return [message.role, ...message.content.flatMap((part) => normalizeAnswer(part))]
  }
}

// A history can have values that a program put there, and JSON cannot say all of them.
const toJson = (method: string, value: unknown): Effect.Effect<string, AiError.AiError> =>
  Effect.fromResult(
    Result.try({
      try: () => JSON.stringify(value) ?? "null",
      catch: (cause) => refused(method, "prompt", `a value of the prompt is not JSON: ${String(cause)}`)
    })
  )

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

const keyOf = (method: string, before: string, message: Prompt.Message) =>
  Effect.flatMap(toJson(method, normalize(message)), (text) => digest(`${before}${text}`))

/** The key of each prefix of the messages, the empty one first. */
export const keysOf = Effect.fnUntraced(function* (
  method: string,
  seed: string,
  messages: ReadonlyArray<Prompt.Message>
) {
  const keys = [yield* digest(seed)]
  for (const message of messages) keys.push(yield* keyOf(method, keys.at(-1) ?? "", message))
  return keys
})

/** The key of a conversation after these messages. */
export const extendKey = Effect.fnUntraced(function* (
  method: string,
  key: string,
  messages: ReadonlyArray<Prompt.Message>
) {
  let extended = key
  for (const message of messages) extended = yield* keyOf(method, extended, message)
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
  /^image\//i.test(mediaType) ? "image" : /^audio\//i.test(mediaType) ? "audio" : undefined

type Item = Readonly<Record<string, unknown>>

/** Messages as items of the model's API, as `thread/inject_items` takes them. */
export const toItems = (
  method: string,
  messages: ReadonlyArray<Prompt.Message>
): Effect.Effect<ReadonlyArray<Item>, AiError.AiError> =>
  Effect.map(
    Effect.forEach(messages, (message) => itemsOf(method, message)),
    (items) => items.flat()
  )

const itemsOf = (method: string, message: Prompt.Message): Effect.Effect<ReadonlyArray<Item>, AiError.AiError> => {
  switch (message.role) {
    case "system":
      return Effect.succeed(messageItems("developer", [{ type: "input_text", text: message.content }]))
    case "user":
      return Effect.map(toInput(method, message.content), (parts) =>
        messageItems(
          "user",
          parts.map((part) =>
            part.type === "text"
              ? { type: "input_text", text: part.text }
              : part.type === "audio"
                ? { type: "input_audio", audio_url: part.url }
                : { type: "input_image", image_url: "url" in part ? part.url : "" }
          )
        )
      )
    case "assistant":
    case "tool":
      return Effect.map(
        Effect.forEach(message.content, (part) => answerItems(method, part)),
        (items) => items.flat()
      )
  }
}

const messageItems = (role: string, content: ReadonlyArray<unknown>): ReadonlyArray<Item> =>
  content.length === 0 ? [] : [{ type: "message", role, content }]

const answerItems = (
  method: string,
  part: Prompt.AssistantMessagePart | Prompt.ToolMessagePart
): Effect.Effect<ReadonlyArray<Item>, AiError.AiError> => {
  switch (part.type) {
    case "text":
      return Effect.succeed(
        part.text === "" ? [] : messageItems("assistant", [{ type: "output_text", text: part.text }])
      )
    case "file":
      return Effect.fail(refused(method, "prompt", "codex takes no files from the assistant"))
    case "tool-call":
      return Effect.map(toJson(method, part.params ?? {}), (args) => [
        { type: "function_call", name: part.name, arguments: args, call_id: part.id }
      ])
    case "tool-result":
      return Effect.succeed([{ type: "function_call_output", call_id: part.id, output: outputOf(part) }])
    default:
      return Effect.succeed([])
  }
}

const outputOf = ({ modelOutput, result }: Prompt.ToolResultPart): unknown => {
  const items = toContentItems(result, modelOutput)
  const [only] = items
  return items.length === 1 && only?.type === "inputText"
    ? only.text
    : items.map((item) => {
        switch (item.type) {
          case "inputText":
            return { type: "input_text", text: item.text }
          case "inputImage":
            return { type: "input_image", image_url: item.imageUrl }
          case "inputAudio":
            return { type: "input_audio", audio_url: item.audioUrl }
        }
      })
}

/** The results that messages bring, by the id of their call. */
export const resultsIn = (messages: ReadonlyArray<Prompt.Message>): ReadonlyMap<string, Prompt.ToolResultPart> =>
  new Map(
    messages.flatMap((message) =>
      message.role === "tool"
        ? message.content.flatMap((part) => (part.type === "tool-result" ? [[part.id, part] as const] : []))
        : []
    )
  )
