import * as Codex from "@effect-codex/core/Codex"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import { expectTypeOf, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

const program = Effect.gen(function* () {
  const codex = yield* Codex.Codex
  yield* codex.responses.create({ prompt: "Hello" })
  yield* Stream.runDrain(codex.responses.events({ prompt: "Hello" }))
  yield* Stream.runDrain(codex.responses.streamText({ prompt: "Hello" }))
})

it("a turn requires a PolicyEngine, so that without one a program does not compile", () => {
  expectTypeOf<Effect.Services<typeof program>>().toEqualTypeOf<Codex.Codex | PolicyEngine.PolicyEngine>()

  const decided = Effect.provide(program, PolicyEngine.layerDeclineAll)
  expectTypeOf<Effect.Services<typeof decided>>().toEqualTypeOf<Codex.Codex>()
})

it("an engine's methods require nothing, so that handlers run anywhere", () => {
  type Requirements = Effect.Services<ReturnType<PolicyEngine.PolicyEngine["Service"]["command"]>>
  expectTypeOf<Requirements>().toEqualTypeOf<never>()
})
