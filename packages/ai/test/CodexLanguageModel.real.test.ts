import { readFileSync } from "node:fs"
import * as CodexLanguageModel from "@effect-codex/ai/CodexLanguageModel"
import * as CodexTools from "@effect-codex/ai/CodexTools"
import * as Codex from "@effect-codex/core/Codex"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import { CodexTest, MockModel } from "@effect-codex/core/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as ExecutionPlan from "effect/ExecutionPlan"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import * as AiError from "effect/ai/AiError"
import * as Chat from "effect/ai/Chat"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Model from "effect/ai/Model"
import * as Prompt from "effect/ai/Prompt"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import * as Persistence from "effect/persistence/Persistence"
import { tables } from "../../core/src/internal/thread/threads.ts"
import { processesOf } from "../../core/test/support.ts"
import { acceptTools, layer, nextTurnEnd, said } from "./support.ts"

const { execCommand, reply, text, toolCall, usage } = MockModel

const Add = Tool.make("add", {
  description: "Adds two numbers",
  parameters: Schema.Struct({ a: Schema.FiniteFromString, b: Schema.Finite }),
  success: Schema.Finite,
  failure: Schema.String
})
const calculator = Toolkit.make(Add)
const adding = calculator.toLayer({
  add: ({ a, b }) => (b === 0 ? Effect.fail("zero is not added") : Effect.succeed(a + b))
})
const add = (a: string, b: number) => toolCall("add", { a, b })

const answers = (...parts: ReadonlyArray<MockModel.Part>) => parts.map((part) => reply(part))

