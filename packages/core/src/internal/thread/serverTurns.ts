/**
 * Who decides for turns that no Effect of this program has started: the policy that the thread was given.
 *
 * With a server of our own those are the server's turns, such as a goal's; with a shared one they are other clients' too.
 */
import * as Approval from "../approval/answer.ts"
import type * as Context from "effect/Context"
import type { Route } from "../connection/route.ts"
import type { Engine } from "../../PolicyEngine.ts"
import type * as ServerRequest from "../../ServerRequest.ts"
import { followItem, makeItemsInProgress } from "../approval/items.ts"

/** A route for what no turn of this program takes. */
export const routeFor = (thread: {
  readonly threadId: string
  readonly policy: Engine
  readonly onToolCall: ServerRequest.ToolCallHandler
  /** What the engine runs in. */
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
