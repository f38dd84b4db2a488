/**
 * Combines policy engines.
 *
 * Each function here takes policy engines and returns one. A combination is never more permissive than its parts: none turns an
 * abstention, a failure or a refusal into an acceptance. If engines accept different things, the combination accepts only what
 * all of them accept.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as CheckedOption from "@effect-codex/core/CheckedOption"
import { type InvalidConfig, PolicyFailed } from "@effect-codex/core/CodexError"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as Redaction from "@effect-codex/core/Redaction"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import type * as FileSystem from "effect/FileSystem"
import { dual } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import { toJson } from "./internal/text.ts"
import { agreement, describe, disagreement, isAccepting, namesOf } from "./internal/engine/decisions.ts"
import { ask, forEachKind, isForPerson } from "./internal/engine/kinds.ts"
import { exitWithoutWaiting } from "./internal/engine/exitWithoutWaiting.ts"
import { InvalidRubric, type PolicyRubric } from "./Rubric.ts"
import * as RuleBasedPolicy from "./RuleBasedPolicy.ts"

/**
 * Asks engines in order; the first that does not abstain decides. An engine that fails ends the search, because it might have
 * declined.
 *
 * **Example** (Allow a single command)
 *
 * ```ts
 * import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
 * import * as Policy from "@effect-codex/policy/Policy"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 *
 * const uptime = PolicyEngine.make({
 *   command: ({ params }) =>
 *     Effect.succeed(
 *       params.command === "/bin/bash -lc uptime" ? { decision: "accept", by: "uptime" } : undefined
 *     )
 * })
 * const never = PolicyEngine.make({
 *   command: () => Effect.succeed({ decision: "cancel", by: "never" })
 * })
 *
 * export const layer = Layer.succeed(PolicyEngine.PolicyEngine)(Policy.firstOf(uptime, never))
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const firstOf = (...engines: ReadonlyArray<PolicyEngine.Engine>): PolicyEngine.Engine =>
  forEachKind(<K extends PolicyEngine.Kind>(kind: K): PolicyEngine.Decide<K> =>
    Effect.fnUntraced(function* (request): Effect.fn.Return<PolicyEngine.Verdict<K> | undefined, PolicyFailed> {
      for (const engine of engines) {
        const verdict = yield* ask(engine, kind, request)
        if (verdict !== undefined) return verdict
      }
      return undefined
    })
  )

/**
 * Accepts only what all engines accept. The first refusal is the decision, and later engines are not asked.
 *
 * **Details**
 *
 * An engine that abstains has not accepted, so the request is declined. If all engines abstain, so does the combination. If one
 * fails, so does the combination. Of two different accepting decisions, the common part is taken: the plain `accept` of a
 * command or a file change. Two different grants or answers have no common part, and the request is declined.
 *
 * @category combinators
 * @since 0.1.0
 */
export const allOf = (...engines: ReadonlyArray<PolicyEngine.Engine>): PolicyEngine.Engine =>
  forEachKind(<K extends PolicyEngine.Kind>(kind: K, decline: PolicyEngine.Decisions[K]): PolicyEngine.Decide<K> =>
    Effect.fnUntraced(function* (request): Effect.fn.Return<PolicyEngine.Verdict<K> | undefined, PolicyFailed> {
      const accepted: Array<PolicyEngine.Verdict<K>> = []
      for (const engine of engines) {
        const verdict = yield* ask(engine, kind, request)
        if (verdict === undefined) continue
        if (!isAccepting(verdict.decision)) return verdict
        accepted.push(verdict)
      }
      if (accepted.length === 0) return undefined
      if (accepted.length < engines.length) {
        return { decision: decline, by: "allOf", reason: `accepted by ${namesOf(accepted)} and not by all` }
      }
      return agreement(accepted) ?? { decision: decline, by: "allOf", reason: disagreement(accepted) }
    })
  )

