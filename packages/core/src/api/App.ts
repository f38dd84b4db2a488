/**
 * The apps (connectors) of the account, as the server knows them.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { AppServer } from "../AppServer.ts"
import type { ThreadError } from "../CodexError.ts"
import { makeCalls } from "../internal/api/calls.ts"
import { pages } from "../internal/api/pages.ts"
import type * as Schemas from "../protocol/generated/Stable.ts"

/**
 * What `codex.app` can do. With a `threadId` the configuration of that thread, which is to be loaded, decides which apps
 * there are.
 *
 * @category models
 * @since 0.1.0
 */
export interface App {
  /** All apps, page by page. `limit` is the size of a page. Calls `app/list`. */
  readonly list: (params?: Schemas.AppsListParams) => Stream.Stream<Schemas.AppInfo, ThreadError>
  /** One page, with the cursor to the next. Calls `app/list`. */
  readonly listPage: (params?: Schemas.AppsListParams) => Effect.Effect<Schemas.AppsListResponse, ThreadError>
  /** The apps that are installed. Calls `app/installed`. */
  readonly installed: (
    params?: Schemas.AppsInstalledParams
  ) => Effect.Effect<ReadonlyArray<Schemas.InstalledApp>, ThreadError>
  /** What some apps are, by their ids, at most 100; also which of the ids are no app's. Calls `app/read`. */
  readonly read: (params: Schemas.AppsReadParams) => Effect.Effect<Schemas.AppsReadResponse, ThreadError>
}

/**
 * `codex.app` over a connection.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (server: AppServer["Service"]): App => {
  const { thread } = makeCalls(server)
  const listPage: App["listPage"] = (params) => thread("app/list", params ?? {})
  return {
    list: (params) => pages("app/list", params ?? {}, listPage),
    listPage,
    installed: (params) => Effect.map(thread("app/installed", params ?? {}), ({ apps }) => apps),
    read: (params) => thread("app/read", params)
  }
}
