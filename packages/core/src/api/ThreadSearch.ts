/**
 * Searching threads, and places in them, by their text.
 *
 * @stability experimental
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { AppServer } from "../AppServer.ts"
import type { CallError, ThreadError } from "../CodexError.ts"
import type { ExperimentalApi } from "../ExperimentalApi.ts"
import { makeCalls } from "../internal/api/calls.ts"
import { pages } from "../internal/api/pages.ts"
import type * as Schemas from "../protocol/generated/Experimental.ts"

/**
 * The functions of `codex.thread` that search. All of them are experimental.
 *
 * @category models
 * @since 0.1.0
 */
export interface ThreadSearch {
  /** Finds the threads that contain a text, with a snippet. `limit` is the page size. Calls `thread/search`. */
  readonly search: (
    params: Schemas.ThreadSearchParams
  ) => Stream.Stream<Schemas.ThreadSearchResult, CallError, ExperimentalApi>
  /** Reads one page, with the cursor to the next. Calls `thread/search`. */
  readonly searchPage: (
    params: Schemas.ThreadSearchParams
  ) => Effect.Effect<Schemas.ThreadSearchResponse, CallError, ExperimentalApi>
  /** Finds the occurrences of a text in a thread, oldest first. Calls `thread/searchOccurrences`. */
  readonly searchOccurrences: (
    threadId: string,
    params: Omit<Schemas.ThreadSearchOccurrencesParams, "threadId">
  ) => Stream.Stream<Schemas.ThreadSearchOccurrence, ThreadError, ExperimentalApi>
  /** Reads one page, with the cursor to the next. Calls `thread/searchOccurrences`. */
  readonly searchOccurrencesPage: (
    threadId: string,
    params: Omit<Schemas.ThreadSearchOccurrencesParams, "threadId">
  ) => Effect.Effect<Schemas.ThreadSearchOccurrencesResponse, ThreadError, ExperimentalApi>
  /** Reads up to 100 items of a turn by their ids. Calls `thread/items/read`. */
  readonly itemsRead: (
    threadId: string,
    params: Omit<Schemas.ThreadItemsReadParams, "threadId">
  ) => Effect.Effect<ReadonlyArray<Schemas.ThreadItemEntry>, ThreadError, ExperimentalApi>
  /** Lists the turns and items of a thread in a single order. Calls `thread/timeline/list`. */
  readonly timelineList: (
    threadId: string,
    params?: Omit<Schemas.ThreadTimelineListParams, "threadId">
  ) => Stream.Stream<Schemas.ThreadTimelineEntry, ThreadError, ExperimentalApi>
  /** Reads one page, with the cursor to the next. Calls `thread/timeline/list`. */
  readonly timelineListPage: (
    threadId: string,
    params?: Omit<Schemas.ThreadTimelineListParams, "threadId">
  ) => Effect.Effect<Schemas.ThreadTimelineListResponse, ThreadError, ExperimentalApi>
}

/**
 * The part of `codex.thread` that searches, over a connection.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (server: AppServer["Service"]): ThreadSearch => {
  const { experimental, experimentalThread } = makeCalls(server)

  const searchPage: ThreadSearch["searchPage"] = (params) => experimental("thread/search", params)
  const searchOccurrencesPage: ThreadSearch["searchOccurrencesPage"] = (threadId, params) =>
    experimentalThread("thread/searchOccurrences", { ...params, threadId })
  const timelineListPage: ThreadSearch["timelineListPage"] = (threadId, params) =>
    experimentalThread("thread/timeline/list", { ...params, threadId })

  return {
    search: (params) => pages("thread/search", params, searchPage),
    searchPage,
    searchOccurrences: (threadId, params) =>
      pages("thread/searchOccurrences", params, (page) => searchOccurrencesPage(threadId, page)),
    searchOccurrencesPage,
    itemsRead: (threadId, params) =>
      Effect.map(experimentalThread("thread/items/read", { ...params, threadId }), ({ data }) => data),
    timelineList: (threadId, params) =>
      pages("thread/timeline/list", params ?? {}, (page) => timelineListPage(threadId, page)),
    timelineListPage
  }
}
