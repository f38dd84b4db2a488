import { PgClient } from "@effect/sql-pg"
import { expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { afterAll, beforeAll, describe } from "vitest"
import * as PostgresStore from "../src/PostgresStore.ts"
import { configOf, newSchema, postgres, type Postgres } from "./postgres.ts"
import { begin, bytesOf, committing, item, later, rollout, spec, textOf, thread } from "./storeSupport.ts"

const scope = Effect.runSync(Scope.make())
let server: Postgres
beforeAll(async () => {
  server = await Effect.runPromise(Scope.provide(postgres, scope))
}, 300_000)
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

/** A client of its own, as another process has it. */
const client = (schema: string, name = "store") =>
  Effect.map(
    Effect.orDie(
      Layer.build(
        // The one that is stopped has no connection to spare: one listens, and one works.
        PgClient.layer({
          ...configOf(server.host, schema),
          applicationName: name,
          maxConnections: name === "frozen" ? 2 : 10
        })
      )
    ),
    (context) => Context.get(context, PgClient.PgClient)
  )
const storeOf = (schema: string, options?: PostgresStore.Options & { readonly name?: string }) =>
  Effect.flatMap(client(schema, options?.name), (sql) =>
    Effect.provideService(PostgresStore.make(options), PgClient.PgClient, sql)
  )
const schema = Effect.suspend(() => Effect.orDie(newSchema(server.host)))

/** Sessions of Postgres, by the name that their clients gave. */
const backends = (sql: PgClient.PgClient, name: string) =>
  Effect.map(sql<{ pid: number }>`SELECT pid FROM pg_stat_activity WHERE application_name = ${name}`, (rows) =>
    rows.map(({ pid }) => pid)
  )

const test = <A, E>(name: string, run: Effect.Effect<A, E, Scope.Scope>) => it.live(name, () => run, 300_000)

describe("a store in Postgres", () => {
  test(
    "measures leases by the clock of the database, whatever the processes believe",
    Effect.gen(function* () {
      const place = yield* schema
      const [one, two] = [yield* storeOf(place), yield* storeOf(place)]
      const first = yield* one.lease()
      const error = yield* Effect.provideServiceEffect(Effect.flip(Effect.scoped(two.lease())), Clock.Clock, later)
      expect(error).toMatchObject({ _tag: "StoreBusy" })
      const owner = yield* two.owner
      const now = yield* Clock.currentTimeMillis
      expect(owner?.epoch).toBe(first.epoch)
      expect(Math.abs((owner?.expiresAt ?? 0) - now - 15_000)).toBeLessThan(14_000)
    })
  )

  test(
    "has one owner, whoever else tries at the same moment",
    Effect.gen(function* () {
      const place = yield* schema
      const stores = yield* Effect.forEach([1, 2, 3, 4], () => storeOf(place), { concurrency: "unbounded" })
      const exits = yield* Effect.forEach(stores, (store) => Effect.exit(store.lease()), { concurrency: "unbounded" })
      expect(exits.filter(Exit.isSuccess)).toHaveLength(1)
    })
  )

  test(
    "gives a session to one of those who claim it, and opens it once",
    Effect.gen(function* () {
      const place = yield* schema
      const stores = yield* Effect.forEach([1, 2, 3, 4], () => storeOf(place), { concurrency: "unbounded" })
      const opened = yield* Effect.forEach(
        stores,
        (store, index) => Effect.exit(store.openSession("s", { ...spec, workspace: index % 2 === 0 ? "a" : "b" })),
        { concurrency: "unbounded" }
      )
      expect(opened.filter(Exit.isSuccess)).toHaveLength(2)
      const exits = yield* Effect.forEach(
        stores,
        (store) =>
          Effect.flatMap(store.lease({ isShared: true }), ({ epoch }) =>
            Effect.exit(store.claim({ epoch, session: "s" }))
          ),
        { concurrency: "unbounded" }
      )
      expect(exits.filter(Exit.isSuccess)).toHaveLength(1)
      const added = yield* Effect.forEach(stores, (store) => store.addJob({ session: "s", key: "k", prompt: "" }), {
        concurrency: "unbounded"
      })
      expect(new Set(added.map(({ number }) => number))).toEqual(new Set([1]))
    })
  )

  test(
    "notices the commits of other processes",
    Effect.gen(function* () {
      const place = yield* schema
      const [one, two] = [yield* storeOf(place), yield* storeOf(place)]
      yield* one.openSession("s", spec)
      const seen = yield* Stream.runHead(
        Stream.filter(
          Stream.mapEffect(two.changes, () => two.jobs("s")),
          (jobs) => jobs.length === 1
        )
      ).pipe(Effect.forkScoped)
      yield* one.addJob({ session: "s", key: "k", prompt: "" })
      expect((yield* Fiber.join(seen))._tag).toBe("Some")
    })
  )

  test(
    "shows a tenant its own sessions, and nothing of another",
    Effect.gen(function* () {
      const place = yield* schema
      const everybody = yield* storeOf(place)
      const [acme, other] = [yield* storeOf(place, { tenant: "acme" }), yield* storeOf(place, { tenant: "other" })]
      const { commit, lease } = yield* begin(everybody)
      yield* commit({ type: "attemptStarted", key: "k", attempt: 1 }, rollout(0, "line\n", ["t"]))
      const sql = yield* client(place)
      for (const table of ["sessions", "jobs", "events", "rollouts", "rollout_bytes", "turn_ends"]) {
        expect([table, yield* sql`SELECT DISTINCT tenant FROM ${sql(`codex_${table}`)}`]).toEqual([
          table,
          [{ tenant: "acme" }]
        ])
      }
      expect((yield* acme.sessions()).map(({ id }) => id)).toEqual(["s"])
      expect(yield* acme.work()).toHaveLength(1)
      expect(yield* other.sessions()).toEqual([])
      expect(yield* other.sessions({ tenant: "acme" })).toEqual([])
      expect(yield* other.work()).toEqual([])
      expect(yield* other.approvals()).toEqual([])
      expect(yield* other.rollouts("s")).toEqual([])
      expect(yield* Stream.runCollect(other.rolloutBytes({ session: "s", threadId: thread }))).toEqual([])
      const tag = <A, E extends { readonly _tag: string }>(effect: Effect.Effect<A, E>) =>
        Effect.map(Effect.flip(effect), ({ _tag }) => _tag)
      expect(yield* tag(other.session("s"))).toBe("UnknownSession")
      expect(yield* tag(other.job("s", "k"))).toBe("UnknownSession")
      expect(yield* tag(other.events("s"))).toBe("UnknownSession")
      expect(yield* tag(other.addJob({ session: "s", key: "x", prompt: "" }))).toBe("UnknownSession")
      expect(yield* tag(other.requestInterrupt({ session: "s", key: "k", by: "me" }))).toBe("UnknownSession")
      expect(yield* tag(other.removeSession("s"))).toBe("UnknownSession")
      expect(yield* tag(committing(other, lease.epoch)({ type: "unblocked" }))).toBe("CommitRefused")
      yield* other.purge({ epoch: lease.epoch, session: "s" })
      expect(yield* tag(other.openSession("s", { ...spec, tenant: "other" }))).toBe("SpecConflict")
      expect(yield* tag(other.openSession("n", spec))).toBe("SpecConflict")
      expect(yield* acme.sessions()).toHaveLength(1)
    })
  )

  test(
    "reads a line that is longer than a message of the client may be",
    Effect.gen(function* () {
      const store = yield* storeOf(yield* schema)
      const { commit } = yield* begin(store)
      const line = `${"x".repeat(20_000_000)}\n`
      yield* commit(rollout(0, line))
      const pieces = yield* Stream.runCollect(store.rolloutBytes({ session: "s", threadId: thread }))
      expect(Math.max(...pieces.map(({ length }) => length))).toBe(4_194_304)
      expect(textOf(pieces) === line).toBe(true)
    })
  )

  test(
    "loses and repeats nothing when its connections are cut and Postgres crashes in the middle of commits",
    Effect.gen(function* () {
      const place = yield* schema
      const store = yield* storeOf(place, { name: "victim" })
      const { lease } = yield* begin(store)
      const admin = yield* client(place, "admin")
      const writer = { isOver: false }
      // Repeats until it is stored, as an owner does.
      const write = (index: number, length: number): Effect.Effect<void> =>
        store
          .commit({
            epoch: lease.epoch,
            session: "s",
            changes: [item("k", 1, "t", `m${index}`), rollout(length, `${index}\n`, [`t${index}`])],
            isUrgent: index % 2 === 0
          })
          .pipe(
            Effect.catch((error) =>
              // It was stored by the commit that seemed to fail.
              error._tag === "CommitRefused" && error.reason._tag === "RolloutMismatch"
                ? Effect.void
                : Effect.andThen(Effect.sleep("20 millis"), write(index, length))
            ),
            Effect.asVoid
          )
      let count = 0
      let length = 0
      const writing = yield* Effect.gen(function* () {
        while (!writer.isOver || count < 20) {
          yield* write(count, length)
          length += bytesOf(`${count}\n`).length
          count++
        }
      }).pipe(Effect.forkScoped)
      for (let round = 0; round < 8; round++) {
        const before = count
        yield* Effect.sleep("5 millis").pipe(Effect.repeat({ until: () => count > before + 1 }))
        if (round % 4 === 3) yield* Effect.promise(() => server.restart("SIGQUIT"))
        else {
          yield* Effect.flatMap(backends(admin, "victim"), (pids) =>
            Effect.forEach(pids, (pid) => admin`SELECT pg_terminate_backend(${pid})`)
          ).pipe(Effect.retry({ times: 20, schedule: Schedule.spaced("100 millis") }))
        }
      }
      writer.isOver = true
      yield* Fiber.join(writing)
      const events: Array<string> = []
      for (let after = 0; ;) {
        const page = yield* store.events("s", { after, limit: 100 })
        if (page.length === 0) break
        for (const { happening, offset } of page) {
          after++
          expect(offset).toBe(after)
          if (happening.type === "itemCompleted" && "id" in happening.item) events.push(happening.item.id)
        }
      }
      expect(events).toEqual(Array.from({ length: count }, (_, index) => `m${index}`))
      const pieces = yield* Stream.runCollect(store.rolloutBytes({ session: "s", threadId: thread }))
      expect(textOf(pieces)).toBe(events.map((_, index) => `${index}\n`).join(""))
    })
  )

  test(
    "tells an owner in time that Postgres no longer answers it, and refuses what it still sends",
    Effect.gen(function* () {
      const place = yield* schema
      const admin = yield* client(place, "admin")
      const store = yield* storeOf(place, { name: "frozen" })
      const other = yield* storeOf(place)
      yield* store.openSession("s", spec)
      yield* store.addJob({ session: "s", key: "k", prompt: "" })
      const lease = yield* store.lease()
      const pids = yield* backends(admin, "frozen")
      const begun = yield* Clock.currentTimeMillis
      yield* Effect.acquireRelease(
        Effect.sync(() => pids.forEach((pid) => process.kill(pid, "SIGSTOP"))),
        () => Effect.sync(() => pids.forEach((pid) => process.kill(pid, "SIGCONT")))
      ).pipe(
        Effect.andThen(
          Effect.gen(function* () {
            const late = yield* committing(
              store,
              lease.epoch
            )({ type: "attemptStarted", key: "k", attempt: 1 }).pipe(Effect.exit, Effect.forkScoped)
            expect(yield* Effect.flip(lease.lost)).toMatchObject({ _tag: "StoreFailed" })
            expect((yield* Clock.currentTimeMillis) - begun).toBeLessThan(15_000)
            const next = yield* Effect.retry(other.lease(), Schedule.spaced("200 millis"))
            expect(next.epoch).toBe(lease.epoch + 1)
            expect(Exit.isFailure(yield* Fiber.join(late))).toBe(true)
          })
        ),
        Effect.scoped
      )
      // The stopped sessions of Postgres go on, and find the lease gone.
      expect(yield* Effect.flip(committing(store, lease.epoch)({ type: "unblocked" }))).toMatchObject({
        _tag: "StaleOwner"
      })
      expect((yield* other.job("s", "k")).attempts).toEqual([])
    })
  )
})
