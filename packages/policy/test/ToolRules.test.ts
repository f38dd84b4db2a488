/**
 * What rules say about questions to the user, calls of tools and approvals of MCP tools, each condition by itself; and the
 * conditions that all rules share.
 */
import type * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import type * as Rule from "@effect-codex/policy/Rule"
import { describe, expect, it } from "@effect/vitest"
import {
  allWithin,
  type About,
  type Common,
  compileCommon,
  isWithinSome,
  listOf,
  regexOf
} from "../src/internal/rubric/condition.ts"
import { ordered } from "../src/internal/rubric/ordered.ts"
import { matching, oneOf } from "../src/internal/rubric/toolName.ts"
import { compileMcpTool, compileToolCall, compileToolInput } from "../src/internal/rubric/toolPolicy.ts"

const about = { threadId: "thread", turnId: "turn" } as const
// Longer than a pattern looks at.
const endless = "x".repeat(100_000)

describe("a condition that all rules share", () => {
  const request: About = {
    threadId: "thread",
    turnId: "turn",
    cwd: "/",
    reason: "to deploy it",
    proposesExecpolicy: false
  }
  const holds = (when: Common, sure: boolean, more: Partial<About> = {}) =>
    compileCommon(when, sure)({ ...request, ...more })

  it.each([
    [{}, true, true],
    [{ threadIdRegex: "thread" }, true, true],
    [{ threadIdRegex: "thr" }, false, true],
    [{ threadIdRegex: "other" }, false, false],
    [{ turnIdRegex: "turn" }, true, true],
    [{ turnIdRegex: "other" }, false, false],
    [{ reasonRegex: "to deploy it" }, true, true],
    [{ reasonRegex: "deploy" }, false, true],
    [{ reasonRegex: "test" }, false, false],
    [{ hasProposedExecpolicy: false }, true, true],
    [{ hasProposedExecpolicy: true }, false, false],
    [{ threadIdRegex: "thread", reasonRegex: "other" }, false, false]
  ] as ReadonlyArray<readonly [Common, inAPiece: boolean, boolean]>)(
    "%j, in a rule that accepts: %j",
    (when, whole, is) => {
      expect(holds(when, true)).toBe(is && whole)
      expect(holds(when, false)).toBe(is)
    }
  )

  it("asks for what is there", () => {
    for (const sure of [true, false]) {
      expect(holds({ reasonRegex: ".*" }, sure, { reason: undefined })).toBe(false)
      expect(holds({ turnIdRegex: ".*" }, sure, { turnId: undefined })).toBe(false)
      expect(holds({ hasProposedExecpolicy: false }, sure, { proposesExecpolicy: undefined })).toBe(false)
    }
  })

  it("that can't be read, or whose text is too long, holds for those that decline", () => {
    for (const sure of [true, false]) {
      expect(regexOf("(", sure)?.("x")).toBe(!sure)
      expect(regexOf("y", sure)?.(endless)).toBe(!sure)
      expect(regexOf(undefined, sure)).toBeUndefined()
    }
  })

  it("takes one folder or several", () => {
    expect(listOf("/a")).toEqual(["/a"])
    expect(listOf(["/a", "/b"])).toEqual(["/a", "/b"])
    expect(listOf<string>(undefined)).toBeUndefined()
    expect(isWithinSome("/b/x", ["/a", "/b"])).toBe(true)
    expect(isWithinSome("/c", ["/a", "/b"])).toBe(false)
    expect(allWithin(["/a/x", "/b"], ["/a", "/b"])).toEqual([
      { path: "/a/x", folders: ["/a", "/b"] },
      { path: "/b", folders: ["/a", "/b"] }
    ])
    expect(allWithin(["/a/x", "/c"], ["/a", "/b"])).toBeUndefined()
    expect(allWithin([], [])).toEqual([])
  })
})

describe("rules", () => {
  it("are tried by their priority, then by their place, and have a name", () => {
    const rules = [{ name: "late", priority: 1001 }, {}, { name: "default", priority: 1000 }, { priority: 1 }]
    expect(ordered(rules, "rules").map(({ name }) => name)).toEqual(["rules[3]", "rules[1]", "default", "late"])
    expect(ordered(undefined, "rules")).toEqual([])
  })
})

