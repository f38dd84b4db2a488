import { CodexTest, MockModel } from "@effect-codex/core/testing"
import { describe, expect, it, vi } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Sessions from "../src/Sessions.ts"
import { SessionStore } from "../src/SessionStore.ts"
import { rollouts } from "./killmatrix/kill.ts"
import { killServer, layerStore, noServer, owning, spec } from "./ownerSupport.ts"
import { bytesOf, committing } from "./storeSupport.ts"

// Processes are started and ended; a busy machine takes its time.
vi.setConfig({ testTimeout: 240_000 })

const done = MockModel.reply(MockModel.finalAnswer("done"))
const withModel = (script: MockModel.Script) => Layer.provideMerge(layerStore, CodexTest.layerHome(script))
const bob = { session: "s", by: "bob" }

const send = (key: string) =>
  Effect.gen(function* () {
    const sessions = yield* Sessions.Sessions
    yield* sessions.open("s", spec())
    yield* sessions.send({ session: "s", key, prompt: `task ${key}` })
  })

const result = (key: string) => Effect.flatMap(Sessions.Sessions, (sessions) => sessions.result("s", key))

const blockOf = Effect.flatMap(Sessions.Sessions, (sessions) =>
  Effect.repeat(
    Effect.map(sessions.status("s"), ({ session }) => session.block),
    { until: (block) => block !== undefined && block.choice === undefined, schedule: Schedule.spaced("20 millis") }
  )
)

/** Waits until something is sent to a session that an owner runs. */
const isIdle = Effect.flatMap(SessionStore, (store) =>
  Effect.repeat(store.work(), { until: (work) => work.length === 0, schedule: Schedule.spaced("20 millis") })
)

const fileOf = Effect.map(CodexTest.Home, ({ home }) => {
  const [file = "", ...rest] = rollouts(home)
  expect(rest).toEqual([])
  return file
})

const textOf = (threadId: string, version?: number) =>
  Effect.flatMap(SessionStore, (store) =>
    Effect.map(Stream.runCollect(store.rolloutBytes({ session: "s", threadId, version })), (pieces) =>
      Buffer.concat(pieces).toString("utf8")
    )
  )

const asked = Effect.map(
  Effect.flatMap(MockModel.MockModel, (model) => model.requests),
  (requests) => requests.map(({ userTexts }) => userTexts)
)

/** A session whose first job is done, and whose rollout somebody has changed since. */
const diverge = Effect.gen(function* () {
  yield* send("a")
  yield* owning(result("a"))
  const file = yield* fileOf
  const before = readFileSync(file, "utf8")
  writeFileSync(file, before.replaceAll("task a", "task x"))
  yield* send("b")
  const block = yield* owning(blockOf)
  expect(block).toMatchObject({
    tag: "RolloutDiverged",
    rollout: { version: 1, choices: ["file", "stored"] }
  })
  expect(block?.message).toContain("Resume the session")
  return { before, file, threadId: block?.rollout?.threadId ?? "" }
})

