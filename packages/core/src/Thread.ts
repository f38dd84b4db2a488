/**
 * Handles of threads and turns, for programs that control them: to observe a turn from several places, to steer it, to
 * interrupt it, and to continue its thread.
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
 * The defaults that a layer applies to its threads and turns.
 *
 * @category models
 * @since 0.1.0
 */
export interface Defaults {
  /**
   * Defaults for threads that are started, resumed or forked. The value of a call takes precedence; `undefined` keeps the
   * default, and `null` is sent.
   */
  readonly thread?: ThreadOptions | undefined
  /** Defaults for turns, merged the same way. */
  readonly turn?: TurnOptions | undefined
  /** The budget of all turns of the layer together. Default: no limit. */
  readonly budget?: LayerBudget | undefined
  /** The budget of each turn that does not set its own. Default: no limit. */
  readonly turnBudget?: Budget | undefined
  /** When a turn counts as stalled; `"off"`: never. Default: see `Turn.Watchdog`. */
  readonly watchdog?: Watchdog | "off" | undefined
  /**
   * How long to wait for the end of a turn after it is interrupted or its owner leaves it. Default: 10 seconds. A turn that has
   * not ended by then may still be running; `TurnNotStopped`, a warning and the metric `codex.turns.not_stopped` report it.
   */
  readonly stopTimeout?: Duration.Input | undefined
  /**
   * How much a stream's consumer may leave unread before the stream fails with `SlowConsumer`, in bytes: two for each UTF-16
   * code unit that the server wrote. Default: 64 Mi.
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
  /** Runs calls of tools that are not in a toolkit of the thread. */
  readonly onToolCall?: ToolCallHandler | undefined
  /**
   * The policy of turns that the server starts by itself on this thread, such as those of a goal. Default: their requests are
   * declined, because no turn of this program is responsible for them.
   */
  readonly policy?: Engine | undefined
  /** How long a tool call may take. Default: 5 minutes. See `Tools.Options`. */
  readonly toolTimeout?: Duration.Input | undefined
}

/**
 * Options of a new thread.
 *
 * @category models
 * @since 0.1.0
 */
export interface StartOptions extends ThreadOptions, ThreadBindings {}

/**
 * Tools for a thread that are declared without a toolkit.
 *
 * @category models
 * @since 0.1.0
 */
export interface DynamicTools {
  readonly dynamicTools: ReadonlyArray<DynamicToolSpec>
}

/**
 * Parameters for a thread that is loaded from its rollout. They cannot apply to a thread that is already loaded.
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
 * The limits of a turn, and how it treats a busy thread and tool calls.
 *
 * @category models
 * @since 0.1.0
 */
export interface TurnLimits {
  /** The budget of the turn. Default: the layer's `turnBudget`, else no limit. */
  readonly budget?: Budget | undefined
  /** When the turn counts as stalled; `"off"`: never. Default: the layer's, else that of `Turn.Watchdog`. */
  readonly watchdog?: Watchdog | "off" | undefined
  /**
   * What to do if the thread runs a turn that this program did not start: another client's turn, a `shellCommand`, a
   * compaction. `wait` waits for its end, `fail` fails with `ThreadBusy` at once. Default: `wait`.
   *
   * A server runs one turn at a time on a thread and adds a second prompt to the running turn. If another client starts a turn
   * at the same moment, this can still happen; the turn then fails with `ThreadBusy` and `delivered: true`.
   */
  readonly whenBusy?: "wait" | "fail" | undefined
  /** Runs calls of tools that are not in a toolkit of the thread. Takes precedence over the thread's `onToolCall`. */
  readonly onToolCall?: ToolCallHandler | undefined
}

/**
 * The input of a turn.
 *
 * @category models
 * @since 0.1.0
 */
export interface TurnInput extends TurnLimits {
  readonly prompt: Input
  /** Parameters of the turn. They take precedence over the defaults of the layer. */
  readonly turn?: TurnOptions | undefined
}

/**
 * An answer that matches a schema.
 *
 * @category models
 * @since 0.1.0
 */
export interface OutputOptions<A, RD> {
  /** The schema of the answer; see `StructuredOutput`. */
  readonly output: Output<A, RD>
}

/**
 * The schema of an answer, and how often the agent is asked for it.
 *
 * @category models
 * @since 0.1.0
 */
export interface AskOptions<A, RD> extends OutputOptions<A, RD> {
  /** How often the agent is asked again, each time in a new turn, if its answer does not match the schema. Default: 1. */
  readonly outputRetries?: number | undefined
}

/**
 * The result of a turn, with its decoded answer.
 *
 * @category models
 * @since 0.1.0
 */
export interface Answer<out A> extends AgentResponse {
  readonly value: A
}

/**
 * The input of a turn, for the complete response.
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
 * A thread of the connected server. Its turns run one after the other.
 *
 * @category models
 * @since 0.1.0
 */
