import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import { CodexTest, MockModel } from "@effect-codex/core/testing"
import { describe, expect, it, vi } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { Sessions } from "../src/Sessions.ts"
import { SessionStore } from "../src/SessionStore.ts"
import { killServer, layerStore, noServer, owning, serversOf, spec } from "./ownerSupport.ts"

// Processes are started and ended; a busy machine takes its time.
vi.setConfig({ testTimeout: 240_000 })

const ask = { policies: { ask: PolicyEngine.make({}) } }
const touch = (file: string) => MockModel.reply(MockModel.execCommand({ cmd: `touch ${file}`, escalate: true }))
const done = MockModel.reply(MockModel.finalAnswer("done"))

const withModel = (script: MockModel.Script) => Layer.provideMerge(layerStore, CodexTest.layerHome(script))

/** Opens the session, sends the task, and waits for as many approvals. */
const send = Effect.gen(function* () {
  const sessions = yield* Sessions
  yield* sessions.open("s", spec({ policy: "ask" }))
  yield* sessions.send({ session: "s", key: "a", prompt: "the task" })
})

const opened = (count: number) =>
  Effect.flatMap(Sessions, (sessions) =>
    sessions.events("s").pipe(
      Stream.filter(({ happening }) => happening.type === "approvalOpened"),
      Stream.take(count),
      Stream.runCollect,
      Effect.andThen(sessions.approvals({ session: "s" })),
      Effect.map((approvals) => approvals[0] ?? expect.fail("no approval is open"))
    )
  )

const ran = (file: string) => Effect.map(CodexTest.Home, ({ cwd }) => existsSync(join(cwd, file)))

describe("an approval", () => {
  it.live("outlives its app-server: the verdict is a grant for the same command, once", () =>
    owning(
      Effect.gen(function* () {
        const sessions = yield* Sessions
        yield* send
        const approval = yield* opened(1)
        yield* killServer
        yield* noServer
        expect(yield* ran("one")).toBe(false)
        expect(yield* decideUntilGranted(approval.id)).toBe("granted")
        expect((yield* sessions.result("s", "a")).text).toBe("done")
        expect(yield* ran("one")).toBe(true)
        const model = yield* MockModel.MockModel
        expect((yield* model.request(1)).lastUserText).toContain(`Accepted: ${approval.subject.command}`)
        const store = yield* SessionStore
        expect(yield* store.approval(approval.id)).toMatchObject({ state: "used", use: "granted" })
        expect(yield* store.approvals({ states: ["open"] })).toEqual([])
      }),
      ask
    ).pipe(Effect.provide(withModel([touch("one"), touch("one"), done])))
  )

  it.live("of a crash is no grant for another command, which opens a new one that shows the old verdict", () =>
    owning(
      Effect.gen(function* () {
        const sessions = yield* Sessions
        yield* send
        const first = yield* opened(1)
        yield* killServer
        yield* noServer
        yield* decideUntilGranted(first.id)
        const second = yield* opened(2)
        expect(second.previous).toBe(first.id)
        expect(second.text.details.at(-1)?.text).toContain("ada chose accept")
        expect(yield* ran("two")).toBe(false)
        expect(yield* sessions.decide(second.id, { decision: "decline" }, "ada")).toBe("delivered")
        expect((yield* sessions.result("s", "a")).text).toBe("done")
        expect(yield* ran("two")).toBe(false)
      }),
      ask
    ).pipe(Effect.provide(withModel([touch("one"), touch("two"), done])))
  )

  it.live("is parked after a while: the turn is stopped, no app-server stays, and the verdict continues it", () =>
    owning(
      Effect.gen(function* () {
        const sessions = yield* Sessions
        yield* send
        const approval = yield* opened(1)
        yield* noServer
        const [job] = (yield* sessions.status("s")).jobs
        expect(job?.attempts).toMatchObject([{ end: "handedOver" }])
        expect(yield* sessions.decide(approval.id, { decision: "accept" }, "ada")).toBe("granted")
        expect((yield* sessions.result("s", "a")).text).toBe("done")
        expect(yield* ran("one")).toBe(true)
      }),
      { ...ask, parkAfter: "200 millis", serverIdleTimeout: 0 }
    ).pipe(Effect.provide(withModel([touch("one"), touch("one"), done])))
  )

  it.live("accepted by a person is declined if the policy refuses by then", () => {
    let isFrozen = false
    const policy = PolicyEngine.make({
      command: () => Effect.sync(() => (isFrozen ? { decision: "decline", by: "freeze" } : undefined))
    })
    return owning(
      Effect.gen(function* () {
        const sessions = yield* Sessions
        yield* send
        const approval = yield* opened(1)
        isFrozen = true
        const refused = yield* Effect.flip(sessions.decide(approval.id, { decision: "accept" }, "ada"))
        expect(refused).toMatchObject({ _tag: "ApprovalGone", reason: "freeze decides this now" })
        yield* sessions.result("s", "a")
        expect(yield* ran("one")).toBe(false)
        const store = yield* SessionStore
        expect(yield* store.approval(approval.id)).toMatchObject({ state: "gone" })
      }),
      { policies: { ask: policy } }
    ).pipe(Effect.provide(withModel([touch("one"), done])))
  })

  it.live("is gone when its job is interrupted", () =>
    owning(
      Effect.gen(function* () {
        const sessions = yield* Sessions
        yield* send
        const approval = yield* opened(1)
        yield* sessions.interrupt({ session: "s", key: "a", by: "bob", reason: "enough" })
        expect(yield* Effect.flip(sessions.result("s", "a"))).toMatchObject({ _tag: "JobInterrupted", by: "bob" })
        expect(yield* Effect.flip(sessions.decide(approval.id, { decision: "accept" }, "ada"))).toMatchObject({
          _tag: "ApprovalGone"
        })
        expect(yield* ran("one")).toBe(false)
      }),
      ask
    ).pipe(Effect.provide(withModel([touch("one")])))
  )
})

// The attempt has to be over in the store before a verdict is a grant.
const decideUntilGranted = (approval: string) =>
  Effect.gen(function* () {
    const sessions = yield* Sessions
    yield* Effect.repeat(sessions.status("s"), {
      until: ({ jobs }) => jobs[0]?.attempts.at(-1)?.phase === "ended",
      schedule: Schedule.spaced("20 millis")
    })
    return yield* sessions.decide(approval, { decision: "accept" }, "ada")
  })

it.live("sessions without jobs need no app-server", () =>
  owning(
    Effect.gen(function* () {
      const sessions = yield* Sessions
      yield* Effect.forEach(Array.from({ length: 1000 }), (_, index) => sessions.open(`s${index}`, spec()), {
        discard: true
      })
      yield* sessions.send({ session: "s1", key: "a", prompt: "the task" })
      yield* sessions.result("s1", "a")
      expect(serversOf().length).toBe(1)
    })
  ).pipe(Effect.provide(withModel([done])))
)
