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
 * Where a session of searches looks.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionParams {
  /**
   * The folders to look in, by their absolute paths. Default: the working directory of a server that was started here. There is
   * no default for a server elsewhere: without roots the call fails with `InvalidParams`.
   */
  readonly roots?: ReadonlyArray<string> | undefined
}

/**
 * What one search looks for, and where.
 *
 * @category models
 * @since 0.1.0
 */
export interface SearchParams extends SessionParams {
  /** Letters of the path in their order. An empty one finds nothing. */
  readonly query: string
}

/**
 * What a session has found so far for a query.
 *
 * @category models
 * @since 0.1.0
 */
export interface Found {
  readonly query: string
  readonly files: ReadonlyArray<Schemas.FuzzyFileSearchResult>
}

/**
 * A search that goes on while somebody types.
 *
 * @category models
 * @since 0.1.0
 */
export interface Session {
  /** Takes the place of the query before. Calls `fuzzyFileSearch/sessionUpdate`. */
  readonly update: (query: string) => Effect.Effect<void, CallError>
  /** What is found, again and again as it becomes more. For one consumer. */
  readonly found: Stream.Stream<Found, ConnectionFailed | SlowConsumer>
}

/**
 * `codex.fuzzyFileSearch` and `codex.fuzzyFileSearchSession`.
 *
 * @category models
 * @since 0.1.0
 */
export interface FuzzyFileSearch {
  /** The files whose paths have the letters of the query in their order, the best first. Calls `fuzzyFileSearch`. */
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

/** How long the server may take to end a session before its scope closes without that. */
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
      ? Effect.fail(new InvalidParams({ method, description: "the server is not ours, so `roots` has to be given" }))
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
        // About what one result is on the wire.
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
