import * as UserInput from "@effect-codex/policy/UserInput"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { command, question, userInput } from "./judgeSupport.ts"

const color = question("color", ["Red", "Blue"])
const size = question("size", ["S", "M"])
const free = question("name")
const secret = question("api_key", [], { isSecret: true })

const answers = (...answers: ReadonlyArray<readonly [string, ReadonlyArray<string>]>) => new Map(answers)

describe("answerers", () => {
  it("by id know the questions that they name, and nothing that every object has", () => {
    const answerer = UserInput.byId({ color: "Red", name: ["Ada", Redacted.make("Lovelace")] })
    expect(answerer(color)).toEqual(["Red"])
    expect(answerer(free)).toEqual(["Ada", "Lovelace"])
    expect(answerer(size)).toBeUndefined()
    expect(answerer(question("constructor"))).toBeUndefined()
    expect(answerer(question("__proto__"))).toBeUndefined()
  })

  it.effect("by pattern match the whole id, and no question for a secret", () =>
    Effect.gen(function* () {
      const answerer = yield* UserInput.byPattern("(env|api)_.*", "staging")
      expect(answerer(question("env_name"))).toEqual(["staging"])
      expect(answerer(question("my_env_name"))).toBeUndefined()
      expect(answerer(question("api_name"))).toEqual(["staging"])
      expect(answerer(secret)).toBeUndefined()
    })
  )

  it.effect("by a pattern that is none are refused", () =>
    Effect.gen(function* () {
      for (const pattern of ["(", "(?=a)", "a".repeat(2000)]) {
        const failure = yield* Effect.flip(UserInput.byPattern(pattern, "x"))
        expect(failure._tag).toBe("InvalidConfig")
      }
    })
  )

  it("take the first option where there is one, and no question for a secret", () => {
    expect(UserInput.firstOption(color)).toEqual(["Red"])
    expect(UserInput.firstOption(free)).toBeUndefined()
    expect(UserInput.firstOption(question("token", ["a"], { isSecret: true }))).toBeUndefined()
  })
})

describe("an engine of answerers", () => {
  it.effect("asks them in order for each question, and leaves open what none of them knows", () =>
    Effect.gen(function* () {
      const engine = UserInput.make(UserInput.byId({ color: "Blue" }), UserInput.firstOption)
      expect(yield* engine.userInput(userInput(color, size, free))).toEqual({
        decision: { answers: { color: { answers: ["Blue"] }, size: { answers: ["S"] } } },
        by: "userInput"
      })
    })
  )

  it.effect("abstains if none knows any answer, and on other kinds", () =>
    Effect.gen(function* () {
      const engine = UserInput.make(UserInput.byId({}), UserInput.firstOption)
      expect(yield* engine.userInput(userInput(free))).toBeUndefined()
      expect(yield* engine.command(command("ls"))).toBeUndefined()
    })
  )

  it.effect("fails rather than send an answer that is not offered, and does not tell which", () => {
    const logged: Array<unknown> = []
    return Effect.gen(function* () {
      const engine = UserInput.make(UserInput.byId({ color: "Green" }))
      const failure = yield* Effect.flip(engine.userInput(userInput(size, color)))
      expect(failure.message).toContain("question 2 is none of its options")
      expect(failure.message).not.toContain("Green")
      expect(logged).toEqual([])
    }).pipe(Effect.provide(Logger.layer([Logger.make((options) => void logged.push(options.message))])))
  })

  it.effect("answers a question for a secret if it is named, and logs nothing of it", () => {
    const logged: Array<unknown> = []
    return Effect.gen(function* () {
      const engine = UserInput.make(UserInput.byId({ api_key: Redacted.make("hunter2") }))
      const verdict = yield* engine.userInput(userInput(secret))
      expect(verdict).toEqual({ decision: { answers: { api_key: { answers: ["hunter2"] } } }, by: "userInput" })
      expect(logged).toEqual([])
    }).pipe(Effect.provide(Logger.layer([Logger.make((options) => void logged.push(options.message))])))
  })

  it.effect("can answer everything with nothing", () =>
    Effect.gen(function* () {
      expect(yield* UserInput.autoEmpty.userInput(userInput(color, secret))).toMatchObject({
        decision: { answers: {} }
      })
      expect(yield* UserInput.autoEmpty.command(command("ls"))).toBeUndefined()
    })
  )
})

describe("checking answers", () => {
  const legal = (questions: ReadonlyArray<UserInput.Question>, given: ReturnType<typeof answers>) =>
    Result.isSuccess(UserInput.check(questions, given))

  it("finds those that are none of the options, unless others are welcome or there are none", () => {
    expect(legal([color], answers(["color", ["Red"]]))).toBe(true)
    expect(legal([color], answers(["color", ["Red", "Blue"]]))).toBe(true)
    expect(legal([color], answers(["color", ["red"]]))).toBe(false)
    expect(legal([color], answers(["color", ["Red", "Green"]]))).toBe(false)
    expect(legal([{ ...color, isOther: true }], answers(["color", ["Green"]]))).toBe(true)
    expect(legal([free], answers(["name", ["Ada"]]))).toBe(true)
    expect(legal([{ ...free, options: null }], answers(["name", ["Ada"]]))).toBe(true)
  })

  it("finds those to what was not asked, and questions that can't be told apart", () => {
    expect(legal([color], answers(["shape", ["Round"]]))).toBe(false)
    expect(legal([color, color], answers())).toBe(false)
  })

  it.prop(
    "never lets an answer through that is not an option",
    [Schema.Array(Schema.String), Schema.String],
    ([labels, given]) => {
      const offered = labels.length === 0 || labels.includes(given)
      expect(legal([question("q", labels)], answers(["q", [given]]))).toBe(offered)
    }
  )
})
