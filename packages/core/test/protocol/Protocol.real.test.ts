import { afterAll, beforeAll, describe, expect, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { findBinary } from "../../scripts/codegen.ts"
import * as Methods from "../../src/protocol/generated/Methods.ts"
import * as Protocol from "../../src/protocol/Protocol.ts"

// What the real server says, with nothing between it and the schemas. Its model answers every turn with an error.
describe("what the real server sends is what the schemas say", () => {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), "effect-codex-protocol-")))
  const home = join(directory, "home")
  const model = createServer((_, response) => response.writeHead(500).end(`{"error":{"message":"no"}}`))
  const notifications: Array<{ readonly method: string; readonly params: unknown }> = []
  const pending = new Map<number, (message: { readonly result?: unknown; readonly error?: unknown }) => void>()
  let server: ChildProcess
  let id = 0
  let onNotification = (_method: string): void => {}

  const request = (method: string, params?: unknown): Promise<unknown> =>
    new Promise((resolve, reject) => {
      pending.set(++id, ({ error, result }) =>
        error === undefined ? resolve(result) : reject(new Error(`${method}: ${JSON.stringify(error)}`))
      )
      server.stdin?.write(`${JSON.stringify({ id, method, params })}\n`)
    })

  // Sends what the schemas allow, and expects a response that passes them untouched, in both editions.
  const call = async <M extends keyof Methods.ExperimentalClientRequests>(
    method: M,
    params: Methods.ExperimentalClientRequests[M]["params"]
  ): Promise<Methods.ExperimentalClientRequests[M]["response"]> => {
    expect(Methods.experimentalClientRequests[method].params.decode(params), method).toMatchObject({ _tag: "Success" })
    const response = await request(method, params)
    const decoded = Protocol.decodeResponse(method, response)
    expect(decoded, method).toStrictEqual(Result.succeed(response))
    expect(Result.getOrThrow(decoded), method).toBe(response)
    const stable = Object.entries(Methods.clientRequests).find(([name]) => name === method)?.[1]
    if (stable !== undefined) expect(stable.response.decode(response), method).toStrictEqual(Result.succeed(response))
    return Result.getOrThrow(decoded)
  }

  beforeAll(async () => {
    model.listen(0, "127.0.0.1")
    await once(model, "listening")
    mkdirSync(home)
    writeFileSync(
      join(home, "config.toml"),
      `model = "mock-model"
model_provider = "mock"
[model_providers.mock]
name = "mock"
base_url = "http://127.0.0.1:${(model.address() as AddressInfo).port}/v1"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
supports_websockets = false
`
    )
    server = spawn(process.env["CODEX_BINARY"] ?? findBinary(), ["app-server"], {
      cwd: directory,
      env: { ...process.env, CODEX_HOME: home },
      stdio: ["pipe", "pipe", "ignore"]
    })
    if (server.stdout === null) throw new Error("no stdout")
    createInterface({ input: server.stdout }).on("line", (line) => {
      const message = JSON.parse(line)
      if (message.method === undefined) pending.get(message.id)?.(message)
      else {
        notifications.push(message)
        onNotification(message.method)
      }
    })
    await call("initialize", {
      clientInfo: { name: "test", title: "test", version: "0.0.0" },
      capabilities: { experimentalApi: true, requestAttestation: false }
    })
    server.stdin?.write(`{"method":"initialized"}\n`)
  })

  afterAll(async () => {
    const exited = once(server, "exit")
    server.stdin?.end()
    await exited
    model.close()
    rmSync(directory, { recursive: true, force: true })
  })

  it("of itself", async () => {
    await call("account/read", {})
    await call("app/list", {})
    await call("collaborationMode/list", {})
    await call("command/exec", { command: ["echo", "hello"] })
    await call("config/read", { includeLayers: true })
    await call("configRequirements/read", undefined)
    await call("experimentalFeature/list", {})
    await call("fs/readDirectory", { path: directory })
    await call("fuzzyFileSearch", { query: "config", roots: [directory] })
    await call("getAuthStatus", {})
    await call("hooks/list", {})
    await call("mcpServerStatus/list", {})
    await call("memory/status", {})
    await call("model/list", {})
    await call("permissionProfile/list", {})
    await call("project/list", {})
    await call("remoteControl/status/read", undefined)
    await call("server/diagnostics", {})
    await call("skills/list", {})
    await call("threadSection/list", {})
  })

  it("of a thread and a turn", async () => {
    const { thread } = await call("thread/start", { cwd: directory, sandbox: "read-only", approvalPolicy: "never" })
    const threadId = thread.id
    const completed = new Promise<void>((resolve) => {
      onNotification = (method) => method === "turn/completed" && resolve()
    })
    await call("turn/start", { threadId, input: [{ type: "text", text: "hello", text_elements: [] }] })
    await completed
    await call("thread/read", { threadId, includeTurns: true })
    await call("thread/list", {})
    await call("thread/turns/list", { threadId })
    await call("thread/items/list", { threadId })
    const timeline = await call("thread/timeline/list", { threadId })
    expect(timeline.data.length).toBeGreaterThan(0)
    await call("thread/fork", { threadId })
    await call("thread/resume", { threadId })
    await call("getConversationSummary", { conversationId: threadId })
  })

  it("without being asked", () => {
    expect(notifications.map(({ method }) => method)).toEqual(
      expect.arrayContaining(["thread/started", "turn/started", "item/completed", "error", "turn/completed"])
    )
    for (const { method, params } of notifications) {
      const decoded = Protocol.decodeNotification(method, params)
      expect(decoded, method).toMatchObject({ _tag: "Success" })
      expect(Result.getOrThrow(decoded).params, method).toBe(params)
    }
  })
})
