import type { StoreFailed } from "@effect-codex/durable/DurableError"
import * as Live from "@effect-codex/durable/Live"
import * as MemoryStore from "@effect-codex/durable/MemoryStore"
import * as Sessions from "@effect-codex/durable/Sessions"
import type { SessionEvent } from "@effect-codex/durable/SessionEvent"
import { SessionStore } from "@effect-codex/durable/SessionStore"
import * as ResponseEvent from "@effect-codex/core/ResponseEvent"
import { describe, expect, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import * as TestClock from "effect/testing/TestClock"
import { admit, approval, begin, completed, end, item, rollout, spec, sqlite } from "./storeSupport.ts"

const kinds = [
  ["memory", MemoryStore.layer],
  ["SQLite", Layer.effect(SessionStore)(sqlite)]
] as const

/** Tells of each look that a waiting client takes at the store. */
class Looks extends Context.Service<Looks, SubscriptionRef.SubscriptionRef<number>>()("test/Looks") {}

/** The store, as a client sees it whose looks are counted. */
const layerWatched = Layer.effect(SessionStore)(
  Effect.gen(function* () {
    const store = yield* SessionStore
    const looks = yield* Looks
    const look = <A, E>(read: Effect.Effect<A, E>) =>
      Effect.tap(read, () => SubscriptionRef.update(looks, (n) => n + 1))
    return {
      ...store,
      job: (session, key) => look(store.job(session, key)),
      events: (session, page) => look(store.events(session, page)),
      ownerOf: (session: string) => look(store.ownerOf(session))
    }
  })
)

/** Starts something, and waits until it has looked so many times. */
const afterLooks = Effect.fnUntraced(function* <A, E, R>(count: number, start: Effect.Effect<A, E, R>) {
  const looks = yield* Looks
  const before = yield* SubscriptionRef.get(looks)
  const started = yield* start
  yield* Stream.runHead(Stream.filter(SubscriptionRef.changes(looks), (now) => now >= before + count))
  return started
})

const layerOf = (store: Layer.Layer<SessionStore, StoreFailed>) =>
  Sessions.layer.pipe(
    Layer.provideMerge(layerWatched),
    Layer.provide(store),
    Layer.provideMerge(Layer.effect(Looks)(SubscriptionRef.make(0)))
  )

for (const [kind, store] of kinds) {
  const test = <A, E>(
    name: string,
    run: (on: {
      readonly sessions: Sessions.Sessions["Service"]
      readonly store: SessionStore["Service"]
    }) => Effect.Effect<A, E, Looks | Scope.Scope>
  ) =>
    it.effect(name, () =>
      Effect.gen(function* () {
        const sessions = yield* Sessions.Sessions
        return yield* run({ sessions, store: yield* SessionStore })
      }).pipe(Effect.provide(layerOf(store)))
    )

  describe(`sessions on ${kind}`, () => {
    test("an offset and a limit are checked, instead of compared with every row", ({ sessions }) =>
      Effect.gen(function* () {
        yield* sessions.open("s", spec)
        for (const count of [Number.NaN, -1, 0.5, Number.POSITIVE_INFINITY]) {
          const failures = [
            yield* Effect.flip(Stream.runDrain(sessions.events("s", { after: count, isFinite: true }))),
            yield* Effect.flip(Stream.runHead(sessions.events("s", { after: count }))),
            yield* Effect.flip(sessions.list({ limit: count })),
            yield* Effect.flip(sessions.approvals({ limit: count }))
          ]
          for (const failure of failures) expect(failure).toMatchObject({ _tag: "InvalidInput" })
        }
        expect(yield* sessions.list({ limit: 5000 })).toHaveLength(1)
      }))

    test("a prompt gets a receipt while nobody runs it, and the same one again", ({ sessions }) =>
      Effect.gen(function* () {
        yield* sessions.open("s", spec)
        const receipt = yield* sessions.send({ session: "s", key: "k", prompt: "Do it." })
        expect(receipt).toEqual({ session: "s", key: "k", number: 1, state: "queued" })
        expect(yield* sessions.send({ session: "s", key: "k", prompt: "Do it." })).toEqual(receipt)
        expect(yield* sessions.status("s")).toMatchObject({ state: "queued", jobs: [{ key: "k" }], owner: undefined })
      }))

    test("ids, keys, prompts and specs are checked before anything is stored", ({ sessions }) =>
      Effect.gen(function* () {
        yield* sessions.open("s", spec)
        for (const bad of ["", "x".repeat(201), "a\nb", "\ud800", "\u0000"]) {
          expect(yield* Effect.flip(sessions.open(bad, spec))).toMatchObject({ _tag: "InvalidInput" })
          expect(yield* Effect.flip(sessions.send({ session: "s", key: bad, prompt: "" }))).toMatchObject({
            _tag: "InvalidInput"
          })
        }
        const image = [{ type: "image", url: "https://example.org/a.png" }] as const
        expect(yield* Effect.flip(sessions.send({ session: "s", key: "k", prompt: image }))).toMatchObject({
          _tag: "InvalidInput"
        })
        expect(yield* Effect.flip(sessions.open("t", { ...spec, maxAttempts: 0 }))).toMatchObject({
          _tag: "InvalidInput"
        })
        expect(yield* sessions.list()).toHaveLength(1)
      }))

    test("the result is waited for, and whoever stops waiting stops nothing", ({ sessions, store }) =>
      Effect.gen(function* () {
        const { commit } = yield* begin(store)
        const waiting = yield* afterLooks(1, Effect.forkChild(sessions.result("s", "k")))
        const given = yield* afterLooks(1, Effect.forkChild(sessions.result("s", "k")))
        yield* Fiber.interrupt(given)
        yield* commit(...admit("k", 1, "t1"), end("k", 1, "crashed"), ...admit("k", 2, "t2"))
        yield* commit(rollout(0, "end\n", ["t2"]), end("k", 2, "completed"), completed("k", "t2", "42"))
        const result = yield* Fiber.join(waiting)
        expect(result).toEqual({
          session: "s",
          key: "k",
          turnId: "t2",
          text: "42",
          attempts: 2,
          isPromptUncertain: false
        })
        expect(yield* sessions.result("s", "k")).toEqual(result)
      }))

    test("a job that failed or was interrupted fails its result", ({ sessions, store }) =>
      Effect.gen(function* () {
        const { commit } = yield* begin(store)
        const failure = { tag: "TurnFailed", message: "The model is gone." }
        yield* commit({ type: "jobSettled", key: "k", outcome: { type: "failed", failure } })
        expect(yield* Effect.flip(sessions.result("s", "k"))).toMatchObject({ _tag: "JobFailed", failure })
        yield* sessions.send({ session: "s", key: "l", prompt: "" })
        yield* sessions.interrupt({ session: "s", key: "l", by: "ann", reason: "wrong" })
        yield* commit({ type: "jobSettled", key: "l", outcome: { type: "interrupted", by: "ann", reason: "wrong" } })
        expect(yield* Effect.flip(sessions.result("s", "l"))).toMatchObject({ _tag: "JobInterrupted", by: "ann" })
        expect(yield* Effect.flip(sessions.interrupt({ session: "s", key: "l", by: "ann" }))).toMatchObject({
          _tag: "AlreadySettled"
        })
      }))

    test("a session that is removed ends what waits for it", ({ sessions, store }) =>
      Effect.gen(function* () {
        yield* begin(store)
        const result = yield* afterLooks(1, Effect.forkChild(Effect.flip(sessions.result("s", "k"))))
        const events = yield* afterLooks(1, Effect.forkChild(Effect.flip(Stream.runDrain(sessions.events("s")))))
        yield* sessions.remove("s")
        expect(yield* Fiber.join(result)).toMatchObject({ _tag: "UnknownSession" })
        expect(yield* Fiber.join(events)).toMatchObject({ _tag: "UnknownSession" })
        expect(yield* sessions.list()).toEqual([])
      }))

    test("events are read from any offset to the newest, and on as they come", ({ sessions, store }) =>
      Effect.gen(function* () {
        const { commit } = yield* begin(store)
        const items = (from: number, to: number) =>
          Array.from({ length: to - from }, (_, index) => item("k", 1, "t", `m${from + index}`))
        yield* commit(...items(0, 450))
        const offsets = (events: Iterable<SessionEvent>) => Array.from(events, ({ offset }) => offset)
        const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index)
        for (const after of [0, 1, 199, 200, 449, 450, 1000]) {
          const read = yield* Stream.runCollect(sessions.events("s", { after, isFinite: true }))
          expect(offsets(read)).toEqual(range(after + 1, 450))
        }
        const seen: Array<SessionEvent> = []
        yield* Effect.forkChild(
          Stream.runForEach(sessions.events("s", { after: 440 }), (event) => Effect.sync(() => seen.push(event)))
        )
        yield* commit(...items(450, 700))
        yield* Effect.repeat(Effect.yieldNow, { until: () => seen.length === 260 })
        yield* commit(...items(600, 701))
        yield* Effect.repeat(Effect.yieldNow, { until: () => seen.length === 261 })
        expect(offsets(seen)).toEqual(range(441, 701))
      }))

    test("a verdict for a request that waits is delivered when the owner has taken it", ({ sessions, store }) =>
      Effect.gen(function* () {
        const { commit } = yield* begin(store)
        yield* commit(...admit("k", 1, "t1"), approval("a", "k", 1))
        expect(yield* sessions.status("s")).toMatchObject({ state: "waiting", approvals: [{ id: "a" }] })
        const deciding = yield* afterLooks(1, Effect.forkChild(sessions.decide("a", { decision: "accept" }, "ann")))
        yield* TestClock.adjust("3 seconds")
        expect(deciding.pollUnsafe()).toBeUndefined()
        yield* commit({ type: "verdictUsed", approval: "a", use: "delivered" })
        expect(yield* Fiber.join(deciding)).toBe("delivered")
        expect(yield* sessions.status("s")).toMatchObject({ state: "running", approvals: [] })
      }))

    test("a verdict is granted when nothing waits, from the beginning or any more", ({ sessions, store }) =>
      Effect.gen(function* () {
        const { commit } = yield* begin(store)
        yield* commit(...admit("k", 1, "t1"), approval("a", "k", 1), approval("b", "k", 1), approval("c", "k", 1))
        yield* commit({ type: "approvalParked", approval: "a" })
        expect(yield* sessions.decide("a", { decision: "decline", reason: "no" }, "ann")).toBe("granted")
        const parked = yield* afterLooks(1, Effect.forkChild(sessions.decide("b", { decision: "accept" }, "ann")))
        const withdrawn = yield* afterLooks(
          1,
          Effect.forkChild(Effect.flip(sessions.decide("c", { decision: "accept" }, "ann")))
        )
        yield* commit(
          { type: "approvalParked", approval: "b" },
          { type: "approvalWithdrawn", approval: "c", reason: "withdrawn" }
        )
        expect(yield* Fiber.join(parked)).toBe("granted")
        expect(yield* Fiber.join(withdrawn)).toMatchObject({ _tag: "ApprovalGone", reason: "withdrawn" })
        expect(yield* Effect.flip(sessions.decide("a", { decision: "accept" }, "bob"))).toMatchObject({
          _tag: "AlreadyDecided",
          by: "ann",
          decision: "decline"
        })
      }))

    test("a verdict is granted when the owner ends before it takes it", ({ sessions, store }) =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const { commit } = yield* Scope.provide(begin(store), scope)
        yield* commit(...admit("k", 1, "t1"), approval("a", "k", 1))
        const deciding = yield* afterLooks(1, Effect.forkChild(sessions.decide("a", { decision: "accept" }, "ann")))
        yield* Scope.close(scope, Exit.void)
        expect(yield* Fiber.join(deciding)).toBe("granted")
      }))

    test("a blocked session is resumed, with a choice if its rollout differs", ({ sessions, store }) =>
      Effect.gen(function* () {
        const { commit } = yield* begin(store)
        yield* sessions.resume({ session: "s", by: "ann" })
        yield* commit({ type: "blocked", block: { tag: "PolicyMissing", message: "No policy." } })
        yield* sessions.resume({ session: "s", by: "ann" })
        expect(yield* sessions.status("s")).toMatchObject({ state: "queued" })
        const rollout = { threadId: "t", version: 1, choices: ["stored"] } as const
        yield* commit({ type: "blocked", block: { tag: "RolloutLost", message: "It is gone.", rollout } })
        expect(yield* Effect.flip(sessions.resume({ session: "s", by: "ann" }))).toMatchObject({ _tag: "ChoiceNeeded" })
        yield* sessions.resume({ session: "s", rollout: "stored", by: "ann" })
        expect(yield* sessions.status("s")).toMatchObject({
          state: "blocked",
          session: { block: { choice: { rollout: "stored", by: "ann" } } }
        })
        expect(yield* Effect.flip(sessions.resume({ session: "x", by: "ann" }))).toMatchObject({
          _tag: "UnknownSession"
        })
      }))

    test("a session says what it waits for", ({ sessions, store }) =>
      Effect.gen(function* () {
        yield* sessions.open("idle", spec)
        expect(yield* sessions.status("idle")).toMatchObject({ state: "idle", jobs: [], approvals: [] })
        const { commit } = yield* begin(store)
        yield* commit({ type: "attemptStarted", key: "k", attempt: 1 })
        expect(yield* sessions.status("s")).toMatchObject({ state: "running", owner: expect.any(String) })
        yield* commit({ type: "blocked", block: { tag: "PolicyMissing", message: "No policy." } })
        expect(yield* sessions.status("s")).toMatchObject({
          state: "blocked",
          session: { block: { message: "No policy." } }
        })
        expect((yield* sessions.list()).map(({ id }) => id)).toEqual(["idle", "s"])
      }))
  })
}