describe("generateText", () => {
  it.live("1. answers with the text, the reason and the tokens that the model reported", () =>
    Effect.gen(function* () {
      const response = yield* LanguageModel.generateText({ prompt: "Hello" })
      expect(response.text).toBe("Hi there")
      expect(response.finishReason).toBe("stop")
      expect(response.usage.inputTokens).toMatchObject({ total: 120, cacheRead: 20, uncached: 100 })
      expect(response.usage.outputTokens).toMatchObject({ total: 30, reasoning: 5, text: 25 })
      expect(yield* said(0)).toEqual(["user: Hello"])
    }).pipe(
      Effect.provide(layer([reply(text("Hi ", "there"), usage({ input: 120, cached: 20, output: 30, reasoning: 5 }))]))
    )
  )

  it.live("2. takes a system message as the instructions of the thread, and a conversation as its history", () =>
    Effect.gen(function* () {
      yield* LanguageModel.generateText({
        prompt: [
          { role: "system", content: "Speak like a pirate" },
          { role: "user", content: [{ type: "text", text: "one" }] },
          { role: "assistant", content: [{ type: "text", text: "two" }] },
          { role: "user", content: [{ type: "text", text: "three" }] }
        ]
      })
      expect(yield* said(0)).toEqual(["user: one", "assistant: two", "user: three"])
      const model = yield* MockModel.MockModel
      expect(JSON.stringify((yield* model.request(0)).body)).toContain("Speak like a pirate")
    }).pipe(Effect.provide(layer(answers(text("Arr")))))
  )

  it.live("3. takes images of the user, and refuses files that codex has no form for", () =>
    Effect.gen(function* () {
      const file = (mediaType: string, data: string | URL) =>
        LanguageModel.generateText({
          prompt: [{ role: "user", content: [{ type: "file", mediaType, data }] }]
        })
      const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
      yield* file("image/png", png)
      const model = yield* MockModel.MockModel
      expect(JSON.stringify((yield* model.request(0)).body["input"])).toContain(png.slice(0, 40))
      expect(yield* Effect.flip(file("application/pdf", "JVBERi0="))).toMatchObject({
        reason: { _tag: "InvalidRequestError", parameter: "prompt" }
      })
      expect(yield* Effect.flip(file("image/png", new URL("https://example.com/a.png")))).toMatchObject({
        reason: { _tag: "InvalidRequestError", parameter: "prompt" }
      })
    }).pipe(Effect.provide(layer(answers(text("A dot")))))
  )

  it.live("4. names the model and the provider", () =>
    Effect.gen(function* () {
      expect([yield* Model.ProviderName, yield* Model.ModelName]).toEqual(["codex", "mock-model"])
      const { content } = yield* LanguageModel.generateText({ prompt: "Hello" })
      expect(content.find(({ type }) => type === "response-metadata")).toMatchObject({ modelId: "mock-model" })
      const model = yield* MockModel.MockModel
      expect((yield* model.request(0)).model).toBe("mock-model")
    }).pipe(
      Effect.provide(
        CodexLanguageModel.model("mock-model").pipe(
          Layer.provideMerge(Layer.merge(CodexTest.layer(answers(text("Hi"))), acceptTools))
        )
      )
    )
  )

  it.live("5. fails with the error of effect/ai that says what to do", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(LanguageModel.generateText({ prompt: "Hello" }))
      expect(AiError.isAiError(failure)).toBe(true)
      expect(failure).toMatchObject({ module: "CodexLanguageModel", reason: { _tag: "InternalProviderError" } })
      expect(failure.isRetryable).toBe(true)
      const second = yield* Effect.flip(LanguageModel.generateText({ prompt: "Hello" }))
      expect(second).toMatchObject({ reason: { _tag: "InvalidRequestError" } })
    }).pipe(
      Effect.provide(
        layer([
          MockModel.error(500, "The model is broken"),
          reply(text(MockModel.failed("context_length_exceeded", "Too long")))
        ])
      )
    )
  )

  it.live("6. stops its turn when it is interrupted", () =>
    Effect.gen(function* () {
      const gate = yield* MockModel.gate
      yield* Effect.gen(function* () {
        const fiber = yield* Effect.forkChild(LanguageModel.generateText({ prompt: "Hello" }))
        yield* gate.reached
        yield* Fiber.interrupt(fiber)
        const model = yield* MockModel.MockModel
        expect(yield* model.ended(0)).toBe("left")
      }).pipe(Effect.provide(layer([reply(text("a ", gate, "b"))])))
    })
  )

  it.live("7. refuses what has no form in codex, and ignores nothing", () =>
    Effect.gen(function* () {
      const refused = (toolChoice: LanguageModel.ToolChoice<"add">) =>
        Effect.flip(LanguageModel.generateText({ prompt: "Hello", toolkit: calculator, toolChoice }))
      for (const choice of ["required", { tool: "add" }, { mode: "required", oneOf: ["add"] }] as const) {
        expect(yield* refused(choice)).toMatchObject({
          reason: { _tag: "InvalidRequestError", parameter: "toolChoice" }
        })
      }
      expect(yield* Effect.flip(LanguageModel.generateText({ prompt: [] }))).toMatchObject({
        reason: { parameter: "prompt" }
      })
      const model = yield* MockModel.MockModel
      expect(yield* model.requests).toEqual([])
    }).pipe(Effect.provide(Layer.merge(layer([]), adding)))
  )

  it.live("8. refuses options that codex does not have", () =>
    Effect.gen(function* () {
      expect(yield* Effect.flip(LanguageModel.generateText({ prompt: "Hello" }))).toMatchObject({
        reason: { _tag: "InvalidRequestError", parameter: "temperature" }
      })
    }).pipe(
      // @ts-expect-error: for programs without types
      Effect.provide(layer([], { temperature: 0.5 }))
    )
  )
})

