/**
 * Deadlines of many requests, kept by one fiber: a timer and a race for each would cost more than the request.
 *
 * Requests with the same timeout expire in the order in which they began, so the next deadline of each timeout is the first in
 * its line. The time is monotonic, and stops while this process is suspended, so that messages that arrived in the meantime are
 * read before anything expires.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { monotonicMillis, notRunning } from "../monotonic.ts"

export interface Deadlines {
  /** Calls `expire` after `millis` milliseconds, unless the returned function cancels it before. */
  readonly add: (millis: number, expire: () => void) => () => void
  /** The number of timeouts and of requests. */
  readonly sizes: () => Readonly<Record<"deadlineLines" | "deadlines", number>>
}

interface Entry {
  readonly at: number
  readonly expire: () => void
}

export const makeDeadlines: Effect.Effect<Deadlines, never, Scope.Scope> = Effect.gen(function* () {
  const clock = yield* Clock.Clock
  const lines = new Map<number, Set<Entry>>()
  let suspended = 0
  const now = () => monotonicMillis(clock) - suspended
  let nextWake = Number.POSITIVE_INFINITY
  let wake: (() => void) | undefined

  const firstOf = (line: Set<Entry>): Entry | undefined => line.values().next().value

  const expireUntil = (time: number) => {
    nextWake = Number.POSITIVE_INFINITY
    for (const [millis, line] of lines) {
      let first = firstOf(line)
      while (first !== undefined && first.at <= time) {
        line.delete(first)
        first.expire()
        first = firstOf(line)
      }
      if (first !== undefined) nextWake = Math.min(nextWake, first.at)
      else if (lines.get(millis) === line) lines.delete(millis)
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
      const before = now()
      expireUntil(before)
      const pause = nextWake - before
      if (!Number.isFinite(pause)) yield* woken
      else {
        yield* Effect.raceFirst(Effect.sleep(pause), woken)
        suspended += notRunning(pause, now() - before)
      }
    }
  }).pipe(Effect.forkScoped({ startImmediately: true }))

  return {
    add: (millis, expire) => {
      const entry = { at: now() + millis, expire }
      const known = lines.get(millis)
      const line = known ?? new Set()
      if (known === undefined) lines.set(millis, line)
      line.add(entry)
      if (entry.at < nextWake) {
        nextWake = entry.at
        wake?.()
      }
      return () => {
        line.delete(entry)
        if (line.size === 0 && lines.get(millis) === line) lines.delete(millis)
      }
    },
    sizes: () => ({
      deadlineLines: lines.size,
      deadlines: Array.from(lines.values()).reduce((sum, line) => sum + line.size, 0)
    })
  }
})
