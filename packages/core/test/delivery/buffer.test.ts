import { type ConnectionFailed, SlowConsumer } from "@effect-codex/core/CodexError"
import * as Notification from "@effect-codex/core/Notification"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scheduler from "effect/Scheduler"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { type Buffer, keep, type Kept, makeBuffer, makeHub, makeReplay } from "../../src/internal/delivery/buffer.ts"
import { buffering } from "../../src/internal/connection/unread.ts"
import { nothingMore } from "../waiting.ts"

const ids = { threadId: "thread", turnId: "turn" }

const wire = (method: string, params: unknown) => {
  const raw = { method, params }
  return Notification.decode(raw, JSON.stringify(raw).length)
}
const delta = (text: string, itemId = "item") => wire("item/agentMessage/delta", { ...ids, itemId, delta: text })
const closed = wire("thread/closed", { threadId: "thread" })

const options = (limits?: { readonly highWater?: number; readonly maxBytes?: number }) => ({
  ...buffering,
  maxBytes: 1_000_000,
  ...limits,
  overflow: (unread: number) => new SlowConsumer({ unread, unit: "bytes" })
})

type Notifications = ReadonlyArray<Notification.Notification>
const textOf = (notifications: Notifications) =>
  notifications.map((each) => (each.method === "item/agentMessage/delta" ? each.params.delta : "|")).join("")

describe.each([
  ["a buffer", makeBuffer<Notification.Notification, SlowConsumer>],
  ["a replay", makeReplay<Notification.Notification, SlowConsumer>]
] as const)("%s", (_name, make) => {
  const collected = (buffer: Buffer<Notification.Notification, SlowConsumer>) => Stream.runCollect(buffer.stream)

  it.effect.prop(
    "merges the deltas of an item over the high-water mark and loses no text",
    { words: Schema.Array(Schema.String) },
    ({ words }) =>
      Effect.gen(function* () {
        const buffer = make(options({ highWater: 4 }))
        for (const word of words) buffer.offer(delta(word))
        buffer.end()
        const read = yield* collected(buffer)
        expect(read.length).toBeLessThanOrEqual(4)
        expect(textOf(read)).toBe(words.join(""))
        expect(read.reduce((sum, each) => sum + (each.merged ?? 1), 0)).toBe(words.length)
      })
  )

  it.effect(
    "begins another delta where a merged one is long, so that no consumer gets all of a long text at once",
    () =>
      Effect.gen(function* () {
        const buffer = make({ ...options({ highWater: 4 }), maxBytes: 10_000_000 })
        const words = Array.from({ length: 10_000 }, (_, index) => `${index}`.padStart(31, "."))
        for (const word of words) buffer.offer(delta(word))
        buffer.end()
        const read = yield* collected(buffer)
        expect(textOf(read)).toBe(words.join(""))
        const lengths = read.map((each) => textOf([each]).length)
        expect(Math.max(...lengths)).toBeLessThan(65_536 + 31)
        expect(read.length).toBe(3 + Math.ceil((words.length * 31) / (65_536 + 31 - (65_536 % 31))))
      })
  )

  it.effect("merges neither across items nor anything but deltas, and drops nothing", () =>
    Effect.gen(function* () {
      const buffer = make(options({ highWater: 0 }))
      const offered = [delta("a", "1"), delta("b", "2"), closed, closed, delta("c", "1")]
      for (const notification of offered) buffer.offer(notification)
      buffer.end()
      expect(yield* collected(buffer)).toEqual(offered)
    })
  )

  it.effect("merges no deltas that differ in a field of a newer server, whichever of them has it", () =>
    Effect.gen(function* () {
      const newer = (text: string, field: unknown) =>
        wire("item/agentMessage/delta", { ...ids, itemId: "item", delta: text, field })
      for (const offered of [
        [delta("a"), newer("b", 1)],
        [newer("a", 1), delta("b")],
        [newer("a", 1), newer("b", 2)],
        [newer("a", null), delta("b")],
        [delta("a"), newer("b", null)]
      ]) {
        const buffer = make(options({ highWater: 1 }))
        for (const notification of offered) buffer.offer(notification)
        buffer.end()
        expect(yield* collected(buffer)).toEqual(offered)
      }
    })
  )

  it.effect("keeps the first frame as the raw one, with all of the text", () =>
    Effect.gen(function* () {
      const buffer = make(options({ highWater: 1 }))
      for (const word of ["a", "b", "c"]) buffer.offer(delta(word))
      buffer.end()
      const [merged] = yield* collected(buffer)
      expect(merged?.raw).toEqual({
        method: "item/agentMessage/delta",
        params: { ...ids, itemId: "item", delta: "abc" }
      })
      expect(merged?.merged).toBe(3)
    })
  )

  it.effect("fails alone when too much is unread, after what there was", () =>
    Effect.gen(function* () {
      const buffer = make(options({ maxBytes: 400 }))
      for (let index = 0; index < 100; index++) buffer.offer(closed)
      const failure = yield* Effect.flip(collected(buffer))
      expect(failure._tag).toBe("SlowConsumer")
    })
  )

  it.effect("wakes a reader that waits, each time", () =>
    Effect.gen(function* () {
      const buffer = make(options())
      const read: Array<string> = []
      const fiber = yield* buffer.stream.pipe(
        Stream.runForEachArray((chunk) => Effect.sync(() => read.push(textOf(chunk)))),
        Effect.forkChild
      )
      for (const word of ["a", "b", "c"]) {
        // The reader has run dry and waits.
        yield* Effect.yieldNow
        buffer.offer(delta(word))
        buffer.offer(delta(word))
        yield* Effect.yieldNow
        yield* Effect.yieldNow
      }
      buffer.end()
      yield* Fiber.join(fiber)
      expect(read.join("")).toBe("aabbcc")
    })
  )
})

