/**
 * The catalog of models for a judge's threads: the catalog of codex, without the tools that it assigns to models.
 *
 * No setting turns off these tools; one of them sends messages in the middle of a turn. This module knows the file that codex
 * reads for `model_catalog_json` and the command that prints one. It asks no model, and does not know threads.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as ChildProcess from "effect/process/ChildProcess"
import { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"

export interface Options {
  readonly binary: string
  /** The complete environment of the process. `CODEX_HOME` selects the account whose models are listed. */
  readonly env: { readonly [name: string]: string | undefined }
  /** Further arguments, such as those that select the provider of the models. */
  readonly args: ReadonlyArray<string>
  /** The path to write the catalog to. */
  readonly file: string
}

// If codex has an account, it first asks its provider for the models. A question waits for the catalog within its own timeout,
// so a slow catalog leads to a declined request, never to a judge with tools.
const patience = "30 seconds"

const Catalog = Schema.fromJsonString(
  Schema.Struct({ models: Schema.Array(Schema.Record(Schema.String, Schema.Unknown)) })
)

const decode = Schema.decodeUnknownEffect(Catalog)
const encode = Schema.encodeEffect(Catalog)

const without = {
  apply_patch_tool_type: null,
  experimental_supported_tools: [],
  tool_mode: null
}

/**
 * Writes the catalog and returns its path; `undefined` if this codex prints no catalog, which is logged.
 */
export const write: (
  options: Options
) => Effect.Effect<string | undefined, never, ChildProcessSpawner | FileSystem.FileSystem> = Effect.fnUntraced(
  function* ({ args, binary, env, file }) {
    const fs = yield* FileSystem.FileSystem
    const spawner = yield* ChildProcessSpawner
    const print = (...more: ReadonlyArray<string>) =>
      spawner
        .string(
          ChildProcess.make(binary, ["debug", "models", ...more, ...args], {
            env,
            extendEnv: false,
            stderr: "ignore",
            stdin: "ignore",
            forceKillAfter: "1 second"
          })
        )
        .pipe(Effect.flatMap(decode), Effect.timeout(patience))
    return yield* print().pipe(
      // Fall back to the models that are bundled with the binary.
      Effect.catch(() => print("--bundled")),
      Effect.flatMap(({ models }) => encode({ models: models.map(strip) })),
      Effect.flatMap((text) => fs.writeFileString(file, text)),
      Effect.as(file),
      Effect.catch((error) =>
        Effect.as(
          Effect.logWarning(`The judge's models keep the tools that codex gives to them: ${String(error)}`),
          undefined
        )
      )
    )
  }
)

// Replaces only existing keys, so that the format stays that of this version.
const strip = (model: { readonly [key: string]: unknown }) => ({
  ...model,
  ...Object.fromEntries(Object.entries(without).filter(([key]) => Predicate.hasProperty(model, key)))
})
