/**
 * A person who decides: at the terminal, through a function of the program, or through a queue.
 *
 * A request becomes a {@link Question}: a text that is safe to show, and the choices that the request allows, each with its
 * effect. Only an explicit choice accepts. If the person says nothing, takes too long, closes the input or is absent, the
 * request is declined. This module defines the meaning of the choices; the user interface decides how to show a question.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as CheckedOption from "@effect-codex/core/CheckedOption"
import { type InvalidConfig, PolicyFailed } from "@effect-codex/core/CodexError"
import * as Display from "@effect-codex/core/Display"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import type { PlatformError } from "effect/PlatformError"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Semaphore from "effect/Semaphore"
import type * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import type * as Terminal from "effect/Terminal"
import type { Answer, Question } from "./HumanQuestion.ts"
import * as CheckedOptions from "./internal/checkedOptions.ts"
import { forEachKind } from "./internal/engine/kinds.ts"
import * as Questions from "./internal/human/question.ts"
import * as HumanTerminal from "./internal/human/terminal.ts"
import { exitWithoutWaiting } from "./internal/engine/exitWithoutWaiting.ts"

/**
 * The options of a person.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** The name in verdicts, for logs and audits. Default: `human`. */
  readonly name?: string | undefined
  /**
   * The time that the person has to answer a question once it is asked: a duration above zero, or `Duration.infinity`. After
   * that the request is declined. Default: 5 minutes.
   */
  readonly deadline?: Duration.Input | undefined
  /** The maximum number of open questions, at least 1. Further requests are declined at once. Default: 16. */
  readonly maxOpen?: number | undefined
  /**
   * The folder that the agent works in. Questions say of each path whether it is inside, with links followed. Default: the
   * working directory of this process.
   */
  readonly cwd?: string | undefined
}

/**
 * A person who decides on requests. Deciding never fails: without an answer, the request is declined.
 *
 * @category services
 * @since 0.1.0
 */
export class Human extends Context.Service<
  Human,
  {
    readonly decide: <K extends PolicyEngine.Kind>(
      request: PolicyEngine.Request<K>
    ) => Effect.Effect<PolicyEngine.Verdict<K>>
  }
>()("@effect-codex/policy/Human") {}

const defaultMaxOpen = 16

/**
 * Makes a person from a function that asks a question; it returns `undefined` if there is no answer.
 *
 * **Details**
 *
 * Questions are asked one after the other, or up to `concurrency` at once. A question is interrupted if the server withdraws
 * it or its time is up. Fails with `InvalidConfig` if a duration or a number among the options is invalid.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* <E>(
  ask: (question: Question) => Effect.Effect<Answer | undefined, E>,
  options?: Options & { readonly concurrency?: number | "unbounded" | undefined }
): Effect.fn.Return<Human["Service"], InvalidConfig, FileSystem.FileSystem | Path.Path> {
  const context = yield* Effect.context<FileSystem.FileSystem>()
  const path = yield* Path.Path
  const name = options?.name ?? "human"
  const folder = path.resolve(options?.cwd ?? ".")
  const deadline = yield* CheckedOptions.timeoutOrInfinity("deadline", options?.deadline ?? Duration.minutes(5))
  const maxOpen = yield* CheckedOption.count("maxOpen", options?.maxOpen ?? defaultMaxOpen, 1)
  const concurrency = yield* CheckedOptions.concurrency("concurrency", options?.concurrency ?? 1)
  const turns = concurrency === "unbounded" ? undefined : yield* Semaphore.make(concurrency)
  let open = 0

  const answerTo = (question: Question): Effect.Effect<Result.Result<Answer, string>> => {
    const answered = Effect.suspend(() => ask(question)).pipe(
      Effect.timeoutOption(deadline),
      Effect.map(
        Option.match({
          onNone: () => Result.fail(`no answer within ${Duration.format(deadline)}`),
          onSome: (answer) => (answer == null ? Result.fail("no answer") : Result.succeed(answer))
        })
      ),
      Effect.catchCause((cause) =>
        Effect.as(
          Effect.logWarning(
            `Asking a person failed: ${Display.line(Cause.pretty(cause).split("\n")[0] ?? "", { max: 500 })}`
          ),
          Result.fail("asking failed")
        )
      )
    )
    return turns === undefined ? answered : turns.withPermits(1)(answered)
  }

  const decide = Effect.fnUntraced(function* <K extends PolicyEngine.Kind>(request: PolicyEngine.Request<K>) {
    const declined = (reason: string): PolicyEngine.Verdict<K> => ({
      decision: PolicyEngine.refusals[request.kind],
      by: name,
      reason
    })
    const asked = yield* Effect.provideContext(Questions.make(request, folder), context)
    if (Result.isFailure(asked)) return declined(asked.failure)
    if (open >= maxOpen) return declined(`${open} other questions are open`)
    const answer = yield* Effect.acquireUseRelease(
      Effect.sync(() => open++),
      () => answerTo(asked.success.question),
      () => Effect.sync(() => open--)
    )
    const decision = Result.flatMap(answer, asked.success.decide)
    return Result.isSuccess(decision) ? { decision: decision.success, by: name } : declined(decision.failure)
  })

  return Human.of({ decide })
})

/**
 * Asks at the terminal of this process, one question at a time. Returns `undefined` if there was no answer.
 *
 * **Details**
 *
 * The person types the full key of a choice and Enter; after an empty line the question is repeated. Ctrl-C, Ctrl-D, Esc and
 * the end of the input leave the question unanswered. If standard input or output is not a terminal, there is never an answer.
 * Input typed before a question is shown does not count. Answers to questions for secrets are masked.
 *
 * @category constructors
 * @since 0.1.0
 */
