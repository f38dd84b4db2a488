import * as RubricFromPython from "@effect-codex/policy/RubricFromPython"
import * as SafeRegex from "@effect-codex/policy/SafeRegex"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"

const { fromPython } = RubricFromPython

// The warnings of a rubric, without those that every rubric without a mode has.
const warningsOf = (value: object) =>
  Effect.map(fromPython({ mode: "strict", ...value }), ({ warnings }) =>
    warnings.filter(({ path }) => path !== "mode").map(({ code, path }) => [code, path])
  )

const problemsOf = (value: unknown) =>
  Effect.map(Effect.flip(fromPython(value)), ({ problems }) =>
    problems.map(({ description, path }) => `${path}: ${description}`)
  )

describe("a rubric of the Python SDK", () => {
  it.effect("is taken over, whole", () =>
    Effect.gen(function* () {
      const { rubric } = yield* fromPython({
        system_rubric: "Be careful.",
        mode: "balanced",
        use_llm_judge: true,
        command_rules: [
          {
            name: "tests",
            priority: 5,
            when: { command_regex: "(?i)npm test", cwd_prefix: "/repo", has_proposed_execpolicy: false },
            decision: "accept"
          },
          { when: { reason_regex: "urgent", thread_id_regex: "^t", turn_id_regex: "u$" }, decision: "cancel" },
          { decision: { decision: "decline", reason: "no" } },
          { decision: { acceptWithExecpolicyAmendment: { execpolicy_amendment: ["npm", "test"] } } },
          {
            decision: {
              decision: { applyNetworkPolicyAmendment: { network_policy_amendment: { host: "h", action: "allow" } } }
            }
          }
        ],
        file_change_rules: [{ when: { grant_root_present: true }, decision: "decline" }],
        tool_input_rules: [
          { when: { question_id_regex: "color" }, decision: { answers: { color: { answers: ["Red"] }, size: ["S"] } } },
          { decision: { answers: [{ id: "color", answers: ["Red"] }] } },
          { decision: "auto_empty" }
        ],
        defaults: { command: "decline", tool_input: "auto_empty" },
        audit: { enabled: true, include_params: true }
      })
      expect(rubric).toEqual({
        systemRubric: "Be careful.",
        mode: "balanced",
        useLlmJudge: true,
        commandRules: [
          {
            name: "tests",
            priority: 5,
            when: { commandRegex: "(?i)npm test", cwdWithin: "/repo", hasProposedExecpolicy: false },
            decision: "accept"
          },
          { when: { reasonRegex: "urgent", threadIdRegex: "^t", turnIdRegex: "u(?:\\n?\\z)" }, decision: "cancel" },
          { decision: "decline", reason: "no" },
          { when: { anywhere: true }, decision: { acceptWithExecpolicyAmendment: ["npm", "test"] } },
          {
            when: { anywhere: true },
            decision: { applyNetworkPolicyAmendment: { host: "h", action: "allow" } }
          }
        ],
        fileChangeRules: [{ when: { grantRootPresent: true }, decision: "decline" }],
        toolInputRules: [
          {
            when: { questionIdRegex: "color" },
            decision: { answers: { color: { answers: ["Red"] }, size: { answers: ["S"] } } }
          },
          { decision: { answers: { color: { answers: ["Red"] } } } },
          { decision: "auto_empty" }
        ],
        defaults: { command: "decline", toolInput: "auto_empty" },
        audit: { enabled: true, includeParams: true }
      })
    })
  )

  it.effect("without a mode is permissive, and says so", () =>
    Effect.gen(function* () {
      const { rubric, warnings } = yield* fromPython({})
      expect(rubric).toEqual({ mode: "permissive" })
      expect(warnings).toMatchObject([{ code: "permissive", path: "mode" }])
    })
  )

  it.effect("may be written in camelCase, but not in both", () =>
    Effect.gen(function* () {
      const { rubric } = yield* fromPython({ mode: "strict", commandRules: [{ when: { cwdPrefix: "/repo" } }] })
      expect(rubric.commandRules).toEqual([{ when: { cwdWithin: "/repo" } }])
      expect(yield* problemsOf({ command_rules: [], commandRules: [] })).toEqual([
        "commandRules: it stands there in another spelling, commandRules, too"
      ])
      expect(yield* problemsOf({ command_rules: [{ when: { cwdPrefix: "/a", cwd_prefix: "/b" } }] })).toEqual([
        "commandRules[0].when.cwd_prefix: it stands there in another spelling, cwdPrefix, too"
      ])
    })
  )

  const warned: ReadonlyArray<
    readonly [what: string, rubric: object, warnings: ReadonlyArray<readonly [string, string]>]
  > = [
    ["a field that is not known", { colour: "red" }, [["ignored", "colour"]]],
    ["a rule that is no object", { command_rules: ["rm", { decision: "decline" }] }, [["ignored", "commandRules[0]"]]],
    [
      "a field of a rule that is not known",
      { command_rules: [{ decision: "decline", note: 1 }] },
      [["ignored", "commandRules[0].note"]]
    ],
    [
      "answers that are not text",
      { tool_input_rules: [{ decision: { answers: { q: [1, "a"] } } }] },
      [["ignored", "toolInputRules[0].decision.answers.q"]]
    ],
    [
      "auto_empty for a command",
      { command_rules: [{ decision: "auto_empty" }] },
      [["meansMore", "commandRules[0].decision"]]
    ],
    ["rules beside a judge", { use_llm_judge: true }, [["meansMore", "useLlmJudge"]]],
    ["records, which are kept here", { audit: { enabled: false } }, [["meansMore", "audit"]]],
    [
      "a prefix of a path",
      { command_rules: [{ when: { cwd_prefix: "/repo" }, decision: "decline" }] },
      [["meansMore", "commandRules[0].when.cwdPrefix"]]
    ],
    [
      "a pattern that accepts",
      { command_rules: [{ when: { command_regex: "ls" }, decision: "accept" }] },
      [
        ["regex", "commandRules[0].when.commandRegex"],
        ["meansMore", "commandRules[0]"]
      ]
    ],
    [
      "a rule that accepts commands in any folder",
      { command_rules: [{ decision: "accept" }] },
      [["meansMore", "commandRules[0]"]]
    ],
    [
      "a boundary of words",
      { command_rules: [{ when: { command_regex: "\\brm\\b" }, decision: "decline" }] },
      [["regex", "commandRules[0].when.commandRegex"]]
    ],
    [
      "a condition that its kind has nothing for",
      { file_change_rules: [{ when: { command_regex: "ls" }, decision: "decline" }] },
      [["neverMatches", "fileChangeRules[0].when.commandRegex"]]
    ]
  ]
  for (const [what, rubric, warnings] of warned) {
    it.effect(`warns of ${what}`, () =>
      Effect.gen(function* () {
        expect(yield* warningsOf(rubric)).toEqual(warnings)
      })
    )
  }

  const refused: ReadonlyArray<readonly [what: string, rubric: unknown, problem: string]> = [
    ["what is no object", [], ": a rubric is an object"],
    [
      "a condition that is not known",
      { command_rules: [{ when: { comand_regex: "x" } }] },
      "commandRules[0].when.comandRegex: this condition is unknown"
    ],
    [
      "a condition of another kind",
      { command_rules: [{ when: { question_id_regex: "x" } }] },
      "commandRules[0].when.questionIdRegex: this condition"
    ],
    ["a decision that is not known", { command_rules: [{ decision: "deny" }] }, "commandRules[0].decision"],
    ["a mode that is not known", { mode: "lax" }, "mode: "],
    [
      "look-ahead",
      { command_rules: [{ when: { command_regex: "(?=a)" } }] },
      "commandRules[0].when.commandRegex: (?= has no exact counterpart"
    ],
    ["look-behind", { command_rules: [{ when: { command_regex: "(?<!a)b" } }] }, "(?<! has no exact counterpart"],
    [
      "a back-reference",
      { command_rules: [{ when: { command_regex: "(a)\\1" } }] },
      "the back-reference \\1 has no exact counterpart"
    ],
    [
      "a named back-reference",
      { command_rules: [{ when: { command_regex: "(?P<n>a)(?P=n)" } }] },
      "(?P= has no exact counterpart"
    ],
    [
      "a possessive quantifier",
      { command_rules: [{ when: { command_regex: "a++" } }] },
      "the possessive ++ has no exact counterpart"
    ],
    ["an atomic group", { command_rules: [{ when: { command_regex: "(?>a)" } }] }, "(?> has no exact counterpart"],
    [
      "a conditional",
      { command_rules: [{ when: { command_regex: "(a)?(?(1)b|c)" } }] },
      "(?( has no exact counterpart"
    ],
    [
      "verbose patterns",
      { command_rules: [{ when: { command_regex: "(?x) a" } }] },
      "the flag in (?x) has no exact counterpart"
    ],
    [
      "text after the end",
      { command_rules: [{ when: { command_regex: "a$b" } }] },
      "$ before the end has no exact counterpart"
    ],
    [
      "a boundary of what may be any letter",
      { command_rules: [{ when: { command_regex: "\\b\\w+" } }] },
      "\\b without a plain letter next to it"
    ],
    [
      "a bracket that is not closed",
      { command_rules: [{ when: { command_regex: "(a" } }] },
      "a bracket that is not closed"
    ]
  ]
  for (const [what, rubric, problem] of refused) {
    it.effect(`refuses ${what}`, () =>
      Effect.gen(function* () {
        expect((yield* problemsOf(rubric)).join("\n")).toContain(problem)
      })
    )
  }
})

