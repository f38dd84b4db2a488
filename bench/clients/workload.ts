/**
 * The workloads of the clients, and how their cost is measured and reported.
 *
 * Every sample is a separate process: it gets the workload as its argument and prints the sample as one line of JSON. Every
 * client loads this module, so it depends on nothing but Node.
 */

/** How the server is started. */
export interface Server {
  readonly command: string
  readonly args: ReadonlyArray<string>
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
}

export type Workload = { readonly server: Server } & (
  | {
      /** Turns that stream at the same time. The cost of the same number of turns without deltas is subtracted. */
      readonly kind: "burst"
      readonly turns: number
      /** Deltas of all turns together, after a warm-up of half of that. */
      readonly deltas: number
      /** The length of one delta's line. */
      readonly bytes: number
      /** Whether the consumer takes all available events, or one at a time. */
      readonly consume: "chunks" | "each"
      /** Other readers: of all notifications of the connection, or views of the turn instead of its only stream. */
      readonly readers?: { readonly of: "connection" | "turn"; readonly count: number }
      /** Threads that were started before and are still open. */
      readonly open?: number
    }
  | {
      readonly kind: "approvals"
      readonly count: number
      readonly decision: "accept" | "decline"
      readonly checked: boolean
    }
  | { readonly kind: "requests"; readonly count: number; readonly inFlight: number }
  /** `pending` requests at once, answered in reverse order, `times` times. */
  | { readonly kind: "reverse"; readonly pending: number; readonly times: number }
  /** From the start of the process to its first response, and to the end of its first turn. */
  | { readonly kind: "start" }
  /** A consumer that makes a request at the first delta, and then sleeps until the last one was sent. */
  | { readonly kind: "sleep"; readonly deltas: number }
  /** Handlers, of an approval and of a notification, that make a request and wait for the response before they return. */
  | { readonly kind: "reenter" }
  /** Short turns, each on a thread of its own, against whatever the server is. */
  | { readonly kind: "turns"; readonly count: number }
  /** Turns of a durable session and turns without one, in turn: each in a new session and thread, or all in the same. */
  | { readonly kind: "durable"; readonly pairs: number; readonly session: "new" | "same" }
  /** Decisions of a policy with so many rules, of which the last one matches. No server takes part. */
  | { readonly kind: "rules"; readonly rules: number; readonly times: number }
  /** Decisions on commands that were made to take long; `command`: on this one alone. No server takes part. */
  | { readonly kind: "worst"; readonly rubric: "declining" | "balanced"; readonly command?: number }
)

type Approvals = Workload & { readonly kind: "approvals" }

export type Sample = Readonly<Record<string, number>>

/** Time since `begin`, in milliseconds, and how far memory peaked above its level then, in MB. */
export interface Usage {
  readonly cpu: number
  readonly wall: number
  readonly rss: number
}

export const begin = (): (() => Usage) => {
  const rss = process.memoryUsage.rss()
  const cpu = process.cpuUsage()
  const wall = performance.now()
  return () => {
    const { system, user } = process.cpuUsage(cpu)
    return {
      cpu: (system + user) / 1000,
      wall: performance.now() - wall,
      rss: Math.max(0, process.resourceUsage().maxRSS * 1024 - rss) / 1e6
    }
  }
}

/** The size of the heap after a garbage collection, in MB. */
export const heap = (): number => {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed / 1e6
}

/** Milliseconds since 1970, with fractions. */
export const now = (): number => performance.timeOrigin + performance.now()

export const readWorkload = (): Workload => JSON.parse(process.argv[2] ?? "null")

export const tell = (sample: Sample): void => {
  process.stdout.write(`${JSON.stringify(sample)}\n`)
}

/** The prompt that tells the server how much to do. */
export const prompt = (words: Readonly<Record<string, number>>): string =>
  Object.entries(words)
    .map(([name, value]) => `${name}=${value}`)
    .join(" ")

/**
 * How long approvals took, in microseconds, and how many were not decided as they should have been, from the message that
 * ends their turn.
 */
export const approvalsOf = (text: string, { count, decision }: Approvals): Sample => {
  const number = (name: string) => Number(new RegExp(`${name}=(\\d+)`).exec(text)?.[1] ?? Number.NaN)
  const accepted = number("accepted")
  return {
    p50: number("p50_ns") / 1000,
    p99: number("p99_ns") / 1000,
    wrong: decision === "accept" ? count - accepted : accepted
  }
}

/** A client that is stuck for longer than this counts as deadlocked, in milliseconds. */
export const patience = 3000

export const median = (values: ReadonlyArray<number>): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}
