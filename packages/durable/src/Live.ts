/**
 * The deltas of running turns, for displays in the process that runs them.
 *
 * Deltas are not stored: they have no offsets, a slow reader misses some, and a crash loses them. Completed items are in the
 * events of the session. This module knows neither stores nor turns.
 *
 * @stability experimental
 * @since 0.1.0
 */
import type { ResponseEvent } from "@effect-codex/core/ResponseEvent"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"

/**
 * An event of a running turn, and the job of that turn.
 *
 * @category models
 * @since 0.1.0
 */
export interface LiveEvent {
  readonly session: string
  readonly key: string
  readonly event: ResponseEvent
}

/**
 * Passes events from the owner to readers in the same process.
 *
 * @category services
 * @since 0.1.0
 */
export class Live extends Context.Service<
  Live,
  {
    /** Called by the owner. Never waits. */
    readonly publish: (event: LiveEvent) => Effect.Effect<void>
    /** The events of a session from now on. A reader that is more than 4,096 events behind misses the oldest. */
    readonly events: (session: string) => Stream.Stream<LiveEvent>
  }
>()("@effect-codex/durable/Live") {}

/**
 * Passes events on in memory.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<Live> = Layer.effect(Live)(
  Effect.map(PubSub.sliding<LiveEvent>(4096), (events) => ({
    publish: (event: LiveEvent) => Effect.asVoid(PubSub.publish(events, event)),
    events: (session: string) =>
      Stream.filter(Stream.fromPubSub(events), (event: LiveEvent) => event.session === session)
  }))
)
