import { PolicyFailed } from "@effect-codex/core/CodexError"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as Policy from "@effect-codex/policy/Policy"
import type * as Rubric from "@effect-codex/policy/Rubric"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, expect, expectTypeOf, it } from "@effect/vitest"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { pipe } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import { command, fileChange, question, toolCall, userInput } from "./judgeSupport.ts"

const request = command("true")

const amendment = (...words: ReadonlyArray<string>): PolicyEngine.Decisions["command"] => ({
  acceptWithExecpolicyAmendment: { execpolicy_amendment: words }
})

const abstains = PolicyEngine.make({})
const says = (decision: PolicyEngine.Decisions["command"], by = "test", reason?: string) =>
  PolicyEngine.make({ command: () => Effect.succeed({ decision, by, reason }) })
const fails = PolicyEngine.make({ command: () => Effect.fail(new PolicyFailed({ description: "no" })) })
const throws = PolicyEngine.make({
  command: () => {
    throw new Error("broken")
  }
})
const hangs = PolicyEngine.make({ command: () => Effect.never })
const accepts = says("accept", "accepts")
const declines = says("decline", "declines")
const cancels = says("cancel", "cancels")

const answers = (answer: string, by = "test") =>
  PolicyEngine.make({
    userInput: () => Effect.succeed({ decision: { answers: { color: { answers: [answer] } } }, by })
  })

// How an engine decides on a command: `accept` and its like are what lets it run.
const outcome = (engine: PolicyEngine.Engine) =>
  Effect.map(Effect.exit(Effect.suspend(() => engine.command(request))), (exit) =>
    Exit.isFailure(exit) ? "fails" : exit.value === undefined ? "abstains" : exit.value.decision
  )

const isAccepting = (outcome: unknown) => typeof outcome === "object" || String(outcome).startsWith("accept")

const capture = () => {
  const lines: Array<string> = []
  const logger = Logger.make(({ logLevel, message }) => {
    lines.push(`${logLevel}: ${String(message)}`)
  })
  return { lines, layer: Logger.layer([logger]) }
}

describe("Policy.firstOf", () => {
  it.effect("takes the first decision and asks nobody after it", () =>
    Effect.gen(function* () {
      let asked = false
      const last = PolicyEngine.make({
        command: () => {
          asked = true
          return Effect.undefined
        }
      })
      const engine = Policy.firstOf(abstains, says("decline", "a"), says("accept", "b"), last)
      expect(yield* engine.command(request)).toEqual({ decision: "decline", by: "a" })
      expect(asked).toBe(false)
    })
  )

  it.effect("abstains when all do", () =>
    Effect.gen(function* () {
      expect(yield* Policy.firstOf(abstains, abstains).command(request)).toBeUndefined()
      expect(yield* Policy.firstOf().command(request)).toBeUndefined()
    })
  )

  it.effect.each([fails, throws])("does not pass over an engine that fails", (broken) =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(Policy.firstOf(broken, accepts).command(request))
      expect(failure._tag).toBe("PolicyFailed")
    })
  )
})