export const askAtTerminal: (
  question: Question
) => Effect.Effect<
  Answer | undefined,
  PlatformError,
  FileSystem.FileSystem | Path.Path | Stdio.Stdio | Terminal.Terminal
> = HumanTerminal.ask

/**
 * A person at the terminal of this process: {@link askAtTerminal} as a layer. To add behavior around a question, such as
 * holding back other output, wrap that function in {@link layerCallback}.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerTerminal = (
  options?: Options
): Layer.Layer<Human, InvalidConfig, FileSystem.FileSystem | Path.Path | Stdio.Stdio | Terminal.Terminal> =>
  Layer.effect(Human)(
    Effect.gen(function* () {
      const context = yield* Effect.context<FileSystem.FileSystem | Path.Path | Stdio.Stdio | Terminal.Terminal>()
      return yield* make((question) => Effect.provideContext(askAtTerminal(question), context), options)
    })
  )

/**
 * A person who is asked through a function, such as a dialog, a chat or a pager. If the function fails, the request is
 * declined. When the time is up, the function is interrupted, without waiting for its finalizers.
 *
 * **Example** (A person who allows tool calls only)
 *
 * ```ts
 * import * as Human from "@effect-codex/policy/Human"
 * import * as NodeServices from "@effect/platform-node/NodeServices"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 *
 * export const layer = Human.layerCallback(({ kind }) =>
 *   Effect.succeed({ choice: kind === "toolCall" ? "y" : "n" })
 * ).pipe(Layer.provide(NodeServices.layer))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerCallback = <E, R>(
  ask: (question: Question) => Effect.Effect<Answer | undefined, E, R>,
  options?: Options & { readonly concurrency?: number | "unbounded" | undefined }
): Layer.Layer<Human, InvalidConfig, FileSystem.FileSystem | Path.Path | R> =>
  Layer.effect(Human)(
    Effect.gen(function* () {
      const context = yield* Effect.context<R>()
      return yield* make(
        (question) =>
          Effect.flatten(
            exitWithoutWaiting(
              Effect.provideContext(
                Effect.suspend(() => ask(question)),
                context
              )
            )
          ),
        options
      )
    })
  )

/**
 * An open question, and the function that answers it.
 *
 * @category models
 * @since 0.1.0
 */
export interface OpenQuestion extends Question {
  /** Answers the question. Returns false if the answer does not count: the question was withdrawn, expired or answered before. */
  readonly answer: (answer: Answer) => Effect.Effect<boolean>
  /** Ends when the question no longer needs an answer, for any reason. */
  readonly closed: Effect.Effect<void>
}

