import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Sse from "effect/encoding/Sse"
import * as Toml from "effect/encoding/Toml"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as CodexHome from "../../src/testing/CodexHome.ts"
import * as MockModel from "../../src/testing/MockModel.ts"

const message = (role: string, text: string) => ({
  type: "message",
  role,
  content: [{ type: role === "assistant" ? "output_text" : "input_text", text }]
})

const fetchResponse = (url: string, input: ReadonlyArray<unknown>, rest: Record<string, unknown> = {}) =>
  Effect.promise((signal) =>
    fetch(`${url}/responses`, { method: "POST", body: JSON.stringify({ model: "m", input, ...rest }), signal })
  )

const prompt = (url: string, text: string) => fetchResponse(url, [message("user", text)])

const readBody = (response: Response) => Effect.promise(() => response.text())

/** The events of a response, each as its parsed data. */
const events = Effect.fnUntraced(function* (response: Response) {
  const parsed = yield* Stream.make(yield* readBody(response)).pipe(
    Stream.pipeThroughChannel(Sse.decode<never, unknown>()),
    Stream.runCollect
  )
  return parsed.map((event): { readonly type: string; readonly [key: string]: unknown } => {
    const data = JSON.parse(event.data)
    expect(data.type).toBe(event.event)
    return data
  })
})

const ask = (url: string, text: string) => Effect.flatMap(prompt(url, text), events)

const deltas = (all: ReadonlyArray<{ readonly type: string; readonly [key: string]: unknown }>) =>
  all.filter((event) => event.type.endsWith(".delta")).map((event) => event["delta"])

const errorMessage = (response: Response) =>
  Effect.map(readBody(response), (body): string => JSON.parse(body).error.message)

const connectionFailure = (url: string) =>
  Effect.promise(() =>
    fetch(url).then(
      () => "answered",
      () => "refused"
    )
  )

