import * as Codex from "@effect-codex/core/Codex"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import { CodexTest, MockModel } from "@effect-codex/core/testing"
import { describe, expect, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

const { reply, text, when } = MockModel

const homes: Array<string> = []
const ask = (prompt: string) =>
  Effect.gen(function* () {
    const codex = yield* Codex.Codex
    homes.push((yield* CodexTest.Home).home)
    return (yield* codex.responses.create({ prompt })).text
  })

// One codex for the tests of a block, each with a prompt of its own.
layer(
  Layer.merge(
    CodexTest.layer([when("red", reply(text("rosso"))), when("blue", reply(text("blu")))]),
    PolicyEngine.layerDeclineAll
  ),
  { excludeTestServices: true }
)("a codex that tests share", (it) => {
  it.effect("answers the first one", () =>
    Effect.gen(function* () {
      expect(yield* ask("red")).toBe("rosso")
    })
  )

  it.effect("and the second one, from the same home", () =>
    Effect.gen(function* () {
      expect(yield* ask("blue")).toBe("blu")
      expect(new Set(homes).size).toBe(1)
    })
  )
})

describe("codexes of one test", () => {
  it.live("run side by side, each in a home of its own", () =>
    Effect.gen(function* () {
      const one = (name: string) =>
        Effect.gen(function* () {
          expect(yield* ask(name)).toBe(name)
          return (yield* CodexTest.Home).home
        }).pipe(Effect.provide(Layer.merge(CodexTest.layer([reply(text(name))]), PolicyEngine.layerDeclineAll)))
      const homes = yield* Effect.forEach(["a", "b", "c", "d"], one, { concurrency: "unbounded" })
      expect(new Set(homes).size).toBe(4)
    })
  )
})
