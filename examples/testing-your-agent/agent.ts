/**
 * Shows: an agent program, written so that it can be tested. `agent.test.ts` tests it.
 *
 * Run its tests:   npm run example -- testing-your-agent
 */
import * as Codex from "@effect-codex/core/Codex"
import * as CodexError from "@effect-codex/core/CodexError"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/** Lets the agent look at the history of the repository, with this one command, and do nothing else. */
export const readHistory = Layer.succeed(PolicyEngine.PolicyEngine)(
  PolicyEngine.make({
    command: ({ params }) =>
      Effect.succeed(
        params.kind === "command" && params.command === "/bin/bash -lc 'git log --oneline -20'"
          ? { decision: "accept", by: "readHistory" }
          : { decision: "decline", by: "readHistory", reason: "only the history may be read" }
      )
  })
)

/** Writes release notes of the newest commits. Retries transient errors of the provider. */
export const releaseNotes = Effect.gen(function* () {
  const codex = yield* Codex.Codex
  const { text } = yield* codex.responses
    .create({
      prompt: "Write release notes of the newest commits. Look at them with: git log --oneline -20",
      thread: { sandbox: "read-only", approvalPolicy: "untrusted" }
    })
    .pipe(Effect.retry(CodexError.retrySchedule))
  return text
}).pipe(
  Effect.catchReason("TurnFailed", "ContextWindowExceeded", () => Effect.succeed("Too many commits to summarize.")),
  Effect.provide(readHistory)
)
