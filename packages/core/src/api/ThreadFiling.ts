/**
 * How threads are put in order: the sections that they are listed under, and what is attached to them.
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
 * What `codex.thread` can do with sections and attachments.
 *
 * @category models
 * @since 0.1.0
 */
export interface ThreadFiling {
  /** All sections, in their order. `limit` is the size of a page. Calls `threadSection/list`. */
  readonly sectionList: (params?: Schemas.ThreadSectionListParams) => Stream.Stream<Schemas.ThreadSection, CallError>
  /** One page, with the cursor to the next. Calls `threadSection/list`. */
  readonly sectionListPage: (
    params?: Schemas.ThreadSectionListParams
  ) => Effect.Effect<Schemas.ThreadSectionListResponse, CallError>
  /** Calls `threadSection/create`. */
  readonly sectionCreate: (params: Schemas.ThreadSectionCreateParams) => Effect.Effect<Schemas.ThreadSection, CallError>
  /** Calls `threadSection/update`. */
  readonly sectionUpdate: (params: Schemas.ThreadSectionUpdateParams) => Effect.Effect<Schemas.ThreadSection, CallError>
  /** Deletes a section; its threads stay. Calls `threadSection/delete`. */
  readonly sectionDelete: (params: Schemas.ThreadSectionDeleteParams) => Effect.Effect<void, CallError>
  /** Puts a thread into a section, or with a `sectionId` of `null` out of its own. Calls `thread/section/move`. */
  readonly sectionMove: (
    threadId: string,
    params: Omit<Schemas.ThreadSectionMoveParams, "threadId">
  ) => Effect.Effect<void, ThreadError>
  /** Attaches a value to a thread, under a type and a key of the program's own. Calls `thread/attachment/add`. */
  readonly attachmentAdd: (
    threadId: string,
    params: Omit<Schemas.ThreadAttachmentAddParams, "threadId">
  ) => Effect.Effect<Schemas.ThreadAttachmentAddResponse, ThreadError>
  /** Calls `thread/attachment/list`. */
  readonly attachmentList: (
    threadId: string,
    params?: Omit<Schemas.ThreadAttachmentListParams, "threadId">
  ) => Stream.Stream<Schemas.ThreadAttachment, ThreadError>
  /** One page, with the cursor to the next. Calls `thread/attachment/list`. */
  readonly attachmentListPage: (
    threadId: string,
    params?: Omit<Schemas.ThreadAttachmentListParams, "threadId">
  ) => Effect.Effect<Schemas.ThreadAttachmentListResponse, ThreadError>
  /** Calls `thread/attachment/remove`. */
  readonly attachmentRemove: (
    threadId: string,
    params: Omit<Schemas.ThreadAttachmentRemoveParams, "threadId">
  ) => Effect.Effect<void, ThreadError>
  /** The threads that something is attached to. Calls `thread/attachmentOwner/list`. */
  readonly attachmentOwnerList: (
    params: Schemas.ThreadAttachmentOwnerListParams
  ) => Stream.Stream<Schemas.ThreadAttachmentOwner, CallError>
  /** One page, with the cursor to the next. Calls `thread/attachmentOwner/list`. */
  readonly attachmentOwnerListPage: (
    params: Schemas.ThreadAttachmentOwnerListParams
  ) => Effect.Effect<Schemas.ThreadAttachmentOwnerListResponse, CallError>
}

/**
 * The part of `codex.thread` that files threads, over a connection.
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
