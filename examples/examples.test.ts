import { readdirSync } from "node:fs"
import * as path from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { runFile } from "../scripts/run-command.ts"

const runner = path.join(import.meta.dirname, "run.ts")

// What a newcomer would look for in each example's output.
const expected: { readonly [K in string]?: ReadonlyArray<string> } = {
  "policy-composed": [
    "accept by echo + noRemoval /bin/bash -lc 'echo hello'",
    "decline by no push /bin/bash -lc 'git push'",
    "accept by llmJudge + noRemoval /bin/bash -lc date",
    "decline by noRemoval /bin/bash -lc 'rm notes.txt'",
    'Dry run of a command request: {"would":"decline","by":"mode strict"'
  ],
  "policy-judge": ["llmJudge accept It only reads.", "llmJudge decline It deletes files.", "declined"],
  quickstart: ["READY"],
  streaming: ["thread/ready", "item/agentMessage/delta There", "turn/completed"]
}

describe("each example runs offline", () => {
  const names = readdirSync(import.meta.dirname)
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts") && file !== "run.ts")
    .map((file) => path.basename(file, ".ts"))

  for (const name of names) {
    it.live(name, () =>
      Effect.gen(function* () {
        const { code, stderr, stdout } = yield* runFile(runner, [name, "--offline"])
        expect(stderr).toBe("")
        expect(code).toBe(0)
        for (const text of expected[name] ?? [`no expectation for ${name}`]) expect(stdout).toContain(text)
      })
    )
  }

  it.live("and one that is not there is refused with the names of those that are", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* runFile(runner, ["quickstrat", "--offline"])
      expect(code).not.toBe(0)
      expect(stdout + stderr).toContain("quickstart")
    })
  )
})
