import * as CodexLanguageModel from "@effect-codex/ai/CodexLanguageModel"
import * as Codex from "@effect-codex/core/Codex"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import { MockModel } from "@effect-codex/core/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Chat from "effect/ai/Chat"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Prompt from "effect/ai/Prompt"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import { tables } from "../../core/src/internal/thread/threads.ts"
import { layer, nextTurnEnd, said } from "./support.ts"

const { execCommand, reply, text, toolCall } = MockModel

const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

const Chart = Tool.make("chart", {
  success: Schema.Struct({ raw: Schema.String }),
  toModelOutput: () => [
    Prompt.makePart("text", { text: "a chart" }),
    Prompt.makePart("file", { mediaType: "image/png", data: png })
  ]
})
const charts = Toolkit.make(Chart)
const charting = charts.toLayer({ chart: () => Effect.succeed({ raw: "for the program" }) })

const lastOutput = (index: number) =>
  Effect.flatMap(MockModel.MockModel, (model) =>
    Effect.map(model.request(index), ({ input }) => JSON.stringify(input.at(-1)?.raw))
  )

describe("the caller's toolkit", () => {
  const chart = Effect.fnUntraced(function* (isHeld: boolean) {
    const chat = yield* Chat.empty
    const ended = yield* nextTurnEnd
    yield* chat.generateText({ prompt: "Draw", toolkit: charts })
    if (!isHeld) yield* Fiber.join(ended)
    yield* chat.generateText({ prompt: [], toolkit: charts })
    const output = yield* lastOutput(1)
    expect(output).toContain("a chart")
    expect(output).toContain(png)
    expect(output).not.toContain("for the program")
  })
  const script = [reply(toolCall("chart", {})), reply(text("Nice"))]

  it.live("gives the model what a tool maps for it, in a turn that waits", () =>
    chart(true).pipe(Effect.provide(Layer.merge(layer(script), charting)))
  )

  it.live("gives the model what a tool maps for it, in a new thread", () =>
    chart(false).pipe(Effect.provide(Layer.merge(layer(script, { holdTimeout: "300 millis" }), charting)))
  )

  it.live("goes on under the engine of the request that brings the results", () =>
    Effect.gen(function* () {
      const chat = yield* Chat.empty
      const accepting = PolicyEngine.make({
        toolCall: () => Effect.succeed({ decision: "accept", by: "test" }),
        command: () => Effect.succeed({ decision: "accept", by: "test" })
      })
      yield* chat.generateText({ prompt: "Draw", toolkit: charts }).pipe(CodexLanguageModel.withPolicy(accepting))
      const { text: answer } = yield* chat
        .generateText({ prompt: [], toolkit: charts })
        .pipe(CodexLanguageModel.withPolicy(PolicyEngine.declineAll))
      expect(answer).toBe("Refused")
      expect(yield* lastOutput(2)).toContain("rejected")
    }).pipe(
      Effect.provide(
        Layer.merge(
          layer([
            reply(toolCall("chart", {})),
            reply(execCommand({ cmd: "echo ran", escalate: true })),
            reply(text("Refused"))
          ]),
          charting
        )
      )
    )
  )
})

describe("prompts that codex cannot express", () => {
  const history = (content: Prompt.AssistantMessageEncoded["content"], result?: unknown): Prompt.RawInput => [
    { role: "user", content: [{ type: "text", text: "one" }] },
    { role: "assistant", content },
    ...(result === undefined
      ? []
      : [
          {
            role: "tool" as const,
            content: [{ type: "tool-result" as const, id: "1", name: "add", isFailure: false, result }]
          }
        ]),
    { role: "user", content: [{ type: "text", text: "two" }] }
  ]
  const circular: Record<string, unknown> = {}
  circular["self"] = circular
  const call = (params: unknown) => ({ type: "tool-call" as const, id: "1", name: "add", params })

  it.live("are refused, and nothing of them is left out", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      for (const prompt of [
        history([{ type: "file", mediaType: "image/png", data: png }]),
        history([call({})], 10n),
        history([call({})], circular),
        history([call({ a: 10n })], "ten"),
        history([call(circular)], "ten")
      ]) {
        expect(yield* Effect.flip(LanguageModel.generateText({ prompt }))).toMatchObject({
          reason: { _tag: "InvalidRequestError", parameter: "prompt" }
        })
      }
      const model = yield* MockModel.MockModel
      expect(yield* model.requests).toEqual([])
      expect(codex[tables]()["bindings"]).toBe(0)
    }).pipe(Effect.provide(layer([])))
  )

  it.live("have no empty messages in the history, and images of any case", () =>
    Effect.gen(function* () {
      yield* LanguageModel.generateText({
        prompt: [
          { role: "user", content: [] },
          { role: "assistant", content: [] },
          { role: "user", content: [{ type: "file", mediaType: "IMAGE/PNG", data: png }] }
        ]
      })
      const model = yield* MockModel.MockModel
      const { body, input } = yield* model.request(0)
      expect(JSON.stringify(body)).toContain(png)
      expect(JSON.stringify(input)).not.toContain('"content":[]')
    }).pipe(Effect.provide(layer([reply(text("A dot"))])))
  )
})

describe("threads of conversations", () => {
  it.live("that somebody else let go are replaced", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const chat = yield* Chat.empty
      const first = yield* chat.generateText({ prompt: "one" })
      expect(first.text).toBe("1")
      const model = yield* MockModel.MockModel
      const { threadId } = yield* model.request(0)
      yield* codex.thread.unsubscribe(threadId ?? "")
      const second = yield* chat.generateText({ prompt: "two" })
      expect(second.text).toBe("2")
      expect(yield* said(1)).toEqual(["user: one", "assistant: 1", "user: two"])
      expect((yield* Ref.get(chat.history)).content).toHaveLength(4)
    }).pipe(Effect.provide(layer([reply(text("1")), reply(text("2"))])))
  )

  it.live("are let go when requests that are the same have the same answers", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const same = Array.from({ length: 8 }, () => LanguageModel.generateText({ prompt: "same" }))
      yield* Effect.all(same, { concurrency: "unbounded" })
      yield* Effect.repeat(
        Effect.sync(() => codex[tables]()["bindings"]),
        { until: (bindings) => bindings === 1, schedule: Schedule.spaced("50 millis") }
      )
    }).pipe(Effect.provide(layer(() => reply(text("same")))))
  )
})
