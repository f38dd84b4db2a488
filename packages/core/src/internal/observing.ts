/**
 * Spans and durations of effects, for the two rooms that record them.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type * as Metric from "effect/Metric"
import * as Tracer from "effect/Tracer"

// Whether no tracer reads the spans, so that a span for each request would be a waste.
export const isUnread = (fiber: Fiber.Fiber<unknown, unknown>): boolean =>
  fiber.getRef(Tracer.Tracer) === Tracer.nativeTracer

// Without the stack trace of `Effect.withSpan`, which costs more than the request.
export const inSpan = <A, E>(
  name: string,
  options: Tracer.SpanOptionsNoTrace,
  effect: (span: Tracer.Span) => Effect.Effect<A, E>
): Effect.Effect<A, E> =>
  Effect.useSpan(name, options, (span) => Effect.withParentSpan(effect(span), span, { captureStackTrace: false }))

// Measures the duration of an effect in this fiber, for the metric that matches its exit.
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
