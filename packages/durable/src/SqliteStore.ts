/**
 * A store in one SQLite file, with the SQLite that comes with Node.
 *
 * Any number of processes on a machine can open the file as clients; one of them at a time holds its lease and runs the sessions.
 * The file contains prompts and the whole history of threads, so only its owner can read it.
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
  /** The path of the file, whose folder must exist. A new file has the permissions 0600. */
  readonly file: string
  /** Whether to create a missing file instead of failing with `StoreFailed`. Default: true. */
  readonly create?: boolean | undefined
}

/**
 * Opens the file, and brings its tables up to date.
 *
 * **Details**
 *
 * The file is in WAL mode, so two more files, `-wal` and `-shm`, exist next to it while it is open. Each transaction is flushed
 * to disk before it counts. A file that another process keeps locked is retried for 5 seconds.
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
