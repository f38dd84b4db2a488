/**
 * Monotonic time, for durations: deadlines, silences, budgets. The time of day can be changed while something waits, and is
 * only for display.
 */
import type * as Clock from "effect/Clock"

/** Whole milliseconds of the clock's monotonic time. Their origin is arbitrary, so only differences have a meaning. */
export const monotonicMillis = (clock: Clock.Clock): number => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n)

/**
 * How long this process was suspended or blocked, in milliseconds, if a sleep of `asked` milliseconds took `slept`. Messages
 * that arrived in that time are still unread, so it does not count as silence. A smaller delay is normal for timers and counts
 * as zero.
 */
export const notRunning = (asked: number, slept: number): number => {
  const late = slept - asked
  return late >= leastSuspension ? late : 0
}

const leastSuspension = 1000
