/**
 * A language model that decides on an agent's requests.
 *
 * The judge gets each request in a new thread without history, and has eight seconds to decide. It can accept once, decline, or
 * answer a question of the agent. Any other result (a late answer, prose, an illegal decision, a failure) falls back to
 * declining. The judge reads text of the model that it judges, and can be talked into accepting. Let rules that cannot be fooled
 * decide first, and leave only the remaining requests to the judge.
 *
 * @stability stable
 * @since 0.1.0
 */
import type * as AppServer from "@effect-codex/core/AppServer"
import * as CheckedOption from "@effect-codex/core/CheckedOption"
import * as Codex from "@effect-codex/core/Codex"
import type { CodexNotFound, ConnectionFailed, InvalidConfig } from "@effect-codex/core/CodexError"
import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
import * as Redaction from "@effect-codex/core/Redaction"
import type * as Thread from "@effect-codex/core/Thread"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Cache from "effect/Cache"
import * as Cause from "effect/Cause"
import * as Digest from "effect/crypto/Digest"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import type * as PlatformError from "effect/PlatformError"
import type { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import type * as Result from "effect/Result"
import * as Semaphore from "effect/Semaphore"
import * as CheckedOptions from "./internal/checkedOptions.ts"
import { escape } from "./internal/text.ts"
import * as JudgeCatalog from "./internal/judge/catalog.ts"
import * as Judgement from "./internal/judge/judgement.ts"
import * as JudgeServer from "./internal/judge/server.ts"
import * as JudgeThread from "./internal/judge/thread.ts"
import { exitWithoutWaiting } from "./internal/engine/exitWithoutWaiting.ts"

/**
 * A question to a judge.
 *
 * @category models
 * @since 0.1.0
 */
export interface Question {
  readonly kind: Judgement.JudgedKind
  /** The role of the judge, the rubric, and the answer format, as system or developer instructions. */
  readonly instructions: string
  /** The request, as data. */
  readonly prompt: string
  /** The schema of the answer. */
  readonly answer: Judgement.Form
}

/**
 * Puts a question to a model and returns its unprocessed answer, which must be JSON and nothing else. Of a failure, only the
 * message is logged.
 *
 * @category models
 * @since 0.1.0
 */
export type Ask<E = never> = (question: Question) => Effect.Effect<string, E>

/**
 * The decision if the judge does not decide. `abstain` leaves the request to the next engine, as in `firstOf(judge, human)`. No
 * fallback accepts.
 *
 * @category models
 * @since 0.1.0
 */
export interface Fallback {
  /** Default: `decline`. */
  readonly command?: "decline" | "cancel" | "abstain" | undefined
  /** Default: `decline`. */
  readonly fileChange?: "decline" | "cancel" | "abstain" | undefined
  /** Default: `decline`. */
  readonly toolCall?: "decline" | "abstain" | undefined
  /** Default: `empty`, which sends no answers. */
  readonly userInput?: "empty" | "abstain" | undefined
}

/**
 * The options of every judge.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** The criteria of the judge, in words. Default: {@link defaultRubric}. */
  readonly systemRubric?: string | undefined
  /** The timeout of a decision, including its wait for earlier ones: above zero and finite. Default: 8 seconds. */
  readonly timeout?: Duration.Input | undefined
  /** The number of concurrent questions, at least 1; further ones wait. Default: 4. */
  readonly concurrency?: number | "unbounded" | undefined
  /** Whether the judge sees the whole request, or only its ids. Default: true. */
  readonly includeParams?: boolean | undefined
  /** The maximum length of a request in characters. Longer ones are not put to the judge. Default: 8000. */
  readonly maxParamsChars?: number | undefined
  readonly fallback?: Fallback | undefined
  /**
   * Caches decisions, and reuses them for identical requests. Requests are identical if all their data from the server is equal,
   * including the working directory but except ids and times. The state of the machine does not count. Default: off.
   */
  readonly cache?:
    | {
        /** How long a decision is kept: a duration above zero, or `Duration.infinity`. */
        readonly timeToLive: Duration.Input
        /** The number of decisions to keep. Default: 1000. */
        readonly capacity?: number | undefined
      }
    | undefined
}

