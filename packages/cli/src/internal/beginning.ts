/**
 * Ids by their beginning: a command line may name a thing by the beginning of its id if no other id shares it.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { InvalidUsage } from "../InvalidUsage.ts"

/** How many candidates an error lists. */
const most = 6

/**
 * The id that is meant: `given` itself if it is one of `ids`, or else the only one that begins with it. If there is none, `given` is
 * returned unchanged, so that the error names it. `ids` has those that begin with `given`; `what` is their plural.
 */
export const resolve = <E, R>(
  what: string,
  given: string,
  ids: Stream.Stream<string, E, R>
): Effect.Effect<string, E | InvalidUsage, R> =>
  Effect.flatMap(Stream.runCollect(Stream.take(ids, most + 1)), (found) => {
    const [id, ...others] = new Set(found)
    if (id === undefined || found.includes(given)) return Effect.succeed(given)
    if (others.length === 0) return Effect.succeed(id)
    const listed = [id, ...others].slice(0, most).join(", ") + (others.length < most ? "" : " and more")
    return Effect.fail(
      new InvalidUsage({ description: `Several ${what} begin with ${given}: ${listed}. Give more of the id.` })
    )
  })
