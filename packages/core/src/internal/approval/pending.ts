/**
 * The requests of the server that wait for an answer. Each gets exactly one answer, from the first source that has one, and
 * handlers whose answers no longer count are interrupted.
 *
 * The answer of a handler no longer counts when its timeout has passed, when its turn is over, or when a second approval
 * arrives under the same item id. The server finds an open approval by that id, which the model chooses, and could mistake the
 * answer to one for the answer to the other, so both are cancelled. An accept is sent no sooner than `acceptDelay` after its
 * request, and after a round trip, so that a second approval that the server already knows of arrives first. If one arrives
 * while the accept is under way, the turn is stopped. The delay is necessary: while an approval is open, the server does not
 * say whether the model has finished its answer.
 */
import * as Approval from "./answer.ts"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import * as Scope from "effect/Scope"
import type { RequestId, RpcError } from "../rpc/jsonRpc.ts"
import type { ThreadItem } from "../../protocol/generated/Experimental.ts"
import * as ServerRequest from "../../ServerRequest.ts"
import { makeDeadlines } from "../rpc/deadlines.ts"
import { makeHandlerScope } from "../rpc/handlers.ts"
import { undecided } from "./deciding.ts"

/** The route that answers for the turns on a thread. */
interface Owner {
  readonly threadId: string
}

export interface Answering {
  readonly answer: (
    request: ServerRequest.ServerRequest,
    handler: Effect.Effect<unknown, RpcError>,
    owner: Owner | undefined
  ) => Effect.Effect<unknown, RpcError>
  /**
   * An item on a thread has started or is over. When all items with one id are over, the server no longer waits for answers to
   * them, even if it has not said so: another item may get that id.
   */
  readonly itemStarted: (threadId: string, item: ThreadItem) => void
  readonly itemCompleted: (threadId: string, item: ThreadItem) => void
  /** The server no longer reports a thread: neither its items, nor which of its requests are resolved. */
  readonly forgetThread: (threadId: string) => void
  /** The server no longer waits for an answer to this request. */
  readonly forget: (requestId: RequestId) => void
  /** A turn is over: declines its waiting requests, and forgets those that the server has not reported as resolved. */
  readonly endTurn: (threadId: string, turnId: string | undefined) => void
  /** Declines the waiting requests of the turn of a route that is closed. */
  readonly endRoute: (route: Owner) => void
  /** The number of entries in each table. */
  readonly sizes: () => Readonly<Record<string, number>>
}

export interface AnsweringOptions {
  readonly answerTimeout: Duration.Duration | undefined
  readonly acceptDelay: Duration.Duration
  /** Completes when the server has received everything that was sent before. */
  readonly roundTrip: Effect.Effect<unknown, { readonly message: string }>
  readonly stopTurn: (threadId: string, turnId: string) => Effect.Effect<void>
}

interface Waiting {
  readonly request: ServerRequest.ServerRequest
  readonly owner: Owner | undefined
  /** When it arrived, in nanoseconds of the clock's monotonic time. */
  readonly since: bigint
  /** Whether an accept is under way. */
  accepted: boolean
  /** The answer: that of the handler, unless something else answers first. */
  readonly answered: Deferred.Deferred<Effect.Effect<unknown, RpcError>>
}

/** How many requests may wait. Further ones are declined at once. */
const maxWaiting = 1024

const cancel = Effect.as(undecided("two approvals were open under one item id"), { decision: "cancel" })

