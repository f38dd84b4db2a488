import * as Agent from "@effect-codex/ai/Agent"
import * as Codex from "@effect-codex/core/Codex"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import { CodexTest, MockModel } from "@effect-codex/core/testing"
import { describe, expect, expectTypeOf, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Toolkit from "effect/ai/Toolkit"
import * as Stream from "effect/Stream"

const { execCommand, reply, text, usage } = MockModel

const Report = Schema.Struct({ findings: Schema.Array(Schema.String) })
const reviewer = (budget: { readonly tokens: number }) =>
  Agent.tool("review", {
    description: "Reviews code",
    output: Report,
    policy: PolicyEngine.declineAll,
    budget
  })

/** Another model, which calls the tool once. */
const caller = Layer.effect(LanguageModel.LanguageModel)(
  LanguageModel.make({
    generateText: () =>
      Effect.succeed([
        { type: "tool-call", id: "1", name: "review", params: { prompt: "Look at a.ts" } },
        {
          type: "finish",
          reason: "tool-calls",
          usage: { inputTokens: {}, outputTokens: {} }
        }
      ] as never),
    streamText: () => Stream.empty
  })
)

const run = (script: MockModel.Script, budget = { tokens: 100_000 }) => {
  const { handler, tool } = reviewer(budget)
  const toolkit = Toolkit.make(tool)
  return LanguageModel.generateText({ prompt: "Review", toolkit }).pipe(
    Effect.provide(
      Layer.mergeAll(caller, toolkit.toLayer({ review: handler }), CodexTest.layer(script, { verifyOnClose: false }))
    )
  )
}

describe("an agent as a tool of another model", () => {
  it.live("gets a prompt, and gives a value of its schema", () =>
    Effect.gen(function* () {
      const { toolResults } = yield* run([reply(text('{"findings":["divides by zero"]}'))])
      expect(toolResults).toMatchObject([{ result: { findings: ["divides by zero"] }, isFailure: false }])
    })
  )

  it.live("is asked again when its answer does not have the form, and works under its policy", () =>
    Effect.gen(function* () {
      const { toolResults } = yield* run([
        reply(execCommand({ cmd: "touch escaped", escalate: true })),
        reply(text("Nothing.")),
        // What became of the command, as codex told the model.
        ({ toolOutputs }) =>
          reply(
            text(
              JSON.stringify({
                findings: toolOutputs.map(({ output }) => /rejected|exited/.exec(output)?.[0] ?? output)
              })
            )
          )
      ])
      expect(toolResults).toMatchObject([{ result: { findings: ["rejected"] } }])
    })
  )

  it.live("fails as a tool, with a sentence, when its budget is used up", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(
        run([reply(execCommand({ cmd: "true" }), usage({ input: 2000, output: 1 })), reply(text("{}"))], { tokens: 10 })
      )
      expect(failure).toMatch(/^The agent review failed: /)
    })
  )

  it("needs a codex, a policy and a budget", () => {
    const { tool } = reviewer({ tokens: 1 })
    expectTypeOf(tool.name).toEqualTypeOf<"review">()
    type Needs = typeof tool extends { readonly "~effect/ai/Tool": { readonly _Requirements: infer R } } ? R : never
    expectTypeOf<Codex.Codex>().not.toEqualTypeOf<Needs>()
    // @ts-expect-error: no budget
    Agent.tool("review", { description: "", output: Report, policy: PolicyEngine.declineAll })
    // @ts-expect-error: no policy
    Agent.tool("review", { description: "", output: Report, budget: {} })
  })
})