/**
 * The questions waiting in a queue.
 *
 * @category services
 * @since 0.1.0
 */
export class HumanQueue extends Context.Service<
  HumanQueue,
  {
    /** The open questions, oldest first. Several consumers share the queue: each question goes to one of them. */
    readonly questions: Stream.Stream<OpenQuestion>
  }
>()("@effect-codex/policy/Human/HumanQueue") {}

/**
 * A person who is asked through a queue, for user interfaces that show all open questions. The deadline of a question starts
 * when it enters the queue, even if no consumer reads it.
 *
 * **Gotchas**
 *
 * Unread questions fill the queue, even after they have expired. If no consumer reads the queue, every request is eventually
 * declined.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerQueue = (
  options?: Options
): Layer.Layer<Human | HumanQueue, InvalidConfig, FileSystem.FileSystem | Path.Path> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const queue = yield* Queue.dropping<{ readonly question: OpenQuestion; readonly isOpen: () => boolean }>(
        yield* CheckedOption.count("maxOpen", options?.maxOpen ?? defaultMaxOpen, 1)
      )
      const ask = Effect.fnUntraced(function* (question: Question) {
        const answered = yield* Deferred.make<Answer>()
        const closed = yield* Deferred.make<void>()
        let isOpen = true
        const answer = (given: Answer) =>
          Effect.suspend(() => (isOpen ? Deferred.succeed(answered, given) : Effect.succeed(false)))
        const asked = { ...question, answer, closed: Deferred.await(closed) }
        const offered = yield* Queue.offer(queue, { question: asked, isOpen: () => isOpen })
        if (!offered) return yield* new PolicyFailed({ description: "the queue of questions is full and not read" })
        return yield* Effect.ensuring(
          Deferred.await(answered),
          Effect.suspend(() => {
            isOpen = false
            return Deferred.succeed(closed, undefined)
          })
        )
      })
      const human = yield* make(ask, { ...options, concurrency: "unbounded" })
      const questions = Stream.fromQueue(queue).pipe(
        Stream.filter(({ isOpen }) => isOpen()),
        Stream.map(({ question }) => question)
      )
      return Context.make(Human, human).pipe(Context.add(HumanQueue, HumanQueue.of({ questions })))
    })
  )

/**
 * The engine of a person, who is asked about requests of every kind. To ask only about requests that rules leave open, use
 * `Policy.firstOf(rules, human)`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const engine: Effect.Effect<PolicyEngine.Engine, never, Human> = Effect.map(Human, ({ decide }) =>
  forEachKind(() => decide)
)

/**
 * Lets the person decide on every request of the agent.
 *
 * **Example** (A person at the terminal, also for commands that an administrator has reserved for people)
 *
 * ```ts
 * import * as Codex from "@effect-codex/core/Codex"
 * import * as Human from "@effect-codex/policy/Human"
 * import * as NodeServices from "@effect/platform-node/NodeServices"
 * import * as Layer from "effect/Layer"
 *
 * export const Main = Layer.merge(
 *   Codex.layer({ experimentalApi: true }).pipe(Layer.provide(Human.layerApproval)),
 *   Human.layerEngine
 * ).pipe(Layer.provide(Human.layerTerminal()), Layer.provide(NodeServices.layer))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerEngine: Layer.Layer<PolicyEngine.PolicyEngine, never, Human> = Layer.effect(
  PolicyEngine.PolicyEngine
)(engine)

/**
 * Lets the person decide on the commands that an administrator has reserved for people. Provide it to the connection's layer,
 * which needs the experimental API for this; see `PolicyEngine.HumanApproval`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerApproval: Layer.Layer<never, never, Human> = Layer.effect(PolicyEngine.HumanApproval)(
  Effect.map(
    Human,
    ({ decide }): PolicyEngine.HumanApproval =>
      (request) =>
        Effect.map(decide(request), ({ decision, ...verdict }) => ({ ...verdict, decision: once(decision) }))
  )
)

const once = (decision: PolicyEngine.Decisions["command"]): PolicyEngine.HumanVerdict["decision"] =>
  decision === "accept" ? "accept" : decision === "cancel" ? "cancel" : "decline"
