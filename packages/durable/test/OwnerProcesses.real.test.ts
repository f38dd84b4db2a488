import { CodexTest, MockModel } from "@effect-codex/core/testing"
import { describe, expect, it, vi } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { appendFileSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs"
import { join } from "node:path"
import * as Sessions from "../src/Sessions.ts"
import { SessionStore } from "../src/SessionStore.ts"
import * as SqliteStore from "../src/SqliteStore.ts"
import { freeze } from "./freeze.ts"
import { rollouts } from "./killmatrix/kill.ts"
import { startOwner, storeFile } from "./ownerProcess.ts"
import { spec } from "./ownerSupport.ts"

// Processes are started and ended; a busy machine takes its time.
vi.setConfig({ testTimeout: 600_000 })

const done = MockModel.reply(MockModel.finalAnswer("done"))

const withModel = (script: MockModel.Script) =>
  Sessions.layer.pipe(
    Layer.provideMerge(Layer.unwrap(Effect.map(storeFile, (file) => SqliteStore.layer({ file })))),
    Layer.provideMerge(CodexTest.layerHome(script, { verifyOnClose: false }))
  )

const send = (key: string) =>
  Effect.gen(function* () {
    const sessions = yield* Sessions.Sessions
    yield* sessions.open("s", spec())
    yield* sessions.send({ session: "s", key, prompt: `task ${key}` })
  })

const result = (key: string) => Effect.flatMap(Sessions.Sessions, (sessions) => sessions.result("s", key))

const asked = Effect.map(
  Effect.flatMap(MockModel.MockModel, (model) => model.requests),
  (requests) => requests.map(({ userTexts }) => userTexts)
)

const eventsOf = Effect.flatMap(Sessions.Sessions, (sessions) =>
  Effect.map(Stream.runCollect(sessions.events("s", { isFinite: true })), (events) => {
    expect(events.map(({ offset }) => offset)).toEqual(events.map((_, index) => index + 1))
    return events.map(({ happening }) => happening)
  })
)

describe("an owner that is stopped for longer than its lease", () => {
  it.live(
    "loses the store to another one, ends its app-server when it wakes up, and the turn is continued once",
    () => {
      const gate = Effect.runSync(MockModel.gate)
      return Effect.gen(function* () {
        yield* send("a")
        const frozen = yield* startOwner("frozen", { lease: 2000 })
        yield* gate.reached
        yield* freeze(yield* storeFile, frozen.pid)
        const other = yield* startOwner("other")
        expect(yield* frozen.said("epoch")).toBe(1)
        expect(yield* other.said("epoch")).toBe(2)
        yield* frozen.signal("SIGCONT")
        expect(yield* frozen.said("lost")).toBe("StaleOwner")
        yield* frozen.exited
        expect(yield* result("a")).toMatchObject({ text: "done", attempts: 2 })
        expect(yield* asked).toEqual([["task a"], ["task a", expect.stringContaining("was cut off")]])
        const events = yield* eventsOf
        expect(events.filter(({ type }) => type === "jobSettled").length).toBe(1)
      }).pipe(Effect.scoped, Effect.provide(withModel([MockModel.reply(MockModel.finalAnswer("half ", gate)), done])))
    }
  )

  it.live("has its turn settled by the other one if its app-server ended it meanwhile, and nothing runs twice", () => {
    const gate = Effect.runSync(MockModel.gate)
    return Effect.gen(function* () {
      const { cwd, home } = yield* CodexTest.Home
      yield* send("a")
      const frozen = yield* startOwner("frozen", { lease: 2000 })
      yield* gate.reached
      yield* freeze(yield* storeFile, frozen.pid)
      yield* gate.open
      yield* Effect.repeat(
        Effect.sync(() => rollouts(home).some((file) => readFileSync(file, "utf8").includes(`"task_complete"`))),
        { until: (isOver) => isOver, schedule: Schedule.spaced("20 millis") }
      )
      const other = yield* startOwner("other")
      expect(yield* other.said("epoch")).toBe(2)
      yield* frozen.signal("SIGCONT")
      expect(yield* frozen.said("lost")).toBe("StaleOwner")
      expect(yield* result("a")).toMatchObject({ text: "done", attempts: 1 })
      expect(yield* asked).toEqual([["task a"], ["task a"]])
      expect(readFileSync(join(cwd, "ran"), "utf8")).toBe("run\n")
      const events = yield* eventsOf
      expect(events.flatMap((event) => (event.type === "itemCompleted" ? [event.item.type] : []))).toEqual([
        "userMessage",
        "commandExecution",
        "agentMessage"
      ])
    }).pipe(
      Effect.scoped,
      Effect.provide(withModel([MockModel.reply(gate, MockModel.execCommand({ cmd: "echo run >> ran" })), done]))
    )
  })
})

describe("a session with a rollout of 40 MB", () => {
  it.live("is compared, followed and restored in little memory", () =>
    Effect.gen(function* () {
      const sessions = yield* Sessions.Sessions
      const store = yield* SessionStore
      const { home } = yield* CodexTest.Home
      const running = <A, E, R>(use: Effect.Effect<A, E, R>) =>
        Effect.scoped(
          Effect.gen(function* () {
            const owner = yield* startOwner("owner", {}, { isMeasured: true })
            yield* use
            return yield* owner.memory
          })
        )
      yield* send("a")
      const usual = yield* running(result("a"))
      const [file = ""] = rollouts(home)
      const lines = readFileSync(file, "utf8").trimEnd().split("\n")
      const line = lines.find((line) => line.includes(`"token_count"`)) ?? ""
      const many = `${line}\n`.repeat(Math.ceil(1_000_000 / line.length))
      while (statSync(file).size < 40_000_000) appendFileSync(file, many)
      yield* send("b")
      const followed = yield* running(result("b"))
      const [stored] = yield* store.rollouts("s")
      expect(stored?.length).toBeGreaterThan(40_000_000)
      yield* send("c")
      const compared = yield* running(result("c"))

      const before = readFileSync(file)
      for (const name of readdirSync(home))
        if (name !== "config.toml") rmSync(join(home, name), { recursive: true, force: true })
      yield* send("d")
      const restored = yield* running(
        Effect.gen(function* () {
          yield* Effect.repeat(sessions.status("s"), {
            until: ({ session }) => session.block !== undefined,
            schedule: Schedule.spaced("50 millis")
          })
          yield* sessions.resume({ session: "s", rollout: "stored", by: "bob" })
          yield* result("d")
        })
      )
      expect(readFileSync(file).subarray(0, before.length).equals(before)).toBe(true)
      expect((yield* asked).at(-1)).toEqual(["task a", "task b", "task c", "task d"])
      // Whole, it would be 40 MB of bytes and as much of text.
      for (const most of [followed, compared, restored]) expect(most - usual).toBeLessThan(30)
    }).pipe(Effect.provide(withModel(() => done)))
  )
})
