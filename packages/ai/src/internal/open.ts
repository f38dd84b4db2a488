/**
 * Finds the turn that answers a request: the one that waits for the results in the prompt, or a new one, on the thread that
 * knows the beginning of the prompt or on a new thread.
 *
 * The module sends messages. It must not read a turn, nor know the parts of a response.
 */
import type { Codex } from "@effect-codex/core/Codex"
import { ExperimentalApi } from "@effect-codex/core/ExperimentalApi"
import type { Engine } from "@effect-codex/core/PolicyEngine"
import type { Thread, ThreadOptions, TurnLimits, TurnOptions } from "@effect-codex/core/Thread"
import * as Tools from "@effect-codex/core/Tools"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as AiError from "effect/ai/AiError"
import type * as Prompt from "effect/ai/Prompt"
import * as Tool from "effect/ai/Tool"
import type { Conversations } from "./conversations.ts"
import { type Failure, fromCodex, refused } from "./errors.ts"
import { makeMemory, type Memory } from "./parts.ts"
import * as Prompts from "./prompt.ts"
import * as Turn from "./turn.ts"
import * as Usage from "./usage.ts"

/** A conversation that can be continued. */
export interface Conversation {
  readonly thread: Thread
  /** The turn that waits for results. */
  readonly held: Held | undefined
}

