/**
 * `vscode-jsonrpc` with lines instead of its headers.
 */
import { spawn } from "node:child_process"
import { AbstractMessageReader, AbstractMessageWriter, createMessageConnection, type DataCallback } from "vscode-jsonrpc/node"
import type { Message } from "vscode-jsonrpc/node"
import { serverArgs } from "../scenario.ts"
import { run } from "./generic.ts"

void run((scenario, { onNotification, onRequest }) => {
  const server = spawn(scenario.server, serverArgs(scenario, ["jsonrpc=1"]), { stdio: ["pipe", "pipe", "inherit"] })
  class Reader extends AbstractMessageReader {
    listen(callback: DataCallback) {
      let rest = ""
      server.stdout.setEncoding("utf8")
      server.stdout.on("data", (chunk: string) => {
        const lines = (rest + chunk).split("\n")
        rest = lines.pop() ?? ""
        for (const line of lines) callback(JSON.parse(line))
      })
      return { dispose: () => {} }
    }
  }
  class Writer extends AbstractMessageWriter {
    write(message: Message): Promise<void> {
      server.stdin.write(`${JSON.stringify(message)}\n`)
      return Promise.resolve()
    }
    end() {}
  }
  const connection = createMessageConnection(new Reader(), new Writer())
  connection.onNotification((method, params) => onNotification(method, params as never))
  connection.onRequest((method, params) => onRequest(method, params as never))
  connection.listen()
  return { request: (method, params) => connection.sendRequest(method, params as never) }
})
