import * as CodexBinary from "@effect-codex/core/CodexBinary"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import { codexVersion } from "@effect-codex/core/protocol/generated/Methods"
import { CodexHome, CodexTest, MockModel } from "@effect-codex/core/testing"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { expect, it, vi } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { execFileSync } from "node:child_process"
import { readFileSync, statSync } from "node:fs"
import { basename } from "node:path"
import * as Durable from "../src/Durable.ts"
import { Sharing } from "../src/internal/owner/sharing.ts"
import * as MemoryStore from "../src/MemoryStore.ts"
import * as Sessions from "../src/Sessions.ts"
import { SessionStore } from "../src/SessionStore.ts"
import { rollouts } from "./killmatrix/kill.ts"
import { layerStore, spec } from "./ownerSupport.ts"

// Processes are started and ended; a busy machine takes its time.
vi.setConfig({ testTimeout: 240_000 })

const done = MockModel.reply(MockModel.finalAnswer("done"))

/** A machine of a cluster that has got all sessions, with a codex home of its own. */
const machine = ({ env }: CodexHome.CodexHome, cwd: string, binary: string) =>
  Durable.layer({
    policies: { all: PolicyEngine.acceptAll },
    workspace: () => Effect.succeed({ cwd }),
    codex: { cwd, env, binary }
  }).pipe(
    Layer.provide(Layer.succeed(Sharing)(({ hold }) => Effect.asVoid(Effect.forkScoped(hold("s"))))),
    Layer.provide(NodeServices.layer)
  )

const open = Effect.flatMap(Sessions.Sessions, (sessions) => sessions.open("s", spec({ maxAttempts: 1 })))

const layers = (script: MockModel.Script) => Layer.mergeAll(layerStore, NodeServices.layer, CodexTest.layerHome(script))

/** Sends a prompt, and waits for its answer. */
const run = (key: string) =>
  Effect.gen(function* () {
    const sessions = yield* Sessions.Sessions
    yield* sessions.send({ session: "s", key, prompt: `task ${key}` })
    return (yield* sessions.result("s", key)).text
  })

const textsIn = (home: string) =>
  new Map(rollouts(home).map((file) => [basename(file), readFileSync(file, "utf8")] as const))

/** The codex of the project, whichever one is under test. */
const pinned = CodexBinary.resolve().pipe(
  Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromUnknown({}))
)

it.live("the rollouts of sub-agents move with their session, for their owner alone", () =>
  Effect.gen(function* () {
    const one = yield* CodexTest.Home
    const { url } = yield* MockModel.MockModel
    const other = yield* CodexHome.make({ url })
    const binary = yield* CodexBinary.resolve()
    yield* open
    expect(yield* Effect.provide(run("a"), machine(one, one.cwd, binary))).toBe("done")
    const before = textsIn(one.home)
    expect(before.size).toBe(2)
    expect(yield* Effect.provide(run("b"), machine(other, one.cwd, binary))).toBe("done")
    const after = textsIn(other.home)
    expect(Array.from(after.keys())).toEqual(Array.from(before.keys()))
    for (const [name, text] of before) expect(after.get(name)?.startsWith(text)).toBe(true)
    for (const file of rollouts(other.home)) expect(statSync(file).mode & 0o777).toBe(0o600)
    const model = yield* MockModel.MockModel
    expect((yield* model.requests).at(-1)?.userTexts).toEqual(["task a", "task b"])
  }).pipe(
    Effect.scoped,
    Effect.provide(
      layers([
        MockModel.when(
          "child task",
          MockModel.reply(MockModel.execCommand({ cmd: "echo child" })),
          MockModel.reply(MockModel.text("child done"))
        ),
        MockModel.reply(MockModel.spawnAgent("child task")),
        ({ lastToolOutput }) =>
          MockModel.reply(MockModel.waitAgent([JSON.parse(lastToolOutput?.output ?? "{}").agent_id])),
        done,
        done
      ])
    )
  )
)

