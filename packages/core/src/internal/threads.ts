/**
 * The threads of a connection as this program knows them: which are loaded, which turn comes next on each, what tools and
 * what policy they have, and the turns that are started on them.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Struct from "effect/Struct"
import type { Defaults } from "../Codex.ts"
import type { AppServer } from "../AppServer.ts"
import {
  type InvalidConfig,
  InvalidParams,
  NotAuthenticated,
  type RequestError,
  type TurnStartError
} from "../CodexError.ts"
import type { ExperimentalApi } from "../ExperimentalApi.ts"
import * as Input from "../Input.ts"
import * as Protocol from "../protocol/Protocol.ts"
import type { DynamicToolSpec, ReviewTarget } from "../protocol/generated/Stable.ts"
import type { ToolCallHandler } from "../ServerRequest.ts"
import type { Attached, ForkOptions, ThreadOptions, TurnInput, TurnLimits } from "../Thread.ts"
import type { Bound } from "../Tools.ts"
import * as Turn from "../Turn.ts"
import * as Options from "./options.ts"
import { makeServerTurns } from "./serverTurns.ts"

/** What a thread has on our side. */
interface Known {
  readonly queue: Turn.Queue
  tools: Bound | undefined
  onToolCall: ToolCallHandler | undefined
}

export interface Threads {
  readonly start: (params: ThreadOptions | undefined) => Effect.Effect<string, RequestError>
  readonly startWithTools: (
    params: ThreadOptions | undefined,
    dynamicTools: ReadonlyArray<DynamicToolSpec>
  ) => Effect.Effect<string, RequestError, ExperimentalApi>
  readonly resume: (threadId: string, params: ThreadOptions | undefined) => Effect.Effect<string, RequestError>
  readonly fork: (threadId: string, params: Omit<ForkOptions, keyof Attached>) => Effect.Effect<string, RequestError>
  /** Gives a thread its tools and policy. What is not given stays as it was. */
  readonly attach: (threadId: string, attached: Attached, tools: Bound | undefined) => Effect.Effect<void>
  /** What is to be known before a turn can start. */
  readonly prepare: (
    threadId: string,
    input: TurnInput,
    outputSchema?: unknown
  ) => Effect.Effect<Turn.Options, TurnStartError>
  readonly prepareReview: (
    threadId: string,
    target: ReviewTarget,
    limits: TurnLimits
  ) => Effect.Effect<Turn.Options, RequestError | InvalidConfig>
}

