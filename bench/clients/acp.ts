/**
 * `@agentclientprotocol/sdk`, with its own stream of lines and handlers for methods that are not its protocol's.
 */
import { spawn } from "node:child_process"
import { Readable, Writable } from "node:stream"
import { client, ndJsonStream } from "@agentclientprotocol/sdk"
import { serverArgs } from "../scenario.ts"
import { run } from "./generic.ts"

const asIs = (params: unknown) => params as never

void run((scenario, { onNotification, onRequest }) => {
  const server = spawn(scenario.server, serverArgs(scenario, ["jsonrpc=1"]), { stdio: ["pipe", "pipe", "inherit"] })
  const stream = ndJsonStream(
    Writable.toWeb(server.stdin) as never,
    Readable.toWeb(server.stdout) as never
  )
  const app = client({ name: "bench" })
  for (const method of ["item/agentMessage/delta", "turn/completed"]) {
    app.onNotification(method, asIs, ({ params }) => onNotification(method, params))
  }
  const approval = "item/commandExecution/requestApproval"
  app.onRequest(approval, asIs, ({ params }) => onRequest(approval, params) as never)
  const { agent } = app.connect(stream)
  return { request: (method, params) => agent.request(method, params) }
})
