/**
 * The handles and results of threads and turns, and the ways to run a prepared turn.
 *
 * Typed answers and toolkits need large modules of Effect, so these are loaded on first use. A turn takes its place before that,
 * so that turns keep the order of their calls.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type { Toolkit } from "effect/ai/Toolkit"
import type { AgentResponse } from "../../AgentResponse.ts"
import type { AppServer } from "../../AppServer.ts"
import {
  OutputInvalid,
  type ThreadStartError,
  type TurnError,
  TurnOver,
  type TurnStartError
} from "../../CodexError.ts"
import type { ExperimentalApi } from "../../ExperimentalApi.ts"
import * as Input from "../../Input.ts"
import type { PolicyEngine } from "../../PolicyEngine.ts"
import type * as StructuredOutput from "../../StructuredOutput.ts"
import * as Thread from "../../Thread.ts"
import type * as Tools from "../../Tools.ts"
import * as Options from "../options.ts"
import type { BoundThread, Threads } from "./threads.ts"
import * as Place from "../turn/place.ts"
import { type Options as TurnOptions, start, startIn, startStreaming, type StreamingTurn } from "../turn/start.ts"

type RunInput = Thread.RunInput
type Ask<A, RD> = RunInput & Thread.AskOptions<A, RD>

export interface Handles {
  readonly threads: Thread.Handles
  /** Runs a turn and waits for its result. */
  readonly run: (thread: BoundThread, input: RunInput) => Effect.Effect<AgentResponse, TurnError, PolicyEngine>
  /** Runs a turn for an answer that matches a schema. */
  readonly ask: <A, RD>(
    thread: BoundThread,
    input: Ask<A, RD>
  ) => Effect.Effect<Thread.Answer<A>, TurnError | OutputInvalid, PolicyEngine | RD>
  /** Starts a turn for one consumer. */
  readonly stream: (
    thread: BoundThread,
    input: Thread.TurnInput
  ) => Effect.Effect<StreamingTurn, TurnStartError, PolicyEngine | Scope.Scope>
}

const loadStructuredOutput = Effect.promise(() => import("../../StructuredOutput.ts"))
const adapt = <A, RD>(output: StructuredOutput.Output<A, RD>) =>
  Effect.cached(Effect.map(loadStructuredOutput, ({ adapt }) => adapt(output)))
const loadTools = Effect.promise(() => import("../../Tools.ts"))