describe("a regular expression of Python", () => {
  // What re.search of Python 3.11 says of these.
  const cases: ReadonlyArray<
    readonly [pattern: string, matching: ReadonlyArray<string>, others: ReadonlyArray<string>]
  > = [
    ["^rm\\b", ["rm", "rm -rf", "rm\n"], ["xrm", "rmx", "", "\nrm"]],
    ["rm$", ["rm", "xrm", "rm\n"], ["rm\n\n", "rmx"]],
    ["\\Arm\\Z", ["rm"], ["rm\n", "xrm"]],
    ["(?m)^rm$", ["rm", "a\nrm\nb"], ["a rm"]],
    ["(?P<flag>-[rf]+)", ["rm -rf"], ["rm"]],
    ["(?i)SUDO", ["sudo", "Sudo"], ["su do"]],
    ["a.b", ["axb", "aéb"], ["a\nb"]],
    ["(?s)a.b", ["a\nb"], ["ab"]],
    ["[\\s\\S]b", ["\nb", "ab"], ["b"]],
    ["^\\w+$", ["ab_1", "é", "\u0663", "a\n"], ["a-b", ""]],
    ["(?a)^\\w+$", ["ab"], ["é"]],
    ["^\\d$", ["1", "\u0663"], ["a", "½"]],
    ["a\\sb", ["a b", "a\tb", "a\u00a0b", "a\x1cb"], ["ab", "a\u200bb"]],
    ["^a{,2}$", ["", "a", "aa"], ["aaa", "a{,2}"]],
    ["^a{x}$", ["a{x}"], ["a"]],
    ["^[]a]$", ["]", "a"], ["b"]],
    ["^[^\\]a-]$", ["b"], ["]", "a", "-"]],
    ["^\\x41\\u00e9$", ["Aé"], ["A"]],
    ["^[[:alpha:]]$", [":]", "[]"], ["x"]],
    ["a(?#a comment)b", ["ab"], ["a"]],
    ["^(?:ls|cat) ", ["ls x", "cat x"], ["lsx", "xls "]]
  ]
  for (const [pattern, matching, others] of cases) {
    it.effect(`means the same here: ${pattern}`, () =>
      Effect.gen(function* () {
        const { rubric } = yield* fromPython({
          mode: "strict",
          command_rules: [{ when: { reason_regex: pattern }, decision: "decline" }]
        })
        const regex = SafeRegex.compile(rubric.commandRules?.[0]?.when?.reasonRegex ?? "")
        const matches = (text: string) => Result.getOrThrow(regex).matchesSome(text)
        expect(matching.filter((text) => matches(text) !== true)).toEqual([])
        expect(others.filter((text) => matches(text) !== false)).toEqual([])
      })
    )
  }
})
