/**
 * Answers an agent's questions to the user, for programs that run without a person.
 *
 * An answerer handles one question. {@link make} combines answerers into an engine, and checks their answers against the options
 * of the question. Only the agent's own questions are answered, not those of MCP servers. Neither questions nor answers are
 * logged, because an answer may be a secret.
 *
 * @stability stable
 * @since 0.1.0
 */
import { InvalidConfig, PolicyFailed } from "@effect-codex/core/CodexError"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as SafeRegex from "./SafeRegex.ts"

/**
 * One question, as sent by the server. The model chooses its `id`.
 *
 * @category models
 * @since 0.1.0
 */
export type Question = PolicyEngine.Params["userInput"]["questions"][number]

/**
 * Answers a question, or returns `undefined` to leave it to the next answerer.
 *
 * @category models
 * @since 0.1.0
 */
export type Answerer = (question: Question) => ReadonlyArray<string> | undefined

/**
 * A fixed answer: one or several values, each of which may be a secret.
 *
 * @category models
 * @since 0.1.0
 */
export type Fixed = string | Redacted.Redacted | ReadonlyArray<string | Redacted.Redacted>

const reveal = (answer: string | Redacted.Redacted): string =>
  typeof answer === "string" ? answer : Redacted.value(answer)

const valuesOf = (fixed: Fixed): ReadonlyArray<string> =>
  typeof fixed === "string" || Redacted.isRedacted(fixed) ? [reveal(fixed)] : fixed.map(reveal)

/**
 * Gives fixed answers, by the id of the question.
 *
 * @category answerers
 * @since 0.1.0
 */
export const byId = (answers: { readonly [questionId: string]: Fixed }): Answerer => {
  const known = new Map(Object.entries(answers))
  return ({ id }) => {
    const answer = known.get(id)
    return answer === undefined ? undefined : valuesOf(answer)
  }
}

/**
 * Gives a fixed answer to questions whose whole id matches a pattern in RE2 syntax. Skips questions for secrets: name them in
 * {@link byId}.
 *
 * @category answerers
 * @since 0.1.0
 */
export const byPattern = (pattern: string, answer: Fixed): Effect.Effect<Answerer, InvalidConfig> =>
  Effect.fromResult(
    SafeRegex.compile(pattern).pipe(
      Result.mapError((description) => new InvalidConfig({ path: "pattern", description })),
      Result.map(
        ({ matchesAll }): Answerer =>
          ({ id, isSecret }) =>
            isSecret !== true && matchesAll(id) === true ? valuesOf(answer) : undefined
      )
    )
  )

/**
 * Picks the first option of each question with options; by codex's convention, the model recommends that one. Skips questions
 * for secrets.
 *
 * @category answerers
 * @since 0.1.0
 */
export const firstOption: Answerer = ({ isSecret, options }) => {
  const first = isSecret === true ? undefined : options?.[0]
  return first === undefined ? undefined : [first.label]
}

/**
 * Checks answers against their questions. Fails with a description if an answer belongs to no question, or is not one of the
 * options of a question that accepts no other answer. The description contains neither question nor answer.
 *
 * @category validation
 * @since 0.1.0
 */
export const check = (
  questions: ReadonlyArray<Question>,
  answers: ReadonlyMap<string, ReadonlyArray<string>>
): Result.Result<void, string> => {
  const asked = new Map(questions.map((question) => [question.id, question]))
  if (asked.size < questions.length) return Result.fail("two questions have the same id")
  for (const [id, given] of answers) {
    const question = asked.get(id)
    if (question === undefined) return Result.fail("there is an answer to a question that was not asked")
    const options = question.options ?? []
    if (question.isOther === true || options.length === 0) continue
    if (given.some((answer) => options.every(({ label }) => label !== answer))) {
      return Result.fail(`the answer to question ${questions.indexOf(question) + 1} is none of its options`)
    }
  }
  return Result.void
}

/**
 * Converts answers to a decision.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toDecision = (
  answers: ReadonlyMap<string, ReadonlyArray<string>>
): PolicyEngine.Decisions["userInput"] => ({
  answers: Object.fromEntries(Array.from(answers, ([id, answers]) => [id, { answers }]))
})

/**
 * Makes an engine that asks the answerers in order for each question. Questions without an answer stay unanswered. The engine
 * abstains if no question has an answer, and on all other kinds of requests.
 *
 * **Details**
 *
 * If {@link check} refuses the answers, the decision fails and none of them is sent.
 *
 * **Example** (One answer by id, otherwise the recommended option)
 *
 * ```ts
 * import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
 * import * as UserInput from "@effect-codex/policy/UserInput"
 * import * as Layer from "effect/Layer"
 *
 * export const layer = Layer.succeed(PolicyEngine.PolicyEngine)(
 *   UserInput.make(UserInput.byId({ environment: "staging" }), UserInput.firstOption)
 * )
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (...answerers: ReadonlyArray<Answerer>): PolicyEngine.Engine =>
  PolicyEngine.make({
    userInput: Effect.fnUntraced(function* ({ params: { questions } }) {
      const answers = new Map<string, ReadonlyArray<string>>()
      for (const question of questions) {
        for (const answerer of answerers) {
          const answer = answerer(question)
          if (answer === undefined) continue
          answers.set(question.id, answer)
          break
        }
      }
      if (answers.size === 0) return undefined
      yield* Effect.mapError(
        Effect.fromResult(check(questions, answers)),
        (description) => new PolicyFailed({ description })
      )
      return { decision: toDecision(answers), by: "userInput" }
    })
  })

/**
 * An engine that answers every question with no answers, so that the agent continues without them. It abstains on all other
 * kinds of requests.
 *
 * @category engines
 * @since 0.1.0
 */
export const autoEmpty: PolicyEngine.Engine = PolicyEngine.make({
  userInput: () => Effect.succeed({ decision: { answers: {} }, by: "autoEmpty" })
})
