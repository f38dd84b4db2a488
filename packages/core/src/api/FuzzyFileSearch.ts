/**
 * Finding files by a few letters of their names, as an editor's quick-open does.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import { connection } from "../internal/connection/serve.ts"
import type { AppServer } from "../AppServer.ts"
import { type CallError, type ConnectionFailed, InvalidParams, type SlowConsumer } from "../CodexError.ts"
import { ExperimentalApi } from "../ExperimentalApi.ts"
import { makeCalls } from "../internal/api/calls.ts"
import { makeFeed, nextId } from "../internal/api/feeds.ts"
import type * as Schemas from "../protocol/generated/Stable.ts"

/**
 * The folders that a search session covers.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionParams {
  /**
   * The absolute paths of the folders to search. Default: the server's working directory if this program started the server.
   * For any other server there is no default, and without roots the call fails with `InvalidParams`.
   */
  readonly roots?: ReadonlyArray<string> | undefined
}

/**
 * The query of one search, and the folders to search.
 *
 * @category models
 * @since 0.1.0
 */
export interface SearchParams extends SessionParams {
  /** Letters of the path, in order. An empty query finds nothing. */
  readonly query: string
}

/**
 * The results of a session for a query so far.
 *
 * @category models
 * @since 0.1.0
 */
export interface Found {
  readonly query: string
  readonly files: ReadonlyArray<Schemas.FuzzyFileSearchResult>
}

/**
 * A search that follows the user's typing.
 *
 * @category models
 * @since 0.1.0
 */
export interface Session {
  /** Replaces the query. Calls `fuzzyFileSearch/sessionUpdate`. */
  readonly update: (query: string) => Effect.Effect<void, CallError>
  /** Emits all results so far, each time there are more. For a single consumer. */
  readonly found: Stream.Stream<Found, ConnectionFailed | SlowConsumer>
}

/**
 * `codex.fuzzyFileSearch` and `codex.fuzzyFileSearchSession`.
 *
 * @category models
 * @since 0.1.0
 */
export interface FuzzyFileSearch {
  /** Finds the files whose paths contain the letters of the query in order, best match first. Calls `fuzzyFileSearch`. */
  readonly fuzzyFileSearch: (
    params: SearchParams
  ) => Effect.Effect<ReadonlyArray<Schemas.FuzzyFileSearchResult>, CallError>
  /**
   * Starts a search that the scope owns. Calls `fuzzyFileSearch/sessionStart` and `fuzzyFileSearch/sessionStop`.
   *
   * @stability experimental
   */
  readonly fuzzyFileSearchSession: (
    params?: SessionParams
  ) => Effect.Effect<Session, CallError, ExperimentalApi | Scope.Scope>
}

/** How long closing the scope waits for the server to end a session. */
const stopTimeout = Duration.seconds(5)

/**
 * The searches of `codex` over a connection.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (server: AppServer["Service"], options: { readonly bufferBytes: number }): FuzzyFileSearch => {
  const { experimental, plain } = makeCalls(server)

  const rootsOf = (method: string, { roots }: SessionParams): Effect.Effect<ReadonlyArray<string>, InvalidParams> => {
    if (roots !== undefined) return Effect.succeed(roots)
    const { cwd } = server.serverInfo
    return cwd === undefined
      ? Effect.fail(
          new InvalidParams({ method, description: "`roots` is required: this program did not start the server" })
        )
      : Effect.succeed([cwd])
  }

  const fuzzyFileSearch: FuzzyFileSearch["fuzzyFileSearch"] = (params) =>
    Effect.flatMap(rootsOf("fuzzyFileSearch", params), (roots) =>
      Effect.map(plain("fuzzyFileSearch", { query: params.query, roots }), ({ files }) => files)
    )

  const fuzzyFileSearchSession: FuzzyFileSearch["fuzzyFileSearchSession"] = Effect.fn("Codex.fuzzyFileSearchSession")(
    function* (params) {
      const optIn = yield* ExperimentalApi
      const roots = yield* rootsOf("fuzzyFileSearch/sessionStart", params ?? {})
      const sessionId = nextId()
      const found = yield* makeFeed<Found>(server, {
        maxBytes: options.bufferBytes,
        // The approximate size of one result on the wire.
        bytes: ({ files }) => files.length * 256
      })
      yield* server[connection].on("fuzzyFileSearch/sessionUpdated", ({ params: { files, query, sessionId: of } }) => {
        if (of === sessionId) found.offer({ query, files })
      })
      yield* Effect.acquireRelease(experimental("fuzzyFileSearch/sessionStart", { sessionId, roots }), () =>
        Effect.ignore(experimental("fuzzyFileSearch/sessionStop", { sessionId }, { timeout: stopTimeout }))
      )
      return {
        update: (query) =>
          experimental("fuzzyFileSearch/sessionUpdate", { sessionId, query }).pipe(
            Effect.asVoid,
            Effect.provideService(ExperimentalApi, optIn)
          ),
        found: found.stream
      }
    }
  )

  return { fuzzyFileSearch, fuzzyFileSearchSession }
}