describe("MockModel", () => {
  describe("replies", () => {
    it.live("sends one text in deltas of a word each, then the whole message, then the usage", () =>
      Effect.gen(function* () {
        const model = yield* MockModel.make([MockModel.reply(MockModel.text("READY steady  go "))])
        expect(yield* ask(model.url, "go")).toStrictEqual([
          { type: "response.created", response: { id: "resp_1", status: "in_progress", output: [] } },
          {
            type: "response.output_item.added",
            output_index: 0,
            item: { type: "message", role: "assistant", id: "msg_1", content: [] }
          },
          ...["READY", " steady", "  go "].map((delta) => ({
            type: "response.output_text.delta",
            item_id: "msg_1",
            output_index: 0,
            content_index: 0,
            delta
          })),
          {
            type: "response.output_item.done",
            output_index: 0,
            item: {
              type: "message",
              role: "assistant",
              id: "msg_1",
              content: [{ type: "output_text", text: "READY steady  go ", annotations: [] }]
            }
          },
          {
            type: "response.completed",
            response: {
              id: "resp_1",
              status: "completed",
              usage: {
                input_tokens: 100,
                input_tokens_details: { cached_tokens: 0 },
                output_tokens: 10,
                output_tokens_details: { reasoning_tokens: 0 },
                total_tokens: 110
              }
            }
          }
        ])
      })
    )

    it.live("sends several chunks as they are, and several items in order", () =>
      Effect.gen(function* () {
        const model = yield* MockModel.make([
          MockModel.reply(
            MockModel.usage({ input: 7, cached: 3, output: 5, reasoning: 2 }),
            MockModel.reasoning("let me", " think"),
            MockModel.text("a b", "c"),
            MockModel.functionCall("look", { at: "it" }),
            MockModel.customToolCall("patch", "*** free text", { callId: "mine" }),
            MockModel.item({ type: "web_search_call", id: "ws_1", status: "completed" })
          )
        ])
        const all = yield* ask(model.url, "go")
        expect(deltas(all)).toStrictEqual(["let me", " think", "a b", "c"])
        expect(all.filter((event) => event.type === "response.output_item.done")).toStrictEqual([
          {
            type: "response.output_item.done",
            output_index: 0,
            item: {
              type: "reasoning",
              id: "rs_1",
              encrypted_content: null,
              summary: [{ type: "summary_text", text: "let me think" }]
            }
          },
          {
            type: "response.output_item.done",
            output_index: 1,
            item: {
              type: "message",
              role: "assistant",
              id: "msg_1",
              content: [{ type: "output_text", text: "a bc", annotations: [] }]
            }
          },
          {
            type: "response.output_item.done",
            output_index: 2,
            item: { type: "function_call", id: "fc_1", call_id: "call_1", name: "look", arguments: '{"at":"it"}' }
          },
          {
            type: "response.output_item.done",
            output_index: 3,
            item: { type: "custom_tool_call", id: "ctc_1", call_id: "mine", name: "patch", input: "*** free text" }
          },
          {
            type: "response.output_item.done",
            output_index: 4,
            item: { type: "web_search_call", id: "ws_1", status: "completed" }
          }
        ])
        expect(all.at(-1)).toHaveProperty("response.usage", {
          input_tokens: 7,
          input_tokens_details: { cached_tokens: 3 },
          output_tokens: 5,
          output_tokens_details: { reasoning_tokens: 2 },
          total_tokens: 12
        })
      })
    )

    it.live("says the same bytes each time", () =>
      Effect.gen(function* () {
        const script = [MockModel.reply(MockModel.reasoning("hm"), MockModel.execCommand({ cmd: "ls" }))]
        const one = yield* MockModel.make(script)
        const two = yield* MockModel.make(script)
        expect(yield* Effect.flatMap(prompt(one.url, "x"), readBody)).toBe(
          yield* Effect.flatMap(prompt(two.url, "x"), readBody)
        )
      })
    )

    it.live("answers with an HTTP error", () =>
      Effect.gen(function* () {
        const model = yield* MockModel.make([
          MockModel.error(429, "slow down", { type: "usage_limit_reached", headers: { "retry-after": "3" } }),
          MockModel.error(502, "", { body: "<html>" })
        ])
        const first = yield* prompt(model.url, "x")
        expect(first.status).toBe(429)
        expect(first.headers.get("retry-after")).toBe("3")
        expect(yield* Effect.promise(() => first.json())).toStrictEqual({
          error: { message: "slow down", type: "usage_limit_reached", code: null, param: null }
        })
        const second = yield* prompt(model.url, "x")
        expect(second.status).toBe(502)
        expect(yield* readBody(second)).toBe("<html>")
      })
    )

    it.live("ends with response.failed where the script says so", () =>
      Effect.gen(function* () {
        const model = yield* MockModel.make([
          MockModel.reply(MockModel.text("a", MockModel.failed("rate_limit_exceeded", "later"), "never"))
        ])
        const all = yield* ask(model.url, "x")
        expect(deltas(all)).toStrictEqual(["a"])
        expect(all.at(-1)).toStrictEqual({
          type: "response.failed",
          response: { id: "resp_1", status: "failed", error: { code: "rate_limit_exceeded", message: "later" } }
        })
      })
    )

    it.live("sends broken and made-up events between the chunks", () =>
      Effect.gen(function* () {
        const model = yield* MockModel.make([
          MockModel.reply(
            MockModel.text("a", MockModel.malformed("data: {\n\n"), "b"),
            MockModel.event("response.future", { x: 1 })
          )
        ])
        const body = yield* Effect.flatMap(prompt(model.url, "x"), readBody)
        expect(body.indexOf('"delta":"a"')).toBeLessThan(body.indexOf("data: {\n\n"))
        expect(body.indexOf("data: {\n\n")).toBeLessThan(body.indexOf('"delta":"b"'))
        expect(body).toContain('event: response.future\ndata: {"type":"response.future","x":1}\n\n')
      })
    )

    it.live("cuts the connection after what came before was delivered", () =>
      Effect.gen(function* () {
        const model = yield* MockModel.make([MockModel.reply(MockModel.text("a", MockModel.disconnect, "b"))])
        const response = yield* prompt(model.url, "x")
        const received = yield* Effect.promise(async () => {
          let text = ""
          try {
            for await (const chunk of response.body ?? []) text += new TextDecoder().decode(chunk)
            return { text, complete: true }
          } catch {
            return { text, complete: false }
          }
        })
        expect(received.complete).toBe(false)
        expect(received.text).toContain('"delta":"a"')
        expect(received.text).not.toContain('"delta":"b"')
        expect(yield* model.ended(0)).toBe("disconnected")
      })
    )

    it.effect("waits by the clock that it was started with", () =>
      Effect.gen(function* () {
        const model = yield* MockModel.make([MockModel.reply(MockModel.text("a", MockModel.delay("1 hour"), "b"))])
        const asking = yield* Effect.forkChild(ask(model.url, "x"))
        yield* model.request(0)
        yield* TestClock.withLive(Effect.sleep("20 millis"))
        expect(asking.pollUnsafe()).toBeUndefined()
        yield* TestClock.adjust("1 hour")
        expect(deltas(yield* Fiber.join(asking))).toStrictEqual(["a", "b"])
      })
    )
  })

  describe("gates", () => {
    it.live("hold the stream, with everything before them delivered, until they are opened", () =>
      Effect.gen(function* () {
        const gate = yield* MockModel.gate
        const model = yield* MockModel.make([MockModel.reply(MockModel.text("before", gate, "after"))])
        const response = yield* prompt(model.url, "x")
        const reader = response.body?.getReader()
        yield* gate.reached
        const first = yield* Effect.promise(async () => new TextDecoder().decode((await reader?.read())?.value))
        expect(first).toContain('"delta":"before"')
        expect(first).not.toContain('"delta":"after"')
        yield* gate.open
        const rest = yield* Effect.promise(async () => {
          let text = ""
          while (true) {
            const next = await reader?.read()
            if (next === undefined || next.done) return text
            text += new TextDecoder().decode(next.value)
          }
        })
        expect(rest).toContain('"delta":"after"')
        expect(rest).toContain("response.completed")
        expect(yield* model.ended(0)).toBe("completed")
      })
    )

    it.live("show that the client has left", () =>
      Effect.gen(function* () {
        const gate = yield* MockModel.gate
        const model = yield* MockModel.make([MockModel.reply(MockModel.text("before", gate, "after"))])
        const asking = yield* Effect.forkChild(ask(model.url, "x"))
        yield* gate.reached
        yield* Fiber.interrupt(asking)
        expect(yield* model.ended(0)).toBe("left")
      })
    )

    it.live("stay open once opened", () =>
      Effect.gen(function* () {
        const gate = yield* MockModel.gate
        yield* gate.open
        const model = yield* MockModel.make(() => MockModel.reply(gate, MockModel.text("a")))
        expect(deltas(yield* ask(model.url, "x"))).toStrictEqual(["a"])
        expect(deltas(yield* ask(model.url, "x"))).toStrictEqual(["a"])
      })
    )
  })

  describe("scripts", () => {
    it.live("answer in order", () =>
      Effect.gen(function* () {
        const model = yield* MockModel.make([
          MockModel.reply(MockModel.text("one")),
          (request) => MockModel.reply(MockModel.text(`two ${request.lastUserText}`))
        ])
        expect(deltas(yield* ask(model.url, "x"))).toStrictEqual(["one"])
        expect(deltas(yield* ask(model.url, "y"))).toStrictEqual(["two", " y"])
        yield* model.verify
      })
    )

    it.live("answer by the prompt, each turn its own replies, and the rest in order", () =>
      Effect.gen(function* () {
        const model = yield* MockModel.make([
          MockModel.reply(MockModel.text("plain")),
          MockModel.when("weather", MockModel.reply(MockModel.text("w1")), MockModel.reply(MockModel.text("w2"))),
          MockModel.when((request) => request.model === "other", MockModel.reply(MockModel.text("other")))
        ])
        expect(deltas(yield* ask(model.url, "the weather"))).toStrictEqual(["w1"])
        expect(deltas(yield* Effect.flatMap(fetchResponse(model.url, [], { model: "other" }), events))).toStrictEqual([
          "other"
        ])
        expect(deltas(yield* ask(model.url, "the weather"))).toStrictEqual(["w2"])
        expect(deltas(yield* ask(model.url, "the weather, again"))).toStrictEqual(["plain"])
        yield* model.verify
      })
    )

    it.live("may be a function, or an effect", () =>
      Effect.gen(function* () {
        const model = yield* MockModel.make(
          (request) =>
            request.index === 0
              ? MockModel.reply(MockModel.text(request.lastUserText))
              : request.index === 1
                ? Effect.delay(Effect.succeed(MockModel.reply(MockModel.text("late"))), "1 millis")
                : undefined,
          { verifyOnClose: false }
        )
        expect(deltas(yield* ask(model.url, "echo"))).toStrictEqual(["echo"])
        expect(deltas(yield* ask(model.url, "x"))).toStrictEqual(["late"])
        expect((yield* prompt(model.url, "x")).status).toBe(501)
        expect(yield* model.unexpected).toHaveLength(1)
      })
    )
  })

  describe("requests", () => {
    it.live("are read: prompt, thread, tool outputs, tools", () =>
      Effect.gen(function* () {
        const model = yield* MockModel.make([MockModel.reply()])
        const input = [
          { type: "additional_tools", role: "developer", tools: [{ type: "custom", name: "exec" }] },
          message("developer", "be good"),
          message("user", "<environment_context>\n  <cwd>/</cwd>\n</environment_context>"),
          message("user", "first"),
          { type: "function_call", name: "a", arguments: "{}", call_id: "c1" },
          { type: "function_call_output", call_id: "c1", output: "plain" },
          message("assistant", "done"),
          message("user", "second"),
          { type: "function_call", name: "b", arguments: "{}", call_id: "c2" },
          { type: "function_call_output", call_id: "c2", output: [{ type: "input_text", text: "in parts" }] },
          message("user", "<subagent_notification>\n{}\n</subagent_notification>"),
          { future: true }
        ]
        yield* fetchResponse(model.url, input, {
          client_metadata: { thread_id: "t", turn_id: "u" },
          tools: [
            { type: "function", name: "exec_command" },
            { type: "namespace", name: "mcp__probe", tools: [{ type: "function", name: "ask" }] },
            { type: "web_search" }
          ]
        })
        const request = yield* model.request(0)
        expect(request).toMatchObject({
          index: 0,
          path: "/v1/responses",
          model: "m",
          threadId: "t",
          turnId: "u",
          userTexts: ["first", "second"],
          lastUserText: "second",
          toolOutputs: [
            { callId: "c1", output: "plain" },
            { callId: "c2", output: "in parts" }
          ],
          lastToolOutput: { callId: "c2", output: "in parts" },
          tools: ["exec_command", "mcp__probe.ask", "web_search", "exec"]
        })
        expect(request.input.at(-1)).toMatchObject({ type: "message", text: "", raw: { future: true } })
        expect(request.body["input"]).toStrictEqual(input)
        expect(request.headers["host"]).toMatch(/^127\.0\.0\.1:\d+$/)
      })
    )

    it.live("can be waited for", () =>
      Effect.gen(function* () {
        const model = yield* MockModel.make(() => MockModel.reply())
        const second = yield* Effect.forkChild(model.request(1))
        yield* ask(model.url, "one")
        expect(second.pollUnsafe()).toBeUndefined()
        yield* ask(model.url, "two")
        expect((yield* Fiber.join(second)).lastUserText).toBe("two")
        expect((yield* model.requests).map((request) => request.lastUserText)).toStrictEqual(["one", "two"])
      })
    )

    it.live("for something else are answered and kept, and are not unexpected", () =>
      Effect.gen(function* () {
        const model = yield* MockModel.make([])
        const models = yield* Effect.promise(() => fetch(`${model.url}/models?client_version=1`))
        expect(yield* Effect.promise(() => models.json())).toStrictEqual({ object: "list", data: [], models: [] })
        const other = yield* Effect.promise(() => fetch(`${model.url}/other`, { method: "POST", body: "{}" }))
        expect(other.status).toBe(404)
        expect(yield* model.others).toStrictEqual([
          { method: "GET", path: "/v1/models?client_version=1", body: "" },
          { method: "POST", path: "/v1/other", body: "{}" }
        ])
        yield* model.verify
      })
    )

    it.live("that are not JSON are requests without anything in them", () =>
      Effect.gen(function* () {
        const model = yield* MockModel.make([MockModel.reply()])
        yield* Effect.promise(() => fetch(`${model.url}/responses`, { method: "POST", body: "no" }))
        expect(yield* model.request(0)).toMatchObject({ body: {}, model: "", input: [], lastUserText: "" })
      })
    )
  })

  describe("verify", () => {
    it.live("succeeds when everything was used and nothing else came", () =>
      Effect.gen(function* () {
        const model = yield* MockModel.make([MockModel.reply()])
        yield* ask(model.url, "x")
        yield* model.verify
      })
    )

    it.live("tells what was expected, what came, and what is left", () =>
      Effect.gen(function* () {
        const model = yield* MockModel.make(
          [
            MockModel.reply(MockModel.execCommand({ cmd: "ls" })),
            MockModel.expect(
              "offers a tool",
              (request) => request.tools.length > 0,
              MockModel.reply(MockModel.text("never said"))
            ),
            MockModel.when("weather", MockModel.reply(MockModel.text("sunny")))
          ],
          { verifyOnClose: false }
        )
        yield* ask(model.url, "hello")
        const refused = yield* fetchResponse(model.url, [
          message("user", "hello"),
          { type: "function_call_output", call_id: "call_1", output: "a.txt" }
        ])
        expect(refused.status).toBe(501)
        const surplus = yield* prompt(model.url, "more")
        expect(yield* errorMessage(surplus)).toBe(
          "Not in the script of the stand-in for the model: " +
            'request 2: expected a request for: when "weather": text "sunny"; came prompt "more"'
        )
        const mismatch = yield* Effect.flip(model.verify)
        expect(mismatch.message).toBe(
          [
            "The requests to the model differ from the script:",
            '  request 1: expected that it offers a tool; came output of call_1 "a.txt"',
            '  request 2: expected a request for: when "weather": text "sunny"; came prompt "more"',
            '  unused: when "weather": text "sunny"',
            "Requests, in order:",
            '  0: prompt "hello" -> exec_command {"cmd":"ls"}',
            '  1: output of call_1 "a.txt" -> text "never said" (refused)',
            '  2: prompt "more" -> no reply'
          ].join("\n")
        )
        expect((yield* model.unexpected).map((request) => request.index)).toStrictEqual([1, 2])
      })
    )

    it.live("quotes a check, or a script, that throws", () =>
      Effect.gen(function* () {
        const model = yield* MockModel.make(
          [
            MockModel.expect(
              "says hello",
              (request) => {
                expect(request.lastUserText).toBe("hello")
                return true
              },
              MockModel.reply()
            ),
            () => {
              throw new Error("no idea")
            }
          ],
          { verifyOnClose: false }
        )
        expect((yield* prompt(model.url, "bye")).status).toBe(501)
        expect((yield* prompt(model.url, "bye")).status).toBe(501)
        const mismatch = yield* Effect.flip(model.verify)
        expect(mismatch.differences[0]).toContain("expected that it says hello (expected 'bye' to be 'hello'")
        expect(mismatch.differences[1]).toBe('request 1: the script threw: no idea; came prompt "bye"')
      })
    )

    const closing = (
      script: MockModel.Script,
      program: (url: string) => Effect.Effect<unknown, string>,
      options?: MockModel.Options
    ) =>
      Effect.flatMap(MockModel.MockModel, (model) => program(model.url)).pipe(
        Effect.provide(MockModel.layer(script, options)),
        Effect.exit,
        Effect.map((exit) =>
          Exit.isSuccess(exit)
            ? []
            : exit.cause.reasons.map((reason) =>
                Cause.isDieReason(reason) && reason.defect instanceof MockModel.ScriptMismatch
                  ? reason.defect.differences
                  : Cause.isFailReason(reason)
                    ? reason.error
                    : reason._tag
              )
        )
      )

    it.live("runs when the scope closes", () =>
      Effect.gen(function* () {
        const unused = [MockModel.reply(MockModel.text("unsaid"))]
        expect(yield* closing(unused, () => Effect.void)).toStrictEqual([['unused: text "unsaid"']])
        expect(yield* closing(unused, () => Effect.void, { verifyOnClose: false })).toStrictEqual([])
        expect(yield* closing([], (url) => prompt(url, "x"))).toStrictEqual([
          ['request 0: expected no more requests; came prompt "x"']
        ])
      })
    )

    it.live("leaves another failure as it is", () =>
      Effect.gen(function* () {
        const unused = [MockModel.reply(MockModel.text("unsaid"))]
        expect(yield* closing(unused, () => Effect.fail("mine"))).toStrictEqual(["mine"])
        expect(yield* closing([], (url) => Effect.andThen(prompt(url, "x"), Effect.fail("mine")))).toStrictEqual([
          "mine"
        ])
      })
    )
  })

  describe("closing", () => {
    it.live("ends open streams and connections at once", () =>
      Effect.gen(function* () {
        const gate = yield* MockModel.gate
        const scope = yield* Scope.make()
        const model = yield* MockModel.make([MockModel.reply(MockModel.text("a", gate, "b"))]).pipe(
          Scope.provide(scope)
        )
        const response = yield* prompt(model.url, "x")
        const reading = yield* Effect.forkChild(
          Effect.promise(() =>
            response.text().then(
              () => "complete",
              () => "cut"
            )
          )
        )
        yield* gate.reached
        yield* Scope.close(scope, Exit.void)
        expect(yield* Fiber.join(reading)).toBe("cut")
        expect(yield* model.ended(0)).toBe("closed")
        expect(yield* connectionFailure(model.url)).toBe("refused")
      }).pipe(Effect.timeout("5 seconds"))
    )

    it.live("does not wait for idle connections", () =>
      Effect.gen(function* () {
        const url = yield* Effect.scoped(
          Effect.gen(function* () {
            const model = yield* MockModel.make([MockModel.reply()])
            yield* ask(model.url, "x")
            return model.url
          })
        )
        expect(yield* connectionFailure(url)).toBe("refused")
      }).pipe(Effect.timeout("5 seconds"))
    )
  })

  it.live("listens on the loopback alone, on a port of its own", () =>
    Effect.gen(function* () {
      const one = yield* MockModel.make([])
      const two = yield* MockModel.make([])
      expect(one.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/v1$/)
      expect(one.url).not.toBe(two.url)
    })
  )
})

