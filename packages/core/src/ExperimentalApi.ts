/**
 * The opt-in to the experimental API, as something that programs require.
 *
 * A layer whose options say `experimentalApi: true` provides {@link ExperimentalApi}; what calls an experimental method or
 * sends an experimental field requires it. So a program without the opt-in does not compile, and the compiler names what is
 * missing. The service itself does nothing: what a connection really asked for is checked where requests are sent.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"

/**
 * Options that are known to ask for the experimental API. A `boolean` that is not known to be `true` does not count.
 *
 * @category models
 * @since 0.1.0
 */
export interface OptIn {
  readonly experimentalApi: true
}

/**
 * Says that the connection has asked for the experimental API.
 *
 * **Gotchas**
 *
 * With several connections in one program the service does not tell which of them it is about. A call on one that has not
 * asked fails with `ExperimentalApiRequired`, before anything is sent. For the same reason a program whose options come from
 * elsewhere, as with `Codex.layerConfig`, may provide the service by itself: `Layer.succeed(ExperimentalApi)({ experimentalApi:
 * true })`.
 *
 * **Example** (A method that is experimental)
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
 * Adds the opt-in to what a layer provides if the layer's options ask for it.
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
