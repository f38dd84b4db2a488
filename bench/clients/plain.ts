/**
 * The workloads for a client without Effect, whichever library it uses.
 */
import { setTimeout as sleep } from "node:timers/promises"
import { approvalsOf, begin, heap, median, now, patience, prompt, type Sample, type Workload } from "./workload.ts"

/** A connection, as the workloads use it. */
export interface Agent {
  /**
   * Runs a turn on a new thread and returns the text of its last message. A client whose consumer pulls waits for the promise
   * that `onDelta` returns.
   */
  readonly turn: (prompt: string, onDelta: (text: string) => Promise<void> | void) => Promise<string>
  /** A request that the server answers at once. */
  readonly echo: () => Promise<void>
  /** A request that the server answers together with many others, in reverse order. */
  readonly held?: (count: number) => Promise<unknown>
  /** Starts a thread. */
  readonly open: () => Promise<unknown>
  /** Whether events are pulled, so that a consumer that sleeps holds back the server. */
  readonly pulls?: boolean
  readonly close: () => void
}

/** Makes the connection. `onApproval` decides; its answer is sent when it returns. */
export type Connect = (onApproval: () => Promise<string> | string) => Promise<Agent>

const repeat = <A>(count: number, make: () => A): Array<A> => Array.from({ length: count }, make)

const burst = async (
  agent: Agent,
  { bytes, deltas, open = 0, turns }: Workload & { kind: "burst" }
): Promise<Sample> => {
  let text = 0
  const onDelta = (delta: string) => {
    text += delta.length
  }
  const run = async (deltas: number, turns: number) => {
    text = 0
    const end = begin()
    const words = prompt({ deltas: deltas / turns, turns, bytes })
    await Promise.all(repeat(turns, () => agent.turn(words, onDelta)))
    return end()
  }
  const before = heap()
  for (let left = open; left > 0; left--) await agent.open()
  const opened = heap() - before
  await run(1, 1)
  const unit = text
  await run(Math.ceil(deltas / 2 / turns) * turns, turns)
  await run(0, turns)
  const empty = await run(0, turns)
  const all = await run(deltas, turns)
  return { ...all, cpu: all.cpu - empty.cpu, turn: empty.cpu / turns, opened, lost: deltas - text / unit }
}

const requests = async (agent: Agent, { count, inFlight }: Workload & { kind: "requests" }): Promise<Sample> => {
  const run = (count: number) => {
    let left = count
    const one = async (): Promise<void> => {
      while (left-- > 0) await agent.echo()
    }
    return Promise.all(repeat(inFlight, one))
  }
  await run(count / 2)
  const end = begin()
  await run(count)
  const used = end()
  return { ...used, rate: (count / used.wall) * 1000 }
}

// Events wait in a queue while the consumer sleeps: until the end of the turn or, if that would keep the turn from ending, for
// a while.
const sleeping = async (agent: Agent, deltas: number): Promise<Sample> => {
  let unit = 0
  await agent.turn(prompt({ deltas: 1 }), (text) => {
    unit = text.length
  })
  const queue: Array<string> = []
  let text = 0
  const take = (delta: string) => {
    text += delta.length
  }
  let answered = 0
  let asleep: Promise<void> | undefined
  const fallAsleep = async (): Promise<void> => {
    await agent.echo()
    answered = 1
    if (agent.pulls === true) await sleep(patience)
  }
  const end = begin()
  await agent.turn(prompt({ deltas }), (delta) => {
    if (agent.pulls === true) take(delta)
    else queue.push(delta)
    asleep ??= fallAsleep()
    return asleep
  })
  await asleep
  const used = end()
  queue.forEach(take)
  return { ...used, answered, lost: deltas - text / unit }
}

const inTime = (work: Promise<unknown>): Promise<number> =>
  Promise.race([work.then(() => 1), sleep(patience, 0, { ref: false })])

export const run = async (connect: Connect, work: Workload): Promise<Sample> => {
  switch (work.kind) {
    case "burst": {
      const agent = await connect(() => "accept")
      const sample = await burst(agent, work)
      agent.close()
      return sample
    }
    case "approvals": {
      const agent = await connect(async () => {
        if (work.checked) await agent.echo()
        return work.decision
      })
      const turn = (approvals: number) => agent.turn(prompt({ deltas: 0, approvals }), () => {})
      await turn(work.count / 2)
      const end = begin()
      const sample = approvalsOf(await turn(work.count), work)
      agent.close()
      return { ...end(), ...sample }
    }
    case "requests": {
      const agent = await connect(() => "accept")
      const sample = await requests(agent, work)
      agent.close()
      return sample
    }
    case "reverse": {
      const agent = await connect(() => "accept")
      const { held } = agent
      if (held === undefined) throw new Error("this client has no request that the server holds back")
      const round = () => Promise.all(repeat(work.pending, () => held(work.pending)))
      await round()
      const end = begin()
      for (let left = work.times; left > 0; left--) await round()
      agent.close()
      return { ...end() }
    }
    case "start": {
      const agent = await connect(() => "accept")
      await agent.echo()
      const first = now()
      await agent.turn(prompt({ deltas: 1 }), () => {})
      const turn = now()
      agent.close()
      return { first, turn }
    }
    case "sleep": {
      const agent = await connect(() => "accept")
      const sample = await sleeping(agent, work.deltas)
      agent.close()
      return sample
    }
    case "reenter": {
      const agent = await connect(async () => {
        await agent.echo()
        return "accept"
      })
      const end = begin()
      const approval = await inTime(agent.turn(prompt({ deltas: 0, approvals: 1 }), () => {}))
      const notification = await inTime(agent.turn(prompt({ deltas: 1 }), () => agent.echo()))
      agent.close()
      return { ...end(), approval, notification }
    }
    case "turns": {
      const agent = await connect(() => "accept")
      const took: Array<number> = []
      for (let index = 0; index < work.count; index++) {
        const end = begin()
        await agent.echo()
        await agent.turn("Reply with exactly: READY", () => {})
        took.push(end().wall)
      }
      agent.close()
      return { turn: median(took.slice(Math.ceil(work.count / 5))) }
    }
    case "durable":
    case "rules":
    case "worst":
      throw new Error(`${work.kind} has a client of its own`)
  }
}
