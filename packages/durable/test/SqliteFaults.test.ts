import { spawn, spawnSync } from "node:child_process"
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import * as readline from "node:readline"
import { DatabaseSync } from "node:sqlite"
import { fileURLToPath } from "node:url"
import * as SqliteStore from "@effect-codex/durable/SqliteStore"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { freeze } from "./freeze.ts"
import { admit, approval, begin, committing, folder, item, rollout, spec, textOf, thread } from "./storeSupport.ts"

const script = fileURLToPath(new URL("fixtures/store-process.ts", import.meta.url))

/** A file for a store, in a folder of its own. */
const place = Effect.map(folder, (folder) => path.join(folder, "sessions.db"))

/** Starts a process of the script; it is killed with the scope. */
const start = (...args: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn(process.execPath, ["--expose-gc", script, ...args], { stdio: ["pipe", "pipe", "inherit"] })
      const lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]()
      /** The next line that it says; undefined once it has ended. */
      const next = Effect.promise(async () => {
        const { done, value } = await lines.next()
        return done === true ? undefined : (JSON.parse(value) as Readonly<Record<string, unknown>>)
      })
      const ended = new Promise<void>((resolve) => void child.on("close", () => resolve()))
      return {
        next,
        tell: (line: string) => Effect.sync(() => void child.stdin.write(`${line}\n`)),
        signal: (signal: NodeJS.Signals) => Effect.sync(() => void child.kill(signal)),
        ended: Effect.promise(() => ended),
        pid: child.pid ?? 0
      }
    }),
    ({ ended, signal }) => Effect.andThen(signal("SIGKILL"), ended)
  )

/** Runs a process of the script to its end, and gives the last line that it said. */
const run = (before: string, ...args: ReadonlyArray<string>): Readonly<Record<string, unknown>> => {
  const command = before === "" ? `exec "$@"` : `${before}; exec "$@"`
  const { stderr, stdout } = spawnSync(
    "unshare",
    ["-rm", "sh", "-c", command, "sh", process.execPath, script, ...args],
    {
      encoding: "utf8"
    }
  )
  const line = stdout.trim().split("\n").at(-1) ?? ""
  if (line === "") throw new Error(stderr)
  return JSON.parse(line)
}

// A file system of a size of our choice takes rights that containers do not always give.
const canMount = spawnSync("unshare", ["-rm", "mount", "-t", "tmpfs", "none", "/mnt"]).status === 0

describe("a store that is killed in a commit", () => {
  it.live(
    "is whole, and has each commit that it has reported",
    () =>
      Effect.gen(function* () {
        const file = yield* place
        let known = 0
        for (let round = 0; round < 4; round++) {
          const child = yield* start("writer", file)
          // The lease of the process that was killed would last for an hour.
          expect(yield* child.next).toMatchObject({ epoch: round + 1 })
          const many = 3 + 7 * round
          for (let index = 0; index < many; index++) known = Number((yield* child.next)?.["committed"])
          yield* child.signal("SIGKILL")
          let line = yield* child.next
          while (line !== undefined) {
            known = Number(line["committed"])
            line = yield* child.next
          }
          yield* child.ended
          yield* Effect.scoped(
            Effect.gen(function* () {
              const database = new DatabaseSync(file)
              expect(database.prepare("PRAGMA integrity_check").all()).toMatchObject([{ integrity_check: "ok" }])
              database.close()
              const store = yield* SqliteStore.make({ file })
              const { lastOffset } = yield* store.session("s")
              // The last commit may have been written without having been reported.
              expect([known, known + 1]).toContain(lastOffset)
              known = lastOffset
              const events = yield* store.events("s", { limit: 1000 })
              expect(events.map(({ offset }) => offset)).toEqual(
                Array.from({ length: lastOffset }, (_, index) => index + 1)
              )
              const lines = textOf(yield* Stream.runCollect(store.rolloutBytes({ session: "s", threadId: thread })))
                .trimEnd()
                .split("\n")
                .map((line) => JSON.parse(line).index)
              expect(lines).toEqual(Array.from({ length: lastOffset }, (_, index) => index))
            })
          )
        }
      }),
    120_000
  )
})

