import * as Codex from "@effect-codex/core/Codex"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import { CodexTest, MockModel } from "@effect-codex/core/testing"
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as path from "node:path"
import * as Stream from "effect/Stream"
import { lacks } from "../server.ts"

const { addFile, execCommand, mcpCall, reply, requestPermissions, requestUserInput, text, toolCall } = MockModel

// One turn in which the model makes this call, decided on by this engine, and what the model and we got to see of it.
const runTurn = Effect.fnUntraced(function* (
  call: MockModel.Part,
  engine: Parameters<typeof PolicyEngine.make>[0],
  options?: {
    readonly test?: Omit<CodexTest.Options, "codex">
    readonly response?: Omit<Codex.ResponseOptions, "prompt">
    readonly dynamicTools?: boolean
    readonly file?: string
  }
) {
  const asked: Array<PolicyEngine.Request<PolicyEngine.Kind>> = []
  const decide = PolicyEngine.make(engine)
  const watch =
    <K extends PolicyEngine.Kind>(kind: K): PolicyEngine.Decide<K> =>
    (request) => {
      asked.push(request)
      return decide[kind](request)
    }
  const watching = PolicyEngine.make({
    command: watch("command"),
    fileChange: watch("fileChange"),
    permissions: watch("permissions"),
    userInput: watch("userInput"),
    elicitation: watch("elicitation"),
    toolCall: watch("toolCall")
  })
  return yield* Effect.gen(function* () {
    const codex = yield* Codex.Codex
    const threadId =
      options?.dynamicTools === true
        ? (yield* codex.requestExperimental("thread/start", {
            dynamicTools: [
              {
                type: "function",
                name: "get_weather",
                description: "Tells the weather",
                inputSchema: { type: "object", properties: { city: { type: "string" } } }
              }
            ]
          })).thread.id
        : undefined
    const response = yield* codex.responses.create({ prompt: "Go on", threadId, ...options?.response })
    const model = yield* MockModel.MockModel
    const { cwd } = yield* CodexTest.Home
    const fs = yield* FileSystem.FileSystem
    const exists = yield* fs.exists(path.join(cwd, options?.file ?? "made.txt"))
    return { asked, response, exists, output: (yield* model.request(1)).lastToolOutput?.output ?? "" }
  }).pipe(
    Effect.provide(
      Layer.mergeAll(
        CodexTest.layer([reply(call), reply(text("done"))], { ...options?.test, codex: { experimentalApi: true } }),
        Layer.succeed(PolicyEngine.PolicyEngine)(watching),
        NodeServices.layer
      )
    )
  )
})

describe("a command", () => {
  const call = execCommand({ cmd: "touch made.txt", escalate: "May I?" })

  it.live("that is accepted runs", () =>
    Effect.gen(function* () {
      const { asked, exists, response } = yield* runTurn(call, {
        command: () => Effect.succeed({ decision: "accept", by: "test" })
      })
      expect(exists).toBe(true)
      expect(response.text).toBe("done")
      expect(asked).toMatchObject([
        {
          kind: "command",
          threadId: response.threadId,
          turnId: response.turnId,
          params: { command: "/bin/bash -lc 'touch made.txt'", reason: "May I?" },
          item: { type: "commandExecution", status: "inProgress" }
        }
      ])
      expect(asked[0]?.availableDecisions).toContain("accept")
    })
  )

  it.live("that is declined does not run, and the turn goes on", () =>
    Effect.gen(function* () {
      const { exists, response } = yield* runTurn(call, {
        command: () => Effect.succeed({ decision: "decline", by: "test" })
      })
      expect(exists).toBe(false)
      expect(response.items.find((item) => item.type === "commandExecution")).toMatchObject({ status: "declined" })
      expect(response.text).toBe("done")
    })
  )

  it.live("that is cancelled ends the turn", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const failure = yield* Effect.flip(codex.responses.create({ prompt: "Go on" }))
      expect(failure._tag).toBe("TurnInterrupted")
    }).pipe(
      Effect.provide(
        Layer.merge(
          CodexTest.layer([reply(call)]),
          Layer.succeed(PolicyEngine.PolicyEngine)(
            PolicyEngine.make({ command: () => Effect.succeed({ decision: "cancel", by: "test" }) })
          )
        )
      )
    )
  )

  it.live("on which the engine abstains is declined", () =>
    Effect.gen(function* () {
      const { asked, exists } = yield* runTurn(call, { command: () => Effect.undefined })
      expect(asked.length).toBe(1)
      expect(exists).toBe(false)
    })
  )

  it.live("is declined when the engine has a defect", () =>
    Effect.gen(function* () {
      const { exists, response } = yield* runTurn(call, { command: () => Effect.die(new Error("broken")) })
      expect(exists).toBe(false)
      expect(response.text).toBe("done")
    })
  )

  it.live("is declined when the decision was not offered", () =>
    Effect.gen(function* () {
      const { exists, response } = yield* runTurn(call, {
        command: () =>
          Effect.succeed({
            decision: { acceptWithExecpolicyAmendment: { execpolicy_amendment: ["/bin/bash", "-lc"] } },
            by: "test"
          })
      })
      expect(exists).toBe(false)
      expect(response.text).toBe("done")
    })
  )
})

