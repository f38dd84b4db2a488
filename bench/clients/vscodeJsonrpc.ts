/**
 * vscode-jsonrpc, with a reader and a writer for JSON lines instead of its own framing.
 */
import { spawn } from "node:child_process"
import type { Readable, Writable } from "node:stream"
import {
  AbstractMessageReader,
  AbstractMessageWriter,
  createMessageConnection,
  type DataCallback,
  type Message,
  type MessageReader,
  type MessageWriter
} from "vscode-jsonrpc/node"
import { type Connection, connectWith, type Params, type Receiver } from "./appServer.ts"
import { run } from "./plain.ts"
import { readWorkload, tell } from "./workload.ts"

const workload = readWorkload()

class LineReader extends AbstractMessageReader implements MessageReader {
  readonly input: Readable
  constructor(input: Readable) {
    super()
    this.input = input
  }
  listen(callback: DataCallback) {
    let rest = ""
    this.input.setEncoding("utf8")
    this.input.on("data", (chunk: string) => {
      const lines = (rest + chunk).split("\n")
      rest = lines.pop() ?? ""
      for (const line of lines) callback(JSON.parse(line))
    })
    this.input.on("close", () => this.fireClose())
    return { dispose: () => {} }
  }
}

class LineWriter extends AbstractMessageWriter implements MessageWriter {
  readonly output: Writable
  constructor(output: Writable) {
    super()
    this.output = output
  }
  write(message: Message) {
    this.output.write(`${JSON.stringify(message)}\n`)
    return Promise.resolve()
  }
  end() {
    this.output.end()
  }
}

const open = (receiver: Receiver): Connection => {
  const { args, command } = workload.server
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "ignore"] })
  const connection = createMessageConnection(new LineReader(child.stdout), new LineWriter(child.stdin))
  connection.onNotification((method, params) => receiver.onNotification(method, params as unknown as Params))
  connection.onRequest((method, params) => receiver.onRequest(method, params))
  connection.listen()
  return {
    request: (method, params) => connection.sendRequest(method, params),
    notify: (method, params) => void connection.sendNotification(method, params),
    close: () => {
      connection.dispose()
      child.stdin.end()
    }
  }
}

tell(await run(connectWith(open), workload))
