/**
 * The calls of an app-server turn, over a bare JSON-RPC connection.
 */
import type { Agent, Connect } from "./plain.ts"

export interface Connection {
  readonly request: (method: string, params: unknown) => Promise<unknown>
  readonly notify: (method: string, params?: unknown) => void
  readonly close: () => void
}

/** Handles the messages that arrive on a connection. */
export interface Receiver {
  readonly onNotification: (method: string, params: Params) => Promise<void> | void
  readonly onRequest: (method: string, params: unknown) => Promise<unknown> | { readonly decision: string }
}

/** The fields that the bench reads, of any notification. */
export interface Params {
  readonly threadId: string
  readonly turn: { readonly id: string }
  readonly delta: string
  readonly item: { readonly type: string; readonly text: string }
}

interface Running {
  readonly onDelta: (text: string) => Promise<void> | void
  readonly onEnd: (text: string) => void
  text: string
}

export const connectWith =
  (open: (receiver: Receiver) => Connection): Connect =>
  async (onApproval): Promise<Agent> => {
    const running = new Map<string, Running>()
    const connection = open({
      onRequest: () => {
        const decision = onApproval()
        return typeof decision === "string" ? { decision } : decision.then((decision) => ({ decision }))
      },
      onNotification: (method, params) => {
        const turn = running.get(params.threadId)
        if (turn === undefined) return undefined
        if (method === "item/agentMessage/delta") return turn.onDelta(params.delta)
        if (method === "item/completed") turn.text = params.item.text
        else if (method === "turn/completed") {
          running.delete(params.threadId)
          turn.onEnd(turn.text)
        }
        return undefined
      }
    })
    const { request } = connection
    await request("initialize", { clientInfo: { name: "bench", version: "0.0.0" }, capabilities: null })
    connection.notify("initialized")

    const startThread = async () => {
      const { thread } = (await request("thread/start", {})) as { readonly thread: { readonly id: string } }
      return thread.id
    }
    return {
      open: startThread,
      echo: async () => {
        await request("account/read", {})
      },
      held: (count) => request("model/list", { cursor: `reverse:${count}` }),
      turn: async (text, onDelta) => {
        const threadId = await startThread()
        const ended = new Promise<string>((onEnd) => running.set(threadId, { onDelta, onEnd, text: "" }))
        await request("turn/start", { threadId, input: [{ type: "text", text, text_elements: [] }] })
        return ended
      },
      close: connection.close
    }
  }
