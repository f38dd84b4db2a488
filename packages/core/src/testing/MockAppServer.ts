/**
 * An in-memory app-server that behaves like the real one as far as tests need it, in virtual time, and that can misbehave.
 *
 * It is fast, and it produces faults that the real binary cannot be made to produce. Its default behavior follows codex
 * 0.169.0; a conformance suite runs against both. It is a peer of `AppServer`'s transport and starts no process.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberMap from "effect/FiberMap"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as AppServer from "../AppServer.ts"
import { ConnectionFailed, type ConnectionFailedReason } from "../CodexError.ts"
import * as ExperimentalApi from "../ExperimentalApi.ts"
import { type RequestId, RpcError } from "../internal/rpc/jsonRpc.ts"
import type * as Schemas from "../protocol/generated/Experimental.ts"
import {
  codexVersion,
  experimentalClientRequests,
  type ExperimentalNotifications
} from "../protocol/generated/Methods.ts"
import type { Transport } from "../Transport.ts"

/**
 * One step of a scripted turn.
 *
 * - `say`: an agent message, in these deltas.
 * - `command`: requests approval of a command; if accepted, it "runs" and exits with 0.
 * - `hang`: waits until the gate opens.
 * - `fail`: ends the turn as failed.
 *
 * @category models
 * @since 0.1.0
 */
export type Step =
  | { readonly say: ReadonlyArray<string> }
  | { readonly command: string }
  | { readonly hang: Effect.Effect<void> }
  | { readonly fail: Schemas.TurnError }

/**
 * The script and the faults of an in-memory server.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /**
   * The steps of each turn, in order of their start; a turn beyond the list ends at once. A function gets the turn's prompt.
   */
  readonly turns?: ReadonlyArray<ReadonlyArray<Step>> | ((prompt: string) => ReadonlyArray<Step>) | undefined
  /** The stored threads, shared with earlier servers of the same home. Default: an empty home. */
  readonly home?: Home | undefined
  /**
   * Replaces each message that the server sends: by none (dropped), by several (duplicated, or held back and sent later in
   * another order), or by text that is not a message. Default: messages are sent unchanged.
   */
  readonly distort?: ((message: Message) => ReadonlyArray<Message | string>) | undefined
  /** Called with each message before it is sent, including those about threads that the client has left. */
  readonly tap?: ((message: Message) => void) | undefined
  /**
   * Runs between the reply to `turn/start` and `turn/started`; meanwhile the server refuses to interrupt the turn by its id.
   * Default: a short delay.
   */
  readonly activation?: Effect.Effect<void> | undefined
  /** The version in the user agent. Default: the version of the protocol. */
  readonly version?: string | undefined
}

/**
 * The storage that one server leaves to the next: the threads that have had a turn.
 *
 * @category models
 * @since 0.1.0
 */
export interface Home {
  readonly rollouts: Set<string>
  /** The number of the last id. */
  lastId: number
}

/**
 * Makes a home without threads.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeHome = (): Home => ({ rollouts: new Set(), lastId: 0 })

/**
 * A JSON-RPC message.
 *
 * @category models
 * @since 0.1.0
 */
export type Message = { readonly [K in string]?: unknown }

/**
 * The server's end of the connection.
 *
 * @category services
 * @since 0.1.0
 */
export class MockAppServer extends Context.Service<
  MockAppServer,
  {
    readonly transport: Transport["Service"]
    /** The messages of the client so far, oldest first. */
    readonly received: Effect.Effect<ReadonlyArray<Message>>
    /** Replaces the server's default handler of a method. `Effect.never` leaves requests unanswered. */
    readonly on: (method: string, handler: (params: unknown) => Effect.Effect<unknown, RpcError>) => Effect.Effect<void>
    /** Sends a notification, even one that the protocol does not have. */
    readonly notify: (method: string, params: unknown) => Effect.Effect<void>
    /** Sends a request to the client and waits for the answer. Interruption withdraws it if it names a thread. */
    readonly ask: (method: string, params: unknown, id?: RequestId) => Effect.Effect<unknown, RpcError>
    /** Sends a request as another client of the same server. The client under test gets the resulting notifications too. */
    readonly requestAsOther: (method: string, params: unknown) => Effect.Effect<unknown, RpcError>
    /** Sends raw lines, all in one chunk. */
    readonly send: (...lines: ReadonlyArray<string>) => Effect.Effect<void>
    /** Stops reading input, so that the client's writes wait. */
    readonly stopReading: Effect.Effect<void>
    /** Closes the connection. Default: as if the process had been killed. */
    readonly die: (reason?: ConnectionFailedReason, stderr?: ReadonlyArray<string>) => Effect.Effect<void>
  }
