/**
 * The server's stored threads, by their ids: listing, reading, archiving, deleting and reverting them.
 *
 * Starting, resuming and forking threads, and running turns, belongs to the handles (`Thread`). A function here that needs a
 * loaded thread makes the server load it first, with the layer's defaults.
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
 * The functions of `codex.thread` that take a thread by its id, apart from starting, resuming and forking.
 *
 * **Details**
 *
 * They fail with `SessionNotFound` if no thread has the id, with `SessionArchived` if an archived thread does not allow the
 * operation, and with `NoRollout` if they need the history of a thread that has had no turn yet.
 *
 * @category models
 * @since 0.1.0
 */
export interface ThreadStore {
  /**
   * Lists the stored threads, page by page, most recently updated first. `limit` is the page size; default: 50. Default of
   * `sortKey`: `updated_at`. Calls `thread/list`.
   */
  readonly list: (params?: Schemas.ThreadListParams) => Stream.Stream<Schemas.Thread, CallError>
  /** Reads one page, with the cursor to the next. Calls `thread/list`. */
  readonly listPage: (params?: Schemas.ThreadListParams) => Effect.Effect<Schemas.ThreadListResponse, CallError>
  /** Lists the ids of the loaded threads. Calls `thread/loaded/list`. */
  readonly loadedList: (params?: Schemas.ThreadLoadedListParams) => Stream.Stream<string, CallError>
  /** Reads one page, with the cursor to the next. Calls `thread/loaded/list`. */
  readonly loadedListPage: (
    params?: Schemas.ThreadLoadedListParams
  ) => Effect.Effect<Schemas.ThreadLoadedListResponse, CallError>
  /**
   * Reads a thread, whether it is loaded or archived or neither. Its turns are included only with `includeTurns`. Calls
   * `thread/read`.
   */
  readonly read: (
    threadId: string,
    params?: Omit<Schemas.ThreadReadParams, "threadId">
  ) => Effect.Effect<Schemas.Thread, ThreadError>
  /** Lists the turns of a thread, newest first. Calls `thread/turns/list`. */
  readonly turnsList: (
    threadId: string,
    params?: Omit<Schemas.ThreadTurnsListParams, "threadId">
  ) => Stream.Stream<Schemas.Turn, ThreadError>
  /** Reads one page, with the cursor to the next. Calls `thread/turns/list`. */
  readonly turnsListPage: (
    threadId: string,
    params?: Omit<Schemas.ThreadTurnsListParams, "threadId">
  ) => Effect.Effect<Schemas.ThreadTurnsListResponse, ThreadError>
  /** Lists the items of a thread, or of one of its turns, oldest first. Calls `thread/items/list`. */
  readonly itemsList: (
    threadId: string,
    params?: Omit<Schemas.ThreadItemsListParams, "threadId">
  ) => Stream.Stream<Schemas.ThreadItemEntry, ThreadError>
  /** Reads one page, with the cursor to the next. Calls `thread/items/list`. */
  readonly itemsListPage: (
    threadId: string,
    params?: Omit<Schemas.ThreadItemsListParams, "threadId">
  ) => Effect.Effect<Schemas.ThreadItemsListResponse, ThreadError>
  /** Archives a thread. It stays readable, but cannot be resumed. Calls `thread/archive`. */
  readonly archive: (threadId: string) => Effect.Effect<void, ThreadError>
  /** Restores an archived thread. Calls `thread/unarchive`. */
  readonly unarchive: (threadId: string) => Effect.Effect<Schemas.Thread, ThreadError>
  /** Deletes a thread permanently. Fails while a fork depends on its history. Calls `thread/delete`. */
  readonly delete: (threadId: string) => Effect.Effect<void, ThreadError>
  /** Calls `thread/name/set`. */
  readonly nameSet: (
    threadId: string,
    params: Omit<Schemas.ThreadSetNameParams, "threadId">
  ) => Effect.Effect<void, ThreadError>
  /** Updates the metadata of a thread. Omitted fields stay, `null` removes one. Calls `thread/metadata/update`. */
  readonly metadataUpdate: (
    threadId: string,
    params: Omit<Schemas.ThreadMetadataUpdateParams, "threadId">
  ) => Effect.Effect<Schemas.Thread, ThreadError>
  /**
   * Stops the notifications of a thread for this connection; the server may then unload it. Returns `unsubscribed`, or
   * `notSubscribed` or `notLoaded` if there was nothing to stop. Calls `thread/unsubscribe`.
   */
  readonly unsubscribe: (threadId: string) => Effect.Effect<Schemas.ThreadUnsubscribeStatus, ThreadError>
  /** Starts compacting the history of a thread, without waiting for that turn. Calls `thread/compact/start`. */
  readonly compactStart: (threadId: string) => Effect.Effect<void, ThreadError>
  /** Removes a turn and all later ones from a thread's history, but does not undo their file changes. Calls `thread/revert`. */
  readonly revert: (
    threadId: string,
    params: Omit<Schemas.ThreadRevertParams, "threadId">
  ) => Effect.Effect<Schemas.ThreadRevertResponse, ThreadError>
  /**
   * Removes the last `numTurns` turns from a thread's history, or all if it has fewer: {@link ThreadStore.revert} by number.
   * Fails with `InvalidParams` for less than one, and if the thread has no turns. Calls `thread/revert`.
   */
  readonly rollback: (
    threadId: string,
    params: { readonly numTurns: number }
  ) => Effect.Effect<Schemas.ThreadRevertResponse, ThreadError>
  /** Adds raw Responses API items to the model's context of a thread, without a turn. Calls `thread/inject_items`. */
  readonly injectItems: (
    threadId: string,
    params: Omit<Schemas.ThreadInjectItemsParams, "threadId">
  ) => Effect.Effect<void, ThreadError>
  /**
   * Runs a shell command as the user of a thread; its output becomes an item of the thread. Calls `thread/shellCommand`.
   *
   * **Gotchas**
   *
   * The command runs without a sandbox, and no policy is asked. `codex.command` runs commands in the sandbox.
   */
  readonly shellCommand: (
    threadId: string,
    params: Omit<Schemas.ThreadShellCommandParams, "threadId">
  ) => Effect.Effect<void, ThreadError>
  /** Approves an action that the server's own reviewer has denied. Calls `thread/approveGuardianDeniedAction`. */
  readonly approveGuardianDeniedAction: (
    threadId: string,
    params: Omit<Schemas.ThreadApproveGuardianDeniedActionParams, "threadId">
  ) => Effect.Effect<void, ThreadError>
  /** Sets or changes the goal of a thread; the server then starts turns for it on its own. Calls `thread/goal/set`. */
  readonly goalSet: (
    threadId: string,
    params: Omit<Schemas.ThreadGoalSetParams, "threadId">
  ) => Effect.Effect<Schemas.ThreadGoal, ThreadError>
  /** Calls `thread/goal/get`. */
  readonly goalGet: (threadId: string) => Effect.Effect<Schemas.ThreadGoal | undefined, ThreadError>
  /** Clears the goal and returns whether there was one. Calls `thread/goal/clear`. */
  readonly goalClear: (threadId: string) => Effect.Effect<boolean, ThreadError>
}

const listDefaults: Schemas.ThreadListParams = { limit: 50, sortKey: "updated_at" }

/** The largest page of turns that a rollback reads to find its first turn. */
const rollbackPage = 100

/**
 * The part of `codex.thread` for stored threads, over a connection.
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
