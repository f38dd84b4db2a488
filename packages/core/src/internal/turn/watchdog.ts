/**
 * Tells when a turn has stopped moving.
 *
 * Time in which something is known to be under way (an approval, a tool, a command) does not count, as long as the server says
 * that the turn runs: it is asked now and then, since one that says nothing any more would not tell of the end either, and a request
 * that never arrived would be waited for on both sides. Attempts
 * of the server to reach the model are no progress: they have a time of their own, from the first one on. Time in which this
 * process was suspended does not count either.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { monotonicMillis, notRunning } from "../monotonic.ts"

/** All in milliseconds; infinite: off. */
export interface WatchdogTimes {
  readonly silenceWarning: number
  readonly stallTimeout: number
  readonly retryWindow: number
}

/** What a turn tells of itself. The times are milliseconds of monotonic time (`monotonicMillis`). */
export interface Watched {
  /** When the turn made progress, or something that it waited for ended, the last time. */
  movedAt: number
  /** When the server began to try again, if it has made no progress since. */
  retryingSince: number | undefined
  /** Whether nothing is expected of the turn: it waits to be started. */
  readonly isWaiting: () => boolean
  /** Whether an approval, a tool or a command is under way. */
  readonly isBusy: () => boolean
  /** Whether a request of the server is being answered. */
  readonly isAsked: () => boolean
  /** Called when the turn has been silent for a while, once each time. */
  readonly onSilent: (millis: number) => void
  /** Set by the watchdog: to be called when `retryingSince` is set or the turn is sent, as that may bring the end nearer. */
  wake: (() => void) | undefined
}

export interface Stalled {
  readonly _tag: "Silence" | "Retries"
  readonly millis: number
}

/** The state of a turn, as the server reports it; `waits`: for an answer of this program. */
export type Liveness = "runs" | "waits" | "stopped"

/** Returns when the turn has stalled. `askServer` asks whether the turn runs. */
export const watch = Effect.fnUntraced(function* (
  times: WatchdogTimes,
  watched: Watched,
  askServer: Effect.Effect<Liveness>
): Effect.fn.Return<Stalled> {
  const shortest = Math.min(times.silenceWarning, times.stallTimeout)
  const clock = yield* Clock.Clock
  const pause = (millis: number) => pauseFor(clock, watched, millis)
  let warnedAbout: number | undefined
  let askedAt = Number.NEGATIVE_INFINITY
  let unaskedAt: number | undefined
  while (true) {
    const now = monotonicMillis(clock)
    const { movedAt, retryingSince } = watched
    if (retryingSince !== undefined) {
      if (now - retryingSince >= times.retryWindow) return { _tag: "Retries", millis: now - retryingSince }
      yield* pause(retryingSince + times.retryWindow - now)
    } else if (watched.isWaiting()) {
      yield* pause(Number.POSITIVE_INFINITY)
    } else if (watched.isBusy()) {
      if (now - Math.max(movedAt, askedAt) >= times.stallTimeout) {
        askedAt = now
        const liveness = yield* askServer
        const isUnasked = liveness === "waits" && !watched.isAsked()
        // The first time, its request may still be on its way.
        const isOver = liveness === "stopped" || (isUnasked && unaskedAt === movedAt)
        if (isOver && watched.movedAt === movedAt) return { _tag: "Silence", millis: monotonicMillis(clock) - movedAt }
        unaskedAt = isUnasked ? movedAt : undefined
      }
      // When that is over, `movedAt` says so.
      yield* pause(shortest)
    } else {
      if (now - movedAt >= times.stallTimeout) return { _tag: "Silence", millis: now - movedAt }
      if (now - movedAt >= times.silenceWarning && warnedAbout !== movedAt) {
        warnedAbout = movedAt
        watched.onSilent(now - movedAt)
      }
      const warnAt = warnedAbout === movedAt ? Number.POSITIVE_INFINITY : movedAt + times.silenceWarning
      // A new silence may begin in between, and be warned about before the old one would have ended the turn.
      yield* pause(Math.min(warnAt - now, movedAt + times.stallTimeout - now, shortest))
    }
  }
})

const pauseFor = Effect.fnUntraced(function* (clock: Clock.Clock, watched: Watched, millis: number) {
  const woken = Effect.callback<void>((resume) => {
    watched.wake = () => {
      watched.wake = undefined
      queueMicrotask(() => resume(Effect.void))
    }
  })
  if (!Number.isFinite(millis)) return yield* woken
  const before = monotonicMillis(clock)
  yield* Effect.raceFirst(Effect.sleep(millis), woken)
  const suspended = notRunning(millis, monotonicMillis(clock) - before)
  // What has been heard since is later than the suspension.
  if (watched.movedAt <= before) watched.movedAt += suspended
  if (watched.retryingSince !== undefined && watched.retryingSince <= before) watched.retryingSince += suspended
})
