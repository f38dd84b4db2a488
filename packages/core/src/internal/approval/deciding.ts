/**
 * Collects the author and the reason of a decision while it is made, for the span and the `DecisionObserver`.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Tracer from "effect/Tracer"

export interface Deciding {
  by: string | undefined
  reason: string | undefined
  /** Whether a tool may run. The answer to such a request is the output of the tool, so it does not show the decision. */
  accepted: boolean
}

export const Deciding = Context.Reference<Deciding | undefined>("@effect-codex/core/internal/Deciding", {
  defaultValue: () => undefined
})

/** Records who decided and whether the request was accepted, also in the fiber's span. */
export const noteDecision = (
  fiber: Fiber.Fiber<unknown, unknown>,
  by: string,
  reason: string | undefined,
  accepted: boolean
): void => {
  const span = Context.getOrUndefined(fiber.context, Tracer.ParentSpan)
  if (span?._tag === "Span") span.attribute("codex.decided_by", by)
  const deciding = fiber.getRef(Deciding)
  if (deciding === undefined) return
  deciding.by = by
  deciding.reason = reason
  deciding.accepted = accepted
}

/** Records why there is no decision, or why a decision does not count. */
export const undecided = (reason: string): Effect.Effect<void> =>
  Effect.withFiber((fiber) => {
    const deciding = fiber.getRef(Deciding)
    if (deciding !== undefined) deciding.reason = reason
    return Effect.void
  })
