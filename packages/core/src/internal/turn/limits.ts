/**
 * The limits for which this client stops a turn, and the errors that the turn then fails with.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { AgentResponse } from "../../AgentResponse.ts"
import type { AppServer } from "../../AppServer.ts"
import { BudgetExceeded, type RequestError, TurnFailed, TurnStalled } from "../../CodexError.ts"
import type { ThreadStatus } from "../../protocol/generated/Stable.ts"
import type { Exceeded } from "./ledger.ts"
import type { Place } from "./place.ts"
import type { TurnRecord } from "./record.ts"
import { type Liveness, type Stalled, watch, type WatchdogTimes } from "./watchdog.ts"

export type Limit =
  | { readonly _tag: "Budget"; readonly exceeded: Exceeded }
  | { readonly _tag: "TextTooLong"; readonly allowed: number }
  /** The server no longer reports the thread. */
  | { readonly _tag: "Unheard"; readonly error: RequestError }
  | {
      readonly _tag: "Stalled"
      readonly stalled: Stalled
      readonly about: Partial<Pick<TurnStalled, "lastEvent" | "threadStatus">>
    }

/** The timeout for asking the status of a stalled turn's thread, in milliseconds. */
const statusTimeout = 5000

/** The timeout for asking the server whether a turn runs, in milliseconds. */
const livenessTimeout = 60_000

/** Waits until a limit is reached. */
export const untilReached = (
  server: AppServer["Service"],
  options: {
    readonly place: Place
    readonly record: TurnRecord
    readonly watchdog: WatchdogTimes
    /** Done when the agent has written more text than the limit. */
    readonly textTooLong: Deferred.Deferred<Limit>
  }
): Effect.Effect<Limit> => {
  const { place, record, textTooLong, watchdog } = options
  const { threadId } = place
  // Any other error is an answer: the server is alive.
  const askServer = Effect.suspend(() =>
    server.request("thread/read", { threadId }, { timeout: livenessTimeout })
  ).pipe(
    Effect.map(({ thread }) => livenessOf(thread.status)),
    Effect.catch(({ _tag }) => Effect.succeed<Liveness>(isSilence(_tag) ? "stopped" : "runs"))
  )
  const stalled = Effect.flatMap(
    watch(watchdog, record.watched, askServer),
    Effect.fnUntraced(function* (stalled): Effect.fn.Return<Limit> {
      // Read now: notifications that arrive while the turn is being stopped are not the event at which it stalled.
      const { event } = record.last()
      const status = yield* server.request("thread/read", { threadId }, { timeout: statusTimeout }).pipe(
        Effect.map(({ thread }) => ({ threadStatus: thread.status.type })),
        Effect.orElseSucceed(() => ({}))
      )
      return { _tag: "Stalled", stalled, about: { ...(event === undefined ? {} : { lastEvent: event }), ...status } }
    })
  )
  const exceeded = Effect.map(place.exceeded, (exceeded): Limit => ({ _tag: "Budget", exceeded }))
  const limits = [exceeded, Deferred.await(textTooLong), stalled]
  return Effect.raceAllFirst(place.watchTime === undefined ? limits : [...limits, place.watchTime])
}

const isSilence = (tag: string): boolean => tag === "RequestTimedOut" || tag === "SessionNotFound"

const livenessOf = (status: ThreadStatus): Liveness => {
  if (status.type !== "active") return "stopped"
  return status.activeFlags.some((flag) => flag.startsWith("waitingOn")) ? "waits" : "runs"
}

/** The error of the turn. */
export const errorOf = (
  limit: Limit,
  response: AgentResponse,
  lastError: string
): BudgetExceeded | TurnStalled | TurnFailed | RequestError => {
  switch (limit._tag) {
    case "Unheard":
      return limit.error
    case "Budget":
      return new BudgetExceeded({ ...limit.exceeded, response })
    case "TextTooLong": {
      const { allowed } = limit
      const description = `the agent wrote a text of more than ${allowed} characters`
      return new TurnFailed({ reason: { _tag: "TextTooLong", allowed }, description, response })
    }
    case "Stalled": {
      const { _tag, millis } = limit.stalled
      const reason = _tag === "Silence" ? { _tag, millis } : { _tag, millis, description: lastError }
      return new TurnStalled({ reason, ...limit.about, response })
    }
  }
}
