import { readFileSync } from "node:fs"
import * as path from "node:path"
import * as Codex from "@effect-codex/core/Codex"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import { CodexTest, MockModel } from "@effect-codex/core/testing"
import * as Audit from "@effect-codex/policy/Audit"
import type { AuditRecord } from "@effect-codex/policy/AuditRecord"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

const { addFile, execCommand, reply, requestUserInput, text } = MockModel

const policy = PolicyEngine.make({
  command: ({ params }) =>
    params.command?.includes("boom") === true
      ? Effect.die(new Error("boom"))
      : Effect.succeed({
          decision: params.command?.includes("touch") === true ? "accept" : "decline",
          by: "test",
          reason: "as it is"
        }),
  fileChange: () => Effect.undefined,
  userInput: () =>
    Effect.succeed({ decision: { answers: { pin: { answers: ["a pin that is no part of a hash"] } } }, by: "test" })
})

it.live("the trail of a real turn has every decision, what became of it, and what ran unasked", () =>
  Effect.gen(function* () {
    const { home } = yield* CodexTest.Home
    const file = path.join(home, "audit.jsonl")
    yield* Effect.gen(function* () {
      const codex = yield* Codex.Codex
      yield* codex.responses.create({
        prompt: "Go on",
        thread: { approvalPolicy: "on-request", sandbox: "read-only" }
      })
    }).pipe(
      Effect.provide(
        CodexTest.layerCodex({ config: { "features.default_mode_request_user_input": true } }).pipe(
          Layer.merge(Layer.succeed(PolicyEngine.PolicyEngine)(policy)),
          Layer.provide(Audit.layerFile(file, { includeParams: true })),
          Layer.provide(NodeServices.layer)
        )
      )
    )
    const records = readFileSync(file, "utf8")
      .trimEnd()
      .split("\n")
      .map((line): AuditRecord => JSON.parse(line))
    const told = records.map((record) => {
      switch (record.type) {
        case "decision":
          return [record.kind, record.decision, record.by, record.reason]
        case "outcome":
        case "unasked":
          return [record.type, record.item, record.status]
        default:
          return [record.type]
      }
    })
    expect(told).toEqual([
      ["opened"],
      ["command", "accept", "test", "as it is"],
      ["outcome", "commandExecution", "completed"],
      ["command", "decline", "test", "as it is"],
      ["outcome", "commandExecution", "declined"],
      ["command", "decline", null, expect.stringContaining("it had a defect")],
      ["outcome", "commandExecution", "declined"],
      ["fileChange", "decline", null, "no engine decided"],
      ["outcome", "fileChange", "declined"],
      ["unasked", "commandExecution", "completed"],
      ["userInput", "accept", "test", null]
    ])
    expect(JSON.stringify(records)).not.toContain("a pin that is no part of a hash")
    expect(yield* Audit.verify(file).pipe(Effect.provide(NodeServices.layer))).toMatchObject({
      records: records.length,
      dropped: 0
    })
  }).pipe(
    Effect.provide(
      CodexTest.layerHome([
        reply(execCommand({ cmd: "touch a", escalate: true })),
        reply(execCommand({ cmd: "mkdir b", escalate: true })),
        reply(execCommand({ cmd: "echo boom > c", escalate: true })),
        reply(addFile("d", "d\n")),
        reply(execCommand({ cmd: "ls" })),
        reply(
          requestUserInput([
            { id: "pin", header: "Pin", question: "Which pin?", options: [{ label: "1", description: "one" }] }
          ])
        ),
        reply(text("done"))
      ])
    )
  )
)
