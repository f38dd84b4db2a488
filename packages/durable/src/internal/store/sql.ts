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
import type { Fragment } from "effect/sql/Statement"
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
  /** Only rows of this tenant are there, if it is set. */
  readonly tenant: string | undefined
  /** In milliseconds since 1970. */
  readonly now: Effect.Effect<number, SqlError>
  /** The first and the last statement of each transaction. */
  readonly opening: Effect.Effect<unknown, SqlError>
  readonly closing: Effect.Effect<unknown, SqlError>
  /** Ends the wait for a database that does not answer. */
  readonly bounded: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | StoreFailed, R>
  /** A value that is another one after another process has committed. */
  readonly version: Effect.Effect<unknown, SqlError>
  readonly scrub: Effect.Effect<void, SqlError>
}

/** How long a locked database is tried for. */
const patience = Duration.seconds(5)
/** How often is looked for commits of other processes. */
const pollInterval = Duration.millis(100)
/** As many bytes of a rollout are read at once. A line may be longer, and what a database sends in one piece is limited. */
const maxPiece = 4_194_304
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
  home: Schema.NullOr(Schema.String),
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
const PieceRow = Schema.Struct({ bytes: Schema.Uint8Array })
const LeaseColumns = Schema.Struct({ ...LeaseRow.fields, isShared: Schema.Finite })
const ClaimRow = Schema.Struct({ claim: Schema.NullOr(Schema.Int) })

const toLease = ({ isShared, ...row }: typeof LeaseColumns.Type): LeaseRow => ({ ...row, isShared: isShared !== 0 })
const toSession = ({ block, home, isRemoved, threadId, ...row }: typeof SessionRow.Type): Session => ({
  ...row,
  isRemoved: isRemoved !== 0,
  ...(threadId === null ? {} : { threadId }),
  ...(home === null ? {} : { home }),
  ...(block === null ? {} : { block })
})
const toJob = ({ progress, ...row }: typeof JobRow.Type): Job => ({ ...row, ...progress })

type Guard = <A>(statement: Effect.Effect<A, StoreFailed>) => Effect.Effect<A, StoreFailed>

