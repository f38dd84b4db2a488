/**
 * Detects when a turn makes no more progress.
 *
 * Time in which something is known to be under way (an approval, a tool, a command) does not count as long as the server says
 * that the turn runs. The server is asked now and then, because a silent server would not report the end either, and because
 * after the loss of a request both ends would wait for each other. The server's attempts to reach the model do not count as
 * progress: they have their own time limit, from the first attempt. Time in which this process was suspended does not count.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { monotonicMillis, notRunning } from "../monotonic.ts"

/** All in milliseconds. Infinity means off. */
export interface WatchdogTimes {
  readonly silenceWarning: number
  readonly stallTimeout: number
  readonly retryWindow: number
}

/** The progress of a turn. The times are milliseconds of monotonic time (`monotonicMillis`). */
export interface Watched {
  /** When the turn last made progress, or something that it waited for ended. */
  movedAt: number
  /** When the server began to retry, if it has made no progress since. */
  retryingSince: number | undefined
  /** Whether the turn still waits to be started, so that no progress is expected. */
  readonly isWaiting: () => boolean
  /** Whether an approval, a tool or a command is under way. */
  readonly isBusy: () => boolean
  /** Whether a request of the server is being answered. */
  readonly isAsked: () => boolean
  /** Called when the turn has been silent for a while, once for each silence. */
  readonly onSilent: (millis: number) => void
  /** Set by the watchdog. Call it when `retryingSince` is set or the turn is sent, because that may shorten the time left. */
  wake: (() => void) | undefined
}

export interface Stalled {
  readonly _tag: "Silence" | "Retries"
  readonly millis: number
}

/** The state of a turn, as reported by the server. `waits`: for an answer of this program. */
export type Liveness = "runs" | "waits" | "stopped"

/** Completes when the turn has stalled. `askServer` asks whether the turn runs. */
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
        // The first time, the server's request may still be on its way.
        const isOver = liveness === "stopped" || (isUnasked && unaskedAt === movedAt)
        if (isOver && watched.movedAt === movedAt) return { _tag: "Silence", millis: monotonicMillis(clock) - movedAt }
        unaskedAt = isUnasked ? movedAt : undefined
      }
      // When that has ended, `movedAt` changes.
      yield* pause(shortest)
    } else {
      if (now - movedAt >= times.stallTimeout) return { _tag: "Silence", millis: now - movedAt }
      if (now - movedAt >= times.silenceWarning && warnedAbout !== movedAt) {
        warnedAbout = movedAt
        watched.onSilent(now - movedAt)
      }
      const warnAt = warnedAbout === movedAt ? Number.POSITIVE_INFINITY : movedAt + times.silenceWarning
      // A new silence may begin in between, and its warning may be due before the old one would have ended the turn.
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
  // Progress after `before` is later than the suspension.
  if (watched.movedAt <= before) watched.movedAt += suspended
  if (watched.retryingSince !== undefined && watched.retryingSince <= before) watched.retryingSince += suspended
})
