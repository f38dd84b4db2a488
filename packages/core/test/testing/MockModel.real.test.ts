/**
 * The model's side against the real binary: which script brings which server request, under which settings. Codex is driven
 * here by a few lines of its own wire, so that this file depends on nothing but the stand-in and the home.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import { spawn } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import { createRequire } from "node:module"
import * as path from "node:path"
import { createInterface } from "node:readline"
import * as CodexHome from "../../src/testing/CodexHome.ts"
import * as MockModel from "../../src/testing/MockModel.ts"

const binary = (): string => {
  const root = createRequire(path.resolve("package.json")).resolve("@openai/codex/package.json")
  const vendor = path.join(root, "..", "..", `codex-${process.platform}-${process.arch}`, "vendor")
  const [triple = ""] = readdirSync(vendor)
  return path.join(vendor, triple, "bin", process.platform === "win32" ? "codex.exe" : "codex")
}

interface Frame {
  readonly id?: number | string
  readonly method?: string
  readonly params?: unknown
  readonly result?: unknown
  readonly error?: unknown
}

/** The string at a path of keys. */
const stringAt = (value: unknown, ...keys: ReadonlyArray<string>): string => {
  const found = keys.reduce((at, key) => (Predicate.hasProperty(at, key) ? at[key] : undefined), value)
  return typeof found === "string" ? found : `no string at ${keys.join(".")}`
}

const isRequest = (frame: Frame) => frame.method !== undefined && frame.id !== undefined

/** An app-server, initialized, that answers each server request with `answer`. */
const startCodex = Effect.fnUntraced(function* (home: CodexHome.CodexHome, answer: unknown) {
  const frames: Array<Frame> = []
  const waiting = new Set<() => void>()
  let lastId = 0
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(binary(), ["app-server"], { cwd: home.cwd, env: home.env, stdio: ["pipe", "pipe", "ignore"] })
    ),
    (child) =>
      Effect.callback<void>((resume) => {
        if (child.exitCode !== null) return resume(Effect.void)
        child.once("exit", () => resume(Effect.void))
        child.stdin.end()
      }).pipe(Effect.timeoutOrElse({ duration: "5 seconds", orElse: () => Effect.sync(() => child.kill("SIGKILL")) }))
  )
  const send = (frame: Frame) => Effect.sync(() => child.stdin.write(`${JSON.stringify(frame)}\n`))
  createInterface({ input: child.stdout }).on("line", (line) => {
    const frame: Frame = JSON.parse(line)
    frames.push(frame)
    if (isRequest(frame)) child.stdin.write(`${JSON.stringify({ id: frame.id, result: answer })}\n`)
    waiting.forEach((look) => look())
  })
  const waitFor = (matches: (frame: Frame) => boolean) =>
    Effect.callback<Frame>((resume) => {
      const look = () => {
        const found = frames.find(matches)
        if (found === undefined) return
        waiting.delete(look)
        resume(Effect.succeed(found))
      }
      waiting.add(look)
      look()
      return Effect.sync(() => waiting.delete(look))
    }).pipe(Effect.timeout("30 seconds"))
  const request = Effect.fnUntraced(function* (method: string, params: unknown) {
    const id = ++lastId
    yield* send({ id, method, params })
    const reply = yield* waitFor((frame) => frame.id === id && frame.method === undefined)
    expect(reply.error).toBeUndefined()
    return reply.result
  })
  yield* request("initialize", {
    clientInfo: { name: "effect-codex-test", version: "0" },
    capabilities: { experimentalApi: true }
  })
  yield* send({ method: "initialized" })
  return { frames, request, waitFor }
})

type Codex = Effect.Success<ReturnType<typeof startCodex>>

interface Options {
  readonly home?: Omit<CodexHome.Options, "url">
  readonly thread?: Readonly<Record<string, unknown>>
  /** The answer to any server request. */
  readonly answer?: unknown
  readonly prompt?: string
}