describe("a rollout that somebody changed", () => {
  it.live("blocks its session for every owner, whatever else is wrong, until somebody has chosen", () =>
    Effect.gen(function* () {
      const sessions = yield* Sessions.Sessions
      const { before, file, threadId } = yield* diverge
      expect(yield* textOf(threadId, 1)).toBe(before)
      // The copy of the file may be incomplete if the owner ends meanwhile; it is there, and completed before anything happens to it.
      expect(readFileSync(file, "utf8").startsWith(yield* textOf(threadId, 2))).toBe(true)
      // An owner that runs other sessions meanwhile has seen this one.
      const another = Effect.gen(function* () {
        yield* sessions.open("other", spec())
        yield* sessions.send({ session: "other", key: "a", prompt: "task other" })
        yield* sessions.result("other", "a")
      })
      yield* owning(another)
      expect((yield* sessions.status("s")).jobs[0]?.attempts).toEqual([])
      const [listed] = yield* sessions.list({ after: "other" })
      expect(listed?.block?.tag).toBe("RolloutDiverged")
      expect(yield* Effect.flip(sessions.resume(bob))).toMatchObject({ _tag: "ChoiceNeeded" })
      expect(yield* asked).toEqual([["task a"], ["task other"]])
      // A job that never ran needs no rollout to be interrupted.
      yield* sessions.interrupt({ session: "s", key: "b", by: "bob" })
      expect(yield* owning(Effect.flip(result("b")))).toMatchObject({ _tag: "JobInterrupted" })
      expect((yield* sessions.status("s")).session.block?.tag).toBe("RolloutDiverged")
    }).pipe(Effect.provide(withModel([done, done])))
  )

  it.live("is continued with once somebody has chosen it", () =>
    Effect.gen(function* () {
      const sessions = yield* Sessions.Sessions
      const { file } = yield* diverge
      yield* sessions.resume({ ...bob, rollout: "file" })
      expect(yield* owning(result("b"))).toMatchObject({ text: "done" })
      expect((yield* sessions.status("s")).session.block).toBeUndefined()
      expect(yield* asked).toEqual([["task a"], ["task x", "task b"]])
      expect(readFileSync(file, "utf8")).toContain("task x")
    }).pipe(Effect.provide(withModel([done, done])))
  )

  it.live("is replaced by the stored one once somebody has chosen that, and both stay in the store", () =>
    Effect.gen(function* () {
      const sessions = yield* Sessions.Sessions
      const store = yield* SessionStore
      const { before, file, threadId } = yield* diverge
      const changed = readFileSync(file, "utf8")
      yield* sessions.resume({ ...bob, rollout: "stored" })
      expect(yield* owning(result("b"))).toMatchObject({ text: "done" })
      expect(yield* asked).toEqual([["task a"], ["task a", "task b"]])
      expect((yield* store.rollouts("s")).map(({ version }) => version)).toEqual([1, 2, 3])
      expect(yield* textOf(threadId, 2)).toBe(changed)
      expect(readFileSync(file, "utf8").startsWith(before)).toBe(true)
      expect(readFileSync(file, "utf8").startsWith(yield* textOf(threadId))).toBe(true)
    }).pipe(Effect.provide(withModel([done, done])))
  )

  it.live("is chosen while its owner runs, which waits until its server has let go of the thread", () =>
    Effect.gen(function* () {
      const sessions = yield* Sessions.Sessions
      yield* send("a")
      yield* owning(
        Effect.gen(function* () {
          yield* result("a")
          yield* isIdle
          const file = yield* fileOf
          // As an editor does it: another file under the same name.
          writeFileSync(`${file}.new`, readFileSync(file, "utf8").replaceAll("task a", "task x"))
          renameSync(`${file}.new`, file)
          yield* send("b")
          yield* blockOf
          yield* sessions.resume({ ...bob, rollout: "file" })
          expect(yield* result("b")).toMatchObject({ text: "done" })
        }),
        { serverIdleTimeout: "1 second" }
      )
      expect(yield* asked).toEqual([["task a"], ["task x", "task b"]])
    }).pipe(Effect.provide(withModel([done, done])))
  )
})

describe("a changed rollout that is gone before its copy was made", () => {
  it.live("is lost, not a thread without a past: the one that was stored before it can be chosen", () =>
    Effect.gen(function* () {
      const sessions = yield* Sessions.Sessions
      const store = yield* SessionStore
      yield* send("a")
      yield* owning(result("a"))
      const [stored] = yield* store.rollouts("s")
      const { path = "", threadId = "" } = stored ?? {}
      // As far as an owner gets that is killed when it has seen the change.
      const rollout = { threadId, version: 1, choices: ["file", "stored"] } as const
      const ends: ReadonlyArray<string> = []
      const copy = { type: "rolloutAppended", threadId, path, version: 2, offset: 0, bytes: bytesOf(""), ends } as const
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { epoch } = yield* store.lease()
          const block = { tag: "RolloutDiverged", message: "It differs.", rollout }
          yield* committing(store, epoch)({ type: "blocked", block }, copy)
        })
      )
      rmSync(yield* fileOf)
      yield* sessions.resume({ ...bob, rollout: "file" })
      yield* send("b")
      expect(yield* owning(blockOf)).toMatchObject({ tag: "RolloutLost", rollout: { version: 1, choices: ["stored"] } })
      yield* sessions.resume({ ...bob, rollout: "stored" })
      expect(yield* owning(result("b"))).toMatchObject({ text: "done" })
      expect(yield* asked).toEqual([["task a"], ["task a", "task b"]])
    }).pipe(Effect.provide(withModel([done, done])))
  )
})

describe("a rollout that lost its end while a turn ran", () => {
  it.live("leaves its job uncertain, and the prompt is not sent again", () => {
    const gate = Effect.runSync(MockModel.gate)
    return Effect.gen(function* () {
      const sessions = yield* Sessions.Sessions
      yield* send("a")
      yield* owning(result("a"))
      const file = yield* fileOf
      const { length } = readFileSync(file)
      yield* send("b")
      yield* owning(Effect.andThen(gate.reached, Effect.andThen(killServer, noServer)), {
        // Nobody starts another one.
        workspace: onceOnly(yield* CodexTest.Home)
      })
      truncateSync(file, length)
      expect(yield* owning(blockOf)).toMatchObject({ tag: "RolloutDiverged" })
      yield* sessions.resume({ ...bob, rollout: "file" })
      const failed = yield* owning(Effect.flip(result("b")))
      expect(failed).toMatchObject({ _tag: "JobFailed", failure: { tag: "PromptUncertain" } })
      yield* send("c")
      expect(yield* owning(result("c"))).toMatchObject({ text: "done" })
      expect(yield* asked).toEqual([["task a"], ["task a", "task b"], ["task a", "task c"]])
    }).pipe(
      Effect.provide(
        Layer.provideMerge(
          layerStore,
          CodexTest.layerHome([done, MockModel.reply(MockModel.finalAnswer("half ", gate)), done], {
            verifyOnClose: false
          })
        )
      )
    )
  })
})