export const makeHandles = (server: AppServer["Service"], threads: Threads): Handles => {
  const run: Handles["run"] = (thread, { includeEvents, ...input }) =>
    Effect.scoped(
      Effect.gen(function* () {
        const options = yield* threads.prepare(thread, input)
        const turn = yield* start(server, { ...options, run: { ...options.run, includeEvents } })
        return yield* turn.response
      })
    )

  // All attempts share one place, so that no other turn runs between them, and one budget.
  const ask: Handles["ask"] = <A, RD>(
    thread: BoundThread,
    { includeEvents, output, outputRetries, ...input }: Ask<A, RD>
  ) =>
    Effect.gen(function* () {
      const retries = yield* Options.count("outputRetries", outputRetries ?? 1)
      const adapted = yield* adapt(output)
      const outputSchema = Effect.map(adapted, ({ jsonSchema }) => jsonSchema)
      let options = yield* threads.prepare(thread, input, outputSchema)
      const place = yield* Place.take(options.place)
      for (let left = retries; ; left--) {
        const turn = yield* startIn(server, place, { ...options.run, includeEvents })
        const response = yield* turn.response
        const { decode } = yield* adapted
        const decoded = yield* Effect.result(decode(response.text))
        if (Result.isSuccess(decoded)) return { ...response, value: decoded.success }
        const description = decoded.failure
        if (left <= 0) return yield* new OutputInvalid({ description, answer: response.text, response })
        const { askAgain } = yield* loadStructuredOutput
        options = yield* threads.prepare(thread, { ...input, prompt: askAgain(description) }, outputSchema)
      }
    }).pipe(Effect.scoped)

  const stream: Handles["stream"] = (thread, input) =>
    Effect.flatMap(threads.prepare(thread, input), (options) => startStreaming(server, options, "once"))

  const startTurn = Effect.fnUntraced(function* (options: TurnOptions) {
    const { id, interrupt, notifications, response, threadId } = yield* startStreaming(server, options, "replay")
    const handle: Thread.TurnHandle = {
      id,
      threadId,
      notifications,
      events: Thread.eventsOf(threadId, notifications),
      text: Thread.textOf(notifications),
      result: response,
      steer: (prompt) =>
        Effect.andThen(
          Input.check(server, prompt),
          server.request("turn/steer", { threadId, expectedTurnId: id, input: Input.toUserInput(prompt) }).pipe(
            Effect.asVoid,
            Effect.catchTag("RequestFailed", (error) =>
              Effect.fail(isTooLate(error.description) ? new TurnOver({ threadId, turnId: id }) : error)
            )
          )
        ),
      interrupt
    }
    return handle
  })

  const handleOf = (thread: BoundThread): Thread.Thread => {
    const inputOf = <I extends Thread.TurnInput>(input: Input.Input | I): I | Thread.TurnInput =>
      typeof input === "string" || isParts(input) ? { prompt: input } : input

    function turn(
      input: Input.Input | Thread.TurnInput
    ): Effect.Effect<Thread.TurnHandle, TurnStartError, PolicyEngine | Scope.Scope>
    function turn<A, RD>(
      input: Thread.TurnInput & Thread.OutputOptions<A, RD>
    ): Effect.Effect<Thread.AnswerHandle<A>, TurnStartError, PolicyEngine | Scope.Scope | RD>
    function turn<A, RD>(
      given: Input.Input | (Thread.TurnInput & Partial<Thread.OutputOptions<A, RD>>)
    ): Effect.Effect<Thread.TurnHandle, TurnStartError, PolicyEngine | Scope.Scope | RD> {
      const { output, ...input }: Thread.TurnInput & Partial<Thread.OutputOptions<A, RD>> = inputOf(given)
      if (output === undefined) return Effect.flatMap(threads.prepare(thread, input), startTurn)
      return Effect.gen(function* () {
        const adapted = yield* adapt(output)
        const outputSchema = Effect.map(adapted, ({ jsonSchema }) => jsonSchema)
        const context = yield* Effect.context<RD>()
        const handle = yield* startTurn(yield* threads.prepare(thread, input, outputSchema))
        const value = Effect.flatMap(handle.result, (response) =>
          Effect.mapError(
            Effect.provideContext(
              Effect.flatMap(adapted, ({ decode }) => decode(response.text)),
              context
            ),
            (description) => new OutputInvalid({ description, answer: response.text, response })
          )
        )
        return { ...handle, value }
      })
    }

    function runOne(input: Input.Input | RunInput): Effect.Effect<AgentResponse, TurnError, PolicyEngine>
    function runOne<A, RD>(
      input: Ask<A, RD>
    ): Effect.Effect<Thread.Answer<A>, TurnError | OutputInvalid, PolicyEngine | RD>
    function runOne<A, RD>(
      given: Input.Input | (RunInput & Partial<Thread.AskOptions<A, RD>>)
    ): Effect.Effect<AgentResponse, TurnError | OutputInvalid, PolicyEngine | RD> {
      const { output, ...input }: RunInput & Partial<Thread.AskOptions<A, RD>> = inputOf(given)
      return output === undefined ? run(thread, input) : ask(thread, { ...input, output })
    }

    return {
      id: thread.threadId,
      settings: thread.settings,
      turn,
      run: runOne,
      review: (target, limits) => Effect.flatMap(threads.prepareReview(thread, target, limits ?? {}), startTurn),
      fork: (options) => fork(thread.threadId, options)
    }
  }

  // Makes the handle of a thread once its tools and policy are in place.
  const withBindings = <T extends Tools.Tools, R>(
    { onToolCall, policy, toolTimeout, tools }: Thread.ThreadBindings & { readonly tools?: Toolkit<T> | undefined },
    load: (bound: Tools.Bound | undefined) => Effect.Effect<BoundThread, ThreadStartError, R>
  ) =>
    Effect.gen(function* () {
      if (toolTimeout !== undefined) yield* Options.timeout("toolTimeout", toolTimeout)
      const bound = tools === undefined ? undefined : yield* (yield* loadTools).bind(tools, { toolTimeout })
      const thread = yield* load(bound)
      yield* threads.bind(thread, { onToolCall, policy }, bound)
      return handleOf(thread)
    })

  function startThread(options?: Thread.StartOptions): Effect.Effect<Thread.Thread, ThreadStartError>
  function startThread<T extends Tools.Tools>(
    options: Thread.StartOptions & Partial<Thread.DynamicTools> & { readonly tools: Toolkit<T> }
  ): Effect.Effect<Thread.Thread, ThreadStartError, ExperimentalApi | Tools.Requirements<T>>
  function startThread(
    options: Thread.StartOptions & Thread.DynamicTools
  ): Effect.Effect<Thread.Thread, ThreadStartError, ExperimentalApi>
  function startThread<T extends Tools.Tools>({
    dynamicTools,
    onToolCall,
    policy,
    toolTimeout,
    tools,
    ...params
  }: Thread.StartOptions &
    Partial<Thread.DynamicTools> & { readonly tools?: Toolkit<T> | undefined } = {}): Effect.Effect<
    Thread.Thread,
    ThreadStartError,
    ExperimentalApi | Tools.Requirements<T>
  > {
    return withBindings<T, ExperimentalApi>({ onToolCall, policy, toolTimeout, tools }, (bound) => {
      if (bound === undefined && dynamicTools === undefined) return threads.start(params)
      const declared = [...(bound?.specs ?? []), ...(dynamicTools ?? [])]
      return Effect.flatMap(loadTools, ({ checkNames }) => checkNames(declared)).pipe(
        Effect.andThen(threads.startWithTools(params, declared))
      )
    })
  }

  function resume(threadId: string, options?: Thread.ResumeOptions): Effect.Effect<Thread.Thread, ThreadStartError>
  function resume<T extends Tools.Tools>(
    threadId: string,
    options: Thread.ResumeOptions & { readonly tools: Toolkit<T> }
  ): Effect.Effect<Thread.Thread, ThreadStartError, Tools.Requirements<T>>
  function resume<T extends Tools.Tools>(
    threadId: string,
    {
      onToolCall,
      policy,
      toolTimeout,
      tools,
      ...params
    }: Thread.ResumeOptions & { readonly tools?: Toolkit<T> | undefined } = {}
  ): Effect.Effect<Thread.Thread, ThreadStartError, Tools.Requirements<T>> {
    return withBindings({ onToolCall, policy, toolTimeout, tools }, () => threads.resume(threadId, params))
  }

  function fork(threadId: string, options?: Thread.ForkOptions): Effect.Effect<Thread.Thread, ThreadStartError>
  function fork<T extends Tools.Tools>(
    threadId: string,
    options: Thread.ForkOptions & { readonly tools: Toolkit<T> }
  ): Effect.Effect<Thread.Thread, ThreadStartError, Tools.Requirements<T>>
  function fork<T extends Tools.Tools>(
    threadId: string,
    {
      onToolCall,
      policy,
      toolTimeout,
      tools,
      ...params
    }: Thread.ForkOptions & { readonly tools?: Toolkit<T> | undefined } = {}
  ): Effect.Effect<Thread.Thread, ThreadStartError, Tools.Requirements<T>> {
    return withBindings({ onToolCall, policy, toolTimeout, tools }, () => threads.fork(threadId, params))
  }

  return { threads: { start: startThread, resume, fork }, run, ask, stream }
}

// The server's answers to a steer of a turn that is not the active one, observed in codex 0.169.0.
const isTooLate = (description: string): boolean =>
  description === "no active turn to steer" || /^expected active turn id \S+ but found \S+$/.test(description)

const isParts = (input: object): input is ReadonlyArray<Input.Part> => Array.isArray(input)