export const makeThreads = Effect.fnUntraced(function* (
  server: AppServer["Service"],
  options: Defaults | undefined
): Effect.fn.Return<Threads, never, Scope.Scope> {
  const runFork = Effect.runForkWith(yield* Effect.context())
  const shared = Turn.makeShared(options?.budget)
  const serverTurns = yield* makeServerTurns(server)
  const known = new Map<string, Known>()

  const knownOf = (threadId: string): Known => {
    const found = known.get(threadId)
    if (found !== undefined) return found
    const made: Known = { queue: Turn.makeQueue(), tools: undefined, onToolCall: undefined }
    known.set(threadId, made)
    return made
  }

  // One read tells for all turns, until the server says that the account has changed.
  let accountChecked = false
  yield* server.on("account/updated", () => {
    accountChecked = false
  })
  // What the server says of accounts is about its default provider: a thread with another one needs none of that.
  const requireAccount = Effect.fnUntraced(function* (threadId: string) {
    if (accountChecked) return
    const { account, requiresOpenaiAuth } = yield* server.request("account/read", {})
    accountChecked = account != null || !requiresOpenaiAuth
    if (accountChecked) return
    const { config } = yield* server.request("config/read", {})
    if (server.providerOf(threadId) !== (config.model_provider ?? "openai")) return
    return yield* new NotAuthenticated({ description: "there is no account, and the model's provider needs one" })
  })

  const unsubscribeLate = (method: "thread/start" | "thread/fork") => (late: unknown) => {
    const decoded = Protocol.decodeResponse(method, late)
    if (Result.isFailure(decoded)) return
    runFork(Effect.ignore(server.request("thread/unsubscribe", { threadId: decoded.success.thread.id })))
  }

  const start: Threads["start"] = Effect.fnUntraced(function* (params) {
    const onLate = unsubscribeLate("thread/start")
    const response = yield* server.request("thread/start", merge(options?.thread, params), { onLate })
    return response.thread.id
  })

  const startWithTools: Threads["startWithTools"] = Effect.fnUntraced(function* (params, dynamicTools) {
    const onLate = unsubscribeLate("thread/start")
    const merged = { ...merge(options?.thread, params), dynamicTools }
    const response = yield* server.requestExperimental("thread/start", merged, { onLate })
    return response.thread.id
  })

  const resume: Threads["resume"] = Effect.fnUntraced(function* (threadId, params) {
    if (server.isJoined(threadId)) {
      if (params === undefined || Object.values(params).every((value) => value === undefined)) return threadId
      return yield* new InvalidParams({
        method: "thread/resume",
        description: `thread ${threadId} is loaded, so thread parameters can't apply to it any more: give turn parameters instead`
      })
    }
    const { ephemeral, serviceName, sessionStartSource, threadSource, ...resumable } = merge(options?.thread, params)
    const startOnly = { ephemeral, serviceName, sessionStartSource, threadSource }
    const refused = Struct.keys(startOnly).filter((key) => params?.[key] !== undefined)
    if (refused.length > 0) {
      const description = `${refused.join(", ")} can be given when a thread starts only, and thread ${threadId} exists`
      return yield* new InvalidParams({ method: "thread/resume", description })
    }
    yield* server.request("thread/resume", { ...resumable, threadId, excludeTurns: true })
    return threadId
  })

  const fork: Threads["fork"] = Effect.fnUntraced(function* (threadId, params) {
    const thread: ThreadOptions = options?.thread ?? {}
    const { ephemeral, ...defaults } = Struct.omit(thread, startOnly)
    const merged = merge({ ...defaults, ...(ephemeral == null ? {} : { ephemeral }) }, params)
    const response = yield* server.request(
      "thread/fork",
      { ...merged, threadId, excludeTurns: true },
      { onLate: unsubscribeLate("thread/fork") }
    )
    return response.thread.id
  })

  const toolsOf =
    (threadId: string, own: ToolCallHandler | undefined): ToolCallHandler =>
    (params) => {
      const { onToolCall, tools } = knownOf(threadId)
      if (params.namespace == null && tools?.has(params.tool) === true) return tools.onToolCall(params)
      const handler = own ?? onToolCall
      if (handler !== undefined) return handler(params)
      const text =
        tools === undefined ? "No tool-call handler configured." : `No handler is bound for the tool ${params.tool}.`
      return Effect.succeed({ success: false, contentItems: [{ type: "inputText", text }] })
    }

  const attach: Threads["attach"] = (threadId, { onToolCall, policy }, tools) =>
    Effect.suspend(() => {
      const thread = knownOf(threadId)
      thread.tools = tools ?? thread.tools
      thread.onToolCall = onToolCall ?? thread.onToolCall
      return policy === undefined
        ? Effect.void
        : serverTurns.decide({ threadId, policy, onToolCall: toolsOf(threadId, undefined) })
    })

  const limitsOf = (threadId: string, { budget, onToolCall, watchdog }: TurnLimits) => ({
    threadId,
    queue: knownOf(threadId).queue,
    shared,
    onToolCall: toolsOf(threadId, onToolCall),
    budget: budget ?? options?.turnBudget,
    watchdog: watchdog ?? options?.watchdog
  })

  const prepare: Threads["prepare"] = Effect.fnUntraced(function* (
    threadId,
    { prompt, turn, ...limits },
    outputSchema
  ) {
    yield* Options.turnLimits(limits)
    yield* requireAccount(threadId)
    yield* Input.check(server, prompt)
    const params = {
      ...merge(options?.turn, turn),
      ...(outputSchema === undefined ? {} : { outputSchema }),
      threadId,
      input: Input.toUserInput(prompt)
    }
    return {
      ...limitsOf(threadId, limits),
      model: params.model ?? undefined,
      request: (requestOptions) => server.request("turn/start", params, requestOptions)
    }
  })

  const prepareReview: Threads["prepareReview"] = Effect.fnUntraced(function* (threadId, target, limits) {
    yield* Options.turnLimits(limits)
    yield* requireAccount(threadId)
    return {
      ...limitsOf(threadId, limits),
      model: undefined,
      request: (requestOptions) => server.request("review/start", { threadId, target }, requestOptions)
    }
  })

  return { start, startWithTools, resume, fork, attach, prepare, prepareReview }
})

// Defaults that a fork does not take.
const startOnly = ["personality", "serviceName", "sessionStartSource"] as const

/** Request over default, key by key; `undefined` is a key that the caller left out, `null` is a value. */
export const merge = <A extends object>(defaults: A | undefined, request: A | undefined): Partial<A> => {
  const merged: Partial<A> = { ...defaults, ...request }
  if (defaults === undefined || request === undefined) return merged
  for (const key of Struct.keys(request)) {
    if (request[key] === undefined) merged[key] = defaults[key]
  }
  return merged
}
