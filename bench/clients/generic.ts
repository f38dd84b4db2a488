/**
 * The scenarios for a client that is nothing but JSON-RPC: requests, and two callbacks.
 */
import { begin, readScenario, ready, report, type Scenario } from "../scenario.ts"

export interface Callbacks {
  readonly onNotification: (method: string, params: Params) => void
  readonly onRequest: (method: string, params: Params) => Promise<unknown>
}

export interface Client {
  readonly request: (method: string, params: unknown) => Promise<unknown>
}

export type Connect = (scenario: Scenario, callbacks: Callbacks) => Client

interface Params {
  readonly turnId: string
  readonly delta: string
}

const threadIn = (response: unknown): string => {
  const { thread }: { readonly thread: { readonly id: string } } = response as never
  return thread.id
}

export const run = async (connect: Connect): Promise<void> => {
  const scenario = readScenario()
  const { approvals = 0, deltas = 0, depth = 1, kind, open = 0, requests = 0, turns = 1 } = scenario
  let text = 0
  let completed = 0
  let onCompleted = (): void => {}
  const byTurn = new Map<string, number>()
  const kept: Array<unknown> = []

  const client = connect(scenario, {
    onNotification: (method, params) => {
      if (method === "item/agentMessage/delta") {
        // Who is asleep has to keep what comes, as a queue in front of an iterator would.
        if (kind === "sleep") kept.push(params)
        else if (turns > 1) byTurn.set(params.turnId, (byTurn.get(params.turnId) ?? 0) + params.delta.length)
        else text += params.delta.length
      } else if (method === "turn/completed" && ++completed === turns) onCompleted()
    },
    onRequest: async () => {
      if (kind === "reenter") await client.request("model/list", {})
      return { decision: scenario.decision ?? "decline" }
    }
  })
  await client.request("initialize", { clientInfo: { name: "bench", version: "1" }, capabilities: null })
  if (kind === "startup") {
    await client.request("account/read", {})
    ready()
    return report(begin()())
  }
  const threads: Array<string> = []
  for (let n = 0; n < open; n++) await client.request("thread/start", {})
  for (let n = 0; n < turns; n++) threads.push(threadIn(await client.request("thread/start", {})))

  if (kind === "echo") {
    let sent = 0
    const end = begin()
    const lane = async () => {
      while (sent < requests) {
        sent++
        await client.request("account/read", {})
      }
    }
    await Promise.all(Array.from({ length: depth }, lane))
    return report(end())
  }
  if (kind === "reverse") {
    const end = begin()
    await Promise.all(Array.from({ length: requests }, () => client.request("model/list", {})))
    return report(end())
  }
  const end = begin()
  const over = new Promise<void>((resolve) => {
    onCompleted = resolve
  })
  for (const threadId of threads) await client.request("turn/start", { threadId, input: [] })
  await over
  if (kind === "sleep") await client.request("account/read", {})
  const total = kind === "sleep" ? kept.reduce<number>((sum, params) => sum + (params as Params).delta.length, 0) : text
  for (const length of byTurn.values()) text += length
  report(end(turns > 1 ? text : total, approvals > 0 || total + text >= deltas))
}
