/** Why a command is decided as it is, where no rule says so: the reason names what was looked at. */
import type * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import type * as Rubric from "@effect-codex/policy/Rubric"
import * as RuleBasedPolicy from "@effect-codex/policy/RuleBasedPolicy"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { anywhere, commandRequest } from "./rulesSupport.ts"
import { layerRepo } from "./tree.ts"

const decide = Effect.fnUntraced(function* (
  rubric: Rubric.PolicyRubric,
  params: Partial<PolicyEngine.Params["command"]> | string
) {
  const engine = yield* RuleBasedPolicy.make(rubric)
  const verdict = yield* engine.command(commandRequest(params))
  return [verdict?.decision, verdict?.reason?.replaceAll('"', "")]
}, Effect.provide(layerRepo))

const permissive: Rubric.PolicyRubric = { mode: "permissive" }
const balanced: Rubric.PolicyRubric = { mode: "balanced", allowedRoots: ["/repo"] }
const accepting = (when: object): Rubric.PolicyRubric => ({
  mode: "strict",
  commandRules: anywhere([{ when, decision: "accept" }])
})
const declining = (when: object): Rubric.PolicyRubric => ({
  mode: "permissive",
  commandRules: [{ name: "rule", when, decision: "decline", reason: "by the rule" }]
})

const network = { host: "example.com", protocol: "https" } as const

describe("a request that no rule decides", () => {
  it.effect("is declined by a mode that accepts if it is not for a plain command, and says so", () =>
    Effect.gen(function* () {
      for (const [params, about] of [
        [{ command: "ls", networkApprovalContext: network }, "networkApproval"],
        [{ command: "ls", kind: "writeStdin" }, "writeStdin"],
        [{ command: "ls", additionalPermissions: { network: { enabled: true } } }, "additionalPermissions"],
        [
          {
            command: "ls",
            kind: "writeStdin",
            networkApprovalContext: network,
            additionalPermissions: { network: { enabled: true } }
          },
          "writeStdin and networkApproval and additionalPermissions"
        ],
        [{ command: null }, "such a request"],
        [{ command: "ls", kind: "teleport" }, "such a request"]
      ] as const) {
        expect([about, yield* decide(permissive, params)]).toEqual([about, ["decline", `no rule covers ${about}`]])
        expect([about, yield* decide(balanced, params)]).toEqual([
          about,
          ["decline", "only a plain command can be accepted because it only reads"]
        ])
      }
    })
  )

  it.effect("is declined if it may write protected files, also by a name that is not known", () =>
    Effect.gen(function* () {
      for (const command of [
        "echo x > .git/config",
        "cp a .bashrc",
        "tee a .git/hooks/pre-commit",
        "cd src && cp a ../.git/config",
        "touch /repo/.git/config",
        "echo x > ~/.bashrc",
        "git config core.pager x"
      ]) {
        const [decision, reason] = yield* decide(permissive, command)
        expect([command, decision, reason]).toEqual([
          command,
          "decline",
          expect.stringContaining("may write protected files, which decide what runs later")
        ])
      }
      for (const command of ["cp a b", "echo x > $X", "rm $X", "git config --get core.pager", "tar xf a"]) {
        expect([command, yield* decide(permissive, command)]).toEqual([command, ["accept", undefined]])
      }
    })
  )

  it.effect("is declined by the balanced mode with what is not certain about it", () =>
    Effect.gen(function* () {
      for (const [command, reason] of [
        ["rm a", "it is not certain that rm a only reads in the allowed roots: rm a does more than read"],
        [
          "cat /etc/passwd",
          "it is not certain that cat /etc/passwd only reads in the allowed roots: /etc/passwd does not lie in the allowed roots"
        ],
        ["ls; x=a; rm $x", "it is not certain that x=a only reads in the allowed roots: rm a does more than read"]
      ] as const) {
        expect([command, yield* decide(balanced, command)]).toEqual([command, ["decline", reason]])
      }
      expect(yield* decide(balanced, "x=src; ls $x")).toEqual(["accept", undefined])
    })
  )

  it.effect("is declined if another part may change what it reads", () =>
    Effect.gen(function* () {
      const both: Rubric.PolicyRubric = {
        ...balanced,
        commandRules: [{ when: { program: "mv", pathsWithin: "/repo" }, decision: "accept" }]
      }
      expect(yield* decide(both, "mv src/a.ts src/b.ts")).toEqual(["accept", undefined])
      expect(yield* decide(both, "mv src/a.ts src/b.ts && grep -R x src")).toEqual([
        "decline",
        "another part may change what this one reads"
      ])
    })
  )
})

