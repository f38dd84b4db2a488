/**
 * Runs the agent on the real codex with a scripted model, so that it needs neither an account nor a network: `npm run offline`.
 */
import { CodexTest, MockModel } from "@effect-codex/core/testing"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { describeFolder, policy } from "./agent.ts"

const { execCommand, reply, text } = MockModel

const codex = CodexTest.layer(
  [reply(execCommand({ cmd: "ls", escalate: true })), reply(text("This folder is about tides."))],
  { files: { "tides.md": "High water at noon." } }
)

const Main = Layer.merge(codex, policy.pipe(Layer.provide(NodeServices.layer)))

describeFolder.pipe(
  Effect.flatMap((sentence) => Console.log(sentence)),
  Effect.provide(Main),
  NodeRuntime.runMain
)
