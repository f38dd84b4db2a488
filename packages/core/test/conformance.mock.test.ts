import * as Codex from "@effect-codex/core/Codex"
import { MockAppServer } from "@effect-codex/core/testing"
import * as Layer from "effect/Layer"
import { suite } from "./conformance.ts"

suite("MockAppServer", (turns) =>
  Codex.layerAppServer().pipe(
    Layer.provide(
      MockAppServer.layer({
        turns: turns.map(({ command, gate, say }) => [
          ...(command === undefined ? [] : [{ command: `/bin/bash -lc ${command}` }]),
          { say },
          ...(gate === undefined ? [] : [{ hang: gate.pass }])
        ])
      })
    )
  )
)
