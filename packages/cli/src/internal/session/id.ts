/**
 * The session or the approval that a command line names: by its id, or by the beginning of one that no other shares.
 */
import type * as Sessions from "@effect-codex/durable/Sessions"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Beginning from "../beginning.ts"

type Service = Sessions.Sessions["Service"]

const pageSize = 1000

// The ids of a list, page by page. Lists are ordered by id.
const idsAfter = <E>(
  first: string | undefined,
  list: (page: {
    readonly after: string | undefined
    readonly limit: number
  }) => Effect.Effect<ReadonlyArray<{ readonly id: string }>, E>
): Stream.Stream<string, E> =>
  Stream.paginate(first, (after) =>
    Effect.map(list({ after, limit: pageSize }), (found) => {
      const ids = found.map(({ id }) => id)
      return [ids, ids.length < pageSize ? Option.none() : Option.some(ids.at(-1))] as const
    })
  )

// The digits of a UUID are not a number.
const isUuid = (id: string): boolean => /^[0-9a-f]{8}-[0-9a-f]{4}-/.test(id)

/** Whether an id begins with `given`. A number counts as a whole, so `ticket-1` is not the beginning of `ticket-10`. */
const begins = (id: string, given: string): boolean =>
  id.startsWith(given) && (isUuid(id) || !/\d$/.test(given) || !/^\d/.test(id.slice(given.length)))

const resolveSession = (sessions: Service, given: string) =>
  Beginning.resolve(
    "sessions",
    given,
    idsAfter(given, sessions.list).pipe(
      Stream.takeWhile((id) => id.startsWith(given)),
      Stream.filter((id) => begins(id, given))
    )
  )

/** The id of a session. An id that no session has is returned unchanged: the store says that there is none. */
export const session = (sessions: Service, given: string) =>
  sessions.status(given).pipe(
    Effect.as(given),
    Effect.catchTag("UnknownSession", () => resolveSession(sessions, given))
  )

/** The id of an approval that waits for a verdict. Any other id is returned unchanged. */
export const approval = (sessions: Service, given: string) =>
  Beginning.resolve(
    "approvals",
    given,
    Stream.filter(idsAfter(undefined, sessions.approvals), (id) => id.startsWith(given))
  )
