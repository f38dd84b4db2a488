/**
 * Files on the server's machine. All paths are absolute. Neither the sandbox nor a policy restricts these functions.
 *
 * For files on this machine use Effect's `FileSystem`.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Base64 from "effect/encoding/Base64"
import * as Stream from "effect/Stream"
import { connection } from "../internal/connection/serve.ts"
import type { AppServer } from "../AppServer.ts"
import { type CallError, ProtocolViolation, type SlowConsumer } from "../CodexError.ts"
import { makeCalls } from "../internal/api/calls.ts"
import { makeFeed, nextId } from "../internal/api/feeds.ts"
import type * as Schemas from "../protocol/generated/Stable.ts"

/**
 * The functions of `codex.fs`. They fail with `RequestFailed` if a path does not exist.
 *
 * @category models
 * @since 0.1.0
 */
export interface Fs {
  /** Calls `fs/readFile`. */
  readonly readFile: (path: string) => Effect.Effect<Uint8Array, CallError>
  /** Writes a file, a string as UTF-8. Replaces an existing file; the folder must exist. Calls `fs/writeFile`. */
  readonly writeFile: (path: string, data: Uint8Array | string) => Effect.Effect<void, CallError>
  /** Reads what kind of file a path is, and its creation and change times in Unix milliseconds. Calls `fs/getMetadata`. */
  readonly getMetadata: (path: string) => Effect.Effect<Schemas.FsGetMetadataResponse, CallError>
  /** Calls `fs/readDirectory`. */
  readonly readDirectory: (path: string) => Effect.Effect<ReadonlyArray<Schemas.FsReadDirectoryEntry>, CallError>
  /** Creates a folder, and its missing parents unless `recursive` is false. Calls `fs/createDirectory`. */
  readonly createDirectory: (
    path: string,
    params?: Omit<Schemas.FsCreateDirectoryParams, "path">
  ) => Effect.Effect<void, CallError>
  /** Copies a file, or with `recursive` a folder. Calls `fs/copy`. */
  readonly copy: (
    sourcePath: string,
    destinationPath: string,
    params?: Omit<Schemas.FsCopyParams, "destinationPath" | "sourcePath">
  ) => Effect.Effect<void, CallError>
  /**
   * Removes a file, or a folder with its contents unless `recursive` is false. Fails for a missing path only if `force` is
   * false. Calls `fs/remove`.
   */
  readonly remove: (path: string, params?: Omit<Schemas.FsRemoveParams, "path">) => Effect.Effect<void, CallError>
  /**
   * Watches a file or folder, which need not exist yet, and emits the changed paths. Ending the stream ends the watch. Calls
   * `fs/unwatch` and `fs/watch`.
   */
  readonly watch: (path: string) => Stream.Stream<ReadonlyArray<string>, CallError | SlowConsumer>
}

/** How long closing the scope waits for the server to end a watch. */
const unwatchTimeout = Duration.seconds(5)

/**
 * `codex.fs` over a connection.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (server: AppServer["Service"], options: { readonly bufferBytes: number }): Fs => {
  const { plain } = makeCalls(server)

  const watch = Effect.fnUntraced(function* (path: string) {
    const watchId = nextId()
    const changes = yield* makeFeed<ReadonlyArray<string>>(server, {
      maxBytes: options.bufferBytes,
      bytes: (paths) => paths.reduce((length, path) => length + path.length, 0)
    })
    yield* server[connection].on("fs/changed", ({ params }) => {
      if (params.watchId === watchId) changes.offer(params.changedPaths)
    })
    yield* Effect.acquireRelease(plain("fs/watch", { path, watchId }), () =>
      Effect.ignore(plain("fs/unwatch", { watchId }, { timeout: unwatchTimeout }))
    )
    return changes.stream
  })

  return {
    readFile: (path) =>
      Effect.flatMap(plain("fs/readFile", { path }), ({ dataBase64 }) =>
        Effect.mapError(
          Effect.fromResult(Base64.decode(dataBase64)),
          ({ message }) => new ProtocolViolation({ method: "fs/readFile", description: message })
        )
      ),
    writeFile: (path, data) => Effect.asVoid(plain("fs/writeFile", { path, dataBase64: Base64.encode(data) })),
    getMetadata: (path) => plain("fs/getMetadata", { path }),
    readDirectory: (path) => Effect.map(plain("fs/readDirectory", { path }), ({ entries }) => entries),
    createDirectory: (path, params) => Effect.asVoid(plain("fs/createDirectory", { ...params, path })),
    copy: (sourcePath, destinationPath, params) =>
      Effect.asVoid(plain("fs/copy", { ...params, sourcePath, destinationPath })),
    remove: (path, params) => Effect.asVoid(plain("fs/remove", { ...params, path })),
    watch: (path) => Stream.unwrap(watch(path))
  }
}
