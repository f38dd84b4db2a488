/**
 * `@agentclientprotocol/sdk`, in its own protocol: the same turns as `session/update` notifications, and approvals as
 * `session/request_permission`.
 */
import * as acp from "@agentclientprotocol/sdk"
import { spawn } from "node:child_process"
import { Readable, Writable } from "node:stream"
import { type Connect, run } from "./plain.ts"
import { readWorkload, tell } from "./workload.ts"

const workload = readWorkload()

interface Running {
  readonly onDelta: (text: string) => Promise<void> | void
  last: string
}

const connect: Connect = async (onApproval) => {
  const { args, command } = workload.server
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "ignore"] })
  const running = new Map<string, Running>()
  const { agent } = acp
    .client({ name: "bench" })
    .onNotification(acp.methods.client.session.update, ({ params: { sessionId, update } }) => {
      const turn = running.get(sessionId)
      if (turn === undefined) return undefined
      if (update.sessionUpdate === "agent_message_chunk" && update.content.type === "text") {
        return turn.onDelta(update.content.text)
      }
      if (update.sessionUpdate === "agent_thought_chunk" && update.content.type === "text") {
        turn.last = update.content.text
      }
      return undefined
    })
    .onRequest(acp.methods.client.session.requestPermission, async () => {
      await onApproval()
      return { outcome: { outcome: "selected", optionId: "allow" } }
    })
    .connect(acp.ndJsonStream(Writable.toWeb(child.stdin), Readable.toWeb(child.stdout) as ReadableStream<Uint8Array>))

  await agent.request(acp.methods.agent.initialize, { protocolVersion: acp.PROTOCOL_VERSION, clientCapabilities: {} })

  const open = async () => {
    const { sessionId } = await agent.request(acp.methods.agent.session.new, { cwd: "/", mcpServers: [] })
    return sessionId
  }
  return {
    open,
    echo: async () => {
      await agent.request(acp.methods.agent.session.list, {})
    },
    turn: async (text, onDelta) => {
      const sessionId = await open()
      const turn: Running = { onDelta, last: "" }
      running.set(sessionId, turn)
      await agent.request(acp.methods.agent.session.prompt, { sessionId, prompt: [{ type: "text", text }] })
      running.delete(sessionId)
      return turn.last
    },
    close: () => child.stdin.destroy()
  }
}

tell(await run(connect, workload))