describe("clients in several processes", () => {
  it.live(
    "that send the same keys at once, some of which are killed while they send, make one job of each",
    () =>
      Effect.gen(function* () {
        const file = yield* place
        const store = yield* SqliteStore.make({ file })
        yield* store.openSession("s", spec)
        const count = 60
        const senders = yield* Effect.forEach([1, 2, 3, 4], () => start("sender", file, String(count)))
        const [first, second, ...rest] = senders
        // Two are killed in the middle of it, wherever they are by then.
        for (const [sender, many] of [
          [first, 7],
          [second, 23]
        ] as const) {
          for (let index = 0; index < many; index++) yield* sender?.next ?? Effect.void
          yield* sender?.signal("SIGKILL") ?? Effect.void
        }
        const numbers = new Map<unknown, unknown>()
        for (const sender of rest) {
          for (let line = yield* sender.next; line !== undefined; line = yield* sender.next) {
            expect(numbers.get(line["sent"]) ?? line["number"]).toBe(line["number"])
            numbers.set(line["sent"], line["number"])
          }
        }
        const jobs = yield* store.jobs("s", { limit: 1000 })
        expect(jobs.map(({ number }) => number)).toEqual(Array.from({ length: count }, (_, index) => index + 1))
        expect(new Set(jobs.map(({ key }) => key)).size).toBe(count)
        for (const { key, number, prompt } of jobs) {
          expect(numbers.get(key)).toBe(number)
          expect(prompt).toBe(`Do ${key.slice(1)}.`)
        }
      }),
    120_000
  )

  it.live(
    "that decide the same approvals at once have one verdict that counts for each",
    () =>
      Effect.gen(function* () {
        const file = yield* place
        const store = yield* SqliteStore.make({ file })
        const { commit } = yield* begin(store)
        yield* commit(...admit("k", 1, "t1"))
        const ids = Array.from({ length: 200 }, (_, index) => `a${String(index).padStart(3, "0")}`)
        for (const id of ids) yield* commit(approval(id, "k", 1, { expiresAt: Number.MAX_SAFE_INTEGER }))
        const deciders = yield* Effect.forEach(["ann", "bob", "eve"], (name) => start("decider", file, name))
        for (const decider of deciders) expect(yield* decider.next).toEqual({ ready: ids.length })
        const counted = yield* Effect.forEach(deciders, ({ next }) => next)
        expect(counted.flatMap((line) => line?.["counted"]).toSorted()).toEqual(ids)
        const decided = yield* store.approvals({ states: ["decided"], limit: 1000 })
        expect(decided.length).toBe(ids.length)
        const events = yield* store.events("s", { limit: 1000 })
        expect(events.filter(({ happening }) => happening.type === "approvalDecided").length).toBe(ids.length)
      }),
    120_000
  )
})

