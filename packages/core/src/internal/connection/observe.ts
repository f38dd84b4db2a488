/**
 * The spans and metrics of our requests, and of what could not be read.
 */
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import { experimentalClientRequests } from "../../protocol/generated/Methods.ts"
import * as Telemetry from "../../Telemetry.ts"
import { inSpan, isUnread, timedBy } from "../observing.ts"

const requestDurations = new Map<string, ReturnType<typeof Telemetry.byAttributes<number, unknown>>>()

/** The name under which all methods are measured that the protocol does not have: there is no end of those. */
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

/** How many methods are measured, by all connections of the process. */
export const sizes = () => ({ requestDurations: requestDurations.size })

/** A request of ours, from the call to its end, however often it is sent. */
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

/** Counts what could not be read of a message, and says where. */
export const observeUnreadable = (method: string, paths: ReadonlyArray<string>): Effect.Effect<void> =>
  Effect.andThen(
    Metric.update(unreadableLeaves(["rpc.method", method]), paths.length),
    Effect.logDebug(`Parts of ${method} could not be read: ${paths.slice(0, 10).join(", ")}`)
  )
