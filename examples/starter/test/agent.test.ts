import { CodexTest, MockModel } from "@effect-codex/core/testing"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { describeFolder, policy } from "../src/agent.ts"

const { execCommand, reply, text } = MockModel

const withModel = (cmd: string) =>
  Layer.merge(
    CodexTest.layer([reply(execCommand({ cmd, escalate: true })), reply(text("About tides."))], {
      files: { "tides.md": "High water at noon." }
    }),
    policy.pipe(Layer.provide(NodeServices.layer))
  )

const outputOfCommand = Effect.gen(function* () {
  const model = yield* MockModel.MockModel
  const { lastToolOutput } = yield* model.request(1)
  return lastToolOutput?.output
})

describe("the agent", () => {
  it.live("looks around and says what it has found", () =>
    Effect.gen(function* () {
      expect(yield* describeFolder).toBe("About tides.")
      expect(yield* outputOfCommand).toContain("tides.md")
    }).pipe(Effect.provide(withModel("ls")))
  )

  it.live("removes nothing", () =>
    Effect.gen(function* () {
      yield* describeFolder
      expect(yield* outputOfCommand).toContain("rejected")
    }).pipe(Effect.provide(withModel("rm tides.md")))
  )
})