describe("Policy.allOf", () => {
  it.effect("accepts what all accept, in all their names", () =>
    Effect.gen(function* () {
      const engine = Policy.allOf(says("accept", "a", "fine"), says("accept", "b"), says("accept", "c", "good"))
      expect(yield* engine.command(request)).toEqual({ decision: "accept", by: "a + b + c", reason: "fine; good" })
    })
  )

  it.effect.each([
    ["decline", [accepts, declines]],
    ["cancel", [accepts, cancels]],
    ["decline", [abstains, declines]],
    ["decline", [accepts, abstains]],
    ["decline", [abstains, accepts]],
    ["fails", [accepts, fails]],
    ["fails", [accepts, throws]],
    ["abstains", [abstains, abstains]],
    ["abstains", []]
  ] as const)("%s where not all accept", ([expected, engines]) =>
    Effect.gen(function* () {
      expect(yield* outcome(Policy.allOf(...engines))).toEqual(expected)
    })
  )

  it.effect("asks nobody after a refusal", () =>
    Effect.gen(function* () {
      expect(yield* outcome(Policy.allOf(declines, hangs))).toBe("decline")
    })
  )

  it.effect("takes what different acceptances have in common", () =>
    Effect.gen(function* () {
      const both = (one: PolicyEngine.Decisions["command"], other: PolicyEngine.Decisions["command"]) =>
        outcome(Policy.allOf(says(one), says(other)))
      expect(yield* both("acceptForSession", "acceptForSession")).toBe("acceptForSession")
      expect(yield* both("acceptForSession", "accept")).toBe("accept")
      expect(yield* both("accept", amendment("git"))).toBe("accept")
      expect(yield* both(amendment("git"), amendment("git"))).toEqual(amendment("git"))
      expect(yield* both(amendment("git", "status"), amendment("git"))).toBe("decline")
      expect(yield* both("acceptForSession", amendment("git"))).toBe("decline")
    })
  )

  it.effect("declines where answers and grants differ, and says whose", () =>
    Effect.gen(function* () {
      const asked = userInput(question("color", ["Red", "Blue"]))
      const same = yield* Policy.allOf(answers("Red"), answers("Red")).userInput(asked)
      expect(same?.decision).toEqual({ answers: { color: { answers: ["Red"] } } })
      const different = yield* Policy.allOf(answers("Red", "a"), answers("Blue", "b")).userInput(asked)
      expect(different).toEqual({ decision: "decline", by: "allOf", reason: "a + b accept different things" })
    })
  )

  it.effect("takes no answers, no grant and a declined elicitation for refusals", () =>
    Effect.gen(function* () {
      const empty = PolicyEngine.make({
        userInput: () => Effect.succeed({ decision: { answers: {} }, by: "empty" }),
        permissions: () => Effect.succeed({ decision: { permissions: {}, scope: "turn" }, by: "empty" }),
        elicitation: () => Effect.succeed({ decision: { action: "decline", content: null, _meta: null }, by: "empty" })
      })
      const grants = PolicyEngine.make({
        userInput: answers("Red").userInput,
        permissions: () =>
          Effect.succeed({ decision: { permissions: { network: { enabled: true } }, scope: "turn" }, by: "grants" }),
        elicitation: () => Effect.succeed({ decision: { action: "accept", content: {}, _meta: null }, by: "grants" })
      })
      const { params, ...about } = command("")
      const asked = userInput(question("color", ["Red"]))
      const permissions: PolicyEngine.Request<"permissions"> = {
        ...about,
        kind: "permissions",
        params: { ...params, cwd: "/", permissions: {}, environmentId: null, reason: null }
      }
      const elicitation: PolicyEngine.Request<"elicitation"> = {
        ...about,
        kind: "elicitation",
        params: { threadId: "t", serverName: "s", mode: "url", message: "m", url: "u", elicitationId: "e" }
      }
      for (const engine of [Policy.allOf(grants, empty), Policy.allOf(empty, grants), Policy.vetoed(grants, empty)]) {
        expect(yield* engine.userInput(asked)).toMatchObject({ by: "empty" })
        expect(yield* engine.permissions(permissions)).toMatchObject({ by: "empty" })
        expect(yield* engine.elicitation(elicitation)).toMatchObject({ by: "empty" })
      }
      expect(yield* Policy.allOf(grants, grants).permissions(permissions)).toMatchObject({ by: "grants + grants" })
    })
  )
})

