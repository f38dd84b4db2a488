/**
 * The opt-in to the experimental API, as a service that programs require.
 *
 * A layer with the option `experimentalApi: true` provides {@link ExperimentalApi}; every effect that calls an experimental
 * method or sends an experimental field requires it. A program without the opt-in does not compile, and the compiler names the
 * missing service. The service itself does nothing: the code that sends requests checks the opt-in of its connection.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"

/**
 * Options that are known at compile time to enable the experimental API. An option of type `boolean` does not count.
 *
 * @category models
 * @since 0.1.0
 */
export interface OptIn {
  readonly experimentalApi: true
}

/**
 * States that the connection has enabled the experimental API.
 *
 * **Gotchas**
 *
 * In a program with several connections, the service does not say which of them it belongs to. A call on a connection without
 * the opt-in fails with `ExperimentalApiRequired` before anything is sent. A program whose options are only known at run time,
 * as with `Codex.layerConfig`, may therefore provide the service itself: `Layer.succeed(ExperimentalApi)({ experimentalApi:
 * true })`.
 *
 * **Example** (Calling an experimental method)
 *
 * ```ts
 * import * as Codex from "@effect-codex/core/Codex"
 * import * as NodeServices from "@effect/platform-node/NodeServices"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 *
 * // Requires `Codex` and `ExperimentalApi`.
 * const program = Effect.gen(function* () {
 *   const codex = yield* Codex.Codex
 *   return yield* codex.requestExperimental("collaborationMode/list", {})
 * })
 *
 * export const main = Effect.provide(
 *   program,
 *   Codex.layer({ experimentalApi: true }).pipe(Layer.provide(NodeServices.layer))
 * )
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export class ExperimentalApi extends Context.Service<ExperimentalApi, OptIn>()("@effect-codex/core/ExperimentalApi") {}

/**
 * Adds the opt-in to the services of a layer if the layer's options enable it.
 *
 * @category combinators
 * @since 0.1.0
 */
export function withOptIn<ROut, E, RIn>(
  layer: Layer.Layer<ROut, E, RIn>,
  options: OptIn
): Layer.Layer<ROut | ExperimentalApi, E, RIn>
export function withOptIn<ROut, E, RIn>(
  layer: Layer.Layer<ROut, E, RIn>,
  options: { readonly experimentalApi?: boolean | undefined } | undefined
): Layer.Layer<ROut, E, RIn>
export function withOptIn<ROut, E, RIn>(
  layer: Layer.Layer<ROut, E, RIn>,
  options: { readonly experimentalApi?: boolean | undefined } | undefined
): Layer.Layer<ROut, E, RIn> {
  return options?.experimentalApi === true
    ? Layer.merge(layer, Layer.succeed(ExperimentalApi)({ experimentalApi: true }))
    : layer
}