it("the text of merged deltas takes no more memory than is counted, also if they end before they are long", () => {
  setFlagsFromString("--expose-gc")
  const collectGarbage: () => void = runInNewContext("gc")
  const used = () => {
    collectGarbage()
    return process.memoryUsage().heapUsed
  }
  // So often that the merging is compiled.
  const first = delta("", "1")
  const second = delta("", "2")
  const runs = 20_000
  const kept: Kept<Notification.Notification> = { values: undefined, bytes: 0 }
  const before = used()
  for (let run = 0; run < runs; run++) {
    const notification = run % 2 === 0 ? first : second
    if (notification.method !== "item/agentMessage/delta") throw new Error("not a delta")
    for (let index = 0; index < 100; index++) {
      const params = { ...notification.params, delta: `${(run + index) % 1000}`.padStart(3, ".") }
      keep(kept, { ...notification, length: 100, params }, { ...buffering, highWater: 1 })
    }
  }
  const taken = used() - before
  expect(kept.values?.length).toBe(runs)
  // As a tree, it would take 4 times as much.
  expect(taken / kept.bytes).toBeLessThan(2)
})

describe("a replay", () => {
  it.effect("begins at the beginning for each reader, however late", () =>
    Effect.gen(function* () {
      const replay = makeReplay<Notification.Notification, SlowConsumer>(options())
      replay.offer(delta("a"))
      const early = yield* Effect.forkChild(Stream.runCollect(replay.stream))
      yield* Effect.yieldNow
      replay.offer(delta("b"))
      replay.end()
      expect(textOf(yield* Fiber.join(early))).toBe("ab")
      expect(textOf(yield* Stream.runCollect(replay.stream))).toBe("ab")
    })
  )

  it.effect("past its budget fails a reader that comes late, and lets one that keeps up go on", () =>
    Effect.gen(function* () {
      const replay = makeReplay<Notification.Notification, SlowConsumer>(options({ maxBytes: 400 }))
      let seen = 0
      const early = yield* replay.stream.pipe(
        Stream.runForEach(() => Effect.sync(() => seen++)),
        Effect.forkChild
      )
      for (let index = 0; index < 100; index++) {
        replay.offer(closed)
        yield* Effect.yieldNow
        yield* Effect.yieldNow
      }
      expect((yield* Effect.flip(Stream.runDrain(replay.stream)))._tag).toBe("SlowConsumer")
      replay.end()
      yield* Fiber.join(early)
      expect(seen).toBe(100)
    })
  )
})

