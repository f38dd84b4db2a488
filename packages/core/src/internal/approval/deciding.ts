/**
 * What comes to light while a request of the server is decided on, for whoever tells of it afterwards.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

export interface Deciding {
  by: string | undefined
  reason: string | undefined
  /** Whether a tool may run; the answer to such a request is what the tool said. */
  accepted: boolean
}

export const Deciding = Context.Reference<Deciding | undefined>("@effect-codex/core/internal/Deciding", {
  defaultValue: () => undefined
})

/** Tells who decided, and whether that was to accept. */
export const decidedBy = (by: string, reason: string | undefined, accepted: boolean): Effect.Effect<void> =>
  Effect.withFiber((fiber) => {
    const deciding = fiber.getRef(Deciding)
    if (deciding !== undefined) {
      deciding.by = by
      deciding.reason = reason
      deciding.accepted = accepted
    }
    return Effect.void
  })

/** Tells why nobody decided, or why what was decided does not count. */
export const undecided = (reason: string): Effect.Effect<void> =>
  Effect.withFiber((fiber) => {
    const deciding = fiber.getRef(Deciding)
    if (deciding !== undefined) deciding.reason = reason
    return Effect.void
  })
