import * as AppServer from "@effect-codex/core/AppServer"
import * as Codex from "@effect-codex/core/Codex"
import type { ExperimentalApi } from "@effect-codex/core/ExperimentalApi"
import { CodexTest, MockAppServer } from "@effect-codex/core/testing"
import { expectTypeOf, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"

type Provided<L> = L extends Layer.Layer<infer ROut, infer _E, infer _R> ? ROut : never

const url = "ws://127.0.0.1:1"
const socketPath = "/nowhere"

it("what is experimental requires the opt-in, so that without it a program does not compile", () => {
  const program = Effect.gen(function* () {
    const codex = yield* Codex.Codex
    yield* codex.requestExperimental("collaborationMode/list", {})
    yield* codex.requestExperimental("thread/start", { dynamicTools: [] })
  })
  expectTypeOf<Effect.Services<typeof program>>().toEqualTypeOf<Codex.Codex | ExperimentalApi>()

  const without = Effect.provide(program, CodexTest.layer([]))
  expectTypeOf<Effect.Services<typeof without>>().toEqualTypeOf<ExperimentalApi>()
  const opted = Effect.provide(program, CodexTest.layer([], { codex: { experimentalApi: true } }))
  expectTypeOf<Effect.Services<typeof opted>>().toEqualTypeOf<never>()
})

it("what is stable does not", () => {
  const program = Effect.flatMap(Codex.Codex, (codex) => codex.request("thread/start", {}))
  expectTypeOf<Effect.Services<typeof program>>().toEqualTypeOf<Codex.Codex>()
  const refused = Effect.flatMap(Codex.Codex, (codex) =>
    // @ts-expect-error The stable edition has no such field.
    codex.request("thread/start", { dynamicTools: [] })
  )
  expectTypeOf<Effect.Services<typeof refused>>().toEqualTypeOf<Codex.Codex>()
})

it("each layer provides the opt-in that its options ask for", () => {
  const layers = [
    Codex.layer({ experimentalApi: true }),
    Codex.layerWebSocket({ url, experimentalApi: true }),
    Codex.layerUnix({ socketPath, experimentalApi: true }),
    AppServer.layer({ experimentalApi: true }),
    AppServer.layerWebSocket({ url, experimentalApi: true }),
    AppServer.layerUnix({ socketPath, experimentalApi: true }),
    CodexTest.layerCodex({ experimentalApi: true }),
    MockAppServer.layer({ connection: { experimentalApi: true } })
  ] as const
  type EachHasIt = {
    [K in keyof typeof layers]: ExperimentalApi extends Provided<(typeof layers)[K]> ? true : false
  }
  expectTypeOf<EachHasIt[number]>().toEqualTypeOf<true>()
})

it("a layer whose options may or may not ask for it does not", () => {
  const layers = (experimentalApi: boolean, options: Codex.Options) =>
    [
      Codex.layer(),
      Codex.layer({ experimentalApi }),
      Codex.layer({ experimentalApi: false }),
      Codex.layer({ experimentalApi: undefined }),
      Codex.layer(options),
      Codex.layerWebSocket({ url, experimentalApi }),
      Codex.layerUnix({ socketPath, experimentalApi }),
      CodexTest.layerCodex({ experimentalApi })
    ] as const
  expectTypeOf<Provided<ReturnType<typeof layers>[number]>>().toEqualTypeOf<Codex.Codex>()
})