/** Makes a store of a database whose tables are there. */
export const makeSql = Effect.fnUntraced(function* (
  database: Database
): Effect.fn.Return<SessionStore["Service"], never, Scope.Scope> {
  const { bounded, name, sql, tenant } = database

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

  /** Statements outside of a transaction are bounded and tried again one by one. A transaction is, as a whole. */
  const alone: Guard = (statement) => patiently(bounded(statement))
  const inside: Guard = (statement) => statement
  const readers = (guard: Guard) => {
    const all = <S extends Schema.Top & { readonly DecodingServices: never }>(schema: S) => {
      const decode = Schema.decodeUnknownEffect(Schema.Array(schema))
      return (rows: Effect.Effect<ReadonlyArray<unknown>, SqlError>) =>
        Effect.flatMap(guard(orFailed(rows)), (rows) => Effect.mapError(decode(rows), corrupt))
    }
    return {
      sessions: all(SessionRow),
      jobs: all(JobRow),
      events: all(EventRow),
      approvals: all(ApprovalRow),
      rollouts: all(RolloutRow),
      pieces: all(PieceRow),
      leases: all(LeaseColumns),
      claims: all(ClaimRow),
      counts: all(Schema.Struct({ count: Schema.Finite })),
      isAny: (rows: Effect.Effect<ReadonlyArray<unknown>, SqlError>) =>
        Effect.map(guard(orFailed(rows)), ({ length }) => length > 0)
    }
  }
  const { approvals, events, jobs, pieces, rollouts, sessions } = readers(alone)
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
    `id, spec, thread_id AS "threadId", home, block, is_removed AS "isRemoved", opened_at AS "openedAt", last_offset AS "lastOffset"`
  )
  const jobColumns = sql.literal(
    `session_id AS "session", job_key AS "key", job_number AS "number", state, prompt, sent_at AS "sentAt", progress`
  )
  const leaseColumns = sql.literal(
    `epoch, holder, machine, process_id AS "processId", is_shared AS "isShared", expires_at AS "expiresAt"`
  )
  const rolloutColumns = sql.literal(`thread_id AS "threadId", version, path, byte_length AS "length"`)
  const head = <A>(rows: ReadonlyArray<A>): A | undefined => rows[0]

  /** The condition that each statement on rows of sessions has. */
  const own = tenant === undefined ? sql`1 = 1` : sql`tenant = ${tenant}`
  /** The tenant of a row that belongs to a session. */
  const tenantOf = (session: string) => sql`(SELECT s.tenant FROM codex_sessions s WHERE s.id = ${session} AND ${own})`

  /** `lock`: keeps others from changing what was read until the transaction is over, where that is not so anyway. */
  const makeRows = (guard: Guard, lock: Fragment): Rows => {
    const { approvals, claims, counts, isAny, jobs, leases, rollouts, sessions } = readers(guard)
    return {
      now: guard(orFailed(database.now)),
      lease: (epoch) =>
        Effect.map(leases(sql`SELECT ${leaseColumns} FROM codex_lease WHERE epoch = ${epoch} ${lock}`), (rows) =>
          rows.map(toLease).at(0)
        ),
      leases: Effect.map(leases(sql`SELECT ${leaseColumns} FROM codex_lease ORDER BY epoch`), (rows) =>
        rows.map(toLease)
      ),
      addLease: ({ epoch, expiresAt, holder, isShared, machine, processId }) =>
        run(sql`INSERT INTO codex_lease (epoch, holder, machine, process_id, is_shared, expires_at)
        VALUES (${epoch}, ${holder}, ${machine}, ${processId}, ${isShared ? 1 : 0}, ${expiresAt})`),
      putLease: ({ epoch, expiresAt }) =>
        run(sql`UPDATE codex_lease SET expires_at = ${expiresAt} WHERE epoch = ${epoch}`),
      deleteLease: (epoch) => run(sql`DELETE FROM codex_lease WHERE epoch = ${epoch}`),
      claim: (session) =>
        Effect.map(
          claims(sql`SELECT claim FROM codex_sessions WHERE id = ${session} AND ${own}`),
          (rows) => head(rows)?.claim ?? undefined
        ),
      putClaim: (session, epoch) =>
        run(sql`UPDATE codex_sessions SET claim = ${epoch ?? null} WHERE id = ${session} AND ${own}`),
      session: (id) =>
        Effect.map(
          sessions(sql`SELECT ${sessionColumns} FROM codex_sessions WHERE id = ${id} AND ${own} ${lock}`),
          (rows) => rows.map(toSession).at(0)
        ),
      isForeign: ({ id, spec }) => {
        if (tenant === undefined) return Effect.succeed(false)
        return spec.tenant === tenant
          ? isAny(sql`SELECT 1 AS found FROM codex_sessions WHERE id = ${id} AND tenant <> ${tenant}`)
          : Effect.succeed(true)
      },
      addSession: ({ id, isRemoved, lastOffset, openedAt, spec }) =>
        run(sql`INSERT INTO codex_sessions (id, tenant, spec, is_removed, opened_at, last_offset)
        VALUES (${id}, ${spec.tenant}, ${encodeSpec(spec)}, ${isRemoved ? 1 : 0}, ${openedAt}, ${lastOffset})`),
      putSession: ({ block, home, id, isRemoved, lastOffset, threadId }) =>
        run(sql`UPDATE codex_sessions SET thread_id = ${threadId ?? null}, home = ${home ?? null},
          block = ${block === undefined ? null : encodeBlock(block)}, is_removed = ${isRemoved ? 1 : 0},
          last_offset = ${lastOffset}
        WHERE id = ${id} AND ${own}`),
      deleteSession: (id) =>
        Effect.forEach(
          ["codex_turn_ends", "codex_rollout_bytes", "codex_rollouts", "codex_approvals", "codex_events", "codex_jobs"],
          (table) => run(sql`DELETE FROM ${sql(table)} WHERE session_id = ${id} AND ${own}`),
          { discard: true }
        ).pipe(Effect.andThen(run(sql`DELETE FROM codex_sessions WHERE id = ${id} AND ${own}`))),
      job: (session, key) =>
        Effect.map(
          jobs(sql`SELECT ${jobColumns} FROM codex_jobs WHERE session_id = ${session} AND job_key = ${key} AND ${own}`),
          (rows) => rows.map(toJob).at(0)
        ),
      runningJobs: (session) =>
        Effect.map(
          jobs(sql`SELECT ${jobColumns} FROM codex_jobs
          WHERE session_id = ${session} AND state <> 'settled' AND state = 'running' AND ${own} ORDER BY job_number`),
          (rows) => rows.map(toJob)
        ),
      lastJobNumber: (session) =>
        Effect.map(
          counts(sql`SELECT COALESCE(MAX(job_number), 0) AS "count" FROM codex_jobs
          WHERE session_id = ${session} AND ${own}`),
          (rows) => head(rows)?.count ?? 0
        ),
      addJob: (job) =>
        run(sql`INSERT INTO codex_jobs (session_id, tenant, job_key, job_number, state, prompt, sent_at, progress)
        VALUES (${job.session}, ${tenantOf(job.session)}, ${job.key}, ${job.number}, ${job.state},
          ${encodePrompt(job.prompt)}, ${job.sentAt}, ${progressOf(job)})`),
      putJob: (job) =>
        run(sql`UPDATE codex_jobs SET state = ${job.state}, progress = ${progressOf(job)}
        WHERE session_id = ${job.session} AND job_key = ${job.key} AND ${own}`),
      approval: (id) =>
        Effect.map(
          approvals(sql`SELECT approval FROM codex_approvals WHERE id = ${id} AND ${own}`),
          (rows) => head(rows)?.approval
        ),
      putApproval: (approval) =>
        run(sql`INSERT INTO codex_approvals (id, session_id, tenant, job_key, state, approval)
        VALUES (${approval.id}, ${approval.session}, ${tenantOf(approval.session)}, ${approval.key}, ${approval.state},
          ${encodeApproval(approval)})
        ON CONFLICT (id) DO UPDATE SET state = excluded.state, approval = excluded.approval`),
      unusedApprovals: (session, key) =>
        Effect.map(
          approvals(sql`SELECT approval FROM codex_approvals
          WHERE session_id = ${session} AND job_key = ${key} AND state IN ('open', 'decided') AND ${own} ORDER BY id`),
          (rows) => rows.map(({ approval }) => approval)
        ),
      hasEvent: (session, identity) =>
        isAny(sql`SELECT 1 AS found FROM codex_events
        WHERE session_id = ${session} AND event_identity = ${identity} AND ${own}`),
      addEvent: ({ at, happening, offset, session }, identity) =>
        run(sql`INSERT INTO codex_events (session_id, tenant, event_offset, stored_at, event_identity, happening)
        VALUES (${session}, ${tenantOf(session)}, ${offset}, ${at}, ${identity}, ${encodeHappening(happening)})`),
      rollout: (session, threadId) =>
        Effect.map(
          rollouts(sql`SELECT ${rolloutColumns} FROM codex_rollouts
          WHERE session_id = ${session} AND thread_id = ${threadId} AND ${own} ORDER BY version DESC LIMIT 1`),
          head
        ),
      addBytes: (session, { length, path, threadId, version }, epoch, bytes) =>
        Effect.andThen(
          run(sql`INSERT INTO codex_rollouts (session_id, tenant, thread_id, version, path, byte_length)
          VALUES (${session}, ${tenantOf(session)}, ${threadId}, ${version}, ${path}, ${length})
          ON CONFLICT (session_id, thread_id, version) DO UPDATE SET path = excluded.path, byte_length = excluded.byte_length`),
          bytes.length === 0
            ? Effect.void
            : run(sql`INSERT INTO codex_rollout_bytes (session_id, tenant, thread_id, version, byte_offset, epoch, bytes)
              VALUES (${session}, ${tenantOf(session)}, ${threadId}, ${version}, ${length - bytes.length}, ${epoch}, ${bytes})`)
        ),
      addTurnEnd: (session, turnId) =>
        run(sql`INSERT INTO codex_turn_ends (session_id, tenant, turn_id)
        VALUES (${session}, ${tenantOf(session)}, ${turnId}) ON CONFLICT DO NOTHING`),
      hasTurnEnd: (session, turnId) =>
        isAny(sql`SELECT 1 AS found FROM codex_turn_ends
        WHERE session_id = ${session} AND turn_id = ${turnId} AND ${own}`)
    }
  }
  const rows = makeRows(alone, sql``)
  const locked = makeRows(inside, sql.onDialectOrElse({ pg: () => sql`FOR UPDATE`, orElse: () => sql`` }))

  const changed = yield* PubSub.sliding<void>(1)
  const tell = PubSub.publish(changed, undefined)

  const once = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E | StoreFailed> =>
    sql.withTransaction(effect).pipe(
      Effect.mapError((error) => (isSqlError(error) ? failed(database.reasonOf(error)) : error)),
      // A connection that is lost can't be rolled back, which is a defect to the client.
      Effect.catchDefect((defect) => {
        if (defect instanceof StoreFailed) return Effect.fail(defect)
        return isSqlError(defect) ? Effect.fail(failed(database.reasonOf(defect))) : Effect.die(defect)
      })
    )
  const whole = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E | StoreFailed> => {
    const { closing, opening } = database
    const all = orFailed(opening).pipe(
      Effect.andThen(effect),
      Effect.tap(() => orFailed(closing))
    )
    return Effect.tap(patiently(bounded(once(all))), tell)
  }
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

  const claimed = (claim: Parameters<Backend["busySessions"]>[1]) => {
    if (claim === undefined) return sql`1 = 1`
    return typeof claim === "number"
      ? sql`claim = ${claim}`
      : sql`(claim IS NULL OR claim NOT IN (SELECT epoch FROM codex_lease WHERE expires_at > ${claim.noneAt}))`
  }

  const substring = sql.onDialectOrElse({ pg: () => "substring", orElse: () => "substr" })
  const rolloutBytes = ({ from = 0, session, threadId, version }: RolloutRange) =>
    Stream.unwrap(
      Effect.map(
        version === undefined
          ? Effect.map(rows.rollout(session, threadId), (rollout) => rollout?.version ?? 0)
          : Effect.succeed(version),
        (version) => {
          const where = sql`session_id = ${session} AND thread_id = ${threadId} AND version = ${version} AND ${own}`
          return Stream.paginate(from, (position: number) =>
            Effect.map(
              // From the piece that holds the byte at the position. Its beginning is named so that the type is clear.
              pieces(sql`SELECT ${sql.literal(substring)}(bytes, CAST(${position} - byte_offset + 1 AS INTEGER), ${maxPiece}) AS bytes
                FROM codex_rollout_bytes WHERE ${where} AND byte_offset <= ${position} ORDER BY byte_offset DESC LIMIT 1`),
              ([piece]) => {
                const rest = piece?.bytes ?? new Uint8Array()
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
    transaction: (use) => whole(use(locked)),
    batched: (isUrgent, use) => batches.submit(isUrgent, use(locked)),
    rows,
    sessions: (page, tenant) =>
      Effect.map(
        sessions(
          tenant === undefined
            ? sql`SELECT ${sessionColumns} FROM codex_sessions WHERE is_removed = 0 AND ${own} ${after("id", page)}`
            : sql`SELECT ${sessionColumns} FROM codex_sessions
                WHERE is_removed = 0 AND tenant = ${tenant} AND ${own} ${after("id", page)}`
        ),
        (rows) => rows.map(toSession)
      ),
    jobs: (session, page, isOpen) =>
      Effect.map(
        jobs(
          isOpen
            ? sql`SELECT ${jobColumns} FROM codex_jobs
                WHERE session_id = ${session} AND state <> 'settled' AND ${own} ${after("job_number", page)}`
            : sql`SELECT ${jobColumns} FROM codex_jobs
                WHERE session_id = ${session} AND ${own} ${after("job_number", page)}`
        ),
        (rows) => rows.map(toJob)
      ),
    events: (session, page) =>
      Effect.map(
        events(sql`SELECT session_id AS "session", event_offset AS "offset", stored_at AS "at", happening
          FROM codex_events WHERE session_id = ${session} AND ${own} ${after("event_offset", page)}`),
        (rows): ReadonlyArray<SessionEvent> => rows
      ),
    approvals: (page, { session, states, tenant }) =>
      Effect.map(
        approvals(sql`SELECT approval FROM codex_approvals WHERE ${sql.in("state", states)} AND ${own}
          AND ${
            session === undefined
              ? sql`session_id IN (SELECT s.id FROM codex_sessions s WHERE s.is_removed = 0
                  ${tenant === undefined ? sql`` : sql`AND s.tenant = ${tenant}`})`
              : sql`session_id = (SELECT s.id FROM codex_sessions s WHERE s.is_removed = 0 AND s.id = ${session}
                  ${tenant === undefined ? sql`` : sql`AND s.tenant = ${tenant}`})`
          } ${after("id", page)}`),
        (rows) => rows.map(({ approval }) => approval)
      ),
    busySessions: (page, claim) =>
      Effect.map(
        sessions(sql`SELECT ${sessionColumns} FROM codex_sessions
          WHERE id IN (SELECT session_id FROM codex_jobs WHERE state <> 'settled'
            UNION SELECT r.id FROM codex_sessions r WHERE r.is_removed = 1)
            AND ${claimed(claim)} AND ${own} ${after("id", page)}`),
        (rows) => rows.map(toSession)
      ),
    rollouts: (session) =>
      rollouts(
        sql`SELECT ${rolloutColumns} FROM codex_rollouts WHERE session_id = ${session} AND ${own} ORDER BY thread_id, version`
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
