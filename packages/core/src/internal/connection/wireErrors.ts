/**
 * Converts errors of the server to those of this package: errors of a request by code, method and the exact form of their text,
 * errors of a turn by their `codexErrorInfo`.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import type { AgentResponse } from "../../AgentResponse.ts"
import {
  ExperimentalApiRequired,
  InvalidParams,
  NoRollout,
  NotAuthenticated,
  Overloaded,
  type RawRequestError,
  RequestFailed,
  SessionArchived,
  type SessionError,
  SessionNotFound,
  ThreadLocked,
  TurnFailed,
  type TurnFailedReason,
  UnsupportedMethod
} from "../../CodexError.ts"
import type * as Schemas from "../../protocol/generated/Experimental.ts"
import * as Protocol from "../../protocol/Protocol.ts"
import { sinceOf } from "../../protocol/Versions.ts"
import * as Redaction from "../../Redaction.ts"

/**
 * Converts a wire error to a tagged error, by its code and the exact form of its text.
 *
 * **Details**
 *
 * Nearly all errors of the server have the code -32600 and only a text. The forms below were observed in codex 0.169.0. A text
 * of any other form becomes `RequestFailed` and is kept unchanged. The text is never searched for single words: the list of
 * methods in an "unknown variant" error contains most of them.
 *
 * The server reports "no rollout found" for threads that do not exist, are archived, have had no turn, or have lost their file,
 * and "not found" for threads that do not exist or are not loaded. Only another request can tell these apart; here they become
 * `NoRollout` and `SessionNotFound`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromRpc = (options: {
  readonly method: string
  readonly params: unknown
  readonly error: { readonly code: number; readonly description: string; readonly data?: unknown }
  readonly serverVersion: string
}): RawRequestError => {
  const { method, params, serverVersion } = options
  const error = method === "account/login/start" ? withoutSecrets(options.error, params) : options.error
  const { code, description } = error
  if (code === -32001) return new Overloaded({ method })

  const about = threadErrorOf(method, params, description)
  if (about !== undefined) return about

  if (/^(?:codex account|chatgpt) authentication required\b/.test(description))
    return new NotAuthenticated({ description })

  if (/^ephemeral threads? do(?:es)? not support /.test(description)) return new InvalidParams({ method, description })

  const experimental = /^(\S+) requires experimentalApi capability$/.exec(description)
  if (experimental !== null) return new ExperimentalApiRequired({ feature: experimental[1] ?? method })

  const unknownVariant = /^Invalid request: unknown variant `([^`]*)`/.exec(description)
  if (unknownVariant !== null && unknownVariant[1] === method) {
    const since = sinceOf(method)
    return new UnsupportedMethod({ method, serverVersion, ...(since === undefined ? {} : { since }) })
  }

  if (
    code === -32602 ||
    description.startsWith("Invalid request: ") ||
    /^invalid (?:thread|session) id: /.test(description) ||
    description.includes("AbsolutePathBuf deserialized without a base path")
  ) {
    return new InvalidParams({ method, description: description.replace(/^Invalid request: /, "") })
  }
  return new RequestFailed({
    method,
    code,
    description,
    ...(error.data === undefined ? {} : { data: error.data })
  })
}

// For a method without a thread, the same texts have another meaning.
const threadErrorOf = (method: string, params: unknown, description: string): SessionError | undefined => {
  if (!Predicate.hasProperty(params, "threadId") || typeof params.threadId !== "string") return undefined
  const named = (pattern: RegExp): string | undefined => pattern.exec(description)?.[1]

  const withoutRollout =
    named(/^no rollout found for thread id (\S+)$/) ?? named(/^thread (\S+) is not materialized yet\b/)
  if (withoutRollout !== undefined) return new NoRollout({ method, threadId: withoutRollout })

  const unknown =
    named(/^(?:thread not loaded|thread not found|no archived rollout found for thread id):? (\S+)$/) ??
    // The thread is known, but its file is gone.
    named(/^invalid paginated history lineage for (\S+): missing source rollout$/)
  if (unknown !== undefined) return new SessionNotFound({ threadId: unknown })

  const archived = named(/^session (\S+) is archived\b/)
  if (archived !== undefined) return new SessionArchived({ threadId: archived })

  const locked = named(/^thread (\S+) already has an active writer$/)
  return locked === undefined ? undefined : new ThreadLocked({ threadId: locked })
}

/**
 * Whether the server refused a request because it is unloading the thread, which takes a moment. Its text asks to try again.
 *
 * @category guards
 * @since 0.1.0
 */
export const isClosing = (description: string): boolean =>
  /^thread \S+ is closing; retry (?:\S+ )?after the thread is closed$/.test(description)

