/** The order of a trail: what is written when, what is told of what could not be, and when the next file is begun. */
import type { AuditRecord, Entry } from "@effect-codex/policy/AuditRecord"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Logger from "effect/Logger"
import * as PlatformError from "effect/PlatformError"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { createHash } from "node:crypto"
import type { Files, Start } from "../src/internal/audit/files.ts"
import { makeTrail } from "../src/internal/audit/trail.ts"

const seal = (text: string) => Effect.sync(() => createHash("sha256").update(text).digest("hex"))
const full = PlatformError.systemError({ _tag: "WriteZero", module: "FileSystem", method: "write" })

const entry = (what: string): Entry => ({
  type: "unasked",
  at: "t",
  threadId: "t",
  turnId: null,
  itemId: null,
  item: "webSearch",
  status: "completed",
  exitCode: null,
  what
})

interface Disk {
  /** Each append, as the records in it. */
  readonly appends: Array<ReadonlyArray<AuditRecord>>
  /** What was done besides, in order with the appends. */
  readonly steps: Array<string>
  readonly files: Files
}

const disk = (
  options: {
    readonly start?: Partial<Start>
    readonly append?: () => Effect.Effect<void, PlatformError.PlatformError>
    readonly settle?: () => Effect.Effect<boolean, PlatformError.PlatformError>
    readonly turnOver?: () => Effect.Effect<void, PlatformError.PlatformError>
    /** How many records have room in a file. */
    readonly room?: number
  } = {}
): Disk => {
  const appends: Array<ReadonlyArray<AuditRecord>> = []
  const steps: Array<string> = []
  let inFile = 0
  const countOf = (bytes: number) => Math.round(bytes / 250)
  const files: Files = {
    start: { seq: 0, hash: null, torn: false, first: 1, ...options.start },
    hasRoomFor: (bytes) => options.room === undefined || inFile + Math.max(1, countOf(bytes)) <= options.room,
    settle: Effect.suspend(() => options.settle?.() ?? Effect.succeed(false)),
    append: (bytes) =>
      Effect.suspend(() => options.append?.() ?? Effect.void).pipe(
        Effect.andThen(
          Effect.sync(() => {
            const records = new TextDecoder()
              .decode(bytes)
              .trimEnd()
              .split("\n")
              .map((line): AuditRecord => JSON.parse(line))
            appends.push(records)
            steps.push(records.map(({ seq }) => seq).join(","))
            inFile += records.length
          })
        )
      ),
    firstKept: (next) => Effect.sync(() => (steps.push(`kept ${next}`), 7)),
    turnOver: Effect.suspend(() => options.turnOver?.() ?? Effect.void).pipe(
      Effect.andThen(
        Effect.sync(() => {
          steps.push("next file")
          inFile = 0
        })
      )
    )
  }
  return { appends, steps, files }
}

const capture = () => {
  const lines: Array<string> = []
  const logger = Logger.make(({ message }) => {
    const [text, error] = [message].flat()
    lines.push(error instanceof PlatformError.PlatformError ? `${text}: ${error.reason._tag}` : String(text))
  })
  return { lines, layer: Logger.layer([logger]) }
}

const making = (files: Files | undefined, maxUnwritten = 1000) => {
  const published: Array<AuditRecord> = []
  let time = 0
  const publish = (record: AuditRecord) => Effect.sync(() => published.push(record))
  return Effect.map(makeTrail({ maxUnwritten, files, seal, now: () => `${++time}`, publish }), (trail) => ({
    published,
    ...trail
  }))
}

const kinds = (records: ReadonlyArray<AuditRecord>) =>
  records.map((record) => `${record.seq} ${record.type === "unasked" ? record.what : record.type}`)

describe("a trail without a file", () => {
  it.effect("numbers and chains what is added, and publishes it", () =>
    Effect.gen(function* () {
      const { add, flush, place, published } = yield* making(undefined)
      expect(place()).toEqual({ seq: 0, hash: null })
      yield* flush
      add(entry("a"))
      add(entry("b"), "params")
      yield* flush
      expect(kinds(published)).toEqual(["1 a", "2 b"])
      expect(published.map(({ prev }) => prev)).toEqual([null, published[0]?.hash])
      expect(place()).toEqual({ seq: 2, hash: published[1]?.hash })
      add(entry("c"))
      yield* flush
      expect(kinds(published)).toEqual(["1 a", "2 b", "3 c"])
    }).pipe(Effect.scoped)
  )

  it.effect("tells how many were too many at once, behind those that were not", () =>
    Effect.gen(function* () {
      const { add, flush, published } = yield* making(undefined, 2)
      for (const name of ["a", "b", "c", "d"]) add(entry(name))
      yield* flush
      expect(kinds(published)).toEqual(["1 a", "2 b", "5 dropped"])
      expect(published[2]).toMatchObject({ at: "1", count: 2, from: 3, reason: "too many at once" })
      add(entry("e"))
      yield* flush
      expect(kinds(published).at(-1)).toBe("6 e")
    }).pipe(Effect.scoped)
  )
})

