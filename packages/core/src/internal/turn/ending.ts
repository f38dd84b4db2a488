/**
 * Converts the end of a turn to the results of its effects: that of the turn, and that of its start if the turn has no id yet.
 */
import * as Result from "effect/Result"
import type { AgentResponse } from "../../AgentResponse.ts"
import { ThreadBusy, type TurnError, TurnInterrupted, type TurnStartError } from "../../CodexError.ts"
import * as WireError from "../connection/wireErrors.ts"
import { errorOf, type Limit } from "./limits.ts"
import type { End } from "./machine.ts"

export interface Ending {
  readonly result: Result.Result<AgentResponse, TurnError>
  /** The error of the start, if the caller still waits for it. */
  readonly startError?: TurnStartError | undefined
}

const failed = (startError: TurnStartError): Ending => ({ result: Result.fail(startError), startError })

export const endingOf = (
  end: End,
  about: {
    readonly threadId: string
    /** The limit for which the turn was stopped. */
    readonly limit: Limit | undefined
    readonly response: AgentResponse
    readonly lastError: string
  }
): Ending => {
  const { lastError, limit, response, threadId } = about
  switch (end._tag) {
    case "Failed":
      return failed(end.error)
    case "Foreign":
      return failed(new ThreadBusy({ threadId, turnId: end.turnId, delivered: true }))
    case "Completed":
      if (end.turn.status === "completed") return { result: Result.succeed(response) }
      if (end.turn.status !== "interrupted") {
        // The end of a review that cannot begin is not reported in a notification of its own.
        const ended = { ...response, status: end.turn.status }
        return { result: Result.fail(WireError.fromTurn(end.turn.error, ended)) }
      }
      break
  }
  if (limit === undefined) return { result: Result.fail(new TurnInterrupted({ response })) }
  const error = errorOf(limit, response, lastError)
  return error._tag === "TurnFailed" ? { result: Result.fail(error) } : failed(error)
}
