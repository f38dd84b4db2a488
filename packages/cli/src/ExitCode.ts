/**
 * Exit codes of the program by outcome.
 *
 * @stability stable
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import * as Predicate from "effect/Predicate"
import * as Runtime from "effect/Runtime"

/**
 * The exit codes and what they mean.
 *
 * - `ok`: success.
 * - `failed`: the command failed; `doctor`, `demo`, `policy test` and `audit`: a check failed.
 * - `usage`: the command line, or a file that it names, is invalid; nothing was started.
 * - `notAuthenticated`: no account, or the account was refused.
 * - `connection`: codex was not found, or the connection to it was lost.
 * - `declined`: a request was declined, and `--fail-on-decline` makes that a failure.
 * - `timeout`: the turn took longer than `--timeout`.
 * - `budget`: the turn used more than `--budget-tokens`.
 * - `interrupted`: stopped by a signal or by the user.
 * - `readerGone`: the reader of the output is gone, as with `| head`.
 *
 * @category constants
 * @since 0.1.0
 */
export const codes = {
  ok: 0,
  failed: 1,
  usage: 2,
  notAuthenticated: 3,
  connection: 4,
  declined: 5,
  timeout: 6,
  budget: 7,
  interrupted: 130,
  readerGone: 141
} as const

// The file that was named is not a store, or not one that this version can read.
const isOtherFile = (error: object): boolean =>
  Predicate.hasProperty(error, "reason") &&
  (Predicate.isTagged(error.reason, "Corrupt") || Predicate.isTagged(error.reason, "Newer"))

/**
 * The code for an error.
 *
 * @category conversions
 * @since 0.1.0
 */
export const exitCodeOf = (error: unknown): number => {
  if (!Predicate.hasProperty(error, "_tag")) return Runtime.getErrorExitCode(error)
  switch (error._tag) {
    case "NotAuthenticated":
    case "LoginFailed":
      return codes.notAuthenticated
    case "CodexNotFound":
    case "ConnectionFailed":
      return codes.connection
    case "Declined":
      return codes.declined
    case "BudgetExceeded":
      return Predicate.hasProperty(error, "limit") && error.limit === "duration" ? codes.timeout : codes.budget
    case "TurnInterrupted":
    case "JobInterrupted":
      return codes.interrupted
    case "InvalidInput":
    case "InvalidParams":
    case "InvalidConfig":
    case "InvalidRubric":
    case "SessionNotFound":
    case "SessionArchived":
    case "NoLastThread":
    case "UnknownSession":
    case "UnknownJob":
    case "SpecConflict":
    case "KeyConflict":
      return codes.usage
    case "StoreFailed":
      return isOtherFile(error) ? codes.usage : codes.failed
    case "ShowHelp":
      return Runtime.getErrorExitCode(error) === 0 ? codes.ok : codes.usage
    default:
      return Runtime.getErrorExitCode(error)
  }
}

/**
 * The exit code for the outcome of the program.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromExit = (exit: Exit.Exit<unknown, unknown>): number => {
  if (Exit.isSuccess(exit)) return codes.ok
  return Cause.hasInterruptsOnly(exit.cause) ? codes.interrupted : exitCodeOf(Cause.squash(exit.cause))
}