describe("streamText", () => {
  const parts = (prompt: Prompt.RawInput) => Stream.runCollect(LanguageModel.streamText({ prompt }))

  it.live("9. has a start, its pieces and an end for each text, and finishes once", () =>
    Effect.gen(function* () {
      const got = yield* parts("Hello")
      expect(got.map(({ type }) => type)).toEqual([
        "response-metadata",
        "text-start",
        "text-delta",
        "text-delta",
        "text-end",
        "finish"
      ])
      expect(got.flatMap((part) => (part.type === "text-delta" ? [part.delta] : []))).toEqual(["Hi ", "there"])
    }).pipe(Effect.provide(layer([reply(text("Hi ", "there"))])))
  )

  it.live("10. leaves out commentary, and has reasoning as reasoning", () =>
    Effect.gen(function* () {
      const got = yield* parts("Hello")
      expect(got.flatMap((part) => (part.type === "text-delta" ? [part.delta] : [])).join("")).toBe("Done")
      expect(got.flatMap((part) => (part.type === "reasoning-delta" ? [part.delta] : [])).join("")).toBe("hmm")
    }).pipe(
      Effect.provide(
        layer([
          reply(MockModel.reasoning("hmm"), MockModel.commentary("I look around"), execCommand({ cmd: "true" })),
          reply(MockModel.finalAnswer("Done"))
        ])
      )
    )
  )

  it.live("11. comes as it is written, and stops the turn when it is left", () =>
    Effect.gen(function* () {
      const gate = yield* MockModel.gate
      yield* Effect.gen(function* () {
        const got = yield* LanguageModel.streamText({ prompt: "Hello" }).pipe(
          Stream.filter(({ type }) => type === "text-delta"),
          Stream.take(1),
          Stream.runCollect
        )
        expect(got).toMatchObject([{ delta: "a " }])
        const model = yield* MockModel.MockModel
        expect(yield* model.ended(0)).toBe("left")
      }).pipe(Effect.provide(layer([reply(text("a ", gate, "b"))])))
    })
  )
})

describe("generateObject", () => {
  const Person = Schema.Struct({ name: Schema.String, age: Schema.FiniteFromString.check(Schema.isGreaterThan(0)) })

  it.live("12. asks for the schema and decodes the answer", () =>
    Effect.gen(function* () {
      const { value } = yield* LanguageModel.generateObject({ prompt: "Who?", schema: Person, objectName: "person" })
      expect(value).toEqual({ name: "Ada", age: 36 })
      const model = yield* MockModel.MockModel
      const { body } = yield* model.request(0)
      expect(JSON.stringify(body)).toContain('"json_schema"')
      expect(JSON.stringify(body)).toContain('"age"')
    }).pipe(Effect.provide(layer(answers(text('{"name":"Ada","age":"36"}')))))
  )

  it.live("13. fails when the answer does not have the form", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(LanguageModel.generateObject({ prompt: "Who?", schema: Person }))
      expect(failure).toMatchObject({ reason: { _tag: "StructuredOutputError" } })
    }).pipe(Effect.provide(layer(answers(text('{"name":"Ada","age":"-1"}')))))
  )

  it.live("14. refuses a schema that no model can be held to", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(
        LanguageModel.generateObject({
          prompt: "Who?",
          schema: Schema.Union([Schema.Struct({ a: Schema.String }), Schema.Struct({ b: Schema.String })])
        })
      )
      expect(failure).toMatchObject({ reason: { _tag: "UnsupportedSchemaError" } })
    }).pipe(Effect.provide(layer([])))
  )
})

