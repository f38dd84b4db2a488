/**
 * Prompts in the server's queue of a thread, and terminals that its commands have left open.
 *
 * The server owns the queue, which outlives the connection; the turns that it starts have no handle in any program. Turns that
 * are started through a handle wait for each other without this queue.
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
 * The functions of `codex.thread` for queues and background terminals. All of them are experimental.
 *
 * @category models
 * @since 0.1.0
 */
export interface ThreadWork {
  /** Adds a prompt to the queue. Its turn starts when the thread is idle. Calls `thread/queue/add`. */
  readonly queueAdd: (
    threadId: string,
    params: Omit<Schemas.ThreadQueueAddParams, "threadId">
  ) => Effect.Effect<Schemas.QueuedSubmission, Failure, ExperimentalApi>
  /** Lists the queued prompts, in order. `limit` is the page size. Calls `thread/queue/list`. */
  readonly queueList: (
    threadId: string,
    params?: Omit<Schemas.ThreadQueueListParams, "threadId">
  ) => Stream.Stream<Schemas.QueuedSubmission, Failure, ExperimentalApi>
  /** Reads one page, with the cursor to the next. Calls `thread/queue/list`. */
  readonly queueListPage: (
    threadId: string,
    params?: Omit<Schemas.ThreadQueueListParams, "threadId">
  ) => Effect.Effect<Schemas.ThreadQueueListResponse, Failure, ExperimentalApi>
  /** Changes a queued prompt. Calls `thread/queue/update`. */
  readonly queueUpdate: (
    threadId: string,
    params: Omit<Schemas.ThreadQueueUpdateParams, "threadId">
  ) => Effect.Effect<Schemas.QueuedSubmission, Failure, ExperimentalApi>
  /** Removes a prompt and returns whether it was still queued. Calls `thread/queue/delete`. */
  readonly queueDelete: (
    threadId: string,
    params: Omit<Schemas.ThreadQueueDeleteParams, "threadId">
  ) => Effect.Effect<boolean, Failure, ExperimentalApi>
  /** Calls `thread/queue/reorder`. */
  readonly queueReorder: (
    threadId: string,
    params: Omit<Schemas.ThreadQueueReorderParams, "threadId">
  ) => Effect.Effect<void, Failure, ExperimentalApi>
  /** Immediately starts the turn of the next prompt, or of a given one. Calls `thread/queue/start`. */
  readonly queueStart: (
    threadId: string,
    params?: Omit<Schemas.ThreadQueueStartParams, "threadId">
  ) => Effect.Effect<Schemas.Turn, Failure, ExperimentalApi>
  /**
   * Lists the terminals that keep running after the tool call that opened them. Loads the thread if necessary. Calls
   * `thread/backgroundTerminals/list`.
   */
  readonly backgroundTerminalsList: (
    threadId: string,
    params?: Omit<Schemas.ThreadBackgroundTerminalsListParams, "threadId">
  ) => Stream.Stream<Schemas.ThreadBackgroundTerminal, Failure, ExperimentalApi>
  /** Reads one page, with the cursor to the next. Calls `thread/backgroundTerminals/list`. */
  readonly backgroundTerminalsListPage: (
    threadId: string,
    params?: Omit<Schemas.ThreadBackgroundTerminalsListParams, "threadId">
  ) => Effect.Effect<Schemas.ThreadBackgroundTerminalsListResponse, Failure, ExperimentalApi>
  /** Terminates one of them and returns whether it existed. Calls `thread/backgroundTerminals/terminate`. */
  readonly backgroundTerminalsTerminate: (
    threadId: string,
    params: Omit<Schemas.ThreadBackgroundTerminalsTerminateParams, "threadId">
  ) => Effect.Effect<boolean, Failure, ExperimentalApi>
  /** Terminates all of them. Calls `thread/backgroundTerminals/clean`. */
  readonly backgroundTerminalsClean: (threadId: string) => Effect.Effect<void, Failure, ExperimentalApi>
}

/**
 * The part of `codex.thread` for queues and background terminals, over a connection.
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
