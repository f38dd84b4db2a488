/**
 * A clock and a scheduler that only the simulation advances.
 *
 * Both are plain objects without fibers of their own. Fibers under them always run in the same order, a sleep ends when the
 * clock is moved to its end, and the number of sleeping and waiting fibers can be read. `TestClock` does not suffice for many
 * thousand runs that must leave nothing behind: it waits in real time for the fibers that it wakes, and does not report how
 * many sleep.
 *
 * @stability experimental
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scheduler from "effect/Scheduler"

/**
 * A clock that only moves when told to.
 *
 * @category models
 * @since 0.1.0
 */
export interface VirtualClock extends Clock.Clock {
  /** The end of the next sleep, in milliseconds since the start; `undefined` if no fiber sleeps. */
  readonly next: () => number | undefined
  /** Moves to a time, in milliseconds since the start, and ends the first sleep if it ends then. */
  readonly moveTo: (millis: number) => void
  /** The number of sleeping fibers. */
  readonly sleeping: () => number
}

interface Sleeper {
  readonly end: number
  readonly wake: () => void
}

/**
 * Makes a clock that starts at the Unix epoch.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeClock = (): VirtualClock => {
  let now = 0
  // Sorted by their ends, earliest last; ties end in the order in which they began.
  const sleepers: Array<Sleeper> = []

  const add = (sleeper: Sleeper) => {
    let index = sleepers.length
    while (index > 0 && (sleepers[index - 1]?.end ?? 0) <= sleeper.end) index--
    sleepers.splice(index, 0, sleeper)
  }
  const nanos = () => BigInt(Math.round(now * 1e6))

  return {
    currentTimeMillisUnsafe: () => now,
    currentTimeMillis: Effect.sync(() => now),
    currentTimeNanosUnsafe: nanos,
    currentTimeNanos: Effect.sync(nanos),
    monotonicTimeNanosUnsafe: nanos,
    monotonicTimeNanos: Effect.sync(nanos),
    sleep: (duration) => {
      const millis = Duration.toMillis(duration)
      if (!(millis > 0)) return Effect.yieldNow
      return Effect.callback<void>((resume) => {
        const sleeper: Sleeper = { end: now + millis, wake: () => resume(Effect.void) }
        add(sleeper)
        return Effect.sync(() => {
          const index = sleepers.indexOf(sleeper)
          if (index >= 0) sleepers.splice(index, 1)
        })
      })
    },
    next: () => sleepers.at(-1)?.end,
    moveTo: (millis) => {
      now = Math.max(now, millis)
      const first = sleepers.at(-1)
      if (first === undefined || first.end > now) return
      sleepers.pop()
      first.wake()
    },
    sleeping: () => sleepers.length
  }
}

/**
 * A scheduler whose tasks wait until the simulation runs them.
 *
 * @category models
 * @since 0.1.0
 */
export interface VirtualScheduler extends Scheduler.Scheduler {
  /** Runs the waiting tasks, and the tasks that these schedule, up to a limit. Returns the number of tasks that ran. */
  readonly run: (limit: number) => number
  /** The number of waiting tasks. */
  readonly waiting: () => number
}

/**
 * Makes a scheduler under which a fiber yields to the others after this many operations.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeScheduler = (maxOperations: number): VirtualScheduler => {
  let tasks: Array<{ readonly priority: number; readonly task: () => void }> = []
  const dispatcher: Scheduler.SchedulerDispatcher = {
    scheduleTask: (task, priority) => {
      tasks.push({ priority, task })
    },
    flush: () => {}
  }
  return {
    executionMode: "async",
    shouldYield: (fiber) => fiber.currentOpCount >= maxOperations,
    makeDispatcher: () => dispatcher,
    run: (limit) => {
      let ran = 0
      while (tasks.length > 0 && ran < limit) {
        const batch = tasks
        tasks = []
        if (batch.some(({ priority }) => priority !== batch[0]?.priority)) {
          batch.sort((a, b) => a.priority - b.priority)
        }
        for (const { task } of batch) task()
        ran += batch.length
      }
      return ran
    },
    waiting: () => tasks.length
  }
}

/**
 * Random numbers that a seed determines, each at least 0 and below 1.
 *
 * @category models
 * @since 0.1.0
 */
export type Numbers = () => number

/**
 * Makes the random numbers of a seed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeNumbers = (seed: number): Numbers => {
  // Scrambles the seed, so that consecutive small seeds start far apart.
  let state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}
