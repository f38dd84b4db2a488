/**
 * Records a rollout that the tests read, with the real codex and a scripted model: `node packages/durable/scripts/record-rollout.ts`.
 * Long texts of codex itself are shortened, and the folders of the recording get other names.
 */
import * as Codex from "@effect-codex/core/Codex"
import type { Notification } from "@effect-codex/core/Notification"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import { CodexTest, MockModel } from "@effect-codex/core/testing"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"

const toolkit = Toolkit.make(
  Tool.make("weather", {
    description: "Tells the weather.",
    parameters: Schema.Struct({ city: Schema.String }),
    success: Schema.String
  })
)

const gate = Effect.runSync(MockModel.gate)

const script = [
  MockModel.reply(MockModel.commentary("I look around."), MockModel.execCommand({ cmd: "echo hello", callId: "c-1" })),
  MockModel.reply(MockModel.finalAnswer("hello it is")),
  MockModel.reply(MockModel.addFile("a.txt", "hi\n", { callId: "c-2" })),
  MockModel.reply(MockModel.text("patched")),
  MockModel.reply(MockModel.toolCall("weather", { city: "Paris" }, { callId: "c-3" })),
  MockModel.reply(MockModel.finalAnswer("sunny")),
  MockModel.reply(MockModel.execCommand({ cmd: "echo out > outside", escalate: true, callId: "c-4" })),
  MockModel.reply(MockModel.finalAnswer("approved")),
  MockModel.reply(
    MockModel.execCommand({ cmd: "echo a", callId: "c-5" }),
    MockModel.execCommand({ cmd: "sleep 20", callId: "c-6" })
  ),
  MockModel.error(500, "the model is ill"),
  MockModel.reply(MockModel.finalAnswer("half of an ", gate)),
  MockModel.reply(MockModel.reasoning("thinking"), MockModel.finalAnswer("grüße 漢字 😀"))
]

const isEndOfFirst = (it: Notification): boolean =>
  it.method === "item/completed" && it.params.item.type === "commandExecution" && it.params.item.id === "c-5"

const program = Effect.gen(function* () {
  const codex = yield* Codex.Codex
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const { cwd } = yield* CodexTest.Home
  const thread = yield* codex.thread.start({
    tools: toolkit,
    sandbox: "workspace-write",
    approvalPolicy: "on-request"
  })
  const ask = (id: string, prompt: string) => ({ prompt, turn: { clientUserMessageId: id } })
  yield* thread.run(ask("m-1", "a command"))
  yield* thread.run(ask("m-2", "a patch"))
  yield* thread.run(ask("m-3", "a tool"))
  yield* thread.run(ask("m-4", "an approval"))
  yield* Effect.scoped(
    Effect.gen(function* () {
      const turn = yield* thread.turn(ask("m-5", "two commands, and an interruption"))
      yield* Stream.runDrain(Stream.takeUntil(turn.notifications, isEndOfFirst))
      yield* turn.interrupt
    })
  )
  yield* Effect.flip(thread.run(ask("m-6", "a failure of the model")))
  yield* Effect.scoped(
    Effect.gen(function* () {
      const turn = yield* thread.turn(ask("m-7", "an interruption of the answer"))
      yield* gate.reached
      yield* Stream.runDrain(Stream.take(turn.text, 1))
      yield* turn.interrupt
    })
  )
  yield* thread.run(ask("m-8", "grüße 漢字 \u2028 😀"))
  const read = yield* codex.request("thread/read", { threadId: thread.id })
  const text = yield* fs.readFileString(read.thread.path ?? "")
  const file = path.join(import.meta.dirname, "..", "test", "fixtures", `rollout-${codex.serverInfo.version}.jsonl`)
  yield* fs.writeFileString(file, shorten(text, path.dirname(cwd)))
})

const shorten = (text: string, root: string): string =>
  text
    .replaceAll(root, "/srv/agent")
    .split("\n")
    .map((line) => (line === "" ? "" : JSON.stringify(JSON.parse(line, shortenText))))
    .join("\n")

const shortenText = (_: string, value: unknown): unknown =>
  Predicate.isString(value) && value.length > 400 ? `${value.length} characters` : value

program.pipe(
  Effect.provide(
    Layer.mergeAll(
      PolicyEngine.layerAcceptAll,
      NodeServices.layer,
      toolkit.toLayer({ weather: () => Effect.succeed("sunny") })
    ).pipe(Layer.provideMerge(CodexTest.layer(script, { verifyOnClose: false, codex: { experimentalApi: true } })))
  ),
  Effect.scoped,
  NodeRuntime.runMain
)
