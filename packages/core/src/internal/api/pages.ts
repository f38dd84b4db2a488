/**
 * Paged lists of the server as streams.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { ProtocolViolation } from "../../CodexError.ts"

interface Page<A> {
  readonly data: ReadonlyArray<A>
  readonly nextCursor?: string | null | undefined
}

/**
 * Requests a page when the previous one has been read, until there is no cursor to a next one. It starts with the cursor in the
 * parameters. A cursor that leads back to an earlier page fails the stream, which would otherwise never end.
 */
export const pages = <P extends { readonly cursor?: unknown }, A, E, R>(
  method: string,
  params: P,
  request: (params: P) => Effect.Effect<Page<A>, E, R>
): Stream.Stream<A, E | ProtocolViolation, R> =>
  Stream.suspend(() => {
    const asked = new Set<unknown>()
    const readPage = Effect.fnUntraced(function* (current: P) {
      const { cursor } = current
      if (cursor != null && asked.has(cursor)) {
        const description = "its cursors lead back to a page that was read"
        return yield* new ProtocolViolation({ method, description })
      }
      asked.add(cursor)
      const { data, nextCursor } = yield* request(current)
      const next: Option.Option<P> =
        nextCursor == null ? Option.none() : Option.some({ ...current, cursor: nextCursor })
      return [data, next] as const
    })
    return Stream.paginate(params, readPage)
  })