describe("Policy.vetoed", () => {
  it.effect("lets pass what the vetoers consent to, narrowed to what they consent to", () =>
    Effect.gen(function* () {
      expect(yield* outcome(Policy.vetoed(accepts, []))).toBe("accept")
      expect(yield* outcome(Policy.vetoed(accepts, [accepts, accepts]))).toBe("accept")
      expect(yield* outcome(Policy.vetoed(says("acceptForSession"), accepts))).toBe("accept")
      expect(yield* outcome(Policy.vetoed(accepts, says("acceptForSession")))).toBe("accept")
      expect(yield* outcome(Policy.vetoed(says("acceptForSession"), says(amendment("git"))))).toBe("decline")
    })
  )

  it.effect.each([
    ["a refusal", declines, "decline"],
    ["a cancellation", cancels, "cancel"],
    ["an abstention", abstains, "decline"],
    ["a failure", fails, "decline"],
    ["a defect", throws, "decline"]
  ] as const)("takes %s for a veto", ([, vetoer, expected]) =>
    Effect.gen(function* () {
      const { layer, lines } = capture()
      const vetoed = Effect.provide(outcome(Policy.vetoed(accepts, [accepts, vetoer, hangs])), layer)
      expect(yield* vetoed).toBe(expected)
      expect(lines.length).toBe(vetoer === fails || vetoer === throws ? 1 : 0)
    })
  )

  it.effect("takes a vetoer that is too late for one", () =>
    Effect.gen(function* () {
      const engine = Policy.vetoed(accepts, Policy.withTimeout(hangs, "5 seconds"))
      const fiber = yield* Effect.forkChild(outcome(engine), { startImmediately: true })
      yield* TestClock.adjust("5 seconds")
      expect(yield* Fiber.join(fiber)).toBe("decline")
    })
  )

  it.effect("asks the vetoers only about what is accepted", () =>
    Effect.gen(function* () {
      expect(yield* outcome(Policy.vetoed(declines, hangs))).toBe("decline")
      expect(yield* outcome(Policy.vetoed(abstains, hangs))).toBe("abstains")
      expect(yield* outcome(Policy.vetoed(fails, hangs))).toBe("fails")
    })
  )
})

describe("Policy.withTimeout", () => {
  it.effect("fails when the time is over, also for an engine that does not stop", () =>
    Effect.gen(function* () {
      const stopped = yield* Deferred.make<void>()
      const stubborn = PolicyEngine.make({
        command: () => Effect.uninterruptible(Effect.as(Deferred.await(stopped), undefined))
      })
      for (const engine of [hangs, stubborn]) {
        const timed = Effect.flip(Policy.withTimeout(engine, "2 seconds").command(request))
        const fiber = yield* Effect.forkChild(timed, { startImmediately: true })
        yield* TestClock.adjust("2 seconds")
        expect((yield* Fiber.join(fiber)).message).toContain("longer than 2s")
      }
      yield* Deferred.succeed(stopped, undefined)
    })
  )

  it.effect("changes nothing before that", () =>
    Effect.gen(function* () {
      for (const engine of [accepts, declines, abstains, fails]) {
        expect(yield* outcome(Policy.withTimeout(engine, "2 seconds"))).toEqual(yield* outcome(engine))
      }
    })
  )

  it.effect("is left at once when it is interrupted, and interrupts the engine", () =>
    Effect.gen(function* () {
      const stopped = yield* Deferred.make<void>()
      const begun = yield* Deferred.make<void>()
      const engine = PolicyEngine.make({
        command: () =>
          Effect.andThen(Deferred.succeed(begun, undefined), Effect.never).pipe(
            Effect.onInterrupt(() => Deferred.succeed(stopped, undefined))
          )
      })
      const fiber = yield* Effect.forkChild(Policy.withTimeout(engine, "2 seconds").command(request))
      yield* Deferred.await(begun)
      yield* Fiber.interrupt(fiber)
      yield* Deferred.await(stopped)
    })
  )
})

describe("Policy.dryRun", () => {
  it.effect("logs what the engine would say, and abstains whatever that is", () =>
    Effect.gen(function* () {
      const { layer, lines } = capture()
      const engines = [
        says("accept", "a", "token=abc123"),
        says(amendment("git"), "b\u001b[2J"),
        abstains,
        fails,
        throws
      ]
      for (const engine of engines) {
        expect(yield* Effect.provide(outcome(Policy.dryRun(engine)), layer)).toBe("abstains")
      }
      expect(lines).toEqual([
        'Info: Dry run of a command request: {"would":"accept","by":"a","reason":"token=[redacted]"}',
        'Info: Dry run of a command request: {"would":"{ acceptWithExecpolicyAmendment }","by":"b\\u001b[2J"}',
        'Info: Dry run of a command request: {"would":"abstain"}',
        'Info: Dry run of a command request: {"would":"fail","reason":"The policy could not decide: no"}',
        'Info: Dry run of a command request: {"would":"fail","reason":"The policy could not decide: it had a defect"}'
      ])
    })
  )

  it.effect("tells nothing of answers", () =>
    Effect.gen(function* () {
      const { layer, lines } = capture()
      const asked = userInput(question("color", ["hunter2"]))
      yield* Effect.provide(Policy.dryRun(answers("hunter2")).userInput(asked), layer)
      expect(lines.join()).not.toContain("hunter2")
    })
  )

  it.effect("leaves out what is for a person", () =>
    Effect.gen(function* () {
      const { layer, lines } = capture()
      const human = command("true", { kind: "humanCommand" })
      expect(yield* Effect.provide(Policy.dryRun(accepts).command(human), layer)).toBeUndefined()
      expect(lines).toEqual([])
    })
  )
})

