import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import { CodexTest, MockModel } from "@effect-codex/core/testing"
import { describe, expect, it, vi } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { readFileSync, writeFileSync } from "node:fs"
import { Durable } from "../src/Durable.ts"
import { StaleOwner, StoreFailed } from "../src/DurableError.ts"
import * as MemoryStore from "../src/MemoryStore.ts"
import * as Sessions from "../src/Sessions.ts"
import { type Rollout, SessionStore } from "../src/SessionStore.ts"
import { rollouts } from "./killmatrix/kill.ts"
import { layerOwner, layerStore, noServer, owning, serversOf, spec } from "./ownerSupport.ts"

// Processes are started and ended; a busy machine takes its time.
vi.setConfig({ testTimeout: 240_000 })

const done = MockModel.reply(MockModel.finalAnswer("done"))
const withModel = (script: MockModel.Script) => Layer.provideMerge(layerStore, CodexTest.layerHome(script))

const send = (key: string, changes?: Parameters<typeof spec>[0]) =>
  Effect.gen(function* () {
    const sessions = yield* Sessions.Sessions
    yield* sessions.open("s", spec(changes))
    yield* sessions.send({ session: "s", key, prompt: `task ${key}` })
  })

const blockOf = Effect.flatMap(Sessions.Sessions, (sessions) =>
  Effect.repeat(
    Effect.map(sessions.status("s"), ({ session }) => session.block?.tag),
    { until: (tag) => tag !== undefined, schedule: Schedule.spaced("20 millis") }
  )
)

describe("a session is blocked, and nothing else is used in its place, if this owner has no", () => {
  it.live.each([
    ["policy", { policy: "gone" }, "PolicyMissing"],
    ["tools", { tools: ["gone"] }, "ToolsMissing"]
  ] as const)("%s of that name; the next owner runs it", ([, changes, tag]) =>
    Effect.gen(function* () {
      const sessions = yield* Sessions.Sessions
      yield* send("a", changes)
      expect(yield* owning(blockOf)).toBe(tag)
      expect((yield* sessions.status("s")).jobs[0]?.attempts).toEqual([])
      const tools = { gone: { specs: [], has: () => false, onToolCall: () => Effect.die("no call") } }
      const result = owning(sessions.result("s", "a"), {
        policies: { all: PolicyEngine.declineAll, gone: PolicyEngine.declineAll },
        tools
      })
      expect((yield* result).text).toBe("done")
      expect((yield* sessions.status("s")).session.block).toBeUndefined()
    }).pipe(Effect.provide(withModel([done])))
  )
})

it.live("a job that is interrupted is settled as such, and the next one runs", () => {
  const gate = Effect.runSync(MockModel.gate)
  return owning(
    Effect.gen(function* () {
      const sessions = yield* Sessions.Sessions
      yield* send("a")
      yield* sessions.send({ session: "s", key: "b", prompt: "task b" })
      yield* sessions.send({ session: "s", key: "c", prompt: "task c" })
      yield* gate.reached
      yield* sessions.interrupt({ session: "s", key: "b", by: "bob" })
      yield* sessions.interrupt({ session: "s", key: "a", by: "ada", reason: "enough" })
      const interrupted = { _tag: "JobInterrupted", by: "ada", reason: "enough" }
      expect(yield* Effect.flip(sessions.result("s", "a"))).toMatchObject(interrupted)
      expect(yield* Effect.flip(sessions.result("s", "b"))).toMatchObject({ _tag: "JobInterrupted", by: "bob" })
      expect((yield* sessions.result("s", "c")).text).toBe("done")
      const store = yield* SessionStore
      const [a, b] = yield* store.jobs("s")
      expect(a?.attempts).toMatchObject([{ end: "interrupted" }])
      expect(b?.attempts).toEqual([])
      const model = yield* MockModel.MockModel
      expect((yield* model.requests).length).toBe(2)
    })
  ).pipe(Effect.provide(withModel([MockModel.reply(MockModel.finalAnswer("half ", gate)), done])))
})

it.live("a removed session goes from the store and from the codex home, and its turn is stopped", () => {
  const gate = Effect.runSync(MockModel.gate)
  return owning(
    Effect.gen(function* () {
      const sessions = yield* Sessions.Sessions
      const store = yield* SessionStore
      const { home } = yield* CodexTest.Home
      yield* send("a")
      yield* gate.reached
      expect(rollouts(home).length).toBe(1)
      yield* sessions.remove("s")
      yield* Effect.repeat(
        Effect.sync(() => rollouts(home)),
        { until: (files) => files.length === 0, schedule: Schedule.spaced("20 millis") }
      )
      yield* Effect.repeat(store.work(), {
        until: (work) => work.length === 0,
        schedule: Schedule.spaced("20 millis")
      })
      expect(yield* store.rollouts("s")).toEqual([])
    })
  ).pipe(Effect.provide(withModel([MockModel.reply(MockModel.finalAnswer("half ", gate))])))
})

