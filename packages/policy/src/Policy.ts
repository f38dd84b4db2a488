/**
 * Engines made of engines.
 *
 * Each function here takes policy engines and returns one, for every kind of request alike. None of them turns an
 * abstention or a refusal into an acceptance.
 *
 * @since 0.1.0
 */
import type { PolicyFailed } from "@effect-codex/core/CodexError"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as Effect from "effect/Effect"

const forEachKind = (decide: <K extends PolicyEngine.Kind>(kind: K) => PolicyEngine.Decide<K>): PolicyEngine.Engine =>
  PolicyEngine.make({
    command: decide("command"),
    fileChange: decide("fileChange"),
    permissions: decide("permissions"),
    userInput: decide("userInput"),
    elicitation: decide("elicitation"),
    toolCall: decide("toolCall")
  })

/**
 * The first engine that does not abstain decides. An engine that fails ends the search: what it would have said is not
 * known, and it might have been no.
 *
 * **Example** (One command for the agent, nothing else)
 *
 * ```ts
 * import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
 * import * as Policy from "@effect-codex/policy/Policy"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 *
 * const uptime = PolicyEngine.make({
 *   command: ({ params }) =>
 *     Effect.succeed(
 *       params.command === "/bin/bash -lc uptime" ? { decision: "accept", by: "uptime" } : undefined
 *     )
 * })
 * const never = PolicyEngine.make({
 *   command: () => Effect.succeed({ decision: "cancel", by: "never" })
 * })
 *
 * export const layer = Layer.succeed(PolicyEngine.PolicyEngine)(Policy.firstOf(uptime, never))
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const firstOf = (...engines: ReadonlyArray<PolicyEngine.Engine>): PolicyEngine.Engine =>
  forEachKind(<K extends PolicyEngine.Kind>(kind: K): PolicyEngine.Decide<K> =>
    Effect.fnUntraced(function* (request): Effect.fn.Return<PolicyEngine.Verdict<K> | undefined, PolicyFailed> {
      for (const engine of engines) {
        const decide: PolicyEngine.Decide<K> = engine[kind]
        const verdict = yield* decide(request)
        if (verdict !== undefined) return verdict
      }
      return undefined
    })
  )

/**
 * Tells `observer` of each decision before it takes effect; `undefined` is an abstention. The observer cannot change the
 * decision, and the decision waits for it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const tap = (
  engine: PolicyEngine.Engine,
  observer: <K extends PolicyEngine.Kind>(
    request: PolicyEngine.Request<K>,
    verdict: PolicyEngine.Verdict<K> | undefined
  ) => Effect.Effect<void>
): PolicyEngine.Engine =>
  forEachKind(<K extends PolicyEngine.Kind>(kind: K): PolicyEngine.Decide<K> => {
    return (request) => Effect.tap(engine[kind](request), (verdict) => observer(request, verdict))
  })
