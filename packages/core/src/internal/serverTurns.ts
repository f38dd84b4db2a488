/**
 * Who decides for turns that the server starts by itself, such as those of a goal: the policy that the thread was given.
 */
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import type { AppServer } from "../AppServer.ts"
import type { Engine } from "../PolicyEngine.ts"
import * as ServerRequest from "../ServerRequest.ts"
import { followItem, makeItemsInProgress } from "./items.ts"

export interface ServerTurns {
  /** From now on the engine decides for the thread's turns that no Effect of this program has started. */
  readonly decide: (thread: {
    readonly threadId: string
    readonly policy: Engine
    readonly onToolCall: ServerRequest.ToolCallHandler
  }) => Effect.Effect<void>
}

/** The policies live as long as the scope. */
export const makeServerTurns = Effect.fnUntraced(function* (
  server: AppServer["Service"]
): Effect.fn.Return<ServerTurns, never, Scope.Scope> {
  const scope = yield* Effect.scope
  const context = yield* Effect.context()
  return {
    decide: ({ onToolCall, policy, threadId }) => {
      const items = makeItemsInProgress()
      const answerer: ServerRequest.Answerer = { policy, onToolCall, item: items.get }
      return Scope.provide(
        server.routeRest({
          threadId,
          context,
          onNotification: (notification) => followItem(notification, items),
          onRequest: (request) => ServerRequest.answer(request, answerer),
          isOver: () => false,
          onEnd: () => {}
        }),
        scope
      )
    }
  }
})
