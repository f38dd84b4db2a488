/**
 * Answers one request of `effect/ai` with a turn: finds the conversation that it continues, sends the new messages, and reads
 * the turn until it is over or calls a tool of the caller.
 *
 * The room knows prompts, conversations, turns and parts. It must not know how a model is provided.
 */
import type { Codex } from "@effect-codex/core/Codex"
import { ExperimentalApi } from "@effect-codex/core/ExperimentalApi"
import type { Engine } from "@effect-codex/core/PolicyEngine"
import type { ThreadItem, TokenUsageBreakdown } from "@effect-codex/core/protocol/generated/Experimental"
import type { Thread, ThreadOptions, TurnLimits, TurnOptions } from "@effect-codex/core/Thread"
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Span } from "effect/Tracer"
import type * as AiError from "effect/ai/AiError"
import type * as LanguageModel from "effect/ai/LanguageModel"
import * as OpenAiStructuredOutput from "effect/ai/OpenAiStructuredOutput"
import * as Prompt from "effect/ai/Prompt"
import type * as Response from "effect/ai/Response"
import * as Telemetry from "effect/ai/Telemetry"
import * as Tool from "effect/ai/Tool"
import * as CodexTools from "../CodexTools.ts"
import type { Conversations } from "./conversations.ts"
import { fromCodex, refused, unsupportedSchema } from "./errors.ts"
import { collect, makeParts } from "./parts.ts"
import * as Prompts from "./prompt.ts"
import * as Turn from "./turn.ts"

/** A conversation that can be continued. */
export interface Conversation {
  readonly thread: Thread
  /** The turn that waits for results, and the calls that it waits for. */
  readonly held: Held | undefined
}

interface Held {
  readonly turn: Turn.RunningTurn
  readonly calls: ReadonlyArray<string>
  readonly format: string
  readonly reported: Usage
}

/** The setting that all requests of one model share. */
export interface Setting {
  readonly codex: Codex["Service"]
  readonly experimentalApi: Option.Option<ExperimentalApi["Service"]>
  readonly conversations: Conversations<Conversation>
  readonly model: string | undefined
  readonly thread: ThreadOptions | undefined
  readonly turn: TurnOptions | undefined
  readonly limits: TurnLimits
  readonly holdTimeout: Duration.Duration
  readonly policy: Effect.Effect<Engine>
  /** Lives as long as the model. */
  readonly scope: Scope.Scope
}

type Part = Response.StreamPartEncoded
type Usage = Pick<TokenUsageBreakdown, "inputTokens" | "cachedInputTokens" | "outputTokens" | "reasoningOutputTokens">

const none: Usage = { inputTokens: 0, cachedInputTokens: 0, outputTokens: 0, reasoningOutputTokens: 0 }

const combine = (a: Usage, b: Usage, sign: 1 | -1): Usage => ({
  inputTokens: a.inputTokens + sign * b.inputTokens,
  cachedInputTokens: a.cachedInputTokens + sign * b.cachedInputTokens,
  outputTokens: a.outputTokens + sign * b.outputTokens,
  reasoningOutputTokens: a.reasoningOutputTokens + sign * b.reasoningOutputTokens
})

/** Calls of one answer of the model come together. */
const callWindow = "50 millis"

const codexTools: ReadonlyMap<string, string> = new Map(
  Object.values(CodexTools.toolkit.tools).map(({ id, name }) => [name, id])
)

// A tool of the caller can have the same name.
const isOfCodex = (tool: Tool.Any): boolean => Tool.isProviderDefined(tool) && codexTools.get(tool.name) === tool.id

/** The parts of the response, as they come. */
export const respond = (
  setting: Setting,
  method: string,
  options: LanguageModel.ProviderOptions
): Stream.Stream<Part, AiError.AiError> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const request = yield* check(method, options)
      annotateRequest(setting, options)
      const owned: Owned = { turn: undefined, thread: undefined, isKept: false }
      yield* Effect.addFinalizer(() => giveUp(setting, owned))
      const opened = yield* open(setting, method, options, request, owned)
      return Stream.fromPull(Effect.succeed(read(setting, method, options, request, opened, owned)))
    })
  )

/** A response that is left early, or fails, stops its turn and lets its thread go. */
interface Owned {
  turn: Turn.RunningTurn | undefined
  thread: Thread | undefined
  /** Both are in the table of conversations, or the turn is over and the thread is there. */
  isKept: boolean
}

const giveUp = (setting: Setting, { isKept, thread, turn }: Owned) =>
  isKept
    ? Effect.void
    : Effect.andThen(turn?.close ?? Effect.void, thread === undefined ? Effect.void : release(setting, thread))

interface Request {
  /** The caller's own tools. */
  readonly tools: ReadonlyArray<Tool.Any>
  /** The tools of codex that the caller wants to see. */
  readonly declared: ReadonlySet<string>
  /** The schema of the answer, if it has one. */
  readonly outputSchema: unknown
}

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
  return { tools: own, declared, outputSchema }
})

