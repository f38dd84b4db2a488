import * as Codex from "@effect-codex/core/Codex"
import * as AppServer from "@effect-codex/core/AppServer"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import { CodexTest, MockModel } from "@effect-codex/core/testing"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, expect, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Toml from "effect/encoding/Toml"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { toToml } from "../src/internal/connection/serverConfig.ts"

const { reply, text } = MockModel

const withOptions = (options: Codex.Options, script: MockModel.Script = []) =>
  Effect.provide(Layer.merge(CodexTest.layer(script, { codex: options }), PolicyEngine.layerDeclineAll))

const readConfig = Effect.flatMap(Codex.Codex, (codex) =>
  Effect.map(
    codex.requestRaw("config/read", {}),
    (response): Record<string, unknown> =>
      Schema.decodeUnknownSync(Schema.Struct({ config: Schema.Record(Schema.String, Schema.Unknown) }))(response).config
  )
)

describe("overrides of the server's configuration", () => {
  it.live("of every shape of JSON arrive as they were", () => {
    const awkward = 'a "quoted" \\ back\\slash, \t tab, \n line, \u007f, 漢字, = # [x] {y}'
    return Effect.gen(function* () {
      expect(yield* readConfig).toMatchObject({
        developer_instructions: awkward,
        model_reasoning_effort: "high",
        tool_output_token_limit: 12345,
        hide_agent_reasoning: true,
        notify: ["a b", 'c"d'],
        sandbox_workspace_write: { network_access: true, writable_roots: ["/tmp/x y"] },
        web_search: "disabled"
      })
    }).pipe(
      withOptions({
        webSearch: "disabled",
        config: {
          developer_instructions: awkward,
          model_reasoning_effort: "high",
          tool_output_token_limit: 12345,
          hide_agent_reasoning: true,
          notify: ["a b", 'c"d'],
          sandbox_workspace_write: { writable_roots: ["/tmp/x y"] },
          "sandbox_workspace_write.network_access": true,
          model_verbosity: undefined
        }
      })
    )
  })

  it.live("that have no form in TOML are refused with their path, and nothing is started", () =>
    Effect.gen(function* () {
      for (const [config, path] of [
        [{ a: { b: [1, null] } }, "config.a.b[1]"],
        [{ a: Number.NaN }, "config.a"],
        [{ "a=b": 1 }, "config.a=b"],
        [{ "": 1 }, "config."],
        [{ a: "\ud800" }, "config.a"]
      ] as const) {
        const failure = yield* Effect.flip(
          Effect.scoped(Layer.build(AppServer.layer({ config }).pipe(Layer.provide(NodeServices.layer))))
        )
        expect(failure).toMatchObject({ _tag: "InvalidConfig", path })
      }
    })
  )

  it.prop("a value and its TOML mean the same", [Schema.Json], ([value]) => {
    const toml = toToml({ value }, "config")
    const hasNull = JSON.stringify(value).includes("null")
    if (Result.isFailure(toml))
      return hasNull || !JSON.stringify(value).isWellFormed() || /\\ud[89a-f]/i.test(JSON.stringify(value))
    // The reader of TOML here takes no integer beyond these.
    const integers = Array.from(toml.success.matchAll(/(?<![\w.+"-])-?\d+(?![\w.])/g), ([integer]) => Number(integer))
    if (!integers.every(Number.isSafeInteger)) return true
    const back = Result.getOrThrow(Toml.parse(`x = ${toml.success}`))
    expect(JSON.parse(JSON.stringify(back["x"], (_, v) => (typeof v === "bigint" ? Number(v) : v)))).toEqual(
      JSON.parse(JSON.stringify({ value }))
    )
    return true
  })
})

describe("the three layers of defaults", () => {
  it.live("the request wins over the default, undefined keeps it, null is sent", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const model = yield* MockModel.MockModel
      yield* codex.responses.create({ prompt: "1" })
      yield* codex.responses.create({ prompt: "2", thread: { developerInstructions: "Mine" } })
      yield* codex.responses.create({ prompt: "3", thread: { developerInstructions: undefined } })
      yield* codex.responses.create({ prompt: "4", thread: { developerInstructions: null }, turn: { model: "other" } })
      const told = (yield* model.requests).map(({ input, model }) => ({
        model,
        said: input.flatMap(({ role, text }) => (role === "developer" ? (text.match(/Default|Mine/) ?? []) : []))
      }))
      expect(told).toEqual([
        { model: "turn-model", said: ["Default"] },
        { model: "turn-model", said: ["Mine"] },
        { model: "turn-model", said: ["Default"] },
        { model: "other", said: [] }
      ])
    }).pipe(
      withOptions(
        { thread: { developerInstructions: "Default" }, turn: { model: "turn-model" } },
        ["1", "2", "3", "4"].map((answer) => reply(text(answer)))
      )
    )
  )

  it.live("defaults of threads hold for forks", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const model = yield* MockModel.MockModel
      const thread = yield* codex.thread.start({ model: "first" })
      yield* thread.run("1")
      const fork = yield* thread.fork()
      expect(fork.id).not.toBe(thread.id)
      yield* fork.run("2")
      const other = yield* codex.thread.fork(thread.id, { model: "third" })
      yield* other.run("3")
      const requests = yield* model.requests
      expect(requests.map(({ model }) => model)).toEqual(["first", "default", "third"])
      expect(requests[1]?.userTexts).toEqual(["1", "2"])
      expect(requests[2]?.userTexts).toEqual(["1", "3"])
    }).pipe(
      withOptions(
        { thread: { model: "default", personality: "friendly" } },
        ["1", "2", "3"].map((answer) => reply(text(answer)))
      )
    )
  )
})

describe("a layer from Config", () => {
  it.live("reads its options where they are", () =>
    Effect.gen(function* () {
      const { cwd, env } = yield* CodexTest.Home
      const model = yield* MockModel.MockModel
      const layer = Codex.layerConfig({
        cwd: Config.succeed(cwd),
        env: Config.succeed(env),
        requestTimeout: Config.Duration("TIMEOUT"),
        thread: { model: Config.String("AGENT_MODEL"), sandbox: Config.succeed("read-only" as const) }
      }).pipe(Layer.provide(NodeServices.layer))
      const provide = (values: Record<string, string>) =>
        Effect.provide(
          Layer.merge(layer, PolicyEngine.layerDeclineAll).pipe(
            Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown(values)))
          )
        )
      const ask = Effect.flatMap(Codex.Codex, (codex) => codex.responses.create({ prompt: "Hello" }))
      yield* ask.pipe(provide({ TIMEOUT: "5 seconds", AGENT_MODEL: "configured" }))
      expect((yield* model.request(0)).model).toBe("configured")
      const failure = yield* Effect.flip(ask.pipe(provide({ TIMEOUT: "5 seconds" })))
      expect(failure._tag).toBe("ConfigError")
      expect(failure.message).toContain("AGENT_MODEL")
    }).pipe(Effect.provide(CodexTest.layerHome([reply(text("hi"))])))
  )
})
