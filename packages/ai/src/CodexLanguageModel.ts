/**
 * Codex as a `LanguageModel` of `effect/ai`, so that programs written for `effect/ai` run on a codex account.
 *
 * Each request is a turn of an agent, which can run commands and change files, in its sandbox and under the policy, before it
 * answers. A prompt that continues an earlier one goes to the thread that has its beginning. A request that codex does not
 * support, such as a forced tool call, fails with an `AiError`; nothing is ignored.
 *
 * @stability experimental
 * @since 0.1.0
 */
import { Codex } from "@effect-codex/core/Codex"
import * as CheckedOption from "@effect-codex/core/CheckedOption"
import { ExperimentalApi } from "@effect-codex/core/ExperimentalApi"
import { type Engine, PolicyEngine } from "@effect-codex/core/PolicyEngine"
import type { ThreadOptions, TurnLimits, TurnOptions } from "@effect-codex/core/Thread"
import type * as Duration from "effect/Duration"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Model from "effect/ai/Model"
import * as OpenAiStructuredOutput from "effect/ai/OpenAiStructuredOutput"
import * as Conversations from "./internal/conversations.ts"
import { refused } from "./internal/errors.ts"
import type { Conversation, Setting } from "./internal/open.ts"
import { collect } from "./internal/parts.ts"
import { respond } from "./internal/respond.ts"

/**
 * Options of a model.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends Pick<TurnLimits, "budget" | "watchdog"> {
  /**
   * Parameters of the threads, over the defaults of the `Codex` layer. The system messages of a prompt are added to the
   * `developerInstructions`. Default for `ephemeral`: true, so no rollouts are written.
   */
  readonly thread?: ThreadOptions | undefined
  /** Parameters of the turns, over the defaults of the `Codex` layer. */
  readonly turn?: TurnOptions | undefined
  /** How long a turn waits for the results of the caller's tools before it is stopped. Default: 60 seconds. */
  readonly holdTimeout?: Duration.Input | undefined
  /** The maximum number of conversations to keep; the oldest is dropped first. Default: 64. */
  readonly maxConversations?: number | undefined
}

/**
 * An engine that decides instead of the layer's engine. For a stream, use `Stream.provideService`.
 *
 * @category services
 * @since 0.1.0
 */
export const CurrentPolicy = Context.Reference<Engine | undefined>(
  "@effect-codex/ai/CodexLanguageModel/CurrentPolicy",
  {
    defaultValue: () => undefined
  }
)

/**
 * Provides another engine for the turns of an effect.
 *
 * @category utils
 * @since 0.1.0
 */
export const withPolicy =
  (engine: Engine) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.provideService(effect, CurrentPolicy, engine)

const known: ReadonlySet<string> = new Set<keyof Options | "model">([
  "model",
  "budget",
  "watchdog",
  "thread",
  "turn",
  "holdTimeout",
  "maxConversations"
])

const make = Effect.fnUntraced(function* (options: Options & { readonly model?: string | undefined }) {
  const codex = yield* Codex
  const engine = yield* PolicyEngine
  const scope = yield* Effect.scope
  const experimentalApi = yield* Effect.serviceOption(ExperimentalApi)
  const checked = yield* Effect.all({
    holdTimeout: CheckedOption.timeout("holdTimeout", options.holdTimeout ?? "60 seconds"),
    capacity: CheckedOption.count("maxConversations", options.maxConversations ?? 64, 1)
  }).pipe(Effect.result)
  const conversations = yield* Conversations.make<Conversation>(
    checked._tag === "Success" ? checked.success.capacity : 1
  )

  // A layer of a model cannot fail, so wrong options fail each request.
  const settingFor = (method: string) =>
    Effect.suspend(() => {
      const unknown = Object.keys(options).find((key) => !known.has(key))
      if (unknown !== undefined) return Effect.fail(refused(method, unknown, "codex has no such option"))
      if (checked._tag === "Failure") {
        const { description, path } = checked.failure
        return Effect.fail(refused(method, path, description))
      }
      return Effect.succeed<Setting>({
        codex,
        experimentalApi,
        conversations,
        model: options.model,
        thread: options.thread,
        turn: options.turn,
        limits: { budget: options.budget, watchdog: options.watchdog },
        holdTimeout: checked.success.holdTimeout,
        policy: Effect.map(CurrentPolicy, (current) => current ?? engine),
        scope
      })
    })
  const streamFor = (method: string) => (request: LanguageModel.ProviderOptions) =>
    Stream.unwrap(Effect.map(settingFor(method), (setting) => respond(setting, method, request)))

  return yield* LanguageModel.make({
    codecTransformer: OpenAiStructuredOutput.toCodecOpenAI,
    supportsSystemMessagesInHistory: Effect.succeed(true),
    generateText: (request) => {
      const method = request.responseFormat.type === "json" ? "generateObject" : "generateText"
      return Effect.map(Stream.runCollect(streamFor(method)(request)), collect)
    },
    streamText: streamFor("streamText")
  })
})

/**
 * Codex as the `LanguageModel` of a program.
 *
 * **Details**
 *
 * The layer keeps conversations. When it closes, it stops turns that wait for results and unsubscribes from its threads. The
 * caller's tools need a codex layer with `experimentalApi: true`; without it, a request with a toolkit fails. The policy decides
 * on their calls as kind `toolCall`.
 *
 * **Example** (A program of `effect/ai` on codex)
 *
 * ```ts
 * import * as CodexLanguageModel from "@effect-codex/ai/CodexLanguageModel"
 * import * as Codex from "@effect-codex/core/Codex"
 * import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
 * import * as NodeServices from "@effect/platform-node/NodeServices"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 * import * as LanguageModel from "effect/ai/LanguageModel"
 *
 * export const program = Effect.map(
 *   LanguageModel.generateText({ prompt: "Write a haiku about types" }),
 *   ({ text }) => text
 * )
 *
 * export const Main = CodexLanguageModel.layer().pipe(
 *   Layer.provide(Layer.merge(Codex.layer(), PolicyEngine.layerDeclineAll)),
 *   Layer.provide(NodeServices.layer)
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options?: Options & { readonly model?: string | undefined }
): Layer.Layer<LanguageModel.LanguageModel, never, Codex | PolicyEngine> =>
  Layer.effect(LanguageModel.LanguageModel)(make(options ?? {}))

/**
 * A model of codex by its name, as `Effect.provide` and `ExecutionPlan` take it.
 *
 * **Gotchas**
 *
 * Each place that provides the model keeps its own conversations. Elsewhere, the whole prompt is sent.
 *
 * @category models
 * @since 0.1.0
 */
export const model = <const Name extends string>(
  name: Name,
  options?: Options
): Model.Model<"codex", LanguageModel.LanguageModel, Codex | PolicyEngine> =>
  Model.make("codex", name, layer({ ...options, model: name }))