describe("a rule whose decision is left to the mode", () => {
  it.effect("names itself, with its reason or that of the mode", () =>
    Effect.gen(function* () {
      const left = (rubric: Rubric.PolicyRubric, reason?: string): Rubric.PolicyRubric => ({
        ...rubric,
        commandRules: [
          { name: "left", when: { program: ["ls", "rm", "cp"] }, ...(reason === undefined ? {} : { reason }) }
        ]
      })
      expect(yield* decide(left(balanced, "because"), "rm a")).toEqual(["decline", "because"])
      expect(yield* decide(left(balanced), "rm a")).toEqual([
        "decline",
        "it is not certain that rm a only reads in the allowed roots: rm a does more than read"
      ])
      expect(yield* decide(left(permissive), "cp a b")).toEqual(["accept", undefined])
      expect((yield* decide(left(permissive), "cp a .git/config"))[0]).toBe("decline")
    })
  )
})

describe("a command that cannot be taken apart", () => {
  it.effect("is matched by rules that decline, and not by those that accept", () =>
    Effect.gen(function* () {
      const many = (count: number) => `echo ${"-abcdefghijklmnop ".repeat(count)}`
      for (const command of ["ls (", "pwsh x", many(400)]) {
        const short = command.slice(0, 20)
        expect([short, (yield* decide(declining({ program: "tee" }), command))[0]]).toEqual([short, "decline"])
        expect([short, (yield* decide(accepting({}), command))[0]]).toEqual([short, "decline"])
        expect([short, (yield* decide(balanced, command))[0]]).toEqual([short, "decline"])
      }
      const [decision] = yield* decide(declining({ program: "tee" }), many(50))
      expect(decision).toBe("accept")
    })
  )

  it.effect("tells why in its explanation", () =>
    Effect.gen(function* () {
      const why = (command: string) =>
        Effect.map(
          RuleBasedPolicy.explain({ mode: "strict" }, command, { cwd: "/repo" }),
          ({ parts }) => parts[0]?.opaque
        )
      expect(yield* why(`echo ${"-abcdefghijklmnop ".repeat(400)}`)).toBe("it names more paths than can be checked")
      expect(yield* why("# a")).toBe("there is no command in it")
      expect(yield* why("pwsh a")).toBe("pwsh is not Bash")
    }).pipe(Effect.provide(layerRepo))
  )
})

describe("what is typed into a terminal", () => {
  it.effect("is matched as it is, if it is plain text", () =>
    Effect.gen(function* () {
      const typing = accepting({ request: ["writeStdin"], commandRegex: "(?s).*" })
      const type = (command: string) => decide(typing, { kind: "writeStdin", command })
      expect((yield* type("y\n"))[0]).toBe("accept")
      expect((yield* type("ls; rm (\n"))[0]).toBe("accept")
      for (const text of ["\u0003", "\u001b[A", "é", "y\r"])
        expect([text, (yield* type(text))[0]]).toEqual([text, "decline"])
      const plain = accepting({ request: ["writeStdin"], program: "ls" })
      expect((yield* decide(plain, { kind: "writeStdin", command: "ls" }))[0]).toBe("decline")
    })
  )
})
