/**
 * The requests for a decision in a recording, each with its item and its outcome.
 */
import * as Notification from "../../Notification.ts"
import type * as PolicyEngine from "../../PolicyEngine.ts"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as ServerRequest from "../../ServerRequest.ts"
import { followItem, makeItemsInProgress } from "../approval/items.ts"
import { type Decided, type Entry, fieldIn, type Received, textIn } from "./entry.ts"

/** A request of one kind, in the form that an engine receives. */
type Asked = { readonly [K in PolicyEngine.Kind]: PolicyEngine.Request<K> }[PolicyEngine.Kind]

/**
 * A request for a decision, and its outcome.
 *
 * @category models
 * @since 0.1.0
 */
export interface RecordedRequest {
  /** The number of the request among the messages of the recording. */
  readonly n: number
  /** When it arrived, in milliseconds since the recording began. */
  readonly ms: number
  /** From the request to its end, in milliseconds. */
  readonly millis: number
  readonly id: string | number
  /** In the form that an engine receives, with secrets redacted. */
  readonly request: Asked
  /** The result that was sent; `undefined` if the server withdrew the request, or the recording ends before the answer. */
  readonly answer: unknown
  /** One word, as in `ObservedDecision`; `undefined` if the recording does not say. */
  readonly decision: string | undefined
  readonly by: string | undefined
  readonly reason: string | undefined
}

interface Open {
  readonly entry: Received
  readonly id: string | number
  readonly request: Asked
  decided: Decided["decision"] | undefined
}

/**
 * Finds requests in a sequence of entries. Each is returned when its end is known.
 *
 * @category models
 * @since 0.1.0
 */
export interface RequestFinder {
  readonly take: (entry: Entry) => RecordedRequest | undefined
  /** The requests without an end. */
  readonly rest: () => ReadonlyArray<RecordedRequest>
}

export const makeRequestFinder = (): RequestFinder => {
  const items = makeItemsInProgress()
  const open = new Map<unknown, Open>()

  const finish = (id: unknown, ms: number, answer: unknown): RecordedRequest | undefined => {
    const found = open.get(id)
    if (found === undefined) return undefined
    open.delete(id)
    const { decided, entry, request } = found
    return {
      n: entry.n,
      ms: entry.ms,
      millis: ms - entry.ms,
      id: found.id,
      request,
      answer,
      decision: decided?.decision ?? decisionIn(answer),
      by: decided?.by,
      reason: decided?.reason
    }
  }

  const hear = (entry: Received): RecordedRequest | undefined => {
    const message = entry.in
    const method = textIn(message, "method")
    if (method === undefined) return undefined
    const id = fieldIn(message, "id")
    if (typeof id === "string" || typeof id === "number") {
      const request = askedIn(id, method, fieldIn(message, "params"), items.get)
      if (request !== undefined) open.set(id, { entry, id, request, decided: undefined })
      return undefined
    }
    if (method === "serverRequest/resolved") {
      return finish(fieldIn(fieldIn(message, "params"), "requestId"), entry.ms, undefined)
    }
    if (method === "item/started" || method === "item/completed") {
      followItem(Notification.decode({ method, params: fieldIn(message, "params") }, 0), items)
    }
    return undefined
  }

  return {
    take: (entry) => {
      if ("in" in entry) return hear(entry)
      if ("out" in entry) {
        return textIn(entry.out, "method") === undefined
          ? finish(fieldIn(entry.out, "id"), entry.ms, fieldIn(entry.out, "result"))
          : undefined
      }
      if ("decision" in entry) {
        const found = open.get(entry.decision.requestId)
        if (found !== undefined) found.decided = entry.decision
      }
      return undefined
    },
    rest: () => [...open.keys()].flatMap((id) => finish(id, 0, undefined) ?? [])
  }
}

// The word for an answer, if the recording does not say who gave it.
const decisionIn = (answer: unknown): string | undefined => {
  const decision = fieldIn(answer, "decision") ?? fieldIn(answer, "action")
  if (typeof decision === "string") return decision
  return Predicate.isReadonlyObject(decision) ? Object.keys(decision)[0] : undefined
}

const askedIn = (
  id: string | number,
  method: string,
  params: unknown,
  itemOf: ReturnType<typeof makeItemsInProgress>["get"]
): Asked | undefined => {
  if (!ServerRequest.isMethod(method)) return undefined
  const decoded = ServerRequest.decode(id, method, params)
  if (Result.isFailure(decoded)) return undefined
  const request = decoded.success
  const { threadId = "", turnId } = ServerRequest.getSubject(request)
  const itemId = ServerRequest.itemIdOf(request)
  const found = itemId === undefined ? undefined : itemOf(threadId, itemId)
  const common = {
    threadId,
    turnId,
    item: typeof found === "string" ? undefined : found,
    availableDecisions: undefined
  }
  switch (request.method) {
    case "item/commandExecution/requestApproval": {
      const availableDecisions = request.params.availableDecisions ?? undefined
      return { ...common, kind: "command", params: request.params, availableDecisions }
    }
    case "item/fileChange/requestApproval":
      return { ...common, kind: "fileChange", params: request.params }
    case "item/permissions/requestApproval":
      return { ...common, kind: "permissions", params: request.params }
    case "item/tool/requestUserInput":
      return { ...common, kind: "userInput", params: request.params }
    case "mcpServer/elicitation/request":
      return { ...common, kind: "elicitation", params: request.params }
    case "item/tool/call":
      return { ...common, kind: "toolCall", params: request.params }
    default:
      return undefined
  }
}
