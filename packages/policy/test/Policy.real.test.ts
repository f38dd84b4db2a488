import * as Codex from "@effect-codex/core/Codex"
import { PolicyFailed } from "@effect-codex/core/CodexError"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import { CodexTest, MockModel } from "@effect-codex/core/testing"
import * as LlmJudgePolicy from "@effect-codex/policy/LlmJudgePolicy"
import * as Policy from "@effect-codex/policy/Policy"
import * as UserInput from "@effect-codex/policy/UserInput"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, expect, it } from "@effect/vitest"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { isQuestion, ruling } from "./judgeSupport.ts"

const { execCommand, reply, requestUserInput, text, when } = MockModel

const escalated = (cmd: string) => execCommand({ cmd, escalate: true })

const statuses = (response: { readonly items: ReadonlyArray<{ readonly type: string }> }) =>
  response.items.flatMap((item) => ("status" in item ? [item.status] : []))

const accepting = (...commands: ReadonlyArray<string>) =>
  PolicyEngine.make({
    command: ({ params }) =>
      Effect.succeed(
        commands.some((command) => params.command === `/bin/bash -lc '${command}'`)
          ? { decision: "accept", by: "list" }
          : undefined
      )
  })

describe("turns at the same time on one process", () => {
  it.live("are decided each by its own engine: one by rules and a judge, one by rules alone", () =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const model = yield* MockModel.MockModel
      const { env } = yield* CodexTest.Home
      const rules = accepting("echo one", "echo two")
      const judge = yield* Policy.fromLayer(LlmJudgePolicy.layer({ env }).pipe(Layer.provide(NodeServices.layer)))
      const [judged, ruled] = yield* Effect.all(
        [
          codex.responses
            .create({ prompt: "first" })
            .pipe(Effect.provideService(PolicyEngine.PolicyEngine, Policy.firstOf(rules, judge))),
          codex.responses.create({ prompt: "second" }).pipe(Effect.provideService(PolicyEngine.PolicyEngine, rules))
        ],
        { concurrency: "unbounded" }
      )
      expect(statuses(judged)).toEqual(["completed", "completed"])
      expect(statuses(ruled)).toEqual(["completed", "declined"])
      expect((yield* model.requests).filter(isQuestion).length).toBe(1)
    }).pipe(
      Effect.scoped,
      Effect.provide(
        CodexTest.layer([
          when(isQuestion, (request) => reply(text(ruling(request.lastUserText)))),
          ...["first", "second"].map((prompt) =>
            when(prompt, reply(escalated("echo one")), reply(escalated("echo other")), reply(text("done")))
          )
        ])
      )
    )
  )
})

describe("an engine that goes wrong", () => {
  class NoRubric extends Data.TaggedError("NoRubric")<{ readonly message: string }> {}

  const broken: ReadonlyArray<readonly [string, Layer.Layer<PolicyEngine.PolicyEngine>]> = [
    [
      "a hook that fails",
      Layer.succeed(PolicyEngine.PolicyEngine)(
        Policy.withHooks(accepting("echo one"), {
          command: () => Effect.fail(new PolicyFailed({ description: "no idea" }))
        })
      )
    ],
    [
      "a hook that throws",
      Layer.succeed(PolicyEngine.PolicyEngine)(
        Policy.withHooks(accepting("echo one"), {
          command: () => {
            throw new Error("broken")
          }
        })
      )
    ],
    [
      "a hook that hangs",
      Layer.succeed(PolicyEngine.PolicyEngine)(
        Policy.withHooks(accepting("echo one"), {
          command: Policy.withTimeout(PolicyEngine.make({ command: () => Effect.never }), 0).command
        })
      )
    ],
    [
      "a hook that says what was not offered",
      Layer.succeed(PolicyEngine.PolicyEngine)(
        Policy.withHooks(accepting("echo one"), {
          // @ts-expect-error no such decision
          command: () => Effect.succeed({ decision: "deny", by: "hook" })
        })
      )
    ],
    [
      "an engine whose layer can't be built",
      Policy.layerFailClosed(
        Layer.effect(PolicyEngine.PolicyEngine)(Effect.fail(new NoRubric({ message: "no rubric" })))
      )
    ]
  ]

  it.live.each(broken)("has declined, and the turn goes on: %s", ([, policy]) =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const response = yield* codex.responses.create({ prompt: "Go on" })
      expect(statuses(response)).toEqual(["declined"])
      expect(response.text).toBe("done")
    }).pipe(Effect.provide(Layer.merge(CodexTest.layer([reply(escalated("echo one")), reply(text("done"))]), policy)))
  )
})

describe("questions to the user", () => {
  const color = {
    id: "color",
    header: "Color",
    question: "Which color?",
    options: [
      { label: "Red", description: "warm" },
      { label: "Blue", description: "cold" }
    ]
  }

  const answered = (engine: PolicyEngine.Engine) =>
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const model = yield* MockModel.MockModel
      yield* codex.responses.create({ prompt: "Go on" })
      return (yield* model.request(1)).lastToolOutput?.output ?? ""
    }).pipe(
      Effect.provide(
        Layer.merge(
          CodexTest.layer([reply(requestUserInput([color])), reply(text("done"))], {
            features: { default_mode_request_user_input: true }
          }),
          Layer.succeed(PolicyEngine.PolicyEngine)(engine)
        )
      )
    )

  it.live("are answered by name, by the first option, or not at all", () =>
    Effect.gen(function* () {
      const asked: Array<UserInput.Question> = []
      const watching: UserInput.Answerer = (question) => {
        asked.push(question)
        return undefined
      }
      const byName = UserInput.make(watching, UserInput.byId({ color: "Blue" }), UserInput.firstOption)
      expect(yield* answered(byName)).toContain("Blue")
      expect(asked).toMatchObject([{ id: "color", isOther: true, options: [{ label: "Red" }, { label: "Blue" }] }])
      expect(yield* answered(UserInput.make(UserInput.firstOption))).toContain("Red")
      expect(yield* answered(UserInput.autoEmpty)).not.toMatch(/Red|Blue/)
    })
  )
})
