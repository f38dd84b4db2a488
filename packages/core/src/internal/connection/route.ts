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
 * Who gets what belongs to one thread.
 */
export interface Route {
  readonly threadId: string
  /** What the handlers of requests run in: the span that theirs are below, and the owner's loggers, tracer and metrics. */
  readonly context: Context.Context<never>
  /** Gets each notification of the thread, and of threads that its turns have spawned, in order. Called by the reader: may not block. */
  readonly onNotification: (notification: Notification) => void
  /**
   * Answers a request of the server on this thread, or on a thread that a turn of it has spawned. `runTool` runs the call of a
   * tool that has not been declared to the thread.
   */
  readonly onRequest: (request: ServerRequest, runTool?: ToolCallHandler) => Effect.Effect<unknown, RpcError>
  /** Whether requests of this turn of the thread are for it, or, without a turn, those of the active one. */
  readonly owns: (turnId: string | undefined) => boolean
  /** While it is not known which turn of the thread it stands for: waits until it is. */
  readonly undecided: () => Effect.Effect<void> | undefined
  /** Whether it wants nothing now: what the thread says is for whoever has asked for the rest. */
  readonly isOver: () => boolean
  /** The server does not tell us of the thread any more. */
  readonly onLeft: () => void
  /** The connection or the thread is gone. */
  readonly onEnd: (error: ConnectionFailed | SessionNotFound | SessionArchived) => void
}
