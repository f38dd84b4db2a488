/**
 * The tables of a store, and how they come about.
 *
 * Migrations only ever add. Each says the oldest version that can still work with the tables after it, `minReader`: a version that
 * is older than that refuses the file, a version that is not works with it and leaves alone what it does not know.
 */
import * as Effect from "effect/Effect"
import * as Migrator from "effect/sql/Migrator"
import * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"

/** The newest schema that this version knows. */
export const supported = 1

const first = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const bytes = sql.literal(sql.onDialectOrElse({ pg: () => "BYTEA", orElse: () => "BLOB" }))
  // Ids are in the order of their bytes, and numbers are those of JavaScript.
  const text = sql.literal(sql.onDialectOrElse({ pg: () => `TEXT COLLATE "C"`, orElse: () => "TEXT" }))
  const wide = sql.literal(sql.onDialectOrElse({ pg: () => "DOUBLE PRECISION", orElse: () => "BIGINT" }))
  yield* sql`CREATE TABLE codex_schema (id INTEGER PRIMARY KEY, min_reader INTEGER NOT NULL)`
  yield* sql`CREATE TABLE codex_lease (
    epoch INTEGER PRIMARY KEY, holder TEXT NOT NULL, machine TEXT NOT NULL,
    process_id INTEGER NOT NULL, is_shared INTEGER NOT NULL, expires_at ${wide} NOT NULL
  )`
  // Each row says whose it is.
  yield* sql`CREATE TABLE codex_sessions (
    id ${text} PRIMARY KEY, tenant ${text} NOT NULL, spec TEXT NOT NULL, thread_id TEXT, block TEXT,
    is_removed INTEGER NOT NULL, opened_at ${wide} NOT NULL, last_offset INTEGER NOT NULL,
    home TEXT, claim INTEGER
  )`
  yield* sql`CREATE INDEX codex_sessions_removed ON codex_sessions (id) WHERE is_removed = 1`
  yield* sql`CREATE INDEX codex_sessions_tenant ON codex_sessions (tenant, id)`
  yield* sql`CREATE TABLE codex_jobs (
    session_id ${text} NOT NULL, tenant ${text} NOT NULL, job_key ${text} NOT NULL, job_number INTEGER NOT NULL,
    state TEXT NOT NULL, prompt TEXT NOT NULL, sent_at ${wide} NOT NULL, progress TEXT NOT NULL,
    PRIMARY KEY (session_id, job_key)
  )`
  yield* sql`CREATE UNIQUE INDEX codex_jobs_number ON codex_jobs (session_id, job_number)`
  yield* sql`CREATE INDEX codex_jobs_open ON codex_jobs (session_id, job_number) WHERE state <> 'settled'`
  yield* sql`CREATE TABLE codex_events (
    session_id ${text} NOT NULL, tenant ${text} NOT NULL, event_offset INTEGER NOT NULL, stored_at ${wide} NOT NULL,
    event_identity TEXT NOT NULL, happening TEXT NOT NULL,
    PRIMARY KEY (session_id, event_offset)
  )`
  yield* sql`CREATE UNIQUE INDEX codex_events_identity ON codex_events (session_id, event_identity)`
  yield* sql`CREATE TABLE codex_approvals (
    id ${text} PRIMARY KEY, session_id ${text} NOT NULL, tenant ${text} NOT NULL, job_key ${text} NOT NULL,
    state TEXT NOT NULL, approval TEXT NOT NULL
  )`
  yield* sql`CREATE INDEX codex_approvals_job ON codex_approvals (session_id, job_key, state)`
  yield* sql`CREATE INDEX codex_approvals_state ON codex_approvals (state, id)`
  yield* sql`CREATE TABLE codex_rollouts (
    session_id ${text} NOT NULL, tenant ${text} NOT NULL, thread_id ${text} NOT NULL, version INTEGER NOT NULL,
    path TEXT NOT NULL, byte_length ${wide} NOT NULL,
    PRIMARY KEY (session_id, thread_id, version)
  )`
  yield* sql`CREATE TABLE codex_rollout_bytes (
    session_id ${text} NOT NULL, tenant ${text} NOT NULL, thread_id ${text} NOT NULL, version INTEGER NOT NULL,
    byte_offset ${wide} NOT NULL, epoch INTEGER NOT NULL, bytes ${bytes} NOT NULL,
    PRIMARY KEY (session_id, thread_id, version, byte_offset)
  )`
  yield* sql`CREATE TABLE codex_turn_ends (
    session_id ${text} NOT NULL, tenant ${text} NOT NULL, turn_id TEXT NOT NULL,
    PRIMARY KEY (session_id, turn_id)
  )`
  yield* sql`INSERT INTO codex_schema (id, min_reader) VALUES (1, 1)`
})

const migrate = Migrator.make({})

/** The version of a store, and the oldest version that can read it. */
export interface Written {
  readonly schema: number
  readonly minReader: number
}

/** Reads what the store was made with; undefined for an empty one. */
const written = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const tables = yield* sql.onDialectOrElse({
    pg: () => sql`SELECT 1 AS found WHERE to_regclass('codex_schema') IS NOT NULL`,
    orElse: () => sql`SELECT 1 AS found FROM sqlite_master WHERE type = 'table' AND name = 'codex_schema'`
  })
  if (tables.length === 0) return undefined
  const [schema] = yield* sql<Written>`SELECT
    (SELECT MAX(migration_id) FROM codex_migrations) AS "schema", min_reader AS "minReader" FROM codex_schema WHERE id = 1`
  return schema
})

/**
 * Brings the tables to the newest schema, unless they need a newer reader. Returns what they were written with.
 */
export const prepare: Effect.Effect<Written | undefined, SqlError | Migrator.MigrationError, SqlClient.SqlClient> =
  Effect.gen(function* () {
    const found = yield* written
    if (found !== undefined && found.minReader > supported) return found
    yield* migrate({ loader: Migrator.fromRecord({ "1_sessions": first }), table: "codex_migrations" })
    return found
  })
