/** How the parts of a command are decided: by rules in order, by what is left where none matches, and with which conditions. */
import type { Params } from "@effect-codex/core/PolicyEngine"
import type { CommandRule } from "@effect-codex/policy/Rule"
import { describe, expect, it } from "@effect/vitest"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as Effect from "effect/Effect"
import { compile, type Evaluation, type Fallback } from "../src/internal/command/policy.ts"
import { wrapped } from "./rulesSupport.ts"
import { makeTree } from "./tree.ts"

const links = (folder: string, count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`/repo/${folder}/l${index}`, "../a.ts"]))

const root = makeTree(["/repo/a.ts", "/repo/secrets/key", "/repo/src/b.ts", "/repo/.git/HEAD", "/tmp/"], {
  "/repo/linked/key": "../secrets/key",
  "/repo/folders/dir": "../src",
  "/repo/clean/x": "../a.ts",
  ...links("many", 100),
  ...links("more", 101),
  ...links("half", 60),
  ...links("other", 60)
})

const repo = `${root}/repo`

const accept: Fallback = { _tag: "Decide", decision: "accept", by: "mode" }
const decline: Fallback = { _tag: "Decide", decision: "decline", by: "mode" }
const reading = (programs: boolean, git: boolean): Fallback => ({
  _tag: "ReadOnly",
  roots: [repo],
  by: "reads",
  programs,
  git,
  otherwise: { decision: "decline", by: "mode" }
})

const evaluate = (
  rules: ReadonlyArray<CommandRule>,
  fallback: Fallback,
  command: string | null,
  more: Partial<Params["command"]> = {}
) =>
  compile(
    rules,
    [repo],
    fallback
  )({
    threadId: "t",
    turnId: "u",
    itemId: "i",
    startedAtMs: 0,
    cwd: repo,
    command,
    ...more
  }).pipe(Effect.provide(NodeFileSystem.layer))

/** Each part as its decision and who decided. */
const told = ({ decided }: Evaluation) => decided.map(({ by, decision }) => `${String(decision)} by ${by}`).join(", ")

const tells = (
  rules: ReadonlyArray<CommandRule>,
  fallback: Fallback,
  table: ReadonlyArray<readonly [command: string, expected: string]>,
  more: Partial<Params["command"]> = {}
) =>
  Effect.gen(function* () {
    for (const [command, expected] of table) {
      expect([command, told(yield* evaluate(rules, fallback, command, more))]).toEqual([command, expected])
    }
  })

describe("a rule", () => {
  it.effect("without a decision matches as surely as what decides for it", () =>
    Effect.gen(function* () {
      const left: ReadonlyArray<CommandRule> = [{ name: "left", when: { program: "ls" } }]
      yield* tells(left, decline, [
        ["ls", "decline by left"],
        ["run ls", "decline by left"],
        ["cat", "decline by mode"]
      ])
      yield* tells(left, accept, [
        ["ls", "accept by left"],
        ["run ls", "accept by mode"]
      ])
      yield* tells(left, reading(true, true), [
        ["ls", "accept by left"],
        ["ls /etc", "decline by left"]
      ])
    })
  )

  it.effect("that accepts is bounded by the allowed roots, and no other is", () =>
    Effect.gen(function* () {
      const outside = { cwd: `${root}/tmp` }
      yield* tells(
        [{ name: "r", when: { program: "ls" }, decision: "accept" }],
        decline,
        [["ls", "decline by mode"]],
        outside
      )
      yield* tells([{ name: "r", when: { program: "ls" }, decision: "accept" }], decline, [["ls", "accept by r"]])
      yield* tells(
        [{ name: "r", when: { program: "ls" }, decision: "decline" }],
        accept,
        [["ls", "decline by r"]],
        outside
      )
      yield* tells([{ name: "r", when: { program: "ls" } }], accept, [["ls", "accept by r"]], outside)
    })
  )

  it.effect("decides before those behind it, part by part", () =>
    tells(
      [
        { name: "one", when: { program: "ls" }, decision: "accept" },
        { name: "two", when: { program: ["ls", "cat"] }, decision: "decline" },
        { name: "three", when: { program: "rm" }, decision: "cancel" }
      ],
      accept,
      [
        ["ls", "accept by one"],
        ["ls; cat; rm x; echo", "accept by one, decline by two, cancel by three, accept by mode"]
      ]
    )
  )

  it.effect("is about the requests that it names", () =>
    Effect.gen(function* () {
      const rules: ReadonlyArray<CommandRule> = [
        { name: "typing", when: { request: ["writeStdin"], commandRegex: "ls", anywhere: true }, decision: "accept" },
        { name: "plain", when: { program: "ls" }, decision: "accept" }
      ]
      yield* tells(rules, decline, [["ls", "accept by plain"]])
      yield* tells(rules, decline, [["ls", "accept by typing"]], { kind: "writeStdin" })
      yield* tells([{ name: "plain", when: {}, decision: "accept" }], decline, [["ls", "decline by mode"]], {
        kind: "writeStdin"
      })
    })
  )

  it.effect("that declines by a pattern sees the whole command, and the script in it", () =>
    Effect.gen(function* () {
      const whole = (commandRegex: string): ReadonlyArray<CommandRule> => [
        { name: "r", when: { commandRegex }, decision: "decline" }
      ]
      yield* tells(whole("ls; cat"), accept, [["ls; cat", "decline by r, decline by r"]])
      yield* tells(whole("'x' \"y\""), accept, [[wrapped("ls 'x' \"y\""), "decline by r"]])
      yield* tells(whole("bash -lc"), accept, [[wrapped("ls"), "decline by r"]])
      yield* tells(whole("zzz"), accept, [["ls", "accept by mode"]])
      expect(told(yield* evaluate(whole(".*"), accept, null))).toBe("decline by mode")
    })
  )
})