const schemaOf = (method: string, schema: Schema.Top) =>
  Effect.fromResult(
    Result.try({
      try: () => OpenAiStructuredOutput.toCodecOpenAI(schema).jsonSchema,
      catch: (error) => unsupportedSchema(method, error instanceof Error ? error.message : String(error))
    })
  )

interface Opened {
  readonly thread: Thread
  readonly turn: Turn.RunningTurn
  /** The key of everything that has been said to the thread by now. */
  readonly key: string
  readonly reported: Usage
  readonly format: string
}

const open = Effect.fnUntraced(function* (
  setting: Setting,
  method: string,
  { prompt }: LanguageModel.ProviderOptions,
  request: Request,
  owned: Owned
) {
  const { conversations } = setting
  const messages = prompt.content
  const specs = request.tools.map((tool) => ({
    type: "function" as const,
    name: tool.name,
    description: Tool.getDescription(tool) ?? tool.name,
    inputSchema: Tool.getJsonSchema(tool)
  }))
  const seed = JSON.stringify([setting.model, setting.thread, specs])
  const keys = yield* Prompts.keysOf(seed, messages)
  const key = keys[messages.length] ?? ""
  const format = JSON.stringify(request.outputSchema) ?? ""
  const policy = yield* setting.policy

  const begin = (thread: Thread, content: ReadonlyArray<Prompt.UserMessagePart>) =>
    Effect.flatMap(Prompts.toInput(method, content), (input) =>
      Effect.mapError(
        Turn.start(
          thread,
          {
            ...setting.limits,
            prompt: input,
            turn: {
              ...setting.turn,
              ...(request.outputSchema === undefined ? {} : { outputSchema: request.outputSchema })
            }
          },
          policy,
          setting.scope,
          (turn) => {
            owned.turn = turn
          }
        ),
        fromCodex(method)
      )
    )
  const inject = (thread: Thread, before: ReadonlyArray<Prompt.Message>) =>
    before.length === 0
      ? Effect.void
      : Effect.flatMap(Prompts.toItems(method, before), (items) =>
          Effect.mapError(setting.codex.thread.injectItems(thread.id, { items }), fromCodex(method))
        )
  const goOn = Effect.fnUntraced(function* (thread: Thread, rest: ReadonlyArray<Prompt.Message>) {
    const { before, input } = Prompts.splitInput(rest)
    yield* inject(thread, before)
    return { thread, turn: yield* begin(thread, input), key, reported: none, format }
  })

  // The longest part of the prompt that a thread knows.
  for (let length = messages.length; length > 0; length--) {
    const at = keys[length] ?? ""
    const found = conversations.peek(at)
    if (found === undefined) continue
    const rest = messages.slice(length)
    if (found.held !== undefined && !canAnswer(found.held, rest, format)) break
    conversations.take(at)
    owned.thread = found.thread
    owned.turn = found.held?.turn
    if (found.held === undefined) return yield* goOn(found.thread, rest)
    if (yield* answer(method, found.held, rest)) {
      return { thread: found.thread, turn: found.held.turn, key, reported: found.held.reported, format }
    }
    yield* giveUp(setting, owned)
    break
  }

  const { instructions, rest } = Prompts.splitInstructions(messages)
  const own = setting.thread?.developerInstructions
  const developerInstructions = [...(own == null ? [] : [own]), ...instructions].join("\n\n")
  owned.turn = undefined
  owned.thread = yield* startThread(setting, method, developerInstructions, specs)
  return yield* goOn(owned.thread, rest)
})

const startThread = Effect.fnUntraced(function* (
  { codex, experimentalApi, model, thread }: Setting,
  method: string,
  developerInstructions: string,
  dynamicTools: Parameters<typeof declare>[2]
) {
  const params = {
    ephemeral: true,
    ...thread,
    ...(model === undefined ? {} : { model }),
    ...(developerInstructions === "" ? {} : { developerInstructions })
  }
  if (dynamicTools.length === 0) return yield* Effect.mapError(codex.thread.start(params), fromCodex(method))
  if (Option.isNone(experimentalApi)) {
    return yield* refused(
      method,
      "toolkit",
      "tools need a codex with the experimental API: give its layer `experimentalApi: true`"
    )
  }
  return yield* declare(codex, params, dynamicTools).pipe(
    Effect.provideService(ExperimentalApi, experimentalApi.value),
    Effect.mapError(fromCodex(method))
  )
})

const declare = (
  codex: Codex["Service"],
  params: ThreadOptions,
  dynamicTools: ReadonlyArray<{
    readonly type: "function"
    readonly name: string
    readonly description: string
    readonly inputSchema: unknown
  }>
) => codex.thread.start({ ...params, dynamicTools })

const release = ({ codex }: Setting, thread: Thread): Effect.Effect<void> =>
  codex.thread.unsubscribe(thread.id).pipe(Effect.timeoutOption(releaseTimeout), Effect.ignore)

/** How long codex may take to let go of a thread. */
const releaseTimeout = "5 seconds"

// A held turn goes on only with the results that it waits for, and what the user says besides.
const canAnswer = (held: Held, rest: ReadonlyArray<Prompt.Message>, format: string): boolean => {
  const results = Prompts.resultsIn(rest)
  return (
    held.format === format &&
    held.calls.every((id) => results.has(id)) &&
    rest.every(({ role }) => role === "tool" || role === "user")
  )
}

