/**
 * Answers to the questions that an agent puts to a person, for programs where nobody is there.
 *
 * An answerer looks at one question; {@link make} puts answerers together to an engine, and holds what they say to the
 * options that the question offers. Questions of other kinds than the agent's own (an MCP server asks too) are not touched,
 * and nothing of what is asked or answered is logged: an answer may be a secret.
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
 * One question, as the server sends it. The model chooses its `id`.
 *
 * @category models
 * @since 0.1.0
 */
export type Question = PolicyEngine.Params["userInput"]["questions"][number]

/**
 * Answers a question, or leaves it to the next answerer with `undefined`.
 *
 * @category models
 * @since 0.1.0
 */
export type Answerer = (question: Question) => ReadonlyArray<string> | undefined

/**
 * An answer that is known beforehand: one or several, each of which may be a secret.
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
 * Fixed answers by the id of the question.
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
 * A fixed answer to the questions whose whole id matches a pattern in RE2 syntax. A question for a secret is left alone: name
 * it in {@link byId}.
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
 * The first option of each question that has options: by codex's convention the one that the model recommends. A question
 * for a secret is left alone.
 *
 * @category answerers
 * @since 0.1.0
 */
export const firstOption: Answerer = ({ isSecret, options }) => {
  const first = isSecret === true ? undefined : options?.[0]
  return first === undefined ? undefined : [first.label]
}

/**
 * Says what is wrong with answers to these questions: one for a question that was not asked, or none of the options where
 * the question takes no other. The description holds neither question nor answer.
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
 * Puts answers into the form of a decision.
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
 * An engine that puts each question to the answerers in order, and leaves those that none of them answers without an answer.
 * It abstains if none is answered, and on all other kinds.
 *
 * **Details**
 *
 * Answers that {@link check} finds fault with fail the decision, so that none of them is sent.
 *
 * **Example** (One answer by name, the recommended option elsewhere)
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
 * Answers every question with nothing, so that the agent goes on without. It abstains on all other kinds.
 *
 * @category engines
 * @since 0.1.0
 */
export const autoEmpty: PolicyEngine.Engine = PolicyEngine.make({
  userInput: () => Effect.succeed({ decision: { answers: {} }, by: "autoEmpty" })
})
