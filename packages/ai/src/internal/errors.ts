/**
 * Errors of codex as errors of `effect/ai`, retryable if they are retryable in codex.
 */
import * as CodexError from "@effect-codex/core/CodexError"
import * as AiError from "effect/ai/AiError"

const make = (method: string, reason: AiError.AiErrorReason): AiError.AiError =>
  AiError.make({ module: "CodexLanguageModel", method, reason })

/** A request that codex cannot express. */
export const refused = (method: string, parameter: string, description: string): AiError.AiError =>
  make(method, new AiError.InvalidRequestError({ parameter, description }))

/** The form of an answer that the model cannot be held to. */
export const unsupportedSchema = (method: string, description: string): AiError.AiError =>
  make(method, new AiError.UnsupportedSchemaError({ description }))

/** The errors of a thread or a turn. */
export type Failure = CodexError.TurnError | CodexError.ThreadStartError | CodexError.TurnStreamError

/** An error of a thread or a turn. */
export const fromCodex =
  (method: string) =>
  (error: Failure): AiError.AiError =>
    make(method, reasonOf(error))

const reasonOf = (error: Failure): AiError.AiErrorReason => {
  const { message: description } = error
  const metadata = { codex: { error: error._tag } }
  switch (error._tag) {
    case "NotAuthenticated":
      return new AiError.AuthenticationError({ kind: "MissingKey", description, metadata })
    case "Overloaded":
      return new AiError.RateLimitError({ metadata })
    case "BudgetExceeded":
      return new AiError.QuotaExhaustedError({ metadata })
    case "InvalidInput":
      return new AiError.InvalidUserInputError({ description })
    case "InvalidConfig":
    case "InvalidParams":
      return new AiError.InvalidRequestError({ description, metadata })
    case "TurnFailed":
      return reasonOfTurn(error, description)
    default:
      return otherwise(CodexError.isRetryable(error), description, metadata)
  }
}

const reasonOfTurn = (error: CodexError.TurnFailed, description: string): AiError.AiErrorReason => {
  const metadata = { codex: { error: "TurnFailed", reason: error.reason._tag } }
  switch (error.reason._tag) {
    case "UsageLimitExceeded":
      return new AiError.QuotaExhaustedError({ metadata })
    case "RateLimited":
      return new AiError.RateLimitError({ metadata })
    case "ContextWindowExceeded":
    case "BadRequest":
    case "ModelNotFound":
      return new AiError.InvalidRequestError({ description, metadata })
    case "CyberPolicy":
    case "BioPolicy":
    case "MisalignmentPolicyViolation":
      return new AiError.ContentPolicyError({ description, metadata })
    default:
      return otherwise(CodexError.isRetryable(error), description, metadata)
  }
}

const otherwise = (
  isRetryable: boolean,
  description: string,
  metadata: { readonly codex: { readonly error: string; readonly reason?: string } }
): AiError.AiErrorReason =>
  isRetryable
    ? new AiError.InternalProviderError({ description, metadata })
    : new AiError.UnknownError({ description, metadata })