>()("@effect-codex/core/testing/MockAppServer") {}

const refuse = (description: string, code = -32600) => Effect.fail(new RpcError({ code, description }))

const sandboxes = ["read-only", "workspace-write", "danger-full-access"]
const isUuid = (text: string) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)

const usage: Schemas.TokenUsageBreakdown = {
  totalTokens: 110,
  inputTokens: 100,
  cachedInputTokens: 0,
  outputTokens: 10,
  reasoningOutputTokens: 0
}

interface Running {
  readonly turnId: string
  /** Whether the turn can be interrupted by its id. */
  isActive: boolean
  /** Whether the turn waits for the answer to an approval request. */
  isAsking: boolean
  readonly first: UserMessage
  /** Steering input that the model has not received yet. */
  more: ReadonlyArray<UserMessage>
}

interface UserMessage {
  readonly clientId: string | null
  readonly input: ReadonlyArray<unknown>
}

// The user message in the parameters of a request.
const messageIn = (params: unknown): UserMessage => ({
  clientId: field(params, "clientUserMessageId") ?? null,
  input: Predicate.hasProperty(params, "input") && Array.isArray(params.input) ? params.input : []
})

const textsOf = ({ input }: UserMessage): ReadonlyArray<string> =>
  input.flatMap((part) => {
    const text = field(part, "text")
    return text === undefined ? [] : [text]
  })

