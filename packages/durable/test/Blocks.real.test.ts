import * as CodexBinary from "@effect-codex/core/CodexBinary"
import * as Codex from "@effect-codex/core/Codex"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import { CodexTest, MockModel } from "@effect-codex/core/testing"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, expect, it, vi } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import * as Durable from "../src/Durable.ts"
import type { SessionSpec } from "../src/Session.ts"
import * as Sessions from "../src/Sessions.ts"
import { SessionStore } from "../src/SessionStore.ts"
import { killServer, layerStore, noServer, owning, spec } from "./ownerSupport.ts"

// Processes are started and ended; a busy machine takes its time.
vi.setConfig({ testTimeout: 240_000 })

const done = MockModel.reply(MockModel.finalAnswer("done"))
const withModel = (script: MockModel.Script) => Layer.provideMerge(layerStore, CodexTest.layerHome(script))

const send = (key: string, changes?: Partial<SessionSpec>) =>
  Effect.gen(function* () {
    const sessions = yield* Sessions.Sessions
    yield* sessions.open("s", spec(changes))
    yield* sessions.send({ session: "s", key, prompt: `task ${key}` })
  })

const result = (key: string) => Effect.flatMap(Sessions.Sessions, (sessions) => sessions.result("s", key))
const resume = Effect.flatMap(Sessions.Sessions, (sessions) => sessions.resume({ session: "s", by: "bob" }))

const blockOf = Effect.flatMap(Sessions.Sessions, (sessions) =>
  Effect.repeat(
    Effect.map(sessions.status("s"), ({ session }) => session.block),
    { until: (block) => block !== undefined, schedule: Schedule.spaced("20 millis") }
  )
)

const asked = Effect.map(
  Effect.flatMap(MockModel.MockModel, (model) => model.requests),
  (requests) => requests.map(({ lastUserText }) => lastUserText)
)

/** Options of a codex behind the proxy. */
const behindProxy = (mode: string) =>
  Effect.gen(function* () {
    const { cwd, env } = yield* CodexTest.Home
    const binary = yield* CodexBinary.resolve()
    const script = join(import.meta.dirname, "fixtures", "proxy.ts")
    const wrapper = join(dirname(cwd), `proxy-${mode}`)
    writeFileSync(wrapper, `#!/bin/sh\nexec "${process.execPath}" "${script}" ${mode} "${binary}" "$@"\n`)
    chmodSync(wrapper, 0o755)
    return { cwd, env, binary: wrapper }
  }).pipe(Effect.provide(NodeServices.layer))

describe("a session is blocked before any prompt is sent", () => {
  it.live("if the server has loaded its thread with other settings, and the next owner runs it", () =>
    Effect.gen(function* () {
      yield* send("a")
      yield* owning(result("a"))
      yield* send("b")
      const block = yield* owning(blockOf, { codex: yield* behindProxy("without-sandbox") })
      expect(block).toMatchObject({
        tag: "SettingsMismatch",
        message: expect.stringContaining("the sandbox is readOnly instead of workspace-write")
      })
      expect(yield* asked).toEqual(["task a"])
      expect(yield* owning(result("b"))).toMatchObject({ text: "done" })
    }).pipe(Effect.provide(withModel([done, done])))
  )

  it.live("if its thread has an active goal, for which the server would run turns, until that is cleared", () =>
    Effect.gen(function* () {
      const store = yield* SessionStore
      const goal = <A, E>(use: (codex: Codex.Codex["Service"], threadId: string) => Effect.Effect<A, E>) =>
        Effect.gen(function* () {
          const { threadId = "" } = yield* store.session("s")
          return yield* use(yield* Codex.Codex, threadId)
        }).pipe(Effect.provide(CodexTest.layerCodex()))
      yield* send("a")
      yield* owning(result("a"))
      // Of a thread that is not loaded, so no turn is run for it yet.
      yield* goal((codex, threadId) =>
        codex.request("thread/goal/set", { threadId, objective: "Win.", status: "active" })
      )
      const before = yield* asked
      yield* send("b")
      yield* owning(
        Effect.gen(function* () {
          expect(yield* blockOf).toMatchObject({ tag: "GoalActive" })
          yield* resume
          expect(yield* blockOf).toMatchObject({ tag: "GoalActive" })
        })
      )
      expect(yield* asked).toEqual(before)
      yield* goal((codex, threadId) => codex.request("thread/goal/clear", { threadId }))
      expect(yield* owning(result("b"))).toMatchObject({ text: "done" })
    }).pipe(
      Effect.provide(
        Layer.provideMerge(
          layerStore,
          CodexTest.layerHome(() => done, { verifyOnClose: false })
        )
      )
    )
  )

  it.live("if its folder is missing, and the same owner runs it once it is there and somebody resumes it", () =>
    Effect.gen(function* () {
      const { cwd } = yield* CodexTest.Home
      const folder = join(cwd, "folder")
      yield* send("a")
      const workspace: Durable.Options["workspace"] = ({ spec: { workspace } }) =>
        Effect.suspend(() =>
          existsSync(folder)
            ? Effect.succeed({ cwd: folder })
            : Effect.fail(new Durable.WorkspaceMissing({ workspace, description: "it is not mounted" }))
        )
      yield* owning(
        Effect.gen(function* () {
          const block = yield* blockOf
          expect(block).toMatchObject({
            tag: "WorkspaceMissing",
            message: 'The session can\'t be run: the workspace "work" is missing: it is not mounted.'
          })
          expect((yield* (yield* Sessions.Sessions).status("s")).jobs[0]?.attempts).toEqual([])
          mkdirSync(folder)
          yield* resume
          expect(yield* result("a")).toMatchObject({ text: "done" })
        }),
        { workspace }
      )
      expect((yield* (yield* Sessions.Sessions).status("s")).session.block).toBeUndefined()
    }).pipe(Effect.provide(withModel([done])))
  )
})

