/**
 * The receiver of all messages of one thread, as the router finds it.
 */
import type * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { ConnectionFailed, SessionArchived, SessionNotFound } from "../../CodexError.ts"
import type { Notification } from "../../Notification.ts"
import type { ServerRequest, ToolCallHandler } from "../../ServerRequest.ts"
import type { RpcError } from "../rpc/jsonRpc.ts"

/**
 * The receiver of the messages of one thread.
 */
export interface Route {
  readonly threadId: string
  /** The context of the request handlers: the parent of their spans, and the owner's loggers, tracer and metrics. */
  readonly context: Context.Context<never>
  /**
   * Called with each notification of the thread, and of threads that its turns spawned, in order. Runs in the reader: must not
   * block.
   */
  readonly onNotification: (notification: Notification) => void
  /**
   * Answers a request of the server on this thread, or on a thread that one of its turns has spawned. `runTool` runs the call of
   * a tool that was not declared to the thread.
   */
  readonly onRequest: (request: ServerRequest, runTool?: ToolCallHandler) => Effect.Effect<unknown, RpcError>
  /** Whether this route answers the requests of a turn of the thread, by default of the active one. */
  readonly owns: (turnId: string | undefined) => boolean
  /** While it is unknown which turn of the thread this route is for: an effect that waits until it is known. */
  readonly undecided: () => Effect.Effect<void> | undefined
  /** Whether it takes no messages at present, so that the thread's messages go to the fallback route. */
  readonly isOver: () => boolean
  /** The server no longer reports the thread. */
  readonly onLeft: () => void
  /** The connection or the thread is gone. */
  readonly onEnd: (error: ConnectionFailed | SessionNotFound | SessionArchived) => void
}
