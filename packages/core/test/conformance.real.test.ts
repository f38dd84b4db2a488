import { CodexTest, MockModel } from "@effect-codex/core/testing"
import { suite } from "./conformance.ts"

suite("codex", (turns) =>
  CodexTest.layer(
    turns.flatMap(({ command, gate, say }) => [
      ...(command === undefined ? [] : [MockModel.reply(MockModel.execCommand({ cmd: command, escalate: true }))]),
      MockModel.reply(MockModel.text(...say, ...(gate === undefined ? [] : [gate])))
    ]),
    { verifyOnClose: false }
  )
)
