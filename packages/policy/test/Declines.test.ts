/**
 * What rules that decline find, and what they leave alone.
 */
import type * as Rubric from "@effect-codex/policy/Rubric"
import * as RuleBasedPolicy from "@effect-codex/policy/RuleBasedPolicy"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import * as path from "node:path"
import { commandRequest, wrapped } from "./rulesSupport.ts"
import { layerRepo } from "./tree.ts"

const declining: Rubric.PolicyRubric = {
  mode: "permissive",
  commandRules: [
    { name: "no deleting", when: { program: "rm" }, decision: "decline" },
    { name: "no network", when: { program: "curl" }, decision: "decline" },
    { name: "no push", when: { program: "git", argsPrefix: ["push"] }, decision: "decline" },
    { name: "no root", when: { program: "sudo" }, decision: "decline" }
  ]
}

const linesOf = (file: string): ReadonlyArray<string> =>
  readFileSync(path.join(import.meta.dirname, "fixtures", file), "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line).command)

const acceptedOf = Effect.fnUntraced(function* (rubric: Rubric.PolicyRubric, lines: ReadonlyArray<string>) {
  const engine = yield* RuleBasedPolicy.make(rubric)
  return yield* Effect.filter(lines, (line) =>
    Effect.map(engine.command(commandRequest(line)), (verdict) => verdict?.decision === "accept")
  )
}, Effect.provide(layerRepo))

const forms: ReadonlyArray<readonly [string, (line: string) => string]> = [
  ["bare", (line) => line],
  ["as codex wraps them", (line) => wrapped(line)]
]

describe("rules that decline programs", () => {
  for (const [form, as] of forms) {
    it.effect(`decline all lines that run one of them, ${form}`, () =>
      Effect.gen(function* () {
        const lines = linesOf("decline-misses.jsonl")
        expect(lines.length).toBe(60)
        expect(yield* acceptedOf(declining, lines.map(as))).toEqual([])
      })
    )

    it.effect(`leave alone 97 of 100 lines that only mention one, or run something else, ${form}`, () =>
      Effect.gen(function* () {
        const lines = linesOf("decline-nothing.jsonl")
        expect(lines.length).toBeGreaterThanOrEqual(150)
        const accepted = new Set(yield* acceptedOf(declining, lines.map(as)))
        const declined = lines.filter((line) => !accepted.has(as(line)))
        if (declined.length > lines.length * 0.03) expect(declined).toEqual([])
      })
    )
  }
})

describe("a command whose name is the output of another one", () => {
  it.effect("is not overlooked in what a program runs", () =>
    Effect.gen(function* () {
      const lines = [
        "sort --compress-program='\"$(printf %s git)\" `echo push`' x",
        "hyperfine '$(echo rm) x'",
        "make SHELL='`echo git`  -C  .  `echo push`  -f'",
        "make SHELL='$(printf %s git) -C . $(echo push)'",
        "make SHELL='$(echo $(echo git)) -C . push'",
        "npm exec -c '`which git` -C . push'",
        "tar xf a --to-command='`echo rm` x'",
        "rg --pre='A=1 $(echo rm)' x",
        "[ -v 'a[$($(echo rm) x)]' ]",
        "npx $(echo rm) x",
        "E=$(echo rm); npx $E x"
      ]
      expect(yield* acceptedOf(declining, lines)).toEqual([])
    })
  )
})

describe("a command whose name is put together from variables", () => {
  it.effect("is not overlooked in what a program runs", () =>
    Effect.gen(function* () {
      const lines = [
        "ssh h 'bash -ec '\\''c=r; c+=m; npx $c x'\\'' a b'",
        "ssh h 'a=r b=m; npx $a$b x'",
        'npx -c "a=pu; b=sh; env git -C . \\${a}\\${b}"',
        "hyperfine 'c=cu; c+=\"rl\"; exec $c x'"
      ]
      expect(yield* acceptedOf(declining, lines)).toEqual([])
    })
  )
})

describe("a script of sed that runs what it reads", () => {
  it.effect("is looked through with its input, and with variables", () =>
    Effect.gen(function* () {
      const lines = [
        "sed e <<< 'rm x'",
        "sed 1e <<E\nrm x\nE\n",
        "x='rm y'; sed e <<< \"$x\"",
        "sed '1e rm x' a",
        "sed 's/.*/rm x/e' a"
      ]
      expect(yield* acceptedOf(declining, lines)).toEqual([])
      const others = ["sed p <<< 'rm x'", "sed 's/a/b/' <<E\nrm x\nE\n"]
      expect(yield* acceptedOf(declining, others)).toEqual(others)
    })
  )
})

describe("what can't be read", () => {
  const conditions = [
    { program: "rm" },
    { args: ["x"] },
    { argsPrefix: ["x"] },
    { flags: ["-x"] },
    { commandRegex: "nothing like it" },
    { pathsWithin: "/etc" },
    { redirectsWithin: "/etc" },
    { assigns: ["PATH"] },
    { cwdWithin: "/etc" }
  ]
  const lines = [
    Array.from({ length: 1_001 }, () => "ls").join(";"),
    `ls # ${"x".repeat(33 * 1024)}`,
    "ls " + "$(ls) ".repeat(101),
    "ls (",
    "if ls",
    "pwsh -c 'ls'",
    "fish -c 'ls'",
    'eval "$X"',
    'bash -c "$X"',
    "bash < x",
    "echo x | sh",
    `ls ${"a ".repeat(5_000)}`,
    "function a ".repeat(2_900)
  ]
  for (const when of conditions) {
    it.effect(`matches a rule that declines by ${JSON.stringify(when)}`, () =>
      Effect.gen(function* () {
        const rubric: Rubric.PolicyRubric = { mode: "permissive", commandRules: [{ when, decision: "decline" }] }
        expect(yield* acceptedOf(rubric, lines)).toEqual([])
      })
    )
  }

  it.effect("is not all that a redirection is matched by: its target is a path as well", () =>
    Effect.gen(function* () {
      const rubric: Rubric.PolicyRubric = {
        mode: "permissive",
        commandRules: [{ when: { pathsWithin: "/repo/src" }, decision: "decline" }]
      }
      const lines = ["echo x > src/a.ts", "cat < src/a.ts", "echo x > build/out.txt", "ls 2>/dev/null"]
      expect(yield* acceptedOf(rubric, lines)).toEqual(lines.slice(2))
    })
  )
})