describe("a file change", () => {
  const call = addFile("made.txt", "made\n")

  it.live("that is accepted is made, and the engine sees the paths", () =>
    Effect.gen(function* () {
      const { asked, exists } = yield* runTurn(call, {
        fileChange: () => Effect.succeed({ decision: "accept", by: "test" })
      })
      expect(exists).toBe(true)
      expect(asked).toMatchObject([
        { kind: "fileChange", item: { type: "fileChange", changes: [{ kind: { type: "add" } }] } }
      ])
    })
  )

  it.live("that is declined is not made", () =>
    Effect.gen(function* () {
      const { exists, response } = yield* runTurn(call, {
        fileChange: () => Effect.succeed({ decision: "decline", by: "test" })
      })
      expect(exists).toBe(false)
      expect(response.text).toBe("done")
    })
  )
})

describe("a request for permissions", () => {
  const call = requestPermissions({ reason: "to write", write: ["/var/tmp/effect-codex"] })
  const test = { features: { request_permissions_tool: true } }

  it.live("that is granted tells the model what it got", () =>
    Effect.gen(function* () {
      const { asked, output } = yield* runTurn(
        call,
        {
          permissions: () =>
            Effect.succeed({
              decision: {
                permissions: { fileSystem: { read: null, write: ["/var/tmp/effect-codex"] } },
                scope: "turn"
              },
              by: "test"
            })
        },
        { test }
      )
      expect(asked).toMatchObject([{ kind: "permissions", params: { reason: "to write" } }])
      expect(output).toContain("/var/tmp/effect-codex")
    })
  )

  it.live("that is declined grants nothing", () =>
    Effect.gen(function* () {
      const { output } = yield* runTurn(
        call,
        { permissions: () => Effect.succeed({ decision: "decline", by: "test" }) },
        { test }
      )
      expect(output).not.toContain("/var/tmp/effect-codex")
    })
  )
})

describe("a question to the user", () => {
  const call = requestUserInput([
    {
      id: "color",
      header: "Color",
      question: "Which color?",
      options: [
        { label: "Red", description: "warm" },
        { label: "Blue", description: "cold" }
      ]
    }
  ])
  const test = { features: { default_mode_request_user_input: true } }

  it.live("that is answered brings the answer to the model", () =>
    Effect.gen(function* () {
      const { asked, output } = yield* runTurn(
        call,
        { userInput: () => Effect.succeed({ decision: { answers: { color: { answers: ["Red"] } } }, by: "test" }) },
        { test }
      )
      expect(asked).toMatchObject([{ kind: "userInput", params: { questions: [{ id: "color" }] } }])
      expect(output).toContain("Red")
    })
  )

  it.live("that is declined brings no answer", () =>
    Effect.gen(function* () {
      const { output, response } = yield* runTurn(
        call,
        { userInput: () => Effect.succeed({ decision: "decline", by: "test" }) },
        { test }
      )
      expect(output).not.toContain("Red")
      expect(response.text).toBe("done")
    })
  )
})