/**
 * Lets each vetoer overrule what the engine accepts. Anything other than an explicit accept counts as a veto: a refusal, an
 * abstention, a failure, or a timeout set with {@link withTimeout}.
 *
 * **Details**
 *
 * Vetoers are asked in order, and only about requests that the engine accepts; the first veto ends the search. A vetoer that
 * accepts less than the engine (once, instead of for the session) narrows the decision.
 *
 * **Example** (A judge, and a fixed rule that can overrule it within a second)
 *
 * ```ts
 * import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
 * import * as Policy from "@effect-codex/policy/Policy"
 * import * as Effect from "effect/Effect"
 *
 * const office = PolicyEngine.make({
 *   command: ({ params }) =>
 *     Effect.succeed({ decision: params.cwd === "/srv/production" ? "decline" : "accept", by: "office" })
 * })
 *
 * export const guarded = (judge: PolicyEngine.Engine) =>
 *   Policy.vetoed(judge, Policy.withTimeout(office, "1 second"))
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const vetoed: {
  (
    vetoers: PolicyEngine.Engine | ReadonlyArray<PolicyEngine.Engine>
  ): (engine: PolicyEngine.Engine) => PolicyEngine.Engine
  (engine: PolicyEngine.Engine, vetoers: PolicyEngine.Engine | ReadonlyArray<PolicyEngine.Engine>): PolicyEngine.Engine
} = dual(
  2,
  (
    engine: PolicyEngine.Engine,
    vetoers: PolicyEngine.Engine | ReadonlyArray<PolicyEngine.Engine>
  ): PolicyEngine.Engine => {
    const all = isEngine(vetoers) ? [vetoers] : vetoers
    return forEachKind(
      <K extends PolicyEngine.Kind>(kind: K, decline: PolicyEngine.Decisions[K]): PolicyEngine.Decide<K> =>
        Effect.fnUntraced(function* (request): Effect.fn.Return<PolicyEngine.Verdict<K> | undefined, PolicyFailed> {
          const verdict = yield* ask(engine, kind, request)
          if (verdict === undefined || !isAccepting(verdict.decision)) return verdict
          const accepted: Array<PolicyEngine.Verdict<K>> = [verdict]
          for (const vetoer of all) {
            const consent = yield* Effect.result(ask(vetoer, kind, request))
            if (Result.isFailure(consent)) {
              yield* Effect.logWarning(`A veto on a ${kind} request, as the vetoer failed: ${consent.failure.message}`)
              return { decision: decline, by: "vetoed", reason: "a vetoer failed" }
            }
            if (consent.success === undefined) return { decision: decline, by: "vetoed", reason: "a vetoer abstained" }
            if (!isAccepting(consent.success.decision)) return consent.success
            accepted.push(consent.success)
          }
          return agreement(accepted) ?? { decision: decline, by: "vetoed", reason: disagreement(accepted) }
        })
    )
  }
)

const isEngine = (vetoers: PolicyEngine.Engine | ReadonlyArray<PolicyEngine.Engine>): vetoers is PolicyEngine.Engine =>
  !Array.isArray(vetoers)

/**
 * Adds a timeout to an engine. After the timeout the decision fails, which declines the request; the engine is interrupted
 * without waiting for its finalizers. An invalid duration, such as zero or infinity, fails every decision too: `PolicyFailed`
 * has the `InvalidConfig` as its cause.
 *
 * **Example** (Three seconds for an engine that asks a service)
 *
 * ```ts
 * import type * as PolicyEngine from "@effect-codex/core/PolicyEngine"
 * import * as Policy from "@effect-codex/policy/Policy"
 *
 * export const inTime = (remote: PolicyEngine.Engine) => Policy.withTimeout(remote, "3 seconds")
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const withTimeout: {
  (duration: Duration.Input): (engine: PolicyEngine.Engine) => PolicyEngine.Engine
  (engine: PolicyEngine.Engine, duration: Duration.Input): PolicyEngine.Engine
} = dual(2, (engine: PolicyEngine.Engine, duration: Duration.Input): PolicyEngine.Engine => {
  const checked = Effect.mapError(
    CheckedOption.timeout("duration", duration),
    (cause) => new PolicyFailed({ description: cause.message, cause })
  )
  return forEachKind(<K extends PolicyEngine.Kind>(kind: K): PolicyEngine.Decide<K> =>
    Effect.fnUntraced(function* (request) {
      const deadline = yield* checked
      const exit = yield* Effect.timeoutOption(exitWithoutWaiting(ask(engine, kind, request)), deadline)
      if (Option.isSome(exit)) return yield* exit.value
      return yield* new PolicyFailed({ description: `it took longer than ${Duration.format(deadline)}` })
    })
  )
})

/**
 * Asks an engine, logs its verdict, and abstains. Use it to try a new policy next to the current one, as in
 * `firstOf(dryRun(candidate), current)`.
 *
 * **Details**
 *
 * It logs one line at level Info for each request: the decision, its author and its reason, with secrets redacted. It never logs
 * the content of requests or answers. A failure of the engine is only logged. The engine does not get requests that only a
 * person may answer. The decision waits for the engine: see {@link withTimeout}.
 *
 * @category combinators
 * @since 0.1.0
 */
