import * as AppServer from "@effect-codex/core/AppServer"
import * as Codex from "@effect-codex/core/Codex"
import * as DecisionObserver from "@effect-codex/core/DecisionObserver"
import { MockAppServer } from "@effect-codex/core/testing"
import * as Transcript from "@effect-codex/core/Transcript"
import * as Transport from "@effect-codex/core/Transport"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import { readFileSync } from "node:fs"
import * as path from "node:path"

/** A folder that goes with the scope. */
export const folder = Effect.flatMap(FileSystem.FileSystem, (fs) =>
  Effect.flatMap(fs.makeTempDirectoryScoped({ prefix: "effect-codex-transcript-" }), fs.realPath)
).pipe(Effect.provide(NodeServices.layer))

/** A path in a folder that goes with the scope. */
export const temporaryFile = Effect.map(folder, (folder) => path.join(folder, "run.jsonl"))

/** A server in memory, and a codex over a connection to it that is recorded. */
export const layerRecorded = (record: string | Transcript.RecordOptions, options?: MockAppServer.Options) =>
  Codex.layerAppServer().pipe(
    Layer.provide(
      Layer.effect(AppServer.AppServer)(
        Effect.gen(function* () {
          const { transport } = yield* MockAppServer.MockAppServer
          const recorder = yield* Transcript.recorder(record, { cwd: "/work" })
          return yield* AppServer.make(yield* recorder.record(transport), { acceptDelay: 0 }).pipe(
            Effect.provideService(DecisionObserver.DecisionObserver, recorder.observer)
          )
        })
      )
    ),
    Layer.provideMerge(Layer.effect(MockAppServer.MockAppServer)(MockAppServer.make(options))),
    Layer.provide(NodeServices.layer)
  )

/** A codex over a recording that is played, which is recorded again if that is wanted. */
export const layerPlayed = (file: string, options?: Transcript.PlayOptions & { readonly record?: string }) =>
  Codex.layerAppServer().pipe(
    Layer.provide(
      options?.record === undefined
        ? AppServer.layerTransport({ acceptDelay: 0 })
        : Layer.effect(AppServer.AppServer)(
            Effect.gen(function* () {
              const transport = yield* Transcript.recorder(options.record ?? "", { cwd: "/work" })
              const played = yield* transport.record(yield* Transport.Transport)
              return yield* AppServer.make(played, { acceptDelay: 0 })
            })
          )
    ),
    Layer.provideMerge(Transcript.layer(file, options)),
    Layer.provide(NodeServices.layer)
  )

export const read = (file: string) => Transcript.read(file).pipe(Effect.provide(NodeServices.layer))

export const linesOf = (file: string): ReadonlyArray<string> => readFileSync(file, "utf8").trimEnd().split("\n")