describe("links below a folder that a command goes through", () => {
  const secrets: CommandRule = { name: "secrets", when: { pathsWithin: `${repo}/secrets` }, decision: "decline" }

  it.effect("count as paths of it in rules that decline", () =>
    Effect.gen(function* () {
      yield* tells([secrets], accept, [
        ["grep -R x linked", "decline by secrets"],
        [`grep -R x ${repo}/linked`, "decline by secrets"],
        ["cd linked && grep -R x .", "accept by mode, decline by secrets"],
        ["grep -R x clean", "accept by mode"],
        ["grep -R x src", "accept by mode"],
        ["grep -r x linked", "accept by mode"],
        // What the linked folder holds is not looked at.
        ["grep -R x folders", "decline by secrets"],
        ["grep -R x many", "accept by mode"],
        ["grep -R x more", "decline by secrets"],
        ["grep -R x half", "accept by mode"],
        ["grep -R x half other", "decline by secrets"],
        ["cat a.ts; grep -R x linked", "accept by mode, decline by secrets"]
      ])
    })
  )

  it.effect("are looked for only if they decide", () =>
    Effect.gen(function* () {
      const first: CommandRule = { name: "first", when: { program: "grep", allowedFlags: ["*"] }, decision: "accept" }
      yield* tells([first, secrets], accept, [["grep -R x linked", "accept by first"]])
      yield* tells([secrets, first], accept, [["grep -R x linked", "decline by secrets"]])
      const other: CommandRule = {
        name: "other",
        when: { program: "cat", pathsWithin: `${repo}/secrets` },
        decision: "decline"
      }
      yield* tells([other], accept, [["grep -R x linked", "accept by mode"]])
      const folder: CommandRule = { name: "folder", when: { cwdWithin: `${repo}/secrets` }, decision: "decline" }
      yield* tells([folder], accept, [["grep -R x linked", "accept by mode"]])
    })
  )
})

