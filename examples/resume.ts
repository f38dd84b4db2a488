/**
 * Shows: a thread that goes on after a restart of the process, a fork of it, and a thread that is not there.
 *
 * Run it with your own codex and account:   npm run example -- resume
 * Run it without either:                    npm run example -- resume --offline
 */
import * as Codex from "@effect-codex/core/Codex"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

const Main = Layer.merge(Codex.layer({ thread: { sandbox: "read-only" } }), PolicyEngine.layerDeclineAll).pipe(
  Layer.provide(NodeServices.layer)
)

// Each `provide` starts an app-server of its own, and ends it.
const monday = Effect.gen(function* () {
  const codex = yield* Codex.Codex
  const { text, threadId } = yield* codex.responses.create({ prompt: "Remember the number 42." })
  yield* Console.log(text)
  return threadId
}).pipe(Effect.provide(Main))

const tuesday = (threadId: string) =>
  Effect.gen(function* () {
    const codex = yield* Codex.Codex
    const thread = yield* codex.thread.resume(threadId)
    yield* Console.log((yield* thread.run("Which number was it?")).text)
    const fork = yield* thread.fork()
    yield* Console.log((yield* fork.run("And doubled?")).text)

    const missing = "00000000-0000-7000-8000-000000000000"
    yield* codex.thread
      .resume(missing)
      .pipe(Effect.catchTag("SessionNotFound", (error) => Console.log(error._tag, error.threadId)))
  }).pipe(Effect.provide(Main))

monday.pipe(Effect.flatMap(tuesday), NodeRuntime.runMain)