describe("a name", () => {
  it("is one of several, as it is written or however it may be read", () => {
    const [exact, any] = [oneOf(["Deploy", "b"], true), oneOf(["Deploy", "b"], false)]
    const readings = ["Deploy", "deploy", " deploy", "d\u0435ploy", "", undefined, "b", "c"]
    expect(readings.map((name) => exact?.(name))).toEqual([true, false, false, false, false, false, true, false])
    expect(readings.map((name) => any?.(name))).toEqual([true, true, true, true, true, true, true, false])
    expect([oneOf(undefined, true), oneOf(undefined, false)]).toEqual([undefined, undefined])
    expect(oneOf([], true)?.("x")).toBe(false)
  })

  it("matches a pattern as a whole, or in a piece and in any case", () => {
    const [whole, piece] = [matching("del.*", true), matching("del.*", false)]
    const names = ["delete", "Delete", "undelete", "d\u0435lete", "read", "", undefined, endless]
    expect(names.map((name) => whole?.(name))).toEqual([true, false, false, false, false, false, false, false])
    expect(names.map((name) => piece?.(name))).toEqual([true, true, true, true, false, true, true, true])
    expect([matching(undefined, true), matching(undefined, false)]).toEqual([undefined, undefined])
    expect([matching("(", true)?.("x"), matching("(", false)?.("x")]).toEqual([false, true])
  })

  it("matches a pattern also as it is written", () => {
    // What is most plainly read has no blanks.
    expect(matching("a b", false)?.("a b")).toBe(true)
    expect(matching("a b", false)?.("ab")).toBe(false)
    expect(matching("ab", false)?.("a b")).toBe(true)
  })
})

describe("a rule for questions to the user", () => {
  type Question = PolicyEngine.Params["userInput"]["questions"][number]
  const question = (id: string, more: Partial<Question> = {}): Question => ({
    id,
    header: "",
    question: "?",
    isOther: false,
    isSecret: false,
    options: null,
    ...more
  })
  const labelled = (...labels: ReadonlyArray<string>) => labels.map((label) => ({ label, description: "" }))
  const fallback = { decision: "auto_empty", by: "mode" } as const
  const on = (
    rules: ReadonlyArray<Rule.ToolInputRule> | undefined,
    questions: ReadonlyArray<Question>,
    other: Parameters<typeof compileToolInput>[1] = fallback
  ) => compileToolInput(rules, other)({ ...about, itemId: "i", questions, isBlocking: true })
  const answers = (id: string, ...texts: ReadonlyArray<string>) => ({ answers: { [id]: { answers: texts } } })

  it("decides by the first that matches, in its name, else the mode does", () => {
    const rules: ReadonlyArray<Rule.ToolInputRule> = [
      { name: "env", when: { questionIdRegex: "env" }, decision: answers("env", "x"), reason: "known" },
      { when: { questionIdRegex: "pass" }, decision: "decline" },
      { name: "same", when: { questionIdRegex: "same" } }
    ]
    expect(on(rules, [question("env")])).toEqual({ decision: answers("env", "x"), by: "env", reason: "known" })
    expect(on(rules, [question("a"), question("my_PASS")])).toEqual({
      decision: "decline",
      by: "toolInputRules[1]",
      reason: undefined
    })
    expect(on(rules, [question("same")])).toEqual({ decision: { answers: {} }, by: "same", reason: undefined })
    expect(on(rules, [question("b")])).toEqual({ decision: { answers: {} }, by: "mode", reason: undefined })
    expect(on(undefined, [question("b")], { decision: undefined, by: "mode" })).toBeUndefined()
    expect(on([{ name: "all" }], [question("b")], { decision: undefined, by: "mode" })).toBeUndefined()
  })

  it("holds for no other kind, thread or turn", () => {
    const refusing = (when: Rule.ToolInputRule["when"]) =>
      on([{ name: "rule", decision: "decline", when: when! }], [question("a")])?.by
    expect(refusing({ threadIdRegex: "thread", turnIdRegex: "turn" })).toBe("rule")
    for (const when of [
      { threadIdRegex: "other" },
      { turnIdRegex: "other" },
      { commandRegex: ".*" },
      { cwdWithin: "/" },
      { reasonRegex: ".*" },
      { hasProposedExecpolicy: false }
    ]) {
      expect(refusing(when)).toBe("mode")
    }
  })

  it("answers what is asked, from its options, and nothing else", () => {
    const rule = (decision: Rule.ToolInputDecision, ...questions: ReadonlyArray<Question>) =>
      on([{ name: "rule", decision, reason: "known" }], questions)
    const two = { answers: { a: { answers: ["A"] }, b: { answers: ["B"] } } }
    expect(rule(two, question("a"), question("c"))?.decision).toEqual(answers("a", "A"))
    expect(rule(two, question("toString"))?.decision).toEqual({ answers: {} })
    const closed = question("a", { options: labelled("A", "B") })
    expect(rule(two, closed)?.decision).toEqual(answers("a", "A"))
    expect(rule(answers("a", "A", "B"), closed)?.decision).toEqual(answers("a", "A", "B"))
    for (const wrong of [answers("a", "C"), answers("a", "A", "C")]) {
      expect(rule(wrong, question("x"), closed)).toEqual({
        decision: "decline",
        by: "rule",
        reason: 'the answer to "a" is none of its options'
      })
    }
    expect(rule(answers("a", "C"), { ...closed, isOther: true })?.decision).toEqual(answers("a", "C"))
    expect(rule(answers("a", "C"), { ...closed, options: [] })?.decision).toEqual(answers("a", "C"))
    expect(rule(two, question("z"), question("z"))).toEqual({
      decision: "decline",
      by: "rule",
      reason: "two questions have the same id"
    })
    expect(rule("auto_empty", question("z"), question("z"))?.decision).toEqual({ answers: {} })
    expect(rule(answers("a", "A"), { ...closed, id: "b" })?.decision).toStrictEqual({ answers: {} })
    const known = [{ name: "rule", when: { questionIdRegex: "env" }, decision: answers("environment", "x") }]
    expect(on(known, [question("environment")])?.by).toBe("mode")
  })
})

