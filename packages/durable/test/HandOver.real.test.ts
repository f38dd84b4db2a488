import { CodexTest, MockModel } from "@effect-codex/core/testing"
import { describe, expect, it, vi } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { StoreFailed } from "../src/DurableError.ts"
import { Hooks, type Point } from "../src/internal/owner/hooks.ts"
import { type Runner, Sharing } from "../src/internal/owner/sharing.ts"
import * as MemoryStore from "../src/MemoryStore.ts"
import * as Sessions from "../src/Sessions.ts"
import { type Commit, SessionStore } from "../src/SessionStore.ts"
import { layerOwner, layerStore, owning, spec } from "./ownerSupport.ts"

// Processes are started and ended; a busy machine takes its time.
vi.setConfig({ testTimeout: 240_000 })

const done = MockModel.reply(MockModel.finalAnswer("done"))

/** One attempt has to suffice. */
const send = Effect.gen(function* () {
  const sessions = yield* Sessions.Sessions
  yield* sessions.open("s", spec({ maxAttempts: 1 }))
  yield* sessions.send({ session: "s", key: "a", prompt: "the task" })
})

const ends = Effect.flatMap(SessionStore, (store) =>
  Effect.map(store.job("s", "a"), ({ attempts }) => attempts.map(({ end, phase }) => end ?? phase))
)

/** The store of the test, changed. */
const layerChanged = (change: (store: SessionStore["Service"]) => Partial<SessionStore["Service"]>) =>
  Sessions.layer.pipe(
    Layer.provideMerge(
      Layer.effect(SessionStore)(Effect.map(SessionStore, (store) => ({ ...store, ...change(store) }))).pipe(
        Layer.provide(MemoryStore.layer)
      )
    )
  )

const isHandOver = ({ changes }: Commit) =>
  changes.some((change) => change.type === "attemptEnded" && change.end === "handedOver")

describe("an owner that ends in order spends no attempt", () => {
  const after: ReadonlyArray<readonly [Point, ReadonlyArray<string>]> = [
    ["attemptStarted", ["handedOver", "completed"]],
    ["promptSent", ["handedOver", "completed"]],
    ["turnReplied", ["handedOver", "completed"]],
    ["turnAdmitted", ["handedOver", "completed"]],
    // The turn was over.
    ["turnEnded", ["handedOver"]]
  ]
  it.live.each(after)("at %s", ([point, expected]) => {
    const reached = Deferred.makeUnsafe<void>()
    const hooks = Layer.succeed(Hooks)((at) =>
      at === point ? Effect.andThen(Deferred.succeed(reached, undefined), Effect.never) : Effect.void
    )
    // A turn that is to be handed over must not end by itself before.
    const gate = Effect.runSync(MockModel.gate)
    let isOver = point === "turnEnded"
    const script: MockModel.Script = () => (isOver ? done : MockModel.reply(MockModel.finalAnswer("half ", gate)))
    return Effect.gen(function* () {
      const sessions = yield* Sessions.Sessions
      yield* send
      yield* Effect.provide(Deferred.await(reached), Layer.provide(layerOwner(), hooks))
      isOver = true
      expect(yield* ends).toEqual(["handedOver"])
      expect((yield* owning(sessions.result("s", "a"))).text).toBe("done")
      expect(yield* ends).toEqual(expected)
      const model = yield* MockModel.MockModel
      const asked = (yield* model.requests).filter(({ lastUserText }) => lastUserText === "the task")
      expect(asked.length).toBeLessThanOrEqual(1)
    }).pipe(Effect.provide(Layer.provideMerge(layerStore, CodexTest.layerHome(script, { verifyOnClose: false }))))
  })

  it.live("if the store fails for a moment", () => {
    const gate = Effect.runSync(MockModel.gate)
    let failures = 0
    const store = layerChanged(({ commit }) => ({
      commit: (changes) =>
        Effect.suspend(() =>
          isHandOver(changes) && ++failures === 1
            ? Effect.fail(new StoreFailed({ store: "test", reason: { _tag: "Full", description: "no space" } }))
            : commit(changes)
        )
    }))
    return Effect.gen(function* () {
      yield* send
      yield* owning(gate.reached)
      expect(yield* ends).toEqual(["handedOver"])
    }).pipe(
      Effect.provide(
        Layer.provideMerge(store, CodexTest.layerHome([MockModel.reply(MockModel.finalAnswer("half ", gate))]))
      )
    )
  })
})

