/** From what was decided for each part of a command to one decision: which one, by whom, and why. */
import type { Params } from "@effect-codex/core/PolicyEngine"
import type { CommandDecision } from "@effect-codex/policy/Rule"
import * as ShellCommand from "@effect-codex/policy/ShellCommand"
import { describe, expect, it } from "@effect/vitest"
import type { Decided } from "../src/internal/command/policy.ts"
import { amendmentProblem, conclude } from "../src/internal/rubric/conclude.ts"

const about: Params["command"] = { threadId: "t", turnId: "u", itemId: "i", startedAtMs: 0, command: "ls", cwd: "/" }

const part = (source: string, more: Partial<ShellCommand.Part> = {}): ShellCommand.Part => ({
  source,
  words: [],
  redirects: [],
  assignments: [],
  moves: undefined,
  opaque: undefined,
  ...more
})

const decided = (decision: CommandDecision | undefined, by: string, more: Partial<Decided> = {}): Decided => ({
  part: part(by),
  decision,
  by,
  byRule: true,
  reason: undefined,
  conditions: [],
  checks: [],
  ...more
})

const concluded = (parts: ReadonlyArray<Decided>, params: Partial<Params["command"]> = {}, command = "ls") =>
  conclude({ ...about, ...params }, { command: ShellCommand.parse(command), decided: parts })

const nothing = { conditions: [], checks: [] }

describe("what is concluded from the parts of a command", () => {
  it("is the refusal of one part: cancel first, then what a rule says, then the first", () => {
    const refusals = [
      decided("accept", "a", { conditions: [{ path: "/a", folders: undefined }] }),
      decided("decline", "mode", { byRule: false }),
      decided("decline", "rule", { reason: "no" }),
      decided("decline", "other")
    ]
    expect(concluded(refusals)).toEqual({ decision: "decline", by: "rule", reason: "no", ...nothing })
    expect(concluded([...refusals, decided("cancel", "last")])).toMatchObject({ decision: "cancel", by: "last" })
    expect(concluded(refusals.slice(0, 2))).toMatchObject({ decision: "decline", by: "mode", reason: undefined })
    const opaque = decided("decline", "mode", { part: part("x", { opaque: "it is not known" }) })
    expect(concluded([opaque]).reason).toBe("it is not known")
    expect(concluded([{ ...opaque, reason: "no" }]).reason).toBe("no")
  })

  it("is nothing where nobody decided on a part, with the names of those who did on others", () => {
    expect(concluded([decided("accept", "a"), decided(undefined, "")])).toEqual({
      decision: undefined,
      by: "a",
      reason: undefined,
      ...nothing
    })
    expect(concluded([decided("accept", "a"), decided(undefined, ""), decided("decline", "b")]).decision).toBe(
      "decline"
    )
  })

  it("is what all say, or to accept once, with all that has to hold", () => {
    const one = { path: "/one", folders: ["/"] }
    const two = { path: "/two", folders: ["/"] }
    const check = { _tag: "Tree", path: "/", folders: ["/"], follow: false, plain: false } as const
    const accepting = [
      decided("acceptForSession", "a", { conditions: [one], checks: [check], reason: "fine" }),
      decided("acceptForSession", "b", { conditions: [two], checks: [check] }),
      decided("acceptForSession", "a")
    ]
    expect(concluded(accepting)).toEqual({
      decision: "acceptForSession",
      by: "a, b",
      reason: "fine",
      conditions: [one, two],
      checks: [check]
    })
    expect(concluded([...accepting, decided("accept", "c")])).toMatchObject({ decision: "accept", by: "a, b, c" })
    expect(concluded([decided("accept", "c"), ...accepting]).decision).toBe("accept")
    const opaque = decided("accept", "a", { part: part("x", { opaque: "it is not known" }) })
    expect(concluded([opaque])).toMatchObject({ decision: "accept", reason: undefined })
    expect(concluded([])).toEqual({ decision: "decline", by: "", reason: undefined, ...nothing })
  })

  it("goes beyond the one request only as far as it is offered", () => {
    const session = [decided("acceptForSession", "a")]
    expect(concluded(session, { availableDecisions: ["accept", "acceptForSession"] }).decision).toBe("acceptForSession")
    expect(concluded(session, { availableDecisions: ["accept", "decline"] })).toMatchObject({
      decision: "decline",
      by: "a",
      reason: "the server does not offer acceptForSession for this command"
    })
    expect(concluded([decided("accept", "a")], { availableDecisions: ["decline"] }).decision).toBe("accept")
  })

  it("is a rule for the network only if that very one is proposed, also where it denies", () => {
    for (const action of ["allow", "deny"] as const) {
      const rule = [decided({ applyNetworkPolicyAmendment: { host: "example.com", action } }, "a")]
      const other = action === "allow" ? "deny" : "allow"
      const refused = { decision: "decline", reason: `the server does not propose to ${action} "example.com"` }
      const proposing = (action: "allow" | "deny", host: string) => ({
        proposedNetworkPolicyAmendments: [{ action, host }]
      })
      expect(concluded(rule)).toMatchObject(refused)
      expect(concluded(rule, proposing(other, "example.com"))).toMatchObject(refused)
      expect(concluded(rule, proposing(action, "other.com"))).toMatchObject(refused)
      expect(concluded(rule, proposing(action, "example.com")).decision).toEqual({
        applyNetworkPolicyAmendment: { network_policy_amendment: { action, host: "example.com" } }
      })
    }
  })

  it("is an amendment only for a command of one part that is understood", () => {
    const rule = [decided({ acceptWithExecpolicyAmendment: ["npm", "test"] }, "a")]
    const proposed = { proposedExecpolicyAmendment: ["npm", "test"] }
    expect(concluded(rule, proposed).decision).toEqual({
      acceptWithExecpolicyAmendment: { execpolicy_amendment: ["npm", "test"] }
    })
    expect(concluded(rule)).toMatchObject({
      decision: "decline",
      reason: "the amendment is empty, or none is proposed"
    })
    const forOnePart = "the amendment would cover only one part of the command"
    expect(concluded(rule, proposed, "npm test && ls").reason).toBe(forOnePart)
    expect(concluded(rule, proposed, "npm test '").reason).toBe(forOnePart)
  })
})

describe("an amendment", () => {
  it("begins with the proposed one, and says what would run", () => {
    expect(amendmentProblem(["npm"], ["npm", "test"], 1)).toBeUndefined()
    expect(amendmentProblem(["npm", "test"], ["npm", "test"], 1)).toBeUndefined()
    const other = "does not begin with the proposed words"
    expect(amendmentProblem(["npm", "test"], ["npm"], 1)).toBe(other)
    expect(amendmentProblem(["npm", "test"], ["npm", "run", "test"], 1)).toBe(other)
    const none = "is empty, or none is proposed"
    expect(amendmentProblem([], ["npm"], 1)).toBe(none)
    expect(amendmentProblem(["npm"], [], 1)).toBe(none)
    expect(amendmentProblem([], [], 1)).toBe(none)
    expect(amendmentProblem(["/bin/bash"], ["/bin/bash", "-c", "ls"], 1)).toBe('would let "/bin/bash" run anything')
    expect(amendmentProblem(["npm"], ["npm"], 2)).toBe("would cover only one part of the command")
    expect(amendmentProblem(["npm"], ["npm"], 0)).toBe("would cover only one part of the command")
  })
})
