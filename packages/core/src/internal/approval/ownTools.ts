/**
 * Questions of codex about the program's own tools, and the calls of those tools.
 *
 * Codex asks whether a tool may run. The policy decides that when the call arrives, so this module only checks that the
 * question comes from codex and is about such a tool.
 *
 * The server of those tools asks no questions itself, so all other questions under its name are declined.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Predicate from "effect/Predicate"
import * as Schemas from "../../protocol/generated/Experimental.ts"
import type { ServerRequest } from "../../ServerRequest.ts"
import type { ToolServer } from "../../ToolServer.ts"
import { noteDecision } from "./deciding.ts"

type Elicitation = Schemas.McpServerElicitationRequestResponse

/** The answer, if the request is about one of the program's own tools. `isOwned` says that a turn of this program asks. */
export const answerApproval = (
  request: ServerRequest,
  isOwned: boolean,
  server: ToolServer | undefined
): Effect.Effect<Elicitation> | undefined => {
  if (server === undefined || request.method !== "mcpServer/elicitation/request") return undefined
  const { params } = request
  if (params.serverName !== server.name) return undefined
  const isApproval =
    isOwned &&
    typeof params.turnId === "string" &&
    params.mode === "form" &&
    Predicate.isReadonlyObject(params._meta) &&
    params._meta["codex_approval_kind"] === "mcp_tool_call" &&
    server.isTool(params._meta["tool_title"]) &&
    Object.keys(params.requestedSchema.properties).length === 0
  return Effect.withFiber((fiber) => {
    const reason = isApproval ? "the policy decides when the tool is called" : "it is not about a tool of this program"
    noteDecision(fiber, "McpTools", reason, isApproval)
    return Effect.succeed({ action: isApproval ? "accept" : "decline", content: isApproval ? {} : null, _meta: null })
  })
}

/** A call as it arrives over HTTP. */
type Call = Schemas.DynamicToolCallParams

/** The calls that codex has announced. Each arrives once. */
export interface Announced {
  /** Waits until codex has announced the call, and takes it. `false` if that does not happen in time. */
  readonly claim: (call: Call) => Effect.Effect<boolean>
  readonly itemStarted: (threadId: string, item: Schemas.ThreadItem) => void
  readonly itemCompleted: (threadId: string, item: Schemas.ThreadItem) => void
  readonly endTurn: (threadId: string) => void
  readonly sizes: () => { readonly announcedThreads: number; readonly announcedWaiters: number }
}

type McpToolCall = Extract<Schemas.ThreadItem, { readonly type: "mcpToolCall" }>

/** How long to wait for the announcement: codex makes the call over HTTP and announces it on the connection in parallel. */
const announceTimeout = Duration.seconds(10)

/**
 * Keeps the announced calls of one of codex's servers. An agent's commands can read the token of that server from their
 * environment and call it too, but codex does not announce such a call.
 */
export const makeAnnounced = (server: string | undefined): Announced => {
  const threads = new Map<string, Map<string, McpToolCall>>()
  const waiters = new Set<() => void>()
  const remove = (threadId: string, id: string) => {
    const ofThread = threads.get(threadId)
    if (ofThread?.delete(id) === true && ofThread.size === 0) threads.delete(threadId)
  }
  const take = ({ arguments: args, callId, threadId, tool }: Call): boolean => {
    const item = threads.get(threadId)?.get(callId)
    if (item?.tool !== tool || !Equal.equals(item.arguments ?? {}, args ?? {})) return false
    remove(threadId, callId)
    return true
  }
  const whenTaken = (call: Call) =>
    Effect.callback<boolean>((resume) => {
      const look = () => {
        if (!take(call)) return
        waiters.delete(look)
        resume(Effect.succeed(true))
      }
      waiters.add(look)
      return Effect.sync(() => waiters.delete(look))
    })
  return {
    claim: (call) =>
      Effect.suspend(() => (take(call) ? Effect.succeed(true) : whenTaken(call))).pipe(
        Effect.timeoutOrElse({ duration: announceTimeout, orElse: () => Effect.succeed(false) })
      ),
    itemStarted: (threadId, item) => {
      if (item.type !== "mcpToolCall" || item.server !== server) return
      const ofThread = threads.get(threadId) ?? new Map<string, McpToolCall>()
      threads.set(threadId, ofThread.set(item.id, item))
      for (const look of Array.from(waiters)) look()
    },
    itemCompleted: (threadId, item) => {
      if (item.type === "mcpToolCall") remove(threadId, item.id)
    },
    endTurn: (threadId) => threads.delete(threadId),
    sizes: () => ({ announcedThreads: threads.size, announcedWaiters: waiters.size })
  }
}

/** The response to a call; a failed one if there is none. */
export const toResponse =
  (tool: string) =>
  <E>(answer: Effect.Effect<unknown, E>): Effect.Effect<Schemas.DynamicToolCallResponse> =>
    Effect.match(answer, {
      onFailure: () => failed(`The tool ${tool} can't be called.`),
      onSuccess: (response) =>
        Schemas.DynamicToolCallResponse.is(response) ? response : failed(`The tool ${tool} can't be called.`)
    })

const failed = (text: string): Schemas.DynamicToolCallResponse => ({
  success: false,
  contentItems: [{ type: "inputText", text }]
})