describe("the caller's toolkit", () => {
  it.live("15. is declared, its calls are resolved, and the next prompt answers the turn that waits", () =>
    Effect.gen(function* () {
      const chat = yield* Chat.empty
      const first = yield* chat.generateText({ prompt: "How much is 1 + 2?", toolkit: calculator })
      expect(first.finishReason).toBe("tool-calls")
      expect(first.text).toBe("Let me see.")
      expect(first.toolCalls).toMatchObject([{ name: "add", params: { a: "1", b: 2 }, providerExecuted: false }])
      expect(first.toolResults).toMatchObject([{ name: "add", result: 3, isFailure: false }])
      const second = yield* chat.generateText({ prompt: [], toolkit: calculator })
      expect(second.finishReason).toBe("stop")
      expect(second.text).toBe("Three")
      const model = yield* MockModel.MockModel
      expect((yield* model.request(0)).tools).toContain("add")
      expect(yield* said(1)).toEqual([
        "user: How much is 1 + 2?",
        "assistant: Let me see.",
        "function_call call_1",
        "function_call_output call_1: 3"
      ])
      // One turn, and what it used is in its two responses together.
      const total = (first.usage.inputTokens.total ?? 0) + (second.usage.inputTokens.total ?? 0)
      expect(total).toBe(300)
      expect((first.usage.outputTokens.total ?? 0) + (second.usage.outputTokens.total ?? 0)).toBe(30)
    }).pipe(
      Effect.provide(
        Layer.merge(
          layer([
            reply(text("Let me see."), add("1", 2), usage({ input: 100, output: 10 })),
            reply(text("Three"), usage({ input: 200, output: 20 }))
          ]),
          adding
        )
      )
    )
  )

  it.live("16. can be called twice at once, and the user can say something besides the results", () =>
    Effect.gen(function* () {
      const chat = yield* Chat.empty
      let response = yield* chat.generateText({ prompt: "Both", toolkit: calculator })
      const results = response.toolResults.map(({ result }) => result)
      // The calls of one answer can come in one response or in two.
      for (const prompt of ["and be brief", "", ""]) {
        if (response.finishReason !== "tool-calls") break
        response = yield* chat.generateText({ prompt: prompt === "" ? [] : prompt, toolkit: calculator })
        results.push(...response.toolResults.map(({ result }) => result))
      }
      expect(results.toSorted()).toEqual([3, 7])
      expect(response.text).toBe("3 and 7")
      const heard = yield* said(1)
      expect(heard.toSorted()).toEqual([
        "function_call call_1",
        "function_call call_2",
        "function_call_output call_1: 3",
        "function_call_output call_2: 7",
        "user: Both",
        "user: and be brief"
      ])
    }).pipe(Effect.provide(Layer.merge(layer([reply(add("1", 2), add("3", 4)), reply(text("3 and 7"))]), adding)))
  )

  it.live("17. works in a stream, results before the end", () =>
    Effect.gen(function* () {
      const chat = yield* Chat.empty
      const got = yield* Stream.runCollect(chat.streamText({ prompt: "1 + 2?", toolkit: calculator }))
      expect(got.map(({ type }) => type).slice(1)).toEqual(["tool-call", "tool-result", "finish"])
      const rest = yield* Stream.runCollect(chat.streamText({ prompt: [], toolkit: calculator }))
      expect(rest.flatMap((part) => (part.type === "text-delta" ? [part.delta] : [])).join("")).toBe("Three")
    }).pipe(Effect.provide(Layer.merge(layer([reply(add("1", 2)), reply(text("Three"))]), adding)))
  )

  it.live("18. leaves calls to the caller when it asks for that, and gives the model failures as failures", () =>
    Effect.gen(function* () {
      const prompt = Prompt.make("1 + 0?")
      const first = yield* LanguageModel.generateText({ prompt, toolkit: calculator, disableToolCallResolution: true })
      expect(first.toolResults).toEqual([])
      const [call] = first.toolCalls
      const history = Prompt.fromMessages([
        ...prompt.content,
        ...Prompt.fromResponseParts(first.content).content,
        Prompt.makeMessage("tool", {
          content: [
            Prompt.makePart("tool-result", {
              id: call?.id ?? "",
              name: "add",
              isFailure: true,
              result: "zero is not added",
              providerExecuted: false
            })
          ]
        })
      ])
      const second = yield* LanguageModel.generateText({ prompt: history, toolkit: calculator })
      expect(second.text).toBe("It can't")
      expect((yield* said(1)).at(-1)).toBe("function_call_output call_1: zero is not added")
    }).pipe(Effect.provide(Layer.merge(layer([reply(add("1", 0)), reply(text("It can't"))]), adding)))
  )

  it.live("19. is not called when it may not be, nor when the policy declines", () =>
    Effect.gen(function* () {
      yield* LanguageModel.generateText({ prompt: "Hello", toolkit: calculator, toolChoice: "none" })
      const model = yield* MockModel.MockModel
      expect((yield* model.request(0)).tools).not.toContain("add")
      const declined = yield* LanguageModel.generateText({ prompt: "1 + 2?", toolkit: calculator }).pipe(
        CodexLanguageModel.withPolicy(PolicyEngine.declineAll)
      )
      expect(declined.toolCalls).toEqual([])
      expect((yield* said(2)).at(-1)).toContain("declined by policy")
    }).pipe(Effect.provide(Layer.merge(layer([reply(text("Hi")), reply(add("1", 2)), reply(text("Sorry"))]), adding)))
  )

  it.live("20. whose results come too late has them in a new thread, and nothing is sent twice", () =>
    Effect.gen(function* () {
      const chat = yield* Chat.empty
      const ended = yield* nextTurnEnd
      yield* chat.generateText({ prompt: "1 + 2?", toolkit: calculator })
      const model = yield* MockModel.MockModel
      // The turn is stopped when nobody has come back to it.
      yield* Fiber.join(ended)
      const second = yield* chat.generateText({ prompt: [], toolkit: calculator })
      expect(second.text).toBe("Three")
      expect(yield* said(1)).toEqual(["user: 1 + 2?", "function_call call_1", "function_call_output call_1: 3"])
      expect((yield* model.request(1)).threadId).not.toBe((yield* model.request(0)).threadId)
    }).pipe(
      Effect.provide(
        Layer.merge(layer([reply(add("1", 2)), reply(text("Three"))], { holdTimeout: "300 millis" }), adding)
      )
    )
  )

  it.live("21. needs the experimental API, and says so", () =>
    Effect.gen(function* () {
      expect(yield* Effect.flip(LanguageModel.generateText({ prompt: "1 + 2?", toolkit: calculator }))).toMatchObject({
        reason: { _tag: "InvalidRequestError", parameter: "toolkit" }
      })
    }).pipe(
      Effect.provide(
        Layer.merge(
          CodexLanguageModel.layer().pipe(Layer.provide(Layer.merge(CodexTest.layer([]), acceptTools))),
          adding
        )
      )
    )
  )
})