describe("a trail in files", () => {
  it.effect("begins with a record of its own behind the place where the file ends", () =>
    Effect.gen(function* () {
      const hash = "a".repeat(64)
      const { appends, files } = disk({ start: { seq: 4, hash, torn: true, first: 3 } })
      const { add, flush, place } = yield* making(files)
      expect(place()).toMatchObject({ seq: 4, hash })
      add(entry("a"))
      yield* flush
      expect(kinds(appends.flat())).toEqual(["5 opened", "6 a"])
      expect(appends.flat()[0]).toMatchObject({ at: "1", torn: true, first: 3, prev: hash })
    }).pipe(Effect.scoped)
  )

  it.effect("is written to 32 records at a time", () =>
    Effect.gen(function* () {
      const { appends, files } = disk()
      const { add, flush } = yield* making(files)
      for (let index = 0; index < 70; index++) add(entry(`${index}`))
      yield* flush
      expect(appends.map(({ length }) => length)).toEqual([32, 32, 7])
      expect(appends.flat().map(({ seq }) => seq)).toEqual(Array.from({ length: 71 }, (_, index) => index + 1))
    }).pipe(Effect.scoped)
  )

  it.effect("ends a file that is full, and opens the next one, each with a record", () =>
    Effect.gen(function* () {
      const { appends, files, steps } = disk({ room: 3 })
      const { add, flush } = yield* making(files)
      for (const name of ["a", "b", "c"]) add(entry(name))
      yield* flush
      expect(kinds(appends.flat())).toEqual(["1 opened", "2 a", "3 b", "4 rotated", "5 opened", "6 c"])
      // The number of the record with which the next file begins.
      expect(steps).toEqual(["1,2,3", "kept 5", "4", "next file", "5,6"])
      expect(appends.flat().slice(3, 5)).toMatchObject([{ first: 7 }, { first: 7, torn: false }])
    }).pipe(Effect.scoped)
  )

  it.effect("opens a file that has taken the place of its own", () =>
    Effect.gen(function* () {
      let isAnother = false
      const { appends, files } = disk({ settle: () => Effect.sync(() => isAnother) })
      const { add, flush } = yield* making(files)
      yield* flush
      isAnother = true
      add(entry("a"))
      yield* flush
      expect(kinds(appends.flat())).toEqual(["1 opened", "2 opened", "3 a"])
    }).pipe(Effect.scoped)
  )

  it.effect("begins the next file later if that fails, and ends the full one once", () =>
    Effect.gen(function* () {
      let failures = 2
      const { layer, lines } = capture()
      const { appends, files, steps } = disk({
        room: 2,
        turnOver: () => Effect.suspend(() => (failures-- > 0 ? Effect.fail(full) : Effect.void))
      })
      yield* Effect.gen(function* () {
        const { add, flush } = yield* making(files)
        yield* flush
        add(entry("a"))
        yield* flush
        for (const name of ["b", "c", "d"]) {
          add(entry(name))
          yield* flush
        }
        expect(kinds(appends.flat())).toEqual([
          "1 opened",
          "2 a",
          "3 rotated",
          "4 opened",
          "7 dropped",
          "8 rotated",
          "9 opened",
          "10 d"
        ])
        expect(steps.filter((step) => step === "3")).toEqual(["3"])
        expect(appends.flat()[4]).toMatchObject({ count: 2, from: 5, reason: "they could not be written" })
      }).pipe(Effect.scoped, Effect.provide(layer))
      expect(lines).toEqual([
        "1 records of the audit trail could not be written: WriteZero",
        "2 records of the audit trail could not be written: WriteZero"
      ])
    })
  )

  it.effect("tells of records that could not be written before the next one that can be", () =>
    Effect.gen(function* () {
      let failures = 0
      const { layer } = capture()
      const { appends, files } = disk({
        append: () => Effect.suspend(() => (failures-- > 0 ? Effect.fail(full) : Effect.void))
      })
      yield* Effect.gen(function* () {
        const { add, flush, place } = yield* making(files, 4)
        yield* flush
        failures = 1
        for (const name of ["a", "b", "c", "d", "e", "f"]) add(entry(name))
        yield* flush
        expect(place().seq).toBe(1)
        // What was too many at once is among what could not be written.
        add(entry("g"))
        yield* flush
        expect(kinds(appends.flat())).toEqual(["1 opened", "8 dropped", "9 g"])
        expect(appends.flat()[1]).toMatchObject({ count: 6, from: 2 })
        expect(place().seq).toBe(9)
      }).pipe(Effect.scoped, Effect.provide(layer))
    })
  )

  it.effect("says of a chunk that was written in part what is missing", () =>
    Effect.gen(function* () {
      let appended = 0
      const { layer } = capture()
      const { appends, files } = disk({
        room: 3,
        append: () => Effect.suspend(() => (++appended === 4 ? Effect.fail(full) : Effect.void))
      })
      yield* Effect.gen(function* () {
        const { add, flush } = yield* making(files)
        yield* flush
        for (const name of ["a", "b", "c", "d", "e"]) add(entry(name))
        yield* flush
        add(entry("f"))
        yield* flush
        expect(kinds(appends.flat()).slice(0, 5)).toEqual(["1 opened", "2 a", "3 b", "4 rotated", "8 dropped"])
        expect(appends.flat()[4]).toMatchObject({ count: 3, from: 5 })
      }).pipe(Effect.scoped, Effect.provide(layer))
    })
  )
})

