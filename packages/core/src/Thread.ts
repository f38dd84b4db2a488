/**
 * Handles of threads and turns, for programs that want to hold on to them: to watch a turn from several places, to steer it,
 * to interrupt it, to go on afterwards.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import type * as Duration from "effect/Duration"
import type { Toolkit } from "effect/ai/Toolkit"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { AgentResponse } from "./AgentResponse.ts"
import type {
  InvalidInput,
  OutputInvalid,
  RequestError,
  ThreadStartError,
  TurnError,
  TurnNotStopped,
  TurnOver,
  TurnStartError,
  TurnStreamError
} from "./CodexError.ts"
import type * as ExperimentalApi from "./ExperimentalApi.ts"
import type { Input } from "./Input.ts"
import { makeCommentary } from "./internal/commentary.ts"
import type { Notification } from "./Notification.ts"
import type { Engine, PolicyEngine } from "./PolicyEngine.ts"
import type { DynamicToolSpec } from "./protocol/generated/Stable.ts"
import type {
  AskForApproval,
  ReasoningEffort,
  ReviewTarget,
  SandboxPolicy,
  ThreadForkParams,
  ThreadResumeParams,
  ThreadStartParams,
  TurnStartParams
} from "./protocol/generated/Stable.ts"
import * as ResponseEvent from "./ResponseEvent.ts"
import type { ToolCallHandler } from "./ServerRequest.ts"
import type { Output } from "./StructuredOutput.ts"
import type * as Tools from "./Tools.ts"
import type { Budget, LayerBudget, Watchdog } from "./Turn.ts"

/**
 * Parameters of a new thread as `thread/start` takes them.
 *
 * @category models
 * @since 0.1.0
 */
export type ThreadOptions = ThreadStartParams

/**
 * Parameters of a turn as `turn/start` takes them, without the thread and the input.
 *
 * @category models
 * @since 0.1.0
 */
export type TurnOptions = Omit<TurnStartParams, "threadId" | "input">

/**
 * What a layer gives to its threads and turns.
 *
 * @category models
 * @since 0.1.0
 */
export interface Defaults {
  /**
   * Defaults for threads that are started, resumed or forked. A call's own value wins; its `undefined` keeps the default, its
   * `null` is sent.
   */
  readonly thread?: ThreadOptions | undefined
  /** Defaults for turns, merged the same way. */
  readonly turn?: TurnOptions | undefined
  /** What all turns of the layer may use together. Default: no limit. */
  readonly budget?: LayerBudget | undefined
  /** What each turn may use that has no budget of its own. Default: no limit. */
  readonly turnBudget?: Budget | undefined
  /** When a turn is taken for stalled; `"off"`: never. Default: see `Turn.Watchdog`. */
  readonly watchdog?: Watchdog | "off" | undefined
  /**
   * How long the end of a turn is waited for that is interrupted, or that its owner leaves. Default: 10 seconds. A turn that
   * has not ended by then may go on; `TurnNotStopped`, a warning and the metric `codex.turns.not_stopped` tell of it.
   */
  readonly stopTimeout?: Duration.Input | undefined
  /**
   * How much a stream's consumer may leave unread before it fails with `SlowConsumer`, in bytes: two for each UTF-16 code unit
   * of what the server wrote. Default: 64 Mi.
   */
  readonly bufferBytes?: number | undefined
}

/**
 * The client-side settings of a thread. They last as long as the connection.
 *
 * @category models
 * @since 0.1.0
 */
export interface ThreadBindings {
  /** Runs calls of tools that no toolkit of the thread has. */
  readonly onToolCall?: ToolCallHandler | undefined
  /**
   * Decides for turns that the server starts by itself on this thread, such as those of a goal. Without it their requests are
   * declined: no turn of this program stands for them.
   */
  readonly policy?: Engine | undefined
  /** How long a call of a tool may take. Default: 5 minutes. See `Tools.Options`. */
  readonly toolTimeout?: Duration.Input | undefined
}

/**
 * How a new thread is started.
 *
 * @category models
 * @since 0.1.0
 */
export interface StartOptions extends ThreadOptions, ThreadBindings {}

/**
 * Tools for a thread whose declarations are not a toolkit's.
 *
 * @category models
 * @since 0.1.0
 */
export interface DynamicTools {
  readonly dynamicTools: ReadonlyArray<DynamicToolSpec>
}

/**
 * Parameters for a thread that is loaded from its rollout. For one that is loaded already they can't apply.
 *
 * @category models
 * @since 0.1.0
 */
export interface ResumeOptions extends Omit<ThreadResumeParams, "threadId" | "excludeTurns">, ThreadBindings {}

/**
 * Parameters of a fork; `lastTurnId` is the last turn that it shares with its origin. Default: the newest.
 *
 * @category models
 * @since 0.1.0
 */
