/**
 * The real codex for tests: the binary that `CodexBinary` finds, a scripted model, a throwaway home and a working directory, in
 * one layer.
 *
 * Tests run the real binary without an account or a network, and leave nothing in `~/.codex`. The layer contains no policy
 * engine: every turn needs one, and the test chooses it.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as PlatformError from "effect/PlatformError"
import * as Codex from "../Codex.ts"
import type { CodexNotFound, ConnectionFailed, InvalidConfig } from "../CodexError.ts"
import * as ExperimentalApi from "../ExperimentalApi.ts"
import * as CodexHome from "./CodexHome.ts"
import * as MockModel from "./MockModel.ts"

/**
 * The model, the home and the layer of a test.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options extends MockModel.Options, Omit<CodexHome.Options, "url"> {
  /** Options of the layer under test. Environment and working directory default to those of the home. */
  readonly codex?: Codex.Options | undefined
}

/**
 * The throwaway home of a test's codex.
 *
 * @category services
 * @since 0.1.0
 */
export class Home extends Context.Service<Home, CodexHome.CodexHome>()("@effect-codex/core/testing/CodexTest/Home") {}

/**
 * The model and the home of a test without a codex, for tests that start one or more codex processes themselves.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerHome = (
  script: MockModel.Script,
  options?: Omit<Options, "codex">
): Layer.Layer<MockModel.MockModel | Home, PlatformError.PlatformError> =>
  Layer.effect(Home)(Effect.flatMap(MockModel.MockModel, ({ url }) => CodexHome.make({ ...options, url }))).pipe(
    Layer.provideMerge(MockModel.layer(script, options)),
    Layer.provide(NodeServices.layer)
  )

/**
 * Another codex, with the model and the home from the context.
 *
 * @category layers
 * @since 0.1.0
 */
export function layerCodex(
  options: Codex.Options & ExperimentalApi.OptIn
): Layer.Layer<Codex.Codex | ExperimentalApi.ExperimentalApi, CodexNotFound | ConnectionFailed | InvalidConfig, Home>
export function layerCodex(
  options?: Codex.Options
): Layer.Layer<Codex.Codex, CodexNotFound | ConnectionFailed | InvalidConfig, Home>
export function layerCodex(options?: Codex.Options) {
  const codex = Layer.unwrap(
    Effect.map(Home, ({ cwd, env }) =>
      Codex.layer({ ...options, cwd: options?.cwd ?? cwd, env: options?.env ?? env }).pipe(
        Layer.provide(NodeServices.layer)
      )
    )
  )
  return ExperimentalApi.withOptIn(codex, options)
}

/**
 * A real codex whose model answers from the script.
 *
 * **Example** (Testing a prompt)
 *
 * ```ts
 * import * as Codex from "@effect-codex/core/Codex"
 * import * as PolicyEngine from "@effect-codex/core/PolicyEngine"
 * import { CodexTest, MockModel } from "@effect-codex/core/testing"
 * import { expect, it } from "@effect/vitest"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 *
 * it.live("asks the model", () =>
 *   Effect.gen(function* () {
 *     const codex = yield* Codex.Codex
 *     const response = yield* codex.responses.create({ prompt: "Are you there?" })
 *     expect(response.text).toBe("READY")
 *   }).pipe(
 *     Effect.provide(
 *       Layer.merge(
 *         CodexTest.layer([MockModel.reply(MockModel.text("READY"))]),
 *         PolicyEngine.layerDeclineAll
 *       )
 *     )
 *   )
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export function layer(
  script: MockModel.Script,
  options: Options & { readonly codex: ExperimentalApi.OptIn }
): Layer.Layer<
  Codex.Codex | ExperimentalApi.ExperimentalApi | MockModel.MockModel | Home,
  CodexNotFound | ConnectionFailed | InvalidConfig | PlatformError.PlatformError
>
export function layer(
  script: MockModel.Script,
  options?: Options
): Layer.Layer<
  Codex.Codex | MockModel.MockModel | Home,
  CodexNotFound | ConnectionFailed | InvalidConfig | PlatformError.PlatformError
>
export function layer(script: MockModel.Script, options?: Options) {
  return layerCodex(options?.codex).pipe(Layer.provideMerge(layerHome(script, options)))
}