it.live("an app-server that dies while it starts is started again", () =>
  Effect.gen(function* () {
    const { cwd, env } = yield* CodexTest.Home
    const binary = yield* CodexBinary.resolve().pipe(Effect.provide(NodeServices.layer))
    const wrapper = join(dirname(cwd), "dies-twice")
    writeFileSync(
      wrapper,
      `#!/bin/sh\necho start >> "$0.starts"\n[ $(wc -l < "$0.starts") -gt 2 ] || exit 1\nexec "${binary}" "$@"\n`
    )
    chmodSync(wrapper, 0o755)
    yield* send("a")
    expect(yield* owning(result("a"), { codex: { cwd, env, binary: wrapper } })).toMatchObject({ text: "done" })
    expect(readFileSync(`${wrapper}.starts`, "utf8")).toBe("start\n".repeat(3))
  }).pipe(Effect.provide(withModel([done])))
)

describe("a job whose thread another client uses", () => {
  it.live("fails with ThreadBusy, and its prompt goes to nobody", () => {
    const gate = Effect.runSync(MockModel.gate)
    return Effect.gen(function* () {
      yield* send("a")
      yield* owning(result("a"))
      yield* send("b")
      const failed = yield* owning(Effect.flip(result("b")), { codex: yield* behindProxy("busy") })
      expect(failed).toMatchObject({ _tag: "JobFailed", failure: { tag: "ThreadBusy" } })
      expect(yield* asked).not.toContain("task b")
    }).pipe(
      Effect.provide(
        Layer.provideMerge(
          layerStore,
          CodexTest.layerHome([done, MockModel.reply(MockModel.finalAnswer("half ", gate))], { verifyOnClose: false })
        )
      )
    )
  })

  it.live("fails with ThreadBusy if its prompt was added to that client's turn, whose answer is not its own", () =>
    Effect.gen(function* () {
      yield* send("a")
      yield* owning(result("a"))
      yield* send("b")
      const failed = yield* owning(Effect.flip(result("b")), { codex: yield* behindProxy("busy-at-once") })
      expect(failed).toMatchObject({ _tag: "JobFailed", failure: { tag: "ThreadBusy" } })
      const store = yield* SessionStore
      expect(yield* store.job("s", "b")).toMatchObject({ attempts: [{ end: "failed" }] })
      const texts = yield* asked
      expect(texts.filter((text) => text === "task b").length).toBeLessThanOrEqual(1)
    }).pipe(
      Effect.provide(
        Layer.provideMerge(
          layerStore,
          CodexTest.layerHome(() => done, { verifyOnClose: false })
        )
      )
    )
  )
})

it.live("an approval policy with many parts is the same in whatever order they come, with what is left out", () =>
  Effect.gen(function* () {
    const granular = { sandbox_approval: true, rules: true, mcp_elicitations: false }
    const thread = { sandbox: "workspace-write", approvalPolicy: { granular } } as const
    yield* send("a", { thread })
    yield* owning(result("a"))
    yield* send("b", { thread })
    expect(yield* owning(result("b"))).toMatchObject({ text: "done" })
  }).pipe(Effect.provide(withModel([done, done])))
)

const touch = (file: string) => MockModel.reply(MockModel.execCommand({ cmd: `touch ${file}`, escalate: true }))

describe("an approval that has expired", () => {
  it.live("takes no verdict, and its job goes on without one", () =>
    Effect.gen(function* () {
      const sessions = yield* Sessions.Sessions
      yield* send("a", { policy: "ask" })
      yield* owning(
        Effect.gen(function* () {
          const [approval] = yield* Effect.repeat(sessions.approvals({ session: "s" }), {
            until: ({ length }) => length > 0,
            schedule: Schedule.spaced("20 millis")
          })
          yield* killServer
          yield* noServer
          // It waits for the verdict until then.
          expect(yield* result("a")).toMatchObject({ text: "done" })
          expect(yield* Effect.flip(sessions.decide(approval?.id ?? "", { decision: "accept" }, "ada"))).toMatchObject({
            _tag: "ApprovalGone"
          })
        }),
        { policies: { ask: PolicyEngine.make({}) }, approvalTimeout: "3 seconds" }
      )
    }).pipe(Effect.provide(withModel([touch("one"), done])))
  )

  it.live("grants nothing, though its verdict came in time: the request opens a new one", () =>
    Effect.gen(function* () {
      const sessions = yield* Sessions.Sessions
      const store = yield* SessionStore
      yield* send("a", { policy: "ask" })
      const ask = { policies: { ask: PolicyEngine.make({}) }, approvalTimeout: "2 seconds" } as const
      const opened = (count: number) =>
        Effect.repeat(store.approvals({ session: "s", states: ["open", "decided", "used", "gone"] }), {
          until: ({ length }) => length === count,
          schedule: Schedule.spaced("20 millis")
        })
      yield* owning(Effect.andThen(opened(1), Effect.andThen(killServer, noServer)), ask)
      const [first] = yield* store.approvals({ session: "s" })
      expect(yield* sessions.decide(first?.id ?? "", { decision: "accept" }, "ada")).toBe("granted")
      yield* Effect.sleep("2 seconds")
      yield* owning(
        Effect.gen(function* () {
          yield* opened(2)
          const [second] = yield* store.approvals({ session: "s" })
          expect(second?.previous).toBeUndefined()
          expect(yield* sessions.decide(second?.id ?? "", { decision: "decline" }, "ada")).toBe("delivered")
          yield* result("a")
        }),
        ask
      )
    }).pipe(Effect.provide(withModel([touch("one"), touch("one"), done])))
  )
})
