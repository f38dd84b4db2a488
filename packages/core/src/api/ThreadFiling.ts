/**
 * Organizing threads: the sections that they are listed under, and their attachments.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { AppServer } from "../AppServer.ts"
import type { CallError, ThreadError } from "../CodexError.ts"
import { makeCalls } from "../internal/api/calls.ts"
import { pages } from "../internal/api/pages.ts"
import type * as Schemas from "../protocol/generated/Stable.ts"

/**
 * The functions of `codex.thread` for sections and attachments.
 *
 * @category models
 * @since 0.1.0
 */
export interface ThreadFiling {
  /** Lists all sections, in order. `limit` is the page size. Calls `threadSection/list`. */
  readonly sectionList: (params?: Schemas.ThreadSectionListParams) => Stream.Stream<Schemas.ThreadSection, CallError>
  /** Reads one page, with the cursor to the next. Calls `threadSection/list`. */
  readonly sectionListPage: (
    params?: Schemas.ThreadSectionListParams
  ) => Effect.Effect<Schemas.ThreadSectionListResponse, CallError>
  /** Calls `threadSection/create`. */
  readonly sectionCreate: (params: Schemas.ThreadSectionCreateParams) => Effect.Effect<Schemas.ThreadSection, CallError>
  /** Calls `threadSection/update`. */
  readonly sectionUpdate: (params: Schemas.ThreadSectionUpdateParams) => Effect.Effect<Schemas.ThreadSection, CallError>
  /** Deletes a section; its threads stay. Calls `threadSection/delete`. */
  readonly sectionDelete: (params: Schemas.ThreadSectionDeleteParams) => Effect.Effect<void, CallError>
  /** Moves a thread into a section; a `sectionId` of `null` removes it from its own. Calls `thread/section/move`. */
  readonly sectionMove: (
    threadId: string,
    params: Omit<Schemas.ThreadSectionMoveParams, "threadId">
  ) => Effect.Effect<void, ThreadError>
  /** Attaches a value to a thread, under a type and a key that the program chooses. Calls `thread/attachment/add`. */
  readonly attachmentAdd: (
    threadId: string,
    params: Omit<Schemas.ThreadAttachmentAddParams, "threadId">
  ) => Effect.Effect<Schemas.ThreadAttachmentAddResponse, ThreadError>
  /** Calls `thread/attachment/list`. */
  readonly attachmentList: (
    threadId: string,
    params?: Omit<Schemas.ThreadAttachmentListParams, "threadId">
  ) => Stream.Stream<Schemas.ThreadAttachment, ThreadError>
  /** Reads one page, with the cursor to the next. Calls `thread/attachment/list`. */
  readonly attachmentListPage: (
    threadId: string,
    params?: Omit<Schemas.ThreadAttachmentListParams, "threadId">
  ) => Effect.Effect<Schemas.ThreadAttachmentListResponse, ThreadError>
  /** Calls `thread/attachment/remove`. */
  readonly attachmentRemove: (
    threadId: string,
    params: Omit<Schemas.ThreadAttachmentRemoveParams, "threadId">
  ) => Effect.Effect<void, ThreadError>
  /** Lists the threads that have a given attachment. Calls `thread/attachmentOwner/list`. */
  readonly attachmentOwnerList: (
    params: Schemas.ThreadAttachmentOwnerListParams
  ) => Stream.Stream<Schemas.ThreadAttachmentOwner, CallError>
  /** Reads one page, with the cursor to the next. Calls `thread/attachmentOwner/list`. */
  readonly attachmentOwnerListPage: (
    params: Schemas.ThreadAttachmentOwnerListParams
  ) => Effect.Effect<Schemas.ThreadAttachmentOwnerListResponse, CallError>
}

/**
 * The part of `codex.thread` for sections and attachments, over a connection.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (server: AppServer["Service"]): ThreadFiling => {
  const { plain, thread } = makeCalls(server)

  const sectionListPage: ThreadFiling["sectionListPage"] = (params) => plain("threadSection/list", params ?? {})
  const attachmentListPage: ThreadFiling["attachmentListPage"] = (threadId, params) =>
    thread("thread/attachment/list", { ...params, threadId })
  const attachmentOwnerListPage: ThreadFiling["attachmentOwnerListPage"] = (params) =>
    plain("thread/attachmentOwner/list", params)

  return {
    sectionList: (params) => pages("threadSection/list", params ?? {}, sectionListPage),
    sectionListPage,
    sectionCreate: (params) => Effect.map(plain("threadSection/create", params), ({ section }) => section),
    sectionUpdate: (params) => Effect.map(plain("threadSection/update", params), ({ section }) => section),
    sectionDelete: (params) => Effect.asVoid(plain("threadSection/delete", params)),
    sectionMove: (threadId, params) => Effect.asVoid(thread("thread/section/move", { ...params, threadId })),
    attachmentAdd: (threadId, params) => thread("thread/attachment/add", { ...params, threadId }),
    attachmentList: (threadId, params) =>
      pages("thread/attachment/list", params ?? {}, (page) => attachmentListPage(threadId, page)),
    attachmentListPage,
    attachmentRemove: (threadId, params) => Effect.asVoid(thread("thread/attachment/remove", { ...params, threadId })),
    attachmentOwnerList: (params) => pages("thread/attachmentOwner/list", params, attachmentOwnerListPage),
    attachmentOwnerListPage
  }
}
