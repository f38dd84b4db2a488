/** The facts about codex that durable sessions stand on, each seen on the real binary. */
import * as Codex from "@effect-codex/core/Codex"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import { CodexTest, MockModel } from "@effect-codex/core/testing"
import { expect, it, vi } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { readFileSync } from "node:fs"
import { rollouts } from "./killmatrix/kill.ts"
import { killServer } from "./ownerSupport.ts"

// Processes are started and ended; a busy machine takes its time.
vi.setConfig({ testTimeout: 240_000 })

const settings = { sandbox: "workspace-write", approvalPolicy: "on-request" } as const

it.live("the prompt's client id is on disk whenever the model is asked", () => {
  let home = ""
  const seen: Array<boolean> = []
  const script: MockModel.Script = (request) => {
    const id = `"client_id":"m-${request.index}"`
    seen.push(rollouts(home).some((file) => readFileSync(file, "utf8").includes(id)))
    return MockModel.reply(MockModel.finalAnswer("done"))
  }
  return Effect.gen(function* () {
    home = (yield* CodexTest.Home).home
    const codex = yield* Codex.Codex
    const thread = yield* codex.thread.start(settings)
    for (let index = 0; index < 10; index++) {
      yield* thread.run({ prompt: `task ${index}`, turn: { clientUserMessageId: `m-${index}` } })
    }
    expect(seen).toEqual(Array.from({ length: 10 }, () => true))
  }).pipe(Effect.provide(Layer.merge(CodexTest.layer(script), PolicyEngine.layerDeclineAll)))
})

it.live(
  "a thread that is resumed without settings has another sandbox, and with them its own; its rollout gets no line but settings",
  () => {
    const gate = Effect.runSync(MockModel.gate)
    const withCodex = <A, E>(use: (codex: Codex.Codex["Service"]) => Effect.Effect<A, E, PolicyEngine.PolicyEngine>) =>
      Effect.provide(Effect.flatMap(Codex.Codex, use), CodexTest.layerCodex())
    return Effect.gen(function* () {
      const { home } = yield* CodexTest.Home
      const id = yield* withCodex((codex) =>
        Effect.gen(function* () {
          const thread = yield* codex.thread.start(settings)
          yield* Effect.forkChild(Effect.ignore(thread.run("the task")))
          yield* gate.reached
          yield* killServer
          return thread.id
        })
      )
      const content = () =>
        rollouts(home)
          .map((file) => readFileSync(file, "utf8"))
          .join("")
      const before = content()
      const sandboxOf = (given: object) =>
        withCodex((codex) =>
          Effect.map(
            codex.request("thread/resume", { threadId: id, excludeTurns: true, ...given }),
            ({ sandbox }) => sandbox.type
          )
        )
      expect(yield* sandboxOf({})).toBe("readOnly")
      expect(yield* sandboxOf(settings)).toBe("workspaceWrite")
      expect(content().startsWith(before)).toBe(true)
      const added = content()
        .slice(before.length)
        .trim()
        .split("\n")
        .filter((line) => line !== "")
      expect(added.filter((line) => !line.includes(`"thread_settings_applied"`))).toEqual([])
    }).pipe(
      Effect.provide(
        Layer.merge(
          CodexTest.layerHome([MockModel.reply(MockModel.finalAnswer("half ", gate))], { verifyOnClose: false }),
          PolicyEngine.layerDeclineAll
        )
      )
    )
  }
)