export const dryRun = (engine: PolicyEngine.Engine): PolicyEngine.Engine =>
  forEachKind(<K extends PolicyEngine.Kind>(kind: K): PolicyEngine.Decide<K> =>
    Effect.fnUntraced(function* (request) {
      if (isForPerson(request)) return undefined
      const said = sayOf(yield* Effect.result(ask(engine, kind, request)))
      yield* Effect.logInfo(`Dry run of a ${kind} request: ${toJson(Redaction.value(said))}`)
      return undefined
    })
  )

/**
 * The options of a shadow.
 *
 * @category options
 * @since 0.1.0
 */
export interface ShadowOptions {
  /** The timeout of the candidate, after which it counts as failed. Default: 10 seconds. */
  readonly timeout?: Duration.Input | undefined
  /** The number of concurrent requests to the candidate. It never gets requests beyond that. Default: 4. */
  readonly concurrency?: number | undefined
  /**
   * Called with both verdicts. Default: logs a line with secrets redacted, at level Info if they differ, or else Debug.
   */
  readonly record?: ((compared: Compared) => Effect.Effect<void>) | undefined
}

/**
 * The verdict of an engine in words, without the content of the request or the answer.
 *
 * @category models
 * @since 0.1.0
 */
export interface Said {
  /** The decision, `abstain` or `fail`. */
  readonly would: string
  readonly by?: string | undefined
  readonly reason?: string | undefined
}

/**
 * The verdicts of two engines on one request.
 *
 * @category models
 * @since 0.1.0
 */
export interface Compared {
  readonly kind: PolicyEngine.Kind
  readonly threadId: string
  readonly turnId: string | undefined
  readonly live: Said
  readonly candidate: Said
  /** Whether the candidate would have decided differently. */
  readonly differs: boolean
  /** The number of earlier requests that the candidate did not get, because too many were open. */
  readonly skipped: number
}

