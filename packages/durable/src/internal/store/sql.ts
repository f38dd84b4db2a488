/**
 * A store in the tables of a SQL database, over Effect's `SqlClient`.
 *
 * The statements are those that SQLite and Postgres share. The caller brings the rest:
 * how to read errors, and how to notice changes of other processes.
 */
import * as Effect from "effect/Effect"
import * as Duration from "effect/Duration"
import * as Latch from "effect/Latch"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as SqlClient from "effect/sql/SqlClient"
import { isSqlError, type SqlError } from "effect/sql/SqlError"
import * as Stream from "effect/Stream"
import { Approval } from "../../Approval.ts"
import { StoreFailed, type StoreFailedReason } from "../../DurableError.ts"
import { Job } from "../../Job.ts"
import { Session } from "../../Session.ts"
import { Happening, type SessionEvent } from "../../SessionEvent.ts"
import type { RolloutRange, SessionStore } from "../../SessionStore.ts"
import { makeBatches } from "./batch.ts"
import type * as Lease from "./lease.ts"
import { type Backend, type FullPage, make } from "./make.ts"
import { LeaseRow, type Rows } from "./rows.ts"

export interface Database {
  readonly name: string
  readonly sql: SqlClient.SqlClient
  readonly process: Lease.Process
  readonly reasonOf: (error: SqlError) => StoreFailedReason
  /** A value that is another one after another process has committed. */
  readonly version: Effect.Effect<unknown, SqlError>
  readonly scrub: Effect.Effect<void, SqlError>
}

/** How long a locked database is tried for. */
const patience = Duration.seconds(5)
/** How often is looked for commits of other processes. */
const pollInterval = Duration.millis(100)
/** How long a commit that is not urgent waits for others. */
const batchWait = Duration.millis(50)

const Progress = Schema.fromJsonString(
  Schema.Struct({
    attempts: Job.fields.attempts,
    interrupt: Job.fields.interrupt,
    outcome: Job.fields.outcome,
    settledAt: Job.fields.settledAt
  })
)
const SessionRow = Schema.Struct({
  id: Schema.String,
  spec: Schema.fromJsonString(Session.fields.spec),
  threadId: Schema.NullOr(Schema.String),
  block: Schema.NullOr(Schema.fromJsonString(Session.fields.block.schema)),
  isRemoved: Schema.Finite,
  openedAt: Schema.Finite,
  lastOffset: Schema.Int
})
const JobRow = Schema.Struct({
  session: Schema.String,
  key: Schema.String,
  number: Schema.Int,
  state: Job.fields.state,
  prompt: Schema.fromJsonString(Job.fields.prompt),
  sentAt: Schema.Finite,
  progress: Progress
})
const EventRow = Schema.Struct({
  session: Schema.String,
  offset: Schema.Int,
  at: Schema.Finite,
  happening: Schema.fromJsonString(Happening)
})
const ApprovalRow = Schema.Struct({ approval: Schema.fromJsonString(Approval) })
const RolloutRow = Schema.Struct({
  threadId: Schema.String,
  version: Schema.Int,
  path: Schema.String,
  length: Schema.Finite
})
const PieceRow = Schema.Struct({ offset: Schema.Finite, bytes: Schema.Uint8Array })

const toSession = ({ block, isRemoved, threadId, ...row }: typeof SessionRow.Type): Session => ({
  ...row,
  isRemoved: isRemoved !== 0,
  ...(threadId === null ? {} : { threadId }),
  ...(block === null ? {} : { block })
})
const toJob = ({ progress, ...row }: typeof JobRow.Type): Job => ({ ...row, ...progress })

