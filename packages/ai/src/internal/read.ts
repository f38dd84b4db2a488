/**
 * Reads a turn as one response: until it is over, or calls a tool of the caller and waits.
 *
 * The module knows the parts of a response. It must not send messages.
 */
import type { ThreadItem } from "@effect-codex/core/protocol/generated/Experimental"
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import type { Span } from "effect/Tracer"
import type * as AiError from "effect/ai/AiError"
import * as Prompt from "effect/ai/Prompt"
import type * as Response from "effect/ai/Response"
import * as Telemetry from "effect/ai/Telemetry"
import { fromCodex } from "./errors.ts"
import { type Opened, type Owned, release, type Request, type Setting } from "./open.ts"
import { collect, makeParts } from "./parts.ts"
import * as Prompts from "./prompt.ts"
import type * as Turn from "./turn.ts"
import * as Usage from "./usage.ts"

type Part = Response.StreamPartEncoded

/** Calls of one answer of the model come together. */
const callWindow = Duration.millis(50)

/** Gives the next parts of the response each time it is run. */
export const read = (
  setting: Setting,
  request: Request,
  { format, key, memory, reported, thread, turn }: Opened,
  owned: Owned,
  span: Span
): Effect.Effect<Arr.NonEmptyReadonlyArray<Part>, AiError.AiError | Cause.Done> => {
  const withText = request.outputSchema === undefined
  const parts = makeParts(request.declared, withText, memory)
  const sent: Array<Part> = [{ type: "response-metadata", id: turn.id, modelId: setting.model }]
  const calls: Array<string> = []
  let used = Usage.none
  let isBegun = false
  /** When the response ends with the calls that have come. */
  let callsEnd = Number.POSITIVE_INFINITY

  const finish = Effect.fnUntraced(function* (
    reason: "stop" | "tool-calls",
    usage: Usage.Usage,
    tail: ReadonlyArray<Part>
  ) {
    const last = [...parts.end(), ...tail]
    const at = yield* Prompts.extendKey(request.method, key, messagesOf([...sent, ...last]))
    const isHeld = reason === "tool-calls"
    const held = isHeld ? { turn, calls, format, memory, reported: Usage.add(reported, usage) } : undefined
    const lifetime = isHeld ? setting.holdTimeout : undefined
    const entry = { value: { thread, held }, release: Effect.andThen(turn.close, release(setting, thread)) }
    const keep = Effect.suspend(() => {
      owned.isKept = true
      return Effect.andThen(isHeld ? Effect.void : turn.close, setting.conversations.put(at, entry, lifetime))
    })
    yield* Effect.uninterruptible(keep)
    annotate(setting, span, turn.id, reason, usage)
    const metadata = { codex: { threadId: thread.id, turnId: turn.id, items: parts.work().map(workOf) } }
    const finished: Part = {
      type: "finish",
      reason,
      usage: Usage.toResponse(usage),
      response: undefined,
      metadata
    }
    return [...last, finished]
  })

  const step = Effect.suspend((): Effect.Effect<ReadonlyArray<Part>, AiError.AiError | Cause.Done> => {
    if (owned.isKept) return Cause.done()
    return calls.length === 0 ? Effect.flatMap(Queue.take(turn.events), add) : more
  })

  // A command can go on talking at the time, and does not keep the calls back.
  const more = Effect.gen(function* () {
    const left = callsEnd - (yield* Clock.currentTimeMillis)
    const event = left <= 0 ? Option.none() : yield* Effect.timeoutOption(Queue.take(turn.events), left)
    return Option.isSome(event) ? yield* add(event.value) : yield* finish("tool-calls", used, [])
  })

  const add = Effect.fnUntraced(function* (event: Turn.Event) {
    switch (event._tag) {
      case "Said": {
        const { notification } = event
        if (notification.method === "thread/tokenUsage/updated") {
          used = Usage.add(used, notification.params.tokenUsage.last)
        }
        return parts.add(notification)
      }
      case "Called": {
        const { arguments: params, callId: id, tool: name } = event.call
        if (calls.length === 0) callsEnd = (yield* Clock.currentTimeMillis) + Duration.toMillis(callWindow)
        calls.push(id)
        const call: Part = { type: "tool-call", id, name, params, providerExecuted: false }
        return [...parts.end(), call]
      }
      case "Ended": {
        const { exit } = event
        if (Exit.isFailure(exit)) return yield* Effect.mapError(Effect.failCause(exit.cause), fromCodex(request.method))
        const { text, usage } = exit.value
        const rest = usage === undefined ? used : Usage.subtract(usage.withSubAgents, reported)
        return yield* finish("stop", rest, withText ? [] : textParts(turn.id, text))
      }
    }
  })

  return Effect.gen(function* () {
    if (!isBegun) {
      isBegun = true
      return Arr.of(sent[0] ?? { type: "response-metadata" })
    }
    while (true) {
      const made = yield* step
      if (!Arr.isReadonlyArrayNonEmpty(made)) continue
      sent.push(...made)
      return made
    }
  })
}

const textParts = (id: string, text: string): ReadonlyArray<Part> =>
  text === ""
    ? []
    : [
        { type: "text-start", id },
        { type: "text-delta", id, delta: text },
        { type: "text-end", id }
      ]

// The message that a chat keeps of the response.
const messagesOf = (parts: ReadonlyArray<Part>): ReadonlyArray<Prompt.Message> => {
  const content = collect(parts).flatMap((part): ReadonlyArray<Prompt.AssistantMessagePart> => {
    switch (part.type) {
      case "text":
      case "reasoning":
        return [Prompt.makePart(part.type, { text: part.text })]
      case "tool-call": {
        const { id, name, params, providerExecuted = false } = part
        return [Prompt.makePart("tool-call", { id, name, params, providerExecuted })]
      }
      case "tool-result": {
        const { id, isFailure, name, result } = part
        return [Prompt.makePart("tool-result", { id, name, isFailure, result, providerExecuted: true })]
      }
      default:
        return []
    }
  })
  return content.length === 0 ? [] : [Prompt.makeMessage("assistant", { content })]
}

const annotate = ({ model }: Setting, span: Span, id: string, reason: string, usage: Usage.Usage) => {
  Telemetry.addGenAIAnnotations(span, {
    response: { id, model, finishReasons: [reason] },
    usage: { inputTokens: usage.inputTokens, outputTokens: usage.outputTokens }
  })
}

// Every command with its output would be too much for a response.
const workOf = (item: ThreadItem) => ({
  type: item.type,
  ...("id" in item ? { id: item.id } : {}),
  ...("status" in item ? { status: item.status } : {})
})
