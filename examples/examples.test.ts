import { readdirSync } from "node:fs"
import * as path from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { runFile } from "../scripts/run-command.ts"

const runner = path.join(import.meta.dirname, "run.ts")

// Output that shows that each example works.
const expected: { readonly [K in string]?: ReadonlyArray<string> } = {
  chat: ["> You said: Are you there?\n> You said: Good.\n>"],
  cluster: ["Its machine is killed.", "All sessions have their answers."],
  durable: ["1 jobStarted", "attemptEnded crashed", "attemptEnded completed", "jobSettled", "There are none."],
  errors: ["Yes.", "that is too much to read"],
  guards: ["may use 1000 tokens and has used 1230", "The turn stalled: it said nothing for 1 s"],
  otlp: [
    "I may not look.",
    "  codex.connect\n    CodexBinary.resolve\n    initialize\n",
    "  nightly report\n    thread/start\n",
    "    invoke_agent codex\n      turn/start\n",
    "      codex.approval command\n",
    "  gen_ai.client.token.usage\n"
  ],
  "language-model": ["Types hold the shape still", "for developers: typed errors", "Seven chairs"],
  "parallel-threads": ["auth is small.", "jobs is small.", "10 threads, 1000 tokens"],
  "policy-composed": [
    "accept by echo + noRemoval /bin/bash -lc 'echo hello'",
    "decline by no push /bin/bash -lc 'git push'",
    "accept by llmJudge + noRemoval /bin/bash -lc date",
    "decline by noRemoval /bin/bash -lc 'rm notes.txt'",
    'Dry run of a command request: {"would":"decline","by":"mode strict"'
  ],
  "policy-judge": ["llmJudge accept It only reads.", "llmJudge decline It deletes files.", "declined"],
  "policy-human": [
    "command decided by echo",
    "Why, as the model claims\n  │ You want to know the time.",
    "It may run outside the sandbox, with your rights",
    "command decided by human",
    'Your answer: {"answers":{"color":{"answers":["Red"]}}}'
  ],
  "policy-rules": [
    "accept by mode balanced /bin/bash -lc 'ls -l | wc -l'",
    "accept by build folder /bin/bash -lc 'mkdir -p build/out && touch build/out/a'",
    "decline by mode balanced /bin/bash -lc 'touch build/../b'",
    "decline by no network /bin/bash -lc 'echo $(curl example.com)' nothing leaves this machine"
  ],
  promises: ["Yes.", "one \ntwo \nthree", "interrupted"],
  "queue-worker": ["job 1: Done.", "job 2: Done.", "job 3: Done."],
  quickstart: ["READY"],
  report: ["billing (Ada): Amounts are floating-point numbers."],
  resume: ["42, noted.\nIt was 42.\n84.", "SessionNotFound 00000000"],
  review: ["turn/completed", "No mistakes found."],
  simulation: ["a prompt reaches the model once", "only git status runs: rm -rf build was accepted"],
  sse: ["event: text\ndata: You said: \n", "data: hello\n", "event: done\n"],
  "steer-and-interrupt": ["Once", "began: assistant", "interrupted: Once upon", "As you like."],
  streaming: ["thread/ready", "item/agentMessage/delta There", "turn/completed"],
  "structured-output": ["change, 80 % sure", "a.ts:3 divides by zero"],
  tools: ["Seven chairs, and no tables."]
}

describe("each example runs offline", () => {
  const names = readdirSync(import.meta.dirname)
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts") && file !== "run.ts")
    .map((file) => path.basename(file, ".ts"))
    .concat("cluster")

  for (const name of names) {
    it.live(name, () =>
      Effect.gen(function* () {
        const { code, stderr, stdout } = yield* runFile(runner, [name, "--offline"], {
          stdin: "Are you there?\nGood.\n"
        })
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
