/**
 * The spans and metrics of requests to the server, and the metric of unreadable parts of messages.
 */
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import { experimentalClientRequests } from "../../protocol/generated/Methods.ts"
import * as Telemetry from "../../Telemetry.ts"
import { inSpan, isUnread, timedBy } from "../observing.ts"

const requestDurations = new Map<string, ReturnType<typeof Telemetry.byAttributes<number, unknown>>>()

/** The common name in metrics for all methods outside the protocol, because their number is unlimited. */
const otherMethods = "other"

const requestDuration = (method: string, outcome: string) => {
  const known = requestDurations.get(method)
  if (known !== undefined) return known(["outcome", outcome])
  const name = Object.hasOwn(experimentalClientRequests, method) ? method : otherMethods
  const found = requestDurations.get(name)
  if (found !== undefined) return found(["outcome", outcome])
  const made = Telemetry.byAttributes(Metric.withAttributes(Telemetry.requestDuration, { "rpc.method": name }))
  requestDurations.set(name, made)
  return made(["outcome", outcome])
}

/** The number of methods in the metrics of all connections of the process. */
export const sizes = () => ({ requestDurations: requestDurations.size })

/** Observes a request to the server from the call to its end, including retries. */
export const observeRequest = <A, E>(method: string, request: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.withFiber((fiber) => {
    const timed = timedBy(fiber, request, (exit) => requestDuration(method, Telemetry.outcomeOf(exit)))
    if (isUnread(fiber)) return timed
    return inSpan(
      method,
      { kind: "client", attributes: { "rpc.system": "jsonrpc", "rpc.method": method } },
      () => timed
    )
  })

const unreadableLeaves = Telemetry.byAttributes(Telemetry.unreadableLeaves)

/** Counts the unreadable parts of a message, and logs where they are. */
export const observeUnreadable = (method: string, paths: ReadonlyArray<string>): Effect.Effect<void> =>
  Effect.andThen(
    Metric.update(unreadableLeaves(["rpc.method", method]), paths.length),
    Effect.logDebug(`Parts of ${method} could not be read: ${paths.slice(0, 10).join(", ")}`)
  )
