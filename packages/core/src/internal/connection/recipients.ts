/**
 * Delivers each notification to its recipients, inside the reader's own call. If a recipient throws, the others still get the
 * notification, and the reader continues.
 *
 * A guard around each call would cost more than the call. One guard covers all messages of a chunk, and after a throw the
 * remaining recipients are called. This module must not know what a recipient does with a notification.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Notification from "../../Notification.ts"
import type { Route } from "./route.ts"

type Listener = (notification: Notification.Notification) => void

export interface Recipients {
  /** Calls the buffer, the observer, the route, and the listeners of the method. Throws what one of them throws. */
  readonly deliver: (notification: Notification.Notification, route: Route | undefined) => void
  /** After `deliver` has thrown: reports the cause and calls the remaining recipients. Returns whether a recipient threw it. */
  readonly deliverRest: (cause: unknown) => boolean
  /** Calls the listener for each notification of one method. It must not block. */
  readonly on: <M extends keyof Notification.Methods>(
    method: M,
    listener: (notification: Notification.KnownNotification<M>) => void
  ) => Effect.Effect<void, never, Scope.Scope>
  /** The number of methods that have listeners. */
  readonly size: () => number
}

export interface RecipientsOptions {
  /** Keeps the notification for the streams of all notifications. */
  readonly buffer: Listener
  readonly observer: Listener | undefined
  readonly onThrow: (recipient: string, cause: unknown) => void
  /** The route has lost a notification. */
  readonly onRouteThrow: (route: Route, notification: Notification.Notification, cause: unknown) => void
}

const none: ReadonlyArray<Listener> = []

export const makeRecipients = (options: RecipientsOptions): Recipients => {
  const { buffer, observer, onRouteThrow, onThrow } = options
  // The arrays are replaced, never changed, so a listener may leave or add others while a notification is delivered.
  const listeners = new Map<string, ReadonlyArray<Listener>>()

  // The current delivery, and how many recipients were called. The listeners come last.
  let notification: Notification.Notification | undefined
  let route: Route | undefined
  let listening = none
  let called = 0

  const callRest = (notification: Notification.Notification) => {
    if (called < 2) {
      called = 2
      observer?.(notification)
    }
    if (called < 3) {
      called = 3
      route?.onNotification(notification)
    }
    while (called < listening.length + 3) listening[called++ - 3]?.(notification)
  }

  const deliver: Recipients["deliver"] = (about, routeOfIt) => {
    notification = about
    route = routeOfIt
    if (listeners.size > 0 || listening !== none) listening = listeners.get(about.method) ?? none
    // Without a loop over all recipients, because this runs for every delta. `callRest` continues after a throw.
    called = 1
    buffer(about)
    called = 2
    observer?.(about)
    called = 3
    route?.onNotification(about)
    while (called < listening.length + 3) listening[called++ - 3]?.(about)
    notification = undefined
  }

  const report = (notification: Notification.Notification, cause: unknown) => {
    if (called === 1) onThrow("A buffer of notifications", cause)
    else if (called === 2) onThrow("The decision observer", cause)
    else if (called > 3) onThrow(`A listener of ${notification.method}`, cause)
    else if (route !== undefined) onRouteThrow(route, notification, cause)
  }

  const deliverRest: Recipients["deliverRest"] = (cause) => {
    const about = notification
    if (about === undefined) return false
    report(about, cause)
    for (let isDone = false; !isDone;) {
      const rest = Result.try(() => callRest(about))
      isDone = Result.isSuccess(rest)
      if (Result.isFailure(rest)) report(about, rest.failure)
    }
    notification = undefined
    return true
  }

  return {
    deliver,
    deliverRest,
    on: (method, listener) =>
      Effect.asVoid(
        Effect.acquireRelease(
          Effect.sync(() => {
            const listening: Listener = (notification) => {
              if (Notification.is(method, notification)) listener(notification)
            }
            listeners.set(method, [...(listeners.get(method) ?? []), listening])
            return listening
          }),
          (listening) =>
            Effect.sync(() => {
              const left = (listeners.get(method) ?? []).filter((one) => one !== listening)
              if (left.length === 0) listeners.delete(method)
              else listeners.set(method, left)
            })
        )
      ),
    size: () => listeners.size
  }
}