describe("owners of one file", () => {
  it.live("there is one, and its lease is free at once when its process is dead", () =>
    Effect.gen(function* () {
      const file = yield* place
      const child = yield* start("owner", file, "3600000")
      const { epoch, holder } = (yield* child.next) ?? {}
      const store = yield* SqliteStore.make({ file })
      const busy = yield* Effect.flip(Effect.scoped(store.lease()))
      expect(busy).toMatchObject({ _tag: "StoreBusy", store: file, holder })
      expect(busy.message).toContain(`process ${child.pid}`)
      yield* child.signal("SIGKILL")
      yield* child.ended
      expect((yield* store.lease()).epoch).toBe(Number(epoch) + 1)
    })
  )

  it.live("one that was stopped loses its lease when its time is over, and writes nothing when it goes on", () =>
    Effect.gen(function* () {
      const file = yield* place
      const store = yield* SqliteStore.make({ file })
      yield* store.openSession("s", spec)
      yield* store.addJob({ session: "s", key: "k", prompt: "" })
      const child = yield* start("owner", file, "2000")
      expect(yield* child.next).toMatchObject({ epoch: 1 })
      yield* child.tell("m1")
      expect(yield* child.next).toEqual({ committed: "m1" })
      yield* freeze(file, child.pid)
      const second = yield* Effect.retry(store.lease(), Schedule.spaced("50 millis"))
      yield* committing(store, second.epoch)(item("k", 1, "t", "m2"))
      yield* child.tell("m3")
      yield* child.signal("SIGCONT")
      const said = [yield* child.next, yield* child.next]
      expect(said).toContainEqual({ lost: "StaleOwner" })
      expect(said).toContainEqual({ refused: "StaleOwner" })
      expect((yield* store.events("s")).map(({ happening }) => "item" in happening && happening.item)).toMatchObject([
        { id: "m1" },
        { id: "m2" }
      ])
    })
  )

  it.effect("one that can't write loses its lease after two thirds of it, before it runs out", () =>
    Effect.gen(function* () {
      const file = yield* place
      const store = yield* SqliteStore.make({ file })
      const lease = yield* store.lease({ duration: "30 seconds" })
      const lost = yield* Effect.forkChild(Effect.flip(lease.lost))
      yield* TestClock.adjust("10 seconds")
      const other = new DatabaseSync(file)
      other.exec("BEGIN IMMEDIATE")
      // Renewed after 10 seconds; from then on nothing can be written.
      yield* Effect.repeat(TestClock.adjust("200 millis"), { times: 98 })
      expect(lost.pollUnsafe()).toBeUndefined()
      yield* Effect.repeat(TestClock.adjust("200 millis"), { times: 10 })
      expect(lost.pollUnsafe()).toBeDefined()
      expect(yield* Fiber.join(lost)).toMatchObject({ _tag: "StoreFailed", reason: { _tag: "Locked" } })
      expect((yield* store.owner)?.expiresAt).toBe(40_000)
      other.exec("ROLLBACK")
      other.close()
    })
  )
})

describe("clients of one file", () => {
  it.effect("one sees what another one writes within 250 ms", () =>
    Effect.gen(function* () {
      const file = yield* place
      const [here, there] = [yield* SqliteStore.make({ file }), yield* SqliteStore.make({ file })]
      let seen = 0
      yield* Effect.forkChild(Stream.runForEach(there.changes, () => Effect.sync(() => seen++)))
      yield* TestClock.adjust("250 millis")
      const before = seen
      yield* TestClock.adjust("10 seconds")
      expect(seen).toBe(before)
      for (let index = 0; index < 3; index++) {
        yield* here.openSession(`s${index}`, spec)
        yield* TestClock.adjust("250 millis")
        expect(seen).toBe(before + index + 1)
        expect(yield* there.sessions()).toHaveLength(index + 1)
      }
    })
  )

  it.effect("a lock that another process holds for a moment is waited for, and one that stays is an error", () =>
    Effect.gen(function* () {
      const file = yield* place
      const store = yield* SqliteStore.make({ file })
      const other = new DatabaseSync(file)
      other.exec("BEGIN IMMEDIATE")
      const waiting = yield* Effect.forkChild(store.openSession("s", spec))
      yield* Effect.repeat(TestClock.adjust("100 millis"), { times: 40 })
      expect(waiting.pollUnsafe()).toBeUndefined()
      // Reading needs no lock.
      expect(yield* store.sessions()).toEqual([])
      other.exec("ROLLBACK")
      yield* TestClock.adjust("100 millis")
      expect(yield* Fiber.join(waiting)).toMatchObject({ id: "s" })
      other.exec("BEGIN IMMEDIATE")
      const failing = yield* Effect.forkChild(Effect.flip(store.openSession("t", spec)))
      yield* Effect.repeat(TestClock.adjust("100 millis"), { times: 60 })
      const error = yield* Fiber.join(failing)
      expect(error).toMatchObject({ _tag: "StoreFailed", reason: { _tag: "Locked" }, isRetryable: true })
      other.close()
    })
  )

  it.live("many processes write at once, and none of their writes is lost", () =>
    Effect.gen(function* () {
      const file = yield* place
      const stores = yield* Effect.forEach(Array.from({ length: 4 }), () => SqliteStore.make({ file }))
      const [first] = stores
      yield* first?.openSession("s", spec) ?? Effect.void
      yield* Effect.forEach(
        stores.flatMap((store, index) => Array.from({ length: 15 }, (_, job) => [store, `${index}/${job}`] as const)),
        ([store, key]) => store.addJob({ session: "s", key, prompt: "" }),
        { concurrency: "unbounded" }
      )
      const jobs = yield* first?.jobs("s") ?? Effect.succeed([])
      expect(jobs.map(({ number }) => number)).toEqual(Array.from({ length: 60 }, (_, index) => index + 1))
    })
  )
})