describe("Policy.byKind and Policy.byTool", () => {
  const all = PolicyEngine.make({
    command: accepts.command,
    fileChange: () => Effect.succeed({ decision: "accept", by: "all" }),
    toolCall: () => Effect.succeed({ decision: "accept", by: "all" })
  })

  it.effect("ask the engine of the kind, and abstain where there is none", () =>
    Effect.gen(function* () {
      const engine = Policy.byKind({ command: declines, toolCall: all })
      expect(yield* engine.command(request)).toMatchObject({ by: "declines" })
      expect(yield* engine.toolCall(toolCall("weather"))).toMatchObject({ by: "all" })
      expect(yield* engine.fileChange(fileChange("/a"))).toBeUndefined()
    })
  )

  it.effect("ask the engine of the tool, namespace included, and know no other", () =>
    Effect.gen(function* () {
      const engine = Policy.byTool({ weather: all, "city.map": all })
      expect(yield* engine.toolCall(toolCall("weather"))).toMatchObject({ by: "all" })
      expect(yield* engine.toolCall(toolCall("map", {}, "city"))).toMatchObject({ by: "all" })
      expect(yield* engine.toolCall(toolCall("weather", {}, "city"))).toBeUndefined()
      expect(yield* engine.toolCall(toolCall("map"))).toBeUndefined()
      expect(yield* engine.toolCall(toolCall("constructor"))).toBeUndefined()
      expect(yield* engine.command(request)).toBeUndefined()
    })
  )
})

describe("Policy.withHooks", () => {
  const hooked = (hook: PolicyEngine.Decide<"command">, engine = declines) =>
    outcome(Policy.withHooks(engine, { command: hook }))

  it.effect("puts a hook that decides over the engine, and the engine under one that does not", () =>
    Effect.gen(function* () {
      expect(yield* hooked(accepts.command)).toBe("accept")
      expect(yield* hooked(declines.command, accepts)).toBe("decline")
      expect(yield* hooked(abstains.command, accepts)).toBe("accept")
      expect(yield* outcome(Policy.withHooks(accepts, {}))).toBe("accept")
    })
  )

  it.effect("does not pass over a hook that fails or throws", () =>
    Effect.gen(function* () {
      expect(yield* hooked(fails.command, accepts)).toBe("fails")
      expect(yield* hooked(throws.command, accepts)).toBe("fails")
    })
  )

  it.effect("asks no hook about what is for a person", () =>
    Effect.gen(function* () {
      const engine = Policy.withHooks(declines, { command: accepts.command })
      expect(yield* engine.command(command("true", { kind: "humanCommand" }))).toMatchObject({ by: "declines" })
    })
  )
})

describe("Policy.tap", () => {
  it.effect("tells of each verdict, abstentions too, and changes none", () =>
    Effect.gen(function* () {
      const told: Array<unknown> = []
      const observed = (engine: PolicyEngine.Engine) =>
        Policy.tap(engine, (request, verdict) => Effect.sync(() => told.push([request.kind, verdict?.decision])))
      expect(yield* observed(says("accept", "a")).command(request)).toEqual({ decision: "accept", by: "a" })
      expect(yield* observed(abstains).command(request)).toBeUndefined()
      expect(told).toEqual([
        ["command", "accept"],
        ["command", undefined]
      ])
    })
  )
})