describe("codex's own work", () => {
  const script = [reply(execCommand({ cmd: "echo hello" })), reply(text("Done"))]

  it.live("22. is in the parts when the caller declares it", () =>
    Effect.gen(function* () {
      const { content } = yield* LanguageModel.generateText({ prompt: "Look", toolkit: CodexTools.toolkit })
      expect(content.find(({ type }) => type === "tool-call")).toMatchObject({
        name: "CodexCommand",
        providerExecuted: true,
        params: { command: expect.stringContaining("echo hello") }
      })
      expect(content.find(({ type }) => type === "tool-result")).toMatchObject({
        name: "CodexCommand",
        result: { status: "completed", output: "hello\n", exitCode: 0 }
      })
    }).pipe(Effect.provide(layer(script)))
  )

  it.live("23. is in the metadata of the end alone when the caller does not", () =>
    Effect.gen(function* () {
      const { content } = yield* LanguageModel.generateText({ prompt: "Look" })
      expect(content.map(({ type }) => type)).toEqual(["response-metadata", "text", "finish"])
      expect(content.at(-1)).toMatchObject({
        metadata: { codex: { items: [{ type: "commandExecution", status: "completed" }] } }
      })
    }).pipe(Effect.provide(layer(script)))
  )
})

describe("Chat", () => {
  it.live("24. goes on in the thread that knows the conversation, and sends nothing twice", () =>
    Effect.gen(function* () {
      const chat = yield* Chat.fromPrompt([{ role: "system", content: "Be brief" }])
      for (const prompt of ["one", "two", "three"]) yield* chat.generateText({ prompt })
      expect(yield* said(2)).toEqual(["user: one", "assistant: 1", "user: two", "assistant: 2", "user: three"])
      const model = yield* MockModel.MockModel
      const threads = yield* Effect.map(model.requests, (requests) => new Set(requests.map(({ threadId }) => threadId)))
      expect(threads.size).toBe(1)
      expect((yield* Ref.get(chat.history)).content).toHaveLength(7)
    }).pipe(Effect.provide(layer(answers(text("1"), text("2"), text("3")))))
  )

  it.live("25. that is exported and restored elsewhere goes on in a new thread with all that was said", () =>
    Effect.gen(function* () {
      const chat = yield* Chat.empty
      yield* chat.generateText({ prompt: "one" })
      const restored = yield* Chat.fromJson(yield* chat.exportJson)
      yield* restored
        .generateText({ prompt: "two" })
        .pipe(Effect.provide(CodexLanguageModel.layer().pipe(Layer.provide(acceptTools))))
      expect(yield* said(1)).toEqual(["user: one", "assistant: 1", "user: two"])
    }).pipe(Effect.provide(layer(answers(text("1"), text("2")))))
  )

  it.live("26. that is persisted is there again", () =>
    Effect.gen(function* () {
      const persistence = yield* Chat.Persistence
      const chat = yield* persistence.getOrCreate("a")
      yield* chat.generateText({ prompt: "one" })
      const again = yield* persistence.get("a")
      yield* again.generateText({ prompt: "two" })
      expect(yield* said(1)).toEqual(["user: one", "assistant: 1", "user: two"])
    }).pipe(
      Effect.provide(
        Layer.merge(
          layer(answers(text("1"), text("2"))),
          Chat.layerPersisted({ storeId: "chats" }).pipe(Layer.provide(Persistence.layerBackingMemory))
        )
      )
    )
  )

  it.live("27. that goes on in two ways at once keeps them apart", () =>
    Effect.gen(function* () {
      const chat = yield* Chat.empty
      yield* chat.generateText({ prompt: "one" })
      const history = yield* Ref.get(chat.history)
      const branch = (prompt: string) =>
        LanguageModel.generateText({ prompt: Prompt.concat(history, Prompt.make(prompt)) })
      yield* Effect.all([branch("left"), branch("right")], { concurrency: 2 })
      const both = [yield* said(1), yield* said(2)].toSorted()
      expect(both).toEqual([
        ["user: one", "assistant: 1", "user: left"],
        ["user: one", "assistant: 1", "user: right"]
      ])
    }).pipe(Effect.provide(layer(answers(text("1"), text("2"), text("3")))))
  )
})

