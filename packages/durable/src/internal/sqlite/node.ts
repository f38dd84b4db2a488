/**
 * The SQLite that comes with Node, as a `SqlClient` of Effect. The only file that knows `node:sqlite`.
 *
 * There is one connection, which statements and transactions take in turn. Calls are synchronous, so nothing here ever waits for
 * another process: a file that is locked is an error at once, and the caller tries again.
 *
 * The room knows SQLite and Node. It must not know sessions.
 */
import { accessSync, chmodSync, closeSync, constants, existsSync, openSync } from "node:fs"
import * as path from "node:path"
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as Semaphore from "effect/Semaphore"
import type * as Scope from "effect/Scope"
import * as SqlClient from "effect/sql/SqlClient"
import type { Connection } from "effect/sql/SqlConnection"
import { classifySqliteError, SqlError } from "effect/sql/SqlError"
import * as Statement from "effect/sql/Statement"
import * as Stream from "effect/Stream"

/** The result code of SQLite without its extension, or undefined for any other error. */
export const resultCode = (cause: unknown): number | undefined =>
  Predicate.hasProperty(cause, "errcode") && Predicate.isNumber(cause.errcode) ? cause.errcode & 0xff : undefined

const failed = (cause: unknown, operation: string): SqlError => {
  const message = cause instanceof Error ? cause.message : String(cause)
  const code = resultCode(cause)
  // Effect classifies by `errno`, and Node calls it `errcode`.
  const known = code === undefined ? cause : { errno: code, errcode: code, message }
  return new SqlError({ reason: classifySqliteError(known, { message, operation }) })
}

const attempt = <A>(operation: string, run: () => A): Effect.Effect<A, SqlError> =>
  Effect.try({ try: run, catch: (cause) => failed(cause, operation) })

const isInput = (value: unknown): value is SQLInputValue =>
  value === null ||
  typeof value === "string" ||
  typeof value === "number" ||
  typeof value === "bigint" ||
  value instanceof Uint8Array

/** How many prepared statements are kept. The store has some forty. */
const maxStatements = 200

const connect = (database: DatabaseSync): Connection & { readonly isTransaction: () => boolean } => {
  const prepared = new Map<string, StatementSync>()
  const prepare = (sql: string): StatementSync => {
    const known = prepared.get(sql)
    if (known !== undefined) return known
    const statement = database.prepare(sql)
    if (prepared.size < maxStatements) prepared.set(sql, statement)
    return statement
  }
  const run = (params: ReadonlyArray<unknown>, statement: () => StatementSync) =>
    params.every(isInput)
      ? attempt("execute", () => statement().all(...params))
      : Effect.fail(failed(new TypeError("SQLite takes texts, numbers, bytes and null"), "execute"))
  const execute = (sql: string, params: ReadonlyArray<unknown>) => run(params, () => prepare(sql))
  const unprepared = (sql: string, params: ReadonlyArray<unknown>) => run(params, () => database.prepare(sql))
  const values = <E>(rows: Effect.Effect<ReadonlyArray<object>, E>) =>
    Effect.map(rows, (all) => all.map((row) => Object.values(row)))
  return {
    isTransaction: () => database.isTransaction,
    execute: (sql, params, transform) =>
      Effect.map(execute(sql, params), (rows) => (transform === undefined ? rows : transform(rows))),
    executeRaw: execute,
    executeStream: (sql, params) => Stream.unwrap(Effect.map(execute(sql, params), Stream.fromIterable)),
    executeValues: (sql, params) => values(execute(sql, params)),
    executeValuesUnprepared: (sql, params) => values(unprepared(sql, params)),
    executeUnprepared: (sql, params, transform) =>
      Effect.map(unprepared(sql, params), (rows) => (transform === undefined ? rows : transform(rows)))
  }
}

/** Makes the file, for its owner alone, and opens it. */
const open = (file: string, create: boolean): DatabaseSync => {
  // SQLite gives its other files the same permissions. A file that is there is not opened here: closing it would release the
  // locks that another connection of this process has on it.
  if (create && !existsSync(file)) closeSync(openSync(file, "a", 0o600))
  accessSync(path.dirname(file), constants.W_OK)
  accessSync(file, constants.R_OK | constants.W_OK)
  chmodSync(file, 0o600)
  // No waiting: it would stop the whole process.
  return new DatabaseSync(file, { timeout: 0 })
}

/** Opens a file as a client. Transactions begin by taking the lock for writing. */
export const makeClient = Effect.fnUntraced(function* (
  file: string,
  create: boolean
): Effect.fn.Return<SqlClient.SqlClient, SqlError, Scope.Scope> {
  const database = yield* Effect.acquireRelease(
    attempt("connect", () => open(file, create)),
    (database) => Effect.sync(() => database.close())
  )
  const connection = connect(database)
  const semaphore = yield* Semaphore.make(1)
  const { isTransaction: _, ...acquirers } = SqlClient.makeSqliteAcquirers({
    connection: Effect.succeed(connection),
    semaphore,
    isTransaction: (connection) => connection.isTransaction()
  })
  return yield* SqlClient.make({
    ...acquirers,
    isTransaction: () => database.isTransaction,
    compiler: Statement.makeCompilerSqlite(),
    driver: "sqlite-node",
    spanAttributes: [["db.system.name", "sqlite"]],
    beginTransaction: "BEGIN IMMEDIATE",
    releaseSavepoint: (name) => `RELEASE SAVEPOINT ${name}`,
    prepareTransactionControls: true
  }).pipe(Effect.provide(Reactivity.layer))
})
