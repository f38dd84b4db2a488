/**
 * What comes to light while a request of the server is decided on, for whoever tells of it afterwards.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Tracer from "effect/Tracer"

export interface Deciding {
  by: string | undefined
  reason: string | undefined
  /** Whether a tool may run; the answer to such a request is what the tool said. */
  accepted: boolean
}

export const Deciding = Context.Reference<Deciding | undefined>("@effect-codex/core/internal/Deciding", {
  defaultValue: () => undefined
})

/** Notes who decided, and whether that was to accept, also in the fiber's span. */
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

/** Tells why nobody decided, or why what was decided does not count. */
export const undecided = (reason: string): Effect.Effect<void> =>
  Effect.withFiber((fiber) => {
    const deciding = fiber.getRef(Deciding)
    if (deciding !== undefined) deciding.reason = reason
    return Effect.void
  })