describe("ExecutionPlan and telemetry", () => {
  it.live("28. falls back to the next model when one fails, and tries one again", () =>
    Effect.gen(function* () {
      const plan = ExecutionPlan.make(
        { provide: CodexLanguageModel.model("first"), attempts: 2 },
        { provide: CodexLanguageModel.model("second") }
      )
      const response = yield* Effect.withExecutionPlan(LanguageModel.generateText({ prompt: "Hello" }), plan)
      expect(response.text).toBe("Hi")
      const model = yield* MockModel.MockModel
      expect((yield* model.requests).map(({ model }) => model)).toEqual(["first", "first", "second"])
    }).pipe(
      Effect.provide(
        Layer.merge(
          CodexTest.layer([MockModel.error(500, "no"), MockModel.error(500, "no"), reply(text("Hi"))]),
          acceptTools
        )
      )
    )
  )

  it.live("29. notes the request, the response and its tokens on the span", () => {
    const spans: Array<Tracer.Span> = []
    const tracer = Tracer.make({
      span: (options) => {
        const span = new Tracer.NativeSpan(options)
        spans.push(span)
        return span
      }
    })
    return Effect.gen(function* () {
      yield* LanguageModel.generateText({ prompt: "Hello" })
      const span = spans.find(({ name }) => name === "LanguageModel.generateText")
      expect(Object.fromEntries(span?.attributes ?? [])).toMatchObject({
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "codex",
        "gen_ai.usage.input_tokens": 7,
        "gen_ai.usage.output_tokens": 3,
        "gen_ai.response.finish_reasons": ["stop"]
      })
    }).pipe(Effect.withTracer(tracer), Effect.provide(layer([reply(text("Hi"), usage({ input: 7, output: 3 }))])))
  })
})

