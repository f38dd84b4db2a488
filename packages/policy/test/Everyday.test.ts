/**
 * How many harmless lines of a working day the balanced mode declines in a repository like any other.
 */
import type * as Rubric from "@effect-codex/policy/Rubric"
import * as RuleBasedPolicy from "@effect-codex/policy/RuleBasedPolicy"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { readFileSync } from "node:fs"
import { layerNode, makeRepository } from "./repository.ts"
import { wrapped } from "./rulesSupport.ts"

const Line = Schema.fromJsonString(
  Schema.Struct({ command: Schema.String, expect: Schema.Literals(["accept", "decline"]) })
)
const linesOf = (file: string) =>
  readFileSync(new URL(`./fixtures/${file}.jsonl`, import.meta.url), "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => Schema.decodeUnknownSync(Line)(line))

const balanced: Rubric.PolicyRubric = { mode: "balanced" }
const tables = [
  { name: "of a working day", lines: linesOf("everyday-commands"), rubric: balanced, share: 0.08 },
  {
    name: "that commit, with the pack for it",
    lines: linesOf("everyday-commits"),
    rubric: { ...balanced, extends: ["git-commit"] } satisfies Rubric.PolicyRubric,
    share: 0.01
  }
]

const repository = makeRepository()

const forms: ReadonlyArray<readonly [string, (line: string) => string]> = [
  ["bare", (line) => line],
  ["as codex wraps them for bash", (line) => wrapped(line)],
  ["as codex wraps them for zsh", (line) => wrapped(line, "/bin/zsh")]
]

for (const { lines, name, rubric, share } of tables) {
  describe(`of the command lines ${name}`, () => {
    for (const [form, asCommand] of forms) {
      it.live(
        `${form}, the balanced mode accepts none that it should not, and declines fewer of the others than agreed`,
        () =>
          Effect.gen(function* () {
            const { root } = repository
            const explain = yield* RuleBasedPolicy.explainer({ ...rubric, allowedRoots: [root] })
            const fooled: Array<string> = []
            const annoyed: Array<string> = []
            for (const { command, expect } of lines) {
              const line = command.replaceAll("@REPO@", root)
              const { decision, reason } = yield* explain(asCommand(line), root)
              if (decision === "accept" && expect === "decline") fooled.push(line)
              if (decision !== "accept" && expect === "accept") annoyed.push(`${line}: ${reason ?? ""}`)
            }
            if (process.env["SHOW"] !== undefined) console.log(annoyed)
            expect(fooled).toEqual([])
            const harmless = lines.filter(({ expect }) => expect === "accept").length
            expect(annoyed.length / harmless, annoyed.join("\n")).toBeLessThan(share)
          }).pipe(Effect.provide(layerNode))
      )
    }
  })
}
