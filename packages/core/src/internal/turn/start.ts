/**
 * A turn from its call to its end, in a scope of its own, which closes when the turn is over or could not start, and with the
 * scope of its owner. A turn that failed to start therefore leaves no place in the queue, no route and no span behind.
 *
 * The room knows one turn: its place, its state, its stream, its budget and its end. It must not know the handles of threads,
 * the options of a layer, or the wire.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { AppServer } from "../../AppServer.ts"
import { SlowConsumer, type TurnStartError, type TurnStreamError } from "../../CodexError.ts"
import * as Notification from "../../Notification.ts"
import type { PolicyEngine } from "../../PolicyEngine.ts"
import * as Telemetry from "../../Telemetry.ts"
import { makeBuffer, makeReplay } from "../delivery/buffer.ts"
import * as Place from "./place.ts"
import * as Run from "./run.ts"
import { buffering } from "../connection/unread.ts"

/** A turn with a stream of its notifications. */
export interface StreamingTurn extends Run.Turn {
  /** The turn's notifications up to `turn/completed`, which is the last; then the stream ends or fails like the turn. */
  readonly notifications: Stream.Stream<Notification.Notification, TurnStreamError>
}

/** The options of a turn's place, and of its run. */
export interface Options {
  readonly place: Place.Options
  readonly run: Omit<Run.Options, "buffer">
}

type Starts<A> = Effect.Effect<A, TurnStartError, PolicyEngine | Scope.Scope>

const inOwnScope = <A, E, R>(
  turn: (scope: Scope.Closeable) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R | Scope.Scope> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const scope = yield* Effect.flatMap(Effect.scope, Scope.fork)
      return yield* restore(Scope.provide(turn(scope), scope)).pipe(
        Effect.onExit((exit) => (Exit.isFailure(exit) ? Scope.close(scope, exit) : Effect.void))
      )
    })
  )

/** Starts a turn that the scope owns. */
export const start = (server: AppServer["Service"], options: Options): Starts<Run.Turn> =>
  inOwnScope((scope) =>
    Effect.flatMap(Place.take(options.place), (place) =>
      Run.run(server, place, { ...options.run, buffer: undefined }, scope)
    )
  )

/** Starts a turn in a place that is kept after the turn. */
export const startIn = (
  server: AppServer["Service"],
  place: Place.Place,
  options: Omit<Run.Options, "buffer">
): Starts<Run.Turn> => inOwnScope((scope) => Run.run(server, place, { ...options, buffer: undefined }, scope))

/**
 * Like {@link start}, for a caller that reads the notifications: `once` for one consumer, `replay` for any number, each of which
 * sees the whole turn.
 */
export const startStreaming = (
  server: AppServer["Service"],
  options: Options,
  keep: "once" | "replay"
): Starts<StreamingTurn> =>
  Effect.gen(function* () {
    const make = keep === "once" ? makeBuffer : makeReplay
    const buffer = make<Notification.Notification, TurnStreamError>({
      maxBytes: options.run.bufferBytes,
      ...buffering,
      observe: Telemetry.observeBuffer(yield* Effect.context()),
      overflow: (unread) => new SlowConsumer({ unread, unit: "bytes" })
    })
    const turn = yield* inOwnScope((scope) =>
      Effect.flatMap(Place.take(options.place), (place) => Run.run(server, place, { ...options.run, buffer }, scope))
    )
    return { ...turn, notifications: buffer.stream }
  })
