/**
 * Functions for engines that treat all kinds of requests alike: making an engine from one function, and asking an engine.
 *
 * The room knows the kinds of requests and how each is declined. It must not know what engines decide, or how.
 */
import { PolicyFailed } from "@effect-codex/core/CodexError"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as Effect from "effect/Effect"

/** Makes an engine that decides all kinds with one function; `decline` is the declining decision of the kind. */
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

/** Asks an engine. A defect of the engine becomes a `PolicyFailed`. */
export const ask = <K extends PolicyEngine.Kind>(
  engine: PolicyEngine.Engine,
  kind: K,
  request: PolicyEngine.Request<K>
): Effect.Effect<PolicyEngine.Verdict<K> | undefined, PolicyFailed> =>
  Effect.catchDefect(
    Effect.suspend(() => engine[kind](request)),
    (cause) => Effect.fail(new PolicyFailed({ description: "it had a defect", cause }))
  )

/** Whether the server requires that a person decides this command, even if an engine could. */
export const isForPerson = (request: PolicyEngine.Request<PolicyEngine.Kind>): boolean =>
  "kind" in request.params && request.params.kind === "humanCommand"