describe("layers of engines", () => {
  const layerOf = (engine: PolicyEngine.Engine) => Layer.succeed(PolicyEngine.PolicyEngine)(engine)

  it.effect("are built to be combined", () =>
    Effect.gen(function* () {
      const one = yield* Policy.fromLayer(layerOf(accepts))
      const other = yield* Policy.fromLayer(layerOf(declines))
      expect(yield* outcome(Policy.allOf(one, other))).toBe("decline")
    }).pipe(Effect.scoped)
  )

  class Missing extends Data.TaggedError("Missing")<{ readonly message: string }> {}

  it.effect("that can't be built fail with what their building fails with, or are replaced by a refusal", () =>
    Effect.gen(function* () {
      const broken = Layer.effect(PolicyEngine.PolicyEngine)(Effect.fail(new Missing({ message: "no rubric" })))
      expect(yield* Effect.flip(Policy.fromLayer(broken))).toMatchObject({ _tag: "Missing" })
      const { layer, lines } = capture()
      const engine = yield* Effect.provide(Policy.fromLayer(Policy.layerFailClosed(broken)), layer)
      expect(lines).toEqual([expect.stringMatching(/^Error: The policy could not be built.*no rubric$/)])
      expect(yield* outcome(engine)).toBe("fails")
      expect(Exit.isFailure(yield* Effect.exit(engine.toolCall(toolCall("weather"))))).toBe(true)
      const fine = yield* Policy.fromLayer(Policy.layerFailClosed(layerOf(accepts)))
      expect(yield* outcome(fine)).toBe("accept")
    }).pipe(Effect.scoped)
  )
})

