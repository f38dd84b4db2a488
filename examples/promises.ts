/**
 * Shows: the same from code that knows promises and async iterators, and no Effect.
 *
 * Run it with your own codex and account:   npm run example -- promises
 * Run it without either:                    npm run example -- promises --offline
 */
import * as Codex from "@effect-codex/core/Codex"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Stream from "effect/Stream"

// One app-server for the whole program: it starts with the first call, and ends with `dispose`.
const runtime = ManagedRuntime.make(
  Layer.merge(Codex.layer({ thread: { sandbox: "read-only" } }), PolicyEngine.layerDeclineAll).pipe(
    Layer.provide(NodeServices.layer)
  )
)

const ask = (prompt: string, signal?: AbortSignal): Promise<string> =>
  runtime.runPromise(
    Effect.flatMap(Codex.Codex, (codex) => Effect.map(codex.responses.create({ prompt }), ({ text }) => text)),
    { signal }
  )

const words = async (prompt: string): Promise<AsyncIterable<string>> =>
  Stream.toAsyncIterableWith(
    Stream.unwrap(Effect.map(Codex.Codex, (codex) => codex.responses.streamText({ prompt }))),
    await runtime.context()
  )

try {
  console.log(await ask("Are you there?"))
  // Leaving the loop stops the turn.
  for await (const word of await words("Count to three.")) console.log(word)
  // So does aborting. A promise rejects with the typed error.
  await ask("Think for ever.", AbortSignal.timeout(500)).catch((error: unknown) => console.log(String(error)))
} finally {
  await runtime.dispose()
}