describe("the file of a store", () => {
  const modeOf = (file: string) => (statSync(file).mode & 0o777).toString(8)

  it.effect("is for its owner alone, as are the files next to it", () =>
    Effect.gen(function* () {
      const file = yield* place
      writeFileSync(file, "")
      chmodSync(file, 0o666)
      const mask = process.umask(0)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const store = yield* SqliteStore.make({ file })
          yield* store.openSession("s", spec)
          expect([file, `${file}-wal`, `${file}-shm`].map(modeOf)).toEqual(["600", "600", "600"])
          const other = path.join(path.dirname(file), "other.db")
          yield* SqliteStore.make({ file: other })
          expect([other, `${other}-wal`, `${other}-shm`].map(modeOf)).toEqual(["600", "600", "600"])
        })
      ).pipe(Effect.ensuring(Effect.sync(() => process.umask(mask))))
      expect(modeOf(file)).toBe("600")
      expect(existsSync(`${file}-wal`)).toBe(false)
    })
  )

  it.effect("holds nothing of a session that was purged", () =>
    Effect.gen(function* () {
      const file = yield* place
      const store = yield* SqliteStore.make({ file })
      const { commit, lease } = yield* begin(store)
      const secret = "the launch code is 0000"
      yield* store.addJob({ session: "s", key: "secret", prompt: secret.repeat(300) })
      yield* commit(item("k", 1, "t", "m", secret.repeat(300)), rollout(0, `${secret.repeat(300)}\n`))
      const holds = () =>
        [file, `${file}-wal`].some((name) => existsSync(name) && readFileSync(name, "utf8").includes(secret))
      expect(holds()).toBe(true)
      yield* store.removeSession("s")
      yield* store.purge({ epoch: lease.epoch, session: "s" })
      expect(holds()).toBe(false)
    })
  )

  it.effect("of a newer version is refused if it can't be read, and used if it can", () =>
    Effect.gen(function* () {
      const file = yield* place
      yield* Effect.scoped(Effect.flatMap(SqliteStore.make({ file }), (store) => store.openSession("s", spec)))
      const database = new DatabaseSync(file)
      database.exec("INSERT INTO codex_migrations (migration_id, name) VALUES (7, 'later')")
      yield* Effect.scoped(
        Effect.gen(function* () {
          const store = yield* SqliteStore.make({ file })
          yield* store.openSession("t", spec)
          expect(yield* store.sessions()).toHaveLength(2)
        })
      )
      database.exec("UPDATE codex_schema SET min_reader = 7")
      const error = yield* Effect.flip(Effect.scoped(SqliteStore.make({ file })))
      expect(error.reason).toEqual({ _tag: "Newer", schema: 7, minReader: 7, supported: 1 })
      database.close()
    })
  )

  it.effect("that is no database, or damaged, or in no folder, says so", () =>
    Effect.gen(function* () {
      const file = yield* place
      const failure = (file: string) =>
        Effect.map(Effect.flip(Effect.scoped(SqliteStore.make({ file }))), ({ reason }) => reason._tag)
      expect(yield* failure(path.join(path.dirname(file), "none", "sessions.db"))).toBe("Unavailable")
      expect(yield* failure(path.dirname(file))).toBe("Unavailable")
      writeFileSync(file, "This is not a database. ".repeat(100))
      expect(yield* failure(file)).toBe("Corrupt")
    })
  )

  it.effect("with a row that can't be read says so, and reads the others", () =>
    Effect.gen(function* () {
      const file = yield* place
      const store = yield* SqliteStore.make({ file })
      yield* store.openSession("s", spec)
      yield* store.openSession("t", spec)
      const database = new DatabaseSync(file)
      database.exec("UPDATE codex_sessions SET spec = '{' WHERE id = 's'")
      database.close()
      expect(yield* Effect.flip(store.session("s"))).toMatchObject({ _tag: "StoreFailed", reason: { _tag: "Corrupt" } })
      expect(yield* store.session("t")).toMatchObject({ id: "t" })
    })
  )

  it.effect("finds what there is to do among 1,000 idle sessions without reading them", () =>
    Effect.gen(function* () {
      const file = yield* place
      const store = yield* SqliteStore.make({ file })
      const { commit } = yield* begin(store)
      const database = new DatabaseSync(file)
      database.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
        INSERT INTO codex_sessions SELECT 'idle' || i, tenant, spec, thread_id, block, 0, 0, 0, NULL, NULL FROM codex_sessions, n WHERE id = 's'`)
      database.exec(`INSERT INTO codex_jobs SELECT s.id, s.tenant, 'k', 1, 'settled', prompt, 0, progress
        FROM codex_sessions s, codex_jobs WHERE s.id <> 's'`)
      expect((yield* store.work()).map(({ session }) => session.id)).toEqual(["s"])
      yield* commit({ type: "jobSettled", key: "k", outcome: { type: "interrupted", by: "me" } })
      expect(yield* store.work()).toEqual([])
      const plan = database
        .prepare(
          `EXPLAIN QUERY PLAN SELECT id FROM codex_sessions
            WHERE id IN (SELECT session_id FROM codex_jobs WHERE state <> 'settled'
              UNION SELECT r.id FROM codex_sessions r WHERE r.is_removed = 1) ORDER BY id LIMIT 100`
        )
        .all()
        .map(({ detail }) => String(detail))
      expect(plan.filter((step) => step.startsWith("SCAN") && !/_open|_removed/.test(step))).toEqual([])
      database.close()
    })
  )

  it.live(
    "stores and reads a rollout of 40 MB piece by piece, in little memory",
    () =>
      Effect.gen(function* () {
        const file = yield* place
        const child = yield* start("long", file, String(40 * 1024 * 1024))
        const { grown, isMeasured, largest, read } = (yield* child.next) ?? {}
        expect({ isMeasured, largest, read }).toEqual({ isMeasured: true, largest: 64 * 1024, read: 40 * 1024 * 1024 })
        expect(Number(grown)).toBeLessThan(16 * 1024 * 1024)
      }),
    120_000
  )
})

describe.runIf(canMount)("the disk of a store", () => {
  it("that is full fails the writes that do not fit, and nothing else, until there is room", () => {
    const said = run("mount -t tmpfs -o size=1500k none /mnt", "filler", "/mnt")
    const stored = Number(said["stored"])
    expect(stored).toBeGreaterThan(10)
    expect(said).toMatchObject({
      failed: "StoreFailed Full",
      message: expect.stringContaining("Free some space"),
      isSent: false,
      offsets: Array.from({ length: stored }, (_, index) => index + 1),
      after: stored + 2,
      isWhole: true
    })
  })

  it("that is read-only is said to be", () => {
    const file = "/mnt/sessions.db"
    const opened = run("mount -t tmpfs none /mnt", "opener", file)
    expect(opened).toEqual({ sessions: 0 })
    const mount = `mount -t tmpfs none /mnt; "$1" "$2" opener ${file}; mount -o remount,ro /mnt`
    expect(run(mount, "opener", file)).toMatchObject({
      failed: "StoreFailed ReadOnly",
      message: expect.stringContaining("Check the permissions")
    })
    expect(run("mount -t tmpfs -o ro none /mnt", "opener", file)).toMatchObject({ failed: "StoreFailed ReadOnly" })
  })
})