describe("a rule for calls of tools", () => {
  const on = (
    rules: ReadonlyArray<Rule.ToolCallRule> | undefined,
    tool: string,
    namespace: string | null | undefined = null,
    mode: "accept" | "decline" | "abstain" = "decline"
  ) =>
    compileToolCall(rules, { decision: mode === "abstain" ? undefined : mode, by: "mode" })({
      ...about,
      callId: "c",
      tool,
      arguments: {},
      ...(namespace === undefined ? {} : { namespace })
    } as PolicyEngine.Params["toolCall"])

  it("decides by the first that matches, in its name, else the mode does", () => {
    const rules: ReadonlyArray<Rule.ToolCallRule> = [
      { name: "stock", when: { tool: "stock", namespace: ["shop", "store"] }, decision: "accept", reason: "reads" },
      { when: { tool: ["purge"] }, decision: "decline" },
      { name: "same", when: { tool: "same" } }
    ]
    expect(on(rules, "stock", "store")).toEqual({ decision: "accept", by: "stock", reason: "reads" })
    expect(on(rules, "PURGE", "x")).toEqual({ decision: "decline", by: "toolCallRules[1]", reason: undefined })
    expect(on(rules, "same", null, "accept")).toEqual({ decision: "accept", by: "same", reason: undefined })
    // A rule without a decision of its own accepts where the mode does, so it goes by the name as it is.
    expect(on(rules, "Same", null, "accept")?.by).toBe("mode")
    expect(on(rules, "Same")?.by).toBe("same")
    expect(on(rules, "same", null, "abstain")).toBeUndefined()
    for (const namespace of [null, undefined, "Shop"]) expect(on(rules, "stock", namespace)?.by).toBe("mode")
    expect(on(undefined, "x")).toEqual({ decision: "decline", by: "mode", reason: undefined })
  })

  it("about a namespace does not hold for a tool that has none", () => {
    const rules = [{ name: "rule", when: { namespace: "ops" }, decision: "decline" }] as const
    expect([on(rules, "x", "OPS")?.by, on(rules, "x")?.by, on(rules, "x", undefined)?.by]).toEqual([
      "rule",
      "mode",
      "mode"
    ])
  })

  it("holds for no other kind, thread or turn", () => {
    const refusing = (when: Rule.ToolCallRule["when"]) =>
      on([{ name: "rule", decision: "decline", when: when! }], "x")?.by
    expect(refusing({ threadIdRegex: "thread" })).toBe("rule")
    for (const when of [{ turnIdRegex: "other" }, { commandRegex: ".*" }, { cwdWithin: "/" }]) {
      expect(refusing(when)).toBe("mode")
    }
  })
})

