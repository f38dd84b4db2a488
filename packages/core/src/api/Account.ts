/**
 * The server's account: reading it, its rate limits and usage, and logging in and out.
 *
 * A login takes a person, a browser and minutes, so it is a handle: it tells where to go, waits for the result, and can be
 * cancelled. An API key is sent to the server in the request and nowhere else: it must not appear in process arguments, logs,
 * errors or spans.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import { connection } from "../internal/connection/serve.ts"
import type { AppServer } from "../AppServer.ts"
import {
  type CallError,
  type ConnectionFailed,
  type LoginFailed,
  ProtocolViolation,
  type ThreadError
} from "../CodexError.ts"
import { ExperimentalApi } from "../ExperimentalApi.ts"
import { makeCalls } from "../internal/api/calls.ts"
import { makeLoginEnd } from "../internal/api/logins.ts"
import type * as Schemas from "../protocol/generated/Stable.ts"
import * as Protocol from "../protocol/Protocol.ts"

/**
 * A login in progress.
 *
 * @category models
 * @since 0.1.0
 */
export interface Login {
  /** Waits until the login has finished. Can be run any number of times, with the same result. */
  readonly wait: Effect.Effect<void, LoginFailed | ConnectionFailed>
  /** Cancels the login, so that `wait` fails. Does nothing if the login has finished. Calls `account/login/cancel`. */
  readonly cancel: Effect.Effect<void, CallError>
}

/**
 * A login in a browser: open `authUrl`. The server waits for the redirect on its own machine.
 *
 * @category models
 * @since 0.1.0
 */
export interface BrowserLogin extends Login {
  readonly loginId: string
  readonly authUrl: string
}

/**
 * A login on another device: open `verificationUrl` there and enter `userCode`.
 *
 * @category models
 * @since 0.1.0
 */
export interface DeviceCodeLogin extends Login {
  readonly loginId: string
  readonly userCode: string
  readonly verificationUrl: string
}

/**
 * Logs in with an API key, which the server stores.
 *
 * @category models
 * @since 0.1.0
 */
export interface ApiKeyOptions {
  readonly type: "apiKey"
  readonly apiKey: Redacted.Redacted
}

/**
 * Logs in with a ChatGPT account, in a browser on this machine.
 *
 * @category models
 * @since 0.1.0
 */
export interface BrowserOptions {
  readonly type: "chatgpt"
  readonly appBrand?: Schemas.LoginAppBrand | undefined
  readonly codexStreamlinedLogin?: boolean | undefined
  readonly useHostedLoginSuccessPage?: boolean | undefined
}

/**
 * Logs in with a ChatGPT account in a browser on another device, by entering a code there.
 *
 * @category models
 * @since 0.1.0
 */
export interface DeviceCodeOptions {
  readonly type: "chatgptDeviceCode"
}

/**
 * Logs in with ChatGPT tokens that the program obtains and refreshes itself. When the server needs new ones, it calls the
 * layer's option `onTokenRefresh`. Part of the experimental API.
 *
 * @category models
 * @since 0.1.0
 */
export interface AuthTokensOptions {
  readonly type: "chatgptAuthTokens"
  /** A JSON Web Token. */
  readonly accessToken: Redacted.Redacted
  readonly chatgptAccountId: string
  readonly chatgptPlanType?: string | undefined
}