it.effect("a listener that leaves too many requests unread hears of requests, and not of bytes", () =>
  Effect.gen(function* () {
    const hub = makeHub<number, ConnectionFailed | SlowConsumer>({
      maxBytes: 2,
      highWater: Number.POSITIVE_INFINITY,
      overflow: (unread) => new SlowConsumer({ unread, unit: "requests" }),
      bytes: () => 1,
      merge: () => undefined
    })
    const stream = yield* hub.subscribe
    for (const request of [1, 2, 3]) hub.offer(request)
    const error = yield* Effect.flip(Stream.runDrain(stream))
    expect(error).toMatchObject({ _tag: "SlowConsumer", unread: 3, unit: "requests" })
    expect(error.message).toBe("A consumer of the server's requests left 3 of them unread. Consume faster.")
  }).pipe(Effect.scoped)
)

// Texts that are merged by adding them, and read as chunks.
const texts = (
  limits: { readonly highWater?: number; readonly maxBytes?: number; readonly merge?: "never" } = {},
  observe?: (bytes: number, merged: number) => void
) => ({
  highWater: limits.highWater ?? Number.POSITIVE_INFINITY,
  maxBytes: limits.maxBytes ?? Number.POSITIVE_INFINITY,
  bytes: (text: string) => text.length,
  merge: (last: string, next: string) => (limits.merge === "never" ? undefined : last + next),
  overflow: (bytes: number) => bytes,
  observe
})
type Texts = Buffer<string, number>

const chunksOf = (buffer: Texts) => {
  const chunks: Array<ReadonlyArray<string>> = []
  return Effect.match(
    Stream.runForEachArray(buffer.stream, (chunk) => Effect.sync(() => void chunks.push(chunk))),
    { onFailure: (bytes) => ({ chunks, failed: bytes }), onSuccess: () => ({ chunks, failed: undefined }) }
  )
}

describe.each([
  ["a buffer", makeBuffer<string, number>],
  ["a replay", makeReplay<string, number>]
] as const)("%s of texts", (_name, make) => {
  it.effect("delivers what was offered before its end in one chunk, and drops what comes later", () =>
    Effect.gen(function* () {
      const buffer = make(texts())
      for (const text of ["a", "b"]) buffer.offer(text)
      buffer.end()
      buffer.offer("c")
      buffer.fail(7)
      expect(yield* chunksOf(buffer)).toEqual({ chunks: [["a", "b"]], failed: undefined })
    })
  )

  it.effect("fails as it was told first, after what was offered before", () =>
    Effect.gen(function* () {
      const buffer = make(texts())
      buffer.offer("a")
      buffer.fail(7)
      buffer.fail(8)
      buffer.offer("b")
      buffer.end()
      expect(yield* chunksOf(buffer)).toEqual({ chunks: [["a"]], failed: 7 })
    })
  )

  it.effect("ends without a value if there was none", () =>
    Effect.gen(function* () {
      const buffer = make(texts())
      buffer.end()
      expect(yield* chunksOf(buffer)).toEqual({ chunks: [], failed: undefined })
    })
  )

  it.effect("merges from the high-water mark on, and appends what does not merge", () =>
    Effect.gen(function* () {
      const merging = make(texts({ highWater: 2 }))
      for (const text of ["a", "b", "c", "d"]) merging.offer(text)
      merging.end()
      expect((yield* chunksOf(merging)).chunks).toEqual([["a", "bcd"]])
      const appending = make(texts({ highWater: 1, merge: "never" }))
      for (const text of ["a", "b", "c"]) appending.offer(text)
      appending.end()
      expect((yield* chunksOf(appending)).chunks).toEqual([["a", "b", "c"]])
    })
  )

  it.effect("counts the bytes of what is kept, merged or not, up to its limit", () =>
    Effect.gen(function* () {
      for (const merge of [undefined, "never"] as const) {
        const full = make(texts({ highWater: 1, maxBytes: 6, ...(merge === undefined ? {} : { merge }) }))
        for (const text of ["aa", "bb", "cc"]) full.offer(text)
        full.end()
        expect((yield* chunksOf(full)).failed).toBeUndefined()
        const over = make(texts({ highWater: 1, maxBytes: 6, ...(merge === undefined ? {} : { merge }) }))
        for (const text of ["aa", "bb", "ccc"]) over.offer(text)
        over.end()
        expect((yield* chunksOf(over)).failed).toBe(7)
      }
      const first = make(texts({ maxBytes: 2 }))
      first.offer("aaa")
      expect((yield* chunksOf(first)).failed).toBe(3)
    })
  )
})