describe("an MCP server's question", () => {
  const call = mcpCall("probe", "ask", {})
  const server = path.join(import.meta.dirname, "..", "fixtures", "mcp-server.mjs")
  const test = {
    config: `[mcp_servers.probe]\ncommand = ${JSON.stringify(process.execPath)}\nargs = [${JSON.stringify(server)}]\n`
  }

  it.live("that is accepted gets its answer", () =>
    Effect.gen(function* () {
      const { asked, output } = yield* runTurn(
        call,
        {
          elicitation: () =>
            Effect.succeed({ decision: { action: "accept", content: { color: "Red" }, _meta: null }, by: "test" })
        },
        { test }
      )
      expect(asked).toMatchObject([{ kind: "elicitation", params: { serverName: "probe", message: "Which color?" } }])
      expect(output).toContain("Red")
    })
  )

  it.live("that is declined hears that", () =>
    Effect.gen(function* () {
      const { output } = yield* runTurn(
        call,
        { elicitation: () => Effect.succeed({ decision: "decline", by: "test" }) },
        { test }
      )
      expect(output).toContain("decline")
    })
  )
})

describe("acceptAll", () => {
  const server = path.join(import.meta.dirname, "..", "fixtures", "mcp-server.mjs")
  const test = {
    config: `[mcp_servers.probe]\ncommand = ${JSON.stringify(process.execPath)}\nargs = [${JSON.stringify(server)}]\n`
  }

  it.live("lets the tool of an MCP server run that codex asks about, and declines the server's own question", () =>
    Effect.gen(function* () {
      const wiped = yield* runTurn(mcpCall("probe", "wipe", { target: "disk" }), PolicyEngine.acceptAll, { test })
      const named = lacks("mcpToolNamed") ? {} : { tool_name: "wipe" }
      expect(wiped.asked).toMatchObject([{ kind: "elicitation", params: { _meta: named } }])
      expect(wiped.response.items).toContainEqual(
        expect.objectContaining({ type: "mcpToolCall", tool: "wipe", status: "completed" })
      )
      const asked = yield* runTurn(mcpCall("probe", "ask", {}), PolicyEngine.acceptAll, { test })
      expect(asked.output).toContain("decline")
    })
  )
})

describe("a call of one of our tools", () => {
  const call = toolCall("get_weather", { city: "Rome" })
  const onToolCall: Codex.ResponseOptions["onToolCall"] = ({ arguments: args }) =>
    Effect.succeed({ success: true, contentItems: [{ type: "inputText", text: `sunny: ${JSON.stringify(args)}` }] })
  const accept = { toolCall: () => Effect.succeed({ decision: "accept" as const, by: "test" }) }

  it.live("that is accepted runs the handler", () =>
    Effect.gen(function* () {
      const { asked, output } = yield* runTurn(call, accept, { dynamicTools: true, response: { onToolCall } })
      expect(asked).toMatchObject([{ kind: "toolCall", params: { tool: "get_weather", arguments: { city: "Rome" } } }])
      expect(output).toBe('sunny: {"city":"Rome"}')
    })
  )

  it.live("that is declined does not, and the model hears why", () =>
    Effect.gen(function* () {
      let ran = false
      const { output, response } = yield* runTurn(
        call,
        { toolCall: () => Effect.succeed({ decision: "decline", by: "test", reason: "not today" }) },
        {
          dynamicTools: true,
          response: {
            onToolCall: (params) => {
              ran = true
              return onToolCall(params)
            }
          }
        }
      )
      expect(ran).toBe(false)
      expect(output).toContain("not today")
      expect(response.text).toBe("done")
    })
  )

  it.live("fails with an explanation when nobody handles it, or the handler breaks", () =>
    Effect.gen(function* () {
      const unhandled = yield* runTurn(call, accept, { dynamicTools: true })
      expect(unhandled.output).toContain("No tool-call handler configured.")
      const broken = yield* runTurn(call, accept, {
        dynamicTools: true,
        response: { onToolCall: () => Effect.die(new Error("broken")) }
      })
      expect(broken.output).toContain("get_weather failed")
    })
  )
})

