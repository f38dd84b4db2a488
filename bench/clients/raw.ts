/**
 * The measure of all others: plain Node. Chunks are split at line breaks and parsed, nothing is validated.
 */
import { spawn } from "node:child_process"
import { serverArgs } from "../scenario.ts"
import { run } from "./generic.ts"

void run((scenario, { onNotification, onRequest }) => {
  const server = spawn(scenario.server, serverArgs(scenario), { stdio: ["pipe", "pipe", "inherit"] })
  const pending = new Map<number, (result: unknown) => void>()
  let nextId = 1
  let rest = ""
  server.stdout.setEncoding("utf8")
  server.stdout.on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n")
    rest = lines.pop() ?? ""
    for (const line of lines) {
      const message = JSON.parse(line)
      if (message.method === undefined) {
        pending.get(message.id)?.(message.result)
        pending.delete(message.id)
      } else if (message.id === undefined) onNotification(message.method, message.params)
      else {
        void onRequest(message.method, message.params).then((result) =>
          server.stdin.write(`${JSON.stringify({ id: message.id, result })}\n`)
        )
      }
    }
  })
  return {
    request: (method, params) =>
      new Promise((resolve) => {
        const id = nextId++
        pending.set(id, resolve)
        server.stdin.write(`${JSON.stringify({ id, method, params })}\n`)
      })
  }
})
