/**
 * Threads by their ids, as the server keeps them: which there are, what is in them, and what becomes of them.
 *
 * Starting, resuming and forking a thread, and all that a turn needs, is with the handles (`Thread`). A function here that
 * works on a loaded thread only has the server load it first, with the defaults of the layer.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { AppServer } from "../AppServer.ts"
import { type CallError, InvalidParams, type ThreadError } from "../CodexError.ts"
import { type LoadThread, makeCalls } from "../internal/api/calls.ts"
import { pages } from "../internal/api/pages.ts"
import { merge } from "../internal/merge.ts"
import type * as Schemas from "../protocol/generated/Stable.ts"

/**
 * What `codex.thread` can do with threads by their ids, beside starting, resuming and forking them.
 *
 * **Details**
 *
 * A thread that nobody has is `SessionNotFound`, one that is archived `SessionArchived`, one that has had no turn `NoRollout`
 * where the past is needed.
 *
 * @category models
 * @since 0.1.0
 */
export interface ThreadStore {
  /**
   * The threads that are stored, the last updated first, page by page. `limit` is the size of a page; default: 50. Default
   * of `sortKey`: `updated_at`. Calls `thread/list`.
   */
  readonly list: (params?: Schemas.ThreadListParams) => Stream.Stream<Schemas.Thread, CallError>
  /** One page of them, and the cursor to the next. Calls `thread/list`. */
  readonly listPage: (params?: Schemas.ThreadListParams) => Effect.Effect<Schemas.ThreadListResponse, CallError>
  /** The ids of the threads that the server has loaded. Calls `thread/loaded/list`. */
  readonly loadedList: (params?: Schemas.ThreadLoadedListParams) => Stream.Stream<string, CallError>
  /** One page, with the cursor to the next. Calls `thread/loaded/list`. */
  readonly loadedListPage: (
    params?: Schemas.ThreadLoadedListParams
  ) => Effect.Effect<Schemas.ThreadLoadedListResponse, CallError>
  /**
   * What is known of a thread, loaded or not, archived or not. Without its turns, unless `includeTurns` is set. Calls
   * `thread/read`.
   */
  readonly read: (
    threadId: string,
    params?: Omit<Schemas.ThreadReadParams, "threadId">
  ) => Effect.Effect<Schemas.Thread, ThreadError>
  /** The turns of a thread, the newest first. Calls `thread/turns/list`. */
  readonly turnsList: (
    threadId: string,
    params?: Omit<Schemas.ThreadTurnsListParams, "threadId">
  ) => Stream.Stream<Schemas.Turn, ThreadError>
  /** One page, with the cursor to the next. Calls `thread/turns/list`. */
  readonly turnsListPage: (
    threadId: string,
    params?: Omit<Schemas.ThreadTurnsListParams, "threadId">
  ) => Effect.Effect<Schemas.ThreadTurnsListResponse, ThreadError>
  /** The items of a thread, or of one of its turns, the oldest first. Calls `thread/items/list`. */
  readonly itemsList: (
    threadId: string,
    params?: Omit<Schemas.ThreadItemsListParams, "threadId">
  ) => Stream.Stream<Schemas.ThreadItemEntry, ThreadError>
  /** One page, with the cursor to the next. Calls `thread/items/list`. */
  readonly itemsListPage: (
    threadId: string,
    params?: Omit<Schemas.ThreadItemsListParams, "threadId">
  ) => Effect.Effect<Schemas.ThreadItemsListResponse, ThreadError>
  /** Puts a thread away. It can be read, and not be resumed. Calls `thread/archive`. */
  readonly archive: (threadId: string) => Effect.Effect<void, ThreadError>
  /** Takes an archived thread back. Calls `thread/unarchive`. */
  readonly unarchive: (threadId: string) => Effect.Effect<Schemas.Thread, ThreadError>
  /** Deletes a thread for good. Refused while a fork stands on its past. Calls `thread/delete`. */
  readonly delete: (threadId: string) => Effect.Effect<void, ThreadError>
  /** Calls `thread/name/set`. */
  readonly nameSet: (
    threadId: string,
    params: Omit<Schemas.ThreadSetNameParams, "threadId">
  ) => Effect.Effect<void, ThreadError>
  /** Changes what is kept about a thread. What is left out stays, `null` takes away. Calls `thread/metadata/update`. */
  readonly metadataUpdate: (
    threadId: string,
    params: Omit<Schemas.ThreadMetadataUpdateParams, "threadId">
  ) => Effect.Effect<Schemas.Thread, ThreadError>
  /**
   * No more notifications of a thread for this connection; the server may unload it. Tells what it was. Calls
   * `thread/unsubscribe`.
   */
  readonly unsubscribe: (threadId: string) => Effect.Effect<Schemas.ThreadUnsubscribeStatus, ThreadError>
  /** Has the server shorten the past of a thread, by a turn of its own that is not waited for. Calls `thread/compact/start`. */
  readonly compactStart: (threadId: string) => Effect.Effect<void, ThreadError>
  /** Takes a turn and all after it out of the past of a thread. What they have done to files stays. Calls `thread/revert`. */
  readonly revert: (
    threadId: string,
    params: Omit<Schemas.ThreadRevertParams, "threadId">
  ) => Effect.Effect<Schemas.ThreadRevertResponse, ThreadError>
  /**
   * Takes the last so many turns out of the past of a thread, or all if it has no more: {@link ThreadStore.revert} by
   * number. Fails with `InvalidParams` for less than one, and where there is no turn to take out. Calls `thread/revert`.
   */
  readonly rollback: (
    threadId: string,
    params: { readonly numTurns: number }
  ) => Effect.Effect<Schemas.ThreadRevertResponse, ThreadError>
  /** Adds items of the model's API to what the model sees of a thread, without a turn. Calls `thread/inject_items`. */
  readonly injectItems: (
    threadId: string,
    params: Omit<Schemas.ThreadInjectItemsParams, "threadId">
  ) => Effect.Effect<void, ThreadError>
  /**
   * Runs a shell command as the user of a thread, who sees its output among the items. Calls `thread/shellCommand`.
   *
   * **Gotchas**
   *
   * It runs without a sandbox, and no policy is asked. `codex.command` has the sandbox.
   */
  readonly shellCommand: (
    threadId: string,
    params: Omit<Schemas.ThreadShellCommandParams, "threadId">
  ) => Effect.Effect<void, ThreadError>
  /** Lets through what the server's own reviewer has denied. Calls `thread/approveGuardianDeniedAction`. */
  readonly approveGuardianDeniedAction: (
    threadId: string,
    params: Omit<Schemas.ThreadApproveGuardianDeniedActionParams, "threadId">
  ) => Effect.Effect<void, ThreadError>
  /** Sets or changes the goal that a thread works on; the server starts turns for it by itself. Calls `thread/goal/set`. */
  readonly goalSet: (
    threadId: string,
    params: Omit<Schemas.ThreadGoalSetParams, "threadId">
  ) => Effect.Effect<Schemas.ThreadGoal, ThreadError>
  /** Calls `thread/goal/get`. */
  readonly goalGet: (threadId: string) => Effect.Effect<Schemas.ThreadGoal | undefined, ThreadError>
  /** Tells whether there was a goal. Calls `thread/goal/clear`. */
  readonly goalClear: (threadId: string) => Effect.Effect<boolean, ThreadError>
}