// The model chooses the ids of its calls, and the server finds an open approval by that id.
describe("approvals that share an item id", () => {
  const accepting = (allowed: (request: PolicyEngine.Request<"command" | "fileChange">) => boolean) => {
    const decide = (request: PolicyEngine.Request<"command" | "fileChange">) =>
      Effect.succeed(
        allowed(request) ? { decision: "accept" as const, by: "test" } : { decision: "decline" as const, by: "test" }
      )
    return Layer.succeed(PolicyEngine.PolicyEngine)(PolicyEngine.make({ command: decide, fileChange: decide }))
  }

  const pathsOf = ({ item }: PolicyEngine.Request<"command" | "fileChange">) =>
    item?.type === "fileChange" ? item.changes.map(({ path }) => path) : []

  const filesAfter = Effect.fnUntraced(function* (prompt: string) {
    const codex = yield* Codex.Codex
    yield* Effect.exit(codex.responses.create({ prompt }))
    const { cwd } = yield* CodexTest.Home
    const fs = yield* FileSystem.FileSystem
    return yield* fs.readDirectory(cwd)
  })

  const callId = "same"
  const pairs = [
    [
      "commands",
      execCommand({ cmd: "touch safe", escalate: true, callId }),
      execCommand({ cmd: "touch evil", escalate: true, callId })
    ],
    ["file changes", addFile("safe", "s\n", { callId }), addFile("evil", "e\n", { callId })]
  ] as const

  for (const [what, safe, evil] of pairs) {
    it.live(`never let ${what} happen that the engine declined`, () =>
      Effect.gen(function* () {
        expect(yield* filesAfter("Go on")).not.toContain("evil")
      }).pipe(
        Effect.provide(
          Layer.mergeAll(
            CodexTest.layer([reply(safe, evil), reply(text("done"))], { verifyOnClose: false }),
            accepting((request) =>
              request.kind === "command"
                ? JSON.stringify(request.params).includes("touch safe")
                : pathsOf(request).every((path) => path.endsWith("safe"))
            ),
            NodeServices.layer
          )
        )
      )
    )
  }

  // Otherwise an accept would not have to wait for a second one.
  it.live("can follow each other at any time, as the server does not say that the model has finished its answer", () =>
    Effect.gen(function* () {
      const gate = yield* MockModel.gate
      const heard: Array<string> = []
      const finished = yield* Deferred.make<void>()
      const engine = PolicyEngine.make({
        command: () =>
          Effect.sync(() => heard.splice(0)).pipe(
            Effect.andThen(gate.open),
            Effect.andThen(Deferred.await(finished)),
            Effect.as({ decision: "accept" as const, by: "test" })
          )
      })
      yield* Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const notifications = yield* codex.subscribe
        yield* notifications.pipe(
          Stream.runForEach((notification) => {
            heard.push(notification.method === "unknown" ? notification.raw.method : notification.method)
            // Only a connection that asks for raw events is told.
            return heard.at(-1) === "rawResponse/completed" ? Deferred.succeed(finished, undefined) : Effect.void
          }),
          Effect.forkScoped
        )
        const { thread } = yield* codex.requestExperimental("thread/start", { experimentalRawEvents: true })
        const turn = yield* Effect.forkScoped(codex.responses.create({ prompt: "Go on", threadId: thread.id }))
        yield* Deferred.await(finished)
        const meanwhile = heard.slice(0, heard.indexOf("rawResponse/completed"))
        // It says so of an answer that asks for nothing.
        expect(meanwhile).not.toContain("thread/tokenUsage/updated")
        yield* Fiber.join(turn)
      }).pipe(
        Effect.scoped,
        Effect.provide(
          Layer.merge(
            CodexTest.layer([reply(execCommand({ cmd: "true", escalate: true }), gate), reply(text("done"))], {
              codex: { experimentalApi: true }
            }),
            Layer.succeed(PolicyEngine.PolicyEngine)(engine)
          )
        )
      )
    })
  )

  it.live("on two threads are judged each by its own item", () =>
    Effect.gen(function* () {
      const files = yield* filesAfter("Spawn one")
      expect(files).toContain("safe")
      expect(files).not.toContain("evil")
    }).pipe(
      Effect.provide(
        Layer.mergeAll(
          CodexTest.layer(
            [
              MockModel.when("child task", reply(addFile("evil", "e\n", { callId })), reply(text("child done"))),
              reply(addFile("safe", "s\n", { callId })),
              reply(MockModel.spawnAgent("child task")),
              (request) => reply(MockModel.waitAgent([JSON.parse(request.lastToolOutput?.output ?? "{}").agent_id])),
              reply(text("done"))
            ],
            { verifyOnClose: false }
          ),
          accepting(
            (request) => pathsOf(request).length === 1 && pathsOf(request).every((path) => path.endsWith("/safe"))
          ),
          NodeServices.layer
        )
      )
    )
  )
})

