/**
 * What decisions mean to those who combine engines, one by one.
 */
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { agreement, describe as inWords, disagreement, isAccepting } from "../src/internal/engine/decisions.ts"
import { ask, forEachKind, isForPerson } from "../src/internal/engine/kinds.ts"
import { command, toolCall } from "./judgeSupport.ts"

const kinds = ["command", "fileChange", "permissions", "userInput", "elicitation", "toolCall"] as const

describe("a decision", () => {
  it.each([
    ["accept", true],
    ["acceptForSession", true],
    ["decline", false],
    ["cancel", false],
    ["always", false],
    ["", false],
    [undefined, false],
    [null, false],
    [7, false],
    [true, false],
    [{}, false],
    [{ always: true }, false],
    [{ action: "accept" }, true],
    [{ action: "decline" }, false],
    [{ answers: {} }, false],
    [{ answers: { a: { answers: [] } } }, true],
    [{ answers: "a" }, false],
    [{ permissions: {} }, false],
    [{ permissions: { network: null, fileSystem: undefined } }, false],
    [{ permissions: { network: { enabled: true }, fileSystem: null } }, true],
    [{ acceptWithExecpolicyAmendment: {} }, true],
    [{ applyNetworkPolicyAmendment: {} }, true]
  ])("%j lets something happen: %j", (decision, is) => expect(isAccepting(decision)).toBe(is))

  it("is told in few words, and never in those that somebody answered", () => {
    expect(inWords("x".repeat(41))).toBe("x".repeat(40))
    expect(inWords({ answers: { password: "secret" }, more: 1 })).toBe("{ answers, more }")
    expect(inWords({ ["x".repeat(81)]: 1 })).toBe(`{ ${"x".repeat(80)} }`)
    expect(inWords(7)).toBe("number")
  })
})

describe("what several acceptances come to", () => {
  const verdict = (decision: PolicyEngine.Decisions["command"], by: string, reason?: string) => ({
    decision,
    by,
    ...(reason === undefined ? {} : { reason })
  })

  it("is what all have in common, in all their names and with all their reasons", () => {
    expect(agreement<"command">([verdict("accept", "a", "x"), verdict("acceptForSession", "b", "y")])).toStrictEqual({
      decision: "accept",
      by: "a + b",
      reason: "x; y"
    })
    expect(agreement<"command">([verdict("acceptForSession", "a")])).toStrictEqual({
      decision: "acceptForSession",
      by: "a"
    })
    expect(agreement<"command">([verdict("acceptForSession", "a"), verdict("accept", "b")])?.decision).toBe("accept")
    const amendment = { acceptWithExecpolicyAmendment: { execpolicy_amendment: ["ls"] } }
    const apart = [verdict(amendment, "a"), verdict("acceptForSession", "b"), verdict("accept", "c")]
    expect(agreement<"command">(apart)).toBeUndefined()
    expect(agreement<"command">([])).toBeUndefined()
    expect(disagreement<"command">(apart)).toBe("a + b + c accept different things")
  })
})

describe("an engine of one way to decide", () => {
  it.effect("knows each kind by its name, and what declines it", () =>
    Effect.gen(function* () {
      const seen: Array<readonly [string, unknown]> = []
      const engine = forEachKind((kind, decline) => () => Effect.sync(() => void seen.push([kind, decline])))
      for (const kind of kinds) yield* engine[kind](toolCall("x") as never)
      expect(seen).toEqual(kinds.map((kind) => [kind, "decline"]))
    })
  )

  it.effect("that throws has failed", () =>
    Effect.gen(function* () {
      const broken = PolicyEngine.make({
        toolCall: () => {
          throw new Error("broken")
        }
      })
      expect(yield* Effect.flip(ask(broken, "toolCall", toolCall("x")))).toMatchObject({
        _tag: "PolicyFailed",
        description: "it had a defect"
      })
    })
  )

  it("is told of a command that is for a person", () => {
    expect(isForPerson(command("ls", { kind: "humanCommand" }))).toBe(true)
    expect(isForPerson(command("ls"))).toBe(false)
    expect(isForPerson(toolCall("x"))).toBe(false)
  })
})
