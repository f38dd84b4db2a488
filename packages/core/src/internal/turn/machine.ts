/**
 * The life of one turn as a pure function: it takes a state and a message, and returns the next state.
 *
 * It knows the id of the turn, whether the turn is ours, how it can be stopped at this moment, and how it ended. It knows
 * nothing about deltas, buffers, clocks or the wire. The runner in `run.ts` feeds it and acts on its state.
 *
 * It relies on these facts about codex 0.169.0, each checked by the conformance suite:
 *
 * - Between the reply to `turn/start` and `turn/started`, `turn/interrupt` by id is refused. An empty id is accepted: it stops
 *   the active turn of the thread, whichever that is. On an idle thread it does nothing and is not remembered.
 * - `turn/start` on a thread with an active turn steers that turn, and the reply names that turn's id.
 * - The first user message of a turn has the `clientUserMessageId` of the request that started the turn, so it shows whose
 *   turn it is. A `!` command runs in a turn that begins with the command instead.
 * - A review runs in an inner turn, and only that one can be interrupted by id.
 * - A review that cannot begin has an error without a retry, and neither `turn/started` nor `turn/completed`.
 */
import type { RequestError, ThreadBusy } from "../../CodexError.ts"
import type * as Schemas from "../../protocol/generated/Experimental.ts"

/** How a turn ended, as far as this program can tell. */
export type End =
  /** The server reported the end. */
  | { readonly _tag: "Completed"; readonly turn: Schemas.Turn }
  /** It could not be started, or the server will not report anything more about it. */
  | { readonly _tag: "Failed"; readonly error: RequestError | ThreadBusy }
  /** The prompt went into a turn that is not ours. */
  | { readonly _tag: "Foreign"; readonly turnId: string }
  /** It was stopped before anything was sent. */
  | { readonly _tag: "Unsent" }
  /** It was asked to stop, but its end was not reported in time. */
  | { readonly _tag: "NotStopped" }

export interface State {
  /** `waiting`: nothing was sent. `starting`: the request was sent, but the turn has no id. `over`: see `end`. */
  readonly phase: "waiting" | "starting" | "running" | "over"
  /** The id of our user message; `undefined` if the turn has none, like a review. */
  readonly messageId: string | undefined
  readonly turnId: string | undefined
  /** The inner turn below our turn, which is interrupted instead of it. */
  readonly innerId: string | undefined
  /** A turn that began on the thread after our request was sent, and may be ours. */
  readonly candidate: string | undefined
  /** That turn, if it ended before its owner was known. */
  readonly candidateEnd: Schemas.Turn | undefined
  /** A turn that runs on the thread and is not ours. */
  readonly foreign: string | undefined
  /** All turns since our request was sent that turned out not to be ours, including those that are over. */
  readonly notOurs: ReadonlyArray<string>
  /** Whether `turn/started` of our turn has arrived, after which it can be interrupted by id. */
  readonly begun: boolean
  /** Whether the turn is known to be ours. */
  readonly confirmed: boolean
  readonly stopping: boolean
  readonly end: End | undefined
}

export type Message =
  /** The request that starts the turn is being sent. */
  | { readonly _tag: "Sent" }
  /** Nothing was started, and the request will be sent again. */
  | { readonly _tag: "Held" }
  | { readonly _tag: "Replied"; readonly turnId: string }
  /** The server started nothing. */
  | { readonly _tag: "Refused"; readonly error: RequestError | ThreadBusy }
  /** The connection or the thread is gone, or the end of the turn could not be read. */
  | { readonly _tag: "Lost"; readonly error: RequestError }
  /** `turn/started` on the thread. */
  | { readonly _tag: "Began"; readonly turnId: string; readonly rootTurnId: string | undefined }
  /** A turn's prompt: a user message, with its `clientId` if the server reports one, or a command of the user. */
  | { readonly _tag: "Prompted"; readonly turnId: string; readonly clientId: string | null | undefined }
  /** `turn/completed` on the thread. */
  | { readonly _tag: "Completed"; readonly turn: Schemas.Turn }
  /** An error of a turn that the server does not retry. It ends a turn that has not begun. */
  | { readonly _tag: "Aborted"; readonly turnId: string; readonly error: Schemas.TurnError }
  | { readonly _tag: "Stop" }
  /** The end of the turn did not arrive in time. */
  | { readonly _tag: "GaveUp" }

export const initial = (messageId: string | undefined): State => ({
  phase: "waiting",
  messageId,
  turnId: undefined,
  innerId: undefined,
  candidate: undefined,
  candidateEnd: undefined,
  foreign: undefined,
  notOurs: [],
  begun: false,
  confirmed: false,
  stopping: false,
  end: undefined
})

const over = (state: State, end: End): State => ({ ...state, phase: "over", end })

const foreign = (state: State, turnId: string): State => ({
  ...state,
  foreign: turnId,
  notOurs: state.notOurs.includes(turnId) ? state.notOurs : [...state.notOurs, turnId]
})

const named = (state: State, turnId: string, confirmed: boolean): State => {
  const { candidate, candidateEnd } = state
  const begun = state.begun || candidate === turnId
  const running: State = {
    ...(candidate === undefined || begun || candidateEnd !== undefined ? state : foreign(state, candidate)),
    phase: "running",
    turnId,
    innerId: candidate === turnId ? state.innerId : undefined,
    begun,
    candidate: undefined,
    candidateEnd: undefined,
    // A turn without a message of its own cannot be confirmed in any other way.
    confirmed: confirmed || state.messageId === undefined
  }
  return candidateEnd?.id === turnId ? over(running, { _tag: "Completed", turn: candidateEnd }) : running
}

