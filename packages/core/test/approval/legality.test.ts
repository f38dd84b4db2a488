/**
 * Which decisions may be sent, one by one.
 */
import { describe, expect, it } from "@effect/vitest"
import {
  isLegalAnswer,
  isLegalElicitation,
  isLegalForCommand,
  isLegalGrant,
  isOneOf
} from "../../src/internal/approval/legality.ts"

type Offered = NonNullable<Parameters<typeof isLegalForCommand>[0]["availableDecisions"]>

const execpolicy = (...words: ReadonlyArray<string>) => ({
  acceptWithExecpolicyAmendment: { execpolicy_amendment: words }
})
const network = (host: string, action: "allow" | "deny" = "allow") => ({
  applyNetworkPolicyAmendment: { network_policy_amendment: { action, host } }
})

// What no kind of request may be answered with.
const nonsense: ReadonlyArray<unknown> = [undefined, null, "", "Accept", "denied", true, 1, [], ["accept"], {}]

const forCommand = (offered: Offered | null | undefined, decision: unknown) =>
  isLegalForCommand(
    {
      threadId: "thread",
      turnId: "turn",
      itemId: "item",
      startedAtMs: 0,
      command: "ls",
      ...(offered === undefined ? {} : { availableDecisions: offered })
    },
    decision
  )

it("one of some words is that word, and nothing that reads like it", () => {
  expect(isOneOf("accept", "decline")("decline")).toBe(true)
  expect(isOneOf("accept", "decline")("cancel")).toBe(false)
  expect(isOneOf("accept")(["accept"])).toBe(false)
  expect(isOneOf()("accept")).toBe(false)
})

describe("the decision on a command", () => {
  it.each([
    ["a decline that is not offered", [], "decline", true],
    ["a cancel that is not offered", [], "cancel", true],
    ["an accept that is offered", ["accept"], "accept", true],
    ["an accept that is not offered", ["acceptForSession", "decline"], "accept", false],
    ["an accept for the session that is offered", ["acceptForSession"], "acceptForSession", true],
    ["an accept for the session that is not offered", ["accept"], "acceptForSession", false],
    ["an accept where the server says nothing", undefined, "accept", true],
    ["an accept for the session where the server says nothing", null, "acceptForSession", true],
    ["an amendment where the server says nothing", undefined, execpolicy("ls"), false],
    ["a rule for the network where the server says nothing", null, network("a.com"), false],
    ["an amendment where only accepting is offered", ["accept"], execpolicy("ls"), false],
    ["the proposed amendment", ["accept", execpolicy("ls")], execpolicy("ls"), true],
    ["the second of two proposed amendments", [execpolicy("a"), execpolicy("b")], execpolicy("b"), true],
    ["a longer amendment", [execpolicy("git", "log")], execpolicy("git", "log", "-1"), true],
    ["a shorter amendment", [execpolicy("git", "log")], execpolicy("git"), false],
    ["another amendment", [execpolicy("git", "log")], execpolicy("git", "push"), false],
    ["one that begins in another way", [execpolicy("git", "log")], execpolicy("env", "log"), false],
    ["an amendment where an empty one is proposed", [execpolicy()], execpolicy("rm"), false],
    ["an empty amendment where an empty one is proposed", [execpolicy()], execpolicy(), false],
    ["an amendment whose words are no texts", [execpolicy("ls")], { acceptWithExecpolicyAmendment: [1] }, false],
    ["the proposed rule for the network", [network("a.com")], network("a.com"), true],
    ["a rule for another host", [network("a.com")], network("b.com"), false],
    ["a rule with the other action", [network("a.com")], network("a.com", "deny"), false],
    ["a rule for the network where an amendment is proposed", [execpolicy("ls")], network("a.com"), false],
    ["an amendment where a rule for the network is proposed", [network("a.com")], execpolicy("ls"), false]
  ] as ReadonlyArray<readonly [string, Offered | null | undefined, unknown, boolean]>)(
    "%s",
    (_, offered, decision, isLegal) => expect(forCommand(offered, decision)).toBe(isLegal)
  )

  it("is nothing else, even if the server offers it", () => {
    const offered = [...nonsense, { type: "unknown", raw: "always" }, "always"] as unknown as Offered
    for (const decision of offered) expect(forCommand(offered, decision)).toBe(false)
  })
})

describe("the decision on permissions", () => {
  it.each([
    ["a decline", "decline", true],
    ["a grant for the turn", { permissions: {}, scope: "turn" }, true],
    ["a grant for the session", { permissions: { network: { enabled: true } }, scope: "session" }, true],
    ["a grant without a scope", { permissions: {} }, false],
    ["a grant for ever", { permissions: {}, scope: "forever" }, false],
    ["a grant of nothing that is known", { scope: "turn" }, false],
    ["a cancel", "cancel", false],
    ["an accept", "accept", false]
  ])("%s", (_, decision, isLegal) => expect(isLegalGrant(decision)).toBe(isLegal))

  it("is nothing else", () => {
    for (const decision of nonsense) expect(isLegalGrant(decision)).toBe(false)
  })
})

describe("the decision on questions to the user", () => {
  it.each([
    ["a decline", "decline", true],
    ["no answers", { answers: {} }, true],
    ["an answer", { answers: { a: { answers: ["b"] } } }, true],
    ["an answer that is no list", { answers: { a: "b" } }, false],
    ["a cancel", "cancel", false],
    ["an accept", "accept", false]
  ])("%s", (_, decision, isLegal) => expect(isLegalAnswer(decision)).toBe(isLegal))

  it("is nothing else", () => {
    for (const decision of nonsense) expect(isLegalAnswer(decision)).toBe(false)
  })
})

describe("the decision on what an MCP server asks", () => {
  it.each([
    ["a decline", "decline", true],
    ["a cancel", "cancel", true],
    ["an accept in one word", "accept", false],
    ["an accept with its content", { action: "accept", content: {} }, true],
    ["a decline with its action", { action: "decline" }, true],
    ["a cancel with its action", { action: "cancel" }, true],
    ["another action", { action: "acceptForSession", content: {} }, false],
    ["content without an action", { content: {} }, false]
  ])("%s", (_, decision, isLegal) => expect(isLegalElicitation(decision)).toBe(isLegal))

  it("is nothing else", () => {
    for (const decision of nonsense) expect(isLegalElicitation(decision)).toBe(false)
  })
})
