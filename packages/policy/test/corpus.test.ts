import type * as Rubric from "@effect-codex/policy/Rubric"
import * as RuleBasedPolicy from "@effect-codex/policy/RuleBasedPolicy"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { balanced, cwd, lines, permissive, strict } from "./corpus.ts"
import { wrapped } from "./rulesSupport.ts"
import { layerRepo } from "./tree.ts"

// The commands that an engine accepts, and the lines that it should not have or should have accepted.
const judge = Effect.fnUntraced(function* (
  letter: string,
  rubric: Rubric.PolicyRubric,
  asCommand: (line: string) => string
) {
  const engine = yield* RuleBasedPolicy.make(rubric)
  const accepted: Array<string> = []
  const fooled: Array<string> = []
  const annoyed: Array<string> = []
  for (const [right, line] of lines) {
    const verdict = yield* engine.command({
      kind: "command",
      params: { threadId: "t", turnId: "u", itemId: "i", startedAtMs: 0, command: asCommand(line), cwd },
      threadId: "t",
      turnId: "u",
      item: undefined,
      availableDecisions: undefined
    })
    const accepts = verdict?.decision === "accept"
    if (accepts) accepted.push(line)
    if (accepts && !right.includes(letter)) fooled.push(line)
    if (!accepts && right.includes(letter)) annoyed.push(line)
  }
  return { accepted, annoyed, fooled }
}, Effect.provide(layerRepo))

// The last is how many lines the shell is known to read in a way of its own, so that the balanced mode declines them.
const forms: ReadonlyArray<readonly [string, (line: string) => string, number]> = [
  ["bare", (line) => line, 0],
  ["as codex wraps them for bash", (line) => wrapped(line), 0],
  ["as codex wraps them for sh", (line) => wrapped(line, "/bin/sh", "-c"), 2]
]

describe("of the command lines of the corpus", () => {
  for (const [form, asCommand, own] of forms) {
    for (const [letter, name, rubric, accepted, annoyed] of [
      ["s", "strict", strict, 63, 20],
      ["b", "balanced", balanced, 56 - own, 10 + own],
      ["p", "permissive", permissive, 234, 8]
    ] as const) {
      it.effect(`${form}, a ${name} rubric accepts none that it should not, and all but ${annoyed} that it may`, () =>
        Effect.gen(function* () {
          const found = yield* judge(letter, rubric, asCommand)
          expect(found.fooled).toEqual([])
          expect(found.accepted.length).toBe(accepted)
          expect(found.annoyed.length).toBe(annoyed)
        })
      )
    }
  }

  it("there are more than 300", () => {
    expect(lines.length).toBeGreaterThan(300)
    expect(new Set(lines.map(([, line]) => line)).size).toBe(lines.length)
  })
})