/**
 * Decides like the live engine, and records the decision that the candidate would have made. Use it to try a policy on real
 * requests.
 *
 * **Details**
 *
 * Only the verdict of the live engine counts, and it never waits: the candidate is asked afterwards, in a fiber of the scope. It
 * has no effect, even if it accepts, fails, throws or hangs. The candidate does not get requests that only a person may answer,
 * or that the server has withdrawn.
 *
 * In contrast, {@link dryRun} is an engine that abstains, as a part of a combination, and the decision waits for it. A shadow
 * replaces the live engine, and the decision does not wait.
 *
 * **Example** (A stricter rubric on trial)
 *
 * ```ts
 * import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
 * import * as Policy from "@effect-codex/policy/Policy"
 * import * as RuleBasedPolicy from "@effect-codex/policy/RuleBasedPolicy"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 *
 * export const layer = Layer.effect(PolicyEngine.PolicyEngine)(
 *   Effect.gen(function* () {
 *     const live = yield* RuleBasedPolicy.make({ mode: "balanced" })
 *     const candidate = yield* RuleBasedPolicy.make({ mode: "strict" })
 *     return yield* Policy.shadow(live, candidate)
 *   })
 * )
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const shadow: (
  live: PolicyEngine.Engine,
  candidate: PolicyEngine.Engine,
  options?: ShadowOptions
) => Effect.Effect<PolicyEngine.Engine, InvalidConfig, Scope.Scope> = Effect.fnUntraced(function* (
  live: PolicyEngine.Engine,
  candidate: PolicyEngine.Engine,
  options?: ShadowOptions
) {
  const timeout = yield* CheckedOption.timeout("timeout", options?.timeout ?? Duration.seconds(10))
  const concurrency = yield* CheckedOption.count("concurrency", options?.concurrency ?? 4, 1)
  const record = options?.record ?? logCompared
  const inTime = withTimeout(candidate, timeout)
  const fibers = yield* FiberSet.make()
  let running = 0
  let skipped = 0

  const compare = Effect.fnUntraced(function* <K extends PolicyEngine.Kind>(
    kind: K,
    request: PolicyEngine.Request<K>,
    said: Said
  ) {
    const other = sayOf(yield* Effect.result(ask(inTime, kind, request)))
    const { threadId, turnId } = request
    const differs = other.would !== said.would
    const compared: Compared = { kind, threadId, turnId, live: said, candidate: other, differs, skipped }
    skipped = 0
    yield* record(compared)
  })

  const start = <K extends PolicyEngine.Kind>(kind: K, request: PolicyEngine.Request<K>, said: Said) => {
    if (running >= concurrency) {
      skipped++
      return Effect.void
    }
    running++
    const comparing = compare(kind, request, said).pipe(
      Effect.catchCause((cause) => Effect.logWarning("A shadow could not be recorded", cause)),
      Effect.ensuring(
        Effect.sync(() => {
          running--
        })
      )
    )
    return Effect.asVoid(FiberSet.run(fibers, comparing, { startImmediately: false }))
  }

  return forEachKind(<K extends PolicyEngine.Kind>(kind: K): PolicyEngine.Decide<K> => {
    return (request) =>
      isForPerson(request)
        ? live[kind](request)
        : Effect.onExit(
            Effect.suspend(() => live[kind](request)),
            Exit.match({
              onSuccess: (verdict) => start(kind, request, sayOf(Result.succeed(verdict))),
              onFailure: (cause) =>
                Cause.hasInterrupts(cause) ? Effect.void : start(kind, request, sayOf(Result.fail(failureIn(cause))))
            })
          )
  })
})

const failureIn = (cause: Cause.Cause<PolicyFailed>): PolicyFailed =>
  Result.getOrElse(Cause.findError(cause), () => new PolicyFailed({ description: "it had a defect" }))

const sayOf = (result: Result.Result<PolicyEngine.Verdict<PolicyEngine.Kind> | undefined, PolicyFailed>): Said =>
  Result.match(result, {
    onFailure: (error): Said => ({ would: "fail", reason: error.message }),
    onSuccess: (verdict): Said =>
      verdict === undefined
        ? { would: "abstain" }
        : { would: describe(verdict.decision), by: verdict.by, reason: verdict.reason }
  })

const logCompared = (compared: Compared): Effect.Effect<void> => {
  const line = `Shadow of a ${compared.kind} request: ${toJson(Redaction.value(compared))}`
  return compared.differs ? Effect.logInfo(line) : Effect.logDebug(line)
}

/**
 * Uses a separate engine for each kind of request. Abstains on kinds without an engine.
 *
 * @category combinators
 * @since 0.1.0
 */
export const byKind = (engines: {
  readonly [K in PolicyEngine.Kind]?: PolicyEngine.Engine | undefined
}): PolicyEngine.Engine =>
  forEachKind(
    <K extends PolicyEngine.Kind>(kind: K): PolicyEngine.Decide<K> => engines[kind]?.[kind] ?? (() => Effect.undefined)
  )

/**
 * Uses a separate engine for each of the program's own tools, by name; for a tool in a namespace, the name is
 * `namespace.name`. Abstains on calls of other tools, and on all other kinds.
 *
 * @category combinators
 * @since 0.1.0
 */
export const byTool = (engines: { readonly [tool: string]: PolicyEngine.Engine }): PolicyEngine.Engine => {
  const known = new Map(Object.entries(engines))
  return PolicyEngine.make({
    toolCall: (request) => {
      const { namespace, tool } = request.params
      return known.get(namespace == null ? tool : `${namespace}.${tool}`)?.toolCall(request) ?? Effect.undefined
    }
  })
}

/**
 * Functions that decide before an engine.
 *
 * @category models
 * @since 0.1.0
 */
export type Hooks = Parameters<typeof PolicyEngine.make>[0]