const start = Effect.fnUntraced(function* (script: MockModel.Script, options: Options = {}) {
  const model = yield* MockModel.make(script)
  const home = yield* CodexHome.make({ url: model.url, ...options.home })
  const codex = yield* startCodex(home, options.answer ?? {})
  return { model, home, codex }
})

const startThread = (codex: Codex, cwd: string, params: Readonly<Record<string, unknown>> = {}) =>
  Effect.map(codex.request("thread/start", { cwd, ...params }), (result) => stringAt(result, "thread", "id"))

const startTurn = (codex: Codex, threadId: string, text: string) =>
  Effect.map(codex.request("turn/start", { threadId, input: [{ type: "text", text }] }), (result) =>
    stringAt(result, "turn", "id")
  )

const turnCompleted = (codex: Codex, threadId: string) =>
  Effect.map(
    codex.waitFor((frame) => frame.method === "turn/completed" && stringAt(frame.params, "threadId") === threadId),
    (frame) => frame.params
  )

/** One turn on one thread, to its end. */
const runTurn = Effect.fnUntraced(function* (script: MockModel.Script, options: Options = {}) {
  const { codex, home, model } = yield* start(script, options)
  const threadId = yield* startThread(codex, home.cwd, options.thread)
  yield* startTurn(codex, threadId, options.prompt ?? "go")
  const completed = yield* turnCompleted(codex, threadId)
  yield* model.verify
  const items = codex.frames
    .filter((frame) => frame.method === "item/completed")
    .map((frame) => (Predicate.hasProperty(frame.params, "item") ? frame.params.item : undefined))
  const deltas = (method: string) =>
    codex.frames.filter((frame) => frame.method === method).map((frame) => stringAt(frame.params, "delta"))
  return {
    completed,
    items,
    deltas,
    home,
    requests: codex.frames.filter(isRequest),
    seen: yield* model.requests,
    others: yield* model.others
  }
})

const done = MockModel.reply(MockModel.text("done"))
const onRequest = { approvalPolicy: "on-request", sandbox: "workspace-write" }
const readOnly = { approvalPolicy: "on-request", sandbox: "read-only" }

/** An MCP server with one tool that asks the user for a color, and one that destroys things. */
const mcpServer = path.join(import.meta.dirname, "..", "fixtures", "mcp-server.mjs")
const mcpHome: Options["home"] = {
  config: `[mcp_servers.probe]\ncommand = ${JSON.stringify(process.execPath)}\nargs = [${JSON.stringify(mcpServer)}]\n`
}

