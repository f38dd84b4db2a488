import type * as Codex from "@effect-codex/core/Codex"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import { expectTypeOf, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Schemas from "../src/protocol/generated/Experimental.ts"

type Service = Codex.Codex["Service"]

it("a misspelled parameter does not compile, wherever it is given", () => {
  const calls = (codex: Service) => {
    // @ts-expect-error a hyphen is missing
    const thread = codex.thread.start({ sandbox: "readonly" })
    // @ts-expect-error misspelled
    const turn = codex.responses.create({ prompt: "x", turn: { effort: "hihg" } })
    // @ts-expect-error an underscore
    const policy = codex.responses.create({ prompt: "x", turn: { approvalPolicy: "on_request" } })
    // @ts-expect-error no such policy
    const nested = codex.responses.create({ prompt: "x", turn: { sandboxPolicy: { type: "readonly" } } })
    // @ts-expect-error what the server says of something unknown can't be sent back
    const unknown = codex.responses.create({ prompt: "x", turn: { sandboxPolicy: { type: "unknown", raw: {} } } })
    // @ts-expect-error no such order
    const list = codex.request("thread/list", { sortDirection: "up" })
    const known = codex.request("thread/start", { sandbox: "read-only", approvalPolicy: "never" })
    return [thread, turn, policy, nested, unknown, list, known]
  }
  // @ts-expect-error misspelled
  const options: Codex.Options = { thread: { sandbox: "workspacewrite" } }
  expectTypeOf(calls).toBeFunction()
  expectTypeOf(options).toBeObject()
})

it("a decision that the server does not have does not compile", () => {
  // @ts-expect-error it is `decline`
  const command = PolicyEngine.make({ command: () => Effect.succeed({ decision: "deny", by: "us" }) })
  // @ts-expect-error it is `accept`
  const fileChange = PolicyEngine.make({ fileChange: () => Effect.succeed({ decision: "accepted", by: "us" }) })
  expectTypeOf([command, fileChange]).toBeArray()
})

it("the raw request takes what only a newer server knows", () => {
  const call = (codex: Service) => codex.requestRaw("thread/start", { sandbox: "moon-base" })
  expectTypeOf(call).toBeFunction()
})

it("what the server says stays open", () => {
  expectTypeOf<"moon-base">().toExtend<Schemas.SandboxMode>()
  expectTypeOf<"moon-base">().not.toExtend<Schemas.KnownSandboxMode>()
  expectTypeOf<Schemas.KnownSandboxPolicy>().toExtend<Schemas.SandboxPolicy>()
  expectTypeOf<"hihg">().toExtend<Schemas.Model["defaultReasoningEffort"]>()
  const read = (item: Schemas.UserInput) => item.type === "unknown"
  expectTypeOf(read).toBeFunction()
})