describe.skipIf(lacks("subAgents"))("a sub-agent whose root turn was left", () => {
  it.live("is stopped, and its engine accepts nothing more", () =>
    Effect.gen(function* () {
      const held = yield* MockModel.gate
      yield* Effect.gen(function* () {
        const codex = yield* Codex.Codex
        const model = yield* MockModel.MockModel
        const fiber = yield* Effect.forkChild(
          Effect.provide(codex.responses.create({ prompt: "Spawn one" }), PolicyEngine.layerAcceptAll)
        )
        yield* held.reached
        yield* Fiber.interrupt(fiber)
        const child = (yield* model.requests).findIndex((request) => request.lastUserText.includes("child task"))
        expect(yield* model.ended(child)).toBe("left")
      }).pipe(
        Effect.provide(
          CodexTest.layer(
            [
              MockModel.when(
                "child task",
                reply(text("working", held), execCommand({ cmd: "touch evil", escalate: true }))
              ),
              reply(MockModel.spawnAgent("child task")),
              (request) => reply(MockModel.waitAgent([JSON.parse(request.lastToolOutput?.output ?? "{}").agent_id])),
              reply(text("done"))
            ],
            { verifyOnClose: false }
          )
        )
      )
    })
  )
})

describe("engines", () => {
  it.live("decide for the turns that they were provided to, also at the same time on one process", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const [accepted, declined] = yield* Effect.all(
        [
          codex.responses.create({ prompt: "one" }).pipe(Effect.provide(PolicyEngine.layerAcceptAll)),
          codex.responses.create({ prompt: "two" }).pipe(Effect.provide(PolicyEngine.layerDeclineAll))
        ],
        { concurrency: "unbounded" }
      )
      const statusOf = (response: typeof accepted) =>
        response.items.flatMap((item) => (item.type === "commandExecution" ? [item.status] : []))
      expect(statusOf(accepted)).toEqual(["completed"])
      expect(statusOf(declined)).toEqual(["declined"])
    }).pipe(
      Effect.provide(
        CodexTest.layer(
          ["one", "two"].map((prompt) =>
            MockModel.when(prompt, reply(execCommand({ cmd: "true", escalate: true })), reply(text("done")))
          )
        )
      )
    )
  )

  it.live.skipIf(lacks("subAgents"))("decide for the sub-agents of their turn", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const threads: Array<string> = []
      const policy = PolicyEngine.make({
        command: (request) => {
          threads.push(request.threadId)
          return Effect.succeed({ decision: "accept", by: "test" })
        }
      })
      const events = yield* codex.responses
        .events({ prompt: "Spawn one" })
        .pipe(Stream.runCollect, Effect.provideService(PolicyEngine.PolicyEngine, policy))
      expect(threads.length).toBe(1)
      expect(threads[0]).not.toBe(events[0]?.threadId)
    }).pipe(
      Effect.provide(
        CodexTest.layer([
          MockModel.when(
            "child task",
            reply(execCommand({ cmd: "echo child", escalate: true })),
            reply(text("child done"))
          ),
          reply(MockModel.spawnAgent("child task")),
          (request) => reply(MockModel.waitAgent([JSON.parse(request.lastToolOutput?.output ?? "{}").agent_id])),
          reply(text("done"))
        ])
      )
    )
  )
})