/**
 * The functions of `codex.account`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Account {
  /**
   * Reads the current account, and whether the model's provider requires a login. `refreshToken` refreshes the token first.
   * Calls `account/read`.
   */
  readonly read: (params?: Schemas.GetAccountParams) => Effect.Effect<Schemas.GetAccountResponse, CallError>
  /**
   * Begins a login. The scope owns it: closing the scope before the login has finished cancels it. A new login of the same kind
   * replaces the previous one. Calls `account/login/start`.
   */
  readonly login: {
    (options: AuthTokensOptions): Effect.Effect<Login, CallError, Scope.Scope | ExperimentalApi>
    (options: ApiKeyOptions): Effect.Effect<Login, CallError, Scope.Scope>
    (options: BrowserOptions): Effect.Effect<BrowserLogin, CallError, Scope.Scope>
    (options: DeviceCodeOptions): Effect.Effect<DeviceCodeLogin, CallError, Scope.Scope>
  }
  /** Logs out and deletes the stored tokens and keys. Calls `account/logout`. */
  readonly logout: Effect.Effect<void, CallError>
  /** Reads the account's rate limits and how much of them is used. Calls `account/rateLimits/read`. */
  readonly rateLimitsRead: (
    params?: Schemas.GetAccountRateLimitsParams
  ) => Effect.Effect<Schemas.GetAccountRateLimitsResponse, CallError>
  /**
   * Redeems a credit that resets a rate limit. Retry only with the same `idempotencyKey`. Calls
   * `account/rateLimitResetCredit/consume`.
   */
  readonly rateLimitResetCreditConsume: (
    params: Schemas.ConsumeAccountRateLimitResetCreditParams
  ) => Effect.Effect<Schemas.ConsumeAccountRateLimitResetCreditOutcome, CallError>
  /** Reads the token usage of the account, or of one of its threads. Calls `account/usage/read`. */
  readonly usageRead: (
    params?: Schemas.GetAccountTokenUsageParams
  ) => Effect.Effect<Schemas.GetAccountTokenUsageResponse, ThreadError>
  /** Reads the messages of the account's workspace to its members. Calls `account/workspaceMessages/read`. */
  readonly workspaceMessagesRead: Effect.Effect<Schemas.GetWorkspaceMessagesResponse, CallError>
  /** Reads the security setup that the account still needs, if any. Calls `account/securitySetup/read`. */
  readonly securitySetupRead: Effect.Effect<Schemas.AccountSecuritySetupNotice | undefined, CallError>
  /** Sends the workspace owner an email that asks for more credits. Calls `account/sendAddCreditsNudgeEmail`. */
  readonly sendAddCreditsNudgeEmail: (
    params: Schemas.SendAddCreditsNudgeEmailParams
  ) => Effect.Effect<Schemas.AddCreditsNudgeEmailStatus, CallError>
  /** Reads the login state of a model provider behind a gateway. Calls `account/gatewayOAuth/read`. */
  readonly gatewayOAuthRead: (
    params?: Schemas.GatewayOAuthReadParams
  ) => Effect.Effect<Schemas.GatewayOAuthReadResponse, CallError>
  /**
   * Begins a login to such a provider; `account/gatewayOAuth/changed` reports its progress. Calls
   * `account/gatewayOAuth/login`.
   */
  readonly gatewayOAuthLogin: (
    params?: Schemas.GatewayOAuthLoginParams
  ) => Effect.Effect<Schemas.GatewayOAuthPrompt | undefined, CallError>
  /** Cancels such a login. Calls `account/gatewayOAuth/cancel`. */
  readonly gatewayOAuthCancel: Effect.Effect<void, CallError>
}

/** How long closing the scope waits for the cancellation of its login. */
const cancelTimeout = Duration.seconds(5)