describe("a reader", () => {
  it.effect("gets what was offered together as one chunk, also when it waited", () =>
    Effect.gen(function* () {
      const buffer = makeBuffer(texts())
      const reading = yield* Effect.forkChild(chunksOf(buffer), { startImmediately: true })
      for (const text of ["a", "b"]) buffer.offer(text)
      yield* nothingMore
      buffer.offer("c")
      yield* nothingMore
      buffer.end()
      expect((yield* Fiber.join(reading)).chunks).toEqual([["a", "b"], ["c"]])
    })
  )

  it.effect("that waits is told of the end and of a failure", () =>
    Effect.gen(function* () {
      for (const [finish, failed] of [
        [(buffer: Texts) => buffer.end(), undefined],
        [(buffer: Texts) => buffer.fail(7), 7]
      ] as const) {
        const buffer = makeBuffer(texts())
        const reading = yield* Effect.forkChild(chunksOf(buffer), { startImmediately: true })
        yield* nothingMore
        finish(buffer)
        expect(yield* Fiber.join(reading)).toEqual({ chunks: [], failed })
      }
    })
  )

  it.effect("is told together with the others: they have one dispatcher of a scheduler", () =>
    Effect.gen(function* () {
      let made = 0
      const scheduler = new (class extends Scheduler.MixedScheduler {
        override makeDispatcher() {
          made++
          return super.makeDispatcher()
        }
      })()
      yield* Effect.gen(function* () {
        const before = made
        for (let index = 0; index < 10; index++) {
          const buffer = makeBuffer(texts())
          buffer.end()
          yield* Stream.runDrain(buffer.stream)
        }
        expect(made - before).toBe(1)
      }).pipe(Effect.provideService(Scheduler.Scheduler, scheduler))
    })
  )
})

describe("who observes a buffer", () => {
  const observed = () => {
    const told: Array<readonly [bytes: number, merged: number]> = []
    const buffer = makeBuffer<string, number>(texts({ highWater: 2 }, (...what) => void told.push(what)))
    const read = Effect.asVoid(Stream.runHead(buffer.stream))
    return { buffer, read, told }
  }
  const long = (length: number) => "x".repeat(length)

  it.effect("is told at takes of more bytes than before, and of what was merged since", () =>
    Effect.gen(function* () {
      const { buffer, read, told } = observed()
      const taking = (...offered: ReadonlyArray<string>) => {
        for (const text of offered) buffer.offer(text)
        return read
      }
      yield* taking("aa", "a")
      expect(told).toEqual([[3, 0]])
      yield* taking("aa", "b")
      yield* taking("a")
      expect(told).toEqual([[3, 0]])
      yield* taking("a", "b", "c", "d")
      expect(told).toEqual([
        [3, 0],
        [4, 2]
      ])
      yield* taking("a", "b", "")
      expect(told.slice(2)).toEqual([[2, 1]])
      yield* taking("long enough")
      expect(told.slice(3)).toEqual([[11, 0]])
    })
  )

  it.effect("is told before a take at 65,536 bytes and at each doubling, and after a take from there anew", () =>
    Effect.gen(function* () {
      const { buffer, read, told } = observed()
      buffer.offer(long(65_535))
      expect(told).toEqual([])
      buffer.offer("x")
      expect(told).toEqual([[65_536, 0]])
      buffer.offer(long(65_535))
      expect(told.length).toBe(1)
      buffer.offer("x")
      expect(told.slice(1)).toEqual([[131_072, 2]])
      yield* read
      expect(told.length).toBe(2)
      // Not more than before; what was merged is new.
      for (const text of ["a", "b", long(65_534)]) buffer.offer(text)
      expect(told.slice(2)).toEqual([[65_536, 1]])
    })
  )
})

