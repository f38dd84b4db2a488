import { CodexTest, MockModel } from "@effect-codex/core/testing"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type Script, suite } from "./conformance.ts"

const repliesOf = ({ command, gate, say }: Script) => [
  ...(command === undefined ? [] : [MockModel.reply(MockModel.execCommand({ cmd: command, escalate: true }))]),
  MockModel.reply(MockModel.text(...say, ...(gate === undefined ? [] : [gate])))
]

suite(
  "codex",
  (turns) => CodexTest.layer(turns.flatMap(repliesOf), { verifyOnClose: false }),
  (turns) =>
    Effect.map(
      Layer.build(CodexTest.layerHome(turns.flatMap(repliesOf), { verifyOnClose: false })),
      (home) => () => Layer.provide(CodexTest.layerCodex(), Layer.succeedContext(home))
    )
)
