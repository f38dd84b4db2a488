import * as Codex from "@effect-codex/core/Codex"
import { MockAppServer } from "@effect-codex/core/testing"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type Script, suite } from "./conformance.ts"

const stepsOf = ({ command, gate, say }: Script): ReadonlyArray<MockAppServer.Step> => [
  ...(command === undefined ? [] : [{ command: `/bin/bash -lc ${command}` }]),
  { say },
  ...(gate === undefined ? [] : [{ hang: gate.pass }])
]

const layerOf = (options: MockAppServer.Options) =>
  Codex.layerAppServer().pipe(Layer.provide(MockAppServer.layer(options)))

suite(
  "MockAppServer",
  (turns) => layerOf({ turns: turns.map(stepsOf) }),
  (turns) =>
    Effect.sync(() => {
      const home = MockAppServer.makeHome()
      let started = 0
      return () =>
        layerOf({
          home,
          turns: () => {
            const script = turns[started++]
            return script === undefined ? [] : stepsOf(script)
          }
        })
    })
)
