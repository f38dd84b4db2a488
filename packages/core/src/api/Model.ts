/**
 * The models that the server offers, and their providers.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { AppServer } from "../AppServer.ts"
import type { CallError } from "../CodexError.ts"
import { makeCalls } from "../internal/api/calls.ts"
import { pages } from "../internal/api/pages.ts"
import type * as Schemas from "../protocol/generated/Stable.ts"

/**
 * The functions of `codex.model`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Model {
  /**
   * Lists the models, page by page; those hidden from pickers only with `includeHidden`. `limit` is the page size. Calls
   * `model/list`.
   */
  readonly list: (params?: Schemas.ModelListParams) => Stream.Stream<Schemas.Model, CallError>
  /** Reads one page, with the cursor to the next. Calls `model/list`. */
  readonly listPage: (params?: Schemas.ModelListParams) => Effect.Effect<Schemas.ModelListResponse, CallError>
  /** Lists the configured providers. Calls `modelProvider/list`. */
  readonly providerList: (
    params?: Schemas.ModelProviderListParams
  ) => Effect.Effect<Schemas.ModelProviderListResponse, CallError>
  /** Reads the capabilities of a provider. Calls `modelProvider/capabilities/read`. */
  readonly providerCapabilitiesRead: (
    params?: Schemas.ModelProviderCapabilitiesReadParams
  ) => Effect.Effect<Schemas.ModelProviderCapabilitiesReadResponse, CallError>
  /** Sets the default provider of new threads in the user's `config.toml`. Calls `modelProvider/default/set`. */
  readonly providerDefaultSet: (
    params: Schemas.ModelProviderDefaultSetParams
  ) => Effect.Effect<Schemas.ConfigWriteResponse, CallError>
  /** Writes the configuration of a provider to the user's `config.toml`. Calls `modelProvider/config/write`. */
  readonly providerConfigWrite: (
    params: Schemas.ModelProviderConfigWriteParams
  ) => Effect.Effect<Schemas.ModelProviderSummary, CallError>
}

/**
 * `codex.model` over a connection.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (server: AppServer["Service"]): Model => {
  const { plain } = makeCalls(server)
  const listPage: Model["listPage"] = (params) => plain("model/list", params ?? {})
  return {
    list: (params) => pages("model/list", params ?? {}, listPage),
    listPage,
    providerList: (params) => plain("modelProvider/list", params ?? {}),
    providerCapabilitiesRead: (params) => plain("modelProvider/capabilities/read", params ?? {}),
    providerDefaultSet: (params) => plain("modelProvider/default/set", params),
    providerConfigWrite: (params) => Effect.map(plain("modelProvider/config/write", params), ({ provider }) => provider)
  }
}