describe("a reader of a replay that has left", () => {
  it.effect("gets nothing more, and the others do", () =>
    Effect.gen(function* () {
      const told: Array<number> = []
      const replay = makeReplay<string, number>(texts({}, (bytes) => void told.push(bytes)))
      const leaving = yield* Effect.forkChild(Stream.runDrain(replay.stream), { startImmediately: true })
      const staying = yield* Effect.forkChild(chunksOf(replay), { startImmediately: true })
      yield* nothingMore
      yield* Fiber.interrupt(leaving)
      replay.offer("x".repeat(70_000))
      expect(told).toEqual([70_000])
      replay.end()
      expect((yield* Fiber.join(staying)).chunks.length).toBe(1)
    })
  )

  it.effect("past the budget is not kept for, also when more comes", () =>
    Effect.gen(function* () {
      const replay = makeReplay(texts({ maxBytes: 2 }))
      for (const text of ["aa", "bbb", "c"]) replay.offer(text)
      expect(yield* chunksOf(replay)).toEqual({ chunks: [], failed: 5 })
      replay.end()
      expect(yield* chunksOf(replay)).toEqual({ chunks: [], failed: 5 })
    })
  )
})

describe("a hub", () => {
  it.effect("delivers from the moment somebody listens until they leave", () =>
    Effect.gen(function* () {
      const told: Array<number> = []
      const hub = makeHub<string, number>(texts({}, (bytes) => void told.push(bytes)))
      hub.offer("before")
      expect(hub.hasListeners()).toBe(false)
      const scope = yield* Scope.make()
      const first = yield* Scope.provide(hub.subscribe, scope)
      expect(hub.hasListeners()).toBe(true)
      yield* Effect.gen(function* () {
        const second = yield* hub.subscribe
        hub.offer("a")
        expect(yield* Stream.runHead(second)).toMatchObject({ value: "a" })
      }).pipe(Effect.scoped)
      expect(hub.hasListeners()).toBe(true)
      hub.offer("b")
      expect(yield* Stream.runCollect(Stream.take(first, 2))).toEqual(["a", "b"])
      yield* Scope.close(scope, Exit.void)
      expect(hub.hasListeners()).toBe(false)
      told.length = 0
      hub.offer("x".repeat(70_000))
      expect(told).toEqual([])
    })
  )

  it.effect("that has ended tells those who listen, and those who come later, why it ended first", () =>
    Effect.gen(function* () {
      const hub = makeHub<string, number>(texts())
      const listening = yield* hub.subscribe
      hub.offer("a")
      hub.end(7)
      hub.end(8)
      const read: Array<string> = []
      const failure = yield* Effect.flip(
        Stream.runForEach(listening, (text) => Effect.sync(() => void read.push(text)))
      )
      expect([read, failure]).toEqual([["a"], 7])
      const late = yield* hub.subscribe
      expect(yield* Effect.flip(Stream.runDrain(late))).toBe(7)
    }).pipe(Effect.scoped)
  )
})
