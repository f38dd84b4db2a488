/**
 * Counts the usage of all turns of a layer together against the budget of the layer.
 */
import type { BudgetExceeded } from "../../CodexError.ts"

/** Tokens, turns, and milliseconds. Infinity means no limit. */
export interface Limits {
  readonly tokens: number
  readonly turns: number
  readonly duration: number
}

export type Exceeded = Pick<BudgetExceeded, "limit" | "scope" | "allowed" | "used">

/** A turn that is running or waits to be started. */
export interface Entry {
  /** When its request was sent. Until then it uses no time. */
  startedAt: number | undefined
  readonly stop: (exceeded: Exceeded) => void
}

export interface Ledger {
  /** Counts a turn, or returns the limit that forbids it. */
  readonly enter: (entry: Entry, now: number) => Exceeded | undefined
  readonly leave: (entry: Entry, now: number) => void
  /** Adds used tokens, and stops all turns if the budget is used up. */
  readonly spend: (tokens: number) => void
  /** Whether the time of turns is limited. */
  readonly isTimed: boolean
  /** Stops all turns if no time is left. */
  readonly checkTime: (now: number) => void
  /** How long the running turns can continue in parallel, in milliseconds. Infinite without a limit. */
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
    isTimed: Number.isFinite(limits.duration),
    checkTime: (now) => {
      const time = elapsed(now)
      if (time >= limits.duration) stopAll(exceeded("duration", time))
    },
    timeLeft: (now) => Math.max(0, limits.duration - elapsed(now)) / Math.max(1, running.size)
  }
}