/** Makes a store of a database whose tables are there. */
export const makeSql = Effect.fnUntraced(function* (
  database: Database
): Effect.fn.Return<SessionStore["Service"], never, Scope.Scope> {
  const { name, sql } = database

  const failed = (reason: StoreFailedReason) => new StoreFailed({ store: name, reason })
  const orFailed = Effect.mapError((error: SqlError) => failed(database.reasonOf(error)))
  const corrupt = (error: Schema.SchemaError) =>
    failed({ _tag: "Corrupt", description: `a row can't be read: ${error.message.split("\n")[0]}` })
  /** A lock is another process's for a moment: the statement, or the transaction, is tried again. */
  const patiently = <A, E, R>(effect: Effect.Effect<A, E | StoreFailed, R>): Effect.Effect<A, E | StoreFailed, R> =>
    Effect.retry(effect, {
      while: (error) => error instanceof StoreFailed && error.reason._tag === "Locked",
      schedule: Schedule.spaced(Duration.millis(5)).pipe(Schedule.jittered, Schedule.upTo({ duration: patience }))
    })

  const all = <S extends Schema.Top & { readonly DecodingServices: never }>(schema: S) => {
    const decode = Schema.decodeUnknownEffect(Schema.Array(schema))
    return (rows: Effect.Effect<ReadonlyArray<unknown>, SqlError>) =>
      patiently(Effect.flatMap(orFailed(rows), (rows) => Effect.mapError(decode(rows), corrupt)))
  }
  const sessions = all(SessionRow)
  const jobs = all(JobRow)
  const events = all(EventRow)
  const approvals = all(ApprovalRow)
  const rollouts = all(RolloutRow)
  const pieces = all(PieceRow)
  const leases = all(LeaseRow)
  const counts = all(Schema.Struct({ count: Schema.Finite }))
  const isAny = (rows: Effect.Effect<ReadonlyArray<unknown>, SqlError>) =>
    patiently(Effect.map(orFailed(rows), ({ length }) => length > 0))
  const run = (statement: Effect.Effect<unknown, SqlError>) => Effect.asVoid(orFailed(statement))
  const encoded = <A, I>(schema: Schema.Codec<A, I>) => Schema.encodeSync(schema)

  const encodeSpec = encoded(SessionRow.fields.spec)
  const encodeBlock = encoded(SessionRow.fields.block.members[0])
  const encodePrompt = encoded(JobRow.fields.prompt)
  const encodeProgress = encoded(Progress)
  const encodeHappening = encoded(EventRow.fields.happening)
  const encodeApproval = encoded(ApprovalRow.fields.approval)
  const progressOf = ({ attempts, interrupt, outcome, settledAt }: Job) =>
    encodeProgress({
      attempts,
      ...(interrupt === undefined ? {} : { interrupt }),
      ...(outcome === undefined ? {} : { outcome }),
      ...(settledAt === undefined ? {} : { settledAt })
    })

  const sessionColumns = sql.literal(
    `id, spec, thread_id AS "threadId", block, is_removed AS "isRemoved", opened_at AS "openedAt", last_offset AS "lastOffset"`
  )
  const jobColumns = sql.literal(
    `session_id AS "session", job_key AS "key", job_number AS "number", state, prompt, sent_at AS "sentAt", progress`
  )
  const rolloutColumns = sql.literal(`thread_id AS "threadId", version, path, byte_length AS "length"`)
  const head = <A>(rows: ReadonlyArray<A>): A | undefined => rows[0]

  const rows: Rows = {
    lease: Effect.map(
      leases(sql`SELECT epoch, holder, machine, process_id AS "processId", expires_at AS "expiresAt" FROM codex_lease`),
      head
    ),
    putLease: ({ epoch, expiresAt, holder, machine, processId }) =>
      run(sql`INSERT INTO codex_lease (id, epoch, holder, machine, process_id, expires_at)
        VALUES (1, ${epoch}, ${holder}, ${machine}, ${processId}, ${expiresAt})
        ON CONFLICT (id) DO UPDATE SET epoch = excluded.epoch, holder = excluded.holder, machine = excluded.machine,
          process_id = excluded.process_id, expires_at = excluded.expires_at`),
    session: (id) =>
      Effect.map(sessions(sql`SELECT ${sessionColumns} FROM codex_sessions WHERE id = ${id}`), (rows) =>
        rows.map(toSession).at(0)
      ),
    putSession: ({ block, id, isRemoved, lastOffset, openedAt, spec, threadId }) =>
      run(sql`INSERT INTO codex_sessions (id, tenant, spec, thread_id, block, is_removed, opened_at, last_offset)
        VALUES (${id}, ${spec.tenant}, ${encodeSpec(spec)}, ${threadId ?? null},
          ${block === undefined ? null : encodeBlock(block)}, ${isRemoved ? 1 : 0}, ${openedAt}, ${lastOffset})
        ON CONFLICT (id) DO UPDATE SET thread_id = excluded.thread_id, block = excluded.block,
          is_removed = excluded.is_removed, last_offset = excluded.last_offset`),
    deleteSession: (id) =>
      Effect.forEach(
        ["codex_turn_ends", "codex_rollout_bytes", "codex_rollouts", "codex_approvals", "codex_events", "codex_jobs"],
        (table) => run(sql`DELETE FROM ${sql(table)} WHERE session_id = ${id}`),
        { discard: true }
      ).pipe(Effect.andThen(run(sql`DELETE FROM codex_sessions WHERE id = ${id}`))),
    job: (session, key) =>
      Effect.map(
        jobs(sql`SELECT ${jobColumns} FROM codex_jobs WHERE session_id = ${session} AND job_key = ${key}`),
        (rows) => rows.map(toJob).at(0)
      ),
    lastJobNumber: (session) =>
      Effect.map(
        counts(sql`SELECT COALESCE(MAX(job_number), 0) AS "count" FROM codex_jobs WHERE session_id = ${session}`),
        (rows) => head(rows)?.count ?? 0
      ),
    addJob: (job) =>
      run(sql`INSERT INTO codex_jobs (session_id, job_key, job_number, state, prompt, sent_at, progress)
        VALUES (${job.session}, ${job.key}, ${job.number}, ${job.state}, ${encodePrompt(job.prompt)}, ${job.sentAt},
          ${progressOf(job)})`),
    putJob: (job) =>
      run(sql`UPDATE codex_jobs SET state = ${job.state}, progress = ${progressOf(job)}
        WHERE session_id = ${job.session} AND job_key = ${job.key}`),
    approval: (id) =>
      Effect.map(approvals(sql`SELECT approval FROM codex_approvals WHERE id = ${id}`), (rows) => head(rows)?.approval),
    putApproval: (approval) =>
      run(sql`INSERT INTO codex_approvals (id, session_id, job_key, state, approval)
        VALUES (${approval.id}, ${approval.session}, ${approval.key}, ${approval.state}, ${encodeApproval(approval)})
        ON CONFLICT (id) DO UPDATE SET state = excluded.state, approval = excluded.approval`),
    unusedApprovals: (session, key) =>
      Effect.map(
        approvals(sql`SELECT approval FROM codex_approvals
          WHERE session_id = ${session} AND job_key = ${key} AND state IN ('open', 'decided') ORDER BY id`),
        (rows) => rows.map(({ approval }) => approval)
      ),
    hasEvent: (session, identity) =>
      isAny(sql`SELECT 1 AS found FROM codex_events WHERE session_id = ${session} AND event_identity = ${identity}`),
    addEvent: ({ at, happening, offset, session }, identity) =>
      run(sql`INSERT INTO codex_events (session_id, event_offset, stored_at, event_identity, happening)
        VALUES (${session}, ${offset}, ${at}, ${identity}, ${encodeHappening(happening)})`),
    rollout: (session, threadId) =>
      Effect.map(
        rollouts(sql`SELECT ${rolloutColumns} FROM codex_rollouts
          WHERE session_id = ${session} AND thread_id = ${threadId} ORDER BY version DESC LIMIT 1`),
        head
      ),
    addBytes: (session, { length, path, threadId, version }, epoch, bytes) =>
      Effect.andThen(
        run(sql`INSERT INTO codex_rollouts (session_id, thread_id, version, path, byte_length)
          VALUES (${session}, ${threadId}, ${version}, ${path}, ${length})
          ON CONFLICT (session_id, thread_id, version) DO UPDATE SET path = excluded.path, byte_length = excluded.byte_length`),
        bytes.length === 0
          ? Effect.void
          : run(sql`INSERT INTO codex_rollout_bytes (session_id, thread_id, version, byte_offset, epoch, bytes)
              VALUES (${session}, ${threadId}, ${version}, ${length - bytes.length}, ${epoch}, ${bytes})`)
      ),
    addTurnEnd: (session, turnId) =>
      run(sql`INSERT INTO codex_turn_ends (session_id, turn_id) VALUES (${session}, ${turnId}) ON CONFLICT DO NOTHING`),
    hasTurnEnd: (session, turnId) =>
      isAny(sql`SELECT 1 AS found FROM codex_turn_ends WHERE session_id = ${session} AND turn_id = ${turnId}`)
  }

  const changed = yield* PubSub.sliding<void>(1)
  const tell = PubSub.publish(changed, undefined)

  const once = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E | StoreFailed> =>
    sql
      .withTransaction(effect)
      .pipe(Effect.mapError((error) => (isSqlError(error) ? failed(database.reasonOf(error)) : error)))
  const whole = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E | StoreFailed> =>
    Effect.tap(patiently(once(effect)), tell)
  const batches = yield* makeBatches({ wait: batchWait, transaction: whole, part: once })

  // Other processes are looked for while somebody listens.
  let listeners = 0
  const isHeard = Latch.makeUnsafe(false)
  const listen = Effect.acquireRelease(
    Effect.sync(() => {
      listeners++
      isHeard.openUnsafe()
    }),
    () =>
      Effect.sync(() => {
        listeners--
        if (listeners === 0) isHeard.closeUnsafe()
      })
  )
  let seen: unknown
  yield* Effect.forkScoped(
    Effect.forever(
      Effect.gen(function* () {
        yield* isHeard.await
        // A failure is reported to the next reader.
        const version = yield* Effect.orElseSucceed(database.version, () => seen)
        if (version !== seen) yield* tell
        seen = version
        yield* Effect.sleep(pollInterval)
      })
    )
  )

  const after = <Cursor>(column: string, { after, limit }: FullPage<Cursor>) =>
    after === undefined
      ? sql`ORDER BY ${sql(column)} LIMIT ${limit}`
      : sql`AND ${sql(column)} > ${after} ORDER BY ${sql(column)} LIMIT ${limit}`

  const rolloutBytes = ({ from = 0, session, threadId, version }: RolloutRange) =>
    Stream.unwrap(
      Effect.map(
        version === undefined
          ? Effect.map(rows.rollout(session, threadId), (rollout) => rollout?.version ?? 0)
          : Effect.succeed(version),
        (version) => {
          const where = sql`session_id = ${session} AND thread_id = ${threadId} AND version = ${version}`
          return Stream.paginate(from, (position: number) =>
            Effect.map(
              // The piece that holds the byte at the position.
              pieces(sql`SELECT byte_offset AS "offset", bytes FROM codex_rollout_bytes
                WHERE ${where} AND byte_offset <= ${position} ORDER BY byte_offset DESC LIMIT 1`),
              ([piece]) => {
                const rest = piece?.bytes.subarray(position - piece.offset) ?? new Uint8Array()
                return rest.length === 0
                  ? ([[], Option.none<number>()] as const)
                  : ([[rest], Option.some(position + rest.length)] as const)
              }
            )
          )
        }
      )
    )

  const backend: Backend = {
    name,
    process: database.process,
    transaction: (use) => whole(use(rows)),
    batched: (isUrgent, use) => batches.submit(isUrgent, use(rows)),
    rows,
    sessions: (page, tenant) =>
      Effect.map(
        sessions(
          tenant === undefined
            ? sql`SELECT ${sessionColumns} FROM codex_sessions WHERE is_removed = 0 ${after("id", page)}`
            : sql`SELECT ${sessionColumns} FROM codex_sessions
                WHERE is_removed = 0 AND tenant = ${tenant} ${after("id", page)}`
        ),
        (rows) => rows.map(toSession)
      ),
    jobs: (session, page, isOpen) =>
      Effect.map(
        jobs(
          isOpen
            ? sql`SELECT ${jobColumns} FROM codex_jobs
                WHERE session_id = ${session} AND state <> 'settled' ${after("job_number", page)}`
            : sql`SELECT ${jobColumns} FROM codex_jobs WHERE session_id = ${session} ${after("job_number", page)}`
        ),
        (rows) => rows.map(toJob)
      ),
    events: (session, page) =>
      Effect.map(
        events(sql`SELECT session_id AS "session", event_offset AS "offset", stored_at AS "at", happening
          FROM codex_events WHERE session_id = ${session} ${after("event_offset", page)}`),
        (rows): ReadonlyArray<SessionEvent> => rows
      ),
    approvals: (page, { session, states, tenant }) =>
      Effect.map(
        approvals(sql`SELECT approval FROM codex_approvals WHERE ${sql.in("state", states)}
          AND ${
            session === undefined
              ? sql`session_id IN (SELECT s.id FROM codex_sessions s WHERE s.is_removed = 0
                  ${tenant === undefined ? sql`` : sql`AND s.tenant = ${tenant}`})`
              : sql`session_id = (SELECT s.id FROM codex_sessions s WHERE s.is_removed = 0 AND s.id = ${session}
                  ${tenant === undefined ? sql`` : sql`AND s.tenant = ${tenant}`})`
          } ${after("id", page)}`),
        (rows) => rows.map(({ approval }) => approval)
      ),
    busySessions: (page) =>
      Effect.map(
        sessions(sql`SELECT ${sessionColumns} FROM codex_sessions
          WHERE id IN (SELECT session_id FROM codex_jobs WHERE state <> 'settled'
            UNION SELECT r.id FROM codex_sessions r WHERE r.is_removed = 1) ${after("id", page)}`),
        (rows) => rows.map(toSession)
      ),
    rollouts: (session) =>
      rollouts(
        sql`SELECT ${rolloutColumns} FROM codex_rollouts WHERE session_id = ${session} ORDER BY thread_id, version`
      ),
    rolloutBytes,
    changes: Stream.unwrap(
      Effect.gen(function* () {
        yield* listen
        const subscription = yield* PubSub.subscribe(changed)
        return Stream.concat(Stream.succeed(undefined), Stream.fromSubscription(subscription))
      })
    ),
    scrub: patiently(orFailed(database.scrub))
  }
  return make(backend)
})
