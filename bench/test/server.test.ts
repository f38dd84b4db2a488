import * as Protocol from "@effect-codex/core/protocol/Protocol"
import { describe, expect, it, onTestFinished } from "@effect/vitest"
import * as Result from "effect/Result"
import { spawn, spawnSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as readline from "node:readline"

const compiles = spawnSync("cc", ["--version"]).status === 0

type Message = { readonly id?: number; readonly method?: string; readonly params?: unknown; readonly result?: unknown }

// Returns all messages of the server until its turn ends. Each request is sent after the answer to the one before; approvals
// are accepted.
const converse = async (command: string, requests: ReadonlyArray<readonly [method: string, params: object]>) => {
  const server = spawn(command, ["app-server"], { stdio: ["pipe", "pipe", "inherit"] })
  const send = (message: Message) => server.stdin.write(`${JSON.stringify(message)}\n`)
  const said: Array<Message> = []
  let next = 0
  const ask = () => {
    const [method, params] = requests[next] ?? []
    if (method !== undefined) send({ id: next++, method, params })
  }
  ask()
  for await (const line of readline.createInterface(server.stdout)) {
    const message: Message = JSON.parse(line)
    said.push(message)
    if (message.method === undefined) ask()
    else if (message.id !== undefined) send({ id: message.id, result: { decision: "accept" } })
    else if (message.method === "turn/completed") server.stdin.end()
  }
  return said
}

describe.skipIf(!compiles)("the stand-in for the server", () => {
  it("says what the protocol lets a server say", { timeout: 120_000 }, async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), "effect-codex-bench-"))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const command = path.join(folder, "server")
    const { status, stderr } = spawnSync(
      "cc",
      ["-std=gnu11", "-o", command, path.join(import.meta.dirname, "..", "server.c")],
      { encoding: "utf8" }
    )
    expect(stderr).toBe("")
    expect(status).toBe(0)

    const threadId = "00000000-0000-7000-8000-000000000001"
    const requests = [
      ["initialize", {}],
      ["account/read", {}],
      ["thread/loaded/list", {}],
      ["model/list", { cursor: "reverse:1" }],
      ["thread/start", {}],
      ["turn/start", { threadId, input: [{ type: "text", text: "deltas=3 approvals=2" }] }]
    ] as const
    const said = await converse(command, requests)

    for (const { id, method = "", params, result } of said) {
      const asked = requests[id ?? 0]?.[0] ?? ""
      const decoded: Result.Result<unknown, string> = Protocol.isServerRequest(method)
        ? Protocol.decodeServerRequest(method, params)
        : Protocol.isClientRequest(asked) && result !== undefined
          ? Protocol.decodeResponse(asked, result)
          : Protocol.decodeNotification(method, params)
      expect(Result.isFailure(decoded) ? decoded.failure : undefined, method || asked).toBeUndefined()
    }
    const count = (name: string) => said.filter(({ method }) => method === name).length
    expect(count("item/agentMessage/delta")).toBe(3)
    expect(count("item/commandExecution/requestApproval")).toBe(2)
    expect(
      said.find(({ method, params }) => method === "item/completed" && /accepted=2/.test(JSON.stringify(params)))
    ).toBeDefined()
    // The line of a delta has the length that the prompt asks for.
    const delta = said.find(({ method }) => method === "item/agentMessage/delta")
    expect(JSON.stringify(delta)).toHaveLength(219)
  })
})
