/**
 * Threads and turns as the handles and results that users hold: the ways in which one prepared turn is run.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Toolkit } from "effect/ai/Toolkit"
import type { AgentResponse } from "../AgentResponse.ts"
import type { AppServer } from "../AppServer.ts"
import type * as Codex from "../Codex.ts"
import {
  OutputInvalid,
  type RequestError,
  type ThreadStartError,
  type TurnError,
  type TurnStartError
} from "../CodexError.ts"
import type { ExperimentalApi } from "../ExperimentalApi.ts"
import type { ThreadGroup } from "../Groups.ts"
import * as Input from "../Input.ts"
import type { PolicyEngine } from "../PolicyEngine.ts"
import * as StructuredOutput from "../StructuredOutput.ts"
import * as Thread from "../Thread.ts"
import * as ThreadActions from "../ThreadActions.ts"
import * as Tools from "../Tools.ts"
import * as Turn from "../Turn.ts"
import * as Options from "./options.ts"
import type { Threads } from "./threads.ts"

type RunInput = Thread.RunInput
type Ask<A, RD> = RunInput & Thread.AskOptions<A, RD>

export interface Handles {
  readonly threads: Pick<Codex.Threads, "fork" | "resume" | "start">
  /** Runs a turn and waits for its result. */
  readonly run: (threadId: string, input: RunInput) => Effect.Effect<AgentResponse, TurnError, PolicyEngine>
  /** The same for an answer of some form. */
  readonly ask: <A, RD>(
    threadId: string,
    input: Ask<A, RD>
  ) => Effect.Effect<Thread.Answer<A>, TurnError | OutputInvalid, PolicyEngine | RD>
  /** Starts a turn for one consumer. */
  readonly stream: (
    threadId: string,
    input: Thread.TurnInput
  ) => Effect.Effect<Turn.StreamingTurn, TurnStartError, PolicyEngine | Scope.Scope>
}

export const makeHandles = (
  server: AppServer["Service"],
  threads: Threads,
  group: ThreadGroup,
  bufferBytes: number
): Handles => {
  const runTurn = Effect.fnUntraced(function* (
    threadId: string,
    { includeEvents, ...input }: RunInput,
    outputSchema?: unknown
  ): Effect.fn.Return<AgentResponse, TurnError, PolicyEngine | Scope.Scope> {
    const turn = yield* Turn.start(server, {
      ...(yield* threads.prepare(threadId, input, outputSchema)),
      includeEvents
    })
    return yield* turn.response
  })

  const run: Handles["run"] = (threadId, input) => Effect.scoped(runTurn(threadId, input))

  const ask: Handles["ask"] = Effect.fnUntraced(function* <A, RD>(
    threadId: string,
    { output, outputRetries, ...input }: Ask<A, RD>
  ): Effect.fn.Return<Thread.Answer<A>, TurnError | OutputInvalid, PolicyEngine | RD> {
    const { decode, jsonSchema } = StructuredOutput.adapt(output)
    let asked = input
    for (let left = yield* Options.count("outputRetries", outputRetries ?? 1); ; left--) {
      const response = yield* Effect.scoped(runTurn(threadId, asked, jsonSchema))
      const decoded = yield* Effect.result(decode(response.text))
      if (decoded._tag === "Success") return { ...response, value: decoded.success }
      const description = decoded.failure
      if (left <= 0) return yield* new OutputInvalid({ description, answer: response.text, response })
      asked = { ...input, prompt: StructuredOutput.askAgain(description) }
    }
  })

  const stream: Handles["stream"] = Effect.fnUntraced(function* (threadId, input) {
    const options = yield* threads.prepare(threadId, input)
    return yield* Turn.startStreaming(server, { ...options, keep: "once", bufferBytes })
  })

  const startTurn = Effect.fnUntraced(function* (options: Turn.Options) {
    const { threadId } = options
    const { id, interrupt, notifications, response } = yield* Turn.startStreaming(server, {
      ...options,
      keep: "replay",
      bufferBytes
    })
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
          Effect.asVoid(
            server.request("turn/steer", { threadId, expectedTurnId: id, input: Input.toUserInput(prompt) })
          )
        ),
      interrupt
    }
    return handle
  })

  const handleOf = (threadId: string): Thread.Thread => {
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
      if (output === undefined) return Effect.flatMap(threads.prepare(threadId, input), startTurn)
      return Effect.gen(function* () {
        const { decode, jsonSchema } = StructuredOutput.adapt(output)
        const context = yield* Effect.context<RD>()
        const handle = yield* startTurn(yield* threads.prepare(threadId, input, jsonSchema))
        const value = Effect.flatMap(handle.result, (response) =>
          Effect.mapError(
            Effect.provideContext(decode(response.text), context),
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
      return output === undefined ? run(threadId, input) : ask(threadId, { ...input, output })
    }

    return {
      ...ThreadActions.make(group, threadId),
      id: threadId,
      turn,
      run: runOne,
      review: (target, limits) => Effect.flatMap(threads.prepareReview(threadId, target, limits ?? {}), startTurn),
      fork: (options) => fork(threadId, options)
    }
  }

  // Makes the handle of a thread once its tools and policy are in place.
  const attached = <T extends Tools.Tools, R>(
    { onToolCall, policy, toolTimeout, tools }: Thread.Attached & { readonly tools?: Toolkit<T> | undefined },
    thread: (bound: Tools.Bound | undefined) => Effect.Effect<string, RequestError, R>
  ) =>
    Effect.gen(function* () {
      if (toolTimeout !== undefined) yield* Options.timeout("toolTimeout", toolTimeout)
      const bound = tools === undefined ? undefined : yield* Tools.bind(tools, { toolTimeout })
      const threadId = yield* thread(bound)
      yield* threads.attach(threadId, { onToolCall, policy }, bound)
      return handleOf(threadId)
    })

  function start(options?: Thread.StartOptions): Effect.Effect<Thread.Thread, ThreadStartError>
  function start<T extends Tools.Tools>(
    options: Thread.StartOptions & Partial<Thread.DynamicTools> & { readonly tools: Toolkit<T> }
  ): Effect.Effect<Thread.Thread, ThreadStartError, ExperimentalApi | Tools.Requirements<T>>
  function start(
    options: Thread.StartOptions & Thread.DynamicTools
  ): Effect.Effect<Thread.Thread, ThreadStartError, ExperimentalApi>
  function start<T extends Tools.Tools>({
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
    return attached<T, ExperimentalApi>({ onToolCall, policy, toolTimeout, tools }, (bound) =>
      bound === undefined && dynamicTools === undefined
        ? threads.start(params)
        : threads.startWithTools(params, [...(bound?.specs ?? []), ...(dynamicTools ?? [])])
    )
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
    return attached({ onToolCall, policy, toolTimeout, tools }, () => threads.resume(threadId, params))
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
    return attached({ onToolCall, policy, toolTimeout, tools }, () => threads.fork(threadId, params))
  }

  return { threads: { start, resume, fork }, run, ask, stream }
}

const isParts = (input: object): input is ReadonlyArray<Input.Part> => Array.isArray(input)