describe("CodexHome", () => {
  const url = 'http://127.0.0.1:1/v1?"'

  it.effect("writes a configuration that names the model's URL, the features, and what is added", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const home = yield* CodexHome.make({
        url,
        features: { request_permissions_tool: true, apps: true },
        config: (paths) =>
          `approval_policy = "never"\n[mcp_servers.probe]\ncommand = "node"\nargs = [${JSON.stringify(paths.cwd)}]\n`,
        files: { "a/b.txt": "content" }
      })
      const config = Result.getOrThrow(Toml.parse(yield* fs.readFileString(path.join(home.home, "config.toml"))))
      expect(JSON.parse(JSON.stringify(config))).toStrictEqual({
        model: "mock-model",
        model_provider: "mock",
        suppress_unstable_features_warning: true,
        check_for_update_on_startup: false,
        analytics: { enabled: false },
        model_providers: {
          mock: {
            name: "mock",
            base_url: url,
            wire_api: "responses",
            request_max_retries: 0,
            stream_max_retries: 0,
            supports_websockets: false
          }
        },
        features: { plugins: false, apps: true, request_permissions_tool: true },
        approval_policy: "never",
        mcp_servers: { probe: { command: "node", args: [home.cwd] } }
      })
      expect(yield* fs.readFileString(path.join(home.cwd, "a/b.txt"))).toBe("content")
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("keeps codex away from the home and the network of the one who runs it", () =>
    Effect.gen(function* () {
      const home = yield* CodexHome.make({ url })
      const root = home.home.replace(/[^/\\]+$/, "")
      expect(home.env["CODEX_HOME"]).toBe(home.home)
      expect(home.env["HOME"]?.startsWith(root)).toBe(true)
      expect(home.env["TMPDIR"]?.startsWith(root)).toBe(true)
      expect(home.cwd.startsWith(home.home)).toBe(false)
      expect(home.env["PATH"]).toBe(process.env["PATH"])
      expect(home.env["HTTPS_PROXY"]).toBe("http://127.0.0.1:9")
      expect(home.env["NO_PROXY"]).toContain("127.0.0.1")
      expect(Object.keys(home.env)).not.toContain("OPENAI_API_KEY")
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live("is gone when the scope has closed, also while something writes into it", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const [root, writing] = yield* Effect.scoped(
        Effect.gen(function* () {
          const home = yield* CodexHome.make({ url })
          const write = (n: number) => Effect.ignore(fs.writeFileString(path.join(home.home, `${n}`), "x"))
          const writing = yield* Effect.forkDetach(Effect.forEach(Array.from({ length: 500 }).keys(), write))
          yield* write(-1)
          return [path.dirname(home.home), writing] as const
        })
      )
      yield* Fiber.join(writing)
      expect(path.basename(root)).toMatch(/^effect-codex-/)
      expect(yield* fs.exists(root)).toBe(false)
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
