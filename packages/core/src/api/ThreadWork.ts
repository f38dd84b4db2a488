/**
 * What waits and what runs on a thread beside its turns: prompts in the server's own queue, and terminals that commands have
 * left open.
 *
 * The queue is the server's and outlives the connection; the turns that it starts belong to no program. Turns of handles wait
 * for each other without it.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { AppServer } from "../AppServer.ts"
import type { ThreadError } from "../CodexError.ts"
import type { ExperimentalApi } from "../ExperimentalApi.ts"
import { type LoadThread, makeCalls } from "../internal/api/calls.ts"
import { pages } from "../internal/api/pages.ts"
import type * as Schemas from "../protocol/generated/Experimental.ts"

type Failure = ThreadError

/**
 * What `codex.thread` can do with queues and background terminals. All of it is experimental.
 *
 * @category models
 * @since 0.1.0
 */
export interface ThreadWork {
  /** Puts a prompt into the queue: its turn starts when the thread is idle. Calls `thread/queue/add`. */
  readonly queueAdd: (
    threadId: string,
    params: Omit<Schemas.ThreadQueueAddParams, "threadId">
  ) => Effect.Effect<Schemas.QueuedSubmission, Failure, ExperimentalApi>
  /** The prompts that wait, in their order. `limit` is the size of a page. Calls `thread/queue/list`. */
  readonly queueList: (
    threadId: string,
    params?: Omit<Schemas.ThreadQueueListParams, "threadId">
  ) => Stream.Stream<Schemas.QueuedSubmission, Failure, ExperimentalApi>
  /** One page, with the cursor to the next. Calls `thread/queue/list`. */
  readonly queueListPage: (
    threadId: string,
    params?: Omit<Schemas.ThreadQueueListParams, "threadId">
  ) => Effect.Effect<Schemas.ThreadQueueListResponse, Failure, ExperimentalApi>
  /** Changes a prompt that waits. Calls `thread/queue/update`. */
  readonly queueUpdate: (
    threadId: string,
    params: Omit<Schemas.ThreadQueueUpdateParams, "threadId">
  ) => Effect.Effect<Schemas.QueuedSubmission, Failure, ExperimentalApi>
  /** Takes a prompt out; tells whether it was still there. Calls `thread/queue/delete`. */
  readonly queueDelete: (
    threadId: string,
    params: Omit<Schemas.ThreadQueueDeleteParams, "threadId">
  ) => Effect.Effect<boolean, Failure, ExperimentalApi>
  /** Calls `thread/queue/reorder`. */
  readonly queueReorder: (
    threadId: string,
    params: Omit<Schemas.ThreadQueueReorderParams, "threadId">
  ) => Effect.Effect<void, Failure, ExperimentalApi>
  /** Starts the turn of the next prompt, or of a certain one, now. Calls `thread/queue/start`. */
  readonly queueStart: (
    threadId: string,
    params?: Omit<Schemas.ThreadQueueStartParams, "threadId">
  ) => Effect.Effect<Schemas.Turn, Failure, ExperimentalApi>
  /**
   * The terminals that go on running after the call of the tool that opened them. The thread is loaded if it is not. Calls
   * `thread/backgroundTerminals/list`.
   */
  readonly backgroundTerminalsList: (
    threadId: string,
    params?: Omit<Schemas.ThreadBackgroundTerminalsListParams, "threadId">
  ) => Stream.Stream<Schemas.ThreadBackgroundTerminal, Failure, ExperimentalApi>
  /** One page, with the cursor to the next. Calls `thread/backgroundTerminals/list`. */
  readonly backgroundTerminalsListPage: (
    threadId: string,
    params?: Omit<Schemas.ThreadBackgroundTerminalsListParams, "threadId">
  ) => Effect.Effect<Schemas.ThreadBackgroundTerminalsListResponse, Failure, ExperimentalApi>
  /** Ends one of them; tells whether it was there. Calls `thread/backgroundTerminals/terminate`. */
  readonly backgroundTerminalsTerminate: (
    threadId: string,
    params: Omit<Schemas.ThreadBackgroundTerminalsTerminateParams, "threadId">
  ) => Effect.Effect<boolean, Failure, ExperimentalApi>
  /** Ends all of them. Calls `thread/backgroundTerminals/clean`. */
  readonly backgroundTerminalsClean: (threadId: string) => Effect.Effect<void, Failure, ExperimentalApi>
}

/**
 * The part of `codex.thread` about work in progress, over a connection.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (server: AppServer["Service"], options: { readonly load: LoadThread }): ThreadWork => {
  const { experimentalThread: call } = makeCalls(server)
  const { load } = options

  const queueListPage: ThreadWork["queueListPage"] = (threadId, params) =>
    call("thread/queue/list", { ...params, threadId })
  const terminalsPage: ThreadWork["backgroundTerminalsListPage"] = (threadId, params) =>
    Effect.andThen(load(threadId), call("thread/backgroundTerminals/list", { ...params, threadId }))

  return {
    queueAdd: (threadId, params) =>
      Effect.map(call("thread/queue/add", { ...params, threadId }), ({ queuedSubmission }) => queuedSubmission),
    queueList: (threadId, params) => pages("thread/queue/list", params ?? {}, (page) => queueListPage(threadId, page)),
    queueListPage,
    queueUpdate: (threadId, params) =>
      Effect.map(call("thread/queue/update", { ...params, threadId }), ({ queuedSubmission }) => queuedSubmission),
    queueDelete: (threadId, params) =>
      Effect.map(call("thread/queue/delete", { ...params, threadId }), ({ deleted }) => deleted),
    queueReorder: (threadId, params) => Effect.asVoid(call("thread/queue/reorder", { ...params, threadId })),
    queueStart: (threadId, params) =>
      Effect.map(call("thread/queue/start", { ...params, threadId }), ({ turn }) => turn),
    backgroundTerminalsList: (threadId, params) =>
      pages("thread/backgroundTerminals/list", params ?? {}, (page) => terminalsPage(threadId, page)),
    backgroundTerminalsListPage: terminalsPage,
    backgroundTerminalsTerminate: (threadId, params) =>
      Effect.andThen(
        load(threadId),
        Effect.map(
          call("thread/backgroundTerminals/terminate", { ...params, threadId }),
          ({ terminated }) => terminated
        )
      ),
    backgroundTerminalsClean: (threadId) =>
      Effect.andThen(load(threadId), Effect.asVoid(call("thread/backgroundTerminals/clean", { threadId })))
  }
}