describe("deltas", () => {
  it.effect("are there for readers in the process that runs the session, by session", () =>
    Effect.gen(function* () {
      const sessions = yield* Sessions.Sessions
      const live = yield* Live.Live
      yield* sessions.open("s", spec)
      const reading = yield* Effect.forkChild(Stream.runCollect(Stream.take(sessions.live("s"), 1)))
      const event = ResponseEvent.threadReady("thread")
      // A reader gets what is published from when it has begun.
      yield* live
        .publish({ session: "other", key: "k", event })
        .pipe(
          Effect.andThen(live.publish({ session: "s", key: "k", event })),
          Effect.andThen(Effect.yieldNow),
          Effect.repeat({ until: () => reading.pollUnsafe() !== undefined })
        )
      expect(yield* Fiber.join(reading)).toEqual([{ session: "s", key: "k", event }])
      expect(yield* Effect.flip(Stream.runDrain(sessions.live("x")))).toMatchObject({ _tag: "UnknownSession" })
    }).pipe(Effect.provide(Sessions.layer.pipe(Layer.provideMerge(Layer.merge(MemoryStore.layer, Live.layer)))))
  )

  it.effect("say where to look instead when another process runs the session", () =>
    Effect.gen(function* () {
      const sessions = yield* Sessions.Sessions
      yield* sessions.open("s", spec)
      expect(yield* Effect.flip(Stream.runDrain(sessions.live("s")))).toMatchObject({ _tag: "LiveUnavailable" })
    }).pipe(Effect.provide(Layer.provide(Sessions.layer, MemoryStore.layer)))
  )
})