describe("the end of a trail", () => {
  // A trail whose last record waits for the disk, and whose scope is being closed.
  const closing = Effect.gen(function* () {
    const stuck = Latch.makeUnsafe(true)
    const { appends, files } = disk({ append: () => stuck.await })
    const scope = yield* Scope.make()
    const { add, flush } = yield* Scope.provide(making(files), scope)
    yield* flush
    stuck.closeUnsafe()
    add(entry("a"))
    const closed = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
    return { appends, closed, stuck }
  })

  it.effect("waits for what is not written yet", () =>
    Effect.gen(function* () {
      const { appends, closed, stuck } = yield* closing
      yield* TestClock.adjust("4 seconds")
      expect(closed.pollUnsafe()).toBeUndefined()
      stuck.openUnsafe()
      yield* Fiber.join(closed)
      expect(kinds(appends.flat())).toEqual(["1 opened", "2 a"])
    })
  )

  it.effect("does not wait longer than five seconds, and says so", () =>
    Effect.gen(function* () {
      const { layer, lines } = capture()
      yield* Effect.gen(function* () {
        const { closed } = yield* closing
        yield* TestClock.adjust("4999 millis")
        expect(closed.pollUnsafe()).toBeUndefined()
        yield* TestClock.adjust("1 millis")
        yield* Fiber.join(closed)
      }).pipe(Effect.provide(layer))
      expect(lines).toEqual(["The audit trail was closed before all of it could be written"])
    })
  )

  it.effect("tries once more to tell of what could not be written", () =>
    Effect.gen(function* () {
      let failures = 0
      const { layer } = capture()
      const { appends, files } = disk({
        append: () => Effect.suspend(() => (failures-- > 0 ? Effect.fail(full) : Effect.void))
      })
      yield* Effect.gen(function* () {
        const { add, flush } = yield* making(files)
        yield* flush
        failures = 1
        add(entry("a"))
        yield* flush
      }).pipe(Effect.scoped, Effect.provide(layer))
      expect(kinds(appends.flat())).toEqual(["1 opened", "3 dropped"])
    })
  )

  it.effect("tries that once, and then ends", () =>
    Effect.gen(function* () {
      let attempts = 0
      const { layer, lines } = capture()
      const { appends, files } = disk({
        append: () => Effect.suspend(() => (attempts++ === 0 ? Effect.void : Effect.fail(full)))
      })
      yield* Effect.gen(function* () {
        const { add, flush } = yield* making(files)
        yield* flush
        add(entry("a"))
        yield* flush
      }).pipe(Effect.scoped, Effect.provide(layer))
      expect(attempts).toBe(3)
      expect(appends.flat().length).toBe(1)
      expect(lines).toEqual(
        Array.from({ length: 2 }, () => "1 records of the audit trail could not be written: WriteZero")
      )
    })
  )
})