/**
 * Makes a server. Closing the scope ends it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (
  options?: Options
): Effect.fn.Return<MockAppServer["Service"], never, Scope.Scope> {
  const received: Array<Message> = []
  const handlers = new Map<string, (params: unknown) => Effect.Effect<unknown, RpcError>>()
  const asked = new Map<RequestId, Deferred.Deferred<unknown, RpcError>>()
  const home = options?.home ?? makeHome()
  const threads = new Map<string, { running: Running | undefined }>()
  const turns = yield* FiberMap.make<string>()
  const runFork = Effect.runForkWith(yield* Effect.context())

  let receiver: Parameters<Transport["Service"]["listen"]>[0] | undefined
  let ended: ConnectionFailed | undefined
  let reading = true
  let initialized = false
  let experimental = false
  let started = 0

  const nextId = () => `00000000-0000-7000-8000-${String(++home.lastId).padStart(12, "0")}`

  const send = (...lines: ReadonlyArray<string>) =>
    Effect.sync(() => {
      if (ended === undefined && Arr.isReadonlyArrayNonEmpty(lines)) receiver?.onLines(lines)
    })
  // The threads that the client has unsubscribed from. It gets no notifications and no requests about them.
  const left = new Set<string>()
  const isUnheard = ({ method, params }: Message) => method !== undefined && left.has(field(params, "threadId") ?? "")
  const sendMessage = (message: Message) =>
    Effect.suspend(() => {
      options?.tap?.(message)
      if (isUnheard(message)) return Effect.void
      return send(
        ...(options?.distort?.(message) ?? [message]).map((each) =>
          typeof each === "string" ? each : JSON.stringify(each)
        )
      )
    })
  const notify: MockAppServer["Service"]["notify"] = (method, params) =>
    Effect.flatMap(Clock.currentTimeMillis, (emittedAtMs) => sendMessage({ method, params, emittedAtMs }))
  const emit = <M extends keyof ExperimentalNotifications>(method: M, params: ExperimentalNotifications[M]) =>
    notify(method, params)

  const waitForAnswer = (method: string, params: unknown, id: RequestId) =>
    Effect.suspend(() => {
      const answer = Deferred.makeUnsafe<unknown, RpcError>()
      asked.set(id, answer)
      return sendMessage({ id, method, params }).pipe(
        Effect.andThen(Deferred.await(answer)),
        Effect.ensuring(Effect.sync(() => asked.delete(id)))
      )
    })

  const ask: MockAppServer["Service"]["ask"] = (method, params, id = nextId()) =>
    Effect.suspend(() => {
      const threadId = field(params, "threadId")
      const resolved =
        threadId === undefined ? Effect.void : emit("serverRequest/resolved", { threadId, requestId: id })
      return Effect.ensuring(waitForAnswer(method, params, id), resolved)
    })

  const statusOf = (id: string): Schemas.ThreadStatus => {
    const thread = threads.get(id)
    if (thread === undefined) return { type: "notLoaded" }
    if (thread.running === undefined) return { type: "idle" }
    return { type: "active", activeFlags: thread.running.isAsking ? ["waitingOnApproval"] : [] }
  }

  const threadOf = (id: string): Schemas.Thread => ({
    id,
    sessionId: id,
    cliVersion: options?.version ?? codexVersion,
    createdAt: 0,
    updatedAt: 0,
    cwd: "/",
    ephemeral: false,
    modelProvider: "mock",
    preview: "",
    projectId: null,
    source: "appServer",
    status: statusOf(id),
    turns: []
  })

  const turnOf = (id: string, status: string, error: Schemas.TurnError | null = null): Schemas.Turn => ({
    id,
    rootTurnId: id,
    items: [],
    itemsView: "notLoaded",
    status,
    error
  })

  const stepsOf = (first: UserMessage): ReadonlyArray<Step> => {
    const { turns } = options ?? {}
    return (typeof turns === "function" ? turns(textsOf(first).join("\n")) : turns?.[started++]) ?? []
  }

  // The life of a turn, in the order in which the real server reports it.
  const finishTurn = Effect.fnUntraced(function* (
    threadId: string,
    turnId: string,
    status: string,
    error?: Schemas.TurnError
  ) {
    const thread = threads.get(threadId)
    if (thread?.running?.turnId !== turnId) return
    thread.running = undefined
    yield* emit("thread/status/changed", { threadId, status: { type: "idle" } })
    yield* emit("turn/completed", { threadId, turn: turnOf(turnId, status, error ?? null) })
  })

  const runTurn = (threadId: string, running: Running, steps: ReadonlyArray<Step>) => {
    const { turnId } = running
    const about = { threadId, turnId }
    const begin = (item: Schemas.ThreadItem) => emit("item/started", { ...about, item, startedAtMs: 0 })
    const end = (item: Schemas.ThreadItem) => emit("item/completed", { ...about, item, completedAtMs: 0 })
    const finish = (status: string, error?: Schemas.TurnError) => finishTurn(threadId, turnId, status, error)
    const prompt = Effect.fnUntraced(function* (given: UserMessage) {
      const content = textsOf(given).map((text): Schemas.UserInput => ({ type: "text", text, text_elements: [] }))
      const message: Schemas.ThreadItem = { type: "userMessage", id: nextId(), clientId: given.clientId, content }
      yield* begin(message)
      yield* end(message)
    })
    // The model receives steering input between two of its responses.
    const promptMore = Effect.suspend(() => {
      const { more } = running
      running.more = []
      return Effect.forEach(more, prompt, { discard: true })
    })
    // Withdraws the approval request if the turn ends while it is open. The real server reports this after the turn's end.
    let withdraw: Effect.Effect<void> = Effect.void
    const body = Effect.gen(function* () {
      yield* options?.activation ?? Effect.yieldNow
      running.isActive = true
      yield* emit("thread/status/changed", { threadId, status: { type: "active", activeFlags: [] } })
      yield* emit("turn/started", { threadId, turn: turnOf(turnId, "inProgress") })
      yield* prompt(running.first)
      for (const step of steps) {
        yield* promptMore
        if ("hang" in step) yield* step.hang
        else if ("say" in step) {
          const id = nextId()
          yield* begin({ type: "agentMessage", id, text: "" })
          for (const delta of step.say) yield* emit("item/agentMessage/delta", { ...about, itemId: id, delta })
          yield* end({ type: "agentMessage", id, text: step.say.join("") })
          yield* emit("thread/tokenUsage/updated", { ...about, tokenUsage: { total: usage, last: usage } })
        } else if ("fail" in step) {
          yield* emit("error", { ...about, error: step.fail, willRetry: false })
          return yield* finish("failed", step.fail)
        } else {
          const item = (status: string): Schemas.ThreadItem => ({
            type: "commandExecution",
            id: `call_${turnId}`,
            command: step.command,
            commandActions: [],
            cwd: "/",
            status,
            ...(status === "completed" ? { exitCode: 0, aggregatedOutput: "" } : {})
          })
          running.isAsking = true
          yield* emit("thread/status/changed", { threadId, status: statusOf(threadId) })
          yield* begin(item("inProgress"))
          const params: Schemas.CommandExecutionRequestApprovalParams = {
            ...about,
            itemId: `call_${turnId}`,
            kind: "command",
            command: step.command,
            cwd: "/",
            startedAtMs: 0,
            availableDecisions: ["accept", "cancel"]
          }
          const requestId = nextId()
          const resolve = emit("serverRequest/resolved", { threadId, requestId })
          withdraw = resolve
          const answer = yield* Effect.option(waitForAnswer("item/commandExecution/requestApproval", params, requestId))
          running.isAsking = false
          withdraw = Effect.void
          yield* resolve
          // An answer without a decision counts as a refusal.
          const decision = answer._tag === "Some" ? field(answer.value, "decision") : undefined
          yield* end(item(decision === "accept" ? "completed" : "declined"))
          if (decision === "cancel") return yield* finish("interrupted")
        }
      }
      yield* promptMore
      return yield* finish("completed")
    })
    return Effect.onInterrupt(body, () =>
      Effect.andThen(
        finish("interrupted"),
        Effect.suspend(() => withdraw)
      )
    )
  }

  const idOf = (params: unknown) =>
    Effect.suspend(() => {
      const id = field(params, "threadId")
      if (id === undefined) return refuse("Invalid request: missing field `threadId`")
      return isUuid(id) ? Effect.succeed(id) : refuse(`invalid thread id: invalid character in ${id}`)
    })
  const loaded = (params: unknown, otherwise: (id: string) => string) =>
    Effect.flatMap(idOf(params), (id) => {
      const thread = threads.get(id)
      return thread === undefined ? refuse(otherwise(id)) : Effect.succeed({ id, thread })
    })

  const settings = {
    approvalPolicy: "on-request",
    approvalsReviewer: "user",
    cwd: "/",
    model: "mock-model",
    modelProvider: "mock",
    sandbox: { type: "readOnly" }
  }

  const defaults: { readonly [K in string]?: (params: unknown) => Effect.Effect<unknown, RpcError> } = {
    "account/read": () => Effect.succeed({ account: null, requiresOpenaiAuth: false }),
    "thread/start": Effect.fnUntraced(function* (params) {
      const sandbox = field(params, "sandbox")
      if (sandbox !== undefined && !sandboxes.includes(sandbox)) {
        const names = sandboxes.map((name) => `\`${name}\``).join(", ")
        return yield* refuse(`Invalid request: unknown variant \`${sandbox}\`, expected one of ${names}`)
      }
      if (!experimental && Predicate.hasProperty(params, "dynamicTools") && params.dynamicTools !== null) {
        return yield* refuse("thread/start.dynamicTools requires experimentalApi capability")
      }
      const id = nextId()
      threads.set(id, { running: undefined })
      yield* Effect.forkChild(emit("thread/started", { thread: threadOf(id) }))
      return { ...settings, thread: threadOf(id) }
    }),
    "thread/resume": Effect.fnUntraced(function* (params) {
      const id = yield* idOf(params)
      if (!home.rollouts.has(id)) return yield* refuse(`no rollout found for thread id ${id}`)
      if (!threads.has(id)) threads.set(id, { running: undefined })
      left.delete(id)
      return { ...settings, thread: threadOf(id) }
    }),
    "thread/read": (params) =>
      Effect.flatMap(idOf(params), (id) =>
        threads.has(id) || home.rollouts.has(id)
          ? Effect.succeed({ thread: threadOf(id) })
          : refuse(`thread not loaded: ${id}`)
      ),
    "thread/turns/list": (params) =>
      Effect.flatMap(idOf(params), (id) =>
        home.rollouts.has(id)
          ? Effect.succeed({ data: [], nextCursor: null })
          : refuse(`no rollout found for thread id ${id}`)
      ),
    "thread/loaded/list": (params) =>
      Effect.sync(() => {
        const all = Array.from(threads.keys())
        const limit =
          Predicate.hasProperty(params, "limit") && typeof params.limit === "number" ? params.limit : all.length
        const from = Number(field(params, "cursor") ?? 0)
        const next = from + limit
        return { data: all.slice(from, next), nextCursor: next < all.length ? String(next) : null }
      }),
    "thread/unsubscribe": (params) =>
      Effect.sync(() => {
        left.add(field(params, "threadId") ?? "")
        return { status: "unsubscribed" }
      }),
    "turn/start": Effect.fnUntraced(function* (params) {
      const { id, thread } = yield* loaded(params, (id) => `thread not found: ${id}`)
      const first = messageIn(params)
      // A second turn/start adds input to the running turn.
      if (thread.running !== undefined) {
        thread.running.more = [...thread.running.more, first]
        return { turn: turnOf(thread.running.turnId, "inProgress") }
      }
      const running: Running = { turnId: nextId(), isActive: false, isAsking: false, first, more: [] }
      thread.running = running
      home.rollouts.add(id)
      yield* FiberMap.run(turns, id, runTurn(id, running, stepsOf(first)), { startImmediately: false })
      return { turn: turnOf(running.turnId, "inProgress") }
    }),
    "turn/steer": Effect.fnUntraced(function* (params) {
      const { thread } = yield* loaded(params, (id) => `thread not found: ${id}`)
      const turnId = field(params, "expectedTurnId")
      const { running } = thread
      if (running === undefined) return yield* refuse("no active turn to steer")
      if (turnId !== running.turnId) {
        return yield* refuse(`expected active turn id \`${turnId}\` but found \`${running.turnId}\``)
      }
      running.more = [...running.more, messageIn(params)]
      return { turnId }
    }),
    "turn/interrupt": Effect.fnUntraced(function* (params) {
      const { id, thread } = yield* loaded(params, (id) => `thread not found: ${id}`)
      const turnId = field(params, "turnId")
      const { running } = thread
      if (turnId !== "") {
        if (running?.isActive !== true) return yield* refuse("no active turn to interrupt")
        if (turnId !== running.turnId) {
          return yield* refuse(`expected active turn id ${turnId} but found ${running.turnId}`)
        }
      }
      // Interrupting a turn that has not begun yet sends no notifications.
      if (running !== undefined) {
        runFork(Effect.andThen(FiberMap.remove(turns, id), finishTurn(id, running.turnId, "interrupted")))
      }
      return {}
    })
  }

  const answer = (method: string, params: unknown): Effect.Effect<unknown, RpcError> => {
    const own = handlers.get(method)
    if (own !== undefined) return own(params)
    if (method === "initialize") {
      if (initialized) return refuse("Already initialized")
      initialized = true
      const capabilities = Predicate.hasProperty(params, "capabilities") ? params.capabilities : undefined
      experimental = Predicate.hasProperty(capabilities, "experimentalApi") && capabilities.experimentalApi === true
      const info = Predicate.hasProperty(params, "clientInfo") ? params.clientInfo : undefined
      return Effect.succeed({
        userAgent: `${field(info, "name") ?? "client"}/${options?.version ?? codexVersion} (mock)`,
        codexHome: "/",
        platformFamily: "unix",
        platformOs: "linux"
      })
    }
    if (!initialized) return refuse("Not initialized")
    const known = defaults[method]
    if (known !== undefined) return known(params)
    const names = Object.keys(experimentalClientRequests)
    return names.includes(method)
      ? refuse(`the mock does nothing for ${method}: say what with \`on\``, -32603)
      : refuse(
          `Invalid request: unknown variant \`${method}\`, expected one of ${names.map((name) => `\`${name}\``).join(", ")}`
        )
  }

  // Handlers start in the order of the requests, and a slow one does not delay the next.
  const onMessage = (message: Message) => {
    received.push(message)
    const { error, id, method, params, result } = message
    if (typeof id !== "string" && typeof id !== "number") return
    if (typeof method === "string") {
      runFork(
        answer(method, params).pipe(
          Effect.matchEffect({
            onSuccess: (result) => sendMessage({ id, result }),
            onFailure: ({ code, description }) => sendMessage({ id, error: { code, message: description } })
          })
        )
      )
      return
    }
    const waiting = asked.get(id)
    if (waiting === undefined) return
    Deferred.doneUnsafe(
      waiting,
      error === undefined
        ? Effect.succeed(result)
        : Effect.fail(new RpcError({ code: codeOf(error), description: field(error, "message") ?? "an error" }))
    )
  }

  const die: MockAppServer["Service"]["die"] = (reason = { _tag: "Exited", signal: "SIGKILL" }, stderr = []) =>
    Effect.suspend(() => {
      if (ended !== undefined) return Effect.void
      ended = new ConnectionFailed({ reason, stderr })
      receiver?.onEnd(ended)
      return FiberMap.clear(turns)
    })
  yield* Effect.addFinalizer(() => die({ _tag: "Exited", code: 0 }))

  const transport: Transport["Service"] = {
    listen: (given) =>
      Effect.sync(() => {
        receiver = given
      }),
    room: Effect.suspend(() => {
      if (ended !== undefined) return Effect.fail(ended)
      return reading ? Effect.void : Effect.never
    }),
    hasRoom: () => ended === undefined && reading,
    write: (line) => {
      const parsed = Result.try((): unknown => JSON.parse(line))
      if (ended === undefined && Result.isSuccess(parsed) && Predicate.isReadonlyObject(parsed.success)) {
        onMessage(parsed.success)
      }
    },
    diagnostics: Effect.sync(() => ended?.stderr ?? [])
  }

  return MockAppServer.of({
    transport,
    received: Effect.sync(() => received.slice()),
    on: (method, handler) => Effect.sync(() => handlers.set(method, handler)),
    notify,
    ask,
    requestAsOther: (method, params) => Effect.suspend(() => answer(method, params)),
    send,
    stopReading: Effect.sync(() => {
      reading = false
    }),
    die
  })
})

/**
 * An in-memory server, and the connection to it.
 *
 * @category options
 * @since 0.1.0
 */
