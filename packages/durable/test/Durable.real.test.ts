import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import { CodexTest, MockModel } from "@effect-codex/core/testing"
import { expect, it, vi } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { Sessions } from "../src/Sessions.ts"
import { killServer, layerOwner, layerStore, owning, spec } from "./ownerSupport.ts"

// Processes are started and ended; a busy machine takes its time.
vi.setConfig({ testTimeout: 240_000 })

const prompts = (requests: ReadonlyArray<{ readonly userTexts: ReadonlyArray<string> }>) =>
  requests.map(({ userTexts }) => userTexts)

it.live("runs the prompts of a session one after the other, in one thread", () =>
  Effect.gen(function* () {
    const sessions = yield* Sessions
    yield* sessions.open("s", spec())
    yield* sessions.send({ session: "s", key: "a", prompt: "first" })
    yield* sessions.send({ session: "s", key: "b", prompt: "second" })
    expect((yield* sessions.result("s", "a")).text).toBe("one")
    expect((yield* sessions.result("s", "b")).text).toBe("two")
    const model = yield* MockModel.MockModel
    expect(prompts(yield* model.requests)).toEqual([["first"], ["first", "second"]])
    const events = yield* Stream.runCollect(sessions.events("s", { isFinite: true }))
    expect(events.map(({ happening, offset }) => [offset, happening.type])).toEqual([
      [1, "jobStarted"],
      [2, "itemCompleted"],
      [3, "itemCompleted"],
      [4, "attemptEnded"],
      [5, "jobSettled"],
      [6, "jobStarted"],
      [7, "itemCompleted"],
      [8, "itemCompleted"],
      [9, "attemptEnded"],
      [10, "jobSettled"]
    ])
  }).pipe(
    Effect.provide(
      layerOwner().pipe(
        Layer.provideMerge(layerStore),
        Layer.provideMerge(
          CodexTest.layerHome([
            MockModel.reply(MockModel.finalAnswer("one")),
            MockModel.reply(MockModel.finalAnswer("two"))
          ])
        )
      )
    )
  )
)

it.live("continues a turn after its app-server was killed, and sends the prompt once", () => {
  const gate = Effect.runSync(MockModel.gate)
  return Effect.gen(function* () {
    const sessions = yield* Sessions
    yield* sessions.open("s", spec())
    yield* sessions.send({ session: "s", key: "a", prompt: "the task" })
    yield* gate.reached
    yield* killServer
    expect((yield* sessions.result("s", "a")).text).toBe("done")
    const model = yield* MockModel.MockModel
    const asked = prompts(yield* model.requests)
    expect(asked[0]).toEqual(["the task"])
    expect(asked[1]).toEqual(["the task", expect.stringContaining("was cut off")])
    const job = yield* Effect.map(sessions.status("s"), ({ jobs }) => jobs)
    expect(job).toEqual([])
  }).pipe(
    Effect.provide(
      layerOwner().pipe(
        Layer.provideMerge(layerStore),
        Layer.provideMerge(
          CodexTest.layerHome([
            MockModel.reply(MockModel.finalAnswer("half ", gate)),
            MockModel.reply(MockModel.finalAnswer("done"))
          ])
        )
      )
    )
  )
})

it.live("another owner continues a turn that was handed over, which costs no attempt", () => {
  const gate = Effect.runSync(MockModel.gate)
  return Effect.gen(function* () {
    const sessions = yield* Sessions
    yield* sessions.open("s", spec({ maxAttempts: 1 }))
    yield* sessions.send({ session: "s", key: "a", prompt: "the task" })
    yield* owning(gate.reached)
    const [job] = (yield* sessions.status("s")).jobs
    expect(job?.attempts).toMatchObject([{ end: "handedOver" }])
    expect((yield* owning(sessions.result("s", "a"))).text).toBe("done")
    const model = yield* MockModel.MockModel
    expect(prompts(yield* model.requests)[1]).toEqual(["the task", expect.stringContaining("stopped on purpose")])
  }).pipe(
    Effect.provide(
      layerStore.pipe(
        Layer.provideMerge(
          CodexTest.layerHome([
            MockModel.reply(MockModel.finalAnswer("half ", gate)),
            MockModel.reply(MockModel.finalAnswer("done"))
          ])
        )
      )
    )
  )
})

it.live("an approval waits for a person, and the verdict is used once", () =>
  Effect.gen(function* () {
    const sessions = yield* Sessions
    yield* sessions.open("s", spec({ policy: "ask" }))
    yield* sessions.send({ session: "s", key: "a", prompt: "the task" })
    const [approval] = yield* Stream.runHead(
      Stream.filter(sessions.events("s"), ({ happening }) => happening.type === "approvalOpened")
    ).pipe(Effect.andThen(sessions.approvals({ session: "s" })))
    if (approval === undefined) return expect.fail("there is no approval")
    expect(approval.subject.command).toContain("touch outside")
    expect(approval.text.title).toContain("command")
    expect(yield* sessions.decide(approval.id, { decision: "accept" }, "ada")).toBe("delivered")
    expect((yield* sessions.result("s", "a")).text).toBe("done")
    const again = yield* Effect.flip(sessions.decide(approval.id, { decision: "accept" }, "bob"))
    expect(again).toMatchObject({ _tag: "AlreadyDecided" })
    const model = yield* MockModel.MockModel
    expect((yield* model.request(1)).lastToolOutput?.output).toContain("exited with code 0")
  }).pipe(
    Effect.provide(
      layerOwner({ policies: { ask: PolicyEngine.make({}) } }).pipe(
        Layer.provideMerge(layerStore),
        Layer.provideMerge(
          CodexTest.layerHome([
            MockModel.reply(MockModel.execCommand({ cmd: "touch outside", escalate: true })),
            MockModel.reply(MockModel.finalAnswer("done"))
          ])
        )
      )
    )
  )
)
