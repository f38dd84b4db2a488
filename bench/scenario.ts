/**
 * What one sample does, and what it measures. Both go between the driver and the client's process as JSON.
 */
export interface Scenario {
  readonly kind: "burst" | "echo" | "approval" | "reenter" | "startup" | "sleep" | "reverse" | "threads"
  /** The native server, compiled. */
  readonly server: string
  readonly deltas?: number
  readonly size?: number
  readonly turns?: number
  readonly approvals?: number
  readonly requests?: number
  readonly depth?: number
  /** Threads that are kept open besides. */
  readonly open?: number
  /** Consumers of all notifications besides. */
  readonly subscribers?: number
  /** `chunks`: the consumer takes what came together; `each`: an effect for each. */
  readonly consumer?: "chunks" | "each"
  /** What the handler of an approval says. */
  readonly decision?: "accept" | "decline"
  /** Where the server writes what it measures itself. */
  readonly report?: string
}

export interface Sample {
  /** CPU time of the client's process from the first request of the measured part to its end. */
  readonly cpuMs: number
  readonly wallMs: number
  /** Growth of the resident set over the measured part. */
  readonly rssMb: number
  /** Characters of text that arrived. */
  readonly text: number
  readonly ok: boolean
}

export const serverArgs = (scenario: Scenario, extra: ReadonlyArray<string> = []): ReadonlyArray<string> => [
  ...Object.entries({
    deltas: scenario.deltas,
    size: scenario.size,
    turns: scenario.turns,
    approvals: scenario.approvals,
    reverse: scenario.kind === "reverse" ? scenario.requests : undefined,
    report: scenario.report
  }).flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${value}`])),
  ...extra
]

export const readScenario = (): Scenario => JSON.parse(process.argv[2] ?? "{}")

/** Begins to measure; the result ends it. */
export const begin = () => {
  const rss = process.memoryUsage().rss
  const wall = performance.now()
  const cpu = process.cpuUsage()
  return (text = 0, ok = true): Sample => {
    const { system, user } = process.cpuUsage(cpu)
    return {
      cpuMs: (system + user) / 1000,
      wallMs: performance.now() - wall,
      rssMb: (process.memoryUsage().rss - rss) / 2 ** 20,
      text,
      ok
    }
  }
}

/** Says what was measured, on one line, and ends. */
export const report = (sample: Sample): void => {
  process.stdout.write(`${JSON.stringify(sample)}\n`, () => process.exit(0))
}

/** Says that the first response is there, for who measures the time to it. */
export const ready = (): void => {
  process.stdout.write("ready\n")
}
