/**
 * The client-side state of a connection's threads: which ones are loaded, the queue of turns on each, their tools and policy,
 * and the preparation of their turns.
 *
 * The room knows how a thread is started, loaded, left and joined again, and how a turn on it is prepared. It must not know the
 * wire, or how a turn runs.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Struct from "effect/Struct"
import { retryNotRun } from "../connection/requests.ts"
import { connection } from "../connection/serve.ts"
import { type AppServer, defaultBufferBytes } from "../../AppServer.ts"
import {
  type InvalidConfig,
  InvalidParams,
  NotAuthenticated,
  type RequestError,
  type TurnStartError
} from "../../CodexError.ts"
import type { ExperimentalApi } from "../../ExperimentalApi.ts"
import * as Input from "../../Input.ts"
import type { Engine } from "../../PolicyEngine.ts"
import * as Protocol from "../../protocol/Protocol.ts"
import type { DynamicToolSpec, ReviewTarget } from "../../protocol/generated/Stable.ts"
import type { ToolCallHandler } from "../../ServerRequest.ts"
import type {
  Defaults,
  ForkOptions,
  ThreadBindings,
  ThreadOptions,
  ThreadSettings,
  TurnInput,
  TurnLimits
} from "../../Thread.ts"
import type { Bound } from "../../Tools.ts"
import { merge } from "../merge.ts"
import * as CheckedOptions from "../options.ts"
import { routeFor } from "./serverTurns.ts"
import { makeLedger } from "../turn/ledger.ts"
import { makeQueues } from "../turn/place.ts"
import type { Options } from "../turn/start.ts"

/** The key under which the public service keeps the sizes of all its tables, for tests. */
export const tables = "~@effect-codex/core/internal/tables"

/** The client-side state of a thread, kept as long as it is in use. */
export interface BoundThread {
  /** The id in the server's spelling. */
  readonly threadId: string
  tools: Bound | undefined
  onToolCall: ToolCallHandler | undefined
  policy: Engine | undefined
  /** The parameters that the thread was started or loaded with: the server does not restore all of them on a later load. */
  params: ThreadOptions | undefined
  /** The settings in the server's last answer. */
  settings: ThreadSettings | undefined
  /** The number of calls that use it. */
  calls: number
  /** Whether it stays when no call uses it: it has a handle, or was not loaded by a call. */
  isKept: boolean
}

export interface Threads {
  readonly start: (params: ThreadOptions | undefined) => Effect.Effect<BoundThread, RequestError>
  readonly startWithTools: (
    params: ThreadOptions | undefined,
    dynamicTools: ReadonlyArray<DynamicToolSpec>
  ) => Effect.Effect<BoundThread, RequestError, ExperimentalApi>
  readonly resume: (threadId: string, params: ThreadOptions | undefined) => Effect.Effect<BoundThread, RequestError>
  readonly fork: (
    threadId: string,
    params: Omit<ForkOptions, keyof ThreadBindings>
  ) => Effect.Effect<BoundThread, RequestError>
  /** A thread for one call: a new or an existing one. A thread that the call had to load is released with the scope. */
  readonly forCall: (
    threadId: string | undefined,
    params: ThreadOptions | undefined
  ) => Effect.Effect<BoundThread, RequestError, Scope.Scope>
  /** Sets the tools and the policy of a thread. Missing ones keep their value. The thread is kept from now on. */
  readonly bind: (thread: BoundThread, bindings: ThreadBindings, tools: Bound | undefined) => Effect.Effect<void>
  /** Collects the options of a turn before it starts. Loads the thread again if it was left. */
  readonly prepare: (
    thread: BoundThread,
    input: TurnInput,
    outputSchema?: Effect.Effect<unknown>
  ) => Effect.Effect<Options, TurnStartError>
  readonly prepareReview: (
    thread: BoundThread,
    target: ReviewTarget,
    limits: TurnLimits
  ) => Effect.Effect<Options, TurnStartError>
  /** The number of threads with client-side state. */
  readonly sizes: () => Readonly<Record<string, number>>
}

/** How many released threads keep their start parameters. */
const maxRemembered = 1024

/** The common part of the answers to starting, resuming and forking. */
interface Answered extends ThreadSettings {
  readonly thread: { readonly id: string }
}