const listDefaults: Schemas.ThreadListParams = { limit: 50, sortKey: "updated_at" }

/** How many turns are asked for at once when some of them are counted. */
const rollbackPage = 100

/**
 * The part of `codex.thread` that reads and keeps threads, over a connection.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (server: AppServer["Service"], options: { readonly load: LoadThread }): ThreadStore => {
  const { plain, thread } = makeCalls(server)
  const { load } = options

  const listPage: ThreadStore["listPage"] = (params) => plain("thread/list", merge(listDefaults, params))
  const loadedListPage: ThreadStore["loadedListPage"] = (params) => plain("thread/loaded/list", params ?? {})
  const turnsListPage: ThreadStore["turnsListPage"] = (threadId, params) =>
    thread("thread/turns/list", { ...params, threadId })
  const itemsListPage: ThreadStore["itemsListPage"] = (threadId, params) =>
    thread("thread/items/list", { ...params, threadId })

  const turnsList: ThreadStore["turnsList"] = (threadId, params) =>
    pages("thread/turns/list", params ?? {}, (page) => turnsListPage(threadId, page))

  const revert: ThreadStore["revert"] = (threadId, params) =>
    Effect.andThen(load(threadId), thread("thread/revert", { ...params, threadId }))

  const rollback: ThreadStore["rollback"] = Effect.fn("Codex.thread.rollback")(function* (threadId, { numTurns }) {
    const refuse = (description: string) => new InvalidParams({ method: "thread/revert", description })
    if (!Number.isInteger(numTurns) || numTurns < 1) return yield* refuse("numTurns is a number of turns, at least 1")
    yield* load(threadId)
    const newestFirst = turnsList(threadId, {
      sortDirection: "desc",
      itemsView: "notLoaded",
      limit: Math.min(numTurns, rollbackPage)
    })
    const turns = yield* Stream.runCollect(Stream.take(newestFirst, numTurns))
    const earliest = turns.at(-1)
    if (earliest === undefined) return yield* refuse(`thread ${threadId} has no turn to take out`)
    return yield* revert(threadId, { beforeTurnId: earliest.id })
  })

  return {
    list: (params) => pages("thread/list", params ?? {}, listPage),
    listPage,
    loadedList: (params) => pages("thread/loaded/list", params ?? {}, loadedListPage),
    loadedListPage,
    read: (threadId, params) =>
      Effect.map(thread("thread/read", { includeTurns: false, ...params, threadId }), ({ thread }) => thread),
    turnsList,
    turnsListPage,
    itemsList: (threadId, params) => pages("thread/items/list", params ?? {}, (page) => itemsListPage(threadId, page)),
    itemsListPage,
    archive: (threadId) => Effect.asVoid(thread("thread/archive", { threadId })),
    unarchive: (threadId) => Effect.map(thread("thread/unarchive", { threadId }), ({ thread }) => thread),
    delete: (threadId) => Effect.asVoid(thread("thread/delete", { threadId })),
    nameSet: (threadId, params) => Effect.asVoid(thread("thread/name/set", { ...params, threadId })),
    metadataUpdate: (threadId, params) =>
      Effect.map(thread("thread/metadata/update", { ...params, threadId }), ({ thread }) => thread),
    unsubscribe: (threadId) => Effect.map(thread("thread/unsubscribe", { threadId }), ({ status }) => status),
    compactStart: (threadId) =>
      Effect.andThen(load(threadId), Effect.asVoid(thread("thread/compact/start", { threadId }))),
    revert,
    rollback,
    injectItems: (threadId, params) =>
      Effect.andThen(load(threadId), Effect.asVoid(thread("thread/inject_items", { ...params, threadId }))),
    shellCommand: (threadId, params) =>
      Effect.andThen(load(threadId), Effect.asVoid(thread("thread/shellCommand", { ...params, threadId }))),
    approveGuardianDeniedAction: (threadId, params) =>
      Effect.andThen(
        load(threadId),
        Effect.asVoid(thread("thread/approveGuardianDeniedAction", { ...params, threadId }))
      ),
    goalSet: (threadId, params) => Effect.map(thread("thread/goal/set", { ...params, threadId }), ({ goal }) => goal),
    goalGet: (threadId) => Effect.map(thread("thread/goal/get", { threadId }), ({ goal }) => goal ?? undefined),
    goalClear: (threadId) => Effect.map(thread("thread/goal/clear", { threadId }), ({ cleared }) => cleared)
  }
}