describe("the real codex with MockModel", () => {
  describe("turns", () => {
    it.live("stream reasoning and text, and count the usage", () =>
      Effect.gen(function* () {
        const turn = yield* runTurn(
          [
            MockModel.reply(
              MockModel.reasoning("thinking hard"),
              MockModel.text("READY", " steady", " go"),
              MockModel.usage({ input: 7, cached: 3, output: 5, reasoning: 2 })
            )
          ],
          { prompt: "Say it" }
        )
        expect(turn.completed).toMatchObject({ turn: { status: "completed", error: null } })
        expect(turn.deltas("item/agentMessage/delta")).toStrictEqual(["READY", " steady", " go"])
        expect(turn.deltas("item/reasoning/summaryTextDelta").join("")).toBe("thinking hard")
        expect(turn.items).toMatchObject([
          { type: "userMessage" },
          { type: "reasoning", summary: ["thinking hard"] },
          { type: "agentMessage", text: "READY steady go" }
        ])
        expect(turn.seen).toMatchObject([{ model: "mock-model", lastUserText: "Say it" }])
        expect(turn.seen[0]?.threadId).toBe(stringAt(turn.completed, "threadId"))
        expect(turn.seen[0]?.turnId).toBe(stringAt(turn.completed, "turn", "id"))
        expect(turn.seen[0]?.tools).toContain("exec_command")
        expect(turn.others).toStrictEqual([])
      }).pipe(Effect.provide(NodeServices.layer))
    )

    it.live("of several threads get their own replies", () =>
      Effect.gen(function* () {
        const { codex, home, model } = yield* start(
          ["red", "blue"].map((color) =>
            MockModel.when(
              color,
              MockModel.reply(MockModel.execCommand({ cmd: `echo ${color}` })),
              MockModel.expect(
                "brings the command's output",
                (request) => request.lastToolOutput?.output.includes(`\n${color}\n`) === true,
                MockModel.reply(MockModel.text(`${color} it is`))
              )
            )
          )
        )
        const ask = Effect.fnUntraced(function* (color: string) {
          const threadId = yield* startThread(codex, home.cwd)
          yield* startTurn(codex, threadId, `I like ${color}`)
          return yield* turnCompleted(codex, threadId)
        })
        expect(yield* Effect.all([ask("red"), ask("blue")], { concurrency: "unbounded" })).toMatchObject([
          { turn: { items: [{ text: "red it is" }] } },
          { turn: { items: [{ text: "blue it is" }] } }
        ])
        yield* model.verify
      }).pipe(Effect.provide(NodeServices.layer))
    )

    it.live("are held by a gate, and an interrupt is seen from the model's side", () =>
      Effect.gen(function* () {
        const gate = yield* MockModel.gate
        const { codex, home, model } = yield* start([MockModel.reply(MockModel.text("one ", gate, "two"))])
        const threadId = yield* startThread(codex, home.cwd)
        const turnId = yield* startTurn(codex, threadId, "go")
        yield* gate.reached
        yield* codex.waitFor((frame) => frame.method === "item/agentMessage/delta")
        yield* codex.request("turn/interrupt", { threadId, turnId })
        expect(yield* turnCompleted(codex, threadId)).toMatchObject({ turn: { status: "interrupted" } })
        expect(yield* model.ended(0)).toBe("left")
      }).pipe(Effect.provide(NodeServices.layer))
    )

    it.live("go on when a gate is opened", () =>
      Effect.gen(function* () {
        const gate = yield* MockModel.gate
        const { codex, home, model } = yield* start([MockModel.reply(MockModel.text("one ", gate, "two"))])
        const threadId = yield* startThread(codex, home.cwd)
        yield* startTurn(codex, threadId, "go")
        yield* codex.waitFor((frame) => frame.method === "item/agentMessage/delta")
        expect(codex.frames.filter((frame) => frame.method === "item/agentMessage/delta")).toHaveLength(1)
        yield* gate.open
        expect(yield* turnCompleted(codex, threadId)).toMatchObject({
          turn: { status: "completed", items: [{ text: "one two" }] }
        })
        expect(yield* model.ended(0)).toBe("completed")
      }).pipe(Effect.provide(NodeServices.layer))
    )
  })

  describe("failures", () => {
    const failures: ReadonlyArray<readonly [string, MockModel.Reply, unknown]> = [
      ["401", MockModel.error(401, "who?"), { httpConnectionFailed: { httpStatusCode: 401 } }],
      ["429", MockModel.error(429, "slow down"), { responseTooManyFailedAttempts: { httpStatusCode: 429 } }],
      ["a usage limit", MockModel.error(429, "no more", { type: "usage_limit_reached" }), "usageLimitExceeded"],
      ["500", MockModel.error(500, "oops"), "internalServerError"],
      ["an overload", MockModel.error(503, "busy", { code: "server_is_overloaded" }), "serverOverloaded"],
      [
        "a full context window",
        MockModel.reply(MockModel.text("so"), MockModel.failed("context_length_exceeded", "too long")),
        "contextWindowExceeded"
      ],
      ["a lost quota", MockModel.reply(MockModel.failed("insufficient_quota", "pay")), "usageLimitExceeded"],
      ["a rate limit", MockModel.reply(MockModel.failed("rate_limit_exceeded", "later")), "rateLimitExceeded"],
      ["a lost connection", MockModel.reply(MockModel.text("a", MockModel.disconnect)), "other"]
    ]
    for (const [name, reply, codexErrorInfo] of failures) {
      it.live(`${name} fails the turn`, () =>
        Effect.gen(function* () {
          const turn = yield* runTurn([reply])
          expect(turn.completed).toMatchObject({ turn: { status: "failed", error: { codexErrorInfo } } })
        }).pipe(Effect.provide(NodeServices.layer))
      )
    }

    it.live("a request that is not in the script fails the turn with the difference", () =>
      Effect.gen(function* () {
        const model = yield* MockModel.make([done], { verifyOnClose: false })
        const home = yield* CodexHome.make({ url: model.url })
        const codex = yield* startCodex(home, {})
        const threadId = yield* startThread(codex, home.cwd)
        yield* startTurn(codex, threadId, "one")
        yield* turnCompleted(codex, threadId)
        const other = yield* startThread(codex, home.cwd)
        yield* startTurn(codex, other, "two")
        const completed = yield* turnCompleted(codex, other)
        expect(stringAt(completed, "turn", "error", "message")).toContain(
          'request 1: expected no more requests; came prompt "two"'
        )
        expect((yield* Effect.flip(model.verify)).differences).toHaveLength(1)
      }).pipe(Effect.provide(NodeServices.layer))
    )

    it.live("a malformed event is passed over", () =>
      Effect.gen(function* () {
        const turn = yield* runTurn([MockModel.reply(MockModel.malformed(), MockModel.text("fine"))])
        expect(turn.completed).toMatchObject({ turn: { status: "completed", items: [{ text: "fine" }] } })
      }).pipe(Effect.provide(NodeServices.layer))
    )
  })

  describe("tools", () => {
    it.live("a command runs in the sandbox and its output comes back", () =>
      Effect.gen(function* () {
        const turn = yield* runTurn([MockModel.reply(MockModel.execCommand({ cmd: "echo hi" })), done])
        expect(turn.requests).toStrictEqual([])
        expect(turn.items[1]).toMatchObject({
          type: "commandExecution",
          id: "call_1",
          status: "completed",
          aggregatedOutput: "hi\n",
          exitCode: 0
        })
        expect(turn.seen[1]?.lastToolOutput).toMatchObject({
          callId: "call_1",
          output: expect.stringContaining("Output:\nhi\n")
        })
      }).pipe(Effect.provide(NodeServices.layer))
    )

    it.live("a command that runs on is typed into", () =>
      Effect.gen(function* () {
        const turn = yield* runTurn([
          MockModel.reply(MockModel.execCommand({ cmd: "read x; echo got $x", tty: true, yieldTimeMs: 250 })),
          (request) =>
            MockModel.reply(
              MockModel.writeStdin({
                sessionId: Number(/session ID (\d+)/.exec(request.lastToolOutput?.output ?? "")?.[1]),
                chars: "abc\n"
              })
            ),
          done
        ])
        expect(turn.seen[2]?.lastToolOutput?.output).toContain("got abc")
      }).pipe(Effect.provide(NodeServices.layer))
    )

    it.live("a sub-agent has a thread and replies of its own", () =>
      Effect.gen(function* () {
        const turn = yield* runTurn(
          [
            MockModel.when(
              "child task",
              MockModel.reply(MockModel.execCommand({ cmd: "echo child", escalate: true })),
              MockModel.reply(MockModel.text("child done"))
            ),
            MockModel.reply(MockModel.spawnAgent("child task")),
            (request) =>
              MockModel.reply(MockModel.waitAgent([JSON.parse(request.lastToolOutput?.output ?? "{}").agent_id])),
            done
          ],
          { thread: onRequest, answer: { decision: "accept" } }
        )
        const child = turn.seen.find((request) => request.lastUserText === "child task")?.threadId
        expect(child).not.toBe(stringAt(turn.completed, "threadId"))
        expect(turn.requests).toMatchObject([
          { method: "item/commandExecution/requestApproval", params: { threadId: child } }
        ])
        expect(turn.seen.find((request) => request.lastToolOutput?.output.includes("child done"))).toBeDefined()
      }).pipe(Effect.provide(NodeServices.layer))
    )
  })

  describe("server requests", () => {
    it.live("an escalated command asks for approval", () =>
      Effect.gen(function* () {
        const turn = yield* runTurn(
          [MockModel.reply(MockModel.execCommand({ cmd: "echo hi", escalate: "May I?", prefixRule: ["echo"] })), done],
          { thread: onRequest, answer: { decision: "accept" } }
        )
        expect(turn.requests).toMatchObject([
          {
            method: "item/commandExecution/requestApproval",
            params: {
              kind: "command",
              itemId: "call_1",
              reason: "May I?",
              cwd: turn.home.cwd,
              command: expect.stringContaining("echo hi"),
              availableDecisions: expect.arrayContaining(["accept", "cancel"])
            }
          }
        ])
        expect(turn.items[1]).toMatchObject({ type: "commandExecution", status: "completed" })
      }).pipe(Effect.provide(NodeServices.layer))
    )

    it.live("under the policy `untrusted` any unknown command asks for approval", () =>
      Effect.gen(function* () {
        const turn = yield* runTurn([MockModel.reply(MockModel.execCommand({ cmd: "touch x" })), done], {
          thread: { approvalPolicy: "untrusted", sandbox: "read-only" },
          answer: { decision: "decline" }
        })
        expect(turn.requests).toMatchObject([{ method: "item/commandExecution/requestApproval" }])
        expect(turn.items[1]).toMatchObject({ type: "commandExecution", status: "declined" })
      }).pipe(Effect.provide(NodeServices.layer))
    )

    it.live("a patch under a read-only sandbox asks for approval", () =>
      Effect.gen(function* () {
        const turn = yield* runTurn([MockModel.reply(MockModel.addFile("it's.txt", "one\n$two\n")), done], {
          thread: readOnly,
          answer: { decision: "accept" }
        })
        expect(turn.requests).toMatchObject([
          { method: "item/fileChange/requestApproval", params: { itemId: "call_1", reason: null, grantRoot: null } }
        ])
        expect(turn.items[1]).toMatchObject({
          type: "fileChange",
          status: "completed",
          changes: [{ path: path.join(turn.home.cwd, "it's.txt"), kind: { type: "add" }, diff: "one\n$two\n" }]
        })
        expect(readFileSync(path.join(turn.home.cwd, "it's.txt"), "utf8")).toBe("one\n$two\n")
      }).pipe(Effect.provide(NodeServices.layer))
    )

    it.live("a patch through the tool that a known model is offered asks for approval too", () =>
      Effect.gen(function* () {
        const patch = "*** Begin Patch\n*** Add File: a.txt\n+x\n*** End Patch"
        const turn = yield* runTurn([MockModel.reply(MockModel.customToolCall("apply_patch", patch)), done], {
          home: { model: "gpt-5.5" },
          thread: readOnly,
          answer: { decision: "decline" }
        })
        expect(turn.seen[0]?.tools).toContain("apply_patch")
        expect(turn.requests).toMatchObject([{ method: "item/fileChange/requestApproval" }])
        expect(turn.items[1]).toMatchObject({ type: "fileChange", status: "declined" })
      }).pipe(Effect.provide(NodeServices.layer))
    )

    it.live("a question is put to the user", () =>
      Effect.gen(function* () {
        const question = {
          id: "color",
          header: "Color",
          question: "Which?",
          options: [
            { label: "Red", description: "r" },
            { label: "Blue", description: "b" }
          ]
        }
        const turn = yield* runTurn([MockModel.reply(MockModel.requestUserInput([question])), done], {
          home: { features: { default_mode_request_user_input: true } },
          answer: { answers: { color: { answers: ["Red"] } } }
        })
        expect(turn.requests).toMatchObject([
          {
            method: "item/tool/requestUserInput",
            params: { itemId: "call_1", questions: [{ ...question, isOther: true, isSecret: false }] }
          }
        ])
        expect(turn.seen[1]?.lastToolOutput?.output).toBe('{"answers":{"color":{"answers":["Red"]}}}')
      }).pipe(Effect.provide(NodeServices.layer))
    )

    it.live("permissions are asked for", () =>
      Effect.gen(function* () {
        const write = [path.resolve("/var/tmp/x")]
        const turn = yield* runTurn(
          [MockModel.reply(MockModel.requestPermissions({ reason: "to build", write, network: true })), done],
          {
            home: { features: { request_permissions_tool: true } },
            thread: onRequest,
            answer: { permissions: { network: { enabled: true } }, scope: "turn" }
          }
        )
        expect(turn.requests).toMatchObject([
          {
            method: "item/permissions/requestApproval",
            params: {
              itemId: "call_1",
              reason: "to build",
              permissions: { network: { enabled: true }, fileSystem: { read: null, write } }
            }
          }
        ])
        expect(JSON.parse(turn.seen[1]?.lastToolOutput?.output ?? "")).toMatchObject({
          permissions: { network: { enabled: true } },
          scope: "turn"
        })
      }).pipe(Effect.provide(NodeServices.layer))
    )

    it.live("a dynamic tool is called", () =>
      Effect.gen(function* () {
        const turn = yield* runTurn([MockModel.reply(MockModel.toolCall("get_weather", { city: "Rome" })), done], {
          thread: {
            dynamicTools: [
              {
                type: "function",
                name: "get_weather",
                description: "Tells the weather",
                inputSchema: { type: "object", properties: { city: { type: "string" } } }
              }
            ]
          },
          answer: { success: true, contentItems: [{ type: "inputText", text: "sunny" }] }
        })
        expect(turn.seen[0]?.tools).toContain("get_weather")
        expect(turn.requests).toMatchObject([
          {
            method: "item/tool/call",
            params: { callId: "call_1", namespace: null, tool: "get_weather", arguments: { city: "Rome" } }
          }
        ])
        expect(turn.seen[1]?.lastToolOutput).toStrictEqual({ callId: "call_1", output: "sunny" })
      }).pipe(Effect.provide(NodeServices.layer))
    )

    it.live("an MCP server's question reaches the user", () =>
      Effect.gen(function* () {
        const turn = yield* runTurn([MockModel.reply(MockModel.mcpCall("probe", "ask", {})), done], {
          home: mcpHome,
          thread: onRequest,
          answer: { action: "accept", content: { color: "Red" }, _meta: null }
        })
        expect(turn.seen[0]?.tools).toContain("mcp__probe.ask")
        expect(turn.requests).toMatchObject([
          {
            method: "mcpServer/elicitation/request",
            params: { serverName: "probe", mode: "form", message: "Which color?", _meta: null }
          }
        ])
        expect(turn.seen[1]?.lastToolOutput?.output).toContain('{"action":"accept","content":{"color":"Red"}}')
      }).pipe(Effect.provide(NodeServices.layer))
    )

    it.live("an MCP tool that destroys asks for approval", () =>
      Effect.gen(function* () {
        const turn = yield* runTurn([MockModel.reply(MockModel.mcpCall("probe", "wipe", { target: "disk" })), done], {
          home: mcpHome,
          thread: onRequest,
          answer: { action: "decline", content: null, _meta: null }
        })
        expect(turn.requests).toMatchObject([
          {
            method: "mcpServer/elicitation/request",
            params: {
              serverName: "probe",
              mode: "form",
              _meta: { codex_approval_kind: "mcp_tool_call", tool_name: "wipe", tool_params: { target: "disk" } },
              requestedSchema: { type: "object", properties: {} }
            }
          }
        ])
        expect(turn.items[1]).toMatchObject({ type: "mcpToolCall", tool: "wipe", status: "failed" })
      }).pipe(Effect.provide(NodeServices.layer))
    )
  })
})
