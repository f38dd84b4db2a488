/**
 * What holds for an engine whatever the kind of request: how to make one of one way to decide, and how to ask one.
 *
 * The room knows the kinds of requests and what declines each. It must not know what engines decide, or how.
 */
import { PolicyFailed } from "@effect-codex/core/CodexError"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as Effect from "effect/Effect"

/** Makes an engine of one way to decide for all kinds; `decline` is what refuses in each. */
export const forEachKind = (
  decide: <K extends PolicyEngine.Kind>(kind: K, decline: PolicyEngine.Decisions[K]) => PolicyEngine.Decide<K>
): PolicyEngine.Engine =>
  PolicyEngine.make({
    command: decide("command", "decline"),
    fileChange: decide("fileChange", "decline"),
    permissions: decide("permissions", "decline"),
    userInput: decide("userInput", "decline"),
    elicitation: decide("elicitation", "decline"),
    toolCall: decide("toolCall", "decline")
  })

/** Asks an engine; one that throws has failed. */
export const ask = <K extends PolicyEngine.Kind>(
  engine: PolicyEngine.Engine,
  kind: K,
  request: PolicyEngine.Request<K>
): Effect.Effect<PolicyEngine.Verdict<K> | undefined, PolicyFailed> =>
  Effect.catchDefect(
    Effect.suspend(() => engine[kind](request)),
    (cause) => Effect.fail(new PolicyFailed({ description: "it had a defect", cause }))
  )

/** Whether this is a command that the server wants a person for, whoever else there is. */
export const isForPerson = (request: PolicyEngine.Request<PolicyEngine.Kind>): boolean =>
  "kind" in request.params && request.params.kind === "humanCommand"