// A workspace that is there once.
const onceOnly = ({ cwd }: { readonly cwd: string }) => {
  let isFirst = true
  return () =>
    Effect.suspend(() => {
      if (!isFirst) return Effect.never
      isFirst = false
      return Effect.succeed({ cwd })
    })
}

// An agent that does something by itself, and the turn that waits for it.
const spawning: Extract<MockModel.Script, ReadonlyArray<unknown>> = [
  MockModel.when(
    "child task",
    MockModel.reply(MockModel.execCommand({ cmd: "echo child" })),
    MockModel.reply(MockModel.text("child done"))
  ),
  MockModel.reply(MockModel.spawnAgent("child task")),
  ({ lastToolOutput }) => MockModel.reply(MockModel.waitAgent([JSON.parse(lastToolOutput?.output ?? "{}").agent_id])),
  done
]

describe("rollouts that are gone", () => {
  it.live("come back from the store, with those of sub-agents, once somebody has chosen so", () =>
    Effect.gen(function* () {
      const sessions = yield* Sessions.Sessions
      const { home } = yield* CodexTest.Home
      yield* send("a")
      yield* owning(result("a"))
      const before = rollouts(home).map((file) => [file, readFileSync(file, "utf8")] as const)
      expect(before.length).toBe(2)
      // Another codex home.
      for (const file of readdirSync(home))
        if (file !== "config.toml") rmSync(join(home, file), { recursive: true, force: true })
      yield* send("b")
      expect(yield* owning(blockOf)).toMatchObject({ tag: "RolloutLost", rollout: { choices: ["stored"] } })
      expect(yield* Effect.flip(sessions.resume({ ...bob, rollout: "file" }))).toMatchObject({
        _tag: "ChoiceNeeded",
        choices: ["stored"]
      })
      yield* sessions.resume({ ...bob, rollout: "stored" })
      expect(yield* owning(result("b"))).toMatchObject({ text: "done" })
      expect(rollouts(home).length).toBe(2)
      for (const [file, text] of before) expect(readFileSync(file, "utf8").startsWith(text)).toBe(true)
      expect((yield* asked).at(-1)).toEqual(["task a", "task b"])
      // All of them go, also those that this home has never run.
      yield* sessions.remove("s")
      yield* owning(isIdle)
      expect(rollouts(home)).toEqual([])
    }).pipe(Effect.provide(withModel([...spawning, done])))
  )
})

describe("the rollout of a sub-agent", () => {
  it.live("is stored before its job settles, and goes with the session", () =>
    Effect.gen(function* () {
      const sessions = yield* Sessions.Sessions
      const store = yield* SessionStore
      const { home } = yield* CodexTest.Home
      yield* send("a")
      const stored = yield* owning(Effect.andThen(result("a"), store.rollouts("s")))
      expect(stored.length).toBe(2)
      for (const { path, threadId } of stored) {
        const text = yield* textOf(threadId)
        expect(readFileSync(join(home, "sessions", path), "utf8").startsWith(text)).toBe(true)
        expect(text).toContain("task_complete")
      }
      yield* sessions.remove("s")
      yield* owning(isIdle)
      expect(rollouts(home)).toEqual([])
      expect(yield* store.rollouts("s")).toEqual([])
    }).pipe(Effect.provide(withModel(spawning)))
  )

  it.live("is stored too if its server was killed while it worked", () => {
    const gate = Effect.runSync(MockModel.gate)
    return Effect.gen(function* () {
      const store = yield* SessionStore
      yield* send("a")
      yield* owning(
        Effect.gen(function* () {
          yield* gate.reached
          yield* killServer
          yield* result("a")
        })
      )
      const { threadId } = yield* store.session("s")
      const child = (yield* store.rollouts("s")).find((rollout) => rollout.threadId !== threadId)
      expect(yield* textOf(child?.threadId ?? "")).toContain("echo child")
    }).pipe(
      Effect.provide(
        Layer.provideMerge(
          layerStore,
          CodexTest.layerHome(
            [
              MockModel.when(
                "child task",
                MockModel.reply(MockModel.execCommand({ cmd: "echo child" })),
                MockModel.reply(MockModel.text("half ", gate))
              ),
              MockModel.when("cut off", done),
              ...spawning.slice(1)
            ],
            { verifyOnClose: false }
          )
        )
      )
    )
  })
})