export interface ForkOptions extends Omit<ThreadForkParams, "threadId" | "excludeTurns">, ThreadBindings {}

/**
 * What a turn may do and use.
 *
 * @category models
 * @since 0.1.0
 */
export interface TurnLimits {
  /** What the turn may use. Default: the layer's `turnBudget`, else no limit. */
  readonly budget?: Budget | undefined
  /** When the turn is taken for stalled; `"off"`: never. Default: the layer's, else that of `Turn.Watchdog`. */
  readonly watchdog?: Watchdog | "off" | undefined
  /**
   * What to do while a turn runs on the thread that this program did not start: another client's, a `shellCommand`, a
   * compaction. `wait` waits for its end, `fail` fails with `ThreadBusy` at once. Default: `wait`.
   *
   * A server takes one turn at a time on a thread and gives a second prompt to the turn that runs. Where another client
   * starts a turn at the same moment, that can still happen; the turn then fails with `ThreadBusy` and `delivered: true`.
   */
  readonly whenBusy?: "wait" | "fail" | undefined
  /** Runs calls of tools that no toolkit of the thread has, before the thread's own `onToolCall`. */
  readonly onToolCall?: ToolCallHandler | undefined
}

/**
 * What a turn begins with.
 *
 * @category models
 * @since 0.1.0
 */
export interface TurnInput extends TurnLimits {
  readonly prompt: Input
  /** Parameters of the turn, over the defaults of the layer. */
  readonly turn?: TurnOptions | undefined
}

/**
 * An answer in the form of a schema.
 *
 * @category models
 * @since 0.1.0
 */
export interface OutputOptions<A, RD> {
  /** The form of the answer; see `StructuredOutput`. */
  readonly output: Output<A, RD>
}

/**
 * The form of an answer, and how often it is asked for.
 *
 * @category models
 * @since 0.1.0
 */
export interface AskOptions<A, RD> extends OutputOptions<A, RD> {
  /** How often the agent is asked again, in turns of their own, when its answer does not have the form. Default: 1. */
  readonly outputRetries?: number | undefined
}

/**
 * The result of a turn with the value of its answer.
 *
 * @category models
 * @since 0.1.0
 */
export interface Answer<out A> extends AgentResponse {
  readonly value: A
}

/**
 * The input of a turn whose whole response is waited for.
 *
 * @category models
 * @since 0.1.0
 */
export interface RunInput extends TurnInput {
  /** Whether the response holds all events of the turn. Default: false. */
  readonly includeEvents?: boolean | undefined
}

/**
 * The effective settings of a thread: the given options, the configuration of codex and its defaults, combined by the server.
 *
 * @category models
 * @since 0.1.0
 */
export interface ThreadSettings {
  readonly model: string
  readonly modelProvider: string
  readonly reasoningEffort?: ReasoningEffort | null | undefined
  /** The working folder, as an absolute path. */
  readonly cwd: string
  readonly sandbox: SandboxPolicy
  readonly approvalPolicy: AskForApproval
}

/**
 * A thread of the connected server. Turns on one thread wait for each other.
 *
 * @category models
 * @since 0.1.0
 */
export interface Thread {
  readonly id: string
  /** The settings when this handle was made; `undefined` if this client did not start or load the thread. */
  readonly settings: ThreadSettings | undefined
  /**
   * Starts a turn that the scope owns: closing it before the turn is over stops the turn. With an `output` the handle has the
   * `value` of the answer; nobody is asked again, which {@link Thread.run} does.
   */
  readonly turn: {
    (input: Input | TurnInput): Effect.Effect<TurnHandle, TurnStartError, PolicyEngine | Scope.Scope>
    <A, RD>(
      input: TurnInput & OutputOptions<A, RD>
    ): Effect.Effect<AnswerHandle<A>, TurnStartError, PolicyEngine | Scope.Scope | RD>
  }
  /** Runs a turn and waits for its result. Leaving early stops it. */
  readonly run: {
    (input: Input | RunInput): Effect.Effect<AgentResponse, TurnError, PolicyEngine>
    <A, RD>(input: RunInput & AskOptions<A, RD>): Effect.Effect<Answer<A>, TurnError | OutputInvalid, PolicyEngine | RD>
  }
  /** Starts a turn in which the agent reviews code, and which the scope owns. Its text is the review. */
  readonly review: (
    target: ReviewTarget,
    limits?: TurnLimits
  ) => Effect.Effect<TurnHandle, TurnStartError, PolicyEngine | Scope.Scope>
  /** A new thread that shares the past of this one. */
  readonly fork: (options?: ForkOptions) => Effect.Effect<Thread, ThreadStartError>
}

/**
 * How a program comes by the handle of a thread.
 *
 * @category models
 * @since 0.1.0
 */
