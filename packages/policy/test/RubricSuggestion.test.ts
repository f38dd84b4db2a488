import type * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as Rubric from "@effect-codex/policy/Rubric"
import * as RubricSuggestion from "@effect-codex/policy/RubricSuggestion"
import * as RuleBasedPolicy from "@effect-codex/policy/RuleBasedPolicy"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as References from "effect/References"
import * as Schema from "effect/Schema"
import { commandRequest, wrapped } from "./rulesSupport.ts"
import { layerRepo } from "./tree.ts"

type Verdict = RubricSuggestion.Decided["verdict"]

const about = { threadId: "thread", turnId: "turn" } as const

const command = (
  params: Parameters<typeof commandRequest>[0],
  verdict: Verdict,
  more: Partial<RubricSuggestion.Decided> = {}
): RubricSuggestion.Decided => ({ request: commandRequest(params), verdict, ...more })

const change = (
  paths: ReadonlyArray<string>,
  verdict: Verdict,
  type: "add" | "update" | "delete" = "add"
): RubricSuggestion.Decided => ({
  request: {
    ...about,
    kind: "fileChange",
    params: { ...about, itemId: "f", startedAtMs: 0 },
    item: {
      type: "fileChange",
      id: "f",
      status: "inProgress",
      changes: paths.map((path) => ({
        path,
        diff: "",
        kind: type === "update" ? { type, move_path: null } : { type }
      }))
    },
    availableDecisions: undefined
  },
  verdict
})

const call = (tool: string, namespace: string | null, verdict: Verdict): RubricSuggestion.Decided => ({
  request: {
    ...about,
    kind: "toolCall",
    params: { ...about, callId: "c", tool, namespace, arguments: {} },
    item: undefined,
    availableDecisions: undefined
  },
  verdict
})

const mcp = (server: string, tool: string, verdict: Verdict): RubricSuggestion.Decided => ({
  request: {
    ...about,
    kind: "elicitation",
    params: {
      ...about,
      serverName: server,
      mode: "form",
      message: "May it run?",
      requestedSchema: { type: "object", properties: {} },
      _meta: { codex_approval_kind: "mcp_tool_call", tool_name: tool }
    },
    item: undefined,
    availableDecisions: undefined
  },
  verdict
})

const suggest = (...decisions: ReadonlyArray<RubricSuggestion.Decided>) => RubricSuggestion.suggest(decisions)

const engineOf = (rubric: Rubric.PolicyRubric) =>
  Effect.provideService(RuleBasedPolicy.make(rubric, { unmatched: "abstain" }), References.MinimumLogLevel, "Error")

const ask = <K extends PolicyEngine.Kind>(engine: PolicyEngine.Engine, request: PolicyEngine.Request<K>) =>
  engine[request.kind](request)

const verdictOf = (engine: PolicyEngine.Engine, decided: RubricSuggestion.Decided) =>
  Effect.map(ask(engine, decided.request), (verdict) => {
    if (verdict === undefined) return undefined
    const { decision } = verdict
    const word = typeof decision === "object" && "action" in decision ? decision.action : decision
    return word === "accept" ? "accepted" : "refused"
  })

const subjectsOf = ({ rules }: RubricSuggestion.Suggestion<RubricSuggestion.Decided>) =>
  rules.map(({ decision, lines }) => [decision, ...lines.map(({ subject }) => subject)])

