/**
 * A Postgres database as a store: its clock, what its errors mean, how the commits of other processes are noticed, and how long
 * anything is waited for.
 *
 * A transaction locks the row of the session that it is about, so transactions on one session follow each other, and others do not wait.
 * Each wait has an end:
 * for a lock, for a silent connection, and for a client that was frozen inside of a transaction. The connections and the wire are those of `@effect/sql-pg`.
 */
import type { PgClient } from "@effect/sql-pg/PgClient"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Predicate from "effect/Predicate"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as SqlClient from "effect/sql/SqlClient"
import { isSqlError, type SqlError } from "effect/sql/SqlError"
import { StoreFailed, type StoreFailedReason } from "../../DurableError.ts"
import type { SessionStore } from "../../SessionStore.ts"
import { thisProcess } from "../process.ts"
import * as Schema from "../store/schema.ts"
import { makeSql } from "../store/sql.ts"

/** How long a statement may wait for a lock, in milliseconds. */
const lockTimeout = 4000
/** How long a client may do nothing inside of a transaction, in milliseconds. Then Postgres ends its session. */
const idleTimeout = 5000
/** How long a statement or a transaction may take. It has to be less than two thirds of a lease. */
const deadline = Duration.seconds(9)
/** As often is looked without a notification: a connection may be silent without being closed. */
const lookInterval = 5000
const channel = "codex_sessions"

const codeOf = (cause: unknown): string =>
  Predicate.hasProperty(cause, "code") && Predicate.isString(cause.code) ? cause.code : ""

/** The meaning of an error of Postgres, or of the connection to it. */
const reasonOf = (error: SqlError): StoreFailedReason => {
  const { reason } = error
  const description = error.message
  switch (reason._tag) {
    case "DeadlockError":
    case "LockTimeoutError":
    case "SerializationError":
    case "UniqueViolation":
      return { _tag: "Locked", description }
  }
  const code = codeOf(reason.cause)
  if (code === "53100") return { _tag: "Full", description }
  if (code === "25006" || code === "42501") return { _tag: "ReadOnly", description }
  if (code === "XX001" || code === "XX002") return { _tag: "Corrupt", description }
  return { _tag: "Unavailable", description }
}

export interface Options {
  readonly client: PgClient
  readonly tenant: string | undefined
  /** The clock. Default: that of the database. */
  readonly now?: Effect.Effect<number> | undefined
}

/** Opens a database as a store, with its tables up to date. */
export const open = Effect.fn("PostgresStore.open")(function* ({
  client: sql,
  now,
  tenant
}: Options): Effect.fn.Return<SessionStore["Service"], StoreFailed, Scope.Scope> {
  const name = `postgres ${sql.config.database ?? ""}`.trim()
  const failed = (reason: StoreFailedReason) => new StoreFailed({ store: name, reason })

  // The wait ends, also where nothing can be interrupted, and if the connection can't be: the fiber that hangs is left to itself.
  const bounded = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | StoreFailed, R> =>
    Effect.gen(function* () {
      const done = Deferred.makeUnsafe<A, E | StoreFailed>()
      const silent = failed({ _tag: "Unavailable", description: "it does not answer" })
      const fiber = yield* Effect.forkDetach(Effect.onExit(effect, (exit) => Deferred.done(done, exit)))
      const timer = yield* Effect.forkDetach(Effect.andThen(Effect.sleep(deadline), Deferred.fail(done, silent)))
      const leave = Effect.forkDetach(Effect.andThen(Fiber.interrupt(timer), Fiber.interrupt(fiber)))
      return yield* Effect.ensuring(Deferred.await(done), leave)
    })

  const written = yield* bounded(Effect.provideService(Schema.prepare, SqlClient.SqlClient, sql)).pipe(
    Effect.mapError((error) => {
      if (error instanceof StoreFailed) return error
      const sqlError = isSqlError(error) ? error : isSqlError(error.cause) ? error.cause : undefined
      return failed(sqlError === undefined ? { _tag: "Unavailable", description: error.message } : reasonOf(sqlError))
    }),
    // Several processes may make the tables at the same time.
    Effect.retry({
      while: ({ reason }) => reason._tag === "Locked",
      schedule: Schedule.spaced(Duration.millis(50)).pipe(Schedule.upTo({ duration: Duration.seconds(5) }))
    })
  )
  if (written !== undefined && written.minReader > Schema.supported) {
    return yield* failed({ _tag: "Newer", ...written, supported: Schema.supported })
  }

  const self = globalThis.crypto.randomUUID()
  let heard = 0
  yield* Effect.scoped(
    Effect.flatMap(sql.listen(channel), (queue) =>
      Effect.forever(
        Effect.map(Queue.take(queue), ({ payload }) => {
          if (payload !== self) heard++
        })
      )
    )
  ).pipe(
    Effect.catch((error) => Effect.logDebug("Postgres is not heard", error)),
    Effect.andThen(Effect.sleep(Duration.seconds(1))),
    Effect.forever,
    Effect.forkScoped
  )

  return yield* makeSql({
    name,
    sql,
    reasonOf,
    tenant,
    process: thisProcess,
    now:
      now ??
      Effect.map(
        sql<{ readonly now: number }>`SELECT EXTRACT(EPOCH FROM clock_timestamp())::float8 * 1000 AS "now"`,
        ([row]) => Math.trunc(row?.now ?? 0)
      ),
    opening: sql`SELECT set_config('lock_timeout', ${String(lockTimeout)}, true),
      set_config('idle_in_transaction_session_timeout', ${String(idleTimeout)}, true)`,
    closing: sql`SELECT pg_notify(${channel}, ${self})`,
    bounded,
    version: Effect.map(Clock.currentTimeMillis, (millis) => `${heard} ${Math.floor(millis / lookInterval)}`),
    // Postgres overwrites deleted rows when it vacuums.
    scrub: Effect.void
  })
})
