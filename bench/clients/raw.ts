/**
 * The baseline of all comparisons: plain Node, without a library and without validation.
 */
import { spawn } from "node:child_process"
import { type Connection, connectWith, type Receiver } from "./appServer.ts"
import { run } from "./plain.ts"
import { readWorkload, tell } from "./workload.ts"

const workload = readWorkload()

const open = (receiver: Receiver): Connection => {
  const { args, command, cwd, env } = workload.server
  const child = spawn(command, args, { cwd, env: env ?? process.env, stdio: ["pipe", "pipe", "ignore"] })
  const pending = new Map<number, (result: unknown) => void>()
  let rest = ""
  let nextId = 1

  const send = (message: object) => child.stdin.write(`${JSON.stringify(message)}\n`)

  child.stdout.setEncoding("utf8")
  child.stdout.on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n")
    rest = lines.pop() ?? ""
    for (const line of lines) {
      const message = JSON.parse(line)
      const { id, method, params } = message
      if (method === undefined) {
        pending.get(id)?.(message.result)
        pending.delete(id)
      } else if (id === undefined) receiver.onNotification(method, params)
      else {
        const result = receiver.onRequest(method, params)
        if (result instanceof Promise) void result.then((result) => send({ id, result }))
        else send({ id, result })
      }
    }
  })

  return {
    request: (method, params) =>
      new Promise((resolve) => {
        const id = nextId++
        pending.set(id, resolve)
        send({ id, method, params })
      }),
    notify: (method, params) => send({ method, params }),
    close: () => child.stdin.end()
  }
}

tell(await run(connectWith(open), workload))