const answer = Effect.fnUntraced(function* (
  method: string,
  { calls, turn }: Held,
  rest: ReadonlyArray<Prompt.Message>
) {
  // Before the results, as the model is asked again at once when it has them.
  for (const message of rest) {
    if (message.role === "user" && !(yield* turn.steer(yield* Prompts.toInput(method, message.content)))) return false
  }
  const results = Prompts.resultsIn(rest)
  const answered = calls.map((id) => {
    const result = results.get(id)
    return turn.answer(id, {
      success: result?.isFailure !== true,
      contentItems: [{ type: "inputText", text: Prompts.textOf(result?.result) }]
    })
  })
  return answered.every((isWaiting) => isWaiting)
})

/** Reads the turn until the response is over. */
const read = (
  setting: Setting,
  method: string,
  { responseFormat, span }: LanguageModel.ProviderOptions,
  request: Request,
  { format, key, reported, thread, turn }: Opened,
  owned: Owned
): Effect.Effect<Arr.NonEmptyReadonlyArray<Part>, AiError.AiError | Cause.Done> => {
  const withText = responseFormat.type === "text"
  const parts = makeParts(request.declared, withText)
  const sent: Array<Part> = [{ type: "response-metadata", id: turn.id, modelId: setting.model }]
  const calls: Array<string> = []
  let used = none
  let isBegun = false

  const finish = Effect.fnUntraced(function* (reason: "stop" | "tool-calls", usage: Usage, tail: ReadonlyArray<Part>) {
    const last = [...parts.end(), ...tail]
    const at = yield* Prompts.extendKey(key, messagesOf([...sent, ...last]))
    const isHeld = reason === "tool-calls"
    const held = isHeld ? { turn, calls, format, reported: combine(reported, usage, 1) } : undefined
    const lifetime = isHeld ? setting.holdTimeout : undefined
    const entry = { value: { thread, held }, release: Effect.andThen(turn.close, release(setting, thread)) }
    const keep = Effect.suspend(() => {
      owned.isKept = true
      return Effect.andThen(isHeld ? Effect.void : turn.close, setting.conversations.put(at, entry, lifetime))
    })
    yield* Effect.uninterruptible(keep)
    annotateResponse(setting, span, turn.id, reason, usage)
    const metadata = { codex: { threadId: thread.id, turnId: turn.id, items: parts.work().map(workOf) } }
    return [...last, { type: "finish", reason, usage: toUsage(usage), response: undefined, metadata } satisfies Part]
  })

  const step = Effect.suspend((): Effect.Effect<ReadonlyArray<Part>, AiError.AiError | Cause.Done> => {
    if (owned.isKept) return Cause.done()
    if (calls.length === 0) return Effect.flatMap(Queue.take(turn.events), add)
    const more = Effect.flatMap(Queue.poll(turn.events), (event) =>
      Option.isSome(event) ? Effect.succeed(event) : Effect.delay(Queue.poll(turn.events), callWindow)
    )
    return Effect.flatMap(more, (event) => (Option.isSome(event) ? add(event.value) : finish("tool-calls", used, [])))
  })

  const add = (event: Turn.Event): Effect.Effect<ReadonlyArray<Part>, AiError.AiError> => {
    switch (event._tag) {
      case "Said": {
        const { notification } = event
        if (notification.method === "thread/tokenUsage/updated") {
          used = combine(used, notification.params.tokenUsage.last, 1)
        }
        return Effect.succeed(parts.add(notification))
      }
      case "Called": {
        const { arguments: params, callId: id, tool: name } = event.call
        calls.push(id)
        return Effect.succeed([...parts.end(), { type: "tool-call", id, name, params, providerExecuted: false }])
      }
      case "Ended": {
        const { exit } = event
        if (Exit.isFailure(exit)) return Effect.mapError(Effect.failCause(exit.cause), fromCodex(method))
        const { text, usage } = exit.value
        const rest = usage === undefined ? used : combine(usage.withSubAgents, reported, -1)
        return finish("stop", rest, withText ? [] : textParts(turn.id, text))
      }
    }
  }

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

const toUsage = (usage: Usage): Response.FinishPartEncoded["usage"] => ({
  inputTokens: {
    uncached: usage.inputTokens - usage.cachedInputTokens,
    total: usage.inputTokens,
    cacheRead: usage.cachedInputTokens,
    cacheWrite: undefined
  },
  outputTokens: {
    total: usage.outputTokens,
    text: usage.outputTokens - usage.reasoningOutputTokens,
    reasoning: usage.reasoningOutputTokens
  }
})

const annotateRequest = ({ model }: Setting, { span }: LanguageModel.ProviderOptions) => {
  Telemetry.addGenAIAnnotations(span, {
    provider: { name: "codex" },
    operation: { name: "chat" },
    request: { model }
  })
}

const annotateResponse = ({ model }: Setting, span: Span, id: string, reason: string, usage: Usage) => {
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
