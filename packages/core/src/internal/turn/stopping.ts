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

export interface Stopping {
  /** For the turn's user: returns when the turn is over and its spawned turns were interrupted. */
  readonly interrupt: Effect.Effect<void, TurnNotStopped>
  /** For the owner, which ends the turn in any case: a turn that does not end in time counts as still running. */
  readonly abandon: Effect.Effect<void>
  /** Stops a turn whose id arrives after the caller has left. */
  readonly stopLate: (reply: unknown) => void
}

/** The time without a change after which the interrupt request is repeated, in milliseconds. */
const askAgainAfter = 100

export const makeStopping = (
  server: AppServer["Service"],
  options: {
    readonly threadId: string
    readonly life: Life
    /** How long to wait for the end, in milliseconds. */
    readonly stopTimeout: number
    readonly context: Context.Context<never>
  }
): Stopping => {
  const { context, life, stopTimeout, threadId } = options
  const turnId = () => life.state().turnId
  const isOver = () => life.state().phase === "over"

  // Without automatic retries: by then another turn may run, which an empty id would stop.
  const ask = (id: string) =>
    server.request("turn/interrupt", { threadId, turnId: id }, { timeout: stopTimeout, retry: false })

  // After its end, the turn receives no more messages, but the connection does.
  const isNotOurs = (id: string) => {
    const { messageId, notOurs } = life.state()
    const starter = server[connection].starterOf(threadId, id)
    return notOurs.includes(id) || (starter !== undefined && messageId !== undefined && starter !== messageId)
  }

  const untilOver = Effect.gen(function* () {
    while (!isOver()) {
      const seen = life.state()
      const id = Machine.interruptId(seen)
      if (id !== undefined) yield* Effect.ignore(ask(id))
      // A refusal may be temporary: the next change of the state may allow the interrupt.
      if (life.state() === seen) yield* Effect.raceFirst(life.nextChange, Effect.sleep(askAgainAfter))
    }
  })

  // Whether the turn was over in time.
  const stop = Effect.suspend(() => {
    life.apply({ _tag: "Stop" })
    return Effect.map(Effect.timeoutOption(untilOver, stopTimeout), Option.isSome)
  })

  const stopChildren = Effect.suspend(() => {
    const id = turnId()
    return id === undefined ? Effect.void : server[connection].stopChildren(id)
  })

  const giveUp = Effect.suspend(() => {
    Telemetry.turnsNotStopped.updateUnsafe(1, context)
    server[connection].setActiveTurn(threadId, turnId())
    life.apply({ _tag: "GaveUp" })
    return Effect.logWarning(
      `Turn ${turnId() ?? "(unnamed)"} of thread ${threadId} did not end within ${stopTimeout} ms of its interruption`
    )
    // Uninterruptible, because the end of the turn closes the scope that this may run in.
  }).pipe(Effect.uninterruptible)

  const notStopped = Effect.suspend(() =>
    Effect.fail(new TurnNotStopped({ threadId, turnId: turnId() ?? "", millis: stopTimeout }))
  )

  return {
    interrupt: Effect.suspend(() =>
      isOver() ? Effect.void : Effect.flatMap(stop, (stopped) => (stopped ? stopChildren : notStopped))
    ),
    abandon: stop.pipe(
      Effect.flatMap((stopped) => (stopped ? Effect.void : giveUp)),
      Effect.andThen(stopChildren)
    ),
    stopLate: (reply) => {
      const id = Notification.idIn(reply, "turnId", "turn")
      // It may be the turn of another client, which our message was added to.
      if (id === undefined || isNotOurs(id)) return
      const again = { schedule: Schedule.spaced(askAgainAfter), times: Math.ceil(stopTimeout / askAgainAfter) }
      const stopped = Effect.raceFirst(Effect.retry(ask(id), again), server.closed)
      Effect.runForkWith(context)(Effect.ignore(stopped))
    }
  }
}