it.live("a session that is given back before it has moved in goes on, though its old rollout is in that home", () => {
  let reads: "hold" | "held" | undefined
  const reached = Deferred.makeUnsafe<void>()
  const store = Layer.effect(SessionStore)(
    Effect.map(SessionStore, (store) => ({
      ...store,
      rollouts: (session: string) =>
        Effect.suspend(() => {
          if (reads !== "hold") return store.rollouts(session)
          reads = "held"
          return Effect.andThen(Deferred.succeed(reached, undefined), Effect.never)
        })
    }))
  ).pipe(Layer.provide(MemoryStore.layer))
  return Effect.gen(function* () {
    const one = yield* CodexTest.Home
    const { url } = yield* MockModel.MockModel
    const other = yield* CodexHome.make({ url })
    const binary = yield* CodexBinary.resolve()
    const sessions = yield* Sessions.Sessions
    yield* open
    yield* Effect.provide(run("a"), machine(one, one.cwd, binary))
    yield* Effect.provide(run("b"), machine(other, one.cwd, binary))
    yield* sessions.send({ session: "s", key: "c", prompt: "task c" })
    reads = "hold"
    yield* Effect.provide(Deferred.await(reached), machine(one, one.cwd, binary))
    expect((yield* sessions.status("s")).session.block).toBeUndefined()
    const result = Effect.provide(sessions.result("s", "c"), machine(one, one.cwd, binary))
    expect(yield* result).toMatchObject({ text: "done", attempts: 1 })
    const model = yield* MockModel.MockModel
    expect((yield* model.requests).at(-1)?.userTexts).toEqual(["task a", "task b", "task c"])
  }).pipe(
    Effect.scoped,
    Effect.provide(
      Layer.mergeAll(
        Layer.provideMerge(Sessions.layer, store),
        NodeServices.layer,
        CodexTest.layerHome([done, done, done])
      )
    )
  )
})

// The same twice, but for `npm run test:codex -- VERSION`.
it.live(
  "a session goes from the codex of this project to the one under test and back, in the middle of its turns",
  () => {
    const first = Effect.runSync(MockModel.gate)
    const second = Effect.runSync(MockModel.gate)
    return Effect.gen(function* () {
      const one = yield* CodexTest.Home
      const { url } = yield* MockModel.MockModel
      const other = yield* CodexHome.make({ url })
      const sessions = yield* Sessions.Sessions
      const store = yield* SessionStore
      const binaries = [yield* pinned, yield* CodexBinary.resolve()] as const
      const versions = binaries.map((binary) => execFileSync(binary, ["--version"], { encoding: "utf8" }).trim())
      expect(versions).toEqual([
        `codex-cli ${codexVersion}`,
        `codex-cli ${process.env["CODEX_TEST_VERSION"] ?? codexVersion}`
      ])
      const ours = machine(one, one.cwd, binaries[0])
      const tested = machine(other, one.cwd, binaries[1])
      yield* open
      expect(yield* Effect.provide(run("a"), ours)).toBe("one")
      yield* sessions.send({ session: "s", key: "b", prompt: "task b" })
      yield* Effect.provide(first.reached, ours)
      expect((yield* Effect.provide(sessions.result("s", "b"), tested)).text).toBe("two")
      yield* sessions.send({ session: "s", key: "c", prompt: "task c" })
      yield* Effect.provide(second.reached, tested)
      expect((yield* Effect.provide(sessions.result("s", "c"), ours)).text).toBe("three")
      const jobs = yield* store.jobs("s")
      expect(jobs.map(({ attempts }) => attempts.map(({ end }) => end))).toEqual([
        ["completed"],
        ["handedOver", "completed"],
        ["handedOver", "completed"]
      ])
      const model = yield* MockModel.MockModel
      const asked = (yield* model.requests).map(({ userTexts }) => userTexts)
      for (const key of ["a", "b", "c"]) {
        expect(asked.at(-1)?.filter((text) => text === `task ${key}`).length).toBe(1)
      }
    }).pipe(
      Effect.scoped,
      Effect.provide(
        layers([
          MockModel.reply(MockModel.finalAnswer("one")),
          MockModel.reply(MockModel.finalAnswer("half ", first)),
          MockModel.reply(MockModel.finalAnswer("two")),
          MockModel.reply(MockModel.finalAnswer("half ", second)),
          MockModel.reply(MockModel.finalAnswer("three"))
        ])
      )
    )
  }
)
