import type * as Rubric from "@effect-codex/policy/Rubric"
import type { CommandCondition } from "@effect-codex/policy/Rule"
import * as RuleBasedPolicy from "@effect-codex/policy/RuleBasedPolicy"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { balanced, lines, permissive, strict } from "./corpus.ts"
import { commandRequest } from "./rulesSupport.ts"
import { layerRepo } from "./tree.ts"

const rubrics = { strict, balanced, permissive }
const Name = Schema.Literals(["strict", "balanced", "permissive"])
const Line = Schema.Literals(lines.map(([, line]) => line))
// Harmless ones, so that a good part of what is put together of them is accepted.
const Simple = Schema.Literals([
  "ls",
  "ls -l src",
  "cat src/a.ts",
  "echo hello",
  "git status",
  "git diff --stat",
  "true",
  "wc -c package.json",
  "rm x",
  "curl example.com",
  "cat /etc/passwd"
])

const decide = (rubric: Rubric.PolicyRubric, command: string) =>
  Effect.gen(function* () {
    const engine = yield* RuleBasedPolicy.make(rubric)
    return (yield* engine.command(commandRequest(command)))?.decision
  }).pipe(Effect.provide(layerRepo))

const accepts = (decision: unknown) => decision !== undefined && decision !== "decline" && decision !== "cancel"

const withRules = (
  rubric: Rubric.PolicyRubric,
  ...added: NonNullable<Rubric.PolicyRubric["commandRules"]>
): Rubric.PolicyRubric => ({ ...rubric, commandRules: [...(rubric.commandRules ?? []), ...added] })

const Refusal = Schema.Struct({
  program: Schema.optionalKey(Schema.Literals(["rm", "git", "ls", "curl", "echo"])),
  commandRegex: Schema.optionalKey(Schema.Literals(["src", "-l", "^git", "passwd"]))
})

describe("whatever the command", () => {
  it.effect.prop(
    "a rule that declines never turns a refusal into an accept",
    { name: Name, line: Line, when: Refusal, priority: Schema.Literals([-1, 1, 1000, 5000]) },
    ({ line, name, priority, when }) =>
      Effect.gen(function* () {
        const condition: CommandCondition = when
        const before = yield* decide(rubrics[name], line)
        const after = yield* decide(withRules(rubrics[name], { when: condition, priority, decision: "decline" }), line)
        if (accepts(after)) expect(accepts(before)).toBe(true)
      }),
    { arbitrary: { runs: 150 } }
  )

  it.effect.prop(
    "a list or pipeline is accepted only if each of its members is",
    {
      name: Name,
      first: Simple,
      second: Simple,
      between: Schema.Literals([" | ", " && ", " || ", "; ", "\n", " |& "])
    },
    ({ between, first, name, second }) =>
      Effect.gen(function* () {
        if (accepts(yield* decide(rubrics[name], `${first}${between}${second}`))) {
          expect(accepts(yield* decide(rubrics[name], first))).toBe(true)
          expect(accepts(yield* decide(rubrics[name], second))).toBe(true)
        }
      }),
    { arbitrary: { runs: 150 } }
  )

  it.effect.prop(
    "the names of the rules change nothing but who is told to have decided",
    { name: Name, line: Line },
    ({ line, name }) =>
      Effect.gen(function* () {
        const rubric = rubrics[name]
        const renamed = {
          ...rubric,
          commandRules: (rubric.commandRules ?? []).map((rule, index) => ({ ...rule, name: `rule ${index}` }))
        }
        expect(yield* decide(renamed, line)).toEqual(yield* decide(rubric, line))
      }),
    { arbitrary: { runs: 150 } }
  )

  it.effect.prop(
    "the same question has the same answer, and comments and blanks around a command do not matter",
    { name: Name, line: Simple },
    ({ line, name }) =>
      Effect.gen(function* () {
        const decision = yield* decide(rubrics[name], line)
        expect(yield* decide(rubrics[name], line)).toEqual(decision)
        expect(accepts(yield* decide(rubrics[name], `  ${line}  `))).toBe(accepts(decision))
        expect(accepts(yield* decide(rubrics[name], `${line} # and more`))).toBe(accepts(decision))
      }),
    { arbitrary: { runs: 60 } }
  )

  it.effect.prop(
    "nothing that is put in front of it or behind it makes a refused command accepted",
    { name: Name, line: Line, other: Simple, between: Schema.Literals([" && ", "; ", " | ", "\n"]) },
    ({ between, line, name, other }) =>
      Effect.gen(function* () {
        // Nothing is no command, and text behind an open quote or a heredoc is another one.
        if (line.trim() === "" || /['"\\`<]|#|\$\(/.test(line)) return
        if (accepts(yield* decide(rubrics[name], line))) return
        expect(accepts(yield* decide(rubrics[name], `${other}${between}${line}`))).toBe(false)
      }),
    { arbitrary: { runs: 200 } }
  )
})
