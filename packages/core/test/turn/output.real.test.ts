import * as Codex from "@effect-codex/core/Codex"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as StructuredOutput from "@effect-codex/core/StructuredOutput"
import { CodexTest, MockModel } from "@effect-codex/core/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"

const { reply, text } = MockModel

const Verdict = Schema.Struct({
  title: Schema.String.check(Schema.isMaxLength(20)),
  score: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 10 })),
  due: Schema.DateTimeUtcFromString,
  note: Schema.optionalKey(Schema.String),
  tags: Schema.Array(Schema.Literals(["bug", "docs"]))
})
const good = '{"title":"Fix it","score":7,"due":"2026-01-02T03:04:05.000Z","note":null,"tags":["bug"]}'

const withScript = (...answers: ReadonlyArray<string>) =>
  Effect.provide(
    Layer.merge(CodexTest.layer(answers.map((answer) => reply(text(answer)))), PolicyEngine.layerDeclineAll)
  )

const sentSchema = (index: number) =>
  Effect.flatMap(MockModel.MockModel, (model) =>
    Effect.map(model.request(index), ({ body }) => {
      const sent: unknown = JSON.parse(JSON.stringify(body["text"]))
      return sent
    })
  )

describe("an output schema", () => {
  it.live("is sent as strict JSON Schema, and the answer comes back as its type", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const response = yield* codex.responses.create({ prompt: "Judge", output: Verdict })
      expect(response.value.title).toBe("Fix it")
      expect(response.value.score).toBe(7)
      expect(response.value.due.epochMilliseconds).toBe(Date.UTC(2026, 0, 2, 3, 4, 5))
      expect(response.value.tags).toEqual(["bug"])
      expect(response.text).toBe(good)
      expect(yield* sentSchema(0)).toMatchObject({
        format: {
          type: "json_schema",
          strict: true,
          schema: {
            type: "object",
            additionalProperties: false,
            required: ["title", "score", "due", "note", "tags"]
          }
        }
      })
    }).pipe(withScript(good))
  )

  it.live("that was not met is asked for again, with what was wrong", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const model = yield* MockModel.MockModel
      const bad = good.replace("7", "11")
      const response = yield* codex.responses.create({ prompt: "Judge", output: Verdict })
      expect(response.value.score).toBe(7)
      const again = yield* model.request(1)
      expect(again.lastUserText).toMatch(/does not have the form that was asked for: .*10.*score/)
      expect(again.input.some(({ role, text }) => role === "assistant" && text === bad)).toBe(true)
      expect(yield* sentSchema(1)).toMatchObject({ format: { strict: true } })
    }).pipe(withScript(good.replace("7", "11"), good))
  )

  it.live("that is not met again is an error with the answer and where it differs", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const failure = yield* Effect.flip(codex.responses.create({ prompt: "Judge", output: Verdict }))
      expect(failure).toMatchObject({
        _tag: "OutputInvalid",
        answer: "Seven, I say",
        response: { text: "Seven, I say" }
      })
      expect(failure.message).toMatch(/^The agent's answer does not match the output schema: .*\. Simplify/)
    }).pipe(withScript("Seven", "Seven, I say"))
  )

  it.live("is asked for as often as the caller says", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const thread = yield* codex.thread.start()
      const once = yield* Effect.flip(thread.run({ prompt: "Judge", output: Schema.Finite, outputRetries: 0 }))
      expect(once._tag).toBe("OutputInvalid")
      const { value } = yield* thread.run({ prompt: "Judge", output: Schema.Finite, outputRetries: 2 })
      expect(value).toBe(3)
    }).pipe(withScript("no", "no", "still no", '{"value":3}'))
  )

  it.live("keeps the thread between its attempts: another prompt comes after the last one", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const model = yield* MockModel.MockModel
      const thread = yield* codex.thread.start()
      const asking = yield* Effect.forkChild(thread.run({ prompt: "Judge", output: Schema.Finite, outputRetries: 2 }), {
        startImmediately: true
      })
      const others = yield* Effect.forEach(
        [thread.run("other"), codex.responses.create({ prompt: "another", threadId: thread.id })],
        (other) => Effect.forkChild(other, { startImmediately: true })
      )
      expect((yield* Fiber.join(asking)).value).toBe(3)
      yield* Effect.forEach(others, Fiber.join)
      const prompts = (yield* model.requests).map(({ lastUserText }) => lastUserText)
      expect(prompts.length).toBe(5)
      expect(prompts[0]).toBe("Judge")
      expect(prompts.slice(3).toSorted()).toEqual(["another", "other"])
    }).pipe(withScript("no", "still no", '{"value":3}', "1", "2"))
  )

  it.live("of a handle gives its value, or says why there is none, and asks nobody again", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const thread = yield* codex.thread.start()
      const first = yield* thread.turn({ prompt: "Judge", output: Schema.Array(Schema.String) })
      expect(yield* first.value).toEqual(["a", "b"])
      const second = yield* thread.turn({ prompt: "Judge", output: Schema.Array(Schema.String) })
      expect(yield* Effect.flip(second.value)).toMatchObject({ _tag: "OutputInvalid", answer: "[1]" })
      expect((yield* second.result).text).toBe("[1]")
    }).pipe(Effect.scoped, withScript('{"value":["a","b"]}', "[1]"))
  )
})

describe("adapting a schema", () => {
  it("puts what is no object into one", () => {
    const adapted = [
      StructuredOutput.adapt(Schema.String),
      StructuredOutput.adapt(Schema.Array(Schema.Int)),
      StructuredOutput.adapt(Schema.Union([Schema.Struct({ a: Schema.String }), Schema.Null]))
    ]
    for (const { jsonSchema } of adapted) expect(jsonSchema).toMatchObject({ type: "object", required: ["value"] })
  })
})