export const step = (state: State, message: Message): State => {
  if (state.phase === "over") return state
  switch (message._tag) {
    case "Sent":
      return state.phase === "waiting" ? { ...state, phase: "starting" } : state
    case "Held":
      if (state.phase === "running") return state
      return state.stopping ? over(state, { _tag: "Unsent" }) : { ...initial(state.messageId), phase: "waiting" }
    case "Replied":
      if (state.turnId !== undefined) return state
      return state.notOurs.includes(message.turnId)
        ? over(state, { _tag: "Foreign", turnId: message.turnId })
        : named(state, message.turnId, false)
    case "Refused":
      // A turn that has begun exists, whatever the reply says.
      return state.phase === "running" ? state : over(state, { _tag: "Failed", error: message.error })
    case "Lost":
      return over(state, { _tag: "Failed", error: message.error })
    case "Began":
      return began(state, message.turnId, message.rootTurnId)
    case "Prompted":
      return prompted(state, message.turnId, message.clientId)
    case "Completed":
      return completed(state, message.turn)
    case "Aborted":
      return aborted(state, message.turnId, message.error)
    case "Stop":
      return state.phase === "waiting" ? over(state, { _tag: "Unsent" }) : { ...state, stopping: true }
    case "GaveUp":
      return over(state, { _tag: "NotStopped" })
  }
}

const began = (state: State, turnId: string, rootTurnId: string | undefined): State => {
  if (state.phase === "waiting") return state
  if (state.turnId === undefined) {
    const candidate = rootTurnId ?? turnId
    if (state.notOurs.includes(candidate)) return state
    return { ...state, candidate, candidateEnd: undefined, innerId: candidate === turnId ? undefined : turnId }
  }
  if (turnId === state.turnId) return { ...state, begun: true }
  return rootTurnId === state.turnId ? { ...state, begun: true, innerId: turnId } : foreign(state, turnId)
}

const prompted = (state: State, turnId: string, clientId: string | null | undefined): State => {
  if (state.phase === "waiting" || state.messageId === undefined) return state
  // This is more input, to our turn or to another one.
  if (state.confirmed) return turnId === state.turnId || turnId === state.innerId ? state : foreign(state, turnId)
  if (clientId === state.messageId) {
    // Our message was added to a turn that began with another one.
    return state.notOurs.includes(turnId) ? over(state, { _tag: "Foreign", turnId }) : named(state, turnId, true)
  }
  // Without ids of messages there is no proof whose turn it is, and our request is its most likely cause.
  if (clientId === undefined) return turnId === state.turnId ? { ...state, confirmed: true } : state
  if (turnId === state.turnId) return over(state, { _tag: "Foreign", turnId })
  const isCandidate = state.candidate === turnId
  return {
    ...foreign(state, turnId),
    candidate: isCandidate ? undefined : state.candidate,
    innerId: isCandidate ? undefined : state.innerId
  }
}

const completed = (state: State, turn: Schemas.Turn): State => {
  if (turn.id === state.turnId) return over(state, { _tag: "Completed", turn })
  if (state.foreign === turn.id) return { ...state, foreign: undefined }
  if (state.turnId !== undefined) {
    return turn.id === state.innerId ? { ...state, innerId: undefined } : state
  }
  // A turn that is stopped before it begins only has an end, which may be received before our reply shows whose turn it was.
  const isUnknown = state.candidate === undefined && !state.notOurs.includes(turn.id)
  if (isUnknown && state.phase === "starting" && state.stopping && turn.status === "interrupted") {
    return { ...state, candidate: turn.id, candidateEnd: turn }
  }
  if (state.candidate !== turn.id) return state
  // It began after our request, and only the reply could prove that it is ours; or we have asked it to stop.
  if (state.messageId === undefined || state.stopping) {
    return over({ ...state, turnId: turn.id }, { _tag: "Completed", turn })
  }
  return { ...state, candidateEnd: turn }
}

const aborted = (state: State, turnId: string, error: Schemas.TurnError): State => {
  if (state.phase === "waiting" || state.begun || state.notOurs.includes(turnId)) return state
  const turn: Schemas.Turn = {
    id: turnId,
    items: [],
    itemsView: "notLoaded",
    status: "failed",
    error
  }
  if (turnId === state.turnId) return over(state, { _tag: "Completed", turn })
  // The reply will show whose turn it is.
  const isUnknown = state.turnId === undefined && state.candidate === undefined
  return isUnknown ? { ...state, candidate: turnId, candidateEnd: turn } : state
}

/**
 * The id to send in `turn/interrupt` at this moment; `undefined` while the request would be useless, or could stop a turn that
 * is not ours.
 */
export const interruptId = (state: State): string | undefined => {
  if (state.phase !== "starting" && state.phase !== "running") return undefined
  if (state.turnId !== undefined && state.begun) return state.innerId ?? state.turnId
  if (state.foreign !== undefined) return undefined
  return state.candidate === undefined || state.candidateEnd !== undefined ? "" : undefined
}