/**
 * The Codex model that judges. `null` leaves a setting to the server.
 *
 * @category models
 * @since 0.1.0
 */
export interface CodexOptions extends Options {
  /** Default: the server's configured model. */
  readonly model?: string | null | undefined
  /** Default: `medium`. */
  readonly effort?: Thread.TurnOptions["effort"]
  /** Default: `none`. */
  readonly summary?: Thread.TurnOptions["summary"]
}

/**
 * The options of a judge's own server.
 *
 * @category models
 * @since 0.1.0
 */
export interface ServerOptions
  extends CodexOptions, Pick<AppServer.Options, "args" | "binary" | "config" | "env" | "extendEnv" | "shutdownGrace"> {
  /**
   * The codex home whose account and model the judge uses. Of its `config.toml`, only the settings of the model and its provider
   * apply. Default: `CODEX_HOME` in the environment of the server, or `.codex` in the user's home.
   */
  readonly codexHome?: string | undefined
}

/**
 * The criteria of a judge without a rubric of its own.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultRubric: string = Judgement.defaultRubric

const name = "llmJudge"

const check = (options: Options | undefined) => {
  const { cache, fallback } = options ?? {}
  const answers = ["decline", "cancel", "abstain"] as const
  return Effect.all({
    timeout: CheckedOption.timeout("timeout", options?.timeout ?? Duration.seconds(8)),
    concurrency: CheckedOptions.concurrency("concurrency", options?.concurrency ?? 4),
    maxParamsChars: CheckedOption.count("maxParamsChars", options?.maxParamsChars ?? 8000, 1),
    cacheOptions:
      cache === undefined
        ? Effect.undefined
        : Effect.all({
            capacity: CheckedOption.count("cache.capacity", cache.capacity ?? 1000, 1),
            timeToLive: CheckedOptions.timeoutOrInfinity("cache.timeToLive", cache.timeToLive)
          }),
    fallback: Effect.all({
      command: CheckedOptions.oneOf("fallback.command", fallback?.command ?? "decline", answers),
      fileChange: CheckedOptions.oneOf("fallback.fileChange", fallback?.fileChange ?? "decline", answers),
      toolCall: CheckedOptions.oneOf("fallback.toolCall", fallback?.toolCall ?? "decline", ["decline", "abstain"]),
      userInput: CheckedOptions.oneOf("fallback.userInput", fallback?.userInput ?? "empty", ["empty", "abstain"])
    })
  })
}

/**
 * Makes an engine from a function that asks a model.
 *
 * **Details**
 *
 * The engine decides on commands, file changes, calls of the program's own tools and questions to the user. It abstains on
 * everything else, and on commands that only a person may accept. The `by` of a verdict is `llmJudge`, or `llmJudge (cached)` if
 * it comes from the cache. A fallback is by `llmJudge fallback`, with the cause as its reason, and is logged at level Warn.
 *
 * If a decision is interrupted or times out, the function is interrupted without waiting for its finalizers. Until it has ended,
 * it counts as one of the concurrent questions. Fails with `InvalidConfig` if a duration, a number or a fallback among the
 * options is invalid.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: <E>(ask: Ask<E>, options?: Options) => Effect.Effect<PolicyEngine.Engine, InvalidConfig> =
  Effect.fnUntraced(
    function* <E>(ask: Ask<E>, options?: Options) {
      const digest = yield* Digest.Digest
      const random = yield* SecureRandom.SecureRandom
      const rubric = options?.systemRubric ?? defaultRubric
      const { cacheOptions, concurrency, fallback, maxParamsChars, timeout } = yield* check(options)
      const showing = { includeParams: options?.includeParams ?? true, maxParamsChars }
      const turns = concurrency === "unbounded" ? undefined : Semaphore.makeUnsafe(concurrency)
      const cache =
        cacheOptions === undefined
          ? undefined
          : yield* Cache.make<string, Judgement.Read<"accept" | "decline">>({
              ...cacheOptions,
              // Decisions are written to the cache below.
              lookup: () => Effect.never
            })

      // Fails with the reason if there is no decision.
      const judge = Effect.fn("LlmJudgePolicy.judge")(function* <D>(
        request: Judgement.Judged,
        subject: object,
        read: (answer: string, hash: string) => Result.Result<Judgement.Read<D>, string>
      ): Effect.fn.Return<Judgement.Read<D>, string> {
        const { kind } = request
        const data = yield* Effect.fromResult(Judgement.dataOf(request, subject, showing))
        const asking = Effect.gen(function* () {
          const mark = yield* random.uuidV4()
          const digested = yield* digest.digestHex(Digest.sha256, new TextEncoder().encode(`${mark}\n${data}`))
          const hash = digested.slice(0, 16)
          const question: Question = {
            kind,
            instructions: Judgement.instructionsOf(kind, rubric),
            prompt: Judgement.promptOf({ data, mark, hash }),
            answer: kind === "userInput" ? Judgement.Answers : Judgement.Ruling
          }
          const asked = Effect.suspend(() => ask(question))
          const answer = yield* turns === undefined ? asked : turns.withPermit(asked)
          return { answer, hash }
        })
        const exit = yield* Effect.timeoutOption(exitWithoutWaiting(asking), timeout)
        if (Option.isNone(exit)) return yield* Effect.fail(`it did not answer within ${Duration.format(timeout)}`)
        if (Exit.isFailure(exit.value)) {
          const [message = ""] = Cause.pretty(exit.value.cause).split("\n")
          return yield* Effect.fail(`asking it failed: ${escape(Redaction.text(message).slice(0, 300))}`)
        }
        const { answer, hash } = exit.value.value
        return yield* Effect.fromResult(read(answer, hash))
      })

      const fallBack = <D>(request: Judgement.Judged, why: string, decision: D | "abstain") =>
        Effect.as(
          Effect.logWarning(
            `The judge did not decide on a ${request.kind} request (${typeof decision === "string" ? decision : "no answers"}): ${why}`
          ),
          decision === "abstain" ? undefined : { decision, by: `${name} fallback`, reason: why }
        )

      const rule = <D extends "decline" | "cancel">(
        request: Judgement.Judged,
        fallback: D | "abstain",
        offered = true
      ) =>
        Effect.gen(function* () {
          const subject = yield* Effect.fromResult(Judgement.subjectOf(request))
          const key = JSON.stringify(subject)
          const cached = cache === undefined ? Option.none() : yield* Cache.getOption(cache, key)
          if (Option.isSome(cached)) return { ...cached.value, by: `${name} (cached)` }
          const ruling = yield* judge(request, subject, Judgement.readRuling)
          if (ruling.decision === "accept" && !offered) {
            return yield* Effect.fail("it accepted what the server does not offer to accept")
          }
          if (cache !== undefined) yield* Cache.set(cache, key, ruling)
          return { ...ruling, by: name }
        }).pipe(Effect.catch((why) => fallBack(request, why, fallback)))

      return PolicyEngine.make({
        command: (request) =>
          Judgement.isJudged(request)
            ? rule(request, fallback.command, request.availableDecisions?.includes("accept") ?? true)
            : Effect.undefined,
        fileChange: (request) => rule(request, fallback.fileChange),
        toolCall: (request) => rule<"decline">(request, fallback.toolCall),
        userInput: (request) =>
          Effect.fromResult(Judgement.subjectOf(request)).pipe(
            Effect.flatMap((subject) =>
              judge(request, subject, (answer, hash) =>
                Judgement.readAnswers(answer, hash, Judgement.openQuestions(request))
              )
            ),
            Effect.map((answered) => ({ ...answered, by: name })),
            Effect.catch((why) =>
              fallBack(request, why, fallback.userInput === "abstain" ? "abstain" : { answers: {} })
            )
          )
      })
    },
    Effect.provide(Layer.merge(Digest.layerWebCrypto, SecureRandom.layerWebCrypto))
  )

/**
 * A judge with its own server, which takes only the account and the model from the user's configuration.
 *
 * **Details**
 *
 * The server starts with the layer, in an empty folder and with a temporary home that the scope removes. Each decision gets an
 * ephemeral thread without tools, sub-agents, MCP servers, skills, web search or project instructions, and all approval requests
 * of that thread are declined. If a question got no answer for any reason, the next one gets a new server.
 *
 * **Gotchas**
 *
 * The account is linked, not copied: the server renews the tokens in the user's own `auth.json`. An account in the system's
 * keyring is not found, because codex looks it up there by the path of its home. On Windows, creating the link may require a
 * privilege.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options?: ServerOptions
): Layer.Layer<
  PolicyEngine.PolicyEngine,
  CodexNotFound | ConnectionFailed | InvalidConfig | PlatformError.PlatformError,
  ChildProcessSpawner | FileSystem.FileSystem | Path.Path
> =>
  Layer.effect(PolicyEngine.PolicyEngine)(
    check(options).pipe(
      Effect.andThen(JudgeServer.renewing(JudgeServer.start({ ...options, settings: threadSettings(options) }))),
      Effect.flatMap((ask) => make(ask, options))
    )
  )

/**
 * A judge in an existing Codex. It saves a process, but is less isolated.
 *
 * **Details**
 *
 * Its threads are as bare as those of {@link layer}, except that the user's own `AGENTS.md` still reaches them. With
 * `experimentalApi: true` in the options of the Codex, the threads have no environment to run anything in; without it, their
 * tools are disabled and the sandbox is read-only. The thread and turn defaults of the Codex do not apply.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerCodex = (
  options?: CodexOptions
): Layer.Layer<
  PolicyEngine.PolicyEngine,
  InvalidConfig | PlatformError.PlatformError,
  Codex.Codex | ChildProcessSpawner | FileSystem.FileSystem | Path.Path
> =>
  Layer.effect(PolicyEngine.PolicyEngine)(
    Effect.gen(function* () {
      const codex = yield* Codex.Codex
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const root = yield* Effect.flatMap(fs.makeTempDirectoryScoped({ prefix: "effect-codex-judge-" }), fs.realPath)
      const cwd = path.join(root, "work")
      yield* fs.makeDirectory(cwd)
      const { binary, codexHome } = codex.serverInfo
      const env = { ...globalThis.process.env, CODEX_HOME: codexHome }
      const file = path.join(root, "models.json")
      const catalog =
        binary === undefined
          ? Effect.undefined
          : Fiber.join(yield* Effect.forkScoped(JudgeCatalog.write({ binary, env, args: [], file })))
      return yield* make(JudgeThread.ask(codex, { ...threadSettings(options), cwd, config: {}, catalog }), options)
    })
  )

const threadSettings = (options: CodexOptions | undefined) => ({
  model: options?.model ?? null,
  effort: options?.effort === undefined ? "medium" : options.effort,
  summary: options?.summary === undefined ? "none" : options.summary
})

/**
 * A judge that uses any Effect `LanguageModel`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerLanguageModel = (
  options?: Options
): Layer.Layer<PolicyEngine.PolicyEngine, InvalidConfig, LanguageModel.LanguageModel> =>
  Layer.effect(PolicyEngine.PolicyEngine)(
    Effect.flatMap(LanguageModel.LanguageModel, (model) =>
      make(
        ({ answer, instructions, prompt }) =>
          model
            .generateObject({
              objectName: "ruling",
              prompt: [
                { role: "system", content: instructions },
                { role: "user", content: [{ type: "text", text: prompt }] }
              ],
              schema: answer
            })
            .pipe(
              Effect.map(({ text }) => text),
              // Text that does not decode is passed on, since this module distinguishes an illegal decision from prose.
              Effect.catchReason("AiError", "StructuredOutputError", ({ responseText }) => Effect.succeed(responseText))
            ),
        options
      )
    )
  )
