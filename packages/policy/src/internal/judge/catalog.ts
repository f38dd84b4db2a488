/**
 * The catalog of models for a judge's threads: that of codex, without the tools that it gives to the models in it.
 *
 * No setting takes those tools away, the one that sends messages in the middle of a turn among them. It knows the file that
 * codex reads for `model_catalog_json` and the command that prints one. It asks no model, and does not know threads.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as ChildProcess from "effect/process/ChildProcess"
import { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"

export interface Options {
  readonly binary: string
  /** All of the process's environment. `CODEX_HOME` says whose models they are. */
  readonly env: { readonly [name: string]: string | undefined }
  /** Further arguments, as those that say where the models are. */
  readonly args: ReadonlyArray<string>
  /** Where to write the catalog. */
  readonly file: string
}

// Codex asks its provider for the models first, if it has an account there. A question waits for this as long as it may wait for
// its answer, so a slow catalog is a declined question and no judge with tools.
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
 * Writes the catalog, and gives its path; `undefined` if this codex prints none, which is logged.
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
      // Those that came with the binary.
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

// Only what is there, so that the form stays that of this version.
const strip = (model: { readonly [key: string]: unknown }) => ({
  ...model,
  ...Object.fromEntries(Object.entries(without).filter(([key]) => Predicate.hasProperty(model, key)))
})
