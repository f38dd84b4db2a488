/**
 * Decides for turns that this program did not start, with the policy of their thread.
 *
 * On a server that this program started, those are the turns that the server starts itself, such as those of a goal. On a shared
 * server, they include the turns of other clients.
 */
import * as Approval from "../approval/answer.ts"
import type * as Context from "effect/Context"
import type { Route } from "../connection/route.ts"
import type { Engine } from "../../PolicyEngine.ts"
import type * as ServerRequest from "../../ServerRequest.ts"
import { followItem, makeItemsInProgress } from "../approval/items.ts"

/** A route for messages that no turn of this program takes. */
export const routeFor = (thread: {
  readonly threadId: string
  readonly policy: Engine
  readonly onToolCall: ServerRequest.ToolCallHandler
  /** The context of the engine. */
  readonly context: Context.Context<never>
}): Route => {
  const { context, onToolCall, policy, threadId } = thread
  const items = makeItemsInProgress()
  const answerer: Approval.Answerer = { policy, onToolCall, item: items.get }
  return {
    threadId,
    context,
    onNotification: (notification) => followItem(notification, items),
    onRequest: (request, runTool) => Approval.answer(request, { ...answerer, onToolCall: runTool ?? onToolCall }),
    owns: () => true,
    undecided: () => undefined,
    isOver: () => false,
    onLeft: () => {},
    onEnd: () => {}
  }
}
