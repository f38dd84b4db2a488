/**
 * A store in a Postgres database, for sessions that can run on any of several machines.
 *
 * The connections are those of `@effect/sql-pg`, which has to be installed next to this package. The store creates its tables,
 * whose names begin with `codex_`, in the first schema of the search path. Leases and all times use the clock of the database.
 *
 * @stability experimental
 * @since 0.1.0
 */
import { PgClient } from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { StoreFailed } from "./DurableError.ts"
import * as Postgres from "./internal/postgres/postgres.ts"
import { SessionStore } from "./SessionStore.ts"

/**
 * The sessions that the store gives access to.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /**
   * Limits each statement on sessions to the rows of this tenant; other sessions do not exist for this store. Ids are unique
   * among all tenants. Default: the sessions of all tenants.
   */
  readonly tenant?: string | undefined
}

/**
 * Opens the database of the client, and brings the tables up to date.
 *
 * **Details**
 *
 * Connections must keep their session: a pooler in transaction mode does not work. A statement waits up to 4 seconds for a lock,
 * Postgres ends a session that idles in a transaction for 5 seconds, and a call without an answer after 9 seconds fails with
 * `StoreFailed`. One connection of the pool listens for commits of other processes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options?: Options): Effect.Effect<SessionStore["Service"], StoreFailed, PgClient | Scope.Scope> =>
  Effect.flatMap(PgClient, (client) => Postgres.open({ client, tenant: options?.tenant }))

/**
 * Keeps sessions in a Postgres database; see {@link make}.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options?: Options): Layer.Layer<SessionStore, StoreFailed, PgClient> =>
  Layer.effect(SessionStore)(make(options))