describe("a suggested rubric", () => {
  it.effect("has a rule for exactly each accepted command, seen through the shell around it", () =>
    Effect.gen(function* () {
      const { left, rubric, rules } = yield* suggest(
        command(wrapped("npm test"), "accepted"),
        command({ command: "npm test", cwd: "/repo/build" }, "accepted"),
        command({ command: "npm run build 2>&1", cwd: "/repo/build" }, "accepted")
      )
      expect(rubric).toEqual({
        mode: "strict",
        allowedRoots: ["/repo"],
        commandRules: [
          { name: "npm test", when: { program: "npm", args: ["test"] }, decision: "accept" },
          {
            name: "npm run build",
            when: { program: "npm", args: ["run", "build"], cwdWithin: ["/repo/build"] },
            decision: "accept"
          }
        ]
      })
      expect(rules[0]?.path).toBe("commandRules[0]")
      expect(rules[0]?.lines).toMatchObject([{ subject: "npm test", isPart: false, decisions: [{}, {}] }])
      expect(left).toEqual([])
    }).pipe(Effect.provide(layerRepo))
  )

  it.effect("joins commands that differ in paths and flags alone, and says what else that lets in", () =>
    Effect.gen(function* () {
      const { rubric, rules } = yield* suggest(
        command("mkdir -p build/a", "accepted"),
        command("mkdir build/b/c", "accepted"),
        command("touch a", "accepted"),
        command("touch b", "accepted"),
        command("git checkout a", "accepted"),
        command("git checkout b", "accepted"),
        command("grep one src/a.ts", "accepted"),
        command("grep two src/a.ts", "accepted")
      )
      expect(rubric.commandRules?.map(({ when }) => when)).toEqual([
        { program: "mkdir", allowedFlags: ["-p"], pathsWithin: ["/repo/build"] },
        { program: "touch", pathsWithin: ["/repo"] },
        { program: "git", args: ["checkout", "a"] },
        { program: "git", args: ["checkout", "b"] },
        { program: "grep", args: ["one", "src/a.ts"] },
        { program: "grep", args: ["two", "src/a.ts"] }
      ])
      expect(rules[0]?.alsoMatches).toEqual([
        "any other path operands within /repo/build",
        "the flags -p in any combination",
        "the same in folders below /repo"
      ])
    }).pipe(Effect.provide(layerRepo))
  )

  it.effect("is never wider than a program with its subcommand", () =>
    Effect.gen(function* () {
      const { rubric } = yield* suggest(
        command("git add src/a.ts", "accepted"),
        command("git add src/a.test.ts", "accepted"),
        command("git push origin main", "refused"),
        command("git push --force", "refused", { reason: "" }),
        command("rm a", "refused"),
        command("rm b", "refused"),
        command("deploy a", "refused"),
        command("deploy b", "refused")
      )
      expect(rubric.commandRules?.map(({ decision, when }) => [decision, when?.argsPrefix, when?.args])).toEqual([
        ["decline", ["push"], undefined],
        ["decline", undefined, undefined],
        ["decline", undefined, ["a"]],
        ["decline", undefined, ["b"]],
        ["accept", ["add"], undefined]
      ])
    }).pipe(Effect.provide(layerRepo))
  )

  it.effect("narrows a rule that would accept what was refused, or that would refuse what was accepted", () =>
    Effect.gen(function* () {
      const { left, rubric } = yield* suggest(
        command("rm build/a", "accepted"),
        command("rm build/b", "accepted"),
        command("rm build/keep", "refused"),
        command("git push --force", "refused"),
        command("git push origin", "refused"),
        command("git push --dry-run", "accepted")
      )
      expect(rubric.commandRules?.map(({ decision, when }) => [decision, when?.program, when?.args])).toEqual([
        ["decline", "rm", ["build/keep"]],
        ["decline", "git", ["push", "--force"]],
        ["decline", "git", ["push", "origin"]],
        ["accept", "rm", ["build/a"]],
        ["accept", "rm", ["build/b"]],
        ["accept", "git", ["push", "--dry-run"]]
      ])
      expect(left).toEqual([])
    }).pipe(Effect.provide(layerRepo))
  )

  it.effect("leaves out a rule if two accepted commands together were refused", () =>
    Effect.gen(function* () {
      const refused = command("touch a && touch x/b", "refused")
      const { left, rubric } = yield* suggest(command("touch a", "accepted"), command("touch x/b", "accepted"), refused)
      expect(rubric.commandRules).toHaveLength(1)
      expect(yield* verdictOf(yield* engineOf(rubric), refused)).not.toBe("accepted")
      expect(left.map(({ reason }) => reason)).toContain("it is not certain which part was refused")
    }).pipe(Effect.provide(layerRepo))
  )

  it.effect("blames the part of a longer command that was accepted nowhere", () =>
    Effect.gen(function* () {
      const { rubric, rules } = yield* suggest(
        command("npm test", "accepted"),
        command("npm test && npm publish", "refused", { reason: "people publish" })
      )
      expect(rubric.commandRules?.[0]).toEqual({
        name: "no npm publish",
        when: { program: "npm", args: ["publish"] },
        decision: "decline",
        reason: "people publish"
      })
      expect(rules[0]?.lines[0]?.isPart).toBe(true)
    }).pipe(Effect.provide(layerRepo))
  )

  it.effect("keeps to the files of redirections, to the host that is reached, and to the folder behind cd", () =>
    Effect.gen(function* () {
      const networkApprovalContext = { host: "registry.npmjs.org", protocol: "https" } as const
      const { left, rubric, rules } = yield* suggest(
        command("echo hi > build/log", "accepted"),
        command({ command: "npm ci", networkApprovalContext }, "accepted"),
        command("cd build && npm test", "accepted")
      )
      expect(rubric.commandRules?.map(({ when }) => when)).toEqual([
        { program: "echo", args: ["hi"], redirectsWithin: ["/repo/build/log"] },
        { program: "npm", args: ["ci"], request: ["networkApproval"], networkHost: "registry.npmjs.org" },
        { program: "cd", args: ["build"] },
        { program: "npm", args: ["test"], cwdWithin: ["/repo/build"] }
      ])
      expect(rules.map(({ lines }) => lines[0]?.subject)).toEqual([
        "echo hi, with the file /repo/build/log",
        "npm ci, to reach registry.npmjs.org",
        "cd build",
        "npm test"
      ])
      expect(left).toEqual([])
    }).pipe(Effect.provide(layerRepo))
  )

  it.effect("leaves to a person what contradicts itself, and what no rule can say", () =>
    Effect.gen(function* () {
      const decisions: ReadonlyArray<readonly [RubricSuggestion.Decided, string]> = [
        [command("make", "accepted"), "it was accepted and refused"],
        [command("make", "refused"), "it was accepted and refused"],
        [command("X=1 npm test", "accepted"), "it sets variables, and a rule cannot tell their values apart"],
        [command("rm $HOME", "accepted"), '"$HOME" is only known at run time'],
        [command("if", "accepted"), "it is no complete command"],
        [command({ command: "npm i", cwd: null }, "accepted"), "the folder that it runs in is not known"],
        [command({ command: "ls", kind: "writeStdin" }, "accepted"), "it types into a terminal"],
        [command({ command: "ls", kind: "humanCommand" }, "accepted"), "a person has to decide on it"],
        [
          command({ command: "ls", additionalPermissions: { network: { enabled: true } } }, "accepted"),
          "it asks for more permissions"
        ],
        [command("sudo npm test", "accepted"), "sudo runs what it is given"],
        [command("cat src/a.ts | python3", "accepted"), "python3 runs what it is given"],
        [
          command("echo x > .git/config", "accepted"),
          "no rule says it alone, or without contradicting another decision"
        ]
      ]
      const { left, rubric } = yield* suggest(...decisions.map(([decision]) => decision))
      expect(rubric).toEqual({ mode: "strict" })
      const reasons = new Map(left.map(({ decision, reason }) => [decision, reason]))
      for (const [decision, reason] of decisions) {
        const found = reasons.get(decision)
        // What the parser says is its own.
        if (decision.request.kind === "command" && decision.request.params.command === "if") expect(found).toBeDefined()
        else expect([decision.request.params, found]).toEqual([decision.request.params, reason])
      }
    }).pipe(Effect.provide(layerRepo))
  )

  it.effect("is limited by decisions that it must not learn from", () =>
    Effect.gen(function* () {
      const { left, rubric } = yield* suggest(
        command("touch build/a", "accepted"),
        command("touch build/b", "accepted"),
        command("touch build/secret", "refused", { isEvidence: false })
      )
      expect(rubric.commandRules?.map(({ when }) => when?.args)).toEqual([["build/a"], ["build/b"]])
      expect(left).toEqual([])
    }).pipe(Effect.provide(layerRepo))
  )

  it.effect("has rules for files, folders of them, and tools", () =>
    Effect.gen(function* () {
      const { left, rubric } = yield* suggest(
        change(["/repo/src/a.ts", "/repo/src/b.ts"], "accepted"),
        change(["/repo/package.json"], "accepted", "update"),
        change(["/repo/.github/ci.yml"], "accepted"),
        change(["/etc/passwd"], "refused", "delete"),
        call("weather", null, "accepted"),
        call("mail", "office", "refused"),
        mcp("docs", "search (all)", "accepted")
      )
      expect(rubric.fileChangeRules?.map(({ decision, when }) => [decision, when])).toEqual([
        ["decline", { pathsWithin: ["/etc/passwd"] }],
        ["accept", { pathsWithin: ["/repo/package.json"], changes: ["update"] }],
        ["accept", { pathsWithin: ["/repo/src"], changes: ["add"] }]
      ])
      expect(rubric.toolCallRules?.map(({ decision, when }) => [decision, when])).toEqual(
        [
          ["accept", { tool: "weather" }],
          ["decline", { tool: "mail", namespace: "office" }]
        ].toSorted((a, b) => String(b[0]).localeCompare(String(a[0])))
      )
      expect(rubric.mcpToolRules?.[0]?.when).toEqual({ server: "docs", claimedToolRegex: "^search \\(all\\)$" })
      // What runs later is for a person.
      expect(left.map(({ decision }) => decision.request.item)).toMatchObject([
        { changes: [{ path: "/repo/.github/ci.yml" }] }
      ])
    }).pipe(Effect.provide(layerRepo))
  )

  const Word = Schema.Literals([
    "src",
    "src/a.ts",
    "build/out.txt",
    "build",
    "x",
    "-p",
    "-f",
    "push",
    "add",
    "/etc/passwd"
  ])
  const Simple = Schema.Struct({
    program: Schema.Literals(["git", "rm", "mkdir", "cat", "npm", "cp", "deploy", "touch", "sudo", "X=1 npm"]),
    args: Schema.Array(Word).check(Schema.isMaxLength(3)),
    redirect: Schema.Literals(["", "", "", " > x", " 2>&1"])
  })
  const Command = Schema.Struct({
    parts: Schema.NonEmptyArray(Simple).check(Schema.isMaxLength(3)),
    operator: Schema.Literals([" && ", " | ", "; "]),
    cwd: Schema.Literals(["/repo", "/repo", "/repo/build", "/repo-evil"])
  })
  const Path = Schema.Literals([
    "/repo/src/a.ts",
    "/repo/src/b.ts",
    "/repo/x",
    "/repo/link/y",
    "/repo/.git/config",
    "/x"
  ])
  const Request = Schema.Union([
    Command,
    Command,
    Command,
    Schema.Struct({ paths: Schema.NonEmptyArray(Path).check(Schema.isMaxLength(2)) }),
    Schema.Struct({ tool: Schema.Literals(["a", "b"]), namespace: Schema.NullOr(Schema.Literals(["n"])) })
  ])
  const AnyVerdict = Schema.Literals(["accepted", "refused"])

  const lineOf = ({ args, program, redirect }: typeof Simple.Type) => `${[program, ...args].join(" ")}${redirect}`
  const decidedOf = (request: typeof Request.Type, verdict: Verdict): RubricSuggestion.Decided => {
    if ("paths" in request) return change(request.paths, verdict)
    if ("tool" in request) return call(request.tool, request.namespace, verdict)
    return command({ command: request.parts.map(lineOf).join(request.operator), cwd: request.cwd }, verdict)
  }

  it.effect.prop(
    "accepts nothing that was refused, refuses nothing that was accepted, and accepts only what stands on a line",
    {
      recorded: Schema.Array(Schema.Struct({ request: Request, verdict: AnyVerdict })).check(Schema.isMaxLength(14)),
      others: Schema.Array(Command).check(Schema.isMaxLength(20))
    },
    ({ others, recorded }) =>
      Effect.gen(function* () {
        const decisions = recorded.map(({ request, verdict }) => decidedOf(request, verdict))
        const suggestion = yield* RubricSuggestion.suggest(decisions)
        const { left, rubric, rules } = suggestion
        yield* Rubric.decode(rubric)
        const engine = yield* engineOf(rubric)
        const same = new Set<RubricSuggestion.Decided>()
        for (const decision of decisions) {
          const verdict = yield* verdictOf(engine, decision)
          if (verdict === decision.verdict) same.add(decision)
          // A link may have been put where it was accepted.
          else if (decision.verdict === "refused") expect(verdict).toBeUndefined()
        }
        expect(left.filter(({ decision }) => same.has(decision))).toEqual([])

        // Each rule stands on lines that were decided as it decides, and is needed.
        for (const { decision, lines } of rules) {
          const verdict = decision === "accept" ? "accepted" : "refused"
          expect(lines.length).toBeGreaterThan(0)
          for (const { decisions } of lines) for (const one of decisions) expect(one.verdict).toBe(verdict)
        }
        expect(rules.length).toBeLessThanOrEqual(
          new Set(subjectsOf(suggestion).flatMap((subjects) => subjects.slice(1))).size * 2
        )

        const accepted = rules.filter(({ decision, path }) => decision === "accept" && path.startsWith("commandRules"))
        for (const { cwd, operator, parts } of others) {
          const found = yield* verdictOf(engine, command({ command: parts.map(lineOf).join(operator), cwd }, "refused"))
          if (found !== "accepted") continue
          for (const { args, program } of parts) {
            const words = [program, ...args].join(" ")
            const stands = accepted.some(({ lines, path }) => {
              const when = rubric.commandRules?.[Number(/\d+/.exec(path)?.[0])]?.when
              const isLine = lines.some(({ subject }) => subject.split(", with the file")[0] === words)
              const isLike = when?.args === undefined && when?.program === program && when.pathsWithin !== undefined
              const isOfSub = (when?.argsPrefix ?? []).every((word, at) => args[at] === word)
              return isLine || (isLike && isOfSub)
            })
            expect([words, stands]).toEqual([words, true])
          }
        }
      }).pipe(Effect.provide(layerRepo)),
    { arbitrary: { runs: 60 } }
  )
})