describe("a rule for MCP tools", () => {
  const approval = { codex_approval_kind: "mcp_tool_call", tool_name: "read", persist: ["session"] }
  const on = (
    rules: ReadonlyArray<Rule.McpToolRule> | undefined,
    more: object = {},
    mode: "decline" | "abstain" = "decline"
  ) =>
    compileMcpTool(rules, { decision: mode === "abstain" ? undefined : mode, by: "mode" })({
      ...about,
      serverName: "files",
      mode: "form",
      message: "m",
      _meta: approval,
      requestedSchema: { type: "object", properties: {} },
      ...more
    } as PolicyEngine.Params["elicitation"])
  const claim = 'the server "files" claims to run "read"'

  it("decides by the first that matches, in its name, else the mode does", () => {
    const rules: ReadonlyArray<Rule.McpToolRule> = [
      { name: "mail", when: { server: "mail" }, decision: "accept" },
      { name: "files", when: { server: "files", claimedToolRegex: "re.*" }, decision: "accept", reason: "reads" },
      { when: { claimedToolRegex: "wr" }, decision: "cancel" },
      { name: "same", when: { claimedToolRegex: "same" } }
    ]
    expect(on(rules)).toEqual({
      decision: { action: "accept", content: {}, _meta: null },
      by: "files",
      reason: `reads; ${claim}`
    })
    const write = { _meta: { ...approval, tool_name: "Write" } }
    expect(on(rules, write)).toEqual({
      decision: "cancel",
      by: "mcpToolRules[2]",
      reason: 'the server "files" claims to run "Write"'
    })
    expect(on(rules, { _meta: { ...approval, tool_name: "the SAME" } })?.by).toBe("same")
    expect(on(rules, { _meta: { ...approval, tool_name: "x" } })?.by).toBe("mode")
    expect(on([], {}, "abstain")).toBeUndefined()
    expect(on(undefined)).toEqual({ decision: "decline", by: "mode", reason: claim })
    expect(on(undefined, { _meta: { codex_approval_kind: "mcp_tool_call" } })?.reason).toBe(
      'the server "files" claims to run "a tool"'
    )
    expect(on([{ name: "all", when: { server: "files" } }], {}, "abstain")).toBeUndefined()
  })

  it("accepts by no claim alone", () => {
    for (const decision of ["accept", "acceptForSession", "acceptAlways"] as const) {
      expect(on([{ name: "rule", decision }])?.by).toBe("mode")
      expect(on([{ name: "rule", when: { claimedToolRegex: "read" }, decision }])?.by).toBe("mode")
    }
    for (const decision of ["decline", "cancel"] as const) {
      expect(on([{ name: "rule", when: { claimedToolRegex: "read" }, decision }])?.by).toBe("rule")
    }
  })

  it("accepts no tool whose name is no text", () => {
    const rules: ReadonlyArray<Rule.McpToolRule> = [
      { name: "rule", when: { server: "files", claimedToolRegex: ".*" }, decision: "accept" }
    ]
    for (const tool_name of [7, null, ["read"], { name: "read" }]) {
      expect(on(rules, { _meta: { ...approval, tool_name } })?.by).toBe("mode")
    }
  })

  it("is remembered as far as that is offered", () => {
    const deciding = (decision: Rule.McpToolDecision, persist: unknown) =>
      on([{ name: "rule", when: { server: "files" }, decision }], { _meta: { ...approval, persist } })
    const kept = (scope: string) => ({ action: "accept", content: {}, _meta: { persist: scope } })
    expect(deciding("acceptForSession", ["always", "session"])?.decision).toEqual(kept("session"))
    expect(deciding("acceptAlways", ["always"])?.decision).toEqual(kept("always"))
    const none = { decision: "decline", by: "rule" }
    expect(deciding("acceptForSession", ["always"])).toEqual({
      ...none,
      reason: `it is not offered to remember this for the session; ${claim}`
    })
    for (const persist of [["session"], "always", undefined, []]) {
      expect(deciding("acceptAlways", persist)).toEqual({
        ...none,
        reason: `it is not offered to remember this always; ${claim}`
      })
    }
  })

  it("abstains on what does not claim to be the approval of a tool", () => {
    const rules = [{ when: { server: "files" }, decision: "accept" }] as const
    for (const more of [
      { mode: "url" },
      { _meta: null },
      { _meta: {} },
      { _meta: { ...approval, codex_approval_kind: "other" } },
      { requestedSchema: { type: "object", properties: { a: { type: "string" } } } }
    ]) {
      expect(on(rules, more)).toBeUndefined()
    }
  })

  it("holds for no other kind, thread or turn", () => {
    const refusing = (when: Rule.McpToolRule["when"], more: object = {}) =>
      on([{ name: "rule", decision: "decline", when: when! }], more)?.by
    expect(refusing({ threadIdRegex: "thread", turnIdRegex: "turn" })).toBe("rule")
    expect(refusing({ turnIdRegex: ".*" }, { turnId: null })).toBe("mode")
    for (const when of [{ threadIdRegex: "other" }, { commandRegex: ".*" }, { cwdWithin: "/" }]) {
      expect(refusing(when)).toBe("mode")
    }
  })
})