describe("trouble", () => {
  it.live("30. a caller that is interrupted while it runs a tool leaves a turn that is stopped in time", () =>
    Effect.gen(function* () {
      const running = yield* Deferred.make<void>()
      const ended = yield* nextTurnEnd
      const slow = calculator.toLayer({
        add: () => Effect.andThen(Deferred.succeed(running, undefined), Effect.never)
      })
      const fiber = yield* Effect.forkChild(
        LanguageModel.generateText({ prompt: "1 + 2?", toolkit: calculator }).pipe(Effect.provide(slow))
      )
      yield* Deferred.await(running)
      yield* Fiber.interrupt(fiber)
      expect(Option.getOrUndefined(yield* Fiber.join(ended))).toMatchObject({
        params: { turn: { status: "interrupted" } }
      })
    }).pipe(Effect.provide(layer([reply(add("1", 2))], { holdTimeout: "300 millis" })))
  )

  it.live("31. a server that dies while a turn waits fails the next request, and not this program", () =>
    Effect.gen(function* () {
      const chat = yield* Chat.empty
      yield* chat.generateText({ prompt: "1 + 2?", toolkit: calculator })
      const { home } = yield* CodexTest.Home
      for (const pid of processesOf(home)) {
        if (readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("app-server")) process.kill(Number(pid), "SIGKILL")
      }
      const codex = yield* Codex.Codex
      yield* Effect.flip(codex.closed)
      const failure = yield* Effect.flip(chat.generateText({ prompt: [], toolkit: calculator }))
      expect(failure).toMatchObject({
        reason: { _tag: "UnknownError", description: expect.stringContaining("Connection failed") }
      })
    }).pipe(Effect.provide(Layer.merge(layer([reply(add("1", 2))]), adding)))
  )

  it.live("32. hostile names of tools are refused", () =>
    Effect.gen(function* () {
      for (const name of ["exec_command", 'x"]\ny = 1', "../../etc", ""]) {
        const toolkit = Toolkit.make(Tool.make(name, { success: Schema.String }))
        const failure = yield* Effect.flip(
          LanguageModel.generateText({ prompt: "Hello", toolkit, disableToolCallResolution: true }).pipe(
            Effect.provide(toolkit.toLayer({ [name]: () => Effect.succeed("") }))
          )
        )
        expect([name, failure]).toMatchObject([name, { _tag: "AiError" }])
      }
      const model = yield* MockModel.MockModel
      expect(yield* model.requests).toEqual([])
    }).pipe(Effect.provide(layer([])))
  )

  it.live("33. a result of three megabytes gets to the model as far as codex lets it", () =>
    Effect.gen(function* () {
      const Big = Tool.make("big", { success: Schema.String })
      const toolkit = Toolkit.make(Big)
      const big = toolkit.toLayer({ big: () => Effect.succeed("x".repeat(3_000_000)) })
      yield* Effect.gen(function* () {
        const chat = yield* Chat.empty
        yield* chat.generateText({ prompt: "Go", toolkit })
        expect((yield* chat.generateText({ prompt: [], toolkit })).text).toBe("Big")
      }).pipe(Effect.provide(big))
    }).pipe(Effect.provide(layer([reply(toolCall("big", {})), reply(text("Big"))])))
  )

  it.live("34. keeps so many conversations, and lets the threads of the others go", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const chats = yield* Effect.all([Chat.empty, Chat.empty, Chat.empty])
      for (const [index, chat] of chats.entries()) yield* chat.generateText({ prompt: `chat ${index}` })
      yield* chats[0].generateText({ prompt: "more" })
      yield* chats[2].generateText({ prompt: "more" })
      expect(yield* said(3)).toEqual(["user: chat 0", "assistant: 1", "user: more"])
      expect(yield* said(4)).toEqual(["user: chat 2", "assistant: 1", "user: more"])
      const model = yield* MockModel.MockModel
      const threads = (yield* model.requests).map(({ threadId }) => threadId)
      expect(threads[3]).not.toBe(threads[0])
      expect(threads[4]).toBe(threads[2])
      expect(codex[tables]()["bindings"]).toBeLessThanOrEqual(3)
    }).pipe(
      Effect.provide(layer(answers(text("1"), text("1"), text("1"), text("2"), text("2")), { maxConversations: 2 }))
    )
  )

  it.live("35. a tool that needs approval keeps its turn waiting until the approval is there", () =>
    Effect.gen(function* () {
      const Guarded = Tool.make("guarded", { success: Schema.String, needsApproval: true })
      const toolkit = Toolkit.make(Guarded)
      const handlers = toolkit.toLayer({ guarded: () => Effect.succeed("opened") })
      yield* Effect.gen(function* () {
        const chat = yield* Chat.empty
        const first = yield* chat.generateText({ prompt: "Open", toolkit })
        const request = first.content.find((part) => part.type === "tool-approval-request")
        expect(request).toBeDefined()
        const second = yield* chat.generateText({
          prompt: [
            {
              role: "tool",
              content: [{ type: "tool-approval-response", approvalId: request?.approvalId ?? "", approved: true }]
            }
          ],
          toolkit
        })
        expect(second.text).toBe("Done")
        expect(yield* said(1)).toEqual(["user: Open", "function_call call_1", "function_call_output call_1: opened"])
        const model = yield* MockModel.MockModel
        expect((yield* model.request(1)).threadId).toBe((yield* model.request(0)).threadId)
      }).pipe(Effect.provide(handlers))
    }).pipe(Effect.provide(layer([reply(toolCall("guarded", {})), reply(text("Done"))])))
  )

  it.live("36. a tool of the caller that has the name of one of codex's is the caller's", () =>
    Effect.gen(function* () {
      const Own = Tool.make("CodexCommand", { success: Schema.String })
      const toolkit = Toolkit.make(Own)
      const own = toolkit.toLayer({ CodexCommand: () => Effect.succeed("mine") })
      const { content } = yield* LanguageModel.generateText({ prompt: "Go", toolkit }).pipe(Effect.provide(own))
      expect(content.filter(({ type }) => type === "tool-call")).toMatchObject([
        { providerExecuted: false, id: "call_2" }
      ])
      expect(content.filter(({ type }) => type === "tool-result")).toMatchObject([{ result: "mine" }])
    }).pipe(Effect.provide(layer([reply(execCommand({ cmd: "true" })), reply(toolCall("CodexCommand", {}))])))
  )

  it.live("37. an engine that is provided to a stream decides for it", () =>
    Effect.gen(function* () {
      const parts = yield* LanguageModel.streamText({ prompt: "1 + 2?", toolkit: calculator }).pipe(
        Stream.provideService(CodexLanguageModel.CurrentPolicy, PolicyEngine.declineAll),
        Stream.runCollect
      )
      expect(parts.some(({ type }) => type === "tool-call")).toBe(false)
      expect((yield* said(1)).at(-1)).toContain("declined by policy")
    }).pipe(Effect.provide(Layer.merge(layer([reply(add("1", 2)), reply(text("Sorry"))]), adding)))
  )

  it.live("38. a model that is provided for one call leaves no thread behind", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const once = LanguageModel.generateText({ prompt: "Hello" }).pipe(
        Effect.provide(CodexLanguageModel.model("mock-model"))
      )
      expect((yield* once).text).toBe("1")
      expect((yield* once).text).toBe("2")
      expect(codex[tables]()).toMatchObject({ bindings: 0, routes: 0, joined: 0 })
    }).pipe(Effect.provide(Layer.merge(CodexTest.layer(answers(text("1"), text("2"))), acceptTools)))
  )

  it.live("39. counts no token twice when codex has worked before it called a tool", () =>
    Effect.gen(function* () {
      const chat = yield* Chat.empty
      const first = yield* chat.generateText({ prompt: "1 + 2?", toolkit: calculator })
      const second = yield* chat.generateText({ prompt: [], toolkit: calculator })
      expect(first.usage.inputTokens.total).toBe(1000)
      expect([second.usage.inputTokens.total, second.usage.outputTokens.total]).toEqual([230, 23])
    }).pipe(
      Effect.provide(
        Layer.merge(
          layer([
            reply(execCommand({ cmd: "true" }), usage({ input: 1000, output: 100 })),
            reply(add("1", 2), usage({ input: 200, output: 20 })),
            reply(text("Three"), usage({ input: 30, output: 3 }))
          ]),
          adding
        )
      )
    )
  )

  it.live("40. a layer that closes stops the turns that wait", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const { finishReason } = yield* LanguageModel.generateText({ prompt: "1 + 2?", toolkit: calculator }).pipe(
        Effect.provide(CodexLanguageModel.layer())
      )
      expect(finishReason).toBe("tool-calls")
      expect(codex[tables]()).toMatchObject({ bindings: 0, routes: 0, joined: 0, active: 0, waiting: 0 })
    }).pipe(
      Effect.provide(
        Layer.mergeAll(
          CodexTest.layer([reply(add("1", 2))], { verifyOnClose: false, codex: { experimentalApi: true } }),
          acceptTools,
          adding
        )
      )
    )
  )
})
