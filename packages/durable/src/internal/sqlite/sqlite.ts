/**
 * A SQLite file as a store: how it is opened, what its errors mean, how the commits of other processes are noticed.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as SqlClient from "effect/sql/SqlClient"
import { isSqlError, type SqlError } from "effect/sql/SqlError"
import { StoreFailed, type StoreFailedReason } from "../../DurableError.ts"
import type { SessionStore } from "../../SessionStore.ts"
import * as Schema from "../store/schema.ts"
import { makeSql } from "../store/sql.ts"
import { thisProcess } from "../process.ts"
import { makeClient, resultCode } from "./node.ts"

const systemCode = (cause: unknown): unknown => (Predicate.hasProperty(cause, "code") ? cause.code : undefined)

/** The meaning of an error of SQLite, or of opening the file. */
const reasonOf = (error: SqlError): StoreFailedReason => {
  const { cause } = error.reason
  const description = error.message
  switch (resultCode(cause)) {
    case 5:
    case 6:
      return { _tag: "Locked", description }
    case 8:
      return { _tag: "ReadOnly", description }
    case 11:
    case 26:
      return { _tag: "Corrupt", description }
    case 13:
      return { _tag: "Full", description }
  }
  switch (systemCode(cause)) {
    case "ENOENT":
      return { _tag: "Unavailable", description: "there is no such file or folder" }
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return { _tag: "ReadOnly", description }
    case "ENOSPC":
    case "EDQUOT":
      return { _tag: "Full", description }
  }
  return { _tag: "Unavailable", description }
}

/** Opens a file as a store, with its tables up to date. */
export const open = Effect.fn("SqliteStore.open")(function* (
  file: string,
  create: boolean
): Effect.fn.Return<SessionStore["Service"], StoreFailed, Scope.Scope> {
  const failed = (reason: StoreFailedReason) => new StoreFailed({ store: file, reason })
  const orFailed = Effect.mapError((error: SqlError) => failed(reasonOf(error)))

  const sql = yield* orFailed(makeClient(file, create))
  const prepare = Effect.gen(function* () {
    yield* sql`PRAGMA journal_mode = WAL`
    yield* sql`PRAGMA synchronous = FULL`
    // Deleted rows are overwritten: they were somebody's prompts.
    yield* sql`PRAGMA secure_delete = ON`
    return yield* Effect.provideService(Schema.prepare, SqlClient.SqlClient, sql)
  })
  const written = yield* prepare.pipe(
    Effect.mapError((error) => {
      const sqlError = isSqlError(error) ? error : isSqlError(error.cause) ? error.cause : undefined
      return failed(sqlError === undefined ? { _tag: "Unavailable", description: error.message } : reasonOf(sqlError))
    }),
    Effect.retry({
      while: ({ reason }) => reason._tag === "Locked",
      schedule: Schedule.spaced(Duration.millis(10)).pipe(Schedule.upTo({ duration: Duration.seconds(5) }))
    })
  )
  if (written !== undefined && written.minReader > Schema.supported) {
    return yield* failed({ _tag: "Newer", ...written, supported: Schema.supported })
  }
  return yield* makeSql({
    name: file,
    sql,
    reasonOf,
    process: thisProcess,
    tenant: undefined,
    now: Clock.currentTimeMillis,
    opening: Effect.void,
    closing: Effect.void,
    bounded: (effect) => effect,
    version: Effect.map(sql`PRAGMA data_version`, ([row]) => row?.["data_version"]),
    // Old pages also stay in the log until it is emptied. A reader in another process can keep it from that; the next time does it.
    scrub: Effect.asVoid(sql`PRAGMA wal_checkpoint(TRUNCATE)`)
  })
})