/**
 * The error for an archived thread, from the response to `thread/read`; `undefined` if the thread is not archived.
 *
 * @category constructors
 * @since 0.1.0
 */
export const archivedIn = (threadId: string, response: unknown): SessionArchived | undefined => {
  const read = Protocol.decodeResponse("thread/read", response)
  // Only the path of its rollout shows whether a thread is archived.
  return Result.isSuccess(read) && /[\\/]archived_sessions[\\/]/.test(read.success.thread.path ?? "")
    ? new SessionArchived({ threadId })
    : undefined
}

/**
 * Why a method did not find a thread that is stored and not archived.
 *
 * @category constructors
 * @since 0.1.0
 */
export const notLoaded = (method: string, threadId: string): RequestFailed => {
  const why =
    method === "thread/unarchive" ? "is not archived" : "is stored, and not loaded: resume it before this call"
  return new RequestFailed({ method, code: -32600, description: `thread ${threadId} ${why}` })
}

// A refusal may quote the refused parameters.
const withoutSecrets = (
  { code, description }: { readonly code: number; readonly description: string },
  params: unknown
): { readonly code: number; readonly description: string; readonly data?: unknown } => {
  const secrets = Predicate.isReadonlyObject(params)
    ? ["accessToken", "apiKey", "secretAccessKey", "sessionToken"].map((name) => params[name])
    : []
  return {
    code,
    description: secrets.reduce<string>(
      (text, secret) =>
        typeof secret === "string" && secret !== "" ? text.replaceAll(secret, Redaction.placeholder) : text,
      description
    )
  }
}

const plainReasons: { readonly [K in string]?: TurnFailedReason } = {
  contextWindowExceeded: { _tag: "ContextWindowExceeded" },
  sessionBudgetExceeded: { _tag: "SessionBudgetExceeded" },
  usageLimitExceeded: { _tag: "UsageLimitExceeded" },
  rateLimitExceeded: { _tag: "RateLimited" },
  flexUnavailable: { _tag: "FlexUnavailable" },
  serverOverloaded: { _tag: "ServerOverloaded" },
  modelNotFound: { _tag: "ModelNotFound" },
  policyCapacityUnavailable: { _tag: "PolicyCapacityUnavailable" },
  inferenceHookDenied: { _tag: "InferenceHookDenied" },
  cyberPolicy: { _tag: "CyberPolicy" },
  bioPolicy: { _tag: "BioPolicy" },
  misalignmentPolicyViolation: { _tag: "MisalignmentPolicyViolation" },
  tooManyDenials: { _tag: "TooManyDenials" },
  internalServerError: { _tag: "InternalServerError" },
  badRequest: { _tag: "BadRequest" },
  threadRollbackFailed: { _tag: "ThreadRollbackFailed" },
  sandboxError: { _tag: "SandboxError" }
}

const withStatus = (
  _tag:
    | "HttpConnectionFailed"
    | "ResponseStreamConnectionFailed"
    | "ResponseStreamDisconnected"
    | "TooManyFailedAttempts",
  { httpStatusCode }: { readonly httpStatusCode?: number | null | undefined }
): TurnFailedReason =>
  httpStatusCode === 429 ? { _tag: "RateLimited" } : { _tag, httpStatusCode: httpStatusCode ?? null }

const reasonOf = (info: Schemas.CodexErrorInfo | null | undefined): TurnFailedReason => {
  const other: TurnFailedReason = { _tag: "Other", raw: info }
  if (info == null) return other
  if (typeof info === "string") return plainReasons[info] ?? other
  if ("httpConnectionFailed" in info) return withStatus("HttpConnectionFailed", info.httpConnectionFailed)
  if ("responseStreamConnectionFailed" in info) {
    return withStatus("ResponseStreamConnectionFailed", info.responseStreamConnectionFailed)
  }
  if ("responseStreamDisconnected" in info) {
    return withStatus("ResponseStreamDisconnected", info.responseStreamDisconnected)
  }
  if ("responseTooManyFailedAttempts" in info) {
    return withStatus("TooManyFailedAttempts", info.responseTooManyFailedAttempts)
  }
  return "activeTurnNotSteerable" in info ? { _tag: "ActiveTurnNotSteerable" } : other
}

/**
 * The error of a turn that failed: `NotAuthenticated` if the model's provider refused the account, else `TurnFailed`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromTurn = (
  error: Schemas.TurnError | null | undefined,
  response: AgentResponse
): NotAuthenticated | TurnFailed => {
  const description = error?.message ?? "the server gave no reason"
  const reason = reasonOf(error?.codexErrorInfo)
  return error?.codexErrorInfo === "unauthorized" || ("httpStatusCode" in reason && reason.httpStatusCode === 401)
    ? new NotAuthenticated({ description, response })
    : new TurnFailed({ reason, description, response })
}