/**
 * Adds hooks to an engine. A hook overrules the engine; if it abstains, or there is none for the kind, the engine decides.
 *
 * **Details**
 *
 * If a hook fails, throws, or returns a decision that the request does not allow, the request is declined. Requests that only a
 * person may answer skip the hooks.
 *
 * **Example** (Never call one tool, regardless of the engine)
 *
 * ```ts
 * import type * as PolicyEngine from "@effect-codex/core/PolicyEngine"
 * import * as Policy from "@effect-codex/policy/Policy"
 * import * as Effect from "effect/Effect"
 *
 * export const withoutDeploy: (engine: PolicyEngine.Engine) => PolicyEngine.Engine = Policy.withHooks({
 *   toolCall: ({ params }) =>
 *     Effect.succeed(params.tool === "deploy" ? { decision: "decline", by: "no deploys" } : undefined)
 * })
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const withHooks: {
  (hooks: Hooks): (engine: PolicyEngine.Engine) => PolicyEngine.Engine
  (engine: PolicyEngine.Engine, hooks: Hooks): PolicyEngine.Engine
} = dual(2, (engine: PolicyEngine.Engine, hooks: Hooks): PolicyEngine.Engine => {
  const hooked = firstOf(PolicyEngine.make(hooks), engine)
  return forEachKind(
    <K extends PolicyEngine.Kind>(kind: K): PolicyEngine.Decide<K> =>
      (request) =>
        isForPerson(request) ? engine[kind](request) : hooked[kind](request)
  )
})

/**
 * A function that is called with each decision before it takes effect; `undefined` is an abstention.
 *
 * @category models
 * @since 0.1.0
 */
export type Observer = <K extends PolicyEngine.Kind>(
  request: PolicyEngine.Request<K>,
  verdict: PolicyEngine.Verdict<K> | undefined
) => Effect.Effect<void>

/**
 * Calls `observer` with each decision before it takes effect. The observer cannot change the decision, and the decision waits
 * for it.
 *
 * **Example** (Limit an engine, then watch it)
 *
 * ```ts
 * import type * as PolicyEngine from "@effect-codex/core/PolicyEngine"
 * import * as Policy from "@effect-codex/policy/Policy"
 * import * as Console from "effect/Console"
 * import { pipe } from "effect/Function"
 *
 * export const watched = (engine: PolicyEngine.Engine) =>
 *   pipe(
 *     engine,
 *     Policy.withTimeout("5 seconds"),
 *     Policy.tap(({ kind }, verdict) => Console.log(kind, verdict?.decision ?? "abstains"))
 *   )
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const tap: {
  (observer: Observer): (engine: PolicyEngine.Engine) => PolicyEngine.Engine
  (engine: PolicyEngine.Engine, observer: Observer): PolicyEngine.Engine
} = dual(2, (engine: PolicyEngine.Engine, observer: Observer): PolicyEngine.Engine =>
  forEachKind(<K extends PolicyEngine.Kind>(kind: K): PolicyEngine.Decide<K> => {
    return (request) => Effect.tap(engine[kind](request), (verdict) => observer(request, verdict))
  })
)

/**
 * Builds the engine of a layer, to combine it with others.
 *
 * **Example** (Both must accept)
 *
 * ```ts
 * import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
 * import * as LlmJudgePolicy from "@effect-codex/policy/LlmJudgePolicy"
 * import * as Policy from "@effect-codex/policy/Policy"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 *
 * const noSecrets = PolicyEngine.make({
 *   fileChange: ({ item }) => {
 *     const changes = item?.type === "fileChange" ? item.changes : []
 *     return Effect.succeed(
 *       changes.some(({ path }) => path.includes(".env"))
 *         ? { decision: "decline", by: "noSecrets" }
 *         : { decision: "accept", by: "noSecrets" }
 *     )
 *   }
 * })
 *
 * export const layer = Layer.effect(PolicyEngine.PolicyEngine)(
 *   Effect.map(Policy.fromLayer(LlmJudgePolicy.layer()), (judge) => Policy.allOf(noSecrets, judge))
 * )
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromLayer = <E, R>(
  layer: Layer.Layer<PolicyEngine.PolicyEngine, E, R>
): Effect.Effect<PolicyEngine.Engine, E, R | Scope.Scope> =>
  Effect.map(Layer.build(layer), (context) => Context.get(context, PolicyEngine.PolicyEngine))

/**
 * Lets a program run even if the layer of its policy cannot be built: the failure is logged once, and every request is declined.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerFailClosed = <E, R>(
  layer: Layer.Layer<PolicyEngine.PolicyEngine, E, R>
): Layer.Layer<PolicyEngine.PolicyEngine, never, R> =>
  Layer.catchCause(layer, (cause) => {
    const why = Redaction.text(Cause.pretty(cause).split("\n")[0] ?? "")
    const failed = Effect.fail(new PolicyFailed({ description: "its layer could not be built" }))
    return Layer.effect(PolicyEngine.PolicyEngine)(
      Effect.as(
        Effect.logError(`The policy could not be built, so every request is declined: ${why}`),
        forEachKind(() => () => failed)
      )
    )
  })

/**
 * A function that builds the layer of a judge from the options in a rubric, such as `LlmJudgePolicy.layer`.
 *
 * @category models
 * @since 0.1.0
 */