describe("the engine of a rubric", () => {
  const rubric: Rubric.PolicyRubric = {
    mode: "permissive",
    useLlmJudge: true,
    systemRubric: "Be kind.",
    commandRules: [
      { name: "tests", when: { program: "npm", anywhere: true }, decision: "accept" },
      { name: "no push", when: { program: "git" }, decision: "decline" }
    ]
  }

  // A judge that accepts everything, and what it was told and asked.
  const judge = () => {
    const told: Array<unknown> = []
    const asked: Array<unknown> = []
    const engine = PolicyEngine.make({
      command: ({ params }) => {
        asked.push(params.command)
        return Effect.succeed({ decision: "accept", by: "judge" })
      }
    })
    const layer: Policy.JudgeLayer = (options) =>
      Layer.effect(PolicyEngine.PolicyEngine)(
        Effect.sync(() => {
          told.push(options.systemRubric)
          return engine
        })
      )
    return { asked, layer, told }
  }

  const decided = (engine: PolicyEngine.Engine, text: string) =>
    Effect.map(engine.command(command(`/bin/bash -lc '${text}'`)), (verdict) => verdict?.by)

  it.effect("is its rules, and the judge where none of them matches", () =>
    Effect.gen(function* () {
      const { asked, layer, told } = judge()
      const engine = yield* Policy.fromLayer(Policy.layerFromRubric(rubric, layer))
      expect(told).toEqual(["Be kind."])
      expect(yield* decided(engine, "npm test")).toBe("tests")
      expect(yield* decided(engine, "git push")).toBe("no push")
      expect(yield* decided(engine, "npm test && git push")).toBe("no push")
      expect(asked).toEqual([])
      expect(yield* decided(engine, "make")).toBe("judge")
      expect(yield* decided(engine, "npm test && make")).toBe("judge")
      expect(yield* engine.toolCall(toolCall("weather"))).toBeUndefined()
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.effect("is its rules and its mode if it wants no judge, and the judge is not built", () =>
    Effect.gen(function* () {
      const { layer, told } = judge()
      const engine = yield* Policy.fromLayer(Policy.layerFromRubric({ ...rubric, useLlmJudge: false }, layer))
      expect(yield* decided(engine, "make")).toBe("mode permissive")
      expect(told).toEqual([])
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.effect("can't be made without the judge that it wants, nor with a mistake, and then no judge is built", () =>
    Effect.gen(function* () {
      const { layer, told } = judge()
      const failure = yield* Effect.flip(Policy.fromLayer(Policy.layerFromRubric(rubric)))
      expect(failure.message).toContain("useLlmJudge: the rubric wants a judge")
      const mistaken = {
        ...rubric,
        commandRules: [{ name: "x", when: { commandRegex: "(" }, decision: "accept" as const }]
      }
      expect((yield* Effect.flip(Policy.fromLayer(Policy.layerFromRubric(mistaken, layer))))._tag).toBe("InvalidRubric")
      expect(told).toEqual([])
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.effect("stands below an engine, which stands below hooks; without all of them everything is declined", () =>
    Effect.gen(function* () {
      const strict = { mode: "strict" } as const
      const engine = Layer.succeed(PolicyEngine.PolicyEngine)(says("accept", "engine"))
      const hooks = { command: says("cancel", "hook").command }
      const by = (options: Parameters<typeof Policy.layer<never, never>>[0]) =>
        Effect.flatMap(Policy.fromLayer(Policy.layer(options)), (engine) => decided(engine, "ls"))
      expect(yield* by({ hooks, engine, rubric: strict })).toBe("hook")
      expect(yield* by({ hooks: {}, engine, rubric: strict })).toBe("engine")
      expect(yield* by({ hooks: { command: abstains.command }, rubric: strict })).toBe("mode strict")
      expect(yield* by({ rubric, judge: judge().layer })).toBe("judge")
      expect(yield* by({})).toBe("declineAll")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )
})

// Engines that decide in every way there is, nonsense included.
const leaves = {
  accept: accepts,
  session: says("acceptForSession"),
  amendment: says(amendment("git")),
  other: says(amendment("ls")),
  decline: declines,
  cancel: cancels,
  // @ts-expect-error no such decision
  nonsense: says("yes"),
  abstain: abstains,
  fail: fails,
  throw: throws
}

type Leaf = keyof typeof leaves

const LeafSchema = Schema.Literals([
  "accept",
  "session",
  "amendment",
  "other",
  "decline",
  "cancel",
  "nonsense",
  "abstain",
  "fail",
  "throw"
] satisfies ReadonlyArray<Leaf>)

interface Combined {
  readonly how: typeof How.Type
  readonly of: ReadonlyArray<Tree>
}

type Tree = Leaf | Combined

describe("a combinator of one engine and an option", () => {
  it.effect("takes the engine first, or last in a pipe", () =>
    Effect.gen(function* () {
      const told: Array<unknown> = []
      const observer: Policy.Observer = (_, verdict) => Effect.sync(() => told.push(verdict?.decision))
      expect(yield* outcome(pipe(accepts, Policy.vetoed(declines)))).toBe("decline")
      expect(yield* outcome(pipe(accepts, Policy.vetoed([accepts, cancels])))).toBe("cancel")
      expect(yield* outcome(pipe(accepts, Policy.vetoed([])))).toBe("accept")
      expect(yield* outcome(pipe(accepts, Policy.withHooks({ command: declines.command })))).toBe("decline")
      expect(yield* outcome(pipe(declines, Policy.tap(observer), Policy.withTimeout("1 second")))).toBe("decline")
      expect(told).toEqual(["decline"])
    })
  )

  it("has an engine for its type in both forms", () => {
    expectTypeOf(Policy.withTimeout("1 second")).toEqualTypeOf<(engine: PolicyEngine.Engine) => PolicyEngine.Engine>()
    expectTypeOf(Policy.withTimeout(accepts, "1 second")).toEqualTypeOf<PolicyEngine.Engine>()
    expectTypeOf(Policy.vetoed([accepts])).toEqualTypeOf<(engine: PolicyEngine.Engine) => PolicyEngine.Engine>()
    expectTypeOf(Policy.vetoed(accepts, accepts)).toEqualTypeOf<PolicyEngine.Engine>()
    expectTypeOf(Policy.withHooks({})).toEqualTypeOf<(engine: PolicyEngine.Engine) => PolicyEngine.Engine>()
    expectTypeOf(Policy.withHooks(accepts, {})).toEqualTypeOf<PolicyEngine.Engine>()
    expectTypeOf(Policy.tap(() => Effect.void)).toEqualTypeOf<(engine: PolicyEngine.Engine) => PolicyEngine.Engine>()
    expectTypeOf(Policy.tap(accepts, () => Effect.void)).toEqualTypeOf<PolicyEngine.Engine>()
    // @ts-expect-error A hook is a function for a kind.
    Policy.withHooks({ command: "accept" })
  })
})

const How = Schema.Literals(["firstOf", "allOf", "vetoed", "hooks", "timeout", "dryRun"])

const TreeSchema: Schema.Codec<Tree> = Schema.Union([
  LeafSchema,
  Schema.Struct({ how: How, of: Schema.Array(Schema.suspend(() => TreeSchema)) })
])

const build = (tree: Tree, leaf: (leaf: Leaf) => PolicyEngine.Engine = (leaf) => leaves[leaf]): PolicyEngine.Engine => {
  if (typeof tree === "string") return leaf(tree)
  const engines = tree.of.map((tree) => build(tree, leaf))
  const [first = abstains, second = abstains, ...others] = engines
  switch (tree.how) {
    case "firstOf":
      return Policy.firstOf(...engines)
    case "allOf":
      return Policy.allOf(...engines)
    case "vetoed":
      return Policy.vetoed(first, [second, ...others])
    case "hooks":
      return Policy.withHooks(first, { command: second.command })
    case "timeout":
      return Policy.withTimeout(first, "1 minute")
    case "dryRun":
      return Policy.dryRun(first)
  }
}

const leavesOf = (tree: Tree): ReadonlyArray<Leaf> => (typeof tree === "string" ? [tree] : tree.of.flatMap(leavesOf))

const quiet = Effect.provide(Logger.layer([]))

describe("law 6: no combination is more permissive than what it is made of", () => {
  it.effect.prop("nothing is accepted where no engine accepts", [TreeSchema], ([tree]) =>
    Effect.gen(function* () {
      const refusing = build(tree, (leaf) =>
        ["accept", "session", "amendment", "other"].includes(leaf) ? declines : leaves[leaf]
      )
      expect(isAccepting(yield* outcome(refusing))).toBe(false)
    }).pipe(quiet)
  )

  it.effect.prop("an engine that fails where it would accept makes nothing accepted", [TreeSchema], ([tree]) =>
    Effect.gen(function* () {
      const before = yield* outcome(build(tree))
      const accepting = leavesOf(tree).filter((leaf) => isAccepting(leaf === "session" ? "accept" : leaf))
      for (const broken of new Set(accepting)) {
        const after = yield* outcome(build(tree, (leaf) => (leaf === broken ? fails : leaves[leaf])))
        if (!isAccepting(before)) expect(isAccepting(after)).toBe(false)
      }
    }).pipe(quiet)
  )

  it.effect.prop("what is decided is what an engine decided, or a refusal", [TreeSchema], ([tree]) =>
    Effect.gen(function* () {
      const decided = yield* outcome(build(tree))
      const own = yield* Effect.forEach(leavesOf(tree), (leaf) => outcome(leaves[leaf]))
      if (isAccepting(decided)) expect(own).toContainEqual(decided)
    }).pipe(quiet)
  )

  const Leaves = Schema.Array(LeafSchema)

  it.effect.prop("all have to accept in allOf, and none may veto in vetoed", [LeafSchema, Leaves], ([first, others]) =>
    Effect.gen(function* () {
      const each = yield* Effect.forEach([first, ...others], (leaf) => outcome(leaves[leaf]))
      const engines = others.map((leaf) => leaves[leaf])
      for (const combined of [Policy.allOf(leaves[first], ...engines), Policy.vetoed(leaves[first], engines)]) {
        const decided = yield* outcome(combined)
        if (isAccepting(decided)) {
          expect(each.every(isAccepting)).toBe(true)
          if (each.includes("accept")) expect(decided).toBe("accept")
        }
      }
    }).pipe(quiet)
  )

  it.effect.prop(
    "one more engine never makes allOf or vetoed accept more",
    [LeafSchema, Leaves, LeafSchema],
    ([first, others, one]) =>
      Effect.gen(function* () {
        const allOf = (engine: PolicyEngine.Engine, others: ReadonlyArray<PolicyEngine.Engine>) =>
          Policy.allOf(engine, ...others)
        for (const combine of [allOf, Policy.vetoed]) {
          const engines = others.map((leaf) => leaves[leaf])
          const before = yield* outcome(combine(leaves[first], engines))
          const after = yield* outcome(combine(leaves[first], [...engines, leaves[one]]))
          if (before !== "abstains" && !isAccepting(before)) expect(isAccepting(after)).toBe(false)
        }
      }).pipe(quiet)
  )
})