export interface Thread {
  readonly id: string
  /** The settings when this handle was made; `undefined` if this client did not start or load the thread. */
  readonly settings: ThreadSettings | undefined
  /**
   * Starts a turn that the scope owns: closing the scope before the turn is over stops the turn. With an `output` the handle has
   * the decoded `value` of the answer. Only {@link Thread.run} asks the agent again after an invalid answer.
   */
  readonly turn: {
    (input: Input | TurnInput): Effect.Effect<TurnHandle, TurnStartError, PolicyEngine | Scope.Scope>
    <A, RD>(
      input: TurnInput & OutputOptions<A, RD>
    ): Effect.Effect<AnswerHandle<A>, TurnStartError, PolicyEngine | Scope.Scope | RD>
  }
  /** Runs a turn and waits for its result. Leaving early stops the turn. */
  readonly run: {
    (input: Input | RunInput): Effect.Effect<AgentResponse, TurnError, PolicyEngine>
    <A, RD>(input: RunInput & AskOptions<A, RD>): Effect.Effect<Answer<A>, TurnError | OutputInvalid, PolicyEngine | RD>
  }
  /** Starts a turn in which the agent reviews code. The scope owns the turn. The text of its result is the review. */
  readonly review: (
    target: ReviewTarget,
    limits?: TurnLimits
  ) => Effect.Effect<TurnHandle, TurnStartError, PolicyEngine | Scope.Scope>
  /** Starts a new thread with the history of this one. */
  readonly fork: (options?: ForkOptions) => Effect.Effect<Thread, ThreadStartError>
}

/**
 * The functions that return the handle of a thread.
 *
 * @category models
 * @since 0.1.0
 */
export interface Handles {
  /**
   * Starts a new thread. `tools` are declared to the agent and their calls run; `dynamicTools` are declared as given, and their
   * calls go to an `onToolCall`. Declaring tools needs the experimental API.
   */
  readonly start: {
    (options?: StartOptions): Effect.Effect<Thread, ThreadStartError>
    <T extends Tools.Tools>(
      options: StartOptions & Partial<DynamicTools> & { readonly tools: Toolkit<T> }
    ): Effect.Effect<Thread, ThreadStartError, ExperimentalApi.ExperimentalApi | Tools.Requirements<T>>
    (options: StartOptions & DynamicTools): Effect.Effect<Thread, ThreadStartError, ExperimentalApi.ExperimentalApi>
  }
  /**
   * Gets an existing thread, without reading its history. Thread parameters apply as in `Codex.ResponseOptions`. `tools` run the
   * calls of tools that were declared when the thread was started: the declarations are stored with the thread.
   */
  readonly resume: {
    (threadId: string, options?: ResumeOptions): Effect.Effect<Thread, ThreadStartError>
    <T extends Tools.Tools>(
      threadId: string,
      options: ResumeOptions & { readonly tools: Toolkit<T> }
    ): Effect.Effect<Thread, ThreadStartError, Tools.Requirements<T>>
  }
  /** Starts a new thread with the history of another one. */
  readonly fork: {
    (threadId: string, options?: ForkOptions): Effect.Effect<Thread, ThreadStartError>
    <T extends Tools.Tools>(
      threadId: string,
      options: ForkOptions & { readonly tools: Toolkit<T> }
    ): Effect.Effect<Thread, ThreadStartError, Tools.Requirements<T>>
  }
}

/**
 * A running or completed turn. Its streams take any number of consumers. Each consumer sees the whole turn, even if it
 * subscribes late, and leaving a stream does not stop the turn.
 *
 * @category models
 * @since 0.1.0
 */
export interface TurnHandle {
  readonly id: string
  readonly threadId: string
  /** `thread/ready` is the first event, `turn/completed` the last; then the stream ends or fails like the turn. */
  readonly events: Stream.Stream<ResponseEvent.ResponseEvent, TurnStreamError>
  /** The notifications behind the events. */
  readonly notifications: Stream.Stream<Notification, TurnStreamError>
  /** Streams the text of the agent's answer, without commentary, reasoning or the output of tools. */
  readonly text: Stream.Stream<string, TurnStreamError>
  /** Waits for the end of the turn. */
  readonly result: Effect.Effect<AgentResponse, TurnError>
  /** Adds a message to the running turn. Fails with `TurnOver` if the turn is not running. */
  readonly steer: (prompt: Input) => Effect.Effect<void, RequestError | InvalidInput | TurnOver>
  /**
   * Stops the turn and waits for its end. Returns at once if it is already over. Fails with `TurnNotStopped` if it has not ended
   * within the layer's `stopTimeout`.
   */
  readonly interrupt: Effect.Effect<void, TurnNotStopped>
}

/**
 * A turn whose answer has a schema.
 *
 * @category models
 * @since 0.1.0
 */
export interface AnswerHandle<out A> extends TurnHandle {
  /** Waits for the end of the turn and decodes its answer. */
  readonly value: Effect.Effect<A, TurnError | OutputInvalid>
}

/**
 * Converts the notifications of a turn to its events.
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
 * Extracts the text of the agent's answer from a turn's notifications: the deltas of messages that are not commentary, or the
 * whole message if it had no deltas.
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
