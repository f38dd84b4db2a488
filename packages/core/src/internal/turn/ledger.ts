/**
 * What all turns of a layer have used together, held against what they may use.
 */
import type { BudgetExceeded } from "../../CodexError.ts"

/** Tokens, turns, and milliseconds; infinite: no limit. */
export interface Limits {
  readonly tokens: number
  readonly turns: number
  readonly duration: number
}

export type Exceeded = Pick<BudgetExceeded, "limit" | "scope" | "allowed" | "used">

/** A turn that runs, or waits to be started. */
export interface Entry {
  /** When its request was sent; until then it uses no time. */
  startedAt: number | undefined
  readonly stop: (exceeded: Exceeded) => void
}

export interface Ledger {
  /** Counts a turn; or tells why it may not run. */
  readonly enter: (entry: Entry, now: number) => Exceeded | undefined
  readonly leave: (entry: Entry, now: number) => void
  /** Adds tokens, and stops all turns when there are none left. */
  readonly spend: (tokens: number) => void
  /** Stops all turns when there is no time left. */
  readonly checkTime: (now: number) => void
  /** For how many milliseconds the turns that run can go on side by side. Infinite without a limit. */
  readonly timeLeft: (now: number) => number
}

export const makeLedger = (limits: Limits): Ledger => {
  const running = new Set<Entry>()
  let turns = 0
  let tokens = 0
  let finished = 0

  const elapsed = (now: number) =>
    Array.from(running).reduce((sum, { startedAt }) => sum + (startedAt === undefined ? 0 : now - startedAt), finished)

  const exceeded = (limit: Exceeded["limit"], used: number): Exceeded => ({
    limit,
    scope: "layer",
    allowed: limits[limit],
    used
  })

  const stopAll = (why: Exceeded) => {
    for (const { stop } of Array.from(running)) stop(why)
  }

  return {
    enter: (entry, now) => {
      if (turns >= limits.turns) return exceeded("turns", turns)
      if (tokens >= limits.tokens) return exceeded("tokens", tokens)
      const time = elapsed(now)
      if (time >= limits.duration) return exceeded("duration", time)
      turns++
      running.add(entry)
      return undefined
    },
    leave: (entry, now) => {
      if (running.delete(entry) && entry.startedAt !== undefined) finished += now - entry.startedAt
    },
    spend: (more) => {
      tokens += more
      if (tokens >= limits.tokens) stopAll(exceeded("tokens", tokens))
    },
    checkTime: (now) => {
      const time = elapsed(now)
      if (time >= limits.duration) stopAll(exceeded("duration", time))
    },
    timeLeft: (now) => Math.max(0, limits.duration - elapsed(now)) / Math.max(1, running.size)
  }
}