export const makeAnswering = Effect.fnUntraced(function* (
  options: AnsweringOptions
): Effect.fn.Return<Answering, never, Scope.Scope> {
  const answerTimeout = options.answerTimeout && Duration.toMillis(options.answerTimeout)
  const acceptDelay = Duration.toMillis(options.acceptDelay)
  const deadlines = yield* makeDeadlines
  const handlers = yield* Scope.provide(FiberSet.make(), yield* makeHandlerScope)
  const waiting = new Map<RequestId, Waiting>()
  // By the key that the server uses, until it reports them as resolved.
  const approvals = new Map<string, Waiting>()
  // By thread: the number of items in progress with one id. The model chooses ids, so there may be more than one.
  const items = new Map<string, Map<string, number>>()

  // Answers now, regardless of the handler.
  const settle = (entry: Waiting, answer: Effect.Effect<unknown, RpcError>) => {
    if (waiting.get(entry.request.id) === entry) waiting.delete(entry.request.id)
    Deferred.doneUnsafe(entry.answered, Effect.succeed(answer))
  }

  const declineLate = ({ method }: ServerRequest.ServerRequest) =>
    Effect.andThen(
      Effect.logWarning(`Declined a request ${method} that was not answered in time`),
      Effect.andThen(undecided("it was not answered in time"), Approval.decline(method))
    )

  // A second approval could arrive while the first one was being decided, so that time counts.
  const whenAlone = (entry: Waiting) =>
    Effect.flatMap(Clock.monotonicTimeNanos, (now) => {
      const left = acceptDelay - Number(now - entry.since) / 1e6
      return left > 0 ? Effect.delay(options.roundTrip, left) : options.roundTrip
    })

  const confirm = (entry: Waiting, response: unknown) =>
    whenAlone(entry).pipe(
      Effect.map(() => {
        entry.accepted = true
        return response
      }),
      Effect.catch((error) =>
        Effect.logWarning(`Declined ${entry.request.method}: the server does not answer`, error).pipe(
          Effect.andThen(undecided("the server did not answer in time")),
          Effect.as({ decision: "decline" })
        )
      )
    )

  const cancelBoth = (first: Waiting, request: ServerRequest.ServerRequest) => {
    settle(first, cancel)
    const { threadId = "", turnId = "" } = ServerRequest.getSubject(request)
    return Effect.logError("Cancelled two approvals that were open under one item id").pipe(
      Effect.andThen(first.accepted ? FiberSet.run(handlers, options.stopTurn(threadId, turnId)) : Effect.void),
      Effect.andThen(cancel)
    )
  }

  // Waits until there is an answer, or the request is withdrawn.
  const wait = (entry: Waiting, running: Fiber.Fiber<unknown, RpcError>): Effect.Effect<unknown, RpcError> => {
    const cancelDeadline =
      answerTimeout === undefined
        ? undefined
        : deadlines.add(answerTimeout, () => settle(entry, declineLate(entry.request)))
    FiberSet.addUnsafe(handlers, running)
    running.addObserver((exit) => settle(entry, exit))
    const answered = Effect.onExit(Effect.interruptible(Deferred.await(entry.answered)), () =>
      Effect.sync(() => {
        cancelDeadline?.()
        running.interruptUnsafe()
        settle(entry, Effect.interrupt)
      })
    )
    return Effect.flatMap(answered, Effect.interruptible)
  }

  const confirmed = (entry: Waiting, handler: Effect.Effect<unknown, RpcError>) =>
    Effect.flatMap(handler, (response) =>
      Approval.isAccepting(response) ? confirm(entry, response) : Effect.succeed(response)
    )

  const answerNow = (
    request: ServerRequest.ServerRequest,
    handler: Effect.Effect<unknown, RpcError>,
    owner: Owner | undefined
  ) =>
    Effect.withFiber((fiber): Effect.Effect<unknown, RpcError> => {
      if (waiting.size >= maxWaiting) {
        return Effect.andThen(
          Effect.logWarning(`Declined a request ${request.method}: ${waiting.size} others wait for an answer`),
          Effect.andThen(undecided("too many others wait for an answer"), Approval.decline(request.method))
        )
      }
      const key = Approval.approvalKeyOf(request)
      const first = key === undefined ? undefined : approvals.get(key)
      if (first !== undefined) return cancelBoth(first, request)
      const since = fiber.getRef(Clock.Clock).monotonicTimeNanosUnsafe()
      const entry: Waiting = { request, owner, since, accepted: false, answered: Deferred.makeUnsafe() }
      waiting.set(request.id, entry)
      if (key !== undefined) approvals.set(key, entry)
      const running = Effect.runForkWith(fiber.context)(key === undefined ? handler : confirmed(entry, handler))
      const exit = running.pollUnsafe()
      // Most engines decide at once.
      if (exit === undefined || waiting.get(request.id) !== entry) return wait(entry, running)
      waiting.delete(request.id)
      return exit
    })

  const answer: Answering["answer"] = (request, handler, owner) =>
    Effect.uninterruptible(answerNow(request, handler, owner))

  // Waits for a round trip first: the server may be about to withdraw the request, and withdrawn requests are not answered.
  const decline = (entry: Waiting) =>
    settle(
      entry,
      Effect.ignore(options.roundTrip).pipe(
        Effect.andThen(undecided("its turn was over")),
        Effect.andThen(Approval.decline(entry.request.method))
      )
    )

  // Frees the keys of one item, or of the whole thread.
  const freeApprovals = (threadId: string, itemId?: string) => {
    for (const [key, entry] of approvals) {
      const { params } = entry.request
      const isOfItem =
        "itemId" in params && params.threadId === threadId && (itemId === undefined || params.itemId === itemId)
      // A waiting approval is answered or withdrawn as usual, and until then no other one may have its id.
      if (isOfItem && waiting.get(entry.request.id) !== entry) approvals.delete(key)
    }
  }

  return {
    answer,
    itemStarted: (threadId, item) => {
      if (!mayAsk(item)) return
      const ofThread = items.get(threadId) ?? new Map<string, number>()
      items.set(threadId, ofThread.set(item.id, (ofThread.get(item.id) ?? 0) + 1))
    },
    itemCompleted: (threadId, item) => {
      if (!mayAsk(item)) return
      const ofThread = items.get(threadId)
      const count = ofThread?.get(item.id)
      if (ofThread === undefined || count === undefined) return
      if (count > 1) {
        ofThread.set(item.id, count - 1)
        return
      }
      ofThread.delete(item.id)
      if (ofThread.size === 0) items.delete(threadId)
      freeApprovals(threadId, item.id)
    },
    forgetThread: (threadId) => {
      items.delete(threadId)
      freeApprovals(threadId)
    },
    forget: (requestId) => {
      for (const [key, { request }] of approvals) if (request.id === requestId) approvals.delete(key)
      // At once: otherwise the end of the turn, which can come in the same chunk, would decline it.
      const entry = waiting.get(requestId)
      if (entry !== undefined) settle(entry, Effect.interrupt)
    },
    endTurn: (threadId, turnId) => {
      items.delete(threadId)
      const isOf = ({ request }: Waiting) => {
        const about = ServerRequest.getSubject(request)
        return about.threadId === threadId && (turnId === undefined || about.turnId === turnId)
      }
      for (const entry of waiting.values()) if (isOf(entry)) decline(entry)
      for (const [key, entry] of approvals) if (isOf(entry)) approvals.delete(key)
    },
    endRoute: (route) => {
      for (const entry of waiting.values()) {
        const { threadId } = ServerRequest.getSubject(entry.request)
        if (entry.owner === route && threadId === route.threadId) decline(entry)
      }
    },
    sizes: () => ({
      waiting: waiting.size,
      approvals: approvals.size,
      itemThreads: items.size,
      answerDeadlines: deadlines.sizes().deadlines
    })
  }
})

// Whether the server can ask for approval under the item's id.
const mayAsk = (item: ThreadItem): item is Extract<ThreadItem, { readonly type: "commandExecution" | "fileChange" }> =>
  item.type === "commandExecution" || item.type === "fileChange"
