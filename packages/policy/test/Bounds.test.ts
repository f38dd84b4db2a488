import type { CommandCondition, CommandDecision } from "@effect-codex/policy/Rule"
import { describe, expect, it } from "@effect/vitest"
import { inRoots, isPermissive, unbounded } from "../src/internal/rubric/bounds.ts"

const onNetwork = (action: "allow" | "deny"): CommandDecision => ({
  applyNetworkPolicyAmendment: { host: "example.com", action }
})

describe("a decision of a rule on commands", () => {
  it.each<readonly [CommandDecision, boolean]>([
    ["decline", false],
    ["cancel", false],
    ["accept", true],
    ["acceptForSession", true],
    [onNetwork("allow"), true],
    [onNetwork("deny"), false]
  ])("%j lets something happen: %s", (decision, expected) => expect(isPermissive(decision)).toBe(expected))

  it("lets something happen if it amends the policy of commands", () =>
    expect(isPermissive({ acceptWithExecpolicyAmendment: ["ls"] })).toBe(true))
})

const bounded: ReadonlyArray<CommandCondition> = [
  { anywhere: true },
  { cwdWithin: ["src"] },
  { cwdWithin: [] },
  { request: ["networkApproval"] }
]

const boundless: ReadonlyArray<CommandCondition> = [
  {},
  { request: ["command"] },
  { request: ["networkApproval", "command"] }
]

describe("a condition on commands and the allowed roots of its rubric", () => {
  it.each(boundless)("%j is held to the roots, and keeps everything else", (when) =>
    expect(inRoots({ ...when, program: ["ls"] }, ["a", "b"])).toEqual({
      ...when,
      program: ["ls"],
      cwdWithin: ["a", "b"]
    })
  )

  it.each(bounded)("%j says itself where, and stays as it is", (when) => expect(inRoots(when, ["a"])).toBe(when))

  it.each([...bounded, ...boundless])("%j stays as it is where there are no roots", (when) =>
    expect(inRoots(when, [])).toBe(when)
  )
})

describe("a rubric without allowed roots", () => {
  const issue = (rule: string) =>
    `${rule} accepts commands in any folder: give the rubric allowedRoots, or the rule cwdWithin or anywhere: true`

  it("names each rule that accepts commands anywhere, by its place and its name", () =>
    expect(
      unbounded({
        commandRules: [
          { decision: "decline" },
          { decision: "accept" },
          { name: "bounded", when: { cwdWithin: ["a"] }, decision: "accept" },
          { name: "no decision" },
          { name: "the network", decision: onNetwork("deny") },
          { name: "all", when: { program: ["ls"] }, decision: "acceptForSession" }
        ]
      })
    ).toEqual([
      { path: ["commandRules", 1], issue: issue("this rule") },
      { path: ["commandRules", 5], issue: issue('the rule "all"') }
    ]))

  it.each(bounded)("has nothing against a rule that accepts where %j", (when) =>
    expect(unbounded({ allowedRoots: [], commandRules: [{ when, decision: "accept" }] })).toEqual([])
  )

  it("can't extend packs", () =>
    expect(unbounded({ extends: ["reading"] })).toEqual([
      { path: ["extends"], issue: "packs accept commands in allowedRoots, and the rubric has none" }
    ]))

  it("may extend no pack and have no rule", () => {
    expect(unbounded({})).toEqual([])
    expect(unbounded({ extends: [], commandRules: [] })).toEqual([])
  })
})

describe("a rubric with allowed roots", () => {
  it("bounds its packs and its rules", () =>
    expect(
      unbounded({ allowedRoots: ["."], extends: ["reading"], commandRules: [{ name: "all", decision: "accept" }] })
    ).toEqual([]))
})
