/**
 * The agent and its policy. Which codex it runs on is decided elsewhere, so that it can be tested.
 */
import * as Codex from "@effect-codex/core/Codex"
import * as RuleBasedPolicy from "@effect-codex/policy/RuleBasedPolicy"
import * as Effect from "effect/Effect"

/** The agent may look around, but not change anything. */
export const policy = RuleBasedPolicy.layer({
  mode: "strict",
  commandRules: [{ name: "look around", when: { program: ["ls", "cat", "head"], anywhere: true }, decision: "accept" }]
})

/** Says in one sentence what the folder is about. */
export const describeFolder = Effect.gen(function* () {
  const codex = yield* Codex.Codex
  const { text } = yield* codex.responses.create({
    prompt: "Say in one sentence what this folder is about. Look around with ls, cat and head.",
    thread: { sandbox: "read-only", approvalPolicy: "untrusted" }
  })
  return text
})