const settingsOf = ({
  approvalPolicy,
  cwd,
  model,
  modelProvider,
  reasoningEffort,
  sandbox
}: Answered): ThreadSettings => ({
  model,
  modelProvider,
  reasoningEffort: reasoningEffort ?? undefined,
  cwd,
  sandbox,
  approvalPolicy
})

export const makeThreads = Effect.fnUntraced(function* (
  server: AppServer["Service"],
  options: Defaults | undefined
): Effect.fn.Return<Threads, InvalidConfig, Scope.Scope> {
  const context = yield* Effect.context()
  const runFork = Effect.runForkWith(context)
  const ledger = makeLedger(yield* CheckedOptions.layerBudget("budget", options?.budget))
  const turnBudget = yield* CheckedOptions.budget("turnBudget", options?.turnBudget)
  const watchdog = yield* CheckedOptions.watchdog("watchdog", options?.watchdog)
  const stopTimeout = yield* CheckedOptions.timeout("stopTimeout", options?.stopTimeout ?? Duration.seconds(10))
  const bufferBytes = options?.bufferBytes ?? defaultBufferBytes
  const queues = makeQueues()
  const boundThreads = new Map<string, BoundThread>()
  const remembered = new Map<string, ThreadOptions>()
  yield* server[connection].onLeft((threadId) => boundThreads.delete(threadId))

  const getOrBind = (threadId: string, params: ThreadOptions | undefined, isKept = false): BoundThread => {
    const found = boundThreads.get(threadId)
    if (found !== undefined) return found
    const made: BoundThread = {
      threadId,
      tools: undefined,
      onToolCall: undefined,
      policy: undefined,
      params,
      settings: undefined,
      calls: 0,
      isKept
    }
    boundThreads.set(threadId, made)
    return made
  }

  const bindAnswered = (answer: Answered, params: ThreadOptions | undefined): BoundThread => {
    const thread = getOrBind(answer.thread.id, params)
    thread.settings = settingsOf(answer)
    return thread
  }

  // One read is valid for all turns, until the server reports that the account has changed.
  let accountChecked = false
  yield* server[connection].on("account/updated", () => {
    accountChecked = false
  })
  // The server's answer is about its default provider. A thread with another provider does not need that account.
  const requireAccount = Effect.fnUntraced(function* (threadId: string) {
    if (accountChecked) return
    const { account, requiresOpenaiAuth } = yield* server.request("account/read", {})
    accountChecked = account != null || !requiresOpenaiAuth
    if (accountChecked) return
    const { config } = yield* server.request("config/read", {})
    if (server[connection].providerOf(threadId) !== (config.model_provider ?? "openai")) return
    return yield* new NotAuthenticated({ description: "no account is logged in, and the model provider needs one" })
  })

  const unsubscribeLate = (method: "thread/start" | "thread/fork") => (late: unknown) => {
    const decoded = Protocol.decodeResponse(method, late)
    if (Result.isFailure(decoded)) return
    runFork(Effect.ignore(server.request("thread/unsubscribe", { threadId: decoded.success.thread.id })))
  }

  const start: Threads["start"] = Effect.fnUntraced(function* (params) {
    const onLate = unsubscribeLate("thread/start")
    const merged = merge(options?.thread, params)
    return bindAnswered(yield* server.request("thread/start", merged, { onLate }), merged)
  })

  const startWithTools: Threads["startWithTools"] = Effect.fnUntraced(function* (params, dynamicTools) {
    const onLate = unsubscribeLate("thread/start")
    const merged = { ...merge(options?.thread, params), dynamicTools }
    return bindAnswered(yield* server.requestExperimental("thread/start", merged, { onLate }), merged)
  })

  const resume: Threads["resume"] = Effect.fnUntraced(function* (threadId, params) {
    const isPlain = params === undefined || Object.values(params).every((value) => value === undefined)
    if (server[connection].isJoined(threadId) && isPlain) return getOrBind(threadId, undefined, true)
    // The server would silently drop the parameters.
    if (!isPlain && (yield* isLoaded(threadId))) {
      return yield* new InvalidParams({
        method: "thread/resume",
        description: `thread ${threadId} is already loaded, so thread parameters cannot apply: use turn parameters instead`
      })
    }
    const refused = startOnly.filter((key) => params?.[key] !== undefined)
    if (refused.length > 0) {
      const description = `${refused.join(", ")} can only be set when a thread starts, but thread ${threadId} already exists`
      return yield* new InvalidParams({ method: "thread/resume", description })
    }
    return yield* load(threadId, merge(merge(options?.thread, remembered.get(threadId)), params))
  })

  // A thread stays loaded for about a minute after its last client has left it.
  const isLoaded = (threadId: string) =>
    server[connection].isJoined(threadId)
      ? Effect.succeed(true)
      : server.request("thread/read", { threadId }).pipe(
          Effect.map(({ thread }) => thread.status.type !== "notLoaded"),
          // `thread/resume` has better errors for a thread that does not exist.
          Effect.catchTag(["SessionNotFound", "NoRollout", "InvalidParams"], () => Effect.succeed(false))
        )

  // A server keeps a released thread locked for a moment, even against itself: after the thread was archived.
  const subscribe = (threadId: string, params: ThreadOptions) => {
    const resume = server.request("thread/resume", { ...Struct.omit(params, startOnly), threadId, excludeTurns: true })
    const resumed = Effect.catchTag(resume, "ThreadLocked", (error) => retryNotRun(error, resume, isLocked))
    return Effect.andThen(server[connection].whenLeft(threadId), resumed)
  }

  // After the reply, the thread is known by the server's spelling of its id.
  const load = Effect.fnUntraced(function* (threadId: string, params: ThreadOptions) {
    const answer = yield* subscribe(threadId, params)
    remembered.delete(answer.thread.id)
    return bindAnswered(answer, params)
  })

  // Another part of the program may have unsubscribed from the thread in the meantime. Restores the thread's state: its queue,
  // where a turn may still wait, its tools and its policy. Returns whether a turn runs on it.
  const subscribeAgain = Effect.fnUntraced(function* (thread: BoundThread) {
    const answer = yield* subscribe(thread.threadId, thread.params ?? {})
    thread.settings = settingsOf(answer)
    remembered.delete(thread.threadId)
    if (!boundThreads.has(thread.threadId)) {
      boundThreads.set(thread.threadId, thread)
      yield* routeFallback(thread)
    }
    return answer.thread.status.type === "active"
  })

  const rejoin = (thread: BoundThread) =>
    server[connection].isJoined(thread.threadId) && boundThreads.has(thread.threadId)
      ? Effect.void
      : subscribeAgain(thread)

  const release = (thread: BoundThread) =>
    Effect.suspend(() => {
      thread.calls--
      if (thread.calls > 0 || thread.isKept || boundThreads.get(thread.threadId) !== thread) return Effect.void
      if (thread.params !== undefined) {
        remembered.set(thread.threadId, thread.params)
        const [oldest] = remembered.keys()
        if (remembered.size > maxRemembered && oldest !== undefined) remembered.delete(oldest)
      }
      // Runs in the background: the call already has its result, and a resume waits for this (`whenLeft`).
      runFork(
        Effect.ignore(
          server.requestRaw("thread/unsubscribe", { threadId: thread.threadId }, { timeout: releaseTimeout })
        )
      )
      return Effect.void
    })

  const forCall: Threads["forCall"] = (threadId, params) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        const thread = yield* restore(threadId === undefined ? start(params) : resume(threadId, params))
        thread.calls++
        yield* Effect.addFinalizer(() => release(thread))
        return thread
      })
    )

  const fork: Threads["fork"] = Effect.fnUntraced(function* (threadId, params) {
    const defaultThread: ThreadOptions = options?.thread ?? {}
    const { ephemeral, ...defaults } = Struct.omit(defaultThread, notForked)
    const merged = merge({ ...defaults, ...(ephemeral == null ? {} : { ephemeral }) }, params)
    const answer = yield* server.request(
      "thread/fork",
      { ...merged, threadId, excludeTurns: true },
      { onLate: unsubscribeLate("thread/fork") }
    )
    return bindAnswered(answer, Struct.omit(merged, ["lastTurnId"]))
  })

  const toolsOf =
    (thread: BoundThread, own: ToolCallHandler | undefined): ToolCallHandler =>
    (params) => {
      const { onToolCall, tools } = thread
      if (params.namespace == null && tools?.has(params.tool) === true) return tools.onToolCall(params)
      const handler = own ?? onToolCall
      if (handler !== undefined) return handler(params)
      const text =
        tools === undefined ? "No tool-call handler configured." : `No handler is bound for the tool ${params.tool}.`
      return Effect.succeed({ success: false, contentItems: [{ type: "inputText", text }] })
    }

  const bind: Threads["bind"] = (thread, { onToolCall, policy }, tools) =>
    Effect.suspend(() => {
      thread.isKept = true
      thread.tools = tools ?? thread.tools
      thread.onToolCall = onToolCall ?? thread.onToolCall
      thread.policy = policy ?? thread.policy
      return policy === undefined ? Effect.void : routeFallback(thread)
    })

  const routeFallback = (thread: BoundThread) => {
    const { policy, threadId } = thread
    if (policy === undefined) return Effect.void
    return server[connection].routeFallback(
      routeFor({ threadId, policy, onToolCall: toolsOf(thread, undefined), context })
    )
  }

  const startOptions = Effect.fnUntraced(function* (
    thread: BoundThread,
    limits: TurnLimits
  ): Effect.fn.Return<
    Omit<Options["run"], "messageId" | "model" | "request"> & Pick<Options, "place">,
    TurnStartError
  > {
    const own = yield* CheckedOptions.turnLimits(limits)
    yield* requireAccount(thread.threadId)
    yield* rejoin(thread)
    const current = getOrBind(thread.threadId, thread.params)
    return {
      place: {
        threadId: thread.threadId,
        queue: queues.of(thread.threadId),
        ledger,
        budget: limits.budget === undefined ? turnBudget : own.budget
      },
      onToolCall: toolsOf(current, limits.onToolCall),
      watchdog: limits.watchdog === undefined ? watchdog : own.watchdog,
      rejoin: subscribeAgain(current),
      stopTimeout: Duration.toMillis(stopTimeout),
      whenBusy: limits.whenBusy ?? "wait",
      bufferBytes
    }
  })

  const prepare: Threads["prepare"] = Effect.fnUntraced(function* (thread, { prompt, turn, ...limits }, outputSchema) {
    const { place, ...run } = yield* startOptions(thread, limits)
    yield* Input.check(server, prompt)
    const { threadId } = thread
    const merged = merge(options?.turn, turn)
    // The id of its first message tells whose turn it is.
    const messageId = merged.clientUserMessageId ?? globalThis.crypto.randomUUID()
    const params = {
      ...merged,
      clientUserMessageId: messageId,
      threadId,
      input: Input.toUserInput(prompt)
    }
    return {
      place,
      run: {
        ...run,
        model: params.model ?? undefined,
        messageId,
        request: (requestOptions) =>
          outputSchema === undefined
            ? server.request("turn/start", params, requestOptions)
            : Effect.flatMap(outputSchema, (outputSchema) =>
                server.request("turn/start", { ...params, outputSchema }, requestOptions)
              )
      }
    }
  })

  const prepareReview: Threads["prepareReview"] = Effect.fnUntraced(function* (thread, target, limits) {
    const { place, ...run } = yield* startOptions(thread, limits)
    const { threadId } = thread
    return {
      place,
      run: {
        ...run,
        model: undefined,
        messageId: undefined,
        request: (requestOptions) => server.request("review/start", { threadId, target }, requestOptions)
      }
    }
  })

  return {
    start,
    startWithTools,
    resume,
    fork,
    forCall,
    bind,
    prepare,
    prepareReview,
    sizes: () => ({ bindings: boundThreads.size, queues: queues.size(), remembered: remembered.size })
  }
})

const isLocked = ({ _tag }: RequestError): boolean => _tag === "ThreadLocked"

// Parameters that only a new thread takes.
const startOnly = ["ephemeral", "serviceName", "sessionStartSource", "threadSource"] as const

// Defaults that a fork does not take.
const notForked = ["personality", "serviceName", "sessionStartSource"] as const

/** The timeout for unsubscribing from a thread in the background. */
const releaseTimeout = Duration.seconds(5)
