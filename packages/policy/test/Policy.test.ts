import { PolicyFailed } from "@effect-codex/core/CodexError"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as Policy from "@effect-codex/policy/Policy"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"

const request: PolicyEngine.Request<"command"> = {
  kind: "command",
  params: { threadId: "thread", turnId: "turn", itemId: "item", startedAtMs: 0, command: "true" },
  threadId: "thread",
  turnId: "turn",
  item: undefined,
  availableDecisions: undefined
}

const abstains = PolicyEngine.make({})
const says = (decision: "accept" | "decline", by: string) =>
  PolicyEngine.make({ command: () => Effect.succeed({ decision, by }) })
const fails = PolicyEngine.make({ command: () => Effect.fail(new PolicyFailed({ description: "no" })) })

describe("Policy.firstOf", () => {
  it.effect("takes the first decision and asks nobody after it", () =>
    Effect.gen(function* () {
      let asked = false
      const last = PolicyEngine.make({
        command: () => {
          asked = true
          return Effect.undefined
        }
      })
      const engine = Policy.firstOf(abstains, says("decline", "a"), says("accept", "b"), last)
      expect(yield* engine.command(request)).toEqual({ decision: "decline", by: "a" })
      expect(asked).toBe(false)
    })
  )

  it.effect("abstains when all do", () =>
    Effect.gen(function* () {
      expect(yield* Policy.firstOf(abstains, abstains).command(request)).toBeUndefined()
      expect(yield* Policy.firstOf().command(request)).toBeUndefined()
    })
  )

  it.effect("does not pass over an engine that fails", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(Policy.firstOf(fails, says("accept", "b")).command(request))
      expect(failure._tag).toBe("PolicyFailed")
    })
  )
})

describe("Policy.tap", () => {
  it.effect("tells of each verdict, abstentions too, and changes none", () =>
    Effect.gen(function* () {
      const told: Array<unknown> = []
      const observed = (engine: PolicyEngine.Engine) =>
        Policy.tap(engine, (request, verdict) => Effect.sync(() => told.push([request.kind, verdict?.decision])))
      expect(yield* observed(says("accept", "a")).command(request)).toEqual({ decision: "accept", by: "a" })
      expect(yield* observed(abstains).command(request)).toBeUndefined()
      expect(told).toEqual([
        ["command", "accept"],
        ["command", undefined]
      ])
    })
  )
})
