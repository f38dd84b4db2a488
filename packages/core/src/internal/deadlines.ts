/**
 * Deadlines of many requests, kept by one fiber: a timer and a race for each would cost more than the request.
 *
 * Requests that may take equally long end in the order in which they began, so the next deadline of each length is the first
 * in its line.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

export interface Deadlines {
  /** Calls `expire` in so many milliseconds, unless it is cancelled before. */
  readonly add: (millis: number, expire: () => void) => () => void
}

interface Entry {
  readonly at: number
  readonly expire: () => void
}

export const makeDeadlines: Effect.Effect<Deadlines, never, Scope.Scope> = Effect.gen(function* () {
  const clock = yield* Clock.Clock
  const lines = new Map<number, Set<Entry>>()
  let nextWake = Number.POSITIVE_INFINITY
  let wake: (() => void) | undefined

  const firstOf = (line: Set<Entry>): Entry | undefined => line.values().next().value

  const expireUntil = (now: number) => {
    nextWake = Number.POSITIVE_INFINITY
    for (const line of lines.values()) {
      let first = firstOf(line)
      while (first !== undefined && first.at <= now) {
        line.delete(first)
        first.expire()
        first = firstOf(line)
      }
      if (first !== undefined) nextWake = Math.min(nextWake, first.at)
    }
  }

  const woken = Effect.callback<void>((resume) => {
    wake = () => {
      wake = undefined
      queueMicrotask(() => resume(Effect.void))
    }
  })

  yield* Effect.gen(function* () {
    while (true) {
      const now = yield* Clock.currentTimeMillis
      expireUntil(now)
      yield* Number.isFinite(nextWake) ? Effect.raceFirst(Effect.sleep(nextWake - now), woken) : woken
    }
  }).pipe(Effect.forkScoped({ startImmediately: true }))

  return {
    add: (millis, expire) => {
      const entry = { at: clock.currentTimeMillisUnsafe() + millis, expire }
      const known = lines.get(millis)
      const line = known ?? new Set()
      if (known === undefined) lines.set(millis, line)
      line.add(entry)
      if (entry.at < nextWake) {
        nextWake = entry.at
        wake?.()
      }
      return () => line.delete(entry)
    }
  }
})