export interface LayerOptions extends Options {
  readonly connection?: AppServer.ConnectionOptions | undefined
}

/**
 * A connection to an in-memory server. `acceptDelay` defaults to 0; `connection` can change it. Provide it to
 * `Codex.layerAppServer` to get a `Codex`.
 *
 * @category layers
 * @since 0.1.0
 */
export function layer(
  options: LayerOptions & { readonly connection: ExperimentalApi.OptIn }
): Layer.Layer<MockAppServer | AppServer.AppServer | ExperimentalApi.ExperimentalApi, ConnectionFailed>
export function layer(options?: LayerOptions): Layer.Layer<MockAppServer | AppServer.AppServer, ConnectionFailed>
export function layer(options?: LayerOptions) {
  const connect = Effect.flatMap(MockAppServer, ({ transport }) =>
    AppServer.make(transport, { acceptDelay: 0, ...options?.connection })
  )
  const server = Layer.provideMerge(
    Layer.effect(AppServer.AppServer)(connect),
    Layer.effect(MockAppServer)(make(options))
  )
  return ExperimentalApi.withOptIn(server, options?.connection)
}

const codeOf = (error: unknown): number =>
  Predicate.hasProperty(error, "code") && typeof error.code === "number" ? error.code : -32603

const field = (value: unknown, name: string): string | undefined => {
  const found = Predicate.isReadonlyObject(value) ? value[name] : undefined
  return typeof found === "string" ? found : undefined
}
