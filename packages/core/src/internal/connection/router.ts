/**
 * Routes the messages of a thread: to the turn of this program that runs on it, to the root turn of those that spawned it, or
 * to the fallback route. It also tracks which turn is active on each thread, and which threads the server reports to this
 * connection.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Route } from "./route.ts"
import { type ConnectionFailed, SessionArchived, SessionNotFound } from "../../CodexError.ts"
import * as Notification from "../../Notification.ts"

/** A turn that another turn has spawned. */
export interface Child {
  readonly threadId: string
  readonly turnId: string
}

export interface Router {
  /** The route for the notifications of a thread. */
  readonly routeOf: (threadId: string) => Route | undefined
  /** The route that answers a request of a turn, by default of the active one; while that is undecided, an effect to wait for. */
  readonly ownerOf: (threadId: string, turnId: string | undefined) => Route | Effect.Effect<void> | undefined
  /** Updates the state of threads from a notification, before it is routed. Returns a child turn that has to be stopped. */
  readonly follow: (notification: Notification.Notification) => Child | undefined
  /** The server reports this thread from now on. `isActive` says that a turn runs on it. */
  readonly join: (threadId: string, provider: string, isActive: boolean) => void
  readonly leave: (threadId: string) => void
  /** The server has confirmed that this connection left the thread. Its turn has to join again, but not earlier. */
  readonly left: (threadId: string) => void
  readonly isJoined: (threadId: string) => boolean
  readonly providerOf: (threadId: string) => string | undefined
  /** Takes over a thread until the scope closes. */
  readonly route: (route: Route) => Effect.Effect<void, never, Scope.Scope>
  /** Sets the route for messages that no other route of the thread takes, until the thread is left. */
  readonly routeFallback: (route: Route) => void
  /** Returns the running turns that a turn has spawned, directly or not. These and later ones have no route from now on. */
  readonly takeChildren: (rootTurnId: string) => ReadonlyArray<Child>
  /** The id of the turn that runs on a thread, as far as this connection knows. */
  readonly activeTurn: (threadId: string) => string | undefined
  /** The `clientId` of the first message of the turn that runs on a thread, if it has been reported. */
  readonly starterOf: (threadId: string, turnId: string) => string | null | undefined
  /** Records that a turn runs on the thread. Its id may be unknown. */
  readonly setActiveTurn: (threadId: string, turnId: string | undefined) => void
  readonly clearActiveTurn: (threadId: string) => void
  /** Waits until no turn is active on the thread. */
  readonly whenIdle: (threadId: string) => Effect.Effect<void>
  readonly end: (error: ConnectionFailed) => void
  /** The number of entries in each table. */
  readonly sizes: () => Readonly<Record<string, number>>
}

/** The root turn of other turns: it provides their route as long as one of them exists. */
interface Root {
  readonly route: Route
  readonly threadId: string
  isOver: boolean
  children: number
}

/** The turn that runs on a thread. The inner turn of a review is on the thread of its root turn. */
interface Active {
  readonly turnId: string
  readonly rootTurnId: string
}

/** An active turn whose id is unknown. */
const unknownTurn = "unknown"

const activeTurnOf = (turnId: string, rootTurnId = turnId): Active => ({ turnId, rootTurnId })

/** How many root turns are remembered after their owner has left, to stop turns that they still spawn. */
const maxLeftRoots = 256