describe("conditions", () => {
  it.effect("are those of the rule and of what decides for it", () =>
    Effect.gen(function* () {
      const rules: ReadonlyArray<CommandRule> = [{ name: "r", when: { program: "touch", pathsWithin: repo } }]
      const { decided } = yield* evaluate(rules, accept, "touch a")
      expect(decided[0]?.conditions).toContainEqual(expect.objectContaining({ folders: [repo] }))
      expect(decided[0]?.conditions).toContainEqual(expect.objectContaining({ certain: false }))
    })
  )

  it.effect("know which paths other parts may put elsewhere", () =>
    Effect.gen(function* () {
      const unsettledOf = (command: string, more: Partial<Params["command"]> = {}) =>
        Effect.map(evaluate([], accept, command, more), ({ decided }) =>
          decided.map(({ conditions }) => conditions.map(({ unsettled }) => unsettled))
        )
      expect(yield* unsettledOf("touch x")).toEqual([[undefined]])
      expect(yield* unsettledOf("mv a b; touch x")).toEqual([[undefined, undefined], [[`${repo}/a`, `${repo}/b`]]])
      expect(yield* unsettledOf("touch x; mv /a /b")).toEqual([[["/a", "/b"]], [undefined, undefined]])
      expect(yield* unsettledOf("mv a b; touch /x", { cwd: null })).toEqual([[], [["/"]]])
      expect((yield* unsettledOf("mv $X /b; touch x")).at(-1)).toEqual([["/", "/b"]])
      const moves = (count: number) =>
        `${Array.from({ length: count }, (_, at) => `mv /a${at} /b${at}`).join(";")}; touch x`
      expect((yield* unsettledOf(moves(16))).at(-1)?.[0]).toHaveLength(32)
      expect((yield* unsettledOf(moves(17))).at(-1)).toEqual([["/"]])
    })
  )

  it.effect("of a part that reads what another one may change are not enough", () =>
    Effect.gen(function* () {
      const rules: ReadonlyArray<CommandRule> = [{ name: "r", when: { program: "mv" }, decision: "accept" }]
      yield* tells(rules, reading(true, true), [
        ["mv a b; grep -R x src", "accept by r, decline by reads"],
        ["mv a b; cat src/b.ts", "accept by r, accept by reads"],
        ["grep -R x src", "accept by reads"]
      ])
    })
  )
})

describe("a fallback that accepts what only reads", () => {
  it.effect("is about programs, git, or both", () =>
    Effect.gen(function* () {
      yield* tells([], reading(true, false), [
        ["ls", "accept by reads"],
        ["git status", "decline by mode"],
        ["ls; git status", "accept by reads, decline by mode"]
      ])
      yield* tells([], reading(false, true), [
        ["ls", "decline by mode"],
        ["git status", "accept by reads"],
        ["git status | cat", "accept by reads, decline by mode"],
        ["x=1; git status", "decline by mode, decline by mode"]
      ])
      yield* tells([], reading(true, true), [["x=1; git status", "accept by reads, accept by reads"]])
      const { decided } = yield* evaluate([], reading(false, true), "ls")
      expect(decided[0]?.reason).toMatch(/only reads in the allowed roots$/)
      const git = yield* evaluate([], reading(false, true), "git status")
      expect(git.decided[0]?.checks).toMatchObject([{ _tag: "Repository" }])
    })
  )

  it.effect("does not accept a part that does more than its words say", () =>
    tells([], reading(true, true), [
      ["ls > x", "decline by mode"],
      ["PATH=x ls", "decline by mode"],
      ["LD_PRELOAD=x ls", "decline by mode"],
      ["alias ls=rm; ls", "decline by mode, decline by mode, decline by mode"],
      ["ls $X", "decline by mode"],
      ["A=1", "accept by reads"],
      ["", "decline by mode"],
      ["ls < a.ts", "accept by reads"],
      ["ls > /dev/null", "accept by reads"],
      ["x=src; ls $x", "accept by reads, accept by reads"]
    ])
  )

  it.effect("does not accept anything where the folder is not known", () =>
    tells(
      [],
      reading(true, true),
      [
        ["ls", "decline by mode"],
        [`ls ${repo}`, "decline by mode"]
      ],
      { cwd: null }
    )
  )
})

describe("a command that names more than can be checked", () => {
  it.effect("is decided as one that is not known", () =>
    Effect.gen(function* () {
      const tee: ReadonlyArray<CommandRule> = [{ name: "r", when: { program: "tee" }, decision: "decline" }]
      const names = `echo ${"-abcdefghijklmnop ".repeat(50)}`
      const long = `${"a".repeat(62)}:`.repeat(62)
      yield* tells(tee, accept, [
        [names, "accept by mode"],
        [`echo ${long}`, "accept by mode"],
        [`cd a; cd b; cd c; ${names}`, "decline by r"],
        [`echo ${"-abcdefghijklmnop ".repeat(200)}`, "decline by r"],
        [`echo ${long} ${long} ${long}`, "decline by r"]
      ])
    })
  )
})