it.live("an owner that was stopped for long before it sends a prompt does not send it in that attempt", () => {
  let stopped = 0n
  const hooks = Layer.succeed(Hooks)((point) =>
    Effect.sync(() => {
      if (point === "promptSent" && stopped === 0n) stopped = 3_600_000_000_000n
    })
  )
  return Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const late: Clock.Clock = {
      currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe(),
      currentTimeMillis: clock.currentTimeMillis,
      currentTimeNanosUnsafe: () => clock.currentTimeNanosUnsafe(),
      currentTimeNanos: clock.currentTimeNanos,
      monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe() + stopped,
      monotonicTimeNanos: Effect.map(clock.monotonicTimeNanos, (nanos) => nanos + stopped),
      sleep: (duration) => clock.sleep(duration)
    }
    const sessions = yield* Sessions.Sessions
    yield* send
    const result = Effect.provide(sessions.result("s", "a"), Layer.provide(layerOwner(), hooks))
    expect((yield* Effect.provideService(result, Clock.Clock, late)).text).toBe("done")
    expect(yield* ends).toEqual(["handedOver", "completed"])
    const model = yield* MockModel.MockModel
    expect((yield* model.requests).length).toBe(1)
  }).pipe(Effect.provide(Layer.provideMerge(layerStore, CodexTest.layerHome([done]))))
})

it.live("a session that its owner gives back is not started again while it is left", () => {
  const gate = Effect.runSync(MockModel.gate)
  let scans = 0
  let isLeft = false
  let wasLeft = false
  let startedLate = 0
  let runner: Runner | undefined
  const scanned = Effect.suspend(() => {
    const before = scans
    return Effect.andThen(
      runner?.look ?? Effect.void,
      Effect.repeat(
        Effect.sync(() => scans),
        { until: (count) => count > before, schedule: Schedule.spaced("10 millis") }
      )
    )
  })
  const store = layerChanged(({ commit, job, work }) => ({
    work: (page) =>
      Effect.tap(work(page), () =>
        Effect.sync(() => {
          scans++
        })
      ),
    job: (session, key) => {
      if (isLeft) startedLate++
      return job(session, key)
    },
    commit: (changes) => {
      if (wasLeft || !changes.changes.some(({ type }) => type === "movedOut")) return commit(changes)
      isLeft = true
      wasLeft = true
      // The second scan begins when the first one has given everything out.
      return Effect.andThen(Effect.andThen(scanned, scanned), commit(changes)).pipe(
        Effect.ensuring(
          Effect.sync(() => {
            isLeft = false
          })
        )
      )
    }
  }))
  const sharing = Layer.succeed(Sharing)((given) =>
    Effect.sync(() => {
      runner = given
    })
  )
  return Effect.gen(function* () {
    const sessions = yield* Sessions.Sessions
    yield* send
    yield* Effect.gen(function* () {
      const hold = Effect.suspend(() => runner?.hold("s") ?? Effect.die("there is no runner"))
      const holding = yield* Effect.forkChild(hold)
      yield* gate.reached
      yield* Fiber.interrupt(holding)
      expect(startedLate).toBe(0)
      expect(yield* ends).toEqual(["handedOver"])
      yield* Effect.forkChild(hold)
      expect((yield* sessions.result("s", "a")).text).toBe("done")
      expect(yield* ends).toEqual(["handedOver", "completed"])
    }).pipe(Effect.provide(Layer.provide(layerOwner(), sharing)))
  }).pipe(
    Effect.provide(
      Layer.provideMerge(store, CodexTest.layerHome([MockModel.reply(MockModel.finalAnswer("half ", gate)), done]))
    )
  )
})
