/**
 * The apps (connectors) of the account.
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
 * The functions of `codex.app`. With a `threadId`, the configuration of that thread determines the apps; the thread must be
 * loaded.
 *
 * @category models
 * @since 0.1.0
 */
export interface App {
  /** Lists all apps, page by page. `limit` is the page size. Calls `app/list`. */
  readonly list: (params?: Schemas.AppsListParams) => Stream.Stream<Schemas.AppInfo, ThreadError>
  /** Reads one page, with the cursor to the next. Calls `app/list`. */
  readonly listPage: (params?: Schemas.AppsListParams) => Effect.Effect<Schemas.AppsListResponse, ThreadError>
  /** Lists the installed apps. Calls `app/installed`. */
  readonly installed: (
    params?: Schemas.AppsInstalledParams
  ) => Effect.Effect<ReadonlyArray<Schemas.InstalledApp>, ThreadError>
  /** Reads up to 100 apps by their ids, and names the ids that no app has. Calls `app/read`. */
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
