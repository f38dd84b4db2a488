/**
 * Who gets what belongs to a thread: the turn that runs on it, the turn at the root of those that have spawned it, or who has
 * asked for the rest; and which threads the server tells this connection of at all.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Route } from "../AppServer.ts"
import type { ConnectionFailed } from "../CodexError.ts"
import type { Notification } from "../Notification.ts"

export interface Router {
  readonly routeOf: (threadId: string) => Route | undefined
  /** Keeps up with what a notification says of threads, before it is routed. */
  readonly follow: (notification: Notification) => void
  /** The server tells us of this thread from now on. */
  readonly join: (threadId: string, provider: string) => void
  readonly leave: (threadId: string) => void
  readonly isJoined: (threadId: string) => boolean
  readonly providerOf: (threadId: string) => string | undefined
  /** Takes over a thread until the scope closes. */
  readonly route: (route: Route) => Effect.Effect<void, never, Scope.Scope>
  readonly routeRest: (route: Route) => Effect.Effect<void, never, Scope.Scope>
  /** The threads with a running turn that a turn on this one has spawned. From now on they have no route. */
  readonly takeChildren: (threadId: string) => ReadonlyArray<{ readonly threadId: string; readonly turnId: string }>
  readonly end: (error: ConnectionFailed) => void
}

export const makeRouter = (): Router => {
  const routes = new Map<string, Route>()
  const restRoutes = new Map<string, Route>()
  // Threads that a turn has spawned, with the route of the turn at the root; and that route by the root turn's id.
  const children = new Map<string, { readonly route: Route; readonly turnId: string }>()
  const roots = new Map<string, Route>()
  // Threads that we started, resumed or forked, with their model's provider.
  const joined = new Map<string, string>()
  let ended: ConnectionFailed | undefined

  // What a thread says comes in runs, and comparing is cheaper than finding.
  let lastThreadId: string | undefined
  let lastRoute: Route | undefined
  const forgetLast = () => {
    lastThreadId = undefined
  }
  const routeOf: Router["routeOf"] = (threadId) => {
    if (threadId !== lastThreadId || lastRoute?.isOver() === true) {
      const own = routes.get(threadId)
      const open = own?.isOver() === false ? own : children.get(threadId)?.route
      lastRoute = open ?? restRoutes.get(threadId) ?? own
      lastThreadId = threadId
    }
    return lastRoute
  }

  const removeChild = (threadId: string) => {
    if (children.delete(threadId)) forgetLast()
  }
  const leave = (threadId: string) => {
    joined.delete(threadId)
    removeChild(threadId)
  }

  const follow: Router["follow"] = (notification) => {
    switch (notification.method) {
      case "turn/started": {
        const { threadId, turn } = notification.params
        const own = routes.get(threadId)
        const root = turn.rootTurnId == null || turn.rootTurnId === turn.id ? undefined : roots.get(turn.rootTurnId)
        if (own !== undefined) roots.set(turn.id, own)
        else if (root !== undefined) {
          children.set(threadId, { route: root, turnId: turn.id })
          forgetLast()
        }
        break
      }
      case "thread/closed":
      case "thread/archived":
        leave(notification.params.threadId)
        break
      case "thread/status/changed":
        if (notification.params.status.type === "notLoaded") leave(notification.params.threadId)
        break
      case "turn/completed":
        removeChild(notification.params.threadId)
        break
    }
  }

  const hold = (table: Map<string, Route>, route: Route) =>
    Effect.acquireRelease(
      Effect.sync(() => {
        table.set(route.threadId, route)
        forgetLast()
      }),
      () =>
        Effect.sync(() => {
          if (table.get(route.threadId) === route) table.delete(route.threadId)
          for (const [turnId, root] of roots) if (root === route) roots.delete(turnId)
          forgetLast()
        })
    )

  return {
    routeOf,
    follow,
    join: (threadId, provider) => joined.set(threadId, provider),
    leave: (threadId) => joined.delete(threadId),
    isJoined: (threadId) => joined.has(threadId),
    providerOf: (threadId) => joined.get(threadId),
    route: (route) =>
      Effect.map(hold(routes, route), () => {
        if (ended !== undefined) route.onEnd(ended)
      }),
    routeRest: (route) => hold(restRoutes, route),
    takeChildren: (threadId) => {
      const root = routes.get(threadId)
      const spawned = Array.from(children).flatMap(([child, { route, turnId }]) =>
        route === root ? [{ threadId: child, turnId }] : []
      )
      for (const { threadId } of spawned) removeChild(threadId)
      return spawned
    },
    end: (error) => {
      ended = error
      const followers = Array.from(children.values(), ({ route }) => route)
      for (const route of new Set([...routes.values(), ...followers])) route.onEnd(error)
    }
  }
}