it.live("a rollout that somebody changed blocks the session, and both versions are kept", () =>
  Effect.gen(function* () {
    const sessions = yield* Sessions.Sessions
    const store = yield* SessionStore
    const { home } = yield* CodexTest.Home
    yield* send("a")
    yield* owning(sessions.result("s", "a"))
    for (const file of rollouts(home)) {
      writeFileSync(file, readFileSync(file, "utf8").replace("task a", "task x"))
    }
    yield* sessions.send({ session: "s", key: "b", prompt: "task b" })
    // The session is blocked before the first byte of the file is stored.
    const isKept = (versions: ReadonlyArray<Rollout>) => versions[1]?.length === versions[0]?.length
    const blocked = Effect.andThen(
      blockOf,
      Effect.repeat(store.rollouts("s"), { until: isKept, schedule: Schedule.spaced("20 millis") })
    )
    expect((yield* owning(blocked)).map(({ version }) => version)).toEqual([1, 2])
    expect(yield* blockOf).toBe("RolloutDiverged")
    const model = yield* MockModel.MockModel
    expect((yield* model.requests).length).toBe(1)
  }).pipe(Effect.provide(withModel([done])))
)

/** A store whose writes fail while it is down, and whose lease can be lost. */
const layerFaulty = (state: { isDown: boolean; lost: Deferred.Deferred<never, StaleOwner | StoreFailed> }) =>
  Sessions.layer.pipe(
    Layer.provideMerge(
      Layer.effect(SessionStore)(
        Effect.map(SessionStore, (store) => ({
          ...store,
          lease: (options) =>
            Effect.map(store.lease(options), (lease) => ({ ...lease, lost: Deferred.await(state.lost) })),
          commit: (commit) =>
            Effect.suspend(() =>
              state.isDown
                ? Effect.fail(new StoreFailed({ store: "test", reason: { _tag: "Full", description: "no space" } }))
                : store.commit(commit)
            )
        }))
      ).pipe(Layer.provide(MemoryStore.layer))
    )
  )

it.live("a turn that can't be recorded for long is interrupted, and the job fails once the store is back", () => {
  const state = { isDown: false, lost: Deferred.makeUnsafe<never, StaleOwner | StoreFailed>() }
  const gate = Effect.runSync(MockModel.gate)
  const script = [
    MockModel.reply(
      MockModel.commentary("before", gate),
      MockModel.commentary("x".repeat(5000)),
      MockModel.execCommand({ cmd: "sleep 1000" })
    )
  ]
  return owning(
    Effect.gen(function* () {
      const sessions = yield* Sessions.Sessions
      const model = yield* MockModel.MockModel
      yield* send("a")
      yield* gate.reached
      yield* Effect.repeat(sessions.status("s"), {
        until: ({ jobs }) => jobs[0]?.attempts[0]?.phase === "admitted",
        schedule: Schedule.spaced("20 millis")
      })
      state.isDown = true
      yield* gate.open
      yield* model.ended(0)
      const { home } = yield* CodexTest.Home
      yield* Effect.repeat(
        Effect.sync(() => rollouts(home).some((file) => readFileSync(file, "utf8").includes(`"turn_aborted"`))),
        { until: (isStopped) => isStopped, schedule: Schedule.spaced("50 millis") }
      )
      state.isDown = false
      const failed = yield* Effect.flip(sessions.result("s", "a"))
      expect(failed).toMatchObject({ _tag: "JobFailed", failure: { tag: "StoreFailed" } })
    }),
    { spillBytes: 4000 }
  ).pipe(Effect.provide(Layer.provideMerge(layerFaulty(state), CodexTest.layerHome(script, { verifyOnClose: false }))))
})

it.live("an owner that has lost its lease ends its app-servers, and says so", () => {
  const state = { isDown: false, lost: Deferred.makeUnsafe<never, StaleOwner | StoreFailed>() }
  const gate = Effect.runSync(MockModel.gate)
  return Effect.gen(function* () {
    const durable = yield* Durable
    yield* send("a")
    yield* gate.reached
    expect(serversOf().length).toBe(1)
    const stale = new StaleOwner({ store: "test", epoch: 1, current: 2 })
    yield* Deferred.fail(state.lost, stale)
    expect(yield* Effect.exit(durable.lost)).toEqual(Exit.fail(stale))
    yield* noServer
  }).pipe(
    Effect.provide(
      layerOwner().pipe(
        Layer.provideMerge(layerFaulty(state)),
        Layer.provideMerge(
          CodexTest.layerHome([MockModel.reply(MockModel.finalAnswer("half ", gate))], { verifyOnClose: false })
        )
      )
    )
  )
})
