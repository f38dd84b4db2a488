import { type ConnectionFailed, SlowConsumer } from "@effect-codex/core/CodexError"
import * as Notification from "@effect-codex/core/Notification"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { type Buffer, makeBuffer, makeHub, makeReplay } from "../../src/internal/delivery/buffer.ts"
import { buffering } from "../../src/internal/connection/unread.ts"

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

  it.effect("merges neither across items nor anything but deltas, and drops nothing", () =>
    Effect.gen(function* () {
      const buffer = make(options({ highWater: 0 }))
      const offered = [delta("a", "1"), delta("b", "2"), closed, closed, delta("c", "1")]
      for (const notification of offered) buffer.offer(notification)
      buffer.end()
      expect(yield* collected(buffer)).toEqual(offered)
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
