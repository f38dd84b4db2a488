/**
 * The requests of the server that wait for our answer: each gets one, whoever brings it about, and nobody waits for a handler
 * whose answer is moot.
 *
 * A handler loses its say when its time is up, when its turn is over, and when a second approval comes under the same item
 * id: the server finds an open approval by that id, which the model chooses, and could take the answer to one for the answer
 * to the other, so both are cancelled. An accept is held back for a moment, and then for a round trip, so that a second one
 * that the server knows of is seen before it leaves; with one that comes while the accept is under way, the turn is stopped.
 */
import * as Approval from "./answer.ts"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import type { Route } from "../connection/route.ts"
import type { RequestId, RpcError } from "../connection/jsonRpc.ts"
import type { ThreadItem } from "../../protocol/generated/Experimental.ts"
import * as ServerRequest from "../../ServerRequest.ts"
import { makeDeadlines } from "../connection/deadlines.ts"
import { undecided } from "./deciding.ts"

export interface Answering {
  readonly answer: (
    request: ServerRequest.ServerRequest,
    handler: Effect.Effect<unknown, RpcError>,
    owner: Route | undefined
  ) => Effect.Effect<unknown, RpcError>
  /**
   * An item on a thread has begun or is over. When all under one id are over, the server waits for no answer to them, also
   * where it has not said so: another one may have that id.
   */
  readonly itemStarted: (threadId: string, item: ThreadItem) => void
  readonly itemCompleted: (threadId: string, item: ThreadItem) => void
  /** The items of a thread are not told of any more. */
  readonly forgetItems: (threadId: string) => void
  /** The server waits for this one no longer. */
  readonly forget: (requestId: RequestId) => void
  /** A turn is over: declines what still waits for it, and forgets what the server has not said that it is resolved. */
  readonly endTurn: (threadId: string, turnId: string | undefined) => void
  /** Declines what still waits for the turn of a route that is given up. */
  readonly endRoute: (route: Route) => void
  /** How many entries each table has. */
  readonly sizes: () => Readonly<Record<string, number>>
}

export interface AnsweringOptions {
  readonly answerTimeout: Duration.Duration | undefined
  readonly acceptDelay: Duration.Duration
  /** Comes back when the server has seen everything that was sent before. */
  readonly roundTrip: Effect.Effect<unknown, { readonly message: string }>
  readonly stopTurn: (threadId: string, turnId: string) => Effect.Effect<void>
}

interface Waiting {
  readonly request: ServerRequest.ServerRequest
  readonly owner: Route | undefined
  /** An accept is under way. */
  accepted: boolean
  /** Answers now, whatever the handler would have said. */
  readonly settle: (answer: Effect.Effect<unknown, RpcError>) => void
}

/** So many may wait. One more is declined at once. */
const maxWaiting = 1024

const cancel = Effect.as(undecided("two approvals were open under one item id"), { decision: "cancel" })

export const makeAnswering = Effect.fnUntraced(function* (
  options: AnsweringOptions
): Effect.fn.Return<Answering, never, Scope.Scope> {
  const deadlines = yield* makeDeadlines
  const waiting = new Set<Waiting>()
  const approvals = new Map<string, Waiting>()
  // By thread: how many items under one id are under way. The model chooses ids, so there may be more than one.
  const items = new Map<string, Map<string, number>>()

  const declineLate = ({ method }: ServerRequest.ServerRequest) =>
    Effect.andThen(
      Effect.logWarning(`Declined a request ${method} that was not answered in time`),
      Effect.andThen(undecided("it was not answered in time"), Approval.decline(method))
    )

  const confirm = (entry: Waiting, response: unknown) =>
    options.roundTrip.pipe(
      Effect.delay(options.acceptDelay),
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
    first.settle(cancel)
    const { threadId = "", turnId = "" } = ServerRequest.getSubject(request)
    return Effect.logError("Cancelled two approvals that were open under one item id").pipe(
      Effect.andThen(first.accepted ? Effect.forkDetach(options.stopTurn(threadId, turnId)) : Effect.void),
      Effect.andThen(cancel)
    )
  }

  const answer: Answering["answer"] = (request, handler, owner) =>
    Effect.withFiber((fiber) => {
      if (waiting.size >= maxWaiting) {
        return Effect.andThen(
          Effect.logWarning(`Declined a request ${request.method}: ${waiting.size} others wait for an answer`),
          Effect.andThen(undecided("too many others wait for an answer"), Approval.decline(request.method))
        )
      }
      const key = Approval.approvalKeyOf(request)
      const first = key === undefined ? undefined : approvals.get(key)
      if (first !== undefined) return cancelBoth(first, request)
      return Effect.callback<unknown, RpcError>((resume) => {
        let settled = false
        let running: Fiber.Fiber<unknown, RpcError> | undefined
        const settle = (result: Effect.Effect<unknown, RpcError>) => {
          if (settled) return
          settled = true
          waiting.delete(entry)
          cancelDeadline?.()
          running?.interruptUnsafe()
          resume(result)
        }
        const entry: Waiting = { request, owner, accepted: false, settle }
        waiting.add(entry)
        if (key !== undefined) approvals.set(key, entry)
        const { answerTimeout } = options
        const cancelDeadline =
          answerTimeout === undefined
            ? undefined
            : deadlines.add(Duration.toMillis(answerTimeout), () => settle(declineLate(request)))
        const confirmed =
          key === undefined
            ? handler
            : Effect.filterOrElse(
                handler,
                (response) => !Approval.isAccepting(response),
                (response) => confirm(entry, response)
              )
        running = Effect.runForkWith(fiber.context)(confirmed)
        // What the handler did at once may have settled the request.
        if (settled) running.interruptUnsafe()
        else running.addObserver(settle)
        return Effect.sync(() => settle(Effect.interrupt))
      })
    })

  // The server may be about to withdraw it, and what is withdrawn is not answered.
  const decline = (entry: Waiting) =>
    entry.settle(
      Effect.ignore(options.roundTrip).pipe(
        Effect.andThen(undecided("its turn was over")),
        Effect.andThen(Approval.decline(entry.request.method))
      )
    )

  const freeApproval = (threadId: string, itemId: string) => {
    for (const [key, entry] of approvals) {
      const { params } = entry.request
      const isOfItem = "itemId" in params && params.itemId === itemId && params.threadId === threadId
      // What was not answered yet is answered or withdrawn as ever, and until then no other one may have its id.
      if (isOfItem && !waiting.has(entry)) approvals.delete(key)
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
      freeApproval(threadId, item.id)
    },
    forgetItems: (threadId) => items.delete(threadId),
    forget: (requestId) => {
      for (const [key, { request }] of approvals) if (request.id === requestId) approvals.delete(key)
      // At once: otherwise the end of the turn, which can come in the same chunk, would decline it.
      for (const entry of waiting) if (entry.request.id === requestId) entry.settle(Effect.interrupt)
    },
    endTurn: (threadId, turnId) => {
      items.delete(threadId)
      const isOf = ({ request }: Waiting) => {
        const about = ServerRequest.getSubject(request)
        return about.threadId === threadId && (turnId === undefined || about.turnId === turnId)
      }
      for (const entry of waiting) if (isOf(entry)) decline(entry)
      for (const [key, entry] of approvals) if (isOf(entry)) approvals.delete(key)
    },
    endRoute: (route) => {
      for (const entry of waiting) {
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

// What the server asks for under the item's id.
const mayAsk = (item: ThreadItem): item is Extract<ThreadItem, { readonly type: "commandExecution" | "fileChange" }> =>
  item.type === "commandExecution" || item.type === "fileChange"