/**
 * `codex.account` over a connection.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (server: AppServer["Service"]): Account => {
  const calls = makeCalls(server)
  const cancel = (loginId: string) =>
    Effect.asVoid(calls.plain("account/login/cancel", { loginId }, { timeout: cancelTimeout }))

  const begin = Effect.fn("Codex.account.login")(function* <A extends { readonly loginId?: string }>(
    params: Schemas.LoginAccountParams,
    read: (response: Schemas.LoginAccountResponse) => A | undefined
  ): Effect.fn.Return<A & Login, CallError, Scope.Scope> {
    const runFork = Effect.runForkWith(yield* Effect.context())
    const end = makeLoginEnd<Schemas.AccountLoginCompletedNotification>(server, "account")
    yield* server[connection].on("account/login/completed", ({ params }) => end.completed(params))

    const cancelLate = (late: unknown) => {
      const decoded = Protocol.decodeResponse("account/login/start", late)
      if (Result.isSuccess(decoded) && "loginId" in decoded.success) {
        runFork(Effect.ignore(cancel(decoded.success.loginId)))
      }
    }
    const started = Effect.flatMap(calls.plain("account/login/start", params, { onLate: cancelLate }), (response) => {
      const login = read(response)
      return login === undefined
        ? Effect.fail(
            new ProtocolViolation({
              method: "account/login/start",
              description: `expected the type ${params.type}, got ${response.type}`
            })
          )
        : Effect.succeed(login)
    })
    const giveUp = ({ loginId }: A) => (loginId === undefined || end.isOver() ? Effect.void : cancel(loginId))
    const release = (login: A) => Effect.andThen(Effect.ignore(giveUp(login)), end.giveUp)
    const login = yield* Effect.acquireRelease(started, release, { interruptible: true })
    end.expect((completion) => (completion.loginId ?? null) === (login.loginId ?? null))
    return { ...login, wait: end.wait, cancel: Effect.suspend(() => giveUp(login)) }
  })

  function login(options: AuthTokensOptions): Effect.Effect<Login, CallError, Scope.Scope | ExperimentalApi>
  function login(options: ApiKeyOptions): Effect.Effect<Login, CallError, Scope.Scope>
  function login(options: BrowserOptions): Effect.Effect<BrowserLogin, CallError, Scope.Scope>
  function login(options: DeviceCodeOptions): Effect.Effect<DeviceCodeLogin, CallError, Scope.Scope>
  function login(
    options: ApiKeyOptions | BrowserOptions | DeviceCodeOptions | AuthTokensOptions
  ): Effect.Effect<Login, CallError, Scope.Scope | ExperimentalApi> {
    switch (options.type) {
      case "apiKey": {
        const params = { type: "apiKey", apiKey: Redacted.value(options.apiKey) } as const
        return begin(params, ({ type }) => (type === "apiKey" ? {} : undefined))
      }
      case "chatgpt":
        return begin(options, (response) => (response.type === "chatgpt" ? response : undefined))
      case "chatgptDeviceCode":
        return begin(options, (response) => (response.type === "chatgptDeviceCode" ? response : undefined))
      case "chatgptAuthTokens": {
        const params = { ...options, accessToken: Redacted.value(options.accessToken) }
        return Effect.andThen(
          ExperimentalApi,
          begin(params, ({ type }) => (type === "chatgptAuthTokens" ? {} : undefined))
        )
      }
    }
  }

  return {
    read: (params) => calls.plain("account/read", params ?? {}),
    login,
    logout: Effect.asVoid(calls.plain("account/logout")),
    rateLimitsRead: (params) => calls.plain("account/rateLimits/read", params),
    rateLimitResetCreditConsume: (params) =>
      Effect.map(calls.plain("account/rateLimitResetCredit/consume", params), ({ outcome }) => outcome),
    usageRead: (params) => calls.thread("account/usage/read", params),
    workspaceMessagesRead: calls.plain("account/workspaceMessages/read"),
    securitySetupRead: Effect.map(calls.plain("account/securitySetup/read"), ({ notice }) => notice ?? undefined),
    sendAddCreditsNudgeEmail: (params) =>
      Effect.map(calls.plain("account/sendAddCreditsNudgeEmail", params), ({ status }) => status),
    gatewayOAuthRead: (params) => calls.plain("account/gatewayOAuth/read", params),
    gatewayOAuthLogin: (params) =>
      Effect.map(calls.plain("account/gatewayOAuth/login", params), ({ prompt }) => prompt ?? undefined),
    gatewayOAuthCancel: Effect.asVoid(calls.plain("account/gatewayOAuth/cancel"))
  }
}
