/**
 * Time that only goes forward, for what lasts: deadlines, silences, budgets. The time of day can be set back or forward
 * while something waits, and is for what people read.
 */
import type * as Clock from "effect/Clock"

/** Whole milliseconds of the clock's monotonic time. They begin anywhere: good for differences alone. */
export const monotonicMillis = (clock: Clock.Clock): number => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n)

/**
 * How many milliseconds this process did not run, if a sleep of `asked` milliseconds took `slept`: it was suspended, or
 * something blocked it. What others said in that time is still to be read, so it counts for nobody's silence. A sleep that
 * is late by less is late as timers are.
 */
export const notRunning = (asked: number, slept: number): number => {
  const late = slept - asked
  return late >= leastSuspension ? late : 0
}

const leastSuspension = 1000
