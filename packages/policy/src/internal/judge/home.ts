/**
 * A throwaway `CODEX_HOME` for a judge's server. From the user's home it takes only the account and the choice of the model.
 *
 * It knows folders and the keys of `config.toml`. It reads no secret, and does not know servers.
 */
import { InvalidConfig } from "@effect-codex/core/CodexError"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as Predicate from "effect/Predicate"
import type * as PlatformError from "effect/PlatformError"
import type * as Scope from "effect/Scope"
import * as Toml from "effect/encoding/Toml"

export interface JudgeHome {
  /** `CODEX_HOME` for the server. */
  readonly home: string
  /** An empty folder. */
  readonly cwd: string
  /** The user's settings that apply to the server. None of them is a secret. */
  readonly server: { readonly [key: string]: unknown }
  /** The user's settings that apply to the judge's threads. */
  readonly thread: { readonly [key: string]: unknown }
}

const serverKeys = [
  "analytics",
  "chatgpt_base_url",
  "cli_auth_credentials_store",
  "forced_chatgpt_workspace_id",
  "forced_login_method",
  "openai_base_url"
]
const providerKeys = ["model_provider", "model_providers"]
const threadKeys = ["model", "model_provider", "model_providers", "openai_base_url"]

/**
 * Makes a home from the user's home, if there is one. The scope removes it.
 *
 * The account is a link to the user's `auth.json`. A copy would be enough for an API key. But tokens get renewed, each renewal
 * invalidates the old token, and a renewed copy would log the user out. Codex writes through the link.
 */
export const make: (
  userHome: string | undefined
) => Effect.Effect<
  JudgeHome,
  InvalidConfig | PlatformError.PlatformError,
  FileSystem.FileSystem | Path.Path | Scope.Scope
> = Effect.fnUntraced(function* (userHome) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const root = yield* Effect.flatMap(fs.makeTempDirectoryScoped({ prefix: "effect-codex-judge-" }), fs.realPath)
  const home = path.join(root, "codex")
  const cwd = path.join(root, "work")
  yield* fs.makeDirectory(home)
  yield* fs.makeDirectory(cwd)
  if (userHome === undefined) return { home, cwd, server: {}, thread: {} }
  const auth = path.join(userHome, "auth.json")
  if (yield* fs.exists(auth)) yield* fs.symlink(yield* fs.realPath(auth), path.join(home, "auth.json"))
  const file = path.join(userHome, "config.toml")
  const text = (yield* fs.exists(file)) ? yield* fs.readFileString(file) : ""
  const settings = yield* Effect.mapError(
    Effect.fromResult(Toml.parse(text)),
    ({ message }) => new InvalidConfig({ path: file, description: message })
  )
  // Some servers (0.163 to 0.166) run turns only on the provider of their own configuration. A provider may contain secrets,
  // so it goes into a private file, not into the arguments that every process can read.
  const provider = pick(settings, providerKeys)
  const lines = Object.entries(provider).map(([key, value]) => `${key} = ${toToml(value)}\n`)
  yield* fs.writeFileString(path.join(home, "config.toml"), lines.join(""), { mode: 0o600 })
  return { home, cwd, server: pick(settings, serverKeys), thread: pick(settings, threadKeys) }
})

/** Settings as command-line arguments. */
export const toArgs = (settings: { readonly [key: string]: unknown }): ReadonlyArray<string> =>
  Object.entries(settings).flatMap(([key, value]) => ["-c", `${key}=${toToml(value)}`])

const toToml = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(toToml).join(", ")}]`
  if (Predicate.isReadonlyObject(value)) {
    return `{ ${Object.entries(value)
      .map(([key, inner]) => `${JSON.stringify(key)} = ${toToml(inner)}`)
      .join(", ")} }`
  }
  return JSON.stringify(value)
}

const pick = (settings: { readonly [key: string]: unknown }, keys: ReadonlyArray<string>) =>
  Object.fromEntries(keys.flatMap((key) => (settings[key] === undefined ? [] : [[key, settings[key]]])))

/** The user's own home, found as codex finds it. Never relative to the working directory, which may not be trusted. */
export const userHome = (
  environment: { readonly [name: string]: string | undefined },
  path: Path.Path
): string | undefined => {
  const { CODEX_HOME, HOME, USERPROFILE } = environment
  if (CODEX_HOME !== undefined && CODEX_HOME !== "") return CODEX_HOME
  const home = HOME ?? USERPROFILE ?? ""
  return path.isAbsolute(home) ? path.join(home, ".codex") : undefined
}
