/**
 * A store in one SQLite file, with the SQLite that comes with Node.
 *
 * Any number of processes on a machine may open the file as clients; one of them at a time may hold its lease and run the sessions. The
 * file holds prompts and the whole history of threads, so it is readable for its owner alone.
 *
 * @stability experimental
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { StoreFailed } from "./DurableError.ts"
import * as Sqlite from "./internal/sqlite/sqlite.ts"
import { SessionStore } from "./SessionStore.ts"

/**
 * The place of the store.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** The path of the file. A new one has the permissions 0600. Its folder has to exist. */
  readonly file: string
  /** Whether to make the file if it does not exist. Without, that is `StoreFailed`. Default: true. */
  readonly create?: boolean | undefined
}

/**
 * Opens the file, and brings its tables up to date.
 *
 * **Details**
 *
 * The file is in WAL mode, so there are two more files next to it, `-wal` and `-shm`, while it is open. Each transaction is
 * flushed to the disk before it counts. A file that another process keeps locked is tried for 5 seconds.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options): Effect.Effect<SessionStore["Service"], StoreFailed, Scope.Scope> =>
  Sqlite.open(options.file, options.create ?? true)

/**
 * Keeps sessions in a SQLite file; see {@link make}.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<SessionStore, StoreFailed> =>
  Layer.effect(SessionStore)(make(options))
