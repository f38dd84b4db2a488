/**
 * Stops a turn: repeats the interrupt request until the turn is over, and stops the turns that it has spawned. `machine.ts`
 * determines when to send it and with which id. This module does not know how a stopped turn ends for its users.
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type { AppServer } from "../../AppServer.ts"
import { TurnNotStopped } from "../../CodexError.ts"
import * as Notification from "../../Notification.ts"
import * as Telemetry from "../../Telemetry.ts"
import { connection } from "../connection/serve.ts"
import type { Life } from "./life.ts"
import * as Machine from "./machine.ts"

/** A turn that may have to be stopped. */
export interface Stoppable {
  readonly threadId: string
  readonly life: Life
  /** How long to wait for the end, in milliseconds. */
  readonly stopTimeout: number
  readonly context: Context.Context<never>
}

/** The time without a change after which the interrupt request is repeated, in milliseconds. */
const askAgainAfter = 100

/** For the turn's user: returns when the turn is over and its spawned turns were interrupted. */
export const interrupt = (server: AppServer["Service"], turn: Stoppable): Effect.Effect<void, TurnNotStopped> =>
  Effect.suspend(() => {
    if (isOver(turn)) return Effect.void
    const { stopTimeout, threadId } = turn
    return Effect.flatMap(stop(server, turn), (stopped) =>
      stopped
        ? stopChildren(server, turn)
        : Effect.fail(new TurnNotStopped({ threadId, turnId: turnIdOf(turn) ?? "", millis: stopTimeout }))
    )
  })

/** For the owner, which ends the turn in any case: a turn that does not end in time counts as still running. */
export const abandon = (server: AppServer["Service"], turn: Stoppable): Effect.Effect<void> =>
  stop(server, turn).pipe(
    Effect.flatMap((stopped) => (stopped ? Effect.void : giveUp(server, turn))),
    Effect.andThen(stopChildren(server, turn))
  )

/** Stops a turn whose id arrives after the caller has left. */
export const stopLate = (server: AppServer["Service"], turn: Stoppable, reply: unknown): void => {
  const id = Notification.idIn(reply, "turnId", "turn")
  // It may be the turn of another client, which our message was added to.
  if (id === undefined || isNotOurs(server, turn, id)) return
  const again = { schedule: Schedule.spaced(askAgainAfter), times: Math.ceil(turn.stopTimeout / askAgainAfter) }
  const stopped = Effect.raceFirst(Effect.retry(ask(server, turn, id), again), server.closed)
  Effect.runForkWith(turn.context)(Effect.ignore(stopped))
}

const turnIdOf = ({ life }: Stoppable) => life.state().turnId

const isOver = ({ life }: Stoppable) => life.state().phase === "over"

// Without automatic retries: by then another turn may run, which an empty id would stop.
const ask = (server: AppServer["Service"], { stopTimeout, threadId }: Stoppable, id: string) =>
  server.request("turn/interrupt", { threadId, turnId: id }, { timeout: stopTimeout, retry: false })

// After its end, the turn receives no more messages, but the connection does.
const isNotOurs = (server: AppServer["Service"], { life, threadId }: Stoppable, id: string) => {
  const { messageId, notOurs } = life.state()
  const starter = server[connection].starterOf(threadId, id)
  return notOurs.includes(id) || (starter !== undefined && messageId !== undefined && starter !== messageId)
}

// Returns whether the turn was over in time.
const stop = (server: AppServer["Service"], turn: Stoppable) =>
  Effect.suspend(() => {
    turn.life.apply({ _tag: "Stop" })
    return Effect.map(Effect.timeoutOption(untilOver(server, turn), turn.stopTimeout), Option.isSome)
  })

const untilOver = Effect.fnUntraced(function* (server: AppServer["Service"], turn: Stoppable) {
  while (!isOver(turn)) {
    const seen = turn.life.state()
    const id = Machine.interruptId(seen)
    if (id !== undefined) yield* Effect.ignore(ask(server, turn, id))
    // A refusal may be temporary: the next change of the state may allow the interrupt.
    if (turn.life.state() === seen) yield* Effect.raceFirst(turn.life.nextChange, Effect.sleep(askAgainAfter))
  }
})

const stopChildren = (server: AppServer["Service"], turn: Stoppable) =>
  Effect.suspend(() => {
    const id = turnIdOf(turn)
    return id === undefined ? Effect.void : server[connection].stopChildren(id)
  })

const giveUp = (server: AppServer["Service"], turn: Stoppable) =>
  Effect.suspend(() => {
    const { context, life, stopTimeout, threadId } = turn
    Telemetry.turnsNotStopped.updateUnsafe(1, context)
    server[connection].setActiveTurn(threadId, turnIdOf(turn))
    life.apply({ _tag: "GaveUp" })
    return Effect.logWarning(
      `Turn ${turnIdOf(turn) ?? "(unnamed)"} of thread ${threadId} did not end within ${stopTimeout} ms of its interruption`
    )
    // Uninterruptible, because the end of the turn closes the scope that this may run in.
  }).pipe(Effect.uninterruptible)
