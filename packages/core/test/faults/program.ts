/**
 * The program that meets the faults: a request, and a turn with an approval and a message.
 */
import * as path from "node:path"
import * as Codex from "@effect-codex/core/Codex"
import type { CodexError } from "@effect-codex/core/CodexError"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as Effect from "effect/Effect"

/** The process that plays codex. */
export const scriptedServer = path.join(import.meta.dirname, "..", "fixtures", "scripted-server.mjs")

/** What is read and written while the program runs. */
export interface Observed {
  /** Handlers of approvals that have begun, and that are over in any way. */
  asked: number
  answered: number
  malformed: number
}

export const program = (
  observed: Observed = { asked: 0, answered: 0, malformed: 0 }
): Effect.Effect<string, CodexError, Codex.Codex> => {
  const policy = PolicyEngine.make({
    command: () =>
      Effect.suspend(() => {
        observed.asked++
        // The server says what it says before the answer comes.
        return Effect.delay(Effect.succeed({ decision: "accept" as const, by: "test" }), "30 millis")
      }).pipe(Effect.ensuring(Effect.sync(() => observed.answered++)))
  })
  return Effect.gen(function* () {
    const codex = yield* Codex.Codex
    yield* Effect.addFinalizer(() =>
      Effect.map(codex.malformed, (malformed) => {
        observed.malformed = malformed
      })
    )
    yield* codex.request("account/read", {})
    const thread = yield* codex.thread.start({ sandbox: "read-only", approvalPolicy: "on-request" })
    const { text } = yield* thread.run("Say hello")
    return text
  }).pipe(Effect.scoped, Effect.provideService(PolicyEngine.PolicyEngine, policy))
}
