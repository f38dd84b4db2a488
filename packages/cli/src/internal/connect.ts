/**
 * Starts the codex that the flags of a command name.
 */
import * as Codex from "@effect-codex/core/Codex"
import type { CodexNotFound, ConnectionFailed, InvalidConfig } from "@effect-codex/core/CodexError"
import type { Script } from "@effect-codex/core/testing/MockModel"
import type { ThreadOptions } from "@effect-codex/core/Thread"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"
import type * as PlatformError from "effect/PlatformError"
import type { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import type { Flags } from "../Connection.ts"
import { InvalidUsage } from "../InvalidUsage.ts"

/** Errors of starting a codex. */
export type ConnectError = CodexNotFound | ConnectionFailed | InvalidConfig | InvalidUsage | PlatformError.PlatformError

/** An existing folder, as an absolute path. */
export const folder = Effect.fnUntraced(function* (flag: string, directory: string) {
  const fs = yield* FileSystem.FileSystem
  const absolute = (yield* Path.Path).resolve(directory)
  const isFolder = yield* fs.stat(absolute).pipe(
    Effect.map(({ type }) => type === "Directory"),
    Effect.orElseSucceed(() => false)
  )
  return isFolder ? absolute : yield* new InvalidUsage({ description: `${flag}: ${directory} is not a folder.` })
})

/** The flags as options of `Codex.layer`. Offline, `--codex-home` has no place: the home is a throwaway one. */
export const toOptions = Effect.fnUntraced(function* (flags: Flags) {
  if (flags.offline && flags.codexHome !== undefined) {
    return yield* new InvalidUsage({
      description: "Use --offline or --codex-home, not both: --offline has a home of its own."
    })
  }
  const cwd = flags.cwd === undefined ? undefined : yield* folder("--cwd", flags.cwd)
  const home = flags.codexHome === undefined ? undefined : yield* folder("--codex-home", flags.codexHome)
  const options: Codex.Options = {
    binary: flags.codex,
    // Unchanged: codex parses the value as TOML if possible, and otherwise uses it as text.
    args: ["app-server", ...Object.entries(flags.config).flatMap(([key, text]) => ["-c", `${key}=${text}`])],
    cwd,
    ...(home === undefined ? {} : { env: { CODEX_HOME: home }, extendEnv: true })
  }
  return options
})

/**
 * A codex for a command. `script` has the answers of the offline stand-in for the model; the default greets. `thread` has
 * defaults for threads, and `record` is the file that the connection is recorded in.
 */
export const layer = (
  flags: Flags,
  defaults?: { readonly script?: Script; readonly thread?: ThreadOptions; readonly record?: string | undefined }
): Layer.Layer<Codex.Codex, ConnectError, ChildProcessSpawner | FileSystem.FileSystem | Path.Path> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const options = { ...(yield* toOptions(flags)), thread: defaults?.thread, record: defaults?.record }
      if (!flags.offline) return Codex.layer(options)
      const offline = yield* Effect.promise(() => import("./offline.ts"))
      return offline.layer(options, defaults?.script)
    })
  )
