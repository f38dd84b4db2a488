/**
 * Sends the request that starts a turn. It waits until the thread is free, retries while the server does not run the request or
 * is busy with a turn that takes no more input, and handles a reply that arrives too late.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { type RequestError, ThreadBusy } from "../../CodexError.ts"
import type { AppServer } from "../../AppServer.ts"
import { connection } from "../connection/serve.ts"
import { neverRan, type RequestOptions, retryNotRun } from "../connection/requests.ts"
import type { Life } from "./life.ts"

type Started = { readonly turn: { readonly id: string } }

export interface SendOptions {
  readonly threadId: string
  readonly life: Life
  readonly request: (options: RequestOptions) => Effect.Effect<Started, RequestError>
  readonly whenBusy: "wait" | "fail"
  /** Subscribes to the thread again. */
  readonly rejoin: Effect.Effect<unknown, RequestError>
  /** The request is being sent. */
  readonly onSend: () => void
  /** Nothing was started, and the request will be sent again. */
  readonly onHold: () => void
  /** The reply came too late: the caller has left. */
  readonly onLate: (reply: unknown) => void
  /** The reply could not be read, so a turn may be running. */
  readonly onUnreadable: (error: Extract<RequestError, { readonly _tag: "ProtocolViolation" }>) => void
}

// The server has a turn that takes no more input, or only for the same output schema. Observed in codex 0.169.0.
const isBusy = (error: RequestError | ThreadBusy): boolean =>
  error._tag === "RequestFailed" && /\bActiveTurn(?:NotSteerable|OutputSchemaMismatch)\b/.test(error.description)

/** Sends the request, and reports the outcome to the turn's life. */
export const send = (server: AppServer["Service"], options: SendOptions): Effect.Effect<void> => {
  const { life, threadId } = options
  const { activeTurn, isJoined, setActiveTurn, whenIdle } = server[connection]

  const whenFree = Effect.gen(function* () {
    while (true) {
      // The thread may have been left in the meantime, and notifications of the turn would not arrive.
      if (!isJoined(threadId)) yield* options.rejoin
      const turnId = activeTurn(threadId)
      if (turnId === undefined) return
      if (options.whenBusy === "fail") return yield* new ThreadBusy({ threadId, turnId, delivered: false })
      yield* whenIdle(threadId)
    }
  })

  const hold = (error: RequestError) => {
    if (!neverRan(error) && !isBusy(error)) return
    options.onHold()
    life.apply({ _tag: "Held" })
    if (isBusy(error)) setActiveTurn(threadId, activeTurn(threadId))
  }

  const sendOnce = Effect.gen(function* () {
    yield* whenFree
    // A turn that is over by now must not start on the server.
    if (life.state().phase === "over") return yield* Effect.interrupt
    life.apply({ _tag: "Sent" })
    options.onSend()
    return yield* Effect.tapError(options.request({ retry: false, onLate: options.onLate }), (error) =>
      Effect.sync(() => hold(error))
    )
  })

  const sendWhenFree: typeof sendOnce = sendOnce.pipe(
    Effect.catchIf(neverRan, (error) => retryNotRun(error, sendOnce, neverRan)),
    Effect.catchIf(isBusy, () => sendWhenFree)
  )

  return sendWhenFree.pipe(
    Effect.result,
    Effect.map((sent) => {
      if (Result.isSuccess(sent)) return life.apply({ _tag: "Replied", turnId: sent.success.turn.id })
      const error = sent.failure
      return error._tag === "ProtocolViolation" ? options.onUnreadable(error) : life.apply({ _tag: "Refused", error })
    })
  )
}
