/**
 * A throwaway home for one codex: its configuration, state and working directory, in temporary folders that the scope removes.
 *
 * The real binary keeps threads, credentials and trust in `~/.codex` and in databases, and a test must neither read nor
 * change those of the person who runs it. This module writes files and names environment variables; it starts nothing.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import type * as PlatformError from "effect/PlatformError"
import * as ChildProcess from "effect/process/ChildProcess"
import { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { neededVariables, shell, userVariables } from "../internal/platform.ts"

/**
 * The contents of a throwaway home.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** The base URL of the model's API, ending in `/v1`, such as the `url` of a `MockModel`. */
  readonly url: string
  /** Default: `mock-model`. Codex does not know this model and therefore offers it the basic set of tools. */
  readonly model?: string | undefined
  /**
   * Features of codex to enable or disable, by their names in `[features]`, such as `default_mode_request_user_input` or
   * `request_permissions_tool`. `plugins` and `apps` are disabled by default, because they contact github.com and chatgpt.com
   * at each start.
   */
  readonly features?: Readonly<Record<string, boolean>> | undefined
  /**
   * TOML to append to `config.toml`, such as `[mcp_servers.name]`, or a function that returns it for the paths of the home. It
   * may begin with keys of the root table, but must not redefine `model`, `model_provider`, the provider `mock`, `analytics` or
   * `features`.
   */
  readonly config?: string | ((paths: { readonly home: string; readonly cwd: string }) => string) | undefined
  /** Files in the working directory, by their relative paths. */
  readonly files?: Readonly<Record<string, string>> | undefined
}

/**
 * A throwaway home for codex, in a temporary folder that the scope removes.
 *
 * @category models
 * @since 0.1.0
 */
export interface CodexHome {
  /** `CODEX_HOME`: an absolute path, with `config.toml` in it. */
  readonly home: string
  /** An empty working directory: an absolute path, not in the home. */
  readonly cwd: string
  /**
   * The complete environment for codex, which inherits only `PATH` from this process: `CODEX_HOME`, `HOME` and `TMPDIR` in the
   * temporary folder, and proxies that refuse every address except the loopback.
   */
  readonly env: Readonly<Record<string, string>>
}

/**
 * Makes a home, and removes it when the scope closes.
 *
 * **Details**
 *
 * The home is also removed if this process is killed, by a small shell process that waits for that (not on Windows).
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: (
  options: Options
) => Effect.Effect<
  CodexHome,
  PlatformError.PlatformError,
  ChildProcessSpawner | FileSystem.FileSystem | Path.Path | Scope.Scope
> = Effect.fn("CodexHome.make")(function* (options: Options) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path

  // Codex reports paths with links resolved, and on macOS the temporary folder is behind a link.
  const root = yield* Effect.acquireRelease(
    Effect.flatMap(fs.makeTempDirectory({ prefix: "effect-codex-" }), fs.realPath),
    (root) => remove(fs, root)
  )
  if (shell !== undefined) yield* removeIfKilled(shell, root)
  const home = path.join(root, "codex")
  const cwd = path.join(root, "work")
  const user = path.join(root, "home")
  const temp = path.join(root, "tmp")
  for (const directory of [home, cwd, user, temp]) yield* fs.makeDirectory(directory)

  yield* fs.writeFileString(path.join(home, "config.toml"), configToml(options, { home, cwd }))
  for (const [name, content] of Object.entries(options.files ?? {})) {
    const file = path.join(cwd, name)
    yield* fs.makeDirectory(path.dirname(file), { recursive: true })
    yield* fs.writeFileString(file, content)
  }

  // Port 9 is "discard": nothing listens there, so a request that leaves the loopback is refused at once.
  const nowhere = "http://127.0.0.1:9"
  const loopback = "127.0.0.1,localhost,::1"
  const env: Record<string, string> = {
    CODEX_HOME: home,
    ...userVariables(user, temp),
    HTTP_PROXY: nowhere,
    HTTPS_PROXY: nowhere,
    ALL_PROXY: nowhere,
    NO_PROXY: loopback,
    http_proxy: nowhere,
    https_proxy: nowhere,
    all_proxy: nowhere,
    no_proxy: loopback
  }
  for (const name of neededVariables) {
    const value = globalThis.process.env[name]
    if (value !== undefined) env[name] = value
  }
  return { home, cwd, env }
})

// An exiting process may still write while its files are removed. The retries wait in real time, even under a test clock.
const remove = (fs: FileSystem.FileSystem, root: string) =>
  fs
    .remove(root, { recursive: true, force: true })
    .pipe(
      Effect.retry({ schedule: Schedule.spaced("50 millis"), times: 100 }),
      Effect.provideService(Clock.Clock, Clock.Clock.defaultValue()),
      Effect.ignore
    )

// The shell reads its input until end of file, which comes when the process at the other end of the pipe exits for any reason.
// A codex that exits at the same time may still write, so the folder is removed more than once. When the scope closes, the
// shell is killed first; it has no children while it waits, so it exits at once.
const removeIfKilled = (shell: string, root: string) => {
  const script = 'while read -r _; do :; done; for _ in 1 2 3 4 5 6; do rm -rf "$1"; sleep 0.5; done'
  return Effect.flatMap(ChildProcessSpawner, (spawner) =>
    spawner.spawn(
      ChildProcess.make(shell, ["-c", script, "sh", root], {
        stdout: "ignore",
        stderr: "ignore",
        forceKillAfter: "1 second"
      })
    )
  )
}

// Dotted keys keep everything in the root table, so that the appended TOML may begin with keys of the root table too. A JSON
// string is a valid TOML string.
const configToml = (options: Options, paths: { readonly home: string; readonly cwd: string }): string =>
  [
    `model = ${JSON.stringify(options.model ?? "mock-model")}`,
    `model_provider = "mock"`,
    `suppress_unstable_features_warning = true`,
    `check_for_update_on_startup = false`,
    `analytics.enabled = false`,
    `model_providers.mock.name = "mock"`,
    `model_providers.mock.base_url = ${JSON.stringify(options.url)}`,
    `model_providers.mock.wire_api = "responses"`,
    `model_providers.mock.request_max_retries = 0`,
    `model_providers.mock.stream_max_retries = 0`,
    `model_providers.mock.supports_websockets = false`,
    ...Object.entries({ plugins: false, apps: false, ...options.features }).map(
      ([name, on]) => `features.${JSON.stringify(name)} = ${on}`
    ),
    "",
    typeof options.config === "function" ? options.config(paths) : (options.config ?? ""),
    ""
  ].join("\n")