interface Held {
  readonly turn: Turn.RunningTurn
  /** The calls that it waits for. */
  readonly calls: ReadonlyArray<string>
  /** The schema of its answer, as JSON. */
  readonly format: string
  readonly memory: Memory
  /** The tokens that earlier responses have told. */
  readonly reported: Usage.Usage
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

/** A request that codex can express. */
export interface Request {
  readonly method: string
  readonly messages: ReadonlyArray<Prompt.Message>
  /** The caller's own tools. */
  readonly tools: ReadonlyArray<Tool.Any>
  /** The tools of codex that the caller wants to see. */
  readonly declared: ReadonlySet<string>
  /** The schema of the answer, if it has one. */
  readonly outputSchema: unknown
}

/** A response that is left early, or fails, stops its turn and lets its thread go. */
export interface Owned {
  turn: Turn.RunningTurn | undefined
  thread: Thread | undefined
  /** Both are in the table of conversations, or the turn is over and the thread is there. */
  isKept: boolean
}

export const giveUp = (setting: Setting, { isKept, thread, turn }: Owned): Effect.Effect<void> =>
  isKept
    ? Effect.void
    : Effect.andThen(turn?.close ?? Effect.void, thread === undefined ? Effect.void : release(setting, thread))

/** Lets a thread go. */
export const release = ({ codex }: Setting, thread: Thread): Effect.Effect<void> =>
  codex.thread.unsubscribe(thread.id).pipe(Effect.timeoutOption(releaseTimeout), Effect.ignore)

/** How long codex may take to let go of a thread. */
const releaseTimeout = "5 seconds"

/** The turn that answers. */
export interface Opened {
  readonly thread: Thread
  readonly turn: Turn.RunningTurn
  /** The key of everything that has been said to the thread by now. */
  readonly key: string
  readonly format: string
  readonly memory: Memory
  readonly reported: Usage.Usage
}

type Spec = Parameters<typeof declare>[2][number]

export const open = Effect.fnUntraced(function* (setting: Setting, request: Request, owned: Owned) {
  const { messages, method } = request
  const specs = request.tools.map(specOf)
  const keys = yield* Prompts.keysOf(method, JSON.stringify([setting.model, setting.thread, specs]), messages)
  const key = keys[messages.length] ?? ""
  const format = JSON.stringify(request.outputSchema) ?? ""
  const policy = yield* setting.policy
  const goOn = Effect.fnUntraced(function* (thread: Thread, rest: ReadonlyArray<Prompt.Message>) {
    const turn = yield* begin(setting, request, policy, thread, rest, owned)
    return { thread, turn, key, format, memory: makeMemory(), reported: Usage.none } satisfies Opened
  })

  // The longest part of the prompt that a thread knows.
  for (let length = messages.length; length > 0; length--) {
    const at = keys[length] ?? ""
    const found = setting.conversations.peek(at)
    if (found === undefined) continue
    const { held, thread } = found
    const rest = messages.slice(length)
    if (held !== undefined && !canAnswer(held, rest, format)) break
    setting.conversations.take(at)
    owned.thread = thread
    owned.turn = held?.turn
    if (held === undefined) {
      const opened = yield* goOn(thread, rest).pipe(
        Effect.catchIf(isGone, () => Effect.undefined),
        Effect.mapError(toAiError(method))
      )
      if (opened !== undefined) return opened
    } else if (yield* answer(method, held, policy, rest)) {
      return { thread, turn: held.turn, key, format, memory: held.memory, reported: held.reported } satisfies Opened
    }
    yield* giveUp(setting, owned)
    break
  }

  const { instructions, rest } = Prompts.splitInstructions(messages)
  owned.turn = undefined
  const thread = yield* startThread(setting, method, instructions, specs, owned)
  return yield* Effect.mapError(goOn(thread, rest), toAiError(method))
})

const specOf = (tool: Tool.Any): Spec => ({
  type: "function",
  name: tool.name,
  description: Tool.getDescription(tool) ?? tool.name,
  inputSchema: Tool.getJsonSchema(tool)
})

const toAiError =
  (method: string) =>
  (error: Failure | AiError.AiError): AiError.AiError =>
    AiError.isAiError(error) ? error : fromCodex(method)(error)

// Somebody else has let the thread go, or removed it. Nothing of the prompt has been sent then.
const isGone = (error: Failure | AiError.AiError): boolean =>
  error._tag === "SessionNotFound" || error._tag === "SessionArchived" || error._tag === "NoRollout"

/** Sends the messages: the last one, if it is the user's, as the input of a turn, and the others before it. */
const begin = Effect.fnUntraced(function* (
  { codex, limits, scope, turn }: Setting,
  { method, outputSchema }: Request,
  policy: Engine,
  thread: Thread,
  messages: ReadonlyArray<Prompt.Message>,
  owned: Owned
) {
  const { before, input } = Prompts.splitInput(messages)
  const prompt = yield* Prompts.toInput(method, input)
  const items = yield* Prompts.toItems(method, before)
  if (items.length > 0) yield* codex.thread.injectItems(thread.id, { items })
  return yield* Turn.start(
    thread,
    { ...limits, prompt, turn: { ...turn, ...(outputSchema === undefined ? {} : { outputSchema }) } },
    policy,
    scope,
    (started) => {
      owned.turn = started
    }
  )
})

// Nothing can interrupt between the start of the thread and its entry in `owned`.
const startThread = (
  { codex, experimentalApi, model, thread }: Setting,
  method: string,
  instructions: ReadonlyArray<string>,
  specs: ReadonlyArray<Spec>,
  owned: Owned
): Effect.Effect<Thread, AiError.AiError> => {
  const own = thread?.developerInstructions
  const developerInstructions = [...(own == null ? [] : [own]), ...instructions].join("\n\n")
  const params = {
    ephemeral: true,
    ...thread,
    ...(model === undefined ? {} : { model }),
    ...(developerInstructions === "" ? {} : { developerInstructions })
  }
  if (specs.length > 0 && Option.isNone(experimentalApi)) {
    const description = "tools need a codex with the experimental API: give its layer `experimentalApi: true`"
    return Effect.fail(refused(method, "toolkit", description))
  }
  const start =
    specs.length === 0 || Option.isNone(experimentalApi)
      ? codex.thread.start(params)
      : Effect.provideService(declare(codex, params, specs), ExperimentalApi, experimentalApi.value)
  return Effect.uninterruptibleMask((restore) =>
    Effect.map(restore(Effect.mapError(start, fromCodex(method))), (started) => {
      owned.thread = started
      return started
    })
  )
}

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

// A held turn goes on only with the results that it waits for, and what the user says besides.
const canAnswer = (held: Held, rest: ReadonlyArray<Prompt.Message>, format: string): boolean => {
  const results = Prompts.resultsIn(rest)
  return (
    held.format === format &&
    held.calls.every((id) => results.has(id)) &&
    rest.every(({ role }) => role === "tool" || role === "user")
  )
}

/** Whether the turn still waited for all of the results. */
const answer = Effect.fnUntraced(function* (
  method: string,
  { calls, turn }: Held,
  policy: Engine,
  rest: ReadonlyArray<Prompt.Message>
) {
  turn.decideWith(policy)
  // Before the results, as the model is asked again at once when it has them.
  for (const message of rest) {
    if (message.role === "user" && !(yield* turn.steer(yield* Prompts.toInput(method, message.content)))) return false
  }
  const results = Prompts.resultsIn(rest)
  const answered = calls.map((id) => {
    const result = results.get(id)
    return turn.answer(id, {
      success: result?.isFailure !== true,
      contentItems: Tools.toContentItems(result?.result, result?.modelOutput)
    })
  })
  return answered.every((isWaiting) => isWaiting)
})