/** `onLeft` is called for threads that the server no longer reports. */
export const makeRouter = (onLeft: (threadId: string) => void): Router => {
  const routes = new Map<string, Route>()
  const fallbackRoutes = new Map<string, Route>()
  const children = new Map<string, { readonly route: Route; readonly turnId: string; readonly rootId: string }>()
  const roots = new Map<string, Root>()
  const leftRoots = new Set<string>()
  // Threads that this connection started, resumed or forked, with their model provider.
  const joined = new Map<string, string>()
  const active = new Map<string, Active>()
  const starters = new Map<string, { readonly turnId: string; readonly clientId: string | null | undefined }>()
  const idleWaiters = new Map<string, Set<() => void>>()
  let ended: ConnectionFailed | undefined

  // Messages of one thread come in runs, and comparing is cheaper than a lookup.
  let lastThreadId: string | undefined
  let lastRoute: Route | undefined
  const forgetLast = () => {
    lastThreadId = undefined
  }
  const ifOpen = (own: Route | undefined) => (own?.isOver() === false ? own : undefined)
  const openRouteOf = (threadId: string) => ifOpen(routes.get(threadId))
  const routeOf: Router["routeOf"] = (threadId) => {
    if (threadId !== lastThreadId || lastRoute?.isOver() === true) {
      const own = routes.get(threadId)
      lastRoute = ifOpen(own) ?? children.get(threadId)?.route ?? fallbackRoutes.get(threadId)
      // Whether a turn's own route is over can change without a call to this router, so this result is not cached.
      lastThreadId = own === undefined || own === lastRoute ? threadId : undefined
    }
    return lastRoute
  }

  const ownerOf: Router["ownerOf"] = (threadId, turnId) => {
    const own = openRouteOf(threadId)
    if (own?.owns(turnId) === true) return own.undecided() ?? own
    const undecided = own?.undecided()
    return undecided ?? children.get(threadId)?.route ?? fallbackRoutes.get(threadId)
  }

  const clearActiveTurn = (threadId: string) => {
    active.delete(threadId)
    starters.delete(threadId)
    const waiters = idleWaiters.get(threadId)
    idleWaiters.delete(threadId)
    for (const resume of waiters ?? []) resume()
  }

  const forgetRoot = (rootId: string, root: Root) => {
    if (root.isOver && root.children === 0) roots.delete(rootId)
  }
  const removeChild = (threadId: string) => {
    const child = children.get(threadId)
    if (child === undefined) return
    children.delete(threadId)
    forgetLast()
    const root = roots.get(child.rootId)
    if (root === undefined) return
    root.children--
    forgetRoot(child.rootId, root)
  }

  const began = (threadId: string, turnId: string, rootTurnId: string | undefined): Child | undefined => {
    if (joined.has(threadId)) {
      if (active.get(threadId)?.turnId !== turnId) starters.delete(threadId)
      active.set(threadId, activeTurnOf(turnId, rootTurnId))
    }
    if (rootTurnId !== undefined && leftRoots.has(rootTurnId)) return { threadId, turnId }
    const root = rootTurnId === undefined || rootTurnId === turnId ? undefined : roots.get(rootTurnId)
    if (root !== undefined && root.threadId !== threadId) {
      removeChild(threadId)
      children.set(threadId, { route: root.route, turnId, rootId: rootTurnId ?? turnId })
      root.children++
      forgetLast()
      return undefined
    }
    // The inner turn of a review is on the thread of its root turn.
    const route = openRouteOf(threadId) ?? fallbackRoutes.get(threadId)
    const rootId = rootTurnId ?? turnId
    // A turn that is reported again still has its children.
    if (route !== undefined && roots.get(rootId)?.route !== route) {
      roots.set(rootId, { route, threadId, isOver: false, children: 0 })
    }
    return undefined
  }

  // A late end of an earlier turn does not concern the running one. An end without an id is that of the running turn.
  const completed = (threadId: string, turnId: string) => {
    const running = active.get(threadId)
    const isAnother = running !== undefined && running.turnId !== unknownTurn && turnId !== ""
    if (!isAnother || turnId === running.turnId || turnId === running.rootTurnId) clearActiveTurn(threadId)
    removeChild(threadId)
    const root = roots.get(turnId)
    if (root === undefined) return
    root.isOver = true
    forgetRoot(turnId, root)
  }

  const leave = (threadId: string, why?: SessionArchived | SessionNotFound) => {
    joined.delete(threadId)
    fallbackRoutes.delete(threadId)
    for (const [rootId, root] of roots) if (root.threadId === threadId) roots.delete(rootId)
    removeChild(threadId)
    clearActiveTurn(threadId)
    forgetLast()
    onLeft(threadId)
    const own = openRouteOf(threadId)
    if (why !== undefined) own?.onEnd(why)
  }

  const follow: Router["follow"] = (notification) => {
    switch (notification.method) {
      case "turn/started": {
        const { threadId, turn } = notification.params
        return began(threadId, turn.id, turn.rootTurnId ?? undefined)
      }
      case "item/started": {
        const { item, threadId, turnId } = notification.params
        if (item.type === "userMessage" && active.get(threadId)?.turnId === turnId && !starters.has(threadId)) {
          starters.set(threadId, { turnId, clientId: item.clientId })
        }
        return undefined
      }
      case "turn/completed":
        completed(notification.params.threadId, notification.params.turn.id)
        return undefined
      case "thread/closed":
      case "thread/deleted":
        leave(notification.params.threadId, new SessionNotFound({ threadId: notification.params.threadId }))
        return undefined
      case "thread/archived":
        leave(notification.params.threadId, new SessionArchived({ threadId: notification.params.threadId }))
        return undefined
      case "thread/status/changed": {
        const { status, threadId } = notification.params
        // For a running turn, the reason why its thread is unloaded comes next.
        if (status.type === "notLoaded" && openRouteOf(threadId) === undefined) leave(threadId)
        return undefined
      }
      default: {
        // An end that cannot be read is still an end.
        const threadId = isUnreadableEnd(notification) ? Notification.threadIdOf(notification) : undefined
        if (threadId !== undefined) completed(threadId, Notification.turnIdOf(notification) ?? "")
        return undefined
      }
    }
  }

  return {
    routeOf,
    ownerOf,
    follow,
    join: (threadId, provider, isActive) => {
      joined.set(threadId, provider)
      if (isActive && !active.has(threadId)) active.set(threadId, activeTurnOf(unknownTurn))
    },
    leave: (threadId) => leave(threadId),
    left: (threadId) => openRouteOf(threadId)?.onLeft(),
    isJoined: (threadId) => joined.has(threadId),
    providerOf: (threadId) => joined.get(threadId),
    route: (route) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          routes.set(route.threadId, route)
          forgetLast()
          if (ended !== undefined) route.onEnd(ended)
        }),
        () =>
          Effect.sync(() => {
            if (routes.get(route.threadId) === route) routes.delete(route.threadId)
            forgetLast()
          })
      ),
    routeFallback: (route) => {
      fallbackRoutes.set(route.threadId, route)
      forgetLast()
    },
    takeChildren: (rootTurnId) => {
      const spawned = Array.from(children).flatMap(([threadId, { rootId, turnId }]) =>
        rootId === rootTurnId ? [{ threadId, turnId }] : []
      )
      for (const child of spawned) removeChild(child.threadId)
      roots.delete(rootTurnId)
      leftRoots.add(rootTurnId)
      const [oldest] = leftRoots
      if (leftRoots.size > maxLeftRoots && oldest !== undefined) leftRoots.delete(oldest)
      return spawned
    },
    activeTurn: (threadId) => active.get(threadId)?.turnId,
    starterOf: (threadId, turnId) => {
      const starter = starters.get(threadId)
      return starter?.turnId === turnId ? starter.clientId : undefined
    },
    setActiveTurn: (threadId, turnId) => {
      // The server would never report that a thread is idle after this connection has left it.
      if (!joined.has(threadId)) return
      const running = active.get(threadId)
      if (turnId === undefined) active.set(threadId, running ?? activeTurnOf(unknownTurn))
      else if (turnId !== running?.turnId) active.set(threadId, activeTurnOf(turnId))
    },
    clearActiveTurn,
    whenIdle: (threadId) =>
      Effect.callback<void>((resume) => {
        if (!active.has(threadId)) return resume(Effect.void)
        const waiters = idleWaiters.get(threadId) ?? new Set()
        idleWaiters.set(threadId, waiters)
        const wake = () => resume(Effect.void)
        waiters.add(wake)
        return Effect.sync(() => {
          waiters.delete(wake)
          if (waiters.size === 0 && idleWaiters.get(threadId) === waiters) idleWaiters.delete(threadId)
        })
      }),
    end: (error) => {
      ended = error
      const followers = Array.from(children.values(), ({ route }) => route)
      for (const route of new Set([...routes.values(), ...followers])) route.onEnd(error)
      for (const threadId of Array.from(active.keys())) clearActiveTurn(threadId)
    },
    sizes: () => ({
      routes: routes.size,
      fallbackRoutes: fallbackRoutes.size,
      children: children.size,
      roots: roots.size,
      joined: joined.size,
      active: active.size,
      starters: starters.size,
      idleWaiters: idleWaiters.size,
      leftRoots: leftRoots.size
    })
  }
}

const isUnreadableEnd = (notification: Notification.Notification): boolean =>
  notification.method === "unknown" && notification.raw.method === "turn/completed"
