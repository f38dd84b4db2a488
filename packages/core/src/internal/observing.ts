/**
 * Spans and times of effects, for the two rooms that have something to observe.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type * as Metric from "effect/Metric"
import * as Tracer from "effect/Tracer"

// Where nobody reads spans, one a request is a waste.
export const isUnread = (fiber: Fiber.Fiber<unknown, unknown>): boolean =>
  fiber.getRef(Tracer.Tracer) === Tracer.nativeTracer

// Without the stack that `Effect.withSpan` takes: that costs more than the request.
export const inSpan = <A, E>(
  name: string,
  options: Tracer.SpanOptionsNoTrace,
  effect: (span: Tracer.Span) => Effect.Effect<A, E>
): Effect.Effect<A, E> =>
  Effect.useSpan(name, options, (span) => Effect.withParentSpan(effect(span), span, { captureStackTrace: false }))

// Takes the time of an effect in this fiber, for the metric that its exit belongs to.
export const timedBy = <A, E>(
  fiber: Fiber.Fiber<unknown, unknown>,
  effect: Effect.Effect<A, E>,
  metricOf: (exit: Exit.Exit<A, E>) => Metric.Metric<number, unknown>
): Effect.Effect<A, E> => {
  const clock = fiber.getRef(Clock.Clock)
  const begun = clock.currentTimeNanosUnsafe()
  return Effect.onExit(effect, (exit) => {
    metricOf(exit).updateUnsafe(Number(clock.currentTimeNanosUnsafe() - begun) / 1e9, fiber.context)
    return Effect.void
  })
}