export interface Handles {
  /**
   * Starts a new thread. With `tools` it declares them to the agent and runs its calls; with `dynamicTools` it declares them
   * as given, for an `onToolCall`. Declaring tools needs the experimental API.
   */
  readonly start: {
    (options?: StartOptions): Effect.Effect<Thread, ThreadStartError>
    <T extends Tools.Tools>(
      options: StartOptions & Partial<DynamicTools> & { readonly tools: Toolkit<T> }
    ): Effect.Effect<Thread, ThreadStartError, ExperimentalApi.ExperimentalApi | Tools.Requirements<T>>
    (options: StartOptions & DynamicTools): Effect.Effect<Thread, ThreadStartError, ExperimentalApi.ExperimentalApi>
  }
  /**
   * Gets a thread that exists, without its history. Thread parameters apply as in `Codex.ResponseOptions`. With `tools` it
   * runs the calls of tools that were declared when the thread began: those are kept with it.
   */
  readonly resume: {
    (threadId: string, options?: ResumeOptions): Effect.Effect<Thread, ThreadStartError>
    <T extends Tools.Tools>(
      threadId: string,
      options: ResumeOptions & { readonly tools: Toolkit<T> }
    ): Effect.Effect<Thread, ThreadStartError, Tools.Requirements<T>>
  }
  /** Starts a new thread that shares the past of another one. */
  readonly fork: {
    (threadId: string, options?: ForkOptions): Effect.Effect<Thread, ThreadStartError>
    <T extends Tools.Tools>(
      threadId: string,
      options: ForkOptions & { readonly tools: Toolkit<T> }
    ): Effect.Effect<Thread, ThreadStartError, Tools.Requirements<T>>
  }
}

/**
 * A running turn, or one that has run. The views are for any number of consumers, each of which begins at the turn's
 * beginning, however late it comes; leaving one stops nothing.
 *
 * @category models
 * @since 0.1.0
 */
export interface TurnHandle {
  readonly id: string
  readonly threadId: string
  /** `thread/ready` first, `turn/completed` last; then the stream ends, or fails as the turn did. */
  readonly events: Stream.Stream<ResponseEvent.ResponseEvent, TurnStreamError>
  /** The notifications behind the events. */
  readonly notifications: Stream.Stream<Notification, TurnStreamError>
  /** The text of the agent's answer as it is written, without commentary, reasoning or the output of tools. */
  readonly text: Stream.Stream<string, TurnStreamError>
  /** Waits for the end of the turn. */
  readonly result: Effect.Effect<AgentResponse, TurnError>
  /** Adds a message to the running turn. Fails with `TurnOver` if the turn is not the one that runs. */
  readonly steer: (prompt: Input) => Effect.Effect<void, RequestError | InvalidInput | TurnOver>
  /**
   * Stops the turn, and returns when it is over, at once if it is already. Fails with `TurnNotStopped` if it has not ended
   * within the layer's `stopTimeout`.
   */
  readonly interrupt: Effect.Effect<void, TurnNotStopped>
}

/**
 * A turn whose answer has a form.
 *
 * @category models
 * @since 0.1.0
 */
export interface AnswerHandle<out A> extends TurnHandle {
  /** Waits for the end of the turn and reads its answer. */
  readonly value: Effect.Effect<A, TurnError | OutputInvalid>
}

/**
 * The events of a turn from its notifications.
 *
 * @category conversions
 * @since 0.1.0
 */
export const eventsOf = <E>(
  threadId: string,
  notifications: Stream.Stream<Notification, E>
): Stream.Stream<ResponseEvent.ResponseEvent, E> =>
  Stream.transformPull(notifications, (pull) =>
    Effect.sync(() => {
      const events = Effect.map(pull, Arr.map(ResponseEvent.makeFromNotification(threadId)))
      let begun = false
      return Effect.suspend(() => {
        if (begun) return events
        begun = true
        return Effect.succeed(Arr.of(ResponseEvent.threadReady(threadId)))
      })
    })
  )

/**
 * The text of the agent's answer from a turn's notifications: the deltas of messages that are not commentary, or the whole
 * message where none came.
 *
 * @category conversions
 * @since 0.1.0
 */
export const textOf = <E>(notifications: Stream.Stream<Notification, E>): Stream.Stream<string, E> =>
  Stream.suspend(() => {
    const streamed = new Set<string>()
    const commentary = makeCommentary()
    const textIn = (notification: Notification): string => {
      if (commentary.isAbout(notification)) return ""
      switch (notification.method) {
        case "item/agentMessage/delta":
          streamed.add(notification.params.itemId)
          return notification.params.delta
        case "item/completed": {
          const { item } = notification.params
          return item.type === "agentMessage" && !streamed.delete(item.id) ? item.text : ""
        }
        default:
          return ""
      }
    }
    return Stream.filter(Stream.map(notifications, textIn), (text) => text !== "")
  })