export type JudgeLayer<E = never, R = never> = (options: {
  readonly systemRubric?: string | undefined
}) => Layer.Layer<PolicyEngine.PolicyEngine, E, R>

/**
 * The engine that a rubric describes: its rules, and with `useLlmJudge` a judge for requests that no rule matches.
 *
 * **Details**
 *
 * With a judge, the rubric's `mode` and `defaults` do not apply: the judge gets every request that no rule matches, and a
 * request that it does not decide is declined. A rubric with `useLlmJudge` fails without a judge, because its rules alone would
 * be a different policy.
 *
 * **Example** (Rules first, and a judge for the rest)
 *
 * ```ts
 * import * as LlmJudgePolicy from "@effect-codex/policy/LlmJudgePolicy"
 * import * as Policy from "@effect-codex/policy/Policy"
 * import * as NodeServices from "@effect/platform-node/NodeServices"
 * import * as Layer from "effect/Layer"
 *
 * export const layer = Policy.layerFromRubric(
 *   {
 *     systemRubric: "Accept what builds or tests this project. Decline the rest.",
 *     useLlmJudge: true,
 *     commandRules: [{ name: "no push", when: { program: "git", argsPrefix: ["push"] }, decision: "decline" }]
 *   },
 *   LlmJudgePolicy.layer
 * ).pipe(Layer.provide(NodeServices.layer))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerFromRubric = <E = never, R = never>(
  rubric: PolicyRubric,
  judge?: JudgeLayer<E, R>,
  options?: Pick<RuleBasedPolicy.Options, "baseDirectory">
): Layer.Layer<PolicyEngine.PolicyEngine, E | InvalidRubric, FileSystem.FileSystem | R> =>
  Layer.effect(PolicyEngine.PolicyEngine)(
    Effect.gen(function* () {
      if (rubric.useLlmJudge !== true) return yield* RuleBasedPolicy.make(rubric, options)
      const rules = yield* RuleBasedPolicy.make(rubric, { ...options, unmatched: "abstain" })
      if (judge === undefined) {
        const problem = { path: "useLlmJudge", description: "the rubric wants a judge, and there is none" }
        return yield* new InvalidRubric({ problems: [problem] })
      }
      return firstOf(rules, yield* fromLayer(judge({ systemRubric: rubric.systemRubric })))
    })
  )

/**
 * Builds the policy from the given parts. Hooks decide before the engine. `engine` takes precedence over `rubric`; with neither,
 * every request that the hooks leave open is declined.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <E = never, R = never, E2 = never, R2 = never>(options: {
  readonly hooks?: Hooks | undefined
  readonly engine?: Layer.Layer<PolicyEngine.PolicyEngine, E, R> | undefined
  readonly rubric?: PolicyRubric | undefined
  /** The absolute folder to which relative folders of the rubric refer. */
  readonly baseDirectory?: string | undefined
  /** The judge of the rubric. */
  readonly judge?: JudgeLayer<E2, R2> | undefined
}): Layer.Layer<PolicyEngine.PolicyEngine, E | E2 | InvalidRubric, FileSystem.FileSystem | R | R2> => {
  const { baseDirectory, engine, hooks = {}, judge, rubric } = options
  const below: Layer.Layer<PolicyEngine.PolicyEngine, E | E2 | InvalidRubric, FileSystem.FileSystem | R | R2> =
    engine ?? (rubric === undefined ? PolicyEngine.layerDeclineAll : layerFromRubric(rubric, judge, { baseDirectory }))
  return Layer.effect(PolicyEngine.PolicyEngine)(Effect.map(fromLayer(below), (engine) => withHooks(engine, hooks)))
}
